# SPDX-License-Identifier: MIT
"""Campaigns: the compiler that a row is about, hours that count until it changes, seeds that never come again."""
import contextlib
import io
import re
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import campaigns
import tap
from tree import ROOT, build_directory

# In the runner, and not what random modules test: the C library's, WASI, the kernel's everyday functions.
BESIDE = re.compile(r"(crt|Scrt|cpuinfo)|(call_\w+|descriptor|walk|wasi|wasi_posix|wasm_wasi|program|env|read_file|format|"
                    r"sort|status|string)\.c$")
RUNNER = build_directory("host-tests") / "wasm-oracle"


class Clock:
    """Time that passes when somebody works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, value in (("FOLDER", self.folder / "build"), ("TABLE", self.folder / "docs/campaigns.md"),
                            ("commit", lambda: "c0ffee")):
            patch = mock.patch.object(campaigns, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.clock, self.seeds, self.of = Clock(), [], "one"

    def campaign(self, wrong_at=None, interrupted_at=None):
        def work(seed, seconds, done):
            if interrupted_at is not None and seed >= interrupted_at:
                raise KeyboardInterrupt
            self.seeds.append(seed)
            self.clock.now += seconds
            return 10, "they differ" if wrong_at is not None and seed >= wrong_at else None

        return campaigns.Campaign("oracle", work, "modules", lambda: self.of, self.clock, is_by_seed=True)

    def row(self, number=-1):
        return campaigns.rows()[number]


class Counting(Case):
    def test_until_it_has_had_its_hours(self):
        self.assertIsNone(campaigns.run_campaign(self.campaign(), 0.25))
        self.assertEqual(self.seeds, [1, 11, 21])
        self.assertEqual([self.row()[name] for name in ("of", "seeds", "hours", "so far", "amount", "result")],
                         ["one", "1 to 30", "0.250", "0.250", "30 modules", "passed"])
        self.assertIsNone(campaigns.run_campaign(self.campaign(), 0.25))
        self.assertEqual(len(campaigns.rows()), 1, "nothing was left to do")
        campaigns.run_campaign(self.campaign(), 0.5)
        self.assertEqual((self.row()["seeds"], self.row()["so far"]), ("31 to 60", "0.500"))

    def test_another_compiler_starts_again_behind_the_seeds(self):
        campaigns.run_campaign(self.campaign(), 0.25)
        self.of = "two"
        campaigns.run_campaign(self.campaign(), 0.25)
        self.assertEqual((self.row()["of"], self.row()["seeds"], self.row()["so far"]), ("two", "31 to 60", "0.250"))
        self.assertEqual(len(campaigns.rows()), 2, "a row that says nothing")
        self.of = "one"
        campaigns.run_campaign(self.campaign(), 0.5)
        self.assertEqual((self.row()["of"], self.row()["seeds"], self.row()["so far"]), ("one", "61 to 90", "0.500"))

    def test_a_clone_with_nothing_but_the_table_goes_on(self):
        campaigns.run_campaign(self.campaign(), 0.25)
        (campaigns.FOLDER / "state.json").unlink()
        campaigns.run_campaign(self.campaign(), 0.5)
        self.assertEqual((self.row()["seeds"], self.row()["so far"]), ("31 to 60", "0.500"))

    def test_what_is_found_ends_it_and_the_count(self):
        self.assertEqual(campaigns.run_campaign(self.campaign(wrong_at=21), 1), "they differ")
        self.assertEqual((self.row()["seeds"], self.row()["result"]), ("1 to 30", "FAILED: they differ"))
        self.assertEqual(campaigns.State(self.campaign()).hours, 0)
        self.assertEqual(campaigns.State(self.campaign()).next, 31)

    def test_an_interrupt_leaves_a_row(self):
        with self.assertRaises(KeyboardInterrupt):
            campaigns.run_campaign(self.campaign(interrupted_at=21), 1)
        self.assertEqual((self.row()["seeds"], self.row()["result"]), ("1 to 20", "passed"))

    def test_what_was_killed_goes_on_with_its_seeds(self):
        state = campaigns.State(self.campaign())
        state.add(300, 10)
        campaigns.run_campaign(self.campaign(), 0.25)  # as the next session does
        self.assertEqual((self.seeds, self.row()["seeds"], self.row()["hours"]), ([11, 21], "1 to 30", "0.250"))

    def test_what_was_killed_counts_for_its_own_compiler(self):
        campaigns.State(self.campaign()).add(300, 10)
        self.of = "two"
        campaigns.run_campaign(self.campaign(), 0.25)
        self.assertEqual([(row["of"], row["seeds"]) for row in campaigns.rows()], [("one", "1 to 10"), ("two", "11 to 40")])

    def test_a_point_each(self):
        writer = tap.Writer()
        with contextlib.redirect_stdout(io.StringIO()):
            campaigns.run_all([self.campaign(), self.campaign(wrong_at=1)], 0.25, writer)
        self.assertEqual((writer.count, writer.failed), (2, 0))  # the second had nothing left to do


class Stress(Case):
    def work(self, script, seconds):
        """A slice with a stand-in for scripts/run: what it was called with, how often it was built, what it says."""
        calls, built = self.folder / "calls", []
        slice_of = campaigns.stress_slice(["sh", "-c", f'echo "$*" >> {calls}; {script}', "run"], lambda: built.append(1))
        result = slice_of(7, seconds, 0)
        return calls.read_text().splitlines() if calls.exists() else [], built, result

    def test_each_seed_on_each_number_of_cpus(self):
        calls, built, (seeds, wrong) = self.work("true", 0.2)
        self.assertEqual((len(calls), built, wrong), (4 * seeds, [1], None))
        self.assertEqual(calls[:5:4], ["--smp 1 --append preempt=7 --test stress.*",
                                       "--smp 1 --append preempt=8 --test stress.*"])
        self.assertEqual([call.split()[1] for call in calls[:4]], ["1", "2", "4", "8"])

    def test_a_seed_that_fails_is_named(self):
        calls, _, (seeds, wrong) = self.work('echo not ok; test "$2$4" != 4preempt=8', 60)
        self.assertEqual((len(calls), seeds), (7, 2))
        self.assertEqual(wrong.splitlines(), ["not ok", "", "seed 8, 4 CPUs: status 1"])


class Sources(unittest.TestCase):
    def test_comments_and_space_are_nothing(self):
        text = 'int f(void) /* one\nline */ { return "// no", \'"\', 1; } // x\n'
        self.assertEqual(campaigns.without_comments(text), 'int f(void) { return "// no", \'"\', 1; }')

    def test_a_change_of_the_compiler_is_another_compiler(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ("kernel/jit/ir/ir.c", "kernel/jit/portable/portable.c", "arch/x86_64/jit/emit.c", "kernel/main.c"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("int x;\n")

            def now():
                return campaigns.hash_of(campaigns.compiler_sources(root), root)

            first = now()
            for name, changes in (("kernel/jit/portable/portable.c", False), ("kernel/main.c", False), ("kernel/jit/ir/ir.c", True),
                                  ("arch/x86_64/jit/emit.c", True)):
                (root / name).write_text("// why\nint x;\n")
                self.assertEqual(now(), first, "a comment")
                (root / name).write_text("int y;\n")
                self.assertEqual(now() != first, changes, name)
                (root / name).write_text("int x;\n")

    @unittest.skipUnless(RUNNER.exists(), "host-tests is not built")
    def test_all_that_the_runner_is_linked_from(self):
        listed = subprocess.run(["llvm-readelf", "-sW", RUNNER], capture_output=True, text=True, check=True).stdout
        linked = {line.split()[7] for line in listed.splitlines() if " FILE " in line and len(line.split()) == 8}
        names = {file.name for file in campaigns.compiler_sources()}
        self.assertEqual({name for name in linked - names if not BESIDE.match(name) and name.endswith(".c")}, set())
        self.assertGreater(len(linked & names), 60)

    def test_nothing_is_left_out_for_a_file_that_is_gone(self):
        files = list((ROOT / "kernel/jit").rglob("*")) + list(ROOT.glob("arch/*/jit/*"))
        for pattern in campaigns.KERNEL_ONLY:
            self.assertTrue(any(file.match(pattern) for file in files), pattern)
