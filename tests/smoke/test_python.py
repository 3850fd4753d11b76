# SPDX-License-Identifier: MIT
"""CPython, as others compiled it, in the guest: the largest program of the tests, 11,448 functions in 26 MB.

The same script runs with the host's Python. Both must print the same.
"""
import subprocess
import tempfile
from pathlib import Path
from unittest import SkipTest

import cpython
from smoke import ROOT, TestCase, run
from tree import Failure

SCRIPT = ROOT / "tests/wasi/python.py"
INPUT = "abc\ndef\n"
STATUS = 7  # of SystemExit


class Python(TestCase):
    def interpreter(self):
        try:
            return cpython.get()
        except Failure as failure:
            raise SkipTest(str(failure))

    def start(self, *arguments, typed=INPUT):
        return run("--program", self.interpreter(), "--files", SCRIPT.parent, "--args", " ".join(arguments), typed=typed)

    def test_a_script_prints_what_it_prints_on_the_host(self):
        with tempfile.TemporaryDirectory(prefix="halyard-") as folder:
            host = subprocess.run(["/usr/bin/python3", str(SCRIPT), folder], input=INPUT, capture_output=True, text=True)
        self.assertEqual(host.returncode, STATUS, host.stderr)
        guest = self.start(f"/files/{SCRIPT.name}", "/tmp")
        self.expect(guest, STATUS)
        self.assertEqual(guest.output.splitlines(), host.stdout.splitlines())

    def test_an_error_has_a_trace_and_a_status(self):
        guest = self.start("-c", "'import json; json.loads(str())'")
        self.expect(guest, 1, contains=["Traceback (most recent call last)", "JSONDecodeError: Expecting value"])

    def test_a_program_from_standard_input(self):
        guest = self.start("-", "word", typed="import sys\nprint(sys.argv, sys.platform)\n")
        self.expect(guest, 0, contains=["['-', 'word'] wasi"])
