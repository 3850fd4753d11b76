# SPDX-License-Identifier: MIT
"""Tests the matrix of machines: its rows cover every possible pair, it prints them right, and reports failures."""
import contextlib
import io
import itertools
import os
import subprocess
import unittest
from unittest import mock

import matrix
import tap
from pairs import Space
from smoke import ROOT
from tree import MACHINES

SMALL = {"axes": {"boot": {"kernel": "--boot kernel", "uefi": "--firmware uefi"},
                  "memory": {"16M": "--mem 16M", "1G": "--mem 1G"},
                  "bus": {"one": "--machine a=b --qemu '-device x'", "two": ""},
                  "screen": {"none": "", "some": "--machine c=d --qemu '-device y'"}},
         "impossible": [{"boot": ["uefi"], "memory": ["16M"], "why": "too small"}]}
GOOD = "1..1\nok 1 - works\nhalyard> mem\n 1000000 KiB  in all, 1 KiB used\n"


def every_pair(axes):
    for (a, a_values), (b, b_values) in itertools.combinations(axes.items(), 2):
        yield from itertools.product(((a, value) for value in a_values), ((b, value) for value in b_values))


class Rows(unittest.TestCase):
    def check_space(self, space):
        """A pair is missing from all rows only if the rules forbid every row of the full product that has it."""
        rows = space.covering_rows()
        held = {pair for row in rows for pair in itertools.combinations(row.items(), 2)}
        for row in rows:
            self.assertEqual(list(row), list(space.axes))
            self.assertTrue(space.allows(row), row)
        missing = {frozenset(pair) for pair in every_pair(space.axes) if pair not in held}
        for number in range(space.size()):
            row = space.product_row(number)
            if missing and space.allows(row):
                self.assertFalse(missing & {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}, row)
        return missing

    def test_every_possible_pair_has_a_row(self):
        for machine in MACHINES:
            space = matrix.load(machine).space
            self.assertEqual(self.check_space(space), set(space.split_pairs()[1]))

    def test_pairs_that_rules_exclude_only_together(self):
        space = Space({"a": "xy", "b": "xy", "c": "xy"}, [{"a": {"x"}, "c": {"x"}}, {"b": {"x"}, "c": {"y"}}])
        self.assertEqual(self.check_space(space), {frozenset({("a", "x"), ("c", "x")}),
                                                   frozenset({("b", "x"), ("c", "y")}),
                                                   frozenset({("a", "x"), ("b", "x")})})

    def test_why_names_the_rules_that_a_pair_breaks_and_no_other(self):
        names = {value: "" for value in "xy"}
        rules = [{"a": ["x"], "c": ["x"], "why": "one"}, {"b": ["x"], "c": ["y"], "why": "two"},
                 {"a": ["y"], "c": ["y"], "why": "three"}]
        small = matrix.Matrix("x86_64", {"axes": {"a": names, "b": names, "c": names}, "impossible": rules})
        self.assertEqual(small.why_not({("a", "x"), ("c", "x")}), "one")
        self.assertEqual(small.why_not({("a", "x"), ("b", "x")}), "one; two")

    def test_small(self):
        small = matrix.Matrix("x86_64", SMALL)
        product = matrix.Product(small, None, None)
        self.assertEqual((len({tuple(row.items()) for row in product.rows}), len(product)), (12, 12))
        self.assertEqual(small.options({"boot": "kernel", "memory": "1G", "bus": "one", "screen": "some"}),
                         ["--boot=kernel", "--mem=1G", "--machine=a=b,c=d", "--qemu=-device x -device y"])
        with self.assertRaisesRegex(matrix.Failure, "--cpu is given by two axes"):
            matrix.Matrix("x86_64", {"axes": {"a": {"x": "--cpu max"}, "b": {"x": "--cpu max"}}}).options({"a": "x", "b": "x"})
        with self.assertRaisesRegex(matrix.Failure, "no value 8M"):
            matrix.Matrix("x86_64", {**SMALL, "impossible": [{"memory": ["8M"], "why": ""}]})

    def test_a_row_runs_the_tests_that_depend_on_its_values(self):
        for machine in MACHINES:
            m = matrix.load(machine)
            self.assertEqual((list(m.default), list(m.parts)), (list(m.space.axes), list(m.space.axes)))
            self.assertTrue(m.space.allows(m.default))
            self.assertLessEqual({part for parts in m.parts.values() for part in parts},
                                 {"interrupts", "cpus", "memory", "firmware", "screen"})
            self.assertTrue(all(value in m.space.axes[axis] for axis, value in m.default.items()))
        m = matrix.load("x86_64")
        row = {**m.default, "memory": "16M", "screen": "vga"}
        self.assertEqual([m.selection(row, turn) for turn in (0, 15, 16)],
                         [f"on:memory,screen:part:{part}/16:*" for part in (1, 16, 1)])
        self.assertEqual(m.selection(m.default, 1), "part:2/16:*")


class Runs(unittest.TestCase):
    def test_complaints(self):
        for expected, change in {
                None: {}, "status 3": {"status": 3},
                "the tests stopped early": {"output": GOOD.replace("1..1", "")},
                "failed: works: ": {"output": GOOD.replace("ok 1", "not ok 1")},
                "skipped: works: no": {"output": GOOD.replace("works", "works # SKIP no")},
                "the shell printed nothing for `mem`": {"output": GOOD.replace("in all", "")},
                "900000 KiB of memory found, 1048576 KiB given": {"output": GOOD.replace("1000000", "900000")}}.items():
            row = {"boot": "kernel", "memory": "1G", "bus": "two", "screen": "none"}
            found = list(matrix.complaints(matrix.Matrix("x86_64", SMALL), row, **{"status": 0, "output": GOOD, **change}))
            self.assertTrue(expected in found if expected else not found, (expected, found))

    def test_rows_with_many_cpus_run_last_and_one_at_a_time(self):
        axes = {"cpus": {str(n): f"--smp {n}" for n in (8, 1, 4, 5)}}
        small = matrix.Matrix("x86_64", {"axes": axes})
        output = io.StringIO()
        with mock.patch.object(matrix, "run_row", lambda *_: []), mock.patch.object(os, "cpu_count", lambda: 2), \
                contextlib.redirect_stdout(output):
            matrix.run_rows(small, dict(enumerate({"cpus": cpus} for cpus in axes["cpus"])), None, None, tap.Writer())
        self.assertEqual([line.split(" - ")[1] for line in output.getvalue().splitlines()],
                         ["cpus=1", "cpus=4", "cpus=8", "cpus=5"])


class Documented(unittest.TestCase):
    def test_docs_have_the_table_that_the_script_prints(self):
        printed = subprocess.run([ROOT / "scripts/matrix"], capture_output=True, text=True, check=True).stdout
        self.assertIn(printed, (ROOT / "docs/matrix.md").read_text(), "scripts/matrix prints what belongs there")

    def test_a_row_that_is_not_there(self):
        done = subprocess.run([ROOT / "scripts/matrix", "x86_64", "--row", "1000"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 125)
        self.assertIn("x86_64 has rows 1 to", done.stderr)
