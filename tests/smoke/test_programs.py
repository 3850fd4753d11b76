# SPDX-License-Identifier: MIT
"""Programs from a disk, as a person starts them: output, status, files, faults."""
import hashlib
import os
import random
import subprocess
import tempfile
import threading
from pathlib import Path

from smoke import BUILD, LIMIT_S, MACHINE, RUN, TestCase, program, run, start_at_terminal
from tree import ROOT


def compile_program(folder, source, name="my.elf"):
    """Build one C file with the README's one line, at the repository's root."""
    file = Path(folder) / "my.c"
    file.write_text(source)
    out = Path(folder) / name
    subprocess.run(["clang", f"@programs/cflags.{MACHINE}", "-c", str(file), "-o", str(out)],
                   cwd=ROOT, check=True, capture_output=True)
    return out


class Programs(TestCase):
    def test_hello_prints_and_returns_zero(self):
        result = run("--program", program("hello"))
        self.expect(result, 0)
        self.assertTrue(result.output.strip(), "it printed nothing")
        self.assertNotIn("boot:", result.output, "a log line among the program's output")

    def test_all_eight_bits_of_the_status_arrive(self):
        for status in (0, 1, 42, 119, 120, 125, 200, 255):
            result = run("--program", program("exit"), "--args", status)
            self.expect(result, status)
            self.assertIsNone(result.verdict, f"status {status} taken for an end of the runner's own")

    def test_a_name_may_hold_blanks_and_quotes(self):
        boots = (["--boot", "kernel"], ["--boot", "iso"]) if MACHINE == "x86_64" else ([],)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("my prog.elf", "it's.elf", 'a "b" \\c.elf'):
                (Path(folder) / name).write_bytes(program("exit").read_bytes())
                for boot in boots:
                    with self.subTest(name=name, boot=boot):
                        self.expect(run("--program", Path(folder) / name, "--args", 42, *boot), 42)

    def test_compute_checks_its_floating_point(self):
        self.expect(run("--program", program("compute")), 0)

    def test_threads_of_a_program(self):
        self.expect(run("--program", program("threads")), 0)

    def test_sha256_of_a_64_mib_file_equals_the_hosts(self):
        with tempfile.TemporaryDirectory() as folder:
            data = random.Random(64).randbytes(64 << 20)
            (Path(folder) / "data").write_bytes(data)
            result = run("--program", program("sha256"), "--args", "/files/data", "--files", folder)
        self.expect(result, 0, contains=f"{hashlib.sha256(data).hexdigest()}  /files/data")

    def test_sha256_of_edge_sizes_equals_the_hosts(self):
        with tempfile.TemporaryDirectory() as folder:
            expected, names = [], []
            for size in (0, 1, 55, 56, 64, 1023, 1024, 4096, 12 * 1024, 12 * 1024 + 1, 300 * 1024):
                data = random.Random(size).randbytes(size)
                (Path(folder) / f"f{size}").write_bytes(data)
                expected.append(f"{hashlib.sha256(data).hexdigest()}  /files/f{size}")
                names.append(f"run /bin/sha256.elf /files/f{size}")
            (Path(folder) / "sha256.elf").write_bytes(program("sha256").read_bytes())
            result = run("--program", program("sha256"), "--args", "/files/f0", "--files", folder,
                         "--append", "shell",
                         typed="\n".join(names) + "\npoweroff\n")
        self.expect(result, contains=expected)

    def test_the_readmes_command_makes_a_new_program(self):
        with tempfile.TemporaryDirectory() as folder:
            mine = compile_program(folder, """
                #include "halyard.h"
                int main(int argc, char **argv)
                {
                    for (int i = 1; i < argc; i++) {
                        hy_printf("[%s]", argv[i]);
                    }
                    hy_printf("\\n");
                    return argc;
                }
            """)
            result = run("--program", mine, "--args", 'one "two three" four')
        self.expect(result, 4, contains="[one][two three][four]")

    def test_a_second_build_has_nothing_to_do(self):
        built = subprocess.run(["ninja", "-C", BUILD], check=True, capture_output=True, text=True).stdout
        self.assertEqual(built.splitlines()[-1], "ninja: no work to do.")

    def test_a_program_reads_its_standard_input(self):
        with tempfile.TemporaryDirectory() as folder:
            mine = compile_program(folder, """
                #include "halyard.h"
                int main(void)
                {
                    char c;
                    int sum = 0;
                    while (hy_read(0, &c, 1) == 1 && c != '.') {
                        sum += c == '\\r' || c == '\\n' ? 0 : c - '0';
                    }
                    return sum;
                }
            """)
            result = run("--program", mine, typed="1\n2\n3\n4.")
        self.expect(result, 10)


class Faults(TestCase):
    def crash(self, kind, *options):
        result = run("--program", program("crash"), "--args", kind, *options)
        self.expect(result, 119)
        return result

    def test_each_kind_of_crash_ends_the_program_only(self):
        for kind in ("read-null", "write-null", "write-text", "write-rodata", "exec-data", "jump", "illegal",
                     "breakpoint", "recursion-call"):
            with self.subTest(kind=kind):
                self.crash(kind)

    def test_endless_recursion_is_named(self):
        result = self.crash("recursion")
        self.assertIn("stack overflow", (result.output + result.errors).lower())

    def test_waiting_with_too_little_stack_for_an_interrupt_is_an_overflow(self):
        """Otherwise no other thread would ever run on that CPU again."""
        result = self.crash("spin-deep", "--smp", "1")
        self.assertIn("stack overflow", result.output)

    def test_the_kernel_continues_after_crashes(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "crash.elf").write_bytes(program("crash").read_bytes())
            (Path(folder) / "hello.elf").write_bytes(program("hello").read_bytes())
            lines = ["mem"] + ["run /files/crash.elf read-null", "run /files/crash.elf recursion"] * 5
            lines += ["run /files/hello.elf", "mem", "poweroff"]
            result = run("--program", program("hello"), "--files", folder, "--append", "shell",
                         typed="\n".join(lines) + "\n")
        self.expect(result)
        self.assertEqual(result.output.count("ended by a fault"), 10, result.output)

    def interrupted(self, *program_and_args):
        """Start a program that prints "spinning", then press Ctrl-C, and return how it ended."""
        argv = [str(RUN), MACHINE, "--build", str(BUILD), "--no-build", "--no-install", "--program",
                *map(str, program_and_args)]
        process, keyboard = start_at_terminal(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process:
            watchdog = threading.Timer(2 * LIMIT_S, process.terminate)
            watchdog.start()
            try:
                for line in process.stdout:
                    if line.startswith(b"spinning"):
                        break
                os.write(keyboard, b"\x03")
                output, errors = process.communicate()
            finally:
                watchdog.cancel()
                os.close(keyboard)
        return process.returncode, output, errors

    def test_ctrl_c_ends_a_program_that_never_calls(self):
        status, output, errors = self.interrupted(program("spin"))
        self.assertEqual((status, errors.splitlines()[-1:]), (119, [b"run: program fault"]), output)
