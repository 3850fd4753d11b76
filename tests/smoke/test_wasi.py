# SPDX-License-Identifier: MIT
"""The programs of tests/wasi in the guest: WASI over the kernel's files, compiled code, real waits.

On the host they have a folder of their own; here they work in /tmp, below the folder that every program gets.
"""
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import wasisuite
from smoke import BUILD, TestCase, run


class Wasi(TestCase):
    def built(self, source):
        """The program, in a folder of its own."""
        build, why = wasisuite.builders()[Path(source).suffix]
        if why:
            raise unittest.SkipTest(why)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        out = Path(folder.name, Path(source).stem + ".wasm")
        subprocess.run(build(wasisuite.SOURCES / source, out), check=True)
        return out

    def test_every_call_and_its_errors(self):
        result = run("--program", self.built("calls.c"), "--args", "one 'two words' '' tmp")
        self.expect(result, 0, contains=["to standard output"])

    def test_what_the_c_library_does(self):
        result = run("--program", self.built("libc.c"), "--args", "one 'two words' '' tmp")
        self.expect(result, 0, contains=["standard output of a C program"])

    def test_what_rusts_library_does(self):
        result = run("--program", self.built("std.rs"), "--args", "one 'two words' '' /tmp")
        self.expect(result, 0, contains=["standard output of a Rust program"])

    def test_what_gos_library_does(self):
        result = run("--program", self.built("golib.go"), "--args", "one 'two words' '' /tmp")
        self.expect(result, 0, contains=["standard output of a Go program 105"])

    def test_nothing_leads_out_of_the_folder(self):
        self.expect(run("--program", self.built("escape.c"), "--args", "tmp"), 0)

    def test_no_race_leads_out_of_the_folder(self):
        race, swap = self.built("race.c"), self.built("swap.c")
        shutil.copy(swap, race.parent)  # /files is one folder
        result = run("--program", BUILD / "programs/hello.wasm", "--files", race.parent, "--append", "shell",
                     typed="run /files/race.wasm 2000 tmp/home | run /files/swap.wasm /tmp\ncat /tmp/home/d/secret\npoweroff\n")
        self.expect(result, 0)
        self.assertNotRegex(result.output, r"exit status|race\.c:|swap\.c:|ended by")
        self.assertRegex(result.output, r"(?m)^inside", result.output)

    def test_nothing_that_can_be_read_is_an_address_of_the_kernel(self):
        self.expect(run("--program", self.built("leaks.c"), "--args", "one tmp"), 0)

    def test_programs_end_as_they_say(self):
        exit_program = self.built("exit.c")
        for arguments, status in (("exit 7", 7), ("return 200", 200), ("raise 6", 134), ("abort", 119)):
            self.expect(run("--program", exit_program, "--args", arguments), status)
