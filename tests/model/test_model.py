# SPDX-License-Identifier: MIT
"""Searches every state of the scheduler's model with Spin: it finds no error in the model, and finds each bug that is
put into it. protocol.pml says which function each step models.

    tests/model/test_model.py check wait [MISTAKE]      # the size of one model, and the path to a bug
"""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The bounds of a run: how many time slices end on each CPU. A number in a model's name is how many threads other CPUs
# pull from a CPU; "watch" in the name lets an idle CPU poll once.
BOUND = ["-DSLICES_MAX=1"]
LIMIT_S = 1200  # ends a runaway search; none takes a minute of a CPU

# Each mistake, and the models that must find it.
MISTAKES = {
    "TEST_OUTSIDE_LOCK": ["wait"],  # the waiter tests the condition before it takes the queue's lock
    "STATE_OUTSIDE_LOCK": ["wait", "hand"],  # the waker tests for BLOCKED before it takes the thread's run queue lock
    "CANCEL_LOOKED_FOR_UNLOCKED": ["wait"],  # the waiter tests cancelled before it takes the run queue lock
    "CANCEL_SAID_LATE": ["wait"],  # cancelled is set after the check whether the thread waits
    "ENDED_WAITER_COUNTS": ["hand"],  # a wake goes to a thread whose wait has ended
    "LOCK_NOT_WAITED_FOR": ["hand"],  # a waiter continues while its waker still holds the queue's lock
    "PUT_BEFORE_SWITCH": ["exit"],  # a stack is freed by the thread that still uses it
    "JOINER_OF_ANY_CPU": ["exit 1"],  # a CPU switches to a joiner that belongs to another CPU
    "UNLOCK_BEFORE_SAVE": ["exit 1"],  # the thread that leaves, not the next one, releases the run queue lock
    # a thread makes another one ready on another CPU, and a switch comes before the IPI to that CPU
    "KICK_LOST_IN_SWITCH": ["exit"],
    "WATCH_ENDS_IN_TWO_STEPS": ["exit watch"],  # reads the requests, then clears the polling flag in a second step
    "IDLE_LOOKS_UNMASKED": ["wait", "exit"],  # an interrupt between the check and the wait
}


def run(argv, folder):
    done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


class Search:
    """Search all states of a model: the error (None: no error), the number of states, the path to the error."""

    def __init__(self, model, mistake=None, ends=False):
        with tempfile.TemporaryDirectory() as folder:
            model, _, moves = model.partition(" ")
            wrong = [f"-DMISTAKE_{mistake}"] if mistake else []
            wrong += [f"-DMOVES_MAX={moves}"] if moves.isdigit() else []
            wrong += ["-DWATCHES_MAX=1"] if moves == "watch" else []
            liveness = ["-DLIVENESS"] if ends else []
            run(["spin", *BOUND, *wrong, *liveness, "-a", str(HERE / f"{model}.pml")], folder)
            # `provided` clauses exclude partial-order reduction.
            kind = ["-DNFAIR=3"] if ends else ["-DSAFETY"]
            run(["clang", "-O2", "-w", "-DNOREDUCE", "-DCOLLAPSE", *kind, "-o", "pan", "pan.c"], folder)
            self.output = run(["./pan", "-m1000000", "-n", *(["-a", "-f"] if ends else [])], folder)
            if "errors: " not in self.output or "max search depth too small" in self.output:
                raise AssertionError(self.output)
            found = re.search(r"^pan:\d+: (.*?) \(at depth", self.output, re.M)
            self.wrong = found and found[1]
            self.states = int(re.search(r"(\d+) states, stored", self.output)[1])
            self.trail = run(["./pan", "-r", f"{model}.pml.trail"], folder) if self.wrong else ""


class Model(unittest.TestCase):
    def right(self, model):
        search = Search(model)
        self.assertIsNone(search.wrong, search.output)
        self.assertGreater(search.states, 10000)
        print(f"# {model}: {search.states} states")

    def found(self, mistake):
        for model in MISTAKES[mistake]:
            search = Search(model, mistake)
            self.assertIsNotNone(search.wrong, f"{model}: {mistake} was not found")
            print(f"# {model}, {mistake}: {search.wrong} after {search.states} states")


class Protocol(Model):
    def test_a_wait_ends_once_and_no_wake_up_is_lost(self):
        self.right("wait")

    def test_the_handed_unit_arrives_and_the_lock_is_free(self):
        self.right("hand")

    def test_a_stack_is_freed_when_no_cpu_uses_it(self):
        self.right("exit")

    def test_a_thread_moves_after_its_registers_are_saved(self):
        self.right("exit 1")

    def test_a_polling_cpu_misses_no_request(self):
        self.right("exit watch")

    def test_every_fair_run_ends(self):
        search = Search("exit", ends=True)
        self.assertIsNone(search.wrong, search.output)


class Mistakes(Model):
    def test_condition_tested_without_the_lock(self):
        self.found("TEST_OUTSIDE_LOCK")

    def test_state_read_without_the_lock(self):
        self.found("STATE_OUTSIDE_LOCK")

    def test_cancellation_tested_without_the_lock(self):
        self.found("CANCEL_LOOKED_FOR_UNLOCKED")

    def test_cancellation_is_set_after_the_state_is_read(self):
        self.found("CANCEL_SAID_LATE")

    def test_a_wake_up_goes_to_a_waiter_that_timed_out(self):
        self.found("ENDED_WAITER_COUNTS")

    def test_a_lock_on_a_stack_that_was_freed(self):
        self.found("LOCK_NOT_WAITED_FOR")

    def test_a_stack_is_freed_before_the_switch(self):
        self.found("PUT_BEFORE_SWITCH")

    def test_another_cpu_switches_to_the_joiner(self):
        self.found("JOINER_OF_ANY_CPU")

    def test_a_thread_moves_before_its_registers_are_saved(self):
        self.found("UNLOCK_BEFORE_SAVE")

    def test_an_ipi_is_lost_in_a_switch(self):
        self.found("KICK_LOST_IN_SWITCH")

    def test_polling_ends_in_two_steps(self):
        self.found("WATCH_ENDS_IN_TWO_STEPS")

    def test_an_idle_cpu_misses_an_interrupt(self):
        self.found("IDLE_LOOKS_UNMASKED")


def main():
    model, *mistake = sys.argv[2:]
    search = Search(model, *mistake)
    print("\n".join(line for line in search.trail.splitlines() if "proc" in line))
    print(f"{model}: {search.states} states, {search.wrong or 'nothing is wrong'}")


if __name__ == "__main__":
    main()
