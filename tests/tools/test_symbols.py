# SPDX-License-Identifier: MIT
"""Tests scripts/lib/symbols.py and kernel/base/symbols.c: every instruction has the name that LLVM finds, and every one
that a backtrace can name has its line."""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/tools")]

from guests import MACHINES  # noqa: E402

SYMBOLS = [sys.executable, str(ROOT / "scripts/lib/symbols.py")]
SOURCES = ["kernel/base/symbols.c", "kernel/lib/string.c", "kernel/lib/format.c"]
TEXT = 0xffffffff80000000
SCRIPT = """SECTIONS { . = 0xffffffff80000000; .text : { *(.text .text.*) } . = ALIGN(4096); .rodata : { *(.rodata*) }
            .data : { *(.data* .bss*) } /DISCARD/ : { *(.eh_frame) } }"""
READER = """
#include "kernel/base/symbols.h"
#include <stdio.h>
int main(void)
{
    unsigned long long pc;
    while (scanf("%llx", &pc) == 1) {
        struct symbol_info i;
        if (!symbols_find(pc, &i)) {
            puts("nothing");
        } else {
            printf("%s+%u %s:%u\\n", i.name, i.offset, i.file[0] ? i.file : "?", i.line);
        }
    }
}
"""


class Table(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.work = Path(self.folder.name)

    def link(self, machine, optimise="-O2", extra=""):
        (self.work / "k.lds").write_text(SCRIPT)
        (self.work / "extra.S").write_text(extra)
        objects = []
        for source in [*map(lambda s: ROOT / s, SOURCES), self.work / "extra.S"]:
            objects.append(self.work / (source.name + ".o"))
            subprocess.run(["clang", f"--target={machine}-none-elf", "-std=gnu2x", optimise, "-g", "-ffreestanding",
                            "-ffunction-sections", f"-I{ROOT}", f"-ffile-prefix-map={ROOT}/=",
                            "-fdebug-compilation-dir=.", "-mgeneral-regs-only",
                            *(["-mcmodel=kernel"] if machine == "x86_64" else []),
                            "-c", str(source), "-o", str(objects[-1])], check=True)
        linked = self.work / "k.elf"
        subprocess.run(["ld.lld", "-T", str(self.work / "k.lds"), "--unresolved-symbols=ignore-all", "-e", "memcpy",
                        *map(str, objects), "-o", str(linked)], check=True)
        return linked

    def lookup(self, linked, addresses):
        """Asks kernel/base/symbols.c, built for the host, for the name and line of each address."""
        table, reader = self.work / "table.S", self.work / "reader"
        subprocess.run([*SYMBOLS, str(linked), "-o", str(table)], check=True)
        (self.work / "reader.c").write_text(READER)
        subprocess.run(["clang", "-std=gnu2x", f"-I{ROOT}", "-fsanitize=address,undefined", "-no-pie",
                        f"-Wl,--defsym=__text_start={TEXT:#x}",
                        str(self.work / "reader.c"), str(ROOT / "kernel/base/symbols.c"), str(table), "-o", str(reader)],
                       check=True)
        text = "".join(f"{a:x}\n" for a in addresses)
        return subprocess.run([str(reader)], input=text, check=True, capture_output=True, text=True).stdout.splitlines()

    def test_every_instruction_as_llvm_names_it(self):
        for machine in MACHINES:
            for optimise in ("-O2", "-Og"):
                with self.subTest(machine=machine, optimise=optimise):
                    linked = self.link(machine, optimise)
                    code = subprocess.run(["llvm-objdump", "-d", "-j", ".text", str(linked)], check=True,
                                          capture_output=True, text=True).stdout
                    # Leave out the padding between functions, which has no name.
                    instructions = re.findall(r"^([0-9a-f]{16}): (?!.*\t(?:int3|nop|udf|<))(.*)", code, re.M)
                    addresses = [int(a, 16) for a, _ in instructions]
                    self.assertGreater(len(addresses), 1000)
                    theirs = subprocess.run(["llvm-symbolizer", "--no-inlines", "--output-style=LLVM",
                                             f"--obj={linked}"], input="".join(f"{a:#x}\n" for a in addresses),
                                            check=True, capture_output=True, text=True).stdout.split("\n\n")
                    ours = self.lookup(linked, addresses)
                    wrong = []
                    for address, mine, other in zip(addresses, ours, theirs):
                        name = other.splitlines()[0]
                        if not mine.startswith(name + "+"):
                            wrong.append(f"{address:x}: {mine} is {name}")
                    self.assertEqual(wrong, [])
                    named = list(self.in_backtraces(instructions))
                    self.assertGreater(len(named), 500)
                    self.compare_lines(linked, named)

    def in_backtraces(self, instructions):
        """Addresses of accesses to memory and of traps, and the last bytes of calls."""
        for (address, text), (after, _) in zip(instructions, instructions[1:]):
            operation = text.split("\t")[1]
            if re.match(r"call|blr?$", operation):
                yield int(after, 16) - 1
            elif operation in ("ud2", "brk") or (re.search(r"[(\[]", text) and not operation.startswith("lea")):
                yield int(address, 16)

    def compare_lines(self, linked, addresses):
        """A line is that of the innermost inlined function, as in the line table."""
        ours = self.lookup(linked, addresses)
        theirs = subprocess.run(["llvm-addr2line", "-e", str(linked), *map(hex, addresses)], check=True,
                                capture_output=True, text=True).stdout.splitlines()
        wrong = []
        for address, mine, other in zip(addresses, ours, theirs):
            other = re.sub(r"^(\./)*", "", other.split(" (")[0])
            if other.endswith(":0") or other.endswith("?"):
                continue  # code without a line: symbols.c returns the line before it
            if mine.split()[1] != other:
                wrong.append(f"{address:x}: {mine} is {other}")
        self.assertEqual(wrong[:10], [])

    def test_addresses_outside_the_text_have_no_name(self):
        linked = self.link("x86_64")
        self.assertEqual(self.lookup(linked, [0, 0x1000, 0xFFFFFFFF7FFFFFFF, 0xFFFFFFFFFFFFFFFF]), ["nothing"] * 4)

    def test_the_table_is_small(self):
        linked = self.link("x86_64")
        table = self.work / "size.S"
        subprocess.run([*SYMBOLS, str(linked), "-o", str(table)], check=True)
        subprocess.run(["clang", "-c", str(table), "-o", str(table) + ".o"], check=True)
        sizes = {}
        for file in (linked, Path(str(table) + ".o")):
            text = subprocess.run(["llvm-size", "-A", str(file)], check=True, capture_output=True, text=True).stdout
            sizes[file.name] = dict(re.findall(r"^(\.\S+) +(\d+)", text, re.M))
        code = int(sizes["k.elf"][".text"])
        self.assertLess(int(sizes["size.S.o"][".rodata.kernel_symbols"]), code)

    def test_a_second_link_that_moves_code_is_refused(self):
        first = self.link("x86_64").rename(self.work / "first.elf")
        moved = self.link("x86_64", extra='.section .text.a,"ax"\n.globl a\n.type a,@function\na: nop\n.size a,1')
        done = subprocess.run([*SYMBOLS, "--same-text", str(first), str(moved)], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("moved a function", done.stderr)
        same = subprocess.run([*SYMBOLS, "--same-text", str(first), str(first)])
        self.assertEqual(same.returncode, 0)
