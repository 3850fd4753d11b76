# SPDX-License-Identifier: MIT
"""Tests the check of the linked kernel.

A small correct image passes. With one line of its linker script changed, the same image fails, and the message
names the change.
"""
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib")]

import elfcheck  # noqa: E402
from tree import KINDS, build_directory  # noqa: E402

SOURCE = """
    .section .head, "ax"
    .globl _head
_head:
    {head}
    .section .text, "ax"
    nop
{text}
    .section .rodata, "a"
    .quad 1
{rodata}
    .section .data, "aw"
    .quad 2
    .section .bss, "aw", @nobits
    .zero 4096
    .section .stack, "aw", @nobits
    .zero 4096
    .section .pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long 0x200000
"""
HEAD = {
    "x86_64": ".balign 8\n.long 0xe85250d6, 0, 24, 0x100000000 - (0xe85250d6 + 24)\n.word 0, 0\n.long 8",
    "aarch64": "add x13, x18, #0x16\nb .\n.quad 0, image_size, 0xa, 0, 0, 0\n.ascii \"ARM\\x64\"\n.long 0",
}
SCRIPT = {
    "x86_64": """
ENTRY(_head)
PHDRS {{ boot PT_LOAD FLAGS(5); text PT_LOAD FLAGS({text_flags}); rodata PT_LOAD FLAGS(4); data PT_LOAD FLAGS(6); note PT_NOTE FLAGS(4); }}
SECTIONS {{
    . = {load};
    .head : {{ *(.head) }} :boot
    .pvh : {{ *(.pvh) }} :boot {note}
    . = 0xffffffff80000000 + {load} + 0x1000;
""",
    "aarch64": """
ENTRY(_head)
PHDRS {{ text PT_LOAD FLAGS({text_flags}); rodata PT_LOAD FLAGS(4); data PT_LOAD FLAGS(6); }}
image_size = {image_size};
SECTIONS {{
    /DISCARD/ : {{ *(.pvh) }}
    . = 0xffffffff80000000;
""",
}
REST = """
    __image_start = .;
    __text_start = .;
    .text : AT(ADDR(.text) - {offset}) {{ *(.head) *(.text) }} :text
    __text_end = .;
    . = ALIGN({page});
    __rodata_start = .;
    .rodata : AT(ADDR(.rodata) - {offset}) {{ *(.rodata) }} :rodata
    __rodata_end = .;
    . = ALIGN({page});
    __data_start = .;
    .data : AT(ADDR(.data) - {data_offset}) {{ *(.data) }} :{data_segment}
    __data_end = .;
    __bss_start = .;
    .bss : AT(ADDR(.bss) - {data_offset}) {{ *(.bss) {stack_in_bss} }} :{data_segment}
    __bss_end = .;
    .stack : AT(ADDR(.stack) - {data_offset}) {{ {stack} }} :{data_segment}
    __image_end = .;
    .unexpected : {{ {unexpected} }}
}}
"""
STACK = "__boot_stack_start = .; *(.stack) __boot_stack_end = .;"
OFFSET = {"x86_64": "0xffffffff80000000", "aarch64": "0xffffffff80000000 + 0x40200000"}
DEFAULTS = {"load": "0x200000", "text_flags": 5, "note": ":note", "page": "0x1000", "data_segment": "data",
            "stack_in_bss": "", "stack": STACK, "unexpected": "",
            "image_size": "__image_end - __image_start"}

# Faults: (machine, or None for both; changes; part of the message)
WRONG = {
    "flash_instead_of_ram": ("aarch64", {"offset": "0xffffffff80000000 - 0x200000", "data_offset": None},
                             "outside RAM"),
    "data_left_in_flash": ("aarch64", {"data_offset": "0xffffffff80000000 - 0x200000"}, "outside RAM"),
    "device_tree_overlap": ("aarch64", {"data_offset": "0xffffffff80000000 - 0x407ff000"}, "outside RAM"),
    "low_memory": ("x86_64", {"load": "0x80000"}, "outside RAM"),
    "link_is_not_load_address": (None, {"data_offset": "+1M"}, "link address minus load address"),
    "writable_text": (None, {"text_flags": 7}, "writable and executable"),
    "bss_mapped_read_only": (None, {"data_segment": "rodata"}, "writable, in a read-only segment"),
    "text_not_executable": ("aarch64", {"text_flags": 4}, "entry"),
    "permissions_share_a_page": (None, {"page": 8}, "share a page"),
    "boot_stack_in_bss": (None, {"stack": "", "stack_in_bss": STACK}, "boot stack overlaps .bss"),
    "no_boot_stack": (None, {"stack": "*(.stack)"}, "no __boot_stack_start"),
    "unexpected_section": (None, {"unexpected": "QUAD(1)"}, ".unexpected holds 8 bytes"),
    "image_size_zero": ("aarch64", {"image_size": "0"}, "image_size 0x0"),
    "no_pvh_note_segment": ("x86_64", {"note": ""}, "no PVH note"),
}


class ElfCheck(unittest.TestCase):
    def link(self, folder, machine, changes, text="", rodata=""):
        values = {**DEFAULTS, "offset": OFFSET[machine], **changes}
        if values.get("data_offset") == "+1M":
            values["data_offset"] = f"{OFFSET[machine]} - 0x100000"
        values["data_offset"] = values.get("data_offset") or values["offset"]
        source, script, linked = Path(folder) / "k.S", Path(folder) / "k.lds", Path(folder) / "k.elf"
        source.write_text(SOURCE.format(head=HEAD[machine], text=text, rodata=rodata))
        script.write_text((SCRIPT[machine] + REST).format(**values))
        subprocess.run(["clang", f"--target={machine}-none-elf", "-c", str(source), "-o", f"{source}.o"], check=True)
        subprocess.run(["ld.lld", "-static", "-T", str(script), "-z", "max-page-size=4096", f"{source}.o",
                        "-o", str(linked)], check=True, capture_output=True)
        return linked

    def check(self, machine, **changes):
        with tempfile.TemporaryDirectory() as folder:
            return elfcheck.check(self.link(folder, machine, changes))

    def check_function(self, bind, first, rodata=""):
        """Returns the messages for an image whose function f starts with the instruction `first`."""
        text = f"{bind} f\n.type f, %function\nf: {first}\n ret\n .size f, . - f"
        with tempfile.TemporaryDirectory() as folder:
            return " ".join(elfcheck.check(self.link(folder, "aarch64", {}, text, rodata)))

    def test_landing_pads(self):
        for pad in ("hint #34", "hint #36", "hint #38", "hint #25"):
            self.assertEqual(self.check_function(".globl", pad, ".quad f"), "")
        self.assertIn("function f: global, and starts without", self.check_function(".globl", "nop"))
        self.assertEqual(self.check_function(".local", "nop"), "")
        self.assertIn("points at function f", self.check_function(".local", "nop", ".quad f"))

    def test_an_image_that_is_too_large(self):
        for machine in HEAD:
            with self.subTest(machine=machine), tempfile.TemporaryDirectory() as folder:
                linked = self.link(folder, machine, {})
                with open(linked, "rb") as stream:
                    size = elfcheck.image_bytes(elfcheck.Image(elfcheck.ELFFile(stream)))
                self.assertEqual(elfcheck.check(linked, size), [])
                self.assertIn(f"{size} bytes: 1 more", " ".join(elfcheck.check(linked, size - 1)))

    def test_a_good_image_passes(self):
        for machine in HEAD:
            with self.subTest(machine):
                self.assertEqual(self.check(machine), [])

    def test_a_shared_object_is_not_a_kernel(self):
        with tempfile.TemporaryDirectory() as folder:
            linked = self.link(folder, "x86_64", {})
            data = bytearray(linked.read_bytes())
            data[16] = 3  # ET_DYN
            linked.write_bytes(data)
            self.assertIn("executable linked at fixed addresses", " ".join(elfcheck.check(linked)))


class RealScripts(unittest.TestCase):
    """Links the kernel again with its own linker script, after a change that puts variables where there is no RAM."""

    FLASH = {"x86_64": "0xfff00000", "aarch64": "0x00200000"}
    WRITABLE = {"x86_64": (".boot_tables", ".boot_stack", ".data", ".bss", ".ist_stacks"),
                "aarch64": (".data", ".bss", ".boot_tables", ".overflow_stack", ".boot_stack")}

    def kernels(self):
        """(machine, build directory) of each machine whose kernel is built: the newest of its presets."""
        for machine in self.FLASH:
            built = [kernel for kind in ("", *KINDS) for kernel in [build_directory(machine + kind) / "halyard.elf"]
                     if kernel.exists() and kind != "-asan"]
            if built:
                yield machine, max(built, key=lambda kernel: kernel.stat().st_mtime).parent

    def link(self, folder, machine, build, change):
        """(the finished link, the linked file) with change(the script's text) as the script."""
        script, linked = Path(folder) / "scratch.lds", Path(folder) / "scratch.elf"
        script.write_text(change((ROOT / f"arch/{machine}/kernel.lds").read_text()))
        commands = subprocess.run(["ninja", "-C", str(build), "-t", "commands", "halyard.elf"], check=True,
                                  capture_output=True, text=True).stdout
        command = next(words for words in map(shlex.split, reversed(commands.split("&&"))) if "--orphan-handling=error" in words)
        command[command.index("-T") + 1], command[command.index("-o") + 1] = str(script), str(linked)
        command = [word for word in command if not word.startswith("-Map=")]
        return subprocess.run(command, cwd=build, capture_output=True, text=True), linked

    def to_flash(self, machine, sections):
        """Each of these sections gets a segment of its own: the linker ignores the AT() of a segment's later sections."""
        def change(script):
            for section in sections:
                body = re.compile(rf"^    {re.escape(section)}( \(NOLOAD\))? :(?: AT\([^\n]*\))? {{\n(.*?)^    }} :\w+$", re.M | re.S)
                self.assertEqual(len(body.findall(script)), 1, section)
                script = body.sub(rf"    {section}\1 : AT({self.FLASH[machine]}) {{\n\2    }} :flash{section[1:]}", script)
                script = script.replace("PHDRS\n{\n", f"PHDRS\n{{\n    flash{section[1:]} PT_LOAD FLAGS(6);\n")
            return script
        return change

    def test_the_build_refuses_variables_in_flash(self):
        seen = 0
        for machine, build in self.kernels():
            writable = re.findall(r"^    (\.\w+)[^{]*{(?:[^{}]|{[^}]*})*} :(?:data|stack|boot_tables)$",
                                  (ROOT / f"arch/{machine}/kernel.lds").read_text(), re.M)
            self.assertEqual(sorted(writable), sorted(self.WRITABLE[machine]))
            for sections in ([], [".bss"], self.WRITABLE[machine]):
                with self.subTest(machine, sections=sections), tempfile.TemporaryDirectory() as folder:
                    done, linked = self.link(folder, machine, build, self.to_flash(machine, sections))
                    self.assertEqual((done.returncode != 0, linked.exists()), (bool(sections), not sections), done.stderr)
                    for section in sections:
                        self.assertRegex(done.stderr, rf"{re.escape(section)}(:| is (not )?loaded)")
                    seen += 1
        self.assertGreater(seen, 0, "no kernel is built")

    def test_an_image_in_flash_is_refused(self):
        """Mazarin's: every section is where the others are, and all are in flash."""
        for machine, build in self.kernels():
            if machine == "aarch64":
                with tempfile.TemporaryDirectory() as folder:
                    done, linked = self.link(folder, machine, build, lambda script: script.replace(
                        "LOAD_BASE = 0x40200000;", f"LOAD_BASE = {self.FLASH[machine]};"))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    complaints = [c for c in elfcheck.check(linked) if "outside RAM" in c]
                    self.assertEqual(len(complaints), 3, complaints)  # text, rodata, data


def wrong_test(machine, changes, sentence):
    def test(self):
        complaints = self.check(machine, **changes)
        self.assertTrue(any(sentence in c for c in complaints), f"{sentence!r} is not in {complaints}")
    return test


for _name, (_machine, _changes, _sentence) in WRONG.items():
    for _each in [_machine] if _machine else HEAD:
        setattr(ElfCheck, f"test_{_name}_{_each}", wrong_test(_each, _changes, _sentence))
