# SPDX-License-Identifier: MIT
"""Each kind of access that the -asan presets detect ends in a panic that names the place and its owner."""
from smoke import TestCase, run

STATUS_PANIC = 120


class Address(TestCase):
    def caught(self, name, access, *words):
        result = run(f"--test=seeded_address_{name}")
        self.expect(result, STATUS_PANIC, "panic", contains=[*words, f"seeded_address_{name}+0x"])
        self.assertRegex(result.output, rf"PANIC: address: {access} at 0x[0-9a-f]{{16}}, {words[0]}\n")
        self.assertRegex(result.output, r"#\d seeded_address_\w+\+0x\w+ \(tests/kernel/test_seeded\.c:\d+\)")
        return result.output

    def test_a_read_past_the_end_of_an_object(self):
        text = self.caught("after", "a read of 1 bytes", "outside of an object of the heap", "at +21 of an object of 21 bytes")
        self.assertIn("seeded_address_after+0x", text.partition("allocated by:")[2])

    def test_a_write_before_an_object(self):
        self.caught("before", "a write of 2 bytes", "outside of an object of the heap", "at -2 of an object of 24 bytes")

    def test_a_read_after_the_free(self):
        text = self.caught("freed", "a read of 1 bytes", "in a freed object", "at +3 of an object of 24 bytes")
        self.assertIn("seeded_address_freed+0x", text.partition("freed by:")[2])

    def test_a_write_to_a_free_page(self):
        self.caught("page", "a write of 1 bytes", "in a free page")

    def test_a_copy_that_is_too_long(self):
        self.caught("copy", "a write of 43 bytes", "outside of an object of the heap", "at +24 of an object of 24 bytes",
                    "memcpy+0x")

    def test_a_read_past_a_variable(self):
        self.caught("stack", "a read of 1 bytes", "outside of a variable on the stack")

    def test_a_read_of_a_variable_out_of_scope(self):
        self.caught("scope", "a read of 1 bytes", "in a variable that is out of scope")

    def test_a_read_past_a_global_variable(self):
        self.caught("global", "a read of 4 bytes", "outside of a global variable", 'at +16 of "loader_front_ends", 16 bytes')
