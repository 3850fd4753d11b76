# SPDX-License-Identifier: MIT
"""Tests scripts/lib/slide.py, which makes and checks the table of the addresses that change when the kernel moves."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib")]

import slide  # noqa: E402

TOOL = [sys.executable, str(ROOT / "scripts/lib/slide.py")]
SCRIPT = """PHDRS { low PT_LOAD; high PT_LOAD; }
SECTIONS {
    .boot 0x200000 : { *(.boot) KEEP(*(.slide_table)) } :low
    . = 0xffffffff80230000 + MOVED;
    __image_base = 0xffffffff80000000 + MOVED;
    .text : { *(.text) } :high
    .data ALIGN(4096) : { *(.data) } :high
    __image_end = .;
}
gate_text_middle = (ADDR(.text) >> 16) & 0xffff;
"""
# References of each kind to `there`, in text and data, and numbers that only look like addresses.
SOURCE = {
    "x86_64": """
    .section .boot, "ax"
start: movabsq $there, %rax
    .text
there: movq $there, %rdi
    movq there + 8(, %rax, 8), %rcx
    call there
    leaq end(%rip), %rax
    .data
    .quad there, there + 4, 0xffffffff80230000, start
    .byte 1
    .quad there - 0x1000
    .long 0x8e000010
    .short 0x8e00, gate_text_middle
end: .quad end
""",
    "aarch64": """
    .section .boot, "a"
    .quad 1
    .text
start: adrp x0, there
    add x0, x0, :lo12:there
    ldr x1, [x0, :lo12:there]
    bl there
there: ret
    .data
    .quad there, there + 4, 0xffffffff80230000
    .quad there - 0x1000
end: .quad end
    .long there - .
""",
}
PLACES = {"x86_64": 8, "aarch64": 4}
MOVED = {"x86_64": "0x12340000", "aarch64": "0xffffffedcba90000"}


class Slide(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        (self.work / "k.lds").write_text(SCRIPT)

    def compile(self, machine, name, text):
        source = self.work / name
        source.write_text(text)
        subprocess.run(["clang", f"--target={machine}-none-elf", "-c", str(source), "-o", f"{source}.o"], check=True)
        return f"{source}.o"

    def link(self, output, objects, moved="0", *flags):
        subprocess.run(["ld.lld", "-static", "-T", str(self.work / "k.lds"), f"--defsym=MOVED={moved}", "-e", "0", *flags,
                        *objects, "-o", str(self.work / output)], check=True)
        return self.work / output

    def tool(self, *arguments):
        return subprocess.run([*TOOL, *map(str, arguments)], capture_output=True, text=True)

    def table(self, machine):
        """Returns the table as text, the kernel, and the kernel linked to another address."""
        own = self.compile(machine, "k.S", SOURCE[machine])
        self.assertEqual(self.tool("--empty", "-o", self.work / "none.S").returncode, 0)
        none = self.compile(machine, "empty.S", (self.work / "none.S").read_text())
        first = self.link("first.elf", [own, none], "0", "--emit-relocs")
        made = self.tool(first, "-o", self.work / "table.S")
        self.assertEqual(made.returncode, 0, made.stderr)
        text = (self.work / "table.S").read_text()
        return text, *self.both(machine, own, text)

    def both(self, machine, own, text):
        table = self.compile(machine, "made.S", text)
        return self.link("k.elf", [own, table]), self.link("moved.elf", [own, table], MOVED[machine])

    def test_a_table_that_is_complete_passes_and_a_wrong_one_fails_the_build(self):
        for machine in SOURCE:
            _, kernel, moved = self.table(machine)
            checked = self.tool("--check", kernel, moved)
            self.assertEqual((checked.returncode, checked.stderr), (0, ""), machine)
            self.assertIn("is linked to the same address as", self.tool("--check", kernel, kernel).stderr)
            image = slide.Image(kernel)
            start, at, data = image.address(image.offset(image.symbol("slide_table")))
            places = list(slide.decode(data[at:]))
            self.assertEqual(len(places), PLACES[machine])
            for wrong in (places[1:], sorted([*places, places[-1] - 3])):
                with self.subTest(machine=machine, places=len(wrong)):
                    checked = self.tool("--check", *self.both(machine, str(self.work / "k.S.o"),
                                                              slide.assembly(slide.encode(wrong))))
                    self.assertEqual(checked.returncode, 1)
                    self.assertIn("its slide table makes it", checked.stderr)

    def test_a_kernel_that_cannot_be_moved_is_refused(self):
        for machine, line, words, *flags in (
                ("x86_64", ".section .boot\njmp there", "relative to itself, which a slide changes", "--emit-relocs"),
                ("aarch64", ".data\n.byte 0\n.quad there", "are not aligned", "--emit-relocs"),
                ("aarch64", ".text\nmovz x0, #:abs_g0_nc:there", "relocation type 264 is not known", "--emit-relocs"),
                ("x86_64", "", "it was not linked with --emit-relocs")):
            with self.subTest(line):
                own = self.compile(machine, "k.S", SOURCE[machine] + line + "\n")
                self.tool("--empty", "-o", self.work / "none.S")
                none = self.compile(machine, "empty.S", (self.work / "none.S").read_text())
                made = self.tool(self.link("first.elf", [own, none], "0", *flags), "-o", self.work / "table.S")
                self.assertEqual(made.returncode, 1)
                self.assertIn(words, made.stderr)

    def test_distances_of_all_sizes_come_back(self):
        places = [1, 2, 257, 512, 513, 0x10000, 0x200000, 0x7FFFFFFF]
        self.assertEqual(list(slide.decode(slide.encode(places))), places)
        self.assertEqual(slide.encode([5, 300, 301]), bytes([5, 0, 39, 1, 0, 0, 1, 0, 0, 0, 0, 0]))
        for wrong in ([0], [4, 4], [8, 4]):
            with self.assertRaises(SystemExit):
                slide.encode(wrong)
