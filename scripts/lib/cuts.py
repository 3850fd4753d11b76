# SPDX-License-Identifier: MIT
"""Power cuts, with a guest's own disk: what Halyard wrote is recorded, and after any cut nothing is lost that `sync`, or a
commit of SQLite, had confirmed.

    cuts.py MACHINE [--build DIR] [--kind ext3|ext2|fat] [--writer shell|sqlite] [--seed N] [--images N] [--no-flush]
    cuts.py MACHINE --kills N [--build DIR] [--seed N]

A guest carries out a seeded list of shell commands or SQL transactions, and QEMU's blklogwrites records every write and
flush of its disk. From that record this makes images that the disk may contain after a cut: everything before a flush, and of
the later writes any, in any order, torn at any sector. Other guests mount these images. ext3: that replays the journal, and
then each image must be clean for e2fsck; e2fsck's own replay must lead to the same files. ext2 and FAT: they are mounted
read-only with a message, and e2fsck or fsck.fat repairs them. The files must be those after some command since the
last one that was confirmed. --no-flush ignores flushes, as if the driver sent none: that must be noticed. --kills ends QEMU
at any moment instead.
"""
import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import workloads
from cutfs import KINDS, Ext3
from cutrecord import (Cut, Lost, Record, all_flushes, boot, command_line, find_marks, image_after, read_record, recorded,
                       some_cuts)
from tree import MACHINES, ROOT, Failure, build_directory

BATCH = 16        # images that one guest mounts
NAMES = 14
STEPS = 60
PROMPT = "halyard> "
COMMITS = 24
DATABASE = "data.db"
TABLES = """
PRAGMA synchronous = EXTRA;
CREATE TABLE sum(count INTEGER, total INTEGER);
INSERT INTO sum VALUES (0, 0);
CREATE TABLE item(number INTEGER PRIMARY KEY, name TEXT, size INTEGER);
CREATE INDEX by_size ON item(size);
"""


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

    def options(self, folder):
        return []

    def check_end(self, tree, output):
        if tree != self.states[-1]:
            raise Lost(f"a command failed:\n{output}")

    def check(self, confirmed, tree, kind, folder):
        """The files are those after some command since the confirmed sync. Without a journal, the disk may have what later
        commands have written, too, before it has the next mark: until the sync after that."""
        first, end = self.syncs[confirmed], confirmed + (2 if kind.needs_repair else 1)
        last = self.syncs[end] if end < len(self.syncs) else len(self.states) - 1
        states = self.states[first:last + 1]
        if kind.needs_repair:
            check_survivors(tree, states)
        else:
            check_tree(tree, states, f"commands {first} to {last}")


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


def check_tree(tree, states, commands):
    """Each name leads to a file that it led to in one of the states. A file that is being written may be shorter."""
    for name in {*tree, *(name for state in states for name in state)}:
        now, possible = tree.get(name), [state.get(name) for state in states]
        if now in possible:
            continue
        changes = [after for before, after in zip(possible, possible[1:]) if after != before and after is not None]
        if now is None or not any(text.startswith(now) for text in changes):
            raise Lost(f"{name} has {None if now is None else (len(now), now[:40])}, impossible in {commands}: "
                       f"{[text and (len(text), text[:40]) for text in possible]}")


def check_survivors(tree, states):
    """Without a journal: a name that leads to one file in all states does so still, unless another name of its folder
    changes, whose block may be torn. Each file that is in all states is somewhere, under its name or in lost+found."""
    changing = {name for state in states for name in {*state, *states[0]} if state.get(name) != states[0].get(name)}
    torn = {str(Path(name).parent) for name in changing}
    for name, text in states[0].items():
        if str(Path(name).parent) not in torn and tree.get(name) != text:
            raise Lost(f"{name} has {tree.get(name, b'no name')[:40]} instead of {text[:40]}")
    everywhere = set.intersection(*(set(state.values()) for state in states))
    for text in everywhere - set(tree.values()):
        raise Lost(f"the file with {text[:40]} is gone")


# ---- SQLite ----

def sqlite_program():
    place = workloads.folder()
    if place is None:
        raise Failure(workloads.NOWHERE)
    out = ROOT / "build/host-tests/workloads"
    out.mkdir(parents=True, exist_ok=True)
    workloads.compile_one(place, out, "sqlite", workloads.sources(place)["sqlite"])
    return out / "sqlite.wasm"


class SqlWork:
    """Transactions of SQLite's shell on one file. A commit is confirmed when the next transaction begins."""

    def __init__(self, seed, commits=COMMITS):
        self.lines = [f"run --dir /data /files/sqlite.wasm -vfs unix-none /data/{DATABASE} < /files/work.sql", "sync"]
        self.marks = [f"mark-{number}-" for number in range(commits)]
        self.program = sqlite_program()
        pick = random.Random(seed)
        self.steps = [TABLES, *(self.transaction(pick, mark) for mark in self.marks)]
        self.states = list(self.run(self.steps))

    @staticmethod
    def transaction(pick, mark):
        sizes = [pick.randrange(3000) for _ in range(pick.randrange(1, 6))]
        rows = [f"INSERT INTO item(name, size) VALUES ('{mark}{pick.randrange(10**9)}' || hex(zeroblob({size})), {size});"
                for size in sizes]
        rows.append(f"DELETE FROM item WHERE size BETWEEN {(low := pick.randrange(3000))} AND {low + 200} AND name NOT LIKE '{mark}%';")
        rows.append("UPDATE sum SET count = (SELECT count(*) FROM item), total = (SELECT sum(size) FROM item);")
        return "BEGIN;\n" + "\n".join(rows) + "\nCOMMIT;\n"

    @staticmethod
    def run(steps):
        """What the database has after each."""
        with sqlite3.connect(":memory:") as database:
            for step in steps:
                database.executescript(step)
                yield list(database.iterdump())

    def options(self, folder):
        share = Path(folder) / "files"
        share.mkdir(exist_ok=True)
        (share / "sqlite.wasm").write_bytes(self.program.read_bytes())
        (share / "work.sql").write_text("".join(self.steps))
        return ["--files", share]

    def dump(self, tree, folder):
        """Opening the copy rolls back a transaction that the cut has interrupted."""
        with tempfile.TemporaryDirectory(dir=folder) as place:
            for name, data in tree.items():
                if name.startswith(DATABASE):
                    (Path(place) / name).write_bytes(data)
            try:
                with sqlite3.connect(Path(place) / DATABASE) as database:
                    said = database.execute("PRAGMA integrity_check").fetchall()
                    if said != [("ok",)]:
                        raise Lost(f"integrity_check: {said[:3]}")
                    return list(database.iterdump())
            except sqlite3.DatabaseError as why:
                raise Lost(f"SQLite: {why}") from None

    def check_end(self, tree, output):
        with tempfile.TemporaryDirectory() as folder:
            if self.dump(tree, folder) != self.states[-1]:
                raise Lost(f"a transaction failed:\n{output}")

    def check(self, confirmed, tree, kind, folder):
        """Transaction N's mark is written after transaction N - 1 was confirmed. states[0] has none."""
        if self.dump(tree, folder) not in self.states[confirmed:]:
            raise Lost(f"the database is not as after {confirmed} or more transactions")


# ---- Recording and checking ----

def make_record(machine, build, folder, seed, kind, work, has_flushes=True):
    disk, log = Path(folder) / "data.img", Path(folder) / "log"
    kind.make(disk, seed)
    log.write_bytes(b"")
    base = disk.read_bytes()
    output = boot(machine, build, [*work.lines, "umount /data", "poweroff"], *work.options(folder),
                  *recorded(disk, log, has_flushes), "--append", "mount=logged:/data")
    work.check_end(kind.read(disk, folder), output)
    entries = read_record(log)
    return Record(base, entries, work, kind, find_marks(entries, work.marks), seed)


def drive(number, image):
    return (f"-drive if=none,id=cut{number},format=raw,cache=unsafe,file={image} "
            f"-device virtio-blk-pci,drive=cut{number},serial=cut{number}")


def use_in_guest(kind, machine, build, images):
    """What the guest says to the kind's lines for each image."""
    first = 1  # after the disk of the system
    lines = [line for i in range(len(images)) for line in kind.lines(f"vd{chr(ord('a') + first + i)}")]
    output = boot(machine, build, [*lines, "poweroff"], "--qemu", " ".join(drive(i, image) for i, image in enumerate(images)))
    said, each = output.split(PROMPT)[1:], len(lines) // len(images)
    return ["".join(said[i * each:(i + 1) * each]) for i in range(len(images))]


def check_images(kind, machine, build, folder, images, check):
    """Let one guest use images, and check each: check(number, its files). Returns {number: complaint}."""
    before, wrong = [image.read_bytes() for image in images], {}
    for number, said in enumerate(use_in_guest(kind, machine, build, images)):
        try:
            check(number, kind.check(images[number], before[number], said, folder))
        except Lost as why:
            wrong[number] = str(why)
    return wrong


def check_cuts(record, cuts, machine, build, folder, has_flushes=True):
    """[(cut, what is wrong)]"""
    images = []
    for number, cut in enumerate(cuts):
        images.append(Path(folder) / f"cut{number}.img")
        images[-1].write_bytes(image_after(record, cut, has_flushes))
    wrong = check_images(record.kind, machine, build, folder, images, lambda number, tree: record.work.check(
        record.confirmed(cuts[number].at), tree, record.kind, folder))
    return [(cuts[number], text) for number, text in wrong.items()]


def campaign(machine, build, seed, count, kind=Ext3, work=None, has_flushes=True, flushes=None):
    """Record one guest, and check images: after flushes (all, or so many), and `count` between them. Returns how many, and
    what is wrong."""
    with tempfile.TemporaryDirectory(prefix="halyard-cuts-") as folder:
        record = make_record(machine, build, folder, seed, kind, work or make_work(seed, STEPS), has_flushes)
        points = all_flushes(record)
        points = points if flushes is None else random.Random(seed).sample(points, min(flushes, len(points)))
        cuts = [*points, *some_cuts(record, count, seed, has_flushes)]
        wrong = []
        for i in range(0, len(cuts), BATCH):
            wrong += check_cuts(record, cuts[i:i + BATCH], machine, build, folder, has_flushes)
        return len(cuts), [f"seed {seed}, {kind.name}: {cut}: {text}" for cut, text in wrong]


# ---- Kills ----

def kill_one(machine, build, folder, image, seed):
    """End QEMU while the guest works, after a seeded number of its commands. Returns the work, and the number of the last sync
    that the guest had confirmed by then."""
    pick, work = random.Random(seed), make_work(seed, STEPS)
    Ext3.make(image, seed)
    argv = command_line(machine, build, "--qemu", f"-drive if=none,id=killed,format=raw,file={image} "
                        "-device virtio-blk-pci,drive=killed,serial=killed", "--append", "mount=killed:/data")
    running = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    running.stdin.write("".join(f"{line}\n" for line in work.lines).encode())
    running.stdin.flush()
    seen, wanted = b"", pick.randrange(work.syncs[0] + 2, len(work.lines))
    while seen.count(PROMPT.encode()) < wanted:
        data = os.read(running.stdout.fileno(), pick.randrange(1, 64))
        if not data:
            raise Lost(f"the guest ended:\n{seen.decode(errors='replace')[-2000:]}")
        seen += data
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    done = seen.count(PROMPT.encode()) - 1  # commands that were answered; state N is before command N
    return work, max(i for i, state in enumerate(work.syncs) if state <= done)


def kills(machine, build, seed, count):
    """Returns what is wrong after so many kills."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="halyard-kills-") as folder:
        for first in range(seed, seed + count, BATCH):
            seeds = range(first, min(first + BATCH, seed + count))
            images = [Path(folder) / f"kill{i}.img" for i in range(len(seeds))]
            works = [kill_one(machine, build, folder, image, number) for image, number in zip(images, seeds)]

            def check(number, tree):
                work, confirmed = works[number]
                check_tree(tree, work.states[work.syncs[confirmed]:], f"commands after sync {confirmed}")
            found = check_images(Ext3, machine, build, folder, images, check)
            wrong += [f"kill with seed {seeds[number]}: {text}" for number, text in found.items()]
    return wrong


def main(arguments):
    p = argparse.ArgumentParser(prog="cuts.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("machine", choices=MACHINES)
    p.add_argument("--build", type=Path)
    p.add_argument("--kind", choices=KINDS, default=Ext3.name)
    p.add_argument("--writer", choices=("shell", "sqlite"), default="shell")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--images", type=int, default=60, help="between flushes")
    p.add_argument("--no-flush", action="store_true")
    p.add_argument("--kills", type=int, metavar="N", help="end QEMU N times instead")
    o = p.parse_args(arguments)
    start, build = time.monotonic(), o.build or build_directory(o.machine)
    if o.kills:
        count, wrong = o.kills, kills(o.machine, build, o.seed, o.kills)
    else:
        count, wrong = campaign(o.machine, build, o.seed, o.images, KINDS[o.kind],
                                SqlWork(o.seed) if o.writer == "sqlite" else None, not o.no_flush)
    for text in wrong:
        print(text)
    print(f"{o.machine}: seed {o.seed}, {count} images, {len(wrong)} wrong, {time.monotonic() - start:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
