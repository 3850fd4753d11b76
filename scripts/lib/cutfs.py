# SPDX-License-Identifier: MIT
"""The kinds of file system that cuts.py tries: how to make one, what a guest does with one that was cut, and what the
host's own tools must find then."""
import shutil
from pathlib import Path

from cutrecord import SECTOR, Lost, tool

SUPERBLOCK, STATE, INCOMPATIBLE, NEEDS_RECOVERY = 1024, 58, 96, 4


def read_ext(image, folder):
    """{path: bytes}"""
    out = Path(folder) / "tree"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    tool("debugfs", "-R", f"rdump / {out}", image)
    return files(out)


def read_fat(image, folder):
    out = Path(folder) / "tree"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    done = tool("mcopy", "-s", "-n", "-i", image, "::/", out)
    if done.returncode != 0:
        raise Lost(f"mcopy: {done.stderr.strip()}")
    return files(out)


def files(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def found(done, what):
    if done.returncode != 0:
        raise Lost(f"{what}:\n{done.stdout}{done.stderr}")


class Ext3:
    """A mount replays the journal. After that nothing has to be repaired."""

    name = "ext3"
    shapes = ((1024, "8M", 1), (4096, "20M", 4), (2048, "12M", 2))  # bytes in a block, the disk, MiB of the journal
    needs_repair = False

    @classmethod
    def make(cls, image, seed):
        block, size, journal = cls.shapes[seed % len(cls.shapes)]
        found(tool("mke2fs", "-q", "-F", "-t", "ext3", "-b", block, "-N", 128, "-m", 0, "-J", f"size={journal}", image, size),
              "mke2fs")

    @staticmethod
    def read(image, folder):
        return {path: data for path, data in read_ext(image, folder).items() if not path.startswith("lost+found/")}

    @staticmethod
    def lines(device):
        return [f"mount -o rw {device} /mnt", "umount /mnt"]

    @classmethod
    def check(cls, image, before, said, folder):
        """The files of an image that a guest has carried these lines out with, and which was `before` that."""
        with open(image, "rb") as file:
            file.seek(SUPERBLOCK + INCOMPATIBLE)
            if file.read(1)[0] & NEEDS_RECOVERY:
                raise Lost("the guest has not replayed the journal")
        found(tool("e2fsck", "-fn", image), "e2fsck complains")
        tree = cls.read(image, folder)
        other = Path(folder) / "other.img"
        other.write_bytes(before)
        if tool("e2fsck", "-fp", other).returncode > 1:
            raise Lost("e2fsck cannot repair the image before the replay")
        if cls.read(other, folder) != tree:
            raise Lost("e2fsck replays the journal to other files")
        return tree


class Unjournalled:
    """A guest mounts it read-only, says why, and changes nothing. The host's tool repairs it."""

    needs_repair = True

    @staticmethod
    def lines(device):
        return [f"mount -o rw {device} /mnt", f"mount {device} /mnt", "write /mnt/new x", "umount /mnt"]

    @classmethod
    def check(cls, image, before, said, folder):
        if ("it was not unmounted" in said) == cls.is_clean(before):
            raise Lost(f"the guest is wrong about whether it may write:\n{said}")
        if not cls.is_clean(before) and image.read_bytes() != before:
            raise Lost("the guest has changed an image that must be checked first")
        image.write_bytes(before)
        cls.repair(image)
        return cls.read(image, folder)


class Ext2(Unjournalled):
    name = "ext2"
    shapes = ((1024, "4M"), (4096, "8M"), (2048, "6M"))
    read = staticmethod(read_ext)

    @classmethod
    def make(cls, image, seed):
        block, size = cls.shapes[seed % len(cls.shapes)]
        found(tool("mke2fs", "-q", "-F", "-t", "ext2", "-b", block, "-N", 128, "-m", 0, image, size), "mke2fs")

    @staticmethod
    def is_clean(data):
        return data[SUPERBLOCK + STATE] & 1 != 0

    @staticmethod
    def repair(image):
        """`-p` refuses what a torn block of a directory looks like; a person then answers yes."""
        if tool("e2fsck", "-p", image).returncode > 1:
            tool("e2fsck", "-fy", image)
        found(tool("e2fsck", "-fn", image), "e2fsck complains after its repair")


class Fat(Unjournalled):
    name = "fat"
    shapes = (("16", "9M", 1), ("32", "36M", 1), ("16", "20M", 4))  # bits of an entry, the disk, sectors in a cluster
    read = staticmethod(read_fat)

    @classmethod
    def make(cls, image, seed):
        bits, size, sectors = cls.shapes[seed % len(cls.shapes)]
        Path(image).write_bytes(b"")
        found(tool("truncate", "-s", size, image), "truncate")
        found(tool("mkfs.fat", "-F", bits, "-s", sectors, image), "mkfs.fat")

    @staticmethod
    def is_clean(data):
        """Both marks say so: in the first table's second entry, and in the boot sector."""
        table = int.from_bytes(data[14:16], "little") * SECTOR
        is_32 = int.from_bytes(data[22:24], "little") == 0
        in_table = data[table + 7] & 8 if is_32 else data[table + 3] & 128
        return in_table != 0 and data[65 if is_32 else 37] & 1 == 0

    @staticmethod
    def repair(image):
        if tool("fsck.fat", "-a", image).returncode > 1:
            raise Lost("fsck.fat cannot repair it")
        found(tool("fsck.fat", "-n", image), "fsck.fat complains after its repair")


KINDS = {kind.name: kind for kind in (Ext3, Ext2, Fat)}
