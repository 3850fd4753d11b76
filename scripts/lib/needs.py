# SPDX-License-Identifier: MIT
"""The packages that suites of scripts/test need: those of the presets that they build, and those of the programs that
they call."""
from fnmatch import fnmatch

import packages
from suites import HOST_PRESET, TOOLS_PRESET
from tree import machine_of

CONFIGURE = ["clang", "lld", "cmake", "ninja-build", "libc6-dev"]  # to configure the host's build, which names its tests
UNIT = [*CONFIGURE, "llvm", "python3-pyelftools", "libcmocka-dev", "libclang-rt", "wabt", *packages.FILE_SYSTEMS]
ALL_QEMUS = [package for machine in packages.QEMU.values() for package in machine]

# For each glob of suites: the packages of the programs that they call. All that match count.
CALLED = {
    "smoke/*": [*packages.DEBUG, "patch", "python3-pyte", "wabt", *packages.FILE_SYSTEMS],
    "smoke/*/test_cuts": packages.HOST_TESTS,  # it compiles SQLite
    "smoke/*/test_demo": packages.DEMO,
    "smoke/*/test_lessons": packages.DEMO,
    "layering/*": packages.CHECKS,
    "model/*": packages.MODEL,
    "tools/*": [*packages.BUILD, *packages.HOST_TESTS, *packages.CHECKS, *packages.DEBUG, *packages.FILE_SYSTEMS,
                *ALL_QEMUS],
    "tools/test_*cil*": packages.DOTNET,
    "tools/test_redirect*": [*packages.REDIRECT, *packages.TOOLS_AARCH64],
    "workloads/*": packages.HOST_TESTS,
    "conformance/*": packages.HOST_TESTS,
    "conformance/cil-*": packages.DOTNET,
}
GO = ("conformance/wasi-*", "smoke/*/test_wasi", "smoke/*/test_bytecode", "tools/test_redirect_go")


def of_machine(machine):
    """To boot a machine's kernel in every way that it can be booted."""
    return packages.QEMU[machine] + packages.DISK + packages.ISO[machine] + packages.UEFI[machine]


def of_preset(preset, is_part):
    """To build a preset, or the part of the host's build that unit tests are."""
    if preset == HOST_PRESET:
        return UNIT if is_part else UNIT + packages.HOST_TESTS
    if preset == TOOLS_PRESET:
        return packages.BUILD + packages.TOOLS_AARCH64
    return packages.BUILD + of_machine(machine_of(preset))


def of_suites(suites):
    """The packages of these suites, each once."""
    wanted = []
    for suite in suites:
        for preset in suite.presets:
            wanted += of_preset(preset, suite.targets)
        for glob, called in CALLED.items():
            wanted += called if fnmatch(suite.name, glob) else []
    return list(dict.fromkeys(wanted))


def needs_go(suites):
    return any(fnmatch(suite.name, glob) for suite in suites for glob in GO)
