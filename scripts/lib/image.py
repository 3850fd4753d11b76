# SPDX-License-Identifier: MIT
"""List, copy and check the files of a disk image without mounting it: ext2 and ext3 with e2fsprogs, FAT with mtools and
dosfstools. No root needed, and no guest may use the image meanwhile."""
import argparse
import os
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

import packages
from disk import SBIN
from tree import Failure

SECTOR = 512
EXTENDED = (0x05, 0x0f, 0x85)
PROTECTIVE = 0xee
CHUNK = 1 << 20
EPILOG = """examples:
  scripts/disk ls my.img /notes
  scripts/disk get my.img /notes/today           # to ./today
  scripts/disk put my.img letter.txt /notes      # a file or a folder, into a folder or under a new name
  scripts/disk fsck --repair my.img
  scripts/disk ls --part 2 disk.img              # of the second partition
"""


# ---- Finding the file system ----

def read_at(image, offset, length):
    with open(image, "rb") as file:
        file.seek(offset)
        return file.read(length)


def kind_at(image, offset):
    """'ext', 'fat' or None: what begins at this byte."""
    head = read_at(image, offset, 2048)
    if head[1024 + 56:1024 + 58] == b"\x53\xef":
        return "ext"
    if head[510:512] == b"\x55\xaa" and (head[54:57] == b"FAT" or head[82:85] == b"FAT"):
        return "fat"
    return None


def mbr_entries(sector):
    """(type, first sector, count) of the four entries; none if it is no MBR."""
    if len(sector) < SECTOR or sector[510:512] != b"\x55\xaa":
        return []
    entries = [sector[446 + 16 * i:462 + 16 * i] for i in range(4)]
    return [(e[4], *struct.unpack("<II", e[8:16])) for e in entries] if all(e[0] & 0x7f == 0 for e in entries) else []


def gpt_partitions(image):
    header = read_at(image, SECTOR, 92)
    if header[:8] != b"EFI PART":
        return {}
    at, count, size = struct.unpack("<QII", header[72:88])
    table = read_at(image, at * SECTOR, min(count, 1024) * size)
    found = {}
    for number in range(1, len(table) // max(size, 128) + 1):
        entry = table[(number - 1) * size:number * size]
        first, last = struct.unpack("<QQ", entry[32:48])
        if any(entry[:16]) and first <= last:
            found[number] = (first, last - first + 1)
    return found


def logical_partitions(image, base):
    """Each table of the chain has a partition and the place of the next table."""
    found, at = {}, base
    while at and len(found) < 124:
        entries = mbr_entries(read_at(image, at * SECTOR, SECTOR))
        following = 0
        for kind, first, count in entries:
            if kind in EXTENDED:
                following = base + first
            elif kind:
                found[5 + len(found)] = (at + first, count)
        at = following if following > at else 0
    return found


def partitions(image):
    """{number: (first sector, count)}, with Linux's numbers."""
    entries = mbr_entries(read_at(image, 0, SECTOR))
    if any(kind == PROTECTIVE for kind, *_ in entries):
        return gpt_partitions(image)
    found = {}
    for number, (kind, first, count) in enumerate(entries, 1):
        if kind in EXTENDED:
            found.update(logical_partitions(image, first))
        elif kind:
            found[number] = (first, count)
    return found


def describe(image, table):
    return ", ".join(f"{number} ({kind_at(image, first * SECTOR) or 'unknown'})" for number, (first, _) in sorted(table.items()))


def find(image, number):
    """The file system that is meant: (kind, first byte, bytes or None for all)."""
    if not image.is_file():
        raise Failure(f"{image}: {'not a file' if image.exists() else 'no such file'}")
    kind = kind_at(image, 0)
    if kind and number is None:
        return kind, 0, None
    table = {} if kind else partitions(image)
    if number is None and table:
        known = [n for n, (first, _) in table.items() if kind_at(image, first * SECTOR)]
        if len(known) != 1:
            raise Failure(f"{image}: choose one of its partitions with --part: {describe(image, table)}")
        number = known[0]
    if number is not None and number not in table:
        raise Failure(f"{image}: it has no partition {number}" + (f"; it has {describe(image, table)}" if table else ""))
    if number is not None:
        first, count = table[number]
        kind = kind_at(image, first * SECTOR)
        if kind:
            return kind, first * SECTOR, count * SECTOR
    raise Failure(f"{image}{'' if number is None else f': partition {number}'}: neither ext2 or ext3 nor FAT")


# ---- What the two kinds have in common ----

class Volume:
    NEEDS = ()

    def __init__(self, image, offset, size):
        self.image, self.offset, self.size = image, offset, size
        packages.ensure(self.NEEDS, say="disk")

    def call(self, command, **options):
        environment = {**os.environ, "PATH": SBIN, "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"}
        return subprocess.run([str(word) for word in command], text=True, env=environment, errors="replace", **options)

    @staticmethod
    def check_name(name):
        if any(ord(c) < 32 or ord(c) == 127 for c in name):
            raise Failure(f"{name!r}: control characters in a name")
        return name

    def check_path(self, path):
        return str(PurePosixPath("/") / self.check_name(path))

    def target(self, source, path):
        """Where `put` writes: into a folder that exists, or under the given name."""
        return str(PurePosixPath(path) / source.resolve().name) if self.type_of(path) == "folder" else path

    def put(self, source, path):
        if not self.is_clean():
            raise Failure(f"{self.image}: it was not unmounted, or has errors: use `scripts/disk fsck --repair` first")
        for _, folders, files in os.walk(source) if not source.is_symlink() else ():
            for name in (*folders, *files):
                self.check_name(name)
        target = self.target(source, path)
        parent = str(PurePosixPath(target).parent)
        if self.type_of(parent) != "folder":
            raise Failure(f"{parent}: no such folder on the disk")
        if self.type_of(target) == "folder" or (self.type_of(target) and source.is_dir()):
            raise Failure(f"{target}: it exists on the disk already")
        if self.type_of(target):
            self.replace(source, target, str(PurePosixPath(target).with_name(f".disk-{secrets.token_hex(8)}")))
        else:
            self.add(source, target)

    def get(self, path, target):
        kind = self.type_of(path)
        if kind is None:
            raise Failure(f"{path}: no such file on the disk")
        if target.is_dir() and PurePosixPath(path).name:
            target = target / PurePosixPath(path).name
        if target.exists() and (kind == "folder" or target.is_dir()):
            raise Failure(f"{target}: it exists already")
        self.read(path, target, kind)

    def list(self, path):
        kind = self.type_of(path)
        if kind is None:
            raise Failure(f"{path}: no such file or folder on the disk")
        for name in self.names(path) if kind == "folder" else [PurePosixPath(path).name]:
            print(name)


class Ext(Volume):
    NEEDS = ("e2fsprogs",)
    LINE_MAX = 8190  # debugfs takes the rest of a longer line for the next command
    CLEAN, ERRORS, RECOVERY = 1, 2, 4

    def name(self):
        return f"{self.image}?offset={self.offset}" if self.offset else str(self.image)

    def is_clean(self):
        head = read_at(self.image, self.offset + 1024, 1024)
        state, = struct.unpack("<H", head[58:60])
        incompatible, = struct.unpack("<I", head[96:100])
        return state & (self.CLEAN | self.ERRORS) == self.CLEAN and not incompatible & self.RECOVERY

    def quoted(self, text):
        return '"' + self.check_name(text).replace('"', '""') + '"'

    def debugfs(self, *lines, write=False):
        """The output. debugfs ends with status 0 after errors, too, and prints them after its own name."""
        for line in lines:
            if len(line.encode(errors="replace")) > self.LINE_MAX:
                raise Failure(f"{line[:60]}...: the names are too long for debugfs")
        done = self.call(["debugfs", *(["-w"] if write else []), "-f", "-", self.name()], input="".join(f"{line}\n" for line in lines),
                         capture_output=True)
        errors = [line for line in done.stderr.splitlines() if not line.startswith("debugfs 1.")]
        if done.returncode < 0:
            errors.append(f"debugfs ended with signal {-done.returncode}")
        return done.stdout, "; ".join(errors)

    def changed(self, *lines, undo=()):
        _, errors = self.debugfs(*lines, write=True)
        if errors:
            self.debugfs(*undo, write=True)
            raise Failure(f"{self.image}: {errors}")

    def type_of(self, path):
        output, errors = self.debugfs(f"stat {self.quoted(path)}")
        if errors:
            if "File not found" not in errors:
                raise Failure(f"{self.image}: {errors}")
            return None
        return "folder" if "Type: directory" in output else "file"

    def names(self, path):
        output, errors = self.debugfs(f"ls -p {self.quoted(path)}")
        if errors:
            raise Failure(f"{path}: {errors}")
        for line in output.splitlines():
            if line.startswith("/"):
                _, inode, mode, _, _, rest = line.split("/", 5)
                name = rest.rsplit("/", 2)[0]
                if int(inode) and name not in (".", ".."):
                    yield name + ("/" if mode.startswith("04") else "")

    def read(self, path, target, kind):
        if kind == "file":
            _, errors = self.debugfs(f"dump {self.quoted(path)} {self.quoted(str(target))}")
        else:
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".disk-") as work:
                _, errors = self.debugfs(f"rdump {self.quoted(path)} {self.quoted(work)}")
                made = Path(work) / PurePosixPath(path).name
                if not errors:
                    shutil.move(made if PurePosixPath(path).name else work, target)
                    Path(work).mkdir(exist_ok=True)
        errors = "; ".join(e for e in errors.split("; ") if e and "while changing ownership" not in e)
        if errors:
            raise Failure(f"{path}: {errors}")

    def steps_for(self, source, target):
        """[(command, the command that undoes it)]"""
        quoted = self.quoted(target)
        if source.is_symlink():
            return [(f"symlink {quoted} {self.quoted(os.readlink(source))}", f"rm {quoted}")]
        if source.is_dir():
            return [(f"mkdir {quoted}", f"rmdir {quoted}"), *(step for entry in sorted(source.iterdir())
                                                              for step in self.steps_for(entry, f"{target}/{entry.name}"))]
        return [(f"write {self.quoted(str(source))} {quoted}", f"rm {quoted}")]

    def add(self, source, target):
        """Write all changes that are not on the disk yet. After an error, nothing of it stays."""
        steps = self.steps_for(source, target)
        self.changed(*(command for command, _ in steps), undo=[command for _, command in reversed(steps)])

    def replace(self, source, target, draft):
        """Remove the old file when the new one is complete. debugfs cannot rename; its `ln` and
        `unlink` do not change the number of links."""
        self.add(source, draft)
        self.changed(f"rm {self.quoted(target)}", undo=[f"rm {self.quoted(draft)}"])
        self.changed(f"ln {self.quoted(draft)} {self.quoted(target)}")
        self.changed(f"unlink {self.quoted(draft)}")

    def check(self, repair):
        return self.call(["e2fsck", "-f", "-p" if repair else "-n", self.name()]).returncode


class Fat(Volume):
    NEEDS = ("mtools", "dosfstools")

    def drive(self):
        return ["-i", f"{self.image}@@{self.offset}" if self.offset else self.image]

    def is_clean(self):
        head = read_at(self.image, self.offset, SECTOR)
        return head[0x25 if head[22:24] != b"\0\0" else 0x41] & 3 == 0

    def tool(self, command, *arguments):
        done = self.call([command, *self.drive(), *arguments], capture_output=True)
        if done.returncode != 0:
            raise Failure(f"{self.image}: {done.stderr.strip() or command + ' failed'}")
        return done.stdout

    def entries(self, folder):
        """The names in a folder; folders with a slash."""
        listed = self.tool("mdir", "-a", "-b", "::" + folder)
        names = (line.removeprefix("::") for line in listed.splitlines() if line.startswith("::"))
        return [PurePosixPath(name).name + ("/" if name.endswith("/") else "") for name in names]

    def type_of(self, path):
        if path == "/":
            return "folder"
        wanted = PurePosixPath(path)
        if self.type_of(str(wanted.parent)) != "folder":
            return None
        names = [name.lower() for name in self.entries(str(wanted.parent))]
        name = wanted.name.lower()
        return "folder" if name + "/" in names else "file" if name in names else None

    def names(self, path):
        return self.entries(path)

    def read(self, path, target, kind):
        if kind == "folder" and path == "/":
            target.mkdir()
            for name in self.names("/"):
                self.read("/" + name.rstrip("/"), target / name.rstrip("/"), "folder" if name.endswith("/") else "file")
            return
        self.tool("mcopy", "-s", "-n", "-m", "::" + path, target.absolute())  # "a:" would be a drive

    def add(self, source, target):
        """Write all changes that are not on the disk yet. After an error, nothing of it stays."""
        try:
            self.tool("mcopy", "-s", "-m", source.absolute(), "::" + target)
        except Failure:
            self.call(["mdeltree", *self.drive(), "::" + target], capture_output=True)
            raise

    def replace(self, source, target, draft):
        """mcopy deletes the old file before it knows that the new one fits; the draft tests that.
        mren would change short names to upper case."""
        self.add(source, draft)
        self.tool("mdel", "::" + draft)
        self.tool("mcopy", "-o", "-m", source.absolute(), "::" + target)

    def check(self, repair):
        """fsck.fat knows no partitions: it gets a copy, which is written back after a repair."""
        option = "-a" if repair else "-n"
        if not self.offset:
            return self.call(["fsck.fat", option, self.image]).returncode
        with tempfile.TemporaryDirectory(prefix="halyard-disk-") as work:
            copy = Path(work) / "partition"
            with open(self.image, "rb") as source, open(copy, "wb") as out:
                self.transfer(source, self.offset, out, 0)
            status = self.call(["fsck.fat", option, copy]).returncode
            if repair:
                with open(copy, "rb") as source, open(self.image, "r+b") as out:
                    self.transfer(source, 0, out, self.offset)
            return status

    def transfer(self, source, at, out, to):
        source.seek(at)
        out.seek(to)
        left = self.size
        while left and (piece := source.read(min(left, CHUNK))):
            out.write(piece)
            left -= len(piece)


KINDS = {"ext": Ext, "fat": Fat}


# ---- Commands ----

def open_volume(o):
    kind, offset, size = find(o.image, o.part)
    return KINDS[kind](o.image, offset, size)


def run_ls(o):
    volume = open_volume(o)
    volume.list(volume.check_path(o.path))
    return 0


def run_get(o):
    volume = open_volume(o)
    path = volume.check_path(o.path)
    volume.get(path, o.file or Path(PurePosixPath(path).name or o.image.stem))
    return 0


def run_put(o):
    volume = open_volume(o)
    if not o.file.exists():
        raise Failure(f"{o.file}: no such file")
    volume.check_path(str(o.file))
    volume.put(o.file, volume.check_path(o.path))
    return 0


def run_fsck(o):
    volume = open_volume(o)
    if o.repair:
        volume.check(repair=True)
    return 0 if volume.check(repair=False) == 0 else 1


def parse(arguments):
    p = argparse.ArgumentParser(prog="scripts/disk", description=__doc__, epilog=EPILOG,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--part", metavar="N", type=int, help="the partition, if the image has several with a file system")
    common.add_argument("image", metavar="IMAGE", type=Path)
    commands = p.add_subparsers(required=True, metavar="ls|get|put|fsck")
    ls = commands.add_parser("ls", parents=[common], help="list a folder of the disk")
    ls.add_argument("path", metavar="PATH", nargs="?", default="/")
    ls.set_defaults(run=run_ls)
    get = commands.add_parser("get", parents=[common], help="copy a file or a folder from the disk")
    get.add_argument("path", metavar="PATH", help="on the disk")
    get.add_argument("file", metavar="FILE", nargs="?", type=Path, help="the copy; default: the same name, in this folder")
    get.set_defaults(run=run_get)
    put = commands.add_parser("put", parents=[common], help="copy a file or a folder to the disk")
    put.add_argument("file", metavar="FILE", type=Path)
    put.add_argument("path", metavar="PATH", nargs="?", default="/", help="on the disk: a folder, or the copy's name; default /")
    put.set_defaults(run=run_put)
    fsck = commands.add_parser("fsck", parents=[common], help="check the disk: exit status 0 if it has no faults, 1 if it has")
    fsck.add_argument("--repair", action="store_true", help="repair what can be repaired without loss, then check")
    fsck.set_defaults(run=run_fsck)
    return p.parse_args(arguments)


def main(arguments):
    o = parse(arguments)
    try:
        return o.run(o)
    except (Failure, OSError) as failure:
        print(f"disk: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
