# SPDX-License-Identifier: MIT
"""The host command: its output and exit status, with each engine."""
import os
import platform
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from tree import build_directory

COMMAND = build_directory("host-tests") / "halyard-wasm"
ENGINES = ("--interp", "--compiled")

PROGRAM = r"""(module $sample
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hello\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $args (i32.const 16) (i32.const 20)))
    (drop (call $env (i32.const 24) (i32.const 28)))
    (call $exit (i32.add (i32.mul (i32.load (i32.const 16)) (i32.const 10)) (i32.load (i32.const 24)))))
  (func $inner (param i32) (result i32) (i32.load (local.get 0)))
  (func $outer (export "load") (param i32) (result i32) (call $inner (local.get 0)))
  (func (export "mixed") (param i32 i64 f32 f64) (result f64)
    (f64.add (f64.add (f64.convert_i32_s (local.get 0)) (f64.convert_i64_s (local.get 1)))
             (f64.add (f64.promote_f32 (local.get 2)) (local.get 3))))
  (func (export "push") (local $error i32)
    (i32.store (i32.const 4) (i32.const 4096))
    (loop $again
      (local.set $error (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (i32.eqz (local.get $error))))
    (call $exit (local.get $error)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0)))))
"""

FOLDERS = r"""(module
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $fd i32) (local $len i32)
    (local.set $fd (i32.const 3))
    (loop $again
      (if (i32.eqz (call $get (local.get $fd) (i32.const 0)))
        (then
          (local.set $len (i32.load (i32.const 4)))
          (drop (call $name (local.get $fd) (i32.const 64) (local.get $len)))
          (i32.store8 offset=64 (local.get $len) (i32.const 10))
          (i32.store (i32.const 8) (i32.const 64))
          (i32.store (i32.const 12) (i32.add (local.get $len) (i32.const 1)))
          (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))
          (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
          (br $again))))
    (call $exit (i32.sub (local.get $fd) (i32.const 3)))))
"""

# One parameter or result of each type.
TYPES = """(module
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
  (func (export "f64") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
  (func (export "v128") (param v128)))
"""
# Words that are accepted, with the result of the export, and words that are refused.
VALUES = {
    "i32": ({"-2147483648": -2**31, "4294967295": -1, "0xffffffff": -1, "-0x80000000": -2**31, "+7": 7, "010": 10, "-0": 0},
            ("4294967296", "-2147483649", "0x100000000", "", "-", "0x", "--1", " 1", "1 ", "1.0", "99999999999999999999")),
    "i64": ({"-9223372036854775808": -2**63, "18446744073709551615": -1, "0x7fffffffffffffff": 2**63 - 1},
            ("18446744073709551616", "-9223372036854775809", "- 1")),
    "f32": ({"1e-45": 1, "1.1754942e-38": 0x7fffff, "1e-60": 0, "-0": -2**31, "inf": 0x7f800000, "-inf": -0x800000,
             "nan": 0x7fc00000, "0x1.8p1": 0x40400000, "3.4028235e38": 0x7f7fffff, "16777217": 0x4b800000, "3.4028235677973366e38": 0x7f7fffff,
             "1.00000017881393432617187499": 0x3f800001},  # rounded twice, through a double, it would be larger
            ("1e39", "-1e39", "3.4028235677973367e38", "", " 1", "1x", "0x")),
    "f64": ({"5e-324": 1, "1e-310": 0x12688b70e62b, "1e-400": 0, "0x1p-1074": 1, "inf": 0x7ff << 52, "1e308": 0x7fe1ccf385ebc8a0},
            ("1e400", "-1e400", "e1")),
    "v128": ({}, ("0", "1")),
}
# Modules that are not commands, and the error messages.
NO_COMMANDS = {
    '(func (export "_start") (param i32) (result i32) (local.get 0))': "_start has parameters or results",
    f'(func (export "_start") (result{" i64" * 1000}) {"(i64.const -1)" * 1000})': "_start has parameters or results",
    '(func (export "_start")) (func (export "_initialize"))': "both _start and _initialize",
    '(func (export "_initialize"))': "no function _start: it is a reactor",
    '(func (export "_initialize") (param i32))': "_initialize has parameters or results",
    '(global (export "_start") i32 (i32.const 0))': "no function _start",
}
REACTOR = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $ready (i32.add (global.get $ready) (i32.const 1))) {0})
  (func (export "get") (result i32) (i32.add (global.get $ready) (i32.const 41))))
"""
LEAVE = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "leave") (param i32) (call $exit (local.get 0))))
"""


class HostCommand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = Path(cls.folder.name)
        cls.assembled(PROGRAM, "sample", "--debug-names")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def assembled(cls, text, name="m", *options):
        (cls.path / f"{name}.wat").write_text(text)
        subprocess.run(["wat2wasm", *options, f"{name}.wat", "-o", f"{name}.wasm"], cwd=cls.path, check=True)
        return f"{name}.wasm"

    def run_command(self, *words, **environment):
        return subprocess.run([str(COMMAND), *words], cwd=self.path, capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment})

    def each_engine(self, *words, **environment):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                yield self.run_command(engine, *words, **environment)

    def expect(self, status, output, errors, *words, engines=ENGINES):
        """On each engine the command exits with `status` and prints `output`; `errors` is all of standard error if it
        is empty, otherwise part of it."""
        for engine in engines:
            with self.subTest(engine=engine, words=words):
                done = self.run_command(engine, *words)
                self.assertEqual((done.stdout, done.returncode), (output, status), done.stderr[:500])
                self.assertTrue(errors in done.stderr if errors else not done.stderr, done.stderr[:500])

    def test_a_program_sees_only_the_folders_it_is_given(self):
        """The program prints the names of its folders and exits with their number."""
        self.assembled(FOLDERS, "folders")
        (self.path / "a").mkdir(exist_ok=True)
        for options, names in (([], ["/"]), (["--no-dir"], []), (["--dir", "a"], ["a"]), (["--dir", "a::/x"], ["/x"]),
                               (["--dir", "a::/", "--dir", "."], ["/", "."]), (["--no-dir", "--dir", "a"], ["a"]),
                               (["--dir", "a", "--no-dir"], [])):
            self.expect(len(names), "".join(f"{name}\n" for name in names), "", *options, "folders.wasm", engines=ENGINES[:1])
        for folder in ("nowhere", "", "::/", "a::"):
            self.expect(125, "", folder or "--dir", "--dir", folder, "folders.wasm", engines=ENGINES[:1])

    def test_a_program_gets_arguments_environment_and_output(self):
        self.expect(32, "hello\n", "", "--env", "A=1", "--env", "B=2", "sample.wasm", "one", "--two")
        stamp = self.path / "time"
        for _ in self.each_engine("sample.wasm", RATIO_TIME=str(stamp)):
            self.assertGreater(float(stamp.read_text()), 0)
            stamp.unlink()
        for engine in ENGINES:
            reader, writer = os.pipe()
            os.close(reader)
            words = [str(COMMAND), engine, "--invoke", "push", "sample.wasm"]
            done = subprocess.run(words, cwd=self.path, stdout=writer, timeout=300)
            os.close(writer)
            self.assertEqual(done.returncode, 64, engine)  # WASI's EPIPE

    def test_an_export_is_called_with_numbers(self):
        self.expect(0, f"{2**40 + 997.5}\n", "", "--invoke", "mixed", "sample.wasm", "-3", "0x10000000000", "0.5", "1e3")
        for words in (("1",), ("1", "2", "x", "4"), ("1", "2", "3", "4", "5")):
            self.expect(125, "", "mixed", "--invoke", "mixed", "sample.wasm", *words)
        module = self.assembled(TYPES)
        for kind, (taken, refused) in VALUES.items():
            for word, value in taken.items():
                self.expect(0, f"{value}\n", "", "--invoke", kind, module, word, engines=ENGINES[:1])
            for word in refused:
                self.expect(125, "", f"argument 1, {word}, is no {kind}", "--invoke", kind, module, word, engines=ENGINES[:1])
        words = [str(n) for n in range(200)]
        gets = " ".join(f"(local.get {n})" for n in reversed(words))
        module = self.assembled(f'(module (func (export "many") (param{" i32" * 200}) (result{" i32" * 200}) {gets}))')
        for done in self.each_engine("--invoke", "many", module, *words):
            self.assertEqual((done.stdout.split(), done.returncode), (words[::-1], 0), done.stderr)
        module = self.assembled("""(module (func (export "wide") (result i32 v128 f64)
                                     (i32.const 7) (v128.const i64x2 2 1) (f64.const 0.5)))""")
        done = self.run_command("--interp", "--invoke", "wide", module)
        self.assertEqual(done.stdout.split(), ["7", f"0x{1:016x}{2:016x}", "0.5"], done.stderr)

    def test_relaxed_operators_are_native_on_request(self):
        """(1 + 2^-27)^2 - (1 + 2^-26) is 2^-54 if the CPU has an instruction for the product and the sum, or 0."""
        module = self.assembled("""(module (func (export "fused") (result f64) (f64x2.extract_lane 0 (f64x2.relaxed_madd
          (v128.const f64x2 0x1.0000002p0 0) (v128.const f64x2 0x1.0000002p0 0) (v128.const f64x2 -0x1.0000004p0 0)))))""", "m", "--enable-relaxed-simd")
        for done in self.each_engine("--invoke", "fused", module):
            self.assertEqual(float(done.stdout), 0, done.stderr)
        done = self.run_command("--relaxed-native", "--invoke", "fused", module)
        has_fma = platform.machine() == "aarch64" or " fma " in Path("/proc/cpuinfo").read_text()
        self.assertEqual(float(done.stdout), 2**-54 if has_fma else 0, done.stderr)

    def test_commands_and_reactors(self):
        for body, why in NO_COMMANDS.items():
            self.expect(125, "", why, self.assembled(f"(module {body})"))
        self.expect(0, "42\n", "", "--invoke", "get", self.assembled(REACTOR.format("")))
        for body, status, errors in (("(call $exit (i32.const 9))", 9, ""), ("unreachable", 119, "unreachable")):
            module = self.assembled(REACTOR.format(body))
            for name in ("get", "_initialize"):
                self.expect(status, "", errors, "--invoke", name, module)

    def test_exit_statuses_and_traps(self):
        module = self.assembled(LEAVE)
        self.expect(255, "", "", "--invoke", "leave", module, "255")
        for status in ("256", "257", "65536", "-1"):
            self.expect(255, "", f"exit status {int(status) % 2**32} is too large, reported as 255", "--invoke", "leave",
                        module, status)
        for done in self.each_engine("--invoke", "load", "sample.wasm", "65533"):
            self.assertEqual(done.returncode, 119)
            self.assertRegex(done.stderr, r"^halyard-wasm: sample.wasm: trap: out of bounds memory access\n"
                                          r"  #0 function 5 inner, offset 0x[0-9a-f]+\n  #1 function 6 outer, offset 0x[0-9a-f]+\n")
        for words in ("trap: call stack exhausted", " more\n"):
            self.expect(119, "", words, "--invoke", "deep", "sample.wasm", "4000000000")
        self.expect(0, "5000\n", "", "--invoke", "deep", "sample.wasm", "5000")

    def test_files_that_are_not_modules_are_refused(self):
        (self.path / "text").write_text("no module")
        (self.path / "empty").write_text("")
        for words, text in ((["text"], "not a WebAssembly module"), (["empty"], ""), (["absent"], "No such file"),
                            (["--nonsense"], "unknown option"), ([], "")):
            done = self.run_command(*words)
            self.assertEqual(done.returncode, 125)
            self.assertIn(text, done.stderr)
        done = self.run_command("--validate", "sample.wasm")
        self.assertRegex(done.stdout, r"^sample.wasm: valid, \d+ bytes, 6 functions\n$")
        self.assertEqual(done.returncode, 0)

    def check_disassembly(self, text):
        """If llvm-mc is installed, its instructions cover the code's bytes."""
        size = int(re.search(r"; code, (\d+) bytes", text)[1])
        listed = text.partition("; disassembly\n")[2]
        if shutil.which("llvm-mc") is None:
            self.assertIn("; not complete: llvm-mc", listed)
            return
        places = [int(place, 16) for place in re.findall(r"(?m)^ *([0-9a-f]+): [a-z]", listed)]
        self.assertEqual(places[0], 0)
        self.assertEqual(places, sorted(set(places)))
        self.assertLess(size - 16, places[-1], text)
        self.assertLess(places[-1], size, text)

    def test_a_function_is_shown_by_number_and_name(self):
        for name in ("5", "inner"):
            done = self.run_command("--dump", name, "sample.wasm")
            self.assertEqual(done.returncode, 0)
            for stage in ("load.i32 memory0[v0", "; ir\n", "; selected\n", "; allocated\n", "; code, ", "; disassembly\n"):
                self.assertIn(stage, done.stdout)
            self.check_disassembly(done.stdout)
            interpreted = self.run_command("--interp", "--dump", name, "sample.wasm")
            self.assertIn("load.i32 memory0[v0", interpreted.stdout)
            self.assertLess(len(interpreted.stdout), len(done.stdout))
        for name in ("0", "nobody", "99"):
            self.assertEqual(self.run_command("--dump", name, "sample.wasm").returncode, 125)
