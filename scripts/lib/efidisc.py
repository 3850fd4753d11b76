# SPDX-License-Identifier: MIT
"""The disc of the aarch64 kernel, for UEFI firmware: boots as a CD and, written to a USB stick, from there.

    efidisc.py IMAGE ISO EXTENSION...

A FAT file system with the image where firmware looks for it on removable media, EFI/BOOT/BOOTAA64.EFI, and with the files
that the kernel's EFI entry reads: halyard/cmdline, halyard/initrd, halyard/tools.ko and halyard/ext2w.ko. The ISO 9660 around it refers to it in its
El Torito catalogue and in a partition table.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

from tree import Failure

MIB = 1 << 20
EFI_SYSTEM_PARTITION = "0xef"


def tool(*command):
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure(f"{command[0]}: not found") from None
    if done.returncode != 0:
        raise Failure(f"{command[0]}: {done.stderr.strip()}")


def make_fat(fat, files):
    """A FAT image with {path on it: file}."""
    size = sum(Path(file).stat().st_size for file in files.values())
    with open(fat, "wb") as image:
        image.truncate((size + size // 64 + 2 * MIB) // MIB * MIB)  # tables, slack of clusters
    tool("mformat", "-i", fat, "-v", "HALYARD", "::")
    made = set()
    for path, file in files.items():
        for parent in reversed(Path(path).parents[:-1]):
            if parent not in made:
                tool("mmd", "-i", fat, f"::/{parent}")
                made.add(parent)
        tool("mcopy", "-i", fat, file, f"::/{path}")


def make_disc(image, iso, cmdline="", initrd=None, extensions=()):
    """Write the complete disc or none."""
    iso = Path(iso)
    with tempfile.TemporaryDirectory(dir=iso.parent, prefix=".iso-") as work:
        work = Path(work)
        files = {"EFI/BOOT/BOOTAA64.EFI": image}
        if cmdline:
            (work / "cmdline").write_text(cmdline)
            files["halyard/cmdline"] = work / "cmdline"
        if initrd:
            files["halyard/initrd"] = initrd
        files.update((f"halyard/{Path(file).name}", file) for file in extensions)
        make_fat(work / "fat", files)
        (work / "root").mkdir()
        tool("xorriso", "-as", "mkisofs", "-quiet", "-V", "HALYARD", "-o", work / "draft",
             "-append_partition", "2", EFI_SYSTEM_PARTITION, work / "fat",
             "-e", "--interval:appended_partition_2:all::", "-no-emul-boot", work / "root")
        (work / "draft").replace(iso)


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    try:
        make_disc(*arguments[:2], extensions=arguments[2:])
    except Failure as failure:
        sys.exit(f"efidisc: {failure}")


if __name__ == "__main__":
    main(sys.argv[1:])
