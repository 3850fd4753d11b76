# SPDX-License-Identifier: MIT
"""The programs of tests/wasi in the guest: WASI over the kernel's files, compiled code, real waits.

On the host they have a folder of their own; here they work in /tmp, below the folder that every program gets.
"""
import subprocess
import tempfile
import unittest
from pathlib import Path

import wasisuite
from smoke import TestCase, run


class Wasi(TestCase):
    def built(self, name):
        build, why = wasisuite.builders()[".c"]
        if why:
            raise unittest.SkipTest(why)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        out = Path(folder.name, f"{name}.wasm")
        subprocess.run(build(wasisuite.SOURCES / f"{name}.c", out), check=True)
        return out

    def test_every_call_and_its_errors(self):
        result = run("--program", self.built("calls"), "--args", "one 'two words' '' tmp")
        self.expect(result, 0, contains=["to standard output"])

    def test_what_the_c_library_does(self):
        result = run("--program", self.built("libc"), "--args", "one 'two words' '' tmp")
        self.expect(result, 0, contains=["standard output of a C program"])

    def test_nothing_leads_out_of_the_folder(self):
        self.expect(run("--program", self.built("escape"), "--args", "tmp"), 0)

    def test_programs_end_as_they_say(self):
        exit_program = self.built("exit")
        for arguments, status in (("exit 7", 7), ("return 200", 200), ("raise 6", 134), ("abort", 119)):
            self.expect(run("--program", exit_program, "--args", arguments), status)
