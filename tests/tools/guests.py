# SPDX-License-Identifier: MIT
"""Small guests in assembly that boot on either machine. They end in ways in which a kernel never should, to test the
runner. The words they use (record, print, finish, ...) are macros of guests/MACHINE.S.
"""
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent / "guests"
MACHINES = ("x86_64", "aarch64")
CALL = {"x86_64": "call", "aarch64": "bl"}


def build_guest(work, machine, body, name="guest"):
    """Assembles and links `body`. Returns the file for scripts/run --kernel; the ELF file is in the same folder."""
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
