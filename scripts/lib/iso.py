# SPDX-License-Identifier: MIT
"""The GRUB image of the x86_64 kernel: boots by BIOS and by UEFI.

    iso.py KERNEL ISO EXTENSION...

The kernel loads an extension when it needs it: tools.ko, ext2w.ko (docs/extensions.md).
"""
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tree import Failure

# On UEFI the firmware's console is the serial line already, and GRUB needs a driver for a framebuffer.
CONFIG = """\
serial --unit=0 --speed=115200
if [ "$grub_platform" = efi ]; then
    insmod all_video
    terminal_output console
else
    terminal_input serial console
    terminal_output serial console
fi
set timeout=0
menuentry "Halyard" {{
    multiboot2 /boot/halyard.elf {cmdline}
{modules}    boot
}}
"""


def grub_words(cmdline):
    """Words that survive GRUB's own quoting unchanged: it quotes them again for the kernel."""
    try:
        words = shlex.split(cmdline)
    except ValueError as error:
        raise Failure(f"command line {cmdline!r}: {error}") from None
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def copy_to_boot(kernel, to):
    """The kernel without debug information: GRUB also loads that, four times as much as the kernel itself, for which a
    machine of 64 MiB with UEFI has no room."""
    done = subprocess.run(["llvm-objcopy", "--strip-all", str(kernel), str(to)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"llvm-objcopy: {done.stderr.strip()}")


def make_iso(kernel, iso, cmdline="", initrd=None, extensions=()):
    """Write the complete image or none."""
    iso = Path(iso)
    with tempfile.TemporaryDirectory(dir=iso.parent, prefix=".iso-") as work:
        root = Path(work) / "root"
        (root / "boot" / "grub").mkdir(parents=True)
        copy_to_boot(kernel, root / "boot" / "halyard.elf")
        modules = ""
        if initrd:
            shutil.copyfile(initrd, root / "boot" / "initrd")
            modules = "    module2 /boot/initrd initrd\n"
        for file in map(Path, extensions):
            shutil.copyfile(file, root / "boot" / file.name)
            modules += f"    module2 /boot/{file.name} opt/halyard/{file.name}\n"
        (root / "boot" / "grub" / "grub.cfg").write_text(
            CONFIG.format(cmdline=grub_words(cmdline), modules=modules))
        draft = Path(work) / "image"
        done = subprocess.run(["grub-mkrescue", "-o", str(draft), str(root)], capture_output=True, text=True)
        if done.returncode != 0 or not draft.exists():
            raise Failure(f"grub-mkrescue: {done.stderr.strip()}")
        draft.replace(iso)


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    try:
        make_iso(*arguments[:2], extensions=arguments[2:])
    except Failure as failure:
        sys.exit(f"iso: {failure}")


if __name__ == "__main__":
    main(sys.argv[1:])
