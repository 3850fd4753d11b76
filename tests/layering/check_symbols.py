# SPDX-License-Identifier: MIT
"""Symbols as the linker sees them: where each is defined, and what portable code calls.

`hal_` means that the machine defines it, so no portable object defines a symbol with this prefix. The only undefined
symbols of portable objects are the machine's two contracts, hal_* and the jit_* of
kernel/jit/backend.h (and symbols of the linker script and the build). The machine defines every one that is used, jit_*
under arch/<machine>/jit only. No symbol is weak, so that no default hides a missing definition.
"""
import subprocess

PORTABLE = ("kernel/", "boot/", "drivers/", "hal/")

# Not defined in a portable file: the image's edges (hal/layout.h), the linked-in tables, the font.
MADE_BY_LINK = ("__", "kernel_symbols", "kernel_identity", "font_")

# The compiler, and the rooms that run its code.
CALLERS_OF_JIT = ("kernel/jit/", "kernel/load/", "kernel/wasm/", "kernel/cil/")

# A machine may replace these functions of kernel/lib/string.c.
COPIES = {"memcpy", "memmove", "memset"}

# Host objects also call the C library and the sanitizers' runtime.
HOST_RUNTIME = ("__", "mem", "str")


def read_symbols(objects):
    """(defined, undefined, weak): each {symbol: object}, without local symbols."""
    defined, undefined, weak = {}, {}, {}
    if not objects:
        return defined, undefined, weak
    text = subprocess.run(["llvm-nm", "-A", "-g", *map(str, objects)], check=True, capture_output=True,
                          text=True).stdout
    for line in text.splitlines():
        where, rest = line.split(": ", 1)
        *_, kind, symbol = rest.split()
        if kind in "wWvV":
            weak[symbol] = where
        (undefined if kind in "Uwv" else defined)[symbol] = where
    return defined, undefined, weak


# The kernel's objects, and those of rooms that are compiled like it but not linked into it.
EXTENSIONS = ("cil_objects.dir", "ext2w_objects.dir", "livepatch_objects.dir", "tools_objects.dir")
TARGETS = ("kernel_objects.dir", *EXTENSIONS)


def kernel_objects(build):
    """{source path relative to the root: object}."""
    bases = [build / "CMakeFiles" / target for target in TARGETS]
    return {o.relative_to(base).as_posix().removesuffix(".obj"): o for base in bases for o in base.rglob("*.obj")}


def complaints(root, build, machine):
    # Objects of deleted files stay in a build directory: ignore them.
    objects = {source: o for source, o in kernel_objects(build).items() if (root / source).exists()}
    if not objects:
        yield f"{build}: no objects; build first"
        return
    portable = [o for source, o in objects.items() if source.startswith(PORTABLE)]
    arch = [o for source, o in objects.items() if source.startswith(f"arch/{machine}/")]
    defined, undefined, weak = read_symbols(portable)
    arch_defined, _, arch_weak = read_symbols(arch)
    jit_defined, _, _ = read_symbols([o for s, o in objects.items() if s.startswith(f"arch/{machine}/jit/")])

    for symbol in sorted(defined):
        if symbol.startswith("hal_"):
            yield f"{defined[symbol]}: {symbol} is not the machine's: hal_ means that the machine defines it"
    for symbol in sorted(undefined.keys() - defined.keys()):
        if symbol.startswith("hal_"):
            if symbol not in arch_defined:
                yield f"{symbol}: used by portable code, not defined by {machine}"
        elif symbol.startswith("jit_") and undefined[symbol].split("_objects.dir/")[1].startswith(CALLERS_OF_JIT):
            if symbol not in jit_defined:
                yield f"{symbol}: used by the compiler or a loader, not defined by {machine}'s back-end"
        elif not symbol.startswith(MADE_BY_LINK) and not (symbol in COPIES and symbol in arch_defined):
            yield f"{undefined[symbol]}: portable code leaves {symbol} undefined"
    for symbol, where in sorted((weak | arch_weak).items()):
        yield f"{where}: {symbol} is weak"
    for symbol in sorted(defined.keys() & arch_defined.keys()):
        yield f"{symbol}: defined by {defined[symbol]} and by {arch_defined[symbol]}"


def host_complaints(build):
    """The fake is a third machine, which must follow the same rule."""
    core, fake = build / "tests/unit/libcore.a", build / "tests/unit/libfake.a"
    if not core.exists() or not fake.exists():
        yield f"{build}: no libcore.a and libfake.a; build first"
        return
    defined, undefined, _ = read_symbols([core])
    fake_defined, _, _ = read_symbols([fake])
    for symbol in sorted(undefined.keys() - defined.keys() - fake_defined.keys()):
        if symbol.startswith("hal_"):
            yield f"{symbol}: used by portable code, not defined by the fake"
