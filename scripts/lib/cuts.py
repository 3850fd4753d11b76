# SPDX-License-Identifier: MIT
"""Power cuts, with a guest's own disk: what Halyard wrote is recorded, and after any cut nothing is lost that `sync` had
confirmed.

    cuts.py MACHINE [--build DIR] [--seed N] [--images N] [--no-flush]

A guest carries out a seeded list of shell commands on an ext3 disk, and QEMU's blklogwrites records every write and flush.
From that record this makes images that the disk may contain after a cut: everything before a flush, and of the
later writes any, in any order, torn at any sector. Other guests mount these images, which replays the journals. Then each
image must be clean for e2fsck, and its files must be those after some command since the last confirmed `sync`. e2fsck's own
replay must lead to the same files. --no-flush ignores flushes, as if the driver sent none: that must be noticed.
"""
import argparse
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from disk import SBIN
from tree import MACHINES, ROOT, build_directory

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, DISCARD = 1, 4
BATCH = 16        # images that one guest mounts
UNORDERED = 200   # writes that a disk which ignores flushes may lose
NAMES = 14
STEPS = 60
SHAPES = ((1024, "8M", 1), (4096, "20M", 4), (2048, "12M", 2))  # bytes in a block, the disk, MiB of the journal
SUPERBLOCK, INCOMPATIBLE, NEEDS_RECOVERY = 1024, 96, 4


class Lost(Exception):
    """An image that is not as it must be."""


# ---- What the guest does ----

@dataclass
class Work:
    """Shell commands, and the files: states[i] before lines[i], {path: bytes}."""

    lines: list = field(default_factory=list)
    states: list = field(default_factory=lambda: [{}])
    syncs: list = field(default_factory=list)  # the states that a `sync` has confirmed
    marks: list = field(default_factory=list)  # for each of them, bytes that only the next command writes

    def do(self, line, state):
        self.lines.append(line)
        self.states.append(state)

    def mark(self):
        self.marks.append(f"mark-{len(self.marks)}-")
        return self.marks[-1]


def path_of(name):
    return f"d{name % 3}/f{name}"


def one_command(work, pick):
    state = dict(work.states[-1])
    name, other = path_of(pick.randrange(NAMES)), path_of(pick.randrange(NAMES))
    kind = pick.randrange(10)
    if kind < 4 or name not in state:
        text = "".join(pick.choice("abcdefgh") for _ in range(pick.randrange(1, 200)))
        state[name] = text.encode() + b"\n"
        work.do(f"write /data/{name} {text}", state)
    elif kind < 6 and other != name and len(state[name]) < 100000:
        times = pick.randrange(2, 30)
        state[other] = state[name] * times
        work.do(f"cat {f'/data/{name} ' * times}> /data/{other}", state)
    elif kind < 8 and other != name:
        state[other] = state.pop(name)
        work.do(f"mv /data/{name} /data/{other}", state)
    else:
        del state[name]
        work.do(f"rm /data/{name}", state)


def make_work(seed, steps):
    """The first command after a sync writes a mark, so the record shows where it began: after that sync was confirmed."""
    pick, work = random.Random(seed), Work()
    for folder in range(3):
        work.do(f"mkdir /data/d{folder}", {})
    while len(work.lines) < steps:
        work.do("sync", work.states[-1])
        work.syncs.append(len(work.states) - 1)
        mark = work.mark()
        work.do(f"write /data/mark {mark}", {**work.states[-1], "mark": mark.encode() + b"\n"})
        for _ in range(pick.randrange(1, 6)):
            one_command(work, pick)
    return work


# ---- Recording ----

def tool(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={**os.environ, "PATH": SBIN}, **options)


def make_disk(image, shape):
    block, size, journal = shape
    done = tool("mke2fs", "-q", "-F", "-t", "ext3", "-b", block, "-N", 128, "-m", 0, "-J", f"size={journal}", image, size)
    if done.returncode != 0:
        raise Lost(f"mke2fs: {done.stderr.strip()}")


def boot(machine, build, lines, *options):
    argv = [str(ROOT / "scripts/run"), machine, "--build", str(build), "--no-build", "--no-install", "--boot", "kernel",
            "--timeout", "600", *options]
    done = subprocess.run(argv, input="".join(f"{line}\n" for line in lines), capture_output=True, text=True,
                          errors="replace", timeout=700)
    if done.returncode != 0:
        raise Lost(f"the guest ended with status {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.stdout


def recorded(disk, log, has_flushes):
    """Options of scripts/run for a disk at /data whose writes are recorded."""
    cache = "" if has_flushes else ",cache.no-flush=on"
    return ("--qemu", f"-blockdev driver=blklogwrites,node-name=logged,log-super-update-interval=1{cache},"
            f"file.driver=file,file.filename={disk},file.cache.no-flush=on,"
            f"log.driver=file,log.filename={log},log.cache.no-flush=on "
            "-device virtio-blk-pci,drive=logged,serial=logged", "--append", "mount=logged:/data")


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
    work: Work
    starts: list      # for each mark, the number of the first entry that has it
    seed: int
    block: int


def make_record(machine, build, folder, seed, steps=STEPS, has_flushes=True):
    disk, log = Path(folder) / "data.img", Path(folder) / "log"
    shape = SHAPES[seed % len(SHAPES)]
    make_disk(disk, shape)
    log.write_bytes(b"")
    base, work = disk.read_bytes(), make_work(seed, steps)
    output = boot(machine, build, [*work.lines, "poweroff"], *recorded(disk, log, has_flushes))
    tree = read_tree(disk, folder)
    if tree != work.states[-1]:
        raise Lost(f"a command failed:\n{output}")
    entries = read_record(log)
    starts = []
    for mark in work.marks:
        found = [i for i, entry in enumerate(entries) if mark.encode() in entry.data]
        if not found:
            raise Lost(f"{mark} was never written")
        starts.append(found[0])
    return Record(base, entries, work, starts, seed, shape[0])


# ---- Cuts ----

@dataclass
class Cut:
    at: int           # entries that the disk was told
    subset: int = 0   # the seed of what it has of the writes since the last flush; 0: nothing

    def __str__(self):
        return f"cut after {self.at} requests, subset {self.subset}"


def flushed_before(record, at, has_flushes):
    """How many entries are certainly on the disk."""
    if not has_flushes:
        return max(0, at - UNORDERED)
    flushes = [i for i in range(at) if record.entries[i].flags & FLUSH]
    return flushes[-1] + 1 if flushes else 0


def store(image, entry, sectors=None):
    for i in range(len(entry.data) // SECTOR) if sectors is None else sectors:
        at = (entry.sector + i) * SECTOR
        image[at:at + SECTOR] = entry.data[i * SECTOR:(i + 1) * SECTOR]


def image_after(record, cut, has_flushes=True):
    image, safe = bytearray(record.base), flushed_before(record, cut.at, has_flushes)
    for entry in record.entries[:safe]:
        store(image, entry)
    if cut.subset:
        pick = random.Random(cut.subset)
        rest = record.entries[safe:cut.at]
        pick.shuffle(rest)
        for entry in rest:
            count = len(entry.data) // SECTOR
            how = pick.randrange(3)
            store(image, entry, range(count if how == 0 else 0) if how < 2 else
                  [i for i in range(count) if pick.randrange(2)])
    return bytes(image)


def all_flushes(record):
    return [Cut(i + 1) for i, entry in enumerate(record.entries) if entry.flags & FLUSH and i >= record.starts[0]]


def some_cuts(record, count, seed):
    """Seeded ones, between flushes."""
    pick = random.Random(seed)
    return [Cut(pick.randrange(record.starts[0], len(record.entries) + 1), seed * 1000003 + i + 1) for i in range(count)]


# ---- Checking ----

def read_tree(image, folder):
    """{path: bytes}, without lost+found."""
    out = Path(folder) / "tree"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    tool("debugfs", "-R", f"rdump / {out}", image)
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.rglob("*"))
            if file.is_file() and "lost+found" not in file.parts}


def check_tree(record, cut, tree):
    """Each name leads to a file that it led to after some command since the last confirmed sync. A file that is being
    written may be shorter."""
    group = max(i for i, start in enumerate(record.starts) if start <= cut.at)
    first = record.work.syncs[group]
    last = record.work.syncs[group + 1] if group + 1 < len(record.work.syncs) else len(record.work.states) - 1
    states = record.work.states[first:last + 1]
    for name in {*tree, *(name for state in states for name in state)}:
        now, possible = tree.get(name), [state.get(name) for state in states]
        if now in possible:
            continue
        changes = [after for before, after in zip(possible, possible[1:]) if after != before and after is not None]
        if now is None or not any(text.startswith(now) for text in changes):
            raise Lost(f"{name} has {None if now is None else (len(now), now[:40])}, impossible in commands {first} to "
                       f"{last}: {[text and (len(text), text[:40]) for text in possible]}")


def check_clean(image):
    done = tool("e2fsck", "-fn", image)
    if done.returncode != 0:
        raise Lost(f"e2fsck complains:\n{done.stdout}{done.stderr}")


def check_replayed(record, cut, image, before, folder):
    """An image after a guest has mounted it, and before."""
    with open(image, "rb") as file:
        file.seek(SUPERBLOCK + INCOMPATIBLE)
        if file.read(1)[0] & NEEDS_RECOVERY:
            raise Lost("the guest has not replayed the journal")
    check_clean(image)
    tree = read_tree(image, folder)
    check_tree(record, cut, tree)
    other = Path(folder) / "other.img"
    other.write_bytes(before)
    if tool("e2fsck", "-fp", other).returncode > 1:
        raise Lost("e2fsck cannot repair the image before the replay")
    if read_tree(other, folder) != tree:
        raise Lost("e2fsck replays the journal to other files")


def drive(number, image):
    return (f"-drive if=none,id=cut{number},format=raw,cache=unsafe,file={image} "
            f"-device virtio-blk-pci,drive=cut{number},serial=cut{number}")


def check_cuts(record, cuts, machine, build, folder, has_flushes=True):
    """Let one guest mount images, and check each. Returns what is wrong: [(cut, text)]."""
    images, before, wrong = [], [], []
    for number, cut in enumerate(cuts):
        images.append(Path(folder) / f"cut{number}.img")
        before.append(image_after(record, cut, has_flushes))
        images[-1].write_bytes(before[-1])
    first = 1  # after the disk of the system
    lines = [line for i in range(len(cuts)) for line in
             (f"mount -o rw vd{chr(ord('a') + first + i)} /mnt", "umount /mnt")]
    boot(machine, build, [*lines, "poweroff"], "--qemu", " ".join(drive(i, image) for i, image in enumerate(images)))
    for cut, image, old in zip(cuts, images, before):
        try:
            check_replayed(record, cut, image, old, folder)
        except Lost as why:
            wrong.append((cut, str(why)))
    return wrong


def campaign(machine, build, seed, count, has_flushes=True, steps=STEPS, flushes=None):
    """Record one guest, and check images: after flushes (all, or so many), and `count` between them. Returns how many, and
    what is wrong."""
    with tempfile.TemporaryDirectory(prefix="halyard-cuts-") as folder:
        record = make_record(machine, build, folder, seed, steps, has_flushes)
        points = all_flushes(record)
        points = points if flushes is None else random.Random(seed).sample(points, min(flushes, len(points)))
        cuts = [*points, *some_cuts(record, count, seed)]
        wrong = []
        for i in range(0, len(cuts), BATCH):
            wrong += check_cuts(record, cuts[i:i + BATCH], machine, build, folder, has_flushes)
        return len(cuts), [f"seed {seed}, blocks of {record.block}: {cut}: {text}" for cut, text in wrong]


def main(arguments):
    p = argparse.ArgumentParser(prog="cuts.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("machine", choices=MACHINES)
    p.add_argument("--build", type=Path)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--images", type=int, default=60, help="between flushes")
    p.add_argument("--no-flush", action="store_true")
    o = p.parse_args(arguments)
    start = time.monotonic()
    count, wrong = campaign(o.machine, o.build or build_directory(o.machine), o.seed, o.images, not o.no_flush)
    for text in wrong:
        print(text)
    print(f"{o.machine}: seed {o.seed}, {count} images, {len(wrong)} wrong, {time.monotonic() - start:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
