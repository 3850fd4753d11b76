# SPDX-License-Identifier: MIT
"""Tests scripts/redirect with the instructions of both machines, and that a replacement keeps its register contract."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/tools")]

from guests import MACHINES, build_guest, finish_guest  # noqa: E402

REDIRECT = str(ROOT / "scripts/redirect")
BASE = {"x86_64": "0x400000", "aarch64": "0x40200000"}
CALL = {"x86_64": "call", "aarch64": "bl"}
JUMP = {"x86_64": "jmp", "aarch64": "b"}
JUMP_IF = {"x86_64": "jz", "aarch64": "b.eq"}
POINTER = {"x86_64": "lea old(%rip), %rax", "aarch64": "adrp x0, old\nadd x0, x0, :lo12:old"}

# Each function has its own section, so that the linker and not the assembler resolves every branch.
CODE = """
    .macro function name
    .section .text.\\name, "ax"
    .globl \\name
    .type \\name, %function
\\name:
    .endm
    .macro end name
    .size \\name, . - \\name
    .endm
    function old
    nop
    {loop}
    ret
    end old
    function new
    nop
    {in_new}
    ret
    end new
    function _start
    {calls}
    ret
    end _start
    {data}
"""


class Redirect(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.work = Path(self.folder.name)

    def link(self, machine, calls, loop="", in_new="", data="", options=()):
        source, linked = self.work / "x.S", self.work / f"x.{machine}.elf"
        source.write_text(CODE.format(calls=calls, loop=loop, in_new=in_new, data=data))
        subprocess.run(["clang", f"--target={machine}-none-elf", "-c", str(source), "-o", f"{source}.o"], check=True)
        subprocess.run(["ld.lld", "-static", "-e", "_start", *(options or ["-Ttext", BASE[machine]]), f"{source}.o",
                        "-o", str(linked)], check=True)
        return linked

    def redirect(self, linked, *arguments):
        return subprocess.run([REDIRECT, *arguments[:-1], str(linked), arguments[-1]] if len(arguments) > 1
                              else [REDIRECT, str(linked), arguments[0]], capture_output=True, text=True)

    def targets(self, linked):
        """Returns the branches, grouped by their target symbol."""
        text = subprocess.run(["llvm-objdump", "-d", "--no-show-raw-insn", str(linked)], check=True,
                              capture_output=True, text=True).stdout
        lines = [line for line in text.splitlines() if line.rstrip().endswith(">")]
        return {name: sum(line.endswith(f"<{name}>") for line in lines) for name in ("old", "new")}

    def refused(self, linked, pair, reason, *options):
        before = linked.read_bytes()
        done = self.redirect(linked, *options, pair)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(reason, done.stderr)
        self.assertTrue(done.stderr.startswith(("redirect: ", "usage: ")), done.stderr)
        self.assertEqual(linked.read_bytes(), before, "the file was changed")

    def test_calls_and_jumps_are_redirected(self):
        for machine in MACHINES:
            with self.subTest(machine):
                calls = f"{CALL[machine]} old\nnop\n{JUMP_IF[machine]} old\n{CALL[machine]} old\n{JUMP[machine]} old"
                linked = self.link(machine, calls)
                before = linked.read_bytes()
                self.assertEqual(self.targets(linked), {"old": 4, "new": 0})
                done = self.redirect(linked, "old=new")
                self.assertEqual(done.stdout, "redirect: old -> new: found 4, patched 4\n", done.stderr)
                self.assertEqual(self.targets(linked), {"old": 0, "new": 4})
                after = linked.read_bytes()
                self.assertEqual(len(after), len(before))
                self.assertLessEqual(sum(a != b for a, b in zip(before, after)), 4 * 4)  # only displacements

    def test_a_loop_inside_is_not_a_call(self):
        for machine in MACHINES:
            with self.subTest(machine):
                linked = self.link(machine, f"{CALL[machine]} old", loop=f"{JUMP_IF[machine]} old")
                done = self.redirect(linked, "old=new")
                self.assertIn("found 1, patched 1", done.stdout, done.stderr)
                self.assertEqual(self.targets(linked), {"old": 1, "new": 1})

    def test_missing_symbols_are_refused(self):
        linked = self.link("x86_64", "call old")
        self.refused(linked, "absent=new", "no function absent")
        self.refused(linked, "old=absent", "no function absent")
        self.refused(linked, "old", "each pair is OLD=NEW")

    def test_a_file_that_is_not_elf_is_refused(self):
        linked = self.link("x86_64", "call old")
        whole = linked.read_bytes()
        for contents in (b"", b"#!/bin/sh\n", whole[:16], whole[:100], whole[:len(whole) // 2]):
            linked.write_bytes(contents)
            self.refused(linked, "old=new", "x.x86_64.elf: ")

    def test_what_would_change_the_wrong_code_is_refused(self):
        for machine in MACHINES:
            call = f"{CALL[machine]} old"
            for reason, calls, more in (
                    ("found 0", "nop", {}), ("other references", f"{call}\n{POINTER[machine]}", {}),
                    ("itself forever", call, {"in_new": call}),
                    ("other references", call, {"data": '.section .data, "aw"\n.quad 0, old'})):
                with self.subTest(machine=machine, reason=reason):
                    linked = self.link(machine, calls, **more)
                    self.refused(linked, "old=new", reason)
            self.assertEqual(self.redirect(linked, "--direct-only", "old=new").returncode, 0)  # the pointer remains

    def test_out_of_reach_is_refused(self):
        script = self.work / "far.lds"
        script.write_text("PHDRS { near PT_LOAD; far PT_LOAD; } SECTIONS { . = 0x400000; "
                          ".text : { *(.text .text.old .text._start) } :near "
                          ". = 0x7f0000000000; .far : { *(.text.new) } :far }")
        for machine in MACHINES:
            with self.subTest(machine):
                linked = self.link(machine, f"{CALL[machine]} old", options=["-T", str(script)])
                self.refused(linked, "old=new", "out of reach")

    def test_bytes_that_look_like_a_call_are_refused(self):
        # Data that contains the bytes of a call of old.
        linked = self.link("x86_64", "call old\njmp 1f\n.byte 0x48, 0xb8, 0, 0, 0\n2: .byte 0xe8\n"
                           ".long old - . - 4\n1:")
        self.refused(linked, "old=new", "undecoded")

    def test_one_bad_pair_changes_nothing(self):
        linked = self.link("x86_64", "call old")
        before = linked.read_bytes()
        done = subprocess.run([REDIRECT, str(linked), "old=new", "absent=new"], capture_output=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(linked.read_bytes(), before)


# The contract of a write barrier in Go's compiler: its arguments and result are in a dedicated register, it changes
# no other register, and the caller stores through the result. The test fills every register with a known value and
# calls old. It ends with the number of the first register that is wrong, or 0 if all are right. The last variant of
# new does not set the result, and the test has to find that.
ARM_REGISTERS = [r for r in range(28) if r not in (18, 25)]
ARM = """
    CALL check
    mov x20, x0
    record_eax
    finish

check:
    stp x29, x30, [sp, #-16]!
{poison}
    movz x25, #0xdead
    bl old
{verify}
    movz x28, #0x5a5a
    cmp x25, x28
    mov x0, #25
    b.ne 1f
    mov x0, #0
1:  ldp x29, x30, [sp], #16
    ret

    .globl old, new, stale
    .type old, %function
old: movz x25, #0x1111
    ret
    .size old, . - old
    .type new, %function
new: movz x25, #0x5a5a
    ret
    .size new, . - new
    .type stale, %function
stale: ret
    .size stale, . - stale
    .type spoiler, %function
    .globl spoiler
spoiler: movz x25, #0x5a5a
    mov x9, #0
    ret
    .size spoiler, . - spoiler
"""
X86_REGISTERS = ["ebx", "ecx", "edx", "esi", "edi", "ebp"]
X86 = """
    CALL check
    record_eax
    finish

check:
{poison}
    mov $0xdead, %eax
    call old
{verify}
    cmp $0x5a5a, %eax
    mov $25, %eax
    jne 1f
    xor %eax, %eax
1:  ret

    .globl old, new, stale, spoiler
    .type old, @function
old: mov $0x1111, %eax
    ret
    .size old, . - old
    .type new, @function
new: mov $0x5a5a, %eax
    ret
    .size new, . - new
    .type stale, @function
stale: ret
    .size stale, . - stale
    .type spoiler, @function
spoiler: mov $0x5a5a, %eax
    xor %edx, %edx
    ret
    .size spoiler, . - spoiler
"""


def contract_guest(machine):
    if machine == "aarch64":
        poison = "".join(f"    movz x{r}, #{0x1000 + r}\n" for r in ARM_REGISTERS)
        verify = "".join(f"    movz x28, #{0x1000 + r}\n    cmp x{r}, x28\n    mov x0, #{r + 1}\n    b.ne 1f\n"
                         if r != 0 else "    movz x28, #4096\n    cmp x0, x28\n    mov x0, #1\n    b.ne 1f\n"
                         for r in [0, *ARM_REGISTERS[1:]])
        return ARM.format(poison=poison, verify=verify)
    poison = "".join(f"    mov ${0x1000 + i}, %{r}\n" for i, r in enumerate(X86_REGISTERS))
    verify = "".join(f"    cmp ${0x1000 + i}, %{r}\n    je 2f\n    mov ${i + 1}, %eax\n    ret\n2:\n"
                     for i, r in enumerate(X86_REGISTERS))
    return X86.format(poison=poison, verify=verify)


class Contract(unittest.TestCase):
    """Calls each replacement through a redirected call, with a known value in every register."""

    def status_with(self, machine, replacement):
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            build_guest(work, machine, contract_guest(machine))
            linked = work / f"guest.{machine}.elf"
            if replacement:
                done = subprocess.run([REDIRECT, str(linked), f"old={replacement}"], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
            kernel = finish_guest(linked, machine)
            return subprocess.run([str(ROOT / "scripts/run"), machine, "--kernel", str(kernel), "--no-install",
                                   "--timeout", "30"], stdin=subprocess.DEVNULL, capture_output=True).returncode

    def test_each_replacement(self):
        changed = {"aarch64": 10, "x86_64": X86_REGISTERS.index("edx") + 1}
        for machine in MACHINES:
            for replacement, status in (("new", 0), ("stale", 25), ("spoiler", changed[machine]), (None, 25)):
                with self.subTest(machine=machine, replacement=replacement):
                    self.assertEqual(self.status_with(machine, replacement), status)
