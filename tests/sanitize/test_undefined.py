# SPDX-License-Identifier: MIT
"""A mistake of each kind that the -ubsan presets detect ends in a panic that names it and its place."""
from smoke import TestCase, for_machine, run

STATUS_PANIC = 120


class Undefined(TestCase):
    def caught(self, name, *words):
        result = run(f"--test=seeded_{name}")
        self.expect(result, STATUS_PANIC, "panic", contains=["\nPANIC: ", *words, f"seeded_{name}+0x"])

    def undefined(self, name, words):
        self.caught(name, f"undefined behaviour: {words}, at tests/kernel/test_seeded.c:")

    def test_overflow(self):
        self.undefined("overflow", "2147483647 + 1 is not a valid 'int'")

    def test_difference(self):
        self.undefined("difference", "-2 - 2147483647 is not a valid 'int'")

    def test_product(self):
        self.undefined("product", "2147483647 * 9 is not a valid 'int'")

    def test_negation(self):
        self.undefined("negation", r"-(-2147483648) is not a valid 'int'")

    def test_quotient(self):
        self.undefined("quotient", "-2147483648 / -1 is not a valid 'int'")

    def test_pointer(self):
        result = run("--test=seeded_pointer")
        self.expect(result, STATUS_PANIC, "panic")
        self.assertRegex(result.output, r"invalid pointer arithmetic: 0x[0-9a-f]+ becomes 0x[0-9a-f]+, at tests/kernel/test_seeded.c:")

    @for_machine("x86_64")  # AArch64 has an instruction that counts them in 0, too
    def test_clz_of_zero(self):
        self.undefined("zeros", "the leading or trailing zeros of 0 are counted")

    def test_an_argument_that_may_not_be_null(self):
        self.undefined("argument", "a null pointer as an argument that must not be null")

    def test_a_result_that_may_not_be_null(self):
        result = run("--test=seeded_result")
        self.expect(result, STATUS_PANIC, "panic", contains=[
            "undefined behaviour: a null pointer as a result that must not be null, at tests/kernel/test_seeded.c:"])

    def test_an_assumption(self):
        result = run("--test=seeded_assumption")
        self.expect(result, STATUS_PANIC, "panic")
        self.assertRegex(result.output, r"0x[0-9a-f]+1 is not aligned to 16 with offset 0, as assumed, at tests/kernel/test_seeded.c:")

    def test_code_that_never_runs(self):
        self.undefined("unreachable", "code marked as unreachable is reached")

    def test_shift(self):
        self.undefined("shift", "a shift of 1, a 'int', by 40")

    def test_bounds(self):
        self.undefined("bounds", "index 9 of a 'int[8]'")

    def test_null(self):
        self.undefined("null", "load from a null pointer as 'int'")

    def test_alignment(self):
        result = run("--test=seeded_alignment")
        self.expect(result, STATUS_PANIC, "panic")
        self.assertRegex(result.output, r"load from 0x[0-9a-f]+1 as 'int', which is misaligned, at tests/kernel/test_seeded.c:")

    def test_bool(self):
        self.undefined("bool", "2 is not a valid 'volatile bool'")

    def test_division(self):
        self.undefined("division", "9 / 0 is not a valid 'int'")

    def test_past_the_end_of_variables(self):
        self.caught("stack", "stack: a function wrote past the end of its variables")

    def test_a_variable_that_was_not_set(self):
        self.caught("unset", "holds the fill pattern of uninitialised variables")
