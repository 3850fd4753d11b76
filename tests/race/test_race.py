# SPDX-License-Identifier: MIT
"""The kernel's shared structures on real threads under ThreadSanitizer: it reports nothing, and it reports each
deliberate race."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts/lib")]

from tree import build_directory  # noqa: E402

BUILD = Path(os.environ.get("HALYARD_TEST_BUILD") or build_directory("host-tests")) / "tests/race"
LIMIT_S = 600  # ends what hangs


def run(program, *arguments):
    options = {"TSAN_OPTIONS": "exitcode=66 halt_on_error=1", "PATH": os.environ["PATH"]}
    return subprocess.run([str(BUILD / program), *arguments], capture_output=True, text=True, env=options, timeout=LIMIT_S)


class TestCase(unittest.TestCase):
    program = "race"
    arguments = []

    def right(self, test):
        done = run(self.program, test, *self.arguments)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])

    def wrong(self, test, function):
        """The same with a deliberate race."""
        done = run(f"{self.program}_wrong", test)
        self.assertEqual(done.returncode, 66, done.stderr[-4000:])
        self.assertIn("data race", done.stderr)
        self.assertIn(function, done.stderr)


class Race(TestCase):
    """CPUs that run one function each; scripts/test lets them repeat it less often unless it runs everything."""
    arguments = os.environ.get("HALYARD_RACE_ROUNDS", "").split()

    def test_spinlock(self):
        self.right("spinlock")

    def test_run_queue(self):
        self.right("run_queue")

    def test_mutex_without_waiters(self):
        self.right("mutex")

    def test_reader_writer_lock(self):
        self.right("rwlock")

    def test_mailbox(self):
        self.right("mailbox")

    def test_timer(self):
        self.right("timer")

    def test_trace_ring(self):
        self.right("trace")

    def test_page_cache(self):
        self.right("files")

    def test_a_race_on_purpose_is_reported(self):
        self.wrong("spinlock", "spinlocks")


class Threads(TestCase):
    """CPUs that switch and migrate threads and are interrupted."""
    program = "race_threads"

    def test_mutex_with_waiters(self):
        self.right("mutex")

    def test_reader_writer_lock(self):
        self.right("rwlock")

    def test_semaphores_hand_over(self):
        self.right("semaphore")

    def test_condition(self):
        self.right("condition")

    def test_work(self):
        self.right("work")

    def test_threads_begin_and_end(self):
        self.right("children")

    def test_read_sections(self):
        self.right("rcu")

    def test_a_race_on_purpose_is_reported(self):
        self.wrong("mutex", "lock_and_wander")


if __name__ == "__main__":
    unittest.main()
