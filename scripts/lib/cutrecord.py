# SPDX-License-Identifier: MIT
"""What QEMU's blklogwrites recorded of a guest's disk, and the images that the disk may contain after a power cut."""
import os
import random
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from disk import SBIN
from tree import ROOT

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, DISCARD = 1, 4
UNORDERED = 200   # writes that a disk which ignores flushes may lose


class Lost(Exception):
    """An image that is not as it must be."""


def tool(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={**os.environ, "PATH": SBIN}, **options)


def command_line(machine, build, *options):
    return [str(ROOT / "scripts/run"), machine, "--build", str(build), "--no-build", "--no-install", "--boot", "kernel",
            "--timeout", "600", *map(str, options)]


def boot(machine, build, lines, *options):
    done = subprocess.run(command_line(machine, build, *options), input="".join(f"{line}\n" for line in lines),
                          capture_output=True, text=True, errors="replace", timeout=700)
    if done.returncode != 0:
        raise Lost(f"the guest ended with status {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.stdout


def recorded(disk, log, has_flushes):
    """Options of scripts/run for a disk whose writes are recorded."""
    cache = "" if has_flushes else ",cache.no-flush=on"
    return ("--qemu", f"-blockdev driver=blklogwrites,node-name=logged,log-super-update-interval=1{cache},"
            f"file.driver=file,file.filename={disk},file.cache.no-flush=on,"
            f"log.driver=file,log.filename={log},log.cache.no-flush=on "
            "-device virtio-blk-pci,drive=logged,serial=logged")


@dataclass
class Entry:
    sector: int
    flags: int
    data: bytes


def read_record(file):
    """The writes and flushes that blklogwrites recorded, in the order in which the guest sent them."""
    raw = Path(file).read_bytes()
    magic, version, count, sector_size = struct.unpack_from("<QQQI", raw)
    if magic != MAGIC or version != 1:
        raise Lost(f"{file}: not a record of blklogwrites")
    entries, at = [], sector_size
    for _ in range(count):
        sector, sectors, flags, _ = struct.unpack_from("<QQQQ", raw, at)
        at += sector_size
        size = 0 if flags & DISCARD else sectors * sector_size
        entries.append(Entry(sector * (sector_size // SECTOR), flags, raw[at:at + size]))
        at += size
    return entries


@dataclass
class Record:
    base: bytes
    entries: list
    work: object      # what the guest did (cuts.py)
    kind: object      # of file system (cutfs.py)
    starts: list      # for each mark of the work, the number of the first entry that has it
    seed: int

    def confirmed(self, at):
        """The number of the last mark that the guest wrote before this entry. The guest was told that everything before that mark is on the disk."""
        return max(i for i, start in enumerate(self.starts) if start <= at)


def find_marks(entries, marks):
    starts = []
    for mark in marks:
        found = next((i for i, entry in enumerate(entries) if mark.encode() in entry.data), None)
        if found is None:
            raise Lost(f"{mark} was never written")
        starts.append(found)
    return starts


# ---- Cuts ----

@dataclass
class Cut:
    at: int           # entries that the disk was told
    subset: int = 0   # the seed that chooses which writes since the last flush it has; 0: none

    def __str__(self):
        return f"cut after {self.at} requests, subset {self.subset}"


def flushed_before(record, at, has_flushes):
    """How many entries are certainly on the disk."""
    if not has_flushes:
        return max(0, at - UNORDERED)
    flushes = [i for i in range(at) if record.entries[i].flags & FLUSH]
    return flushes[-1] + 1 if flushes else 0


def unflushed(record, cut, has_flushes=True):
    """{sector: bytes} of what the disk has of the writes since the last flush: any of them, in any order, torn at sectors."""
    kept, pick = {}, random.Random(cut.subset)
    rest = record.entries[flushed_before(record, cut.at, has_flushes):cut.at] if cut.subset else []
    pick.shuffle(rest)
    for entry in rest:
        count = len(entry.data) // SECTOR
        how = pick.choice(("whole", "lost", "torn"))
        for i in range(0 if how == "lost" else count):
            if how == "torn" and pick.randrange(2):
                continue
            kept[entry.sector + i] = entry.data[i * SECTOR:(i + 1) * SECTOR]
    return kept


def image_after(record, cut, has_flushes=True):
    image = bytearray(record.base)
    for entry in record.entries[:flushed_before(record, cut.at, has_flushes)]:
        at = entry.sector * SECTOR
        image[at:at + len(entry.data)] = entry.data
    for sector, data in unflushed(record, cut, has_flushes).items():
        image[sector * SECTOR:(sector + 1) * SECTOR] = data
    return bytes(image)


def all_flushes(record):
    return [Cut(i + 1) for i, entry in enumerate(record.entries) if entry.flags & FLUSH and i >= record.starts[0]]


def some_cuts(record, count, seed, has_flushes=True):
    """Seeded ones, between flushes: each has a subset of at least one unflushed write, and no two have the same."""
    pick, cuts, known = random.Random(seed), [], set()
    points = [i + 1 for i, entry in enumerate(record.entries) if entry.data and i >= record.starts[0]]
    for subset in range(1, 20 * count):
        cut = Cut(pick.choice(points), seed * 1000003 + subset)
        kept = unflushed(record, cut, has_flushes)
        which = (flushed_before(record, cut.at, has_flushes), hash(frozenset(kept.items())))
        if kept and which not in known:
            known.add(which)
            cuts.append(cut)
        if len(cuts) == count:
            return cuts
    raise Lost(f"the record has only {len(cuts)} different subsets of unflushed writes")
