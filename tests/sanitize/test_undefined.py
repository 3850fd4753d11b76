# SPDX-License-Identifier: MIT
"""A mistake of each kind that the presets with -ubsan catch ends in a panic that names it, and its place."""
from smoke import TestCase, run

STATUS_PANIC = 120


class Undefined(TestCase):
    def caught(self, name, *words):
        result = run(f"--test=seeded_{name}")
        self.expect(result, STATUS_PANIC, "panic", contains=["\nPANIC: ", *words, f"seeded_{name}+0x"])

    def undefined(self, name, words):
        self.caught(name, f"undefined behaviour: {words}, at tests/kernel/test_seeded.c:")

    def test_overflow(self):
        self.undefined("overflow", "2147483647 + 1 is no 'int'")

    def test_shift(self):
        self.undefined("shift", "a shift of 1, a 'int', by 40")

    def test_bounds(self):
        self.undefined("bounds", "index 9 of a 'int[8]'")

    def test_null(self):
        self.undefined("null", "load from a null pointer as 'int'")

    def test_alignment(self):
        result = run("--test=seeded_alignment")
        self.expect(result, STATUS_PANIC, "panic")
        self.assertRegex(result.output, r"load from 0x[0-9a-f]+1 as 'int', which is not aligned so, at tests/kernel/test_seeded.c:")

    def test_bool(self):
        self.undefined("bool", "2 is no 'volatile bool'")

    def test_division(self):
        self.undefined("division", "9 / 0 is no 'int'")

    def test_past_the_end_of_variables(self):
        self.caught("stack", "stack: a function wrote past the end of its variables")

    def test_a_variable_that_was_not_set(self):
        self.caught("unset", "has the value of a variable that was not set")
