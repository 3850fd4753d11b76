# SPDX-License-Identifier: MIT
"""The part of the long suites that a short run of scripts/test takes.

A sample is a number. The commit's hash chooses it, so that successive commits together run everything. A part is what one
suite runs of it: every PARTS-th of its items. Five samples with successive numbers have every part on some machine, the
samples 0 to SAMPLES - 1 on both.
"""
import argparse
import subprocess
import zlib
from dataclasses import dataclass

from tree import MACHINES, ROOT

PARTS = 4
SAMPLES = PARTS * len(MACHINES)
ALLOCATIONS = 4  # a walk of failing allocations fails every fourth one
# What commits choose from. Each further SAMPLES differ in which allocations fail in walks, and in the tests of the
# matrix's rows.
CHOICES = ALLOCATIONS * SAMPLES


@dataclass(frozen=True)
class Part:
    """Part `number` of `count`; counted from 1."""

    number: int = 1
    count: int = 1

    def __str__(self):
        return f"{self.number}/{self.count}"

    @property
    def is_whole(self):
        return self.count == 1

    def of(self, items):
        return list(items)[self.number - 1::self.count]

    def has(self, name):
        """For lists that differ from place to place: a name is in the same part of any list."""
        return zlib.crc32(name.encode()) % self.count == self.number - 1

    def options(self):
        """Arguments for a suite that accepts --part."""
        return [] if self.is_whole else ["--part", str(self)]


WHOLE = Part()


def part(text):
    """--part's argument."""
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r}: a part is N/M, 1/M the first of M")
    return Part(int(number), int(count))


def take_part(arguments):
    """(the part from `--part N/M` at the end of the arguments, the other arguments)."""
    if arguments[-2:-1] == ["--part"]:
        return part(arguments[-1]), arguments[:-2]
    return WHOLE, arguments


class Sample:
    """What a run includes. Without a number it includes everything."""

    def __init__(self, number=None):
        self.number = number

    @property
    def is_whole(self):
        return self.number is None

    def part(self, count=PARTS, machine=MACHINES[0]):
        """One of `count` parts, a divisor of PARTS; the other machine gets another one."""
        turn = 0 if self.is_whole else self.number + MACHINES.index(machine) * count // len(MACHINES)
        return WHOLE if self.is_whole else Part(turn % count + 1, count)

    def part_on_one(self, machine):
        """For suites that are nearly the same on both machines: a part on one of them, nothing (None) on the other."""
        if self.is_whole:
            return WHOLE
        turn = self.number // len(MACHINES) + self.number // PARTS
        return self.part() if MACHINES[turn % len(MACHINES)] == machine else None

    def whole_on_one(self, machine, turn):
        """For a suite that cannot be divided: all of it on one machine in one sample of PARTS, which `turn` chooses; else None."""
        if self.is_whole:
            return WHOLE
        turn = self.number - turn
        return WHOLE if turn % PARTS == 0 and MACHINES[turn // PARTS % len(MACHINES)] == machine else None

    def half_on_one(self, machine):
        """For what takes long to begin with: one half in every second sample, on one machine; else None."""
        if self.is_whole:
            return WHOLE
        turn = self.number // len(MACHINES)
        is_here = self.number % len(MACHINES) == 0 and MACHINES[turn // 2 % len(MACHINES)] == machine
        return Part(turn % 2 + 1, 2) if is_here else None

    def halves(self, kinds, machine):
        """{kind: its part}. A sample has one half of one kind on one machine; the next sample has the other kind. There
        are two kinds."""
        if self.is_whole:
            return dict.fromkeys(kinds, WHOLE)
        turn = self.number // PARTS + self.number
        if MACHINES[turn % len(MACHINES)] != machine:
            return {}
        return {list(kinds)[self.number % 2]: Part(self.number // 2 % 2 + 1, 2)}

    def allocations(self):
        """The allocations that fail in walks: every fourth one."""
        return WHOLE if self.is_whole else Part(self.number // SAMPLES % ALLOCATIONS + 1, ALLOCATIONS)


def of_commit():
    """The number that HEAD's hash chooses; 0 outside a clone."""
    git = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    return int(git.stdout.strip() or "0", 16) % CHOICES if git.returncode == 0 else 0
