# SPDX-License-Identifier: MIT
"""Tiny guests: a few lines of assembly that boot on either machine, to test the runner with endings that
a kernel should never have. Their words (record, print, finish, ...) are macros of guests/MACHINE.S.
"""
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent / "guests"
MACHINES = ("x86_64", "aarch64")
CALL = {"x86_64": "call", "aarch64": "bl"}


def build_guest(work, machine, body, name="guest"):
    """Assemble and link `body`; returns what scripts/run --kernel takes. The ELF is beside it."""
    source, linked = work / f"{name}.{machine}.S", work / f"{name}.{machine}.elf"
    body = body.replace("CALL", CALL[machine])
    source.write_text((HERE / f"{machine}.S").read_text() + body + "\n")
    object_file = source.with_suffix(".o")
    subprocess.run(["clang", f"--target={machine}-none-elf", "-c", str(source), "-o", str(object_file)], check=True)
    subprocess.run(["ld.lld", "-static", "-T", str(HERE / f"{machine}.lds"), str(object_file), "-o", str(linked)],
                   check=True)
    return finish_guest(linked, machine)


def finish_guest(linked, machine):
    if machine == "x86_64":
        return linked
    image = linked.with_suffix(".img")
    subprocess.run(["llvm-objcopy", "-O", "binary", str(linked), str(image)], check=True)
    return image
