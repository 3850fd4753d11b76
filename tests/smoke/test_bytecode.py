# SPDX-License-Identifier: MIT
"""Portable programs, as a person starts them: one file for both machines, compiled when it is loaded."""
import hashlib
import os
import random
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import wasisuite
from smoke import BUILD, MACHINE, ROOT, TestCase, program, run

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


# A program that exits with 42 if a sum over four lanes is right.
VECTORS = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $sum (param v128) (result i32)
    (i32.add (i32.add (i32x4.extract_lane 0 (local.get 0)) (i32x4.extract_lane 1 (local.get 0)))
             (i32.add (i32x4.extract_lane 2 (local.get 0)) (i32x4.extract_lane 3 (local.get 0)))))
  (func (export "_start")
    (call $exit (call $sum (i32x4.add (v128.const i32x4 1 2 3 4) (v128.const i32x4 8 8 8 8))))))
"""

# (1 + 2^-27)^2 - (1 + 2^-26) is 2^-54, or 0 if the product is rounded before the sum. The exit status is 43 or 42.
FUSED = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $exit (i32.add (i32.const 42) (f64.ne (f64.const 0) (f64x2.extract_lane 1
      (f64x2.relaxed_madd (v128.const f64x2 0 0x1.0000002p0) (v128.const f64x2 0 0x1.0000002p0)
                          (v128.const f64x2 0 -0x1.0000004p0))))))))
"""

# Operations for which an x86-64 CPU may lack an instruction. Operands come from memory; the program exits with the
# number of the first wrong result.
ROUNDINGS = [("f64.floor", -2.5, -3.0), ("f64.ceil", -2.5, -2.0), ("f64.trunc", -2.5, -2.0), ("f64.nearest", -2.5, -2.0),
             ("f32.floor", 1.75, 1.0), ("f32.ceil", 1.75, 2.0), ("f32.trunc", 1.75, 1.0), ("f32.nearest", 1.5, 2.0)]
COUNTS = [("i32.popcnt", 0xF0F0, 8), ("i64.popcnt", 0xFF0000000000, 8), ("i32.clz", 0x10000, 15), ("i64.clz", 0, 64),
          ("i32.ctz", 0x10000, 16), ("i64.ctz", 0, 64)]


def helpers():
    checks = []
    for name, operand, result in ROUNDINGS + COUNTS:
        kind = name[:3]
        place = f"({kind}.store (i32.const 64) ({kind}.const {operand}))"
        checks.append(f"{place} (if ({kind}.ne ({name} ({kind}.load (i32.const 64))) ({kind}.const {result})) "
                      f"(then (call $exit (i32.const {len(checks) + 1}))))")
    return f"""
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") {" ".join(checks)} (call $exit (i32.const 42))))
"""


def assembled(folder, name, text):
    """A module from its text."""
    source, out = Path(folder) / f"{name}.wat", Path(folder) / f"{name}.wasm"
    source.write_text(text)
    subprocess.run(["wat2wasm", "--enable-relaxed-simd", str(source), "-o", str(out)], check=True)
    return out


# At each depth of a recursion that ends with the stack: the WASI calls that use the most stack, and those that wait.
DEEP_CALLS = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "{path}")
  (func $deeper (param $depth i32) {locals}
    (drop (call $time (i32.const 1) (i64.const 0) (i32.const 0)))
    (drop (call $random (i32.const 0) (i32.const 64)))
    (drop (call $write (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 528)))
    (drop (call $poll (i32.const 600) (i32.const 700) (i32.const 1) (i32.const 800)))
    (if (i32.eqz (i32.rem_u (local.get $depth) (i32.const 64))) (then {files}))
    {before}
    (call $deeper (i32.add (local.get $depth) (i32.const 1)))
    {after})
  (func (export "_start") (call $deeper (i32.const {first}))))"""
DEEP_FILES = """
    (drop (call $readdir (i32.const 3) (i32.const 8192) (i32.const 4096) (i64.const 0) (i32.const 528)))
    (drop (call $stat (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const {length}) (i32.const 4096)))
    (drop (call $rename (i32.const 3) (i32.const 1024) (i32.const {length}) (i32.const 3) (i32.const 1024) (i32.const 9)))
    (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const {length}) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 528)))"""


def deep_calls(values, first):
    """The recursion with this many values live across each call: the frame is larger accordingly."""
    path = "a/../" * 40 + "n" * 200
    names = [f"$v{n}" for n in range(values)]
    before = [f"(local.set {v} (i64.load (i32.and (i32.mul (local.get $depth) (i32.const {8 + n})) (i32.const 0xfff8))))"
              for n, v in enumerate(names)]
    return (DEEP_CALLS.replace("{files}", DEEP_FILES).replace("{path}", path).replace("{length}", str(len(path)))
            .replace("{locals}", " ".join(f"(local {v} i64)" for v in names)).replace("{before}", " ".join(before))
            .replace("{after}", " ".join(f"(i64.store (i32.const 64) (local.get {v}))" for v in names))
            .replace("{first}", str(first)))


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

    def test_a_status_above_255_is_not_a_success(self):
        said = "exit status 256 is too large, reported as 255\n"
        for path in (portable("exit"), program("exit")):
            self.expect(run("--program", path, "--args", 256), 255, contains=f"run: /bin/{path.name}: {said}")
        lines = ["run --compiled /bin/exit.wasm 256", "run --interp /bin/exit.wasm 256", "run /bin/exit.elf 256"]
        result = run(typed="\n".join([*lines, "run /bin/exit.wasm 255", "poweroff"]) + "\n")
        self.expect(result)
        self.assertEqual(result.output.count(said), len(lines), result.output)
        self.assertEqual(result.output.count(": exit status 255\n"), len(lines) + 1, result.output)

    def test_a_module_that_is_not_a_command_is_refused(self):
        why = {"arguments": ("_start has parameters or results", '(func (export "_start") (param i32) (result i32) (local.get 0))'),
               "both": ("both _start and _initialize", '(func (export "_start")) (func (export "_initialize"))'),
               "reactor": ("no function _start: it is a reactor", '(func (export "_initialize"))'),
               "typed": ("_initialize has parameters or results", '(func (export "_initialize") (param i64))')}
        with tempfile.TemporaryDirectory() as folder:
            for name, (_, body) in why.items():
                assembled(folder, name, f'(module (memory (export "memory") 1) {body})')
            lines = [f"run --{engine} /files/{name}.wasm" for name in why for engine in ("compiled", "interp")]
            result = run("--program", portable("hello"), "--files", folder, "--append", "shell",
                         typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result)
        for name, (text, _) in why.items():
            self.assertEqual(result.output.count(f"run: /files/{name}.wasm: it"), 2, result.output)
            self.assertEqual(result.output.count(text), 2, result.output)

    def test_both_engines_print_the_same(self):
        """All samples except spin, which ends at its time limit: test_time_and_memory_are_limited."""
        commands = ["hello.wasm one 'two words'", "exit.wasm 0", "exit.wasm 255", "compute.wasm", "sha256.wasm /bin/hello.wasm",
                    *(f"crash.wasm {kind}" for kind in TRAPS)]
        lines = [f"run --{engine} /bin/{command}" for command in commands for engine in ("compiled", "interp")]
        result = run(typed="\n".join([*lines, "poweroff"]) + "\n")
        self.expect(result, 0, contains=["energy -0.169075164, after 1000 steps -0.169087605", "exit status 255"])
        answers = dict(result.answers)
        for command in commands:
            compiled, interpreted = (answers[f"run --{engine} /bin/{command}"] for engine in ("compiled", "interp"))
            if command.endswith("recursion"):  # the depth, and the positions of its frames, depend on the engine
                compiled, interpreted = (re.sub(r"(?m)^  (#\d+|and \d+ more).*\n", "", text) for text in (compiled, interpreted))
            with self.subTest(command):
                self.assertEqual(interpreted, compiled)

    def test_files_of_the_disk(self):
        with tempfile.TemporaryDirectory() as folder:
            data = random.Random(5).randbytes(1 << 20)
            (Path(folder) / "data").write_bytes(data)
            result = run("--program", portable("sha256"), "--args", "/files/data", "--files", folder)
        self.expect(result, 0, contains=f"{hashlib.sha256(data).hexdigest()}  /files/data")

    def test_a_program_reaches_the_folders_that_it_is_given_and_no_other(self):
        digest = f"{hashlib.sha256(portable('hello').read_bytes()).hexdigest()}  "
        can = [("--dir /bin", "/bin/hello.wasm"), ("--dir /bin::/x", "/x/hello.wasm"), ("--dir /bin::/", "/hello.wasm"),
               ("--dir /tmp --interp --dir /bin::/b", "/b/hello.wasm"), ("--no-dir --dir /bin", "/bin/hello.wasm"),
               ("--dir /::/all", "/all/bin/hello.wasm")]
        cannot = [("--no-dir", "/bin/hello.wasm"), ("--dir /tmp", "/bin/hello.wasm"), ("--dir /bin::/x", "/bin/hello.wasm"),
                  ("--dir /tmp", "/tmp/../bin/hello.wasm"), ("--dir /tmp::/", "../bin/hello.wasm"),
                  ("--dir /lib/modules --dir /tmp", "/lib/modules/../../bin/hello.wasm")]
        lines = [f"run {options} /bin/sha256.wasm {path}" for options, path in can + cannot]
        refused = {"run --dir /nowhere /bin/hello.wasm": "folder /nowhere: no such file",
                   "run --dir /bin/hello.wasm /bin/hello.wasm": "folder /bin/hello.wasm: ",
                   "run --dir /tmp /bin/hello.elf": "only portable programs have folders of their own",
                   "run --no-dir /bin/hello.elf": "only portable programs have folders of their own",
                   "run --dir ::/ /bin/hello.wasm": "usage: run", "run --dir /tmp:: /bin/hello.wasm": "usage: run",
                   "run " + "--dir /tmp " * 9 + "/bin/hello.wasm": "usage: run"}
        result = run(typed="\n".join([*lines, *refused, "run --no-dir /bin/hello.wasm afterwards", "poweroff"]) + "\n")
        self.expect(result, 0, contains="argument 1: afterwards")
        answers = dict(result.answers)
        for n, line in enumerate(lines):
            with self.subTest(line):
                self.assertEqual(digest in answers[line], n < len(can), answers[line])
        for line, why in refused.items():
            with self.subTest(line):
                self.assertIn(why, answers[line])

    def test_folders_from_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "data").write_bytes(b"data")
            digest = hashlib.sha256(b"data").hexdigest()
            result = run("--program", portable("sha256"), "--args", "/f/data", "--files", folder, "--dir", "/files::/f")
            self.expect(result, 0, contains=f"{digest}  /f/data")
            for options in (["--no-dir"], ["--dir", "/tmp"], ["--append", "dir="]):
                result = run("--program", portable("sha256"), "--args", "/files/data", "--files", folder, *options)
                self.assertNotIn(digest, result.output)
            result = run("--program", portable("sha256"), "--args", "/files/data", "--files", folder, "--dir", "/nowhere")
        self.expect(result, 125, "not run", contains="folder /nowhere: ")

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

    def test_calls_at_the_end_of_the_stack_are_a_trap(self):
        shapes = [(values, first) for values in (0, 1, 7, 40) for first in (0, 31)]
        with tempfile.TemporaryDirectory() as folder:
            tree, text, image = Path(folder, "tree"), Path(folder, "deep.wat"), Path(folder, "disk")
            (tree / "a").mkdir(parents=True)
            (tree / "hello.wasm").write_bytes(portable("hello").read_bytes())
            for n, shape in enumerate(shapes):
                text.write_text(deep_calls(*shape))
                subprocess.run(["wat2wasm", str(text), "-o", str(tree / f"deep{n}.wasm")], check=True)
            subprocess.run([str(ROOT / "scripts/mkdisk"), str(tree), str(image), "8M"], check=True, capture_output=True)
            lines = [f"run /deep{n}.wasm" for n in range(len(shapes))]
            result = run("--disk", image, typed="\n".join([*lines, "/hello.wasm afterwards", "poweroff"]) + "\n")
        self.expect(result, 0, contains="argument 1: afterwards")
        self.assertEqual(result.output.count("trap: call stack exhausted"), len(shapes), result.output)

    def test_time_and_memory_are_limited(self):
        result = run(typed="run --cpu 1 /bin/spin.wasm\nrun --interp --cpu 1 /bin/spin.wasm\n"
                     "run --memory 64K /bin/hello.wasm x\nrun --memory 1MK /bin/hello.wasm x\n"
                     "run --memory 0 /bin/hello.wasm x\nrun --memory 16384P /bin/hello.wasm x\n"
                     "run --memory 16777216T /bin/hello.wasm x\n/bin/hello.wasm afterwards\npoweroff\n")
        self.expect(result, 0, contains="argument 1: afterwards")
        self.assertEqual(result.output.count("its CPU time is used up"), 2, result.output)
        self.assertEqual(result.output.count("\nusage: run "), 4, result.output)
        self.assertNotIn("argument 1: x", result.output)

    def test_a_memory_above_the_limit_is_reported_with_its_size(self):
        with tempfile.TemporaryDirectory() as folder:
            file = assembled(folder, "big", '(module (memory (export "memory") 40000) (func (export "_start")))')
            result = run("--program", file)
        self.expect(result, 125, "not run", contains="no memory for the module's memory, which begins with 2560000 KiB (it may have ")

    def test_jit_shows_the_stages_of_a_module(self):
        result = run(typed="jit\njit /bin/hello.wasm\njit dump /bin/hello.wasm main\njit dump /bin/hello.wasm nothing\n"
                           "jit features\n/bin/spin.wasm &\nwhile ! jit | /bin/grep.wasm spin.wasm; do /bin/sleep.wasm 0; done\n"
                           "for n in 1 2 3 4 5; do jit $n; done\nkill %1\nwait\npoweroff\n")
        self.expect(result, 0, contains=["No portable program is loaded", "it has no such function"])
        self.assertRegex(result.output, r"(?m)^extended-const +yes$")
        shown = result.output.split("NUMBER  IN FILE    CODE B   STACK  TIME us  NAME\n")[1]
        sizes = [int(row[1]) for row in re.findall(r"(?m)^ *\d+ +(\d+) +(\d+) +\d+ +\d+  \w+$", shown)]
        self.assertGreater(len(sizes), 10)
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertRegex(shown, r"(?m)^ *\d+ +\d+ +\d+ +\d+ +\d+  main$")
        self.assertRegex(shown, r"(?m)^\d+ functions, \d+\.\d KiB in the file, became \d+\.\d KiB of code in \d+\.\d{3} ms$")
        self.assertRegex(shown, r"(?m)^ *\d+ +\d+ +\d+ +\d+  0x[0-9a-f]{16}  main$")
        self.assertRegex(shown, r"(?m)^ *\d+ +\d+ +0 +0  not compiled        \w+$")
        self.assertRegex(result.output, r"(?m)^; code, \d+ bytes")

    def test_a_file_that_is_not_a_module_is_refused_by_name(self):
        good = portable("hello").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            cases = {"truncated": good[: len(good) // 2], "version": good[:4] + b"\2" + good[5:], "short": b"\0asm"}
            for name, data in cases.items():
                file = Path(folder) / f"{name}.wasm"
                file.write_bytes(data)
                result = run("--program", file)
                self.expect(result, 125, "not run", contains=f"/bin/{name}.wasm: ")

    def test_a_missing_import_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            file = assembled(folder, "my", '(module (import "env" "paint" (func)) (func (export "_start")))')
            result = run("--program", file)
        self.expect(result, 125, "not run", contains=['"env" "paint"'])

    def test_vectors_are_compiled_and_interpreted_on_request(self):
        with tempfile.TemporaryDirectory() as folder:
            assembled(folder, "vectors", VECTORS)
            result = run("--program", portable("hello"), "--files", folder, "--append", "shell",
                         typed="run /files/vectors.wasm\nrun --interp /files/vectors.wasm\njit /files/vectors.wasm\npoweroff\n")
        self.expect(result, 0)
        compiled, interpreted = result.output.split("run --interp", 1)
        self.assertIn("run: /files/vectors.wasm: exit status 42", compiled, result.output)
        self.assertIn("run: /files/vectors.wasm: exit status 42", interpreted, result.output)

    def test_relaxed_operators_are_native_on_request(self):
        """Where the CPU has no such instruction, they are the same as without the option."""
        ways = ["", "--relaxed-native", "--relaxed-native --compile-all", "--relaxed-native --interp"]
        typed = "".join(f"run {how} /files/fused.wasm\n" for how in ways) + "poweroff\n"
        statuses = {"max": [42, 43, 43, 42]} | ({"qemu64": [42, 42, 42, 42]} if MACHINE == "x86_64" else {})
        with tempfile.TemporaryDirectory() as folder:
            assembled(folder, "fused", FUSED)
            for cpu, expected in statuses.items():
                result = run("--cpu", cpu, "--program", portable("hello"), "--files", folder, "--append", "shell", typed=typed)
                self.expect(result, 0)
                found = re.findall(r"run: /files/fused\.wasm: exit status (\d+)", result.output)
                self.assertEqual([int(status) for status in found], expected, result.output)

    def test_no_build_runs_wasm_opt(self):
        """clang would run it, if it linked with an optimisation level: then the result would depend on installed
        packages."""
        source = wasisuite.SOURCES / "exit.c"
        steps = subprocess.run(["ninja", "-C", str(BUILD), "-t", "commands", "programs/exit.wasm"], check=True,
                               capture_output=True, text=True).stdout.strip().split(" && ")
        with tempfile.TemporaryDirectory() as folder:
            made = str(Path(folder, "exit.wasm"))
            (Path(folder) / "programs/exit.dir").mkdir(parents=True)
            builds = [[shlex.split(step.replace(str(BUILD.resolve()), folder)) for step in steps if "clang" in step],
                      [wasisuite.builders()[".c"][0](source, made)]]
            tool, mark = Path(folder, "wasm-opt"), Path(folder, "was-run")
            tool.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
            tool.chmod(0o755)
            environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
            for build in builds:
                with self.subTest(build):
                    for step in build:
                        subprocess.run(step, check=True, env=environment, cwd=ROOT)
                    self.assertFalse(mark.exists())
            self.assertTrue(Path(folder, "programs/exit.wasm").exists())
            one_step = ["clang", "--target=wasm32-wasi", "-O2", f"-I{wasisuite.SOURCES}", str(source), "-o", made]
            subprocess.run(one_step, env=environment, stderr=subprocess.DEVNULL)
            self.assertTrue(mark.exists(), "clang does not look for wasm-opt: this test shows nothing")

    def test_jit_lists_loaded_programs_and_their_functions(self):
        build, why = wasisuite.builders()[".c"]
        self.assertIsNone(why)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(build(wasisuite.SOURCES / "exit.c", Path(folder, "exit.wasm")), check=True)
            shutil.copy(BUILD / "programs/grep.wasm", folder)
            # The programs wait for input, which jobs in the background do not get.
            typed = ["jit"]
            for option, engine in (("--compiled", "compiled"), ("--interp", "interpreter")):
                typed += [f"run {option} /files/exit.wasm echo &",
                          f"while ! jit | /files/grep.wasm '{engine}.*exit'; do true; done"]
            result = run("--program", portable("hello"), "--files", folder, "--append", "shell",
                         typed="\n".join([*typed, "for n in 1 2 3 4; do jit $n; done", "jit 12345", "poweroff", ""]))
        self.expect(result, 0, contains=["No portable program is loaded.",
                                         "jit: no portable program has the number 12345"])
        line = r"(?m)^ *\d+ {} +\d+( +[\d.]+ [KMG]?i?B){{3}} +\d+\.\d{{3}} ms  /files/exit\.wasm$"
        self.assertRegex(result.output, line.format("compiled"))
        self.assertRegex(result.output, line.format("interpreter"))
        self.assertRegex(result.output, r"(?m)^ *\d+ +\d+ +\d+ +\d+  0x[0-9a-f]{12,}  main$")

    def test_on_the_oldest_cpu(self):
        """Before x86-64-v2, helpers replace missing instructions; AArch64 without LSE atomics and pointer signing."""
        cpu = {"x86_64": "qemu64", "aarch64": "cortex-a53"}[MACHINE]
        with tempfile.TemporaryDirectory() as folder:
            self.expect(run("--cpu", cpu, "--program", assembled(folder, "helpers", helpers())), 42)
            self.expect(run("--cpu", cpu, "--program", assembled(folder, "vectors", VECTORS)), 42)
        result = run("--cpu", cpu, "--program", portable("compute"))
        self.expect(result, 0, contains="energy -0.169075164, after 1000 steps -0.169087605")
        self.expect(run("--cpu", cpu, "--program", portable("crash"), "--args", "divide"), 119, contains="#1 main")
