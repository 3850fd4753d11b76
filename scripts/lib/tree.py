# SPDX-License-Identifier: MIT
"""Where things are: the root of the tree, the machines, and what a build directory holds."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MACHINES = ("x86_64", "aarch64")
KINDS = ("-debug", "-ubsan", "-asan")  # of presets; a machine's name alone is its release


class Failure(Exception):
    """Nothing could be run: a tool, an argument or a build. The text says what, for a person."""


def machine_of(preset):
    """The machine a preset builds for: "aarch64-debug" is aarch64."""
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
    """What QEMU's -kernel takes: the ELF by its PVH note, or the flat Image."""
    return build / ("halyard.img" if machine == "aarch64" else "halyard.elf")
