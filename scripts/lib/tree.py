# SPDX-License-Identifier: MIT
"""Paths: the root of the tree, the machines, and the contents of a build directory."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MACHINES = ("x86_64", "aarch64")
KINDS = ("-debug", "-ubsan", "-asan")  # suffixes of presets; a machine's name alone is its release build


class Failure(Exception):
    """Nothing could be run: a tool, an argument or a build is missing or wrong. The text explains it to a person."""


def machine_of(preset):
    """The machine of a preset: "aarch64-debug" is aarch64."""
    for machine in MACHINES:
        if preset == machine or preset in [machine + kind for kind in KINDS]:
            return machine
    raise Failure(f"no preset {preset!r}; there are {', '.join(MACHINES)} and each with {' or '.join(KINDS)}")


def build_directory(preset):
    return ROOT / "build" / preset


def tests_file(build):
    """The in-guest tests of the kernel in this directory (cmake/extension.cmake)."""
    return build / "modules" / "tests.ko"


def kernel_image(build, machine):
    """The argument of QEMU's -kernel: the ELF with its PVH note, or the flat Image."""
    return build / ("halyard.img" if machine == "aarch64" else "halyard.elf")
