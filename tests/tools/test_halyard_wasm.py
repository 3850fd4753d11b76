# SPDX-License-Identifier: MIT
"""The host command: what it prints and how it ends, with each engine."""
import os
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
# Words that are taken, with what the export returns, and words that are not.
VALUES = {
    "i32": ({"-2147483648": -2**31, "4294967295": -1, "0xffffffff": -1, "-0x80000000": -2**31, "+7": 7, "010": 10, "-0": 0},
            ("4294967296", "-2147483649", "0x100000000", "", "-", "0x", "--1", " 1", "1 ", "1.0", "99999999999999999999")),
    "i64": ({"-9223372036854775808": -2**63, "18446744073709551615": -1, "0x7fffffffffffffff": 2**63 - 1},
            ("18446744073709551616", "-9223372036854775809", "- 1")),
    "f32": ({"1e-45": 1, "1.1754942e-38": 0x7fffff, "1e-60": 0, "-0": -2**31, "inf": 0x7f800000, "-inf": -0x800000,
             "nan": 0x7fc00000, "0x1.8p1": 0x40400000, "3.4028235e38": 0x7f7fffff, "16777217": 0x4b800000, "3.4028235677973366e38": 0x7f7fffff,
             "1.00000017881393432617187499": 0x3f800001},  # as a double first, it would be rounded up
            ("1e39", "-1e39", "3.4028235677973367e38", "", " 1", "1x", "0x")),
    "f64": ({"5e-324": 1, "1e-310": 0x12688b70e62b, "1e-400": 0, "0x1p-1074": 1, "inf": 0x7ff << 52, "1e308": 0x7fe1ccf385ebc8a0},
            ("1e400", "-1e400", "e1")),
    "v128": ({}, ("0", "1")),
}
# Commands that are none, and how that is said.
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
        (cls.path / "sample.wat").write_text(PROGRAM)
        subprocess.run(["wat2wasm", "--debug-names", "sample.wat", "-o", "sample.wasm"], cwd=cls.path, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_command(self, *words, **environment):
        return subprocess.run([str(COMMAND), *words], cwd=self.path, capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment})

    def test_folders_are_those_that_are_given(self):
        """What descriptor 3 and those behind it are called; the exit status is how many there are."""
        (self.path / "folders.wat").write_text(FOLDERS)
        subprocess.run(["wat2wasm", "folders.wat", "-o", "folders.wasm"], cwd=self.path, check=True)
        (self.path / "a").mkdir(exist_ok=True)
        for options, names in (([], ["/"]), (["--no-dir"], []), (["--dir", "a"], ["a"]), (["--dir", "a::/x"], ["/x"]),
                               (["--dir", "a::/", "--dir", "."], ["/", "."]), (["--no-dir", "--dir", "a"], ["a"]),
                               (["--dir", "a", "--no-dir"], [])):
            with self.subTest(options):
                done = self.run_command(*options, "folders.wasm")
                self.assertEqual((done.returncode, done.stdout.split()), (len(names), names), done.stderr)
        self.assertIn("nowhere", self.run_command("--dir", "nowhere", "folders.wasm").stderr)
        for folder in ("", "::/", "a::"):
            self.assertEqual(self.run_command("--dir", folder, "folders.wasm").returncode, 125)

    def each_engine(self, *words, **environment):
        for engine in ENGINES:
            with self.subTest(engine=engine):
                yield self.run_command(engine, *words, **environment)

    def test_a_program_runs_with_its_arguments_and_environment(self):
        for done in self.each_engine("--env", "A=1", "--env", "B=2", "sample.wasm", "one", "--two"):
            self.assertEqual((done.stdout, done.stderr, done.returncode), ("hello\n", "", 32))

    def test_a_pipe_that_nobody_reads_is_an_error_of_the_program(self):
        for engine in ENGINES:
            reader, writer = os.pipe()
            os.close(reader)
            words = [str(COMMAND), engine, "--invoke", "push", "sample.wasm"]
            done = subprocess.run(words, cwd=self.path, stdout=writer, timeout=300)
            os.close(writer)
            self.assertEqual(done.returncode, 64, engine)  # EPIPE, as WASI counts them

    def test_the_time_of_the_program_alone_is_written(self):
        stamp = self.path / "time"
        for _ in self.each_engine("sample.wasm", RATIO_TIME=str(stamp)):
            self.assertGreater(float(stamp.read_text()), 0)
            stamp.unlink()

    def test_an_export_is_called_with_numbers(self):
        for done in self.each_engine("--invoke", "mixed", "sample.wasm", "-3", "0x10000000000", "0.5", "1e3"):
            self.assertEqual((done.stdout, done.returncode), (f"{2**40 + 997.5}\n", 0))
        for words in (("1",), ("1", "2", "x", "4"), ("1", "2", "3", "4", "5")):
            done = self.run_command("--invoke", "mixed", "sample.wasm", *words)
            self.assertEqual(done.returncode, 125)
            self.assertIn("mixed", done.stderr)

    def assembled(self, text):
        (self.path / "m.wat").write_text(text)
        subprocess.run(["wat2wasm", "m.wat", "-o", "m.wasm"], cwd=self.path, check=True)
        return "m.wasm"

    def test_a_number_is_taken_if_its_type_has_it(self):
        module = self.assembled(TYPES)
        for kind, (taken, refused) in VALUES.items():
            for word, value in taken.items():
                with self.subTest(kind=kind, word=word):
                    done = self.run_command("--interp", "--invoke", kind, module, word)
                    self.assertEqual((done.stdout, done.returncode), (f"{value}\n", 0), done.stderr)
            for word in refused:
                with self.subTest(kind=kind, word=word):
                    done = self.run_command("--interp", "--invoke", kind, module, word)
                    self.assertEqual((done.stdout, done.returncode), ("", 125))
                    self.assertIn(f"argument 1, {word}, is no {kind}", done.stderr)

    def test_an_export_has_as_many_arguments_and_results_as_it_likes(self):
        count = 200
        module = self.assembled(
            f"""(module
                (func (export "many") (param{" i32" * count}) (result{" i32" * count})
                  {" ".join(f"(local.get {n})" for n in reversed(range(count)))}))""")
        words = [str(n) for n in range(count)]
        for done in self.each_engine("--invoke", "many", module, *words):
            self.assertEqual((done.stdout.split(), done.returncode), (words[::-1], 0), done.stderr)
        module = self.assembled("""(module (func (export "wide") (result i32 v128 f64)
                                     (i32.const 7) (v128.const i64x2 2 1) (f64.const 0.5)))""")
        done = self.run_command("--interp", "--invoke", "wide", module)
        self.assertEqual(done.stdout.split(), ["7", f"0x{1:016x}{2:016x}", "0.5"], done.stderr)

    def test_what_is_no_command_is_refused(self):
        for body, why in NO_COMMANDS.items():
            module = self.assembled(f"(module {body})")
            for done in self.each_engine(module):
                self.assertEqual((done.stdout, done.returncode), ("", 125), body[:80])
                self.assertIn(why, done.stderr)

    def test_a_reactor_is_initialized_once_before_a_call(self):
        module = self.assembled(REACTOR.format(""))
        for done in self.each_engine("--invoke", "get", module):
            self.assertEqual((done.stdout, done.returncode), ("42\n", 0), done.stderr)
        for body, status in (("(call $exit (i32.const 9))", 9), ("unreachable", 119)):
            module = self.assembled(REACTOR.format(body))
            for name in ("get", "_initialize"):
                for done in self.each_engine("--invoke", name, module):
                    self.assertEqual((done.stdout, done.returncode), ("", status), done.stderr)

    def test_a_status_that_is_too_large_is_no_success(self):
        module = self.assembled(LEAVE)
        for status in ("256", "257", "65536", "-1"):
            for done in self.each_engine("--invoke", "leave", module, status):
                self.assertEqual(done.returncode, 255)
                self.assertIn(f"exit status {int(status) % 2**32} is too large, reported as 255", done.stderr)
        for done in self.each_engine("--invoke", "leave", module, "255"):
            self.assertEqual((done.stderr, done.returncode), ("", 255))

    def test_a_trap_is_named_with_the_functions_that_were_open(self):
        for done in self.each_engine("--invoke", "load", "sample.wasm", "65533"):
            self.assertEqual(done.returncode, 119)
            lines = done.stderr.splitlines()
            self.assertEqual(lines[0], "halyard-wasm: sample.wasm: trap: out of bounds memory access")
            self.assertRegex(lines[1], r"^  #0 function 5 inner, offset 0x[0-9a-f]+$")
            self.assertRegex(lines[2], r"^  #1 function 6 outer, offset 0x[0-9a-f]+$")

    def test_deep_recursion_traps(self):
        for done in self.each_engine("--invoke", "deep", "sample.wasm", "4000000000"):
            self.assertEqual(done.returncode, 119)
            self.assertIn("trap: call stack exhausted", done.stderr)
            self.assertIn(" more\n", done.stderr)
        for done in self.each_engine("--invoke", "deep", "sample.wasm", "5000"):
            self.assertEqual(done.stdout, "5000\n")

    def test_what_is_no_module_is_refused(self):
        (self.path / "text").write_text("no module")
        (self.path / "empty").write_text("")
        for words, text in (("text", "no WebAssembly module"), ("empty", ""), ("absent", "No such file"),
                            ("--nonsense", "unknown option"), ("", "")):
            done = self.run_command(*([words] if words else []))
            self.assertEqual(done.returncode, 125)
            self.assertIn(text, done.stderr)

    def test_a_valid_module_is_said_to_be(self):
        done = self.run_command("--validate", "sample.wasm")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^sample.wasm: valid, \d+ bytes, 6 functions\n$")

    def test_a_function_is_shown_by_number_and_name(self):
        for name in ("5", "inner"):
            done = self.run_command("--dump", name, "sample.wasm")
            self.assertEqual(done.returncode, 0)
            for stage in ("load.i32 memory0[v0", "; ir\n", "; selected\n", "; allocated\n", "; code, "):
                self.assertIn(stage, done.stdout)
            interpreted = self.run_command("--interp", "--dump", name, "sample.wasm")
            self.assertIn("load.i32 memory0[v0", interpreted.stdout)
            self.assertLess(len(interpreted.stdout), len(done.stdout))
        for name in ("0", "nobody", "99"):
            self.assertEqual(self.run_command("--dump", name, "sample.wasm").returncode, 125)


if __name__ == "__main__":
    unittest.main()
