# SPDX-License-Identifier: MIT
"""The check that code which runs beside firmware leaves its register alone."""
import contextlib
import io
import subprocess
import tempfile
import unittest
from pathlib import Path

import fixed_register


class Objects(unittest.TestCase):
    def checked(self, text, count="1"):
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "made.o"
            subprocess.run(["clang", "--target=aarch64-none-elf", "-c", "-x", "assembler", "-", "-o", made], check=True,
                           input=text, text=True)
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                status = fixed_register.main("18", count, str(made))
            return status, said.getvalue()

    def test_others_are_used(self):
        self.assertEqual(self.checked("mov x17, x19\nldr w8, [x0, #24]\nmov x1, #0x18\nldr q18, [x1]\n"), (0, ""))

    def test_each_use_is_named(self):
        for use in ("mov x18, x0", "add w0, w18, w1", "ldr x0, [x18]", "stp x17, x18, [sp]", "br x18"):
            status, said = self.checked(f"nop\n{use}\n")
            self.assertEqual(status, 1, use)
            self.assertRegex(said, r"^fixed_register: made\.o: x18 is not ours: 4:")

    def test_an_object_that_is_missing(self):
        with self.assertRaisesRegex(SystemExit, "2 objects expected, 1 given"):
            self.checked("nop\n", count="2")
