# SPDX-License-Identifier: MIT
"""Rows of the matrix as a person uses them: a pasted command line, and a row that fails."""
import subprocess
import tempfile

import matrix
from smoke import BUILD, LIMIT_S, MACHINE, ROOT, TestCase


class Row(TestCase):
    def test_line_can_be_pasted(self):
        line = subprocess.run([ROOT / "scripts/matrix", MACHINE, "--row", "1", "--qemu", "--build", BUILD],
                              capture_output=True, text=True, check=True).stdout
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["sh", "-c", line], cwd=folder, input="poweroff\n", capture_output=True, text=True,
                                  timeout=LIMIT_S)
        self.assertIn("halyard> poweroff", done.stdout, line + done.stderr)

    def test_a_row_that_does_not_boot(self):
        small = matrix.Matrix(MACHINE, {"axes": {"memory": {"8M": "--mem 8M"}}})
        wrong = matrix.run_row(small, {"memory": "8M"}, BUILD, MACHINE)
        self.assertIn("status 120", wrong)
        self.assertTrue(any("PANIC" in line and "16 MiB" in line for line in wrong), wrong)
