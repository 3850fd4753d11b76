# SPDX-License-Identifier: MIT
"""The programs of tests/wasi in the guest: WASI over the kernel's files, both engines, real waits.

On the host they have a folder of their own; here they work in /tmp, below the folder that every program gets.
"""
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import wasisuite
from smoke import BUILD, ROOT, TestCase, run

# Source and arguments of the programs that both engines run.
RUNS = [
    ("calls.c", "one 'two words' '' tmp"),
    ("errors.c", "tmp"),
    ("libc.c", "one 'two words' '' tmp"),
    ("std.rs", "one 'two words' '' /tmp"),
    ("golib.go", "one 'two words' '' /tmp"),
    ("escape.c", "tmp"),
    ("leaks.c", "one tmp"),
    ("exit.c", "exit 7"),
    ("exit.c", "return 200"),
    ("exit.c", "raise 6"),
    ("exit.c", "abort"),
]


NO_INPUT = "< /nothing"  # otherwise they would read the lines that are piped to the shell


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

    def disk(self, folder, sources, **files):
        """A disk with these programs and files, in the folder."""
        tree, image = Path(folder, "tree"), Path(folder, "disk")
        tree.mkdir()
        for name, text in {"nothing": "", **files}.items():
            Path(tree, name).write_text(text)
        for source in sources:
            shutil.copy(self.built(source), tree)
        subprocess.run([str(ROOT / "scripts/mkdisk"), str(tree), str(image)], check=True, capture_output=True)
        return image

    def test_every_call_and_its_errors(self):
        result = run("--program", self.built("calls.c"), "--args", "one 'two words' '' tmp")
        self.expect(result, 0, contains=["to standard output"])
        self.expect(run("--program", self.built("errors.c"), "--args", "tmp"), 0)

    def test_threads_use_all_cpus(self):
        result = run("--program", BUILD / "programs/primes.wasm", "--args", "200000 8", "--smp", 4)
        self.expect(result, 0, contains=["17984 primes up to 200000, 201 ranges, 8 threads"])

    def test_cxx(self):
        """Exceptions, virtual functions, strings, vectors and streams."""
        expressions = "'1 + 2 * 3' '(1 + 2) / 4' 'max(1, 2 - 5)' 'sqrt(1 + 1)' '1 / (2 - 2)' 'sqrt()' '1 +' '2 ) 1'"
        result = run("--program", BUILD / "programs/calculate.wasm", "--args", expressions)
        self.expect(result, 2, contains=[
            "1 + 2 * 3: 7", "(1 + 2) / 4: 0.75", "max(1, 2 - 5): 1", "sqrt(1 + 1): 1.4142135623731", "division by zero",
            "sqrt(): vector", "1 +: syntax error: expected a number at 4", "2 ) 1: syntax error: unexpected ) at 3"])

    def test_exceptions_of_cxx(self):
        lines = [f"run {engine} /files/test-exceptions.wasm" for engine in ("--compiled", "--interp")]
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(BUILD / "programs/test-exceptions.wasm", folder)
            result = run("--files", folder, typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0)
        self.assertEqual(result.answers[:2], [(line, "38 checks\n") for line in lines])

    def test_cxx_of_emscripten(self):
        """Exceptions by the older instructions; Debian's emscripten is not among the packages that scripts/test installs."""
        if shutil.which("emcc") is None:
            self.skipTest("emcc is not installed (Debian's emscripten)")
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder, "thrown.wasm")
            subprocess.run(["emcc", "-O2", "-fwasm-exceptions", "-sSTANDALONE_WASM", ROOT / "tests/wasi/emscripten.cpp", "-o", made],
                           check=True)
            result = run("--files", folder, typed="run --interp /files/thrown.wasm\nrun /files/thrown.wasm\n"
                         "run --compile-all /files/thrown.wasm no-handler\npoweroff\n")
        self.expect(result, 0, contains=["program thrown.wasm: uncaught exception: tag 0, i32 "])
        printed = "derived 42, 3 guards\nbase 42\nvector\nstring\nstoi\nall, 4 guards\nsum 1666749999\n"
        for line, answer in result.answers[:3]:
            self.assertTrue(answer.startswith(printed), f"{line}: {answer}")

    def test_threads_of_the_sdk(self):
        """Errors, streams, conditions and limits of tests/programs/sdk_threads.c, and its end while a thread writes."""
        result = run("--program", BUILD / "programs/test-threads.wasm", "--smp", 2)
        self.expect(result, 0, contains=["perror: Not a directory", "threads: all is well"])
        result = run("--program", BUILD / "programs/test-threads.wasm", "--args", "exit")
        self.expect(result, 0, contains=["begun and ended"])

    def test_threads_have_a_limit(self):
        """Each of them waits for ever; main returns when one cannot be started."""
        with tempfile.TemporaryDirectory() as folder:
            many = Path(folder, "many.wasm")
            subprocess.run(["wat2wasm", "--enable-threads", ROOT / "programs/hostile/threads-many.wat", "-o", many], check=True)
            lines = [f"run {engine} /files/many.wasm" for engine in ("--compiled", "--interp")]
            result = run("--files", folder, typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0)
        self.assertEqual(result.answers[:2], [(line, "") for line in lines])

    def test_c_library(self):
        result = run("--program", self.built("libc.c"), "--args", "one 'two words' '' tmp")
        self.expect(result, 0, contains=["standard output of a C program"])

    def test_rust_standard_library(self):
        result = run("--program", self.built("std.rs"), "--args", "one 'two words' '' /tmp")
        self.expect(result, 0, contains=["standard output of a Rust program"])

    def test_go_standard_library(self):
        result = run("--program", self.built("golib.go"), "--args", "one 'two words' '' /tmp")
        self.expect(result, 0, contains=["standard output of a Go program 105"])

    def test_nothing_leads_out_of_the_folder(self):
        self.expect(run("--program", self.built("escape.c"), "--args", "tmp"), 0)

    def test_programs_given_one_folder_stay_in_it(self):
        """They get only /tmp: programs that use descriptor 3 directly as /, those with a library by its name."""
        can_build = {suffix for suffix, (_, why) in wasisuite.builders().items() if why is None}
        runs = [(source, arguments) for source, arguments in RUNS if Path(source).suffix in can_build]
        if not runs:
            raise unittest.SkipTest("no toolchain for any of them")
        lines = []
        for source, arguments in runs:
            by_name = source in ("libc.c", "std.rs", "golib.go")
            own = arguments if by_name else arguments.removesuffix("tmp")
            lines.append(f"run --dir {'/tmp' if by_name else '/tmp::/'} /{Path(source).stem}.wasm {own}".strip() + f" {NO_INPUT}")
        with tempfile.TemporaryDirectory() as folder:
            image = self.disk(folder, {source for source, _ in runs}, secret="secret")
            result = run("--disk", image, typed="\n".join([*lines, "cat /secret", "ls /", "poweroff"]) + "\n")
        self.expect(result, 0)
        answers = dict(result.answers)
        ends = {"exit 7": "exit status 7", "return 200": "exit status 200", "raise 6": "exit status 134", "abort": "ended by a fault"}
        for line, (source, arguments) in zip(lines, runs):
            with self.subTest(line):
                if source == "exit.c":
                    self.assertIn(ends[arguments], answers[line])
                else:
                    self.assertNotRegex(answers[line], r"exit status|ended by|\.c:\d|panicked")
        self.assertEqual(answers["cat /secret"].strip(), "secret")
        self.assertNotRegex(answers["ls /"], r"stolen|mine")

    def race(self, option):
        with tempfile.TemporaryDirectory() as folder:
            image = self.disk(folder, ["race.c", "swap.c"])
            result = run("--disk", image, typed=f"run {option} /race.wasm 2000 tmp/home | run {option} /swap.wasm /tmp\n"
                         "cat /tmp/home/d/secret\npoweroff\n")
        self.expect(result, 0)
        self.assertNotRegex(result.output, r"exit status|race\.c:|swap\.c:|ended by")
        self.assertRegex(result.output, r"(?m)^inside", result.output)

    def test_no_race_leads_out_of_the_folder(self):
        self.race("--compiled")

    def test_no_race_leads_out_of_the_folder_interpreted(self):
        self.race("--interp")

    def said(self, image, engine, runs):
        """The output of each, in a boot of its own, because they leave files behind."""
        lines = [f"run --{engine} /{Path(source).stem}.wasm {arguments} {NO_INPUT}" for source, arguments in runs]
        result = run("--disk", image, typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0)
        self.assertEqual([line for line, _ in result.answers], [*lines, "poweroff"], result.output)
        return [(*what, text) for what, (_, text) in zip(runs, result.answers)]

    def test_interpreted_programs_print_the_same(self):
        can_build = {suffix for suffix, (_, why) in wasisuite.builders().items() if why is None}
        runs = [(source, arguments) for source, arguments in RUNS if Path(source).suffix in can_build]
        if not runs:
            raise unittest.SkipTest("no toolchain for any of them")
        with tempfile.TemporaryDirectory() as folder:
            image = self.disk(folder, {source for source, _ in runs})
            self.assertEqual(self.said(image, "interp", runs), self.said(image, "compiled", runs))

    def test_nothing_that_can_be_read_is_an_address_of_the_kernel(self):
        self.expect(run("--program", self.built("leaks.c"), "--args", "one tmp"), 0)

    def test_programs_end_as_they_say(self):
        exit_program = self.built("exit.c")
        for arguments, status in (("exit 7", 7), ("return 200", 200), ("raise 6", 134), ("abort", 119)):
            self.expect(run("--program", exit_program, "--args", arguments), status)
