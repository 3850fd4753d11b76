# SPDX-License-Identifier: MIT
"""Tests that a replacement called through scripts/redirect keeps its register contract, in guests without a kernel."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "tests/tools")]

from guests import MACHINES, build_guest, finish_guest  # noqa: E402

REDIRECT = str(ROOT / "scripts/redirect")

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
