# SPDX-License-Identifier: MIT
"""Tests scripts/lib/patch.py: a patch of the kernel is refused, by the function's name, if it cannot be right."""
import json
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib")]

import extension  # noqa: E402
import patch  # noqa: E402

# The kernel: what its functions are called by is in another file, as far as it is called at all.
KERNEL = {
    "functions.c": """
struct point { int x, y; };
int add(int a, const char *b) { return a + *b; }
void draw(struct point p, enum { RED, BLUE } colour, void (*done)(long), int row[4]) { done(p.x + colour + row[0]); }
int print(const char *format, ...) { return *format; }
int both(int a, const char *b) { return add(a + 1, b); }
int calls_both(int a) { return both(a, "c"); }
int inlined(int a) { return a + 1; }
int calls_it(int a) { return inlined(a); }
static int local(int a) { return a + 2; }
int calls_local(int a) { return local(a); }
const unsigned char kernel_identity[16] = "0123456789abcdef";
""",
    "start.c": """
int add(int, const char *); int both(int, const char *); int print(const char *, ...); int calls_it(int); int calls_both(int); int calls_local(int); void draw();
void *table[] = {(void *)draw};
int _start(void) { return add(calls_it(1), "a") + both(2, "d") + calls_both(3) + print("b") + calls_local(3); }
""",
}
HEAD = '#include "kernel/load/extension_format.h"\n'
TAIL = """
static const struct livepatch patches[] = {%s, {0}};
__attribute__((section(".note.halyard"), used, aligned(4))) static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};
const struct extension halyard_extension = {.patches = patches};
"""
ADD = "int add(int, const char *); int mine(int a, const char *b) { return a - *b; }"


class Patches(unittest.TestCase):
    machine = "x86_64"

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)
        cls.kernel = cls.folder / "kernel.elf"
        for name, text in KERNEL.items():
            (cls.folder / name).write_text(text)
            cls.compile(name, "-O2", "-ffunction-sections", "-w")
        objects = [str(cls.folder / name) + ".o" for name in KERNEL]
        cls.run_well("ld.lld", *objects, "-o", str(cls.kernel))
        cls.run_well("ld.lld", *objects, "--emit-relocs", "--strip-debug", "-o", str(cls.folder / "named.elf"))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def run_tool(cls, *words):
        return subprocess.run(words, cwd=cls.folder, capture_output=True, text=True)

    @classmethod
    def run_well(cls, *words):
        done = cls.run_tool(*words)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    @classmethod
    def compile(cls, name, *flags):
        cls.run_well("clang", f"--target={cls.machine}-none-elf", "-ffreestanding", "-fno-pic", "-g", "-std=gnu2x", f"-I{ROOT}",
                *flags, "-c", name, "-o", f"{name}.o")

    def link(self, code, *rows):
        """(why it was refused or "", the file) of a patch with these rows."""
        (self.folder / "patch.c").write_text(HEAD + code + TAIL % ", ".join(f"LIVEPATCH({row})" for row in rows))
        self.compile("patch.c")
        return self.finish()

    def finish(self):
        out = self.folder / "patch.ko"
        return self.call(extension, self.kernel, self.folder / "patch.c.o", "-o", out) \
            or self.call(patch, self.kernel, self.folder / "named.elf", out), out

    @staticmethod
    def call(tool, *words):
        """What it complains about."""
        with unittest.mock.patch.object(sys, "argv", [tool.__name__, *map(str, words)]):
            try:
                tool.main()
            except SystemExit as why:
                return str(why)
        return ""

    def refused(self, words, code, *rows):
        self.assertIn(words, self.link(code, *rows)[0])

    def test_a_right_patch_is_marked(self):
        why, out = self.link(ADD, "add, mine")
        self.assertEqual(why, "")
        marked = out.read_bytes()
        self.call(extension, self.kernel, self.folder / "patch.c.o", "-o", out)
        differ = [i for i, (a, b) in enumerate(zip(marked, out.read_bytes())) if a != b]
        self.assertTrue(differ and differ[-1] - differ[0] < 8, "only the mark was written")

    def test_types_are_the_same_by_whatever_name(self):
        code = ("struct point { int x, y; }; typedef struct point place; typedef void done_t(long); typedef int number;\n"
                "number add(number, char const *); number mine(const number a, char const *b) { return a - *b; }\n"
                "int print(const char *, ...); int mine2(const char *f, ...) { return -*f; }")
        self.assertEqual(self.link(code, "add, mine", "print, mine2")[0], "")

    def test_a_function_that_was_inlined_somewhere(self):
        code = "int both(int, const char *); static int mine(int a, const char *b) { return a - *b; } int more(int a) { return mine(a, 0); }"
        self.assertEqual(self.link(code, "both, mine")[0], "")
        self.refused("both: it is int (int, const char *), and", "int both(int); int mine(int a) { return a; }", "both, mine")

    def test_another_type_than_the_functions_own(self):
        self.refused("add: it is int (int, char *), and its replacement long (long)".replace("char *", "const char *"),
                     "long add(long); long mine(long a) { return a; }", "add, mine")
        self.refused("print: it is int (const char *, ...), and its replacement int (const char *)",
                     "int print(const char *); int mine(const char *a) { return *a; }", "print, mine")
        self.refused("draw: it is void (struct point, enum", "void draw(int); void mine(int a) { (void)a; }", "draw, mine")

    def test_the_second_row_is_checked_too(self):
        self.refused("print: it is", ADD + "int print(int); int mine2(int a) { return a; }", "add, mine", "print, mine2")

    def test_the_compiler_refuses_another_type_than_the_declared_one(self):
        with self.assertRaisesRegex(AssertionError, r"(?s)patch.c:3:.*LIVEPATCH\(add, mine\)"):
            self.link("int add(int, const char *); int mine(int a) { return a; }", "add, mine")

    def test_a_function_that_is_inlined_everywhere(self):
        self.refused("inlined: nothing in the kernel refers to it: it is inlined wherever it is called",
                     "int inlined(int); int mine(int a) { return a; }", "inlined, mine")

    def test_a_function_without_a_symbol(self):
        for name in ("local", "nothing"):
            self.refused(f"kernel.elf: {name}", f"int {name}(int); int mine(int a) {{ return a; }}", f"{name}, mine")

    def test_an_extension_without_functions(self):
        (self.folder / "patch.c").write_text(HEAD + TAIL.replace("{%s, {0}}", "{{0}}").replace("{.patches = patches}", "{0}"))
        self.compile("patch.c", "-Wno-unused-const-variable")
        self.assertIn("patch.ko: it lists no functions", self.finish()[0])


class PatchesOnAarch64(Patches):
    machine = "aarch64"


class Rooms(unittest.TestCase):
    """Which rooms of the kernel have functions that can be replaced: HALYARD_PATCHABLE_ROOMS of CMake."""

    def configure(self, machine, *options):
        """(the finished command, the rooms whose files are compiled with entries)"""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["cmake", "--preset", machine, "-B", folder, *options], cwd=ROOT, capture_output=True, text=True)
            file = Path(folder, "compile_commands.json")
            commands = json.loads(file.read_text()) if done.returncode == 0 else []
        rooms = {Path(c["file"]).relative_to(ROOT).parts[:2] for c in commands if "-fpatchable-function-entry=" in c["command"]}
        return done, sorted(room[1] for room in rooms if room[0] == "kernel")

    def test_a_build_can_have_entries_in_more_rooms_or_in_none(self):
        for machine in ("x86_64", "aarch64"):
            with self.subTest(machine):
                self.assertEqual(self.configure(machine)[1], ["module", "program", "shell"])
                self.assertEqual(self.configure(machine, "-DHALYARD_PATCHABLE_ROOMS=load;io")[1], ["io", "load"])
                self.assertEqual(self.configure(machine, "-DHALYARD_PATCHABLE_ROOMS=")[1], [])
                for room in ("lib", "nosuch"):
                    done, _ = self.configure(machine, f"-DHALYARD_PATCHABLE_ROOMS=module;{room}")
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(f"functions of kernel/{room} cannot have entries", " ".join(done.stderr.split()))


if __name__ == "__main__":
    unittest.main()
