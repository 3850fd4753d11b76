# SPDX-License-Identifier: MIT
"""What programs and the shell read: a person's lines and keys, and piped data to its last byte."""
import hashlib
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import wasisuite
from person import Terminal
from smoke import BUILD, LIMIT_S, MACHINE, ROOT, TestCase, program, run

C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_mode(const char *mode)
{
    FILE *f = fopen("/dev/ttyctl", "w");
    if (f == NULL || fputs(mode, f) < 0 || fclose(f) != 0) {
        puts("no mode");
        exit(1);
    }
}

static void print_file(const char *path)
{
    char line[80];
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        fputs(line, stdout);
    }
}

static void print_keys(void)
{
    unsigned char key = 0;
    printf("keys:");
    fflush(stdout);
    while (key != 'q' && read(0, &key, 1) == 1) {
        printf(" %d", key);
        fflush(stdout);
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    char line[8000];
    printf("terminal: %d\nname? ", isatty(0));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        printf("<%s>\nname? ", line);
        fflush(stdout);
    }
    printf("end %s %s\n", argc > 1 ? getenv("COLUMNS") : "", argc > 1 ? getenv("LINES") : "");
    if (argv[1] != NULL && argc > 1) {
        print_file("/dev/ttyctl");
        set_mode("raw");
        print_keys();
        set_mode("keys");
        print_keys();
        abort();
    }
    return 0;
}
"""

NATIVE = r"""
#include "halyard.h"

int main(int argc, char **argv)
{
    struct hy_terminal_size size;
    uint8_t key = 0;
    for (char **env = argv + argc + 1; *env != NULL; env++) {
        hy_printf("%s\n", *env);
    }
    hy_printf("size %d %u %u\n", hy_terminal_size(&size), size.columns, size.rows);
    hy_printf("mode %d", hy_terminal_mode(HY_TERMINAL_RAW));
    while (key != 'q' && hy_wait_readable(0, UINT64_MAX) >= 0 && hy_read(0, &key, 1) == 1) {
        hy_printf(" %d", key);
    }
    hy_printf(" mode %d\n", hy_terminal_mode(HY_TERMINAL_LINES));
    return hy_terminal_mode(3) < 0 ? 0 : 1;
}
"""

GO = """package main

import (
    "bufio"
    "fmt"
    "os"
)

func main() {
    lines := bufio.NewScanner(os.Stdin)
    fmt.Print("go? ")
    for lines.Scan() {
        fmt.Printf("[%s]\\ngo? ", lines.Text())
    }
    fmt.Println("over")
}
"""


def build(folder, name, source):
    compile_it, why = wasisuite.builders()[Path(name).suffix]
    if why:
        raise unittest.SkipTest(why)
    file, out = Path(folder, name), Path(folder, Path(name).stem + ".wasm")
    file.write_text(source)
    subprocess.run(compile_it(file, out), check=True, capture_output=True)
    return out


def build_native(folder, name, source):
    file, out = Path(folder, name), Path(folder, Path(name).stem + ".elf")
    file.write_text(source)
    subprocess.run(["clang", f"@programs/cflags.{MACHINE}", "-c", str(file), "-o", str(out)], cwd=ROOT, check=True)
    return out


def disk(folder, *programs):
    tree, image = Path(folder, "tree"), Path(folder, "disk.img")
    tree.mkdir()
    for file in programs:
        shutil.copy(file, tree / Path(file).name)
    subprocess.run([str(ROOT / "scripts/mkdisk"), str(tree), str(image)], check=True, capture_output=True)
    return image


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Person(TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory(prefix="halyard-")
        self.addCleanup(self.work.cleanup)

    def test_programs_read_lines_that_a_person_edits(self):
        names = build(self.work.name, "names.c", C)
        with Terminal(80, "--disk", disk(self.work.name, program("sha256"), program("spin"), names)) as t:
            t.wait_line("")
            for typed, line in (("abx\x7fc", "abc"), ("drop this\x15one two\x17three", "one three"), ("é漢\x7f!", "é!")):
                t.type("/sha256.elf\r" + typed)
                t.wait_for("halyard> /sha256.elf", line)
                t.type("\r\x04")
                t.wait(lambda: f"{digest(line.encode() + bytes([10]))}  -" in t.text(), "the digest of " + line)
                t.wait_line("")
            t.type("/names.wasm\r")
            t.wait_for("terminal: 1", "name? ".rstrip())
            t.type("Ada\rGrace\r")
            t.wait_for("name? Ada", "<Ada>", "name? Grace", "<Grace>", "name?")
            t.type("unfinished")
            t.wait_for("name? unfinished")
            t.type("\x03")
            t.wait(lambda: "run: /names.wasm: killed" in t.text(), "the end")
            t.wait_line("")  # the shell does not get it
            t.type("/spin.elf\r")
            t.wait(lambda: "spinning" in t.text(), "spinning")
            t.type("\x1c")
            t.wait_for("run: /spin.elf: killed")
            t.wait_line("")
            t.type("poweroff\r")
            self.assertEqual(t.process.wait(LIMIT_S), 0)

    def test_a_program_reads_keys_and_the_size_and_a_trap_ends_the_mode(self):
        names = build(self.work.name, "names.c", C)
        with Terminal(97, "--disk", disk(self.work.name, names)) as t:
            t.wait_line("")
            t.type("/names.wasm keys\r")
            t.wait_for("terminal: 1", "name?")
            t.type("\x04")
            t.wait_for("name? end 97 40", "mode lines", "columns 97", "rows 40", "keys:")
            t.type("a\x03\x1a\r\x7f\x04q")
            t.wait_for("keys: 97 3 26 13 127 4 113", "keys:")
            t.type("\x04q")
            t.wait_for("keys: 4 113")
            t.wait_line("")  # after a trap
            t.type("/names.wasm keys\r")
            t.wait_for("terminal: 1", "name?")
            t.type("lines again\r")
            t.wait_for("name? lines again", "<lines again>", "name?")
            t.type("\x04")
            t.wait(lambda: t.text().count("\nkeys:") == 3, "the second program's keys")
            t.type("q")
            t.wait_for("keys: 113", "keys:")
            t.type("\x03")
            t.wait_for("keys:", "run: /names.wasm: killed")
            t.type("poweroff\r")
            self.assertEqual(t.process.wait(LIMIT_S), 0)

    def test_a_native_program_of_the_command_line_reads_keys(self):
        with Terminal(91, "--program", build_native(self.work.name, "keys.c", NATIVE)) as t:
            t.wait_for("PWD=/", "COLUMNS=91", "LINES=40", "size 0 91 40", "mode 0")
            t.type("a\x03\x1a\r\x7f\x04q")
            t.wait_for("mode 0 97 3 26 13 127 4 113 mode 2")
            self.assertEqual(t.process.wait(LIMIT_S), 0)

    def test_a_go_program_scans_lines(self):
        with Terminal(80, "--program", build(self.work.name, "lines.go", GO)) as t:
            t.wait(lambda: t.text().endswith("go?"), "the program's prompt")
            t.type("first\rsecond\x17 2nd\r")
            t.wait_for("go? first", "[first]", "go?  2nd", "[ 2nd]", "go?")
            t.type("\x04")
            t.wait_for("go? over")
            self.assertEqual(t.process.wait(LIMIT_S), 0)


class Piped(TestCase):
    def test_every_byte_reaches_a_program_and_then_the_end(self):
        data = bytes(range(256)) * 2 + bytes([16, 4, 16, 16, 4, 3]) + random.Random(25).randbytes(6000) + bytes([16])
        result = run("--program", program("sha256"), typed=data)
        self.expect(result, 0)
        self.assertEqual(result.output, f"{digest(data)}  -\n")

    def test_no_input_ends_at_once(self):
        result = run("--program", program("sha256"))
        self.expect(result, 0)
        self.assertEqual(result.output, f"{digest(b'')}  -\n")

    def test_lines_are_not_echoed_and_no_terminal_is_claimed(self):
        with tempfile.TemporaryDirectory(prefix="halyard-") as work:
            names = build(work, "names.c", C)
            long = "x" * 5000  # no line discipline limits it
            result = run("--program", names, typed=f"Ada\n\x03\x04\x15\n{long}\nlast")
        self.expect(result, 0)
        self.assertEqual(result.output, "terminal: 0\nname? <Ada>\nname? <\x03\x04\x15>\n"
                         f"name? <{long}>\nname? <last>\nname? end  \n")

    def test_the_end_of_input_ends_the_shell(self):
        """In the shell's lines no byte is a key, either: a tab, Ctrl-C, Ctrl-U, an arrow."""
        result = run(typed='write /tmp/a "a\tb\x15\x1b[A\x03c"\n\tcat /tmp/a\nwrite /tmp/a \0\n'
                     "/bin/sha256.elf\nhello\n")  # the program reads the rest
        self.expect(result, 0, contains=[
            'halyard> write /tmp/a "a\tb\\x15\\x1b[A\\x03c"\nhalyard> \tcat /tmp/a\na\tb\x15\x1b[A\x03c\n',
            "shell: the line has a zero byte: not run\n",
            f"halyard> /bin/sha256.elf\n{digest(b'hello' + bytes([10]))}  -\nhalyard> \n"])
        self.assertNotIn("hello\n", result.output)

    def test_the_end_comes_again_after_a_reboot(self):
        argv = [str(ROOT / "scripts/run"), "--preset", Path(BUILD).name, "--build", str(BUILD), "--no-build",
                "--no-install"]  # without --timeout, which ends at a reboot
        done = subprocess.run(argv, input=b"reboot", capture_output=True, timeout=LIMIT_S)  # a last line without an end
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count(b"halyard> "), 2, done.stdout)
