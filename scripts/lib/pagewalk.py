# SPDX-License-Identifier: MIT
"""A CPU's translation tables, read as the CPU reads them: Intel SDM volume 3, 4.5; Arm ARM, D8.3.

This code shares nothing with the kernel that wrote the tables, so that no mistake is made twice.
"""
import struct
from dataclasses import dataclass

ENTRIES = 512
TABLE_BYTES = 8 * ENTRIES
PAGE_SHIFT = 12
PAGE = 1 << PAGE_SHIFT
UPPER_HALF = 1 << 63


def bit(value, number):
    return value >> number & 1 != 0


@dataclass(frozen=True)
class Leaf:
    va: int
    pa: int
    size: int
    writable: bool
    executable: bool
    user: bool       # a lower privilege level can read, write or execute it
    entries: tuple   # physical addresses of the entries on the path, the root's first

    @property
    def permissions(self):
        return "r" + "-w"[self.writable] + "-x"[self.executable]


class Tables:
    """Tables in physical memory; each is read once."""

    def __init__(self, read):
        self._read = read
        self._known = {}

    def __getitem__(self, address):
        if address not in self._known:
            self._known[address] = struct.unpack(f"<{ENTRIES}Q", self._read(address, TABLE_BYTES))
        return self._known[address]


class X86:
    """Four or five levels below CR3."""

    REGISTERS = ("cr0", "cr3", "cr4", "efer")
    WRITE, USER, LARGE, NO_EXECUTE = 1, 2, 7, 63
    ADDRESS = (1 << 52) - PAGE

    @classmethod
    def complaints(cls, cpu):
        """CPU settings that disable permissions of entries."""
        for register, number, meaning in (("cr0", 31, "paging is off"),
                                          ("cr0", 16, "the kernel can write to read-only pages (CR0.WP)"),
                                          ("efer", 11, "every page is executable (EFER.NXE)")):
            if not bit(cpu[register], number):
                yield meaning

    @classmethod
    def roots(cls, cpu):
        """(root table, levels, first address)."""
        yield cpu["cr3"] & cls.ADDRESS, 5 if bit(cpu["cr4"], 12) else 4, 0

    @classmethod
    def leaves(cls, tables, cpu):
        for root, levels, _ in cls.roots(cpu):
            yield from cls._walk(tables, root, levels - 1, levels, 0, (True, True, True), ())

    @classmethod
    def _walk(cls, tables, table, level, levels, base, inherited, above):
        span = PAGE << 9 * level
        for index, entry in enumerate(tables[table]):
            if not entry & 1:
                continue
            va = base + index * span
            if level == levels - 1 and index >= ENTRIES // 2:
                va |= -1 << 12 + 9 * levels & (1 << 64) - 1
            may = (inherited[0] and bit(entry, cls.WRITE), inherited[1] and not bit(entry, cls.NO_EXECUTE),
                   inherited[2] and bit(entry, cls.USER))
            path = (*above, table + 8 * index)
            if level == 0 or (level < 3 and bit(entry, cls.LARGE)):
                yield Leaf(va, entry & cls.ADDRESS & -span, span, *may, path)
            else:
                yield from cls._walk(tables, entry & cls.ADDRESS, level - 1, levels, va, may, path)


class Arm:
    """The EL1&0 regime with 4 KiB granules: a table for each half, unless TCR_EL1 switches it off."""

    REGISTERS = ("SCTLR", "TCR_EL1", "TTBR0_EL1", "TTBR1_EL1")
    ADDRESS = (1 << 48) - PAGE
    READ_ONLY, EL0, NOT_EL1, NOT_EL0 = 7, 6, 53, 54          # of a leaf
    ALL_READ_ONLY, NO_EL0, NONE_EL1, NONE_EL0 = 62, 61, 59, 60  # of a table: for everything below it
    DIRTY_MODIFIER = 51

    @classmethod
    def complaints(cls, cpu):
        if not bit(cpu["SCTLR"], 0):
            yield "the MMU is off"
        if cpu["TCR_EL1"] >> 30 & 3 != 2:
            yield "the upper half does not use 4 KiB granules"

    @classmethod
    def roots(cls, cpu):
        tcr = cpu["TCR_EL1"]
        for register, size_at, off_at, upper in (("TTBR0_EL1", 0, 7, False), ("TTBR1_EL1", 16, 23, True)):
            if not bit(tcr, off_at):
                bits = 64 - (tcr >> size_at & 0x3f)
                yield cpu[register] & cls.ADDRESS, -(-(bits - PAGE_SHIFT) // 9), (1 << 64) - (1 << bits) if upper else 0

    @classmethod
    def leaves(cls, tables, cpu):
        hardware_writes = cpu["TCR_EL1"] >> 39 & 3 == 3  # with HA and HD, a read-only entry with DBM is writable
        for root, levels, first in cls.roots(cpu):
            yield from cls._walk(tables, root, levels - 1, first, (True, True, True, True), (), hardware_writes)

    @classmethod
    def _walk(cls, tables, table, level, base, may, above, hardware_writes):
        span = PAGE << 9 * level
        write, kernel_runs, el0, el0_runs = may
        for index, entry in enumerate(tables[table]):
            if not entry & 1 or (level == 0 and not entry & 2):
                continue
            va, path = base + index * span, (*above, table + 8 * index)
            if level > 0 and entry & 2:
                below = (write and not bit(entry, cls.ALL_READ_ONLY), kernel_runs and not bit(entry, cls.NONE_EL1),
                         el0 and not bit(entry, cls.NO_EL0), el0_runs and not bit(entry, cls.NONE_EL0))
                yield from cls._walk(tables, entry & cls.ADDRESS, level - 1, va, below, path, hardware_writes)
                continue
            reads_only = bit(entry, cls.READ_ONLY) and not (hardware_writes and bit(entry, cls.DIRTY_MODIFIER))
            runs_below = el0_runs and not bit(entry, cls.NOT_EL0)
            yield Leaf(va, entry & cls.ADDRESS & -span, span, write and not reads_only,
                       runs_below or (kernel_runs and not bit(entry, cls.NOT_EL1)),
                       runs_below or (el0 and bit(entry, cls.EL0)), path)


FORMATS = {"x86_64": X86, "aarch64": Arm}
