# SPDX-License-Identifier: MIT
"""Disk images that hold a directory's tree: ext2, made without root, the same bytes for the same tree."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import packages
from tree import ROOT, Failure

BLOCK = 4096
IDENTITY = "68616c79-6172-6420-6469-736b00000001"
HASH_SEED = "68616c79-6172-6420-6469-736b00000002"
MADE_AT = "1704067200"  # 2024-01-01: also the guest's clock at boot under icount
FIRST_INODE = 11
SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def parse_size(text):
    match = re.fullmatch(r"(\d+)([KMGT]?)", text.upper())
    if not match or int(match[1]) == 0:
        raise Failure(f"{text!r} is not a size: a number and K, M, G or T")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2]]


def measure(tree):
    """(number of files and directories, bytes in whole blocks with their indirect blocks)."""
    count = total = 0
    for folder, folders, files in os.walk(tree):
        count += len(folders) + len(files)
        total += BLOCK * len(folders)
        for name in files:
            blocks = -(-os.lstat(os.path.join(folder, name)).st_size // BLOCK)
            total += BLOCK * (blocks + blocks // (BLOCK // 4) + 2)
    return count, total


def mke2fs(tree, image, size, inodes):
    command = ["mke2fs", "-q", "-F", "-t", "ext2", "-b", str(BLOCK), "-m", "0", "-N", str(inodes),
               "-U", IDENTITY, "-E", f"hash_seed={HASH_SEED},root_owner=0:0", "-d", str(tree),
               str(image), f"{size // 1024}k"]
    environment = {**os.environ, "PATH": SBIN, "E2FSPROGS_FAKE_TIME": MADE_AT, "SOURCE_DATE_EPOCH": MADE_AT}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def settle_inodes(image, count):
    """Set owners and times to fixed values, because mke2fs would copy the user's and the current time."""
    script = "".join(f"sif <{inode}> {field}\n"
                     for inode in (2, *range(FIRST_INODE, FIRST_INODE + count + 1))
                     for field in ("uid 0", "gid 0", f"atime @{MADE_AT}", f"ctime @{MADE_AT}", f"mtime @{MADE_AT}"))
    environment = {**os.environ, "PATH": SBIN, "E2FSPROGS_FAKE_TIME": MADE_AT}
    done = subprocess.run(["debugfs", "-w", "-f", "-", str(image)], input=script, env=environment,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"debugfs {image}: {done.stderr.strip()}")


def make_disk(tree, image, size=None):
    """Write the complete image or none. Without a size: large enough, with some room."""
    tree, image = Path(tree), Path(image)
    if not tree.is_dir():
        raise Failure(f"{tree}: not a directory")
    count, total = measure(tree)
    inodes = count + count // 8 + 64
    guess = size or max(4 << 20, total + total // 16 + inodes * 256 + (2 << 20))
    draft = image.with_name(f".{image.name}.{os.getpid()}")
    try:
        done = mke2fs(tree, draft, guess, inodes)
        if done.returncode != 0:
            raise Failure(f"{image}: {done.stderr.replace(f'{draft}: ', '').strip() or 'mke2fs failed'}")
        settle_inodes(draft, count)
        os.replace(draft, image)
    finally:
        draft.unlink(missing_ok=True)


DATA_SIZE = 1 << 30  # of a sparse file
DATA_INODES = 32768
SUPERBLOCK = 1024
STATE_CLEAN, STATE_ERRORS = 1, 2


def make_data(image):
    """An empty disk to write to, with a journal. Written completely or not at all."""
    image = Path(image)
    draft = image.with_name(f".{image.name}.{os.getpid()}")
    command = ["mke2fs", "-q", "-F", "-t", "ext3", "-b", str(BLOCK), "-m", "0", "-N", str(DATA_INODES), "-L", "data",
               "-J", "size=16", "-E", "root_owner=0:0", str(draft), f"{DATA_SIZE // 1024}k"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
        if done.returncode != 0:
            raise Failure(f"{image}: {done.stderr.strip() or 'mke2fs failed'}")
        os.replace(draft, image)
    finally:
        draft.unlink(missing_ok=True)


def data_state(image):
    """The state that the superblock of an ext2 image notes, or None for another file."""
    with open(image, "rb") as file:
        head = file.read(SUPERBLOCK + 64)
    return head[SUPERBLOCK + 58] if head[SUPERBLOCK + 56:SUPERBLOCK + 58] == b"\x53\xef" else None


def prepare_data(image):
    """Make the disk if there is none. Repair one that was not unmounted, as a system does before it mounts it. That is one
    without a journal, or with errors: the kernel replays a journal."""
    if not Path(image).exists():
        make_data(image)
        return
    state = data_state(image)
    if state is None:
        raise Failure(f"{image}: holds no ext2 file system")
    if state & STATE_CLEAN and not state & STATE_ERRORS:
        return
    done = subprocess.run(["e2fsck", "-p", str(image)], capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
    if done.returncode > 1:
        raise Failure(f"{image}: e2fsck -p cannot repair it: {(done.stdout + done.stderr).strip()}")


def link_or_copy(source, target):
    """Link instead of copying a tree for mke2fs."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def stage_modules(stage, build):
    """The drivers and extensions of a build, as /lib/modules."""
    (stage / "lib" / "modules").mkdir(parents=True)
    for module in sorted((Path(build) / "modules").glob("*.ko")):
        shutil.copyfile(module, stage / "lib" / "modules" / module.name)


def stage_assemblies(stage, build):
    """The core library of C# programs, as /lib/cil. A build without mcs has none."""
    (stage / "lib" / "cil").mkdir(parents=True)
    for library in sorted((Path(build) / "cil").glob("*.dll")):
        shutil.copyfile(library, stage / "lib" / "cil" / library.name)


def stage_files(stage, files):
    """DIR's tree as /files."""
    shutil.copytree(files, stage / "files", symlinks=True, copy_function=link_or_copy)


# What commands of the shell look up in /lib.
TEXTS = [ROOT / "programs" / name for name in ("pci.names", "shell.help")]


def make_system(build, image, more=None, files=None):
    """The disk of a plain shell: the build's programs as /bin, its drivers and extensions as /lib/modules, empty folders
    to mount other file systems on, and DIR's tree as /files. more: {path on the disk: file}."""
    with tempfile.TemporaryDirectory(dir=Path(image).parent, prefix=".system-") as work:
        stage = Path(work)
        stage_modules(stage, build)
        stage_assemblies(stage, build)
        for name in ("bin", "data", "host", "mnt"):
            (stage / name).mkdir()
        for file in TEXTS:
            shutil.copyfile(file, stage / "lib" / file.name)
        for program in sorted((Path(build) / "programs").iterdir()):
            if program.suffix in (".elf", ".wasm", ".exe") and not program.name.startswith("test-"):
                shutil.copyfile(program, stage / "bin" / program.name)
        for path, file in (more or {}).items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, stage / path)
        if files is not None:
            stage_files(stage, files)
        make_disk(stage, image)


def with_assemblies(program):
    """A .NET program, and the assemblies beside it that it and these name: a name is a string with a zero at each end."""
    found = [Path(program)]
    beside = sorted(found[0].parent.glob("*.dll")) if found[0].suffix == ".exe" else []
    for file in found:
        data = file.read_bytes() if beside else b""
        found += [other for other in beside if other not in found and b"\0" + other.stem.encode() + b"\0" in data]
    return found


def stage_program(stage, program, files=None):
    """The tree of a program's disk: /bin/NAME, what belongs to a .NET program (assemblies, source lines), and DIR's tree as /files."""
    (stage / "bin").mkdir(parents=True)
    for file in with_assemblies(program):
        for part in (file, Path(f"{file}.mdb")):
            if part == file or part.is_file():
                shutil.copyfile(part, stage / "bin" / part.name)
    if files is not None:
        stage_files(stage, files)


def main(arguments):
    usage = "usage: scripts/mkdisk DIR IMAGE [SIZE]\n"
    if arguments and arguments[0] in ("-h", "--help"):
        print(f"{usage}\nWrite a disk image (ext2) that holds the tree of DIR. SIZE is a number with K, M, G or T; without it the "
              "disk is\nas large as the tree, with some room.")
        return 0
    if len(arguments) not in (2, 3) or arguments[0].startswith("-"):
        sys.stderr.write(usage)
        return 2
    try:
        packages.ensure(packages.DISK, say="mkdisk")
        make_disk(arguments[0], arguments[1], parse_size(arguments[2]) if len(arguments) == 3 else None)
    except (Failure, OSError) as failure:
        print(f"mkdisk: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
