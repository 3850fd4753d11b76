# SPDX-License-Identifier: MIT
"""Large programs in the guest, as others compiled and published them: CPython, 11,448 functions in 26 MB, and clang, 133,398
functions in 75 MB.
"""
import os
import subprocess
import tempfile
from pathlib import Path
from unittest import SkipTest

import published
from smoke import ROOT, TestCase, run
from tree import Failure

SCRIPT = ROOT / "tests/published/python.py"
SOURCE = ROOT / "tests/published/alone.c"
INPUT = "abc\ndef\n"
STATUS = 7  # of SystemExit


def get(name):
    try:
        return published.get(name)
    except Failure as failure:
        raise SkipTest(str(failure))


def python(*arguments, typed=INPUT):
    return run("--program", get("python"), "--files", SCRIPT.parent, "--args", " ".join(arguments), typed=typed)


class Python(TestCase):
    def test_a_script_prints_what_it_prints_on_the_host(self):
        with tempfile.TemporaryDirectory(prefix="halyard-") as folder:
            host = subprocess.run(["/usr/bin/python3", str(SCRIPT), folder], input=INPUT, capture_output=True, text=True)
        self.assertEqual(host.returncode, STATUS, host.stderr)
        guest = python(f"/files/{SCRIPT.name}", "/tmp")
        self.expect(guest, STATUS)
        self.assertEqual(guest.output.splitlines(), host.stdout.splitlines())

    def test_an_error_has_a_trace_and_a_status(self):
        guest = python("-c", "'import json; json.loads(str())'")
        self.expect(guest, 1, contains=["Traceback (most recent call last)", "JSONDecodeError: Expecting value"])

    def test_a_program_from_standard_input(self):
        guest = python("-", "word", typed="import sys\nprint(sys.argv, sys.platform)\n")
        self.expect(guest, 0, contains=["['-', 'word'] wasi"])


class Compiler(TestCase):
    def test_a_program_is_compiled_linked_and_run(self):
        with tempfile.TemporaryDirectory(prefix="halyard-") as folder:
            os.link(get("clang"), Path(folder, "clang.wasm"))
            os.link(get("clang"), Path(folder, "wasm-ld.wasm"))
            Path(folder, SOURCE.name).write_text(SOURCE.read_text())
            guest = run("--mem", "1G", "--files", folder, limit=600, typed="\n".join([
                f"run /files/clang.wasm -O2 -c --target=wasm32-wasip1 /files/{SOURCE.name} -o /tmp/alone.o",
                "run /files/wasm-ld.wasm /tmp/alone.o -o /tmp/alone.wasm",
                "run /tmp/alone.wasm",
                f"run /files/clang.wasm -c --target=wasm32-wasip1 -DWRONG /files/{SOURCE.name} -o /tmp/wrong.o"]))
        self.expect(guest, 0, contains=["\n75025\n", "error: use of undeclared identifier 'WRONG_VALUE'"])
