# SPDX-License-Identifier: MIT
"""Tests scripts/test: suites run in parallel, the samples cover everything, and output is read correctly."""
import argparse
import contextlib
import io
import os
import re
import subprocess
import sys
import threading
import unittest
from unittest import mock

import matrix
import needs
import packages
import parallel
import sample
import suites
import tap
import testing

MANY = 2_000_000  # if reading took more than linear time, this many would exceed the suite's time limit


def suite(name, text, **more):
    return suites.Command(name, [sys.executable, "-c", f"print({text!r})"], **more)


class SideBySide(unittest.TestCase):
    @unittest.skipUnless(os.cpu_count() > 1, "one CPU")
    def test_one_suite_runs_on_each_cpu(self):
        together = threading.Barrier(os.cpu_count())  # no suite passes it before all have arrived
        work = list(range(os.cpu_count()))

        def run(one):
            together.wait(60)
            return one

        self.assertCountEqual(parallel.side_by_side(work, run, lambda one: False), work)

    def test_suites_that_run_alone_run_last(self):
        running, most = [], {}

        def run(one):
            running.append(one)
            most[one] = len(running)
            running.remove(one)
            return one

        done = list(parallel.side_by_side(["alone", "a", "b", "c"], run, lambda one: one == "alone"))
        self.assertCountEqual(done, ["a", "b", "c", "alone"])
        self.assertEqual(done[-1], "alone")
        self.assertEqual(most["alone"], 1)

    def test_a_hanging_suite_does_not_delay_those_that_run_alone(self):
        alone_has_run = threading.Event()

        def run(one):
            if one == "hangs" and not alone_has_run.wait(60):
                return "was waited for"
            if one == "alone":
                alone_has_run.set()
            return one

        done = list(parallel.side_by_side(["alone", "hangs", "a"], run, lambda one: one == "alone", patience_s=0.1))
        self.assertCountEqual(done, ["a", "alone", "hangs"])
        self.assertLess(done.index("alone"), done.index("hangs"))

    def test_a_result_is_available_when_its_suite_has_ended(self):
        is_shown = threading.Event()

        def run(one):
            return one if one == "short" or is_shown.wait(60) else "was waited for"

        results = parallel.side_by_side(["long", "short"], run, lambda one: False)
        if os.cpu_count() > 1:
            self.assertEqual(next(results), "short")
        is_shown.set()
        self.assertIn("long", list(results))

    def test_no_suite_starts_after_the_caller_stops(self):
        begun, may_end = [], threading.Event()

        class Pool(parallel.ThreadPoolExecutor):
            def shutdown(self, *arguments, **more):  # after the cancellation, waits for the running suites
                may_end.set()
                super().shutdown(*arguments, **more)

        def run(one):
            begun.append(one)
            if one > 0:
                may_end.wait(60)

        with mock.patch.object(parallel, "ThreadPoolExecutor", Pool):
            results = parallel.side_by_side(range(10 * os.cpu_count()), run, lambda one: False)
            next(results)
            results.close()
        self.assertLess(len(begun), 10 * os.cpu_count())

    def test_only_the_matrix_runs_alone(self):
        alone = {s.name.split("/")[0] for s in suites.machine_suites("x86_64", "x86_64", testing.ROOT, sample.Sample())
                 if s.is_alone}
        self.assertEqual(alone, {"matrix"})


class Samples(unittest.TestCase):
    def taken(self, number):
        """Returns {suite: its part} of a run, without the suites that only a host build could list."""
        builds = {machine: testing.ROOT for machine in testing.MACHINES}
        taken = sample.Sample(number)
        listed = [suite for machine in builds for suite in suites.machine_suites(machine, machine, builds[machine], taken)]
        listed += [*suites.workload_suites(testing.ROOT, taken.part()), *suites.oracle_suites(testing.ROOT, taken.part()),
                   *suites.conformance_suites(testing.ROOT, taken.part())]
        return {suite.name: suite.part for suite in listed if suite.part is not None}

    def test_all_samples_together_cover_everything(self):
        whole, items = self.taken(None), list(range(40))
        samples = [self.taken(number) for number in range(sample.SAMPLES)]
        self.assertTrue(all(part.is_whole for part in whole.values()))
        for name in whole:
            parts = [taken[name] for taken in samples if name in taken]
            self.assertEqual(sorted({item for part in parts for item in part.of(items)}), items, name)
            self.assertTrue(all(any(part.has(str(item)) for part in parts) for item in items), name)

    def test_five_successive_samples_have_every_part_on_some_machine(self):
        samples = [self.taken(number) for number in range(sample.SAMPLES)]
        of_machine = re.compile("|".join(testing.MACHINES))
        for first in range(sample.SAMPLES):
            had = {}
            for number in range(first, first + 5):
                for name, part in samples[number % sample.SAMPLES].items():
                    had.setdefault(of_machine.sub("MACHINE", name), set()).update(part.of(range(sample.PARTS)))
            for name, items in had.items():
                self.assertEqual(len(items), sample.PARTS, f"{name}, from sample {first} on")

    def test_a_sample_has_one_sanitized_kernel_the_next_one_another(self):
        kernels = []
        for number in range(sample.SAMPLES):
            guests = [name for name in self.taken(number) if name.startswith("guest/") and "-" in name]
            self.assertEqual(len(guests), 1)
            kernels += guests
        kinds = [name.rpartition("-")[2] for name in kernels]
        self.assertEqual(kinds, ["ubsan", "asan"] * (sample.SAMPLES // 2))
        self.assertEqual(len(set(kernels)), 4)

    def test_a_sanitized_kernel_takes_each_quarter_of_the_allocations_in_some_sample(self):
        walks = [(suite.name, *suite.all_words) for number in range(sample.CHOICES) for machine in testing.MACHINES
                 for suite in suites.machine_suites(machine, machine, testing.ROOT, sample.Sample(number))
                 if suite.name == f"fails/{machine}-ubsan" and suite.part is not None]
        self.assertEqual(len(walks), len(set(walks)))
        self.assertEqual(len(walks), len(testing.MACHINES) * 2 * sample.ALLOCATIONS)
        self.assertTrue(all("part:" in walk[1] and "every:" in walk[1] for walk in walks))

    def test_suites_that_are_never_sampled(self):
        for number in range(sample.SAMPLES):
            taken = self.taken(number)
            for machine in testing.MACHINES:
                for name in (f"guest/{machine}", f"matrix/{machine}", f"conformance/wasm-spec-{machine}"):
                    self.assertTrue(taken[name].is_whole, name)

    def test_each_test_of_the_shell_runs_on_one_machine(self):
        names = [f"Shell.test_{n}" for n in range(40)]
        for number in range(sample.SAMPLES):
            taken = self.taken(number)
            x86_64, aarch64 = (taken[f"smoke/{machine}/test_shell"] for machine in testing.MACHINES)
            self.assertTrue(all(x86_64.has(name) != aarch64.has(name) for name in names))

    def test_a_run_installs_what_its_suites_need(self):
        presets = {machine: machine for machine in testing.MACHINES}
        every = list(suites.all_suites(presets, presets, testing.ROOT / "nowhere", sample.Sample()))

        def needed(pattern):
            return set(needs.of_suites(suite for suite in every if testing.chosen(suite, pattern)[0]))

        everything = {name for name, value in vars(packages).items() if name.isupper() and isinstance(value, list)
                      for name in value} - {*packages.WINDOW}
        self.assertLessEqual(everything, needed("*"))
        self.assertEqual(needed("model"), set(packages.MODEL))
        self.assertEqual(needed("unit/test_line"), set(needs.UNIT))
        self.assertFalse(needed("guest/aarch64") & {"qemu-system-x86", "libcmocka-dev", "gdb-multiarch", "spin"})
        self.assertIn("qemu-system-arm", needed("guest/aarch64"))

    def test_list_and_a_filter_that_matches_nothing(self):
        def said(*arguments):
            done = subprocess.run([testing.ROOT / "scripts/test", *arguments], capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

        name = "test_list_and_a_filter_that_matches_nothing"
        self.assertEqual(said("--list", "--filter", name), (0, f"tools/test_testing\n    {name}\n"))
        status, text = said("--list", "--filter", "no_such_test")
        self.assertEqual(status, 1)
        self.assertIn("test: --filter no_such_test: no suite and no test has such a name", text)
        status, text = said("--no-install", "--filter", "no_such_test")
        self.assertEqual(status, 1)
        self.assertIn("test: --filter no_such_test: no suite and no test has such a name; scripts/test --list prints", text)

    def test_options(self):
        def number(*arguments):
            return testing.sample_of(testing.parse(arguments)).number

        self.assertEqual(number(), sample.of_commit())
        self.assertEqual(number("--sample", "3", "--filter", "unit*"), 3)
        self.assertIsNone(number("--full"))
        self.assertIsNone(number("--filter", "unit*"))

    def test_a_part_prints_how_to_repeat_it(self):
        self.assertEqual(str(sample.part("2/4")), "2/4")
        self.assertEqual(sample.part("2/4").of("abcdefghij"), ["b", "f", "j"])
        for wrong in ("", "2", "0/4", "5/4", "a/b", "1/", "-1/2"):
            with self.assertRaises(argparse.ArgumentTypeError):
                sample.part(wrong)


# A suite's output; its exit status; how many points pass, fail and are skipped; text that is shown; text that is not.
OUTPUTS = (
    ("1..3\nok 1 - a\nok 2 - b # SKIP no disk\nnoise\nok 3 - c\n", 0, (2, 0, 1), "no disk", "noise"),
    ("ok 1 - a\nconformance c engine 1 of 1\n1..1", 0, (1, 0, 0), "CPU)\nconformance c engine 1 of 1\n", "FAILED"),
    ("# of a\nok 1 - a\n# why b\nnot ok 2 - b\n# more of b\n1..2", 1, (1, 1, 0),
     "FAILED b\n        why b\n        more of b\n", "of a"),
    ("not ok 1 - c\n# why c\n1..1", 1, (0, 1, 0), "FAILED c\n        why c\n", "ok 1"),
    # The suite stops early, or its exit status contradicts its points.
    ("1..3\nok 1 - a\n", 0, (1, 1, 0), "3 points planned, 1 seen", ""),
    ("ok 1 - a\n", 0, (1, 1, 0), "without a plan", ""), ("", 0, (0, 1, 0), "without a plan", ""),
    ("1..1\nok 1 - a\n", 3, (1, 1, 0), "status 3", ""), ("1..1\nnot ok 1 - a\n", 0, (0, 2, 0), "status 0", ""),
    # The first directive counts; a guest's numbers may have any length.
    ("ok 1 - a #1 of 2  # SKIP no disk # SKIP again\nnot ok 2 - b # TODO later\n1..2", 1, (0, 1, 1),
     "a #1 of 2: no disk # SKIP again", "later"),
    ("1.." + "9" * 5000, 0, (0, 1, 0), "FAILED plan", ""),
)


class Suites(unittest.TestCase):
    def shown(self, command, verbose=False):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            testing.show(*testing.run_suite(command, "*"), verbose)
        return out.getvalue()

    def test_outputs(self):
        for text, status, counts, has, has_not in OUTPUTS:
            with self.subTest(text[:80]):
                program = f"import sys; sys.stdout.write({text!r}); sys.exit({status})"
                said = self.shown(suites.Command("s", [sys.executable, "-c", program]))
                self.assertRegex(said, r"^s: %d passed, %d failed, %d skipped \(\d+\.\d s, \d+\.\d s of CPU\)\n" % counts)
                self.assertIn(has, said)
                self.assertFalse(has_not and has_not in said, said)

    def test_a_suite_without_points_shows_its_last_lines(self):
        said = self.shown(suites.Command("s", [sys.executable, "-c", "print('why'); exit(1)"], is_tap=False))
        self.assertIn("s: 0 passed, 1 failed, 0 skipped", said)
        self.assertIn("FAILED s\n        why\n", said)

    def test_verbose_shows_every_line(self):
        self.assertIn("    # noise\n    ok 1 - a\n", self.shown(suite("s", "# noise\nok 1 - a\n1..1"), verbose=True))

    def test_long_lines_are_read_in_linear_time(self):
        read = tap.Suite("x")
        for line in ("ok 1 - " + " " * MANY + "x", "ok 2" + " #" * MANY, "1..2" + " " * MANY + "x"):
            read.read(line)
        self.assertEqual((len(read.passed), read.planned), (2, None))
        for digits in ("9" * 5000, "9" * MANY):
            self.assertEqual(list(matrix.complaints_of_memory(f"{digits} KiB  in all", 1)), ["the shell printed nothing for `mem`"])
        self.assertEqual(list(matrix.complaints_of_memory("100 KiB  in all", 100)), [])
