# SPDX-License-Identifier: MIT
"""The page tables as they are in memory, without the kernel's own data structures.

x86-64: Intel SDM volume 3A, 4.5. AArch64: Arm ARM (DDI 0487), D8.3, 4 KiB granule, 48 bits, the upper half.
"""
import struct
from dataclasses import dataclass

import gdb

from .target import Command, machine, physical_memory, register_value

ADDRESS = 0x0000fffffffff000
WORDS = 512
LEVEL_BITS = 9
PAGE_SHIFT = 12
TOP = 0xffff800000000000  # lowest address of the kernel's half; AArch64's is lower, see root()


class X86:
    names = ("PTE", "PDE", "PDPTE", "PML4E", "PML5E")
    root_register = "cr3"

    @staticmethod
    def present(raw):
        return raw & 1

    @staticmethod
    def leaf(raw, level):
        return level == 0 or level <= 2 and raw & 1 << 7

    @staticmethod
    def rights(raw, level):
        return (raw >> 1 & 1, not raw >> 63, raw >> 2 & 1)  # writable, executable, user's

    @staticmethod
    def kind(raw, level):
        return ("write-back", "write-through", "uncached", "uncached")[raw >> 3 & 3]

    @classmethod
    def words(cls, raw, level):
        if not cls.present(raw):
            return "not present"
        flags = [name for bit, name in ((1, "W"), (2, "U"), (3, "PWT"), (4, "PCD"), (5, "A"), (6, "D"), (8, "G"))
                 if raw >> bit & 1] + (["NX"] if raw >> 63 else [])
        what = "page" if cls.leaf(raw, level) else "table"
        return f"{what} {raw & ADDRESS & ~(1 << 12 if level and what == 'page' else 0):#x} {' '.join(flags)}".rstrip()


class Arm:
    names = ("level 3", "level 2", "level 1", "level 0")
    root_register = "TTBR1_EL1"

    @staticmethod
    def present(raw):
        return raw & 1

    @staticmethod
    def leaf(raw, level):
        return bool(raw & 2) if level == 0 else not raw & 2

    @staticmethod
    def rights(raw, level):
        return (not raw >> 7 & 1, not raw >> 53 & 1, raw >> 6 & 1)

    @staticmethod
    def kind(raw, level):
        return ("write-back", "device", "uncached")[raw >> 2 & 7] if raw >> 2 & 7 < 3 else f"attribute {raw >> 2 & 7}"

    @classmethod
    def words(cls, raw, level):
        if not cls.present(raw):
            return "not present"
        if level and raw & 2:
            flags = [name for bit, name in ((59, "PXNTable"), (60, "UXNTable"), (61, "no EL0"), (62, "read-only"))
                     if raw >> bit & 1]
            return f"table {raw & ADDRESS:#x} {' '.join(flags)}".rstrip()
        flags = ["RO" if raw >> 7 & 1 else "RW", *(["EL0"] if raw >> 6 & 1 else []),
                 *([] if raw >> 10 & 1 else ["no AF"]), *(["PXN"] if raw >> 53 & 1 else []),
                 *(["UXN"] if raw >> 54 & 1 else []), cls.kind(raw, level)]
        return f"{'block' if level else 'page'} {raw & ADDRESS:#x} {' '.join(flags)}"


ENTRY = {"x86_64": X86, "aarch64": Arm}


@dataclass
class Leaf:
    start: int
    size: int
    physical: int
    rights: tuple  # (writable, executable, user's)
    kind: str

    def words(self):
        writable, executable, user = self.rights
        return f"r{'w' if writable else '-'}{'x' if executable else '-'}{'u' if user else '-'} {self.kind}"


def root():
    """(physical address, number of levels); an error if translation is off."""
    arch = machine()
    value = register_value(ENTRY[arch].root_register)
    if value is None:
        raise gdb.GdbError(f"this gdb stub does not show {ENTRY[arch].root_register}")
    if arch == "x86_64":
        if not register_value("cr0") >> 31:
            raise gdb.GdbError("paging is off: addresses are physical")
        return value & ADDRESS, 5 if register_value("cr4") >> 12 & 1 else 4
    if not register_value("SCTLR") & 1:
        raise gdb.GdbError("the MMU is off: addresses are physical")
    return value & ADDRESS & ~1, 4


def read_table(physical):
    return struct.unpack(f"<{WORDS}Q", gdb.selected_inferior().read_memory(physical, 8 * WORDS))


def canonical(address):
    return address | 0xffff000000000000 if machine() == "aarch64" or address >> 47 & 1 else address


def span(level):
    return 1 << PAGE_SHIFT + LEVEL_BITS * level


def walk(address):
    """[(level, index, raw)] from the root to the leaf, or to the first entry that is not present."""
    entry, (table, levels), steps = ENTRY[machine()], root(), []
    with physical_memory():
        for level in reversed(range(levels)):
            index = address >> PAGE_SHIFT + LEVEL_BITS * level & WORDS - 1
            raw = read_table(table)[index]
            steps.append((level, index, raw))
            if not entry.present(raw) or entry.leaf(raw, level):
                break
            table = raw & ADDRESS
    return steps


def leaves(first, last):
    """Every leaf that covers part of [first, last], ascending."""
    entry, (table, levels) = ENTRY[machine()], root()

    def below(table, level, base, limits):
        for index, raw in enumerate(read_table(table)):
            start = canonical(base + index * span(level) & (1 << 48) - 1) if level == levels - 1 \
                else base + index * span(level)
            if not entry.present(raw) or start > last or start + span(level) - 1 < first:
                continue
            if not entry.leaf(raw, level):
                inherited = (raw >> 1 & 1, not raw >> 63, raw >> 2 & 1) if entry is X86 else (
                    not raw >> 62 & 1, not raw >> 59 & 1, not raw >> 61 & 1)
                yield from below(raw & ADDRESS, level - 1, start,
                                 tuple(a and b for a, b in zip(limits, inherited)))
                continue
            rights = tuple(bool(a and b) for a, b in zip(limits, entry.rights(raw, level)))
            yield Leaf(start, span(level), raw & ADDRESS & -span(level), rights, entry.kind(raw, level))

    with physical_memory():
        yield from list(below(table, levels - 1, 0, (True, True, True)))


def joined(found):
    """Merge neighbours that differ only in their addresses."""
    run = None
    for leaf in found:
        if run and (run.start + run.size, run.physical + run.size, run.rights, run.kind) == \
                (leaf.start, leaf.physical, leaf.rights, leaf.kind):
            run.size += leaf.size
            continue
        if run:
            yield run
        run = leaf
    if run:
        yield run


def number(text):
    return int(gdb.parse_and_eval(text).cast(gdb.lookup_type("unsigned long")))


class Walk(Command):
    """Walk the page tables to an address, entry by entry: halyard pt ADDRESS (any expression)."""

    name = "pt"

    def run(self, argv):
        if not argv:
            raise gdb.GdbError("usage: halyard pt ADDRESS")
        address = number(" ".join(argv))
        entry = ENTRY[machine()]
        for level, index, raw in walk(address):
            print(f"{entry.names[level]:8}[{index:3}] = {raw:#018x}  {entry.words(raw, level)}")
        found = list(leaves(address, address))
        if not found:
            print(f"{address:#x} is not mapped")
            return
        leaf = found[0]
        physical = leaf.physical + address - leaf.start
        print(f"{address:#x} is physical {physical:#x}, {leaf.words()}, by a leaf of {leaf.size >> 10} KiB")


class Map(Command):
    """The mappings, from the page tables themselves: halyard map [FROM [TO]]. Default: everything. r read, w write, x
    execute, u user mode; adjacent leaves that map adjacent memory are one line."""

    name = "map"

    def run(self, argv):
        first = number(argv[0]) if argv else 0
        last = number(argv[1]) if len(argv) > 1 else ((1 << 64) - 1 if not argv else first)
        for run in joined(leaves(first, last)):
            print(f"{run.start:#018x} - {run.start + run.size - 1:#018x} -> {run.physical:#014x}  {run.words()}")


def register():
    Walk()
    Map()
