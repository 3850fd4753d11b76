# SPDX-License-Identifier: MIT
"""Portable programs, as a person starts them: one file for both machines, compiled as it is loaded."""
import hashlib
import random
import subprocess
import tempfile
from pathlib import Path

from smoke import BUILD, TestCase, run

TRAPS = {
    "read": "out of bounds memory access",
    "write": "out of bounds memory access",
    "fill": "out of bounds memory access",
    "divide": "integer divide by zero",
    "overflow": "integer overflow",
    "convert": "invalid conversion to integer",
    "convert-large": "integer overflow",
    "unreachable": "unreachable",
    "call-outside": "undefined element",
    "call-null": "uninitialized element",
    "call-type": "indirect call type mismatch",
    "recursion": "call stack exhausted",
}


def portable(name):
    return BUILD / "programs" / f"{name}.wasm"


class Portable(TestCase):
    def test_hello_finds_its_arguments(self):
        result = run("--program", portable("hello"), "--args", "one 'two words'")
        self.expect(result, 0, contains=["argument 1: one", "argument 2: two words"])
        self.assertNotIn("boot:", result.output, "a log line among the program's output")

    def test_all_eight_bits_of_the_status_arrive(self):
        for status in (0, 1, 119, 255):
            self.expect(run("--program", portable("exit"), "--args", status), status)

    def test_both_engines_compute_the_same(self):
        result = run(typed="run --compiled /bin/compute.wasm\nrun --interp /bin/compute.wasm\npoweroff\n", limit=120)
        self.expect(result, 0)
        self.assertEqual(result.output.count("energy -0.169075164, after 1000 steps -0.169087605"), 2, result.output)

    def test_files_of_the_disk(self):
        with tempfile.TemporaryDirectory() as folder:
            data = random.Random(5).randbytes(1 << 20)
            (Path(folder) / "data").write_bytes(data)
            result = run("--program", portable("sha256"), "--args", "/files/data", "--files", folder)
        self.expect(result, 0, contains=f"{hashlib.sha256(data).hexdigest()}  /files/data")

    def test_each_trap_ends_the_program_and_only_it(self):
        lines = [f"run /bin/crash.wasm {kind}" for kind in TRAPS]
        result = run(typed="\n".join([*lines, "/bin/hello.wasm afterwards", "poweroff"]) + "\n")
        self.expect(result, 0, contains=["argument 1: afterwards", "divide"])
        for kind, text in TRAPS.items():
            said = result.output.split(f"run /bin/crash.wasm {kind}\n", 1)[1].split("halyard> ", 1)[0]
            self.assertIn(f"program crash.wasm: trap: {text}", said)
            self.assertIn("ended by a fault", said)

    def test_a_trap_names_functions_and_gives_119(self):
        result = run("--program", portable("crash"), "--args", "divide")
        self.expect(result, 119, contains=["#0 divide", "#1 main"])  # the first is a leaf without a frame

    def test_pipes_between_native_and_portable_programs(self):
        digest = hashlib.sha256(portable("hello").read_bytes()).hexdigest()
        result = run(typed="cat /bin/hello.wasm | /bin/sha256.wasm\n/bin/sha256.wasm /bin/hello.wasm | /bin/sha256.elf\n"
                     "/bin/sha256.wasm </bin/hello.wasm >/tmp/digest\ncat /tmp/digest\npoweroff\n")
        twice = hashlib.sha256(f"{digest}  /bin/hello.wasm\n".encode()).hexdigest()
        self.expect(result, 0, contains=[f"{twice}  -"])
        self.assertEqual(result.output.count(f"{digest}  -"), 2, result.output)

    def test_time_and_memory_are_limited(self):
        result = run(typed="run --cpu 1 /bin/spin.wasm\nrun --interp --cpu 1 /bin/spin.wasm\n"
                     "run --memory 64K /bin/hello.wasm x\n/bin/hello.wasm afterwards\npoweroff\n", limit=120)
        self.expect(result, 0, contains="argument 1: afterwards")
        self.assertEqual(result.output.count("its CPU time is used up"), 2, result.output)
        self.assertNotIn("argument 1: x", result.output)

    def test_jit_shows_what_became_of_a_file(self):
        result = run(typed="jit\njit /bin/hello.wasm\njit dump /bin/hello.wasm main\njit dump /bin/hello.wasm nothing\npoweroff\n")
        self.expect(result, 0, contains=["No portable program is loaded", "it has no such function"])
        self.assertRegex(result.output, r"(?m)^ *\d+ +\d+ bytes -> +\d+, +\d+ of stack, +\d+ ns  main$")
        self.assertRegex(result.output, r"(?m)^; code, \d+ bytes")

    def test_a_file_that_is_no_module_is_refused_by_name(self):
        good = portable("hello").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            cases = {"truncated": good[: len(good) // 2], "version": good[:4] + b"\2" + good[5:], "short": b"\0asm"}
            for name, data in cases.items():
                file = Path(folder) / f"{name}.wasm"
                file.write_bytes(data)
                result = run("--program", file)
                self.expect(result, 125, "not run", contains=f"/bin/{name}.wasm: ")

    def test_an_import_that_nobody_has_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            text, file = Path(folder) / "my.wat", Path(folder) / "my.wasm"
            text.write_text('(module (import "env" "paint" (func)) (func (export "_start")))')
            subprocess.run(["wat2wasm", str(text), "-o", str(file)], check=True)
            result = run("--program", file)
        self.expect(result, 125, "not run", contains=['"env" "paint"'])
