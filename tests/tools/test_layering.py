# SPDX-License-Identifier: MIT
"""Tests the layering checks: each one finds a fault of its kind."""
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/layering")]

import check  # noqa: E402
import check_calls  # noqa: E402
import check_headers  # noqa: E402
import check_includes  # noqa: E402
import check_names  # noqa: E402
import check_orders  # noqa: E402
import check_prose  # noqa: E402
import check_reached  # noqa: E402
import check_sources  # noqa: E402
import check_symbols  # noqa: E402


class Includes(unittest.TestCase):
    def complaints(self, path, line):
        return [why for _, why in check_includes.check(path, [line])]

    def test_includes_between_layers(self):
        for path, line in (("kernel/lib/string.c", '#include "kernel/base/log.h"'),
                           ("hal/mmu.h", '#include "kernel/mm/page.h"'),
                           ("kernel/main.c", '#include "arch/x86_64/mmu.h"'),
                           ("kernel/main.c", '#include "../hal/mmu.h"'),
                           ("kernel/main.c", "#include <stdio.h>"),
                           ("arch/x86_64/mmu.c", '#include "arch/aarch64/mmu.h"'),
                           ("arch/x86_64/mmu.c", '#include "kernel/sched/thread.h"'),
                           ("kernel/load/elf/elf.c", '#include "hal/mmu.h"'),
                           ("kernel/main.c", '#include "tests/kernel/tests.h"'),
                           ("kernel/mm/page.h", '#include "kernel/sched/wait.h"'),
                           ("kernel/debug/lockcheck.h", '#include "kernel/debug/report/lockcheck.h"'),
                           ("kernel/io/device.c", '#include "kernel/tty/console.h"'),
                           ("kernel/main.c", "#if defined(__x86_64__)")):
            with self.subTest(path=path, line=line):
                self.assertEqual(len(self.complaints(path, line)), 1)

    def test_allowed_includes_pass(self):
        for path, line in (("kernel/main.c", '#include "hal/mmu.h"'), ("kernel/main.c", "#include <stdint.h>"),
                           ("kernel/debug/report/lockcheck.c", '#include "kernel/sched/mutex.h"'),
                           ("arch/x86_64/platform.c", '#include "drivers/serial/ns16550.h"'),
                           ("tests/unit/test_x.c", '#include "arch/x86_64/pte.c"')):
            with self.subTest(path=path, line=line):
                self.assertEqual(self.complaints(path, line), [])


class Planted(unittest.TestCase):
    """A small source tree with one fault."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.build = self.root / "build"
        self.build.mkdir()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def compile(self, path, text, target="kernel_objects"):
        source = self.write(path, text)
        out = self.build / f"CMakeFiles/{target}.dir" / (path + ".obj")
        out.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["clang", "--target=x86_64-none-elf", "-c", str(source), "-o", str(out)], check=True)

    def symbols(self):
        return list(check_symbols.complaints(self.root, self.build, "x86_64"))

    def test_symbols(self):
        self.compile("kernel/main.c", "void hal_one(void); void own(void); void f(void) { hal_one(); own(); }")
        self.compile("kernel/own.c", "void own(void) {}")
        self.compile("arch/x86_64/one.c", "void hal_one(void) {}")
        self.assertEqual(self.symbols(), [])

        self.compile("arch/x86_64/one.c", "void other(void) {}")
        self.assertIn("hal_one: used by portable code, not defined by x86_64", self.symbols())
        self.compile("arch/x86_64/one.c", "__attribute__((weak)) void hal_one(void) {}")
        self.assertTrue(any("is weak" in c for c in self.symbols()))
        self.compile("arch/x86_64/one.c", "void hal_one(void) {}")
        self.compile("kernel/own.c", "void arch_helper(void); void own(void) { arch_helper(); }")
        self.assertTrue(any("leaves arch_helper undefined" in c for c in self.symbols()))
        self.compile("kernel/cil/a.c", "void missing(void); void g(void) { missing(); }", target="cil_objects")
        self.assertTrue(any("leaves missing undefined" in c for c in self.symbols()))
        self.compile("kernel/own.c", "void own(void) {} void hal_two(void) {}")
        self.assertTrue(any("hal_two is not the machine's" in c for c in self.symbols()))

    def test_unreached_functions(self):
        self.write("kernel/a.c", "void nobody(void) {}\nvoid inlined(void) {}\nvoid f(void) { inlined(); /* nobody() */ }\n")
        listed = {"for a test": "later gone"}
        found = {("kernel/a.c", "nobody"), ("kernel/a.c", "inlined"), ("kernel/a.c", "later")}
        with unittest.mock.patch.object(check_reached, "unreached", lambda builds: found), \
                unittest.mock.patch.object(check_reached, "UNREACHED", listed):
            complaints = list(check_reached.complaints(self.root, []))
        self.assertEqual(len(complaints), 2)
        self.assertIn("does not reach nobody", complaints[0])
        self.assertIn("gone is reached, or gone", complaints[1])

    def calls(self):
        return list(check_calls.complaints(self.root, self.build, "x86_64"))

    def test_calls_go_down(self):
        self.compile("kernel/mm/page.c", "void page(void) {}")
        self.compile("kernel/sched/thread.c", "void page(void); void thread(void) { page(); }")
        self.compile("arch/x86_64/entry.c", "void thread(void); void entry(void) { thread(); }")
        self.assertEqual(self.calls(), [])
        self.compile("kernel/mm/up.c", "extern int counter; void thread(void); void up(void) { thread(); counter++; }")
        self.compile("kernel/main.c", "int counter;")
        self.assertEqual(self.calls(), [
            "kernel/mm/up.c: kernel/mm is below kernel: it uses counter of kernel/main.c",
            "kernel/mm/up.c: kernel/mm is below kernel/sched: it uses thread of kernel/sched/thread.c"])
        self.compile("drivers/d.c", "void driver(void) {}")
        self.compile("kernel/mm/up.c", "void driver(void); void up(void) { driver(); }")
        self.assertEqual(self.calls(), ["kernel/mm/up.c: kernel/mm is below drivers: it uses driver of drivers/d.c"])

    def test_no_object_files_is_an_error(self):
        self.assertTrue(self.symbols())
        self.assertTrue(self.calls())

    def test_headers(self):
        main = self.write("kernel/main.c", "int x;\n")
        good = self.write("kernel/good.h", "#pragma once\n#include <stdint.h>\nuint8_t f(void);\n")
        (self.build / "compile_commands.json").write_text(json.dumps([{
            "file": str(main), "directory": str(self.build),
            "command": f"clang -I{self.root} -ffreestanding -Werror -o main.o -c {main}"}]))
        self.assertEqual(list(check_headers.complaints(self.root, self.build, "x86_64")), [])
        good.write_text("#pragma once\nuint8_t f(void);\n")
        self.assertIn("kernel/good.h:", list(check_headers.complaints(self.root, self.build, "x86_64")))

    def test_sources(self):
        long = self.write("kernel/long.c", "// SPDX-License-Identifier: MIT\n" + "\n" * 799)
        self.assertEqual(list(check_sources.long_files(self.root)), [])
        self.assertEqual(list(check_sources.unlicensed_files(self.root)), [])
        long.write_text("int x;\n" * 801)
        self.assertEqual(len(list(check_sources.long_files(self.root))), 1)
        self.assertEqual(len(list(check_sources.unlicensed_files(self.root))), 1)

    def test_front_ends(self):
        for path, line in (("kernel/boot/frontends.c", '#include "kernel/wasm/run/wasm_program.h"'),
                           ("kernel/wasm/run/wasm_program.c", '#include "kernel/wasm/run/instance.h"'),
                           ("kernel/jit/opt/opt.c", '#include "kernel/jit/opt/opt.h"')):
            self.write(path, line + "\n")
        self.assertEqual(list(check_sources.front_end_complaints(self.root)), [])
        for path, line in (("kernel/load/bytecode/start.c", '#include "kernel/wasm/run/wasm_program.h"'),
                           ("kernel/wasm/run/wasm_elf.c", '#include "kernel/load/elf/elf.h"')):
            self.write(path, line + "\n")
        self.assertEqual(len(list(check_sources.front_end_complaints(self.root))), 2)

    def test_orders(self):
        argued = ("_Atomic int a; /* relaxed: a count */\n", "/* Release, when x is there. */\nstatic _Atomic int a;\n",
                  "static _Atomic(void (*)(void)) f; /* acquire and release: what it\n                        needs */\n",
                  "/* Relaxed: statistics. */\nstruct s {\n    int x;\n    _Atomic int a, b;\n};\n",
                  "extern _Atomic int a;\n", "struct s {\n    const _Atomic int *word;\n};\n",
                  "void f(_Atomic int *a)\n{\n    _Atomic int local = 0;\n    g(a, &local);\n}\n")
        for text in argued:
            self.assertEqual(list(check_orders.unordered_words(text)), [], text)
        for text, line in (("int x; /* relaxed */\n\n_Atomic int a;\n", 3), ("static atomic_flag taken = ATOMIC_FLAG_INIT;\n", 1),
                           ("static _Atomic(void (*)(void)) f; /* a function */\n", 1),
                           ("struct s {\n    _Atomic int a; /* relaxed */\n    _Atomic int b; /* who? */\n};\n", 3),
                           ("static struct {\n    union {\n        _Atomic int a;\n    };\n} s;\n", 3),
                           ("void f(void)\n{\n    static _Atomic bool once;\n    g(&once);\n}\n", 3)):
            self.assertEqual([at for at, _ in check_orders.unordered_words(text)], [line], text)

    def prose(self):
        return list(check_prose.complaints(self.root, check_sources.tracked))

    def test_prose(self):
        plain = "The caller holds the lock of the queue and releases it after the last waiter has left."
        self.write("hal/plain.h", f"/* {plain} */\n" * 96)
        self.write("hal/short.h", "/* Whoever has it gives it back. */\n" * 9)
        bad = self.write("hal/bad.h", "int x;\n/* The lock is had by whoever waits for it,\n * and what is left is given back. */\n")
        self.assertEqual(self.prose(), [])
        bad.write_text(bad.read_text() * 4)
        found = self.prose()
        self.assertEqual(found[0], "hal: 4.0 % of 100 pieces are not plain English, limit 3.0 %")
        self.assertEqual([line.split(": ")[0] for line in found[1:]], [f"hal/bad.h:{line}" for line in (2, 5, 8, 11)])

    def test_each_form_is_found(self):
        for words in ("waits for who", "so whoever comes", "takes", "somebody", "behind it", "is no more", "gives it back", "is had",
                      "what is left", "whether so many", "for nothing", "all the same", "stands in the way", "is looked at"):
            with self.subTest(words):
                self.assertEqual(check_prose.form_in("a.c", f"One {words} two.") is None, words == "takes")

    def test_a_false_hit_is_exempt_by_its_text(self):
        text = "It is no more a thread than an object."
        self.assertIsNotNone(check_prose.form_in("a.c", text))
        with unittest.mock.patch.object(check_prose, "FALSE_HITS", {("a.c", "no more a thread than")}):
            self.assertIsNone(check_prose.form_in("a.c", text))
            self.assertIsNotNone(check_prose.form_in("b.c", text))

    def test_pieces(self):
        words = " ".join(["word"] * 12)
        self.assertEqual(list(check_prose.pieces("a.c", f'f("// {words}");\n// {words[:30]}\n//{words[30:]}\nint x; /* {words} */\n')),
                         [(2, words), (4, words), (1, f'"// {words}"')])
        self.assertEqual([line for line, _ in check_prose.pieces("a.md", f"{words}\n\n- {words}\n- {words}\n\n```\n{words}\n```\n")],
                         [1, 3, 4])

    def test_pieces_of_scripts_and_messages(self):
        words, six = " ".join(["word"] * 12), " ".join(["word"] * 6)
        name = six.replace(" ", "_")
        for file, text, lines in (
                ("a.py", f'"""{words}"""\n# {words[:30]}\n# {words[30:]}\nx = 1  # {words}\n# {six}\n', [2, 4, 1]),
                ("a.py", f'def test_{name}():\n    """{words}"""\n    f(f"{words} {{x}}", "{six}")\ndef {name}():\n    pass\n', [1, 2, 3]),
                ("a.toml", f'# {words}\nname = "{six}"\nwrong = """\n{words}"""\nright = "{words}"\n', [1, 2]),
                ("a.cmake", f'# {words[:30]}\n# {words[30:]}\nset(x "{words}")\n', [1]),
                ("a.help", f"= one\n{words}\n= two\n{words}\n", [1, 3]),
                ("a.c", f'void test_{name}(void)\n{{\n    f("{six[:14]}" /* {six} */\n      "{six[14:]}");\n}}\n', [1, 3])):
            with self.subTest(text):
                found = list(check_prose.pieces(file, text))
                self.assertEqual(sorted(line for line, _ in found), sorted(lines), found)

    def test_layout_of_comments(self):
        long = "x" * 101
        for text, lines in (("/* One.\n */\n", [2]), ("int x; /* one\n        */\n", [2]), ("/* One. */\n", []),
                            ("/*\n * One.\n */\n", []), ("/** One.\n */\n", []), ("/* One,\n * two. */\n", []),
                            ('f("/* one\\n");\n', []), (f"int x;\n// one\n// {long}\n", [3]),
                            (f"/*\n * {long}\n */\n", [2]), (f"int {long[:90]}; /* one */\n", [1]), (f'f("{long}");\n', [])):
            self.assertEqual([line for line, _ in check_prose.badly_laid_out(text)], lines, text)

    def names(self):
        return list(check_names.complaints(self.root, check_sources.tracked))

    def test_names(self):
        self.write("kernel/a.c", "#define ROUND(x) x\nstatic int f(void)\n{\n    return ROUND(1);\n}\n"
                                 "struct ops {\n    int (*read)(void);\n};\n/* See f(), ROUND(), ops.read(), x->read(), entry(). */\n")
        self.write("kernel/a.S", "entry:\n    ret // to f()\n")
        self.write("docs/a.md", "`f()` is in kernel/a.c, a.S and arch/MACHINE; `memory(3)`.\n\n```\nnot_ours() other/b.c\n```\n")
        self.write("arch/x/a.h", "")
        self.assertEqual(self.names(), [])
        self.write("kernel/b.c", "int x;\n/* f() and\n * gone(). */\nint y; // as kernel/gone.c or gone.h\n")
        self.write("docs/b.md", "f() and `lost()`, see drivers/lost.\n")
        self.assertEqual([line.split(": ")[0] for line in self.names()],
                         ["docs/b.md:1", "kernel/b.c:3", "docs/b.md:1", "kernel/b.c:4", "kernel/b.c:4"])

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_format(self):
        shutil.copy(ROOT / ".clang-format", self.root)
        file = self.write("kernel/x.c", "int f(void)\n{\n    return 1;\n}\n")
        self.assertEqual(list(check_sources.format_complaints(self.root)), [])
        file.write_text("int f( void ) { return 1; }\n")
        self.assertEqual(len(list(check_sources.format_complaints(self.root))), 1)

    @unittest.skipUnless(shutil.which("doxygen"), "doxygen is not installed")
    def test_doxygen(self):
        text = (ROOT / "Doxyfile").read_text()
        self.write("Doxyfile", "\n".join("INPUT = hal" if line.startswith("INPUT ") else line
                                         for line in text.splitlines() if not line.startswith("USE_MDFILE")))
        header = "/** @file */\n/**\n * @brief Do it.\n * @param {} Bytes.\n */\nvoid hal_do(int count);\n"
        self.write("hal/do.h", header.format("count"))
        self.assertEqual(list(check.doxygen_complaints(self.root)), [])
        self.write("hal/do.h", header.format("size"))
        self.assertTrue(any("size" in c for c in check.doxygen_complaints(self.root)))
