#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fail if a file includes a header that its layer may not see.

There is one include root (the repository) plus one root for the per-arch inline fragments, so the text between the
quotes *is* the owner: no compiler needed. In the table '*' stops at a slash and '**' does not; the longest owning
prefix wins.
"""
import pathlib, re, sys

import layers

C_STD = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "stdalign.h", "limits.h", "stdatomic.h"}
BASE = ["kernel/lib/*.h"]                                  # freestanding helpers: everyone
DIAG = ["kernel/base/assert.h", "kernel/base/log.h"]
KERNEL = ["kernel/**"]                                     # which rooms see which is layers.py's
FRONT = BASE + DIAG + ["kernel/mm/heap.h", "kernel/jit/ir.h", "kernel/load/loader.h", "kernel/jit/backend.h", "kernel/jit/roots.h"]
ARCH = BASE + DIAG + ["hal/*.h", "hal_arch/*.h", "boot/*.h"]
BACK = BASE + ["kernel/jit/ir.h", "kernel/jit/backend.h", "kernel/jit/verify/verify.h"]
PURE = KERNEL + ["hal/cache.h", "hal/types.h"]             # compiles programs: nothing of the machine

LAYERS = {  # owned prefix: what it may include besides itself
    "hal/":              BASE + ["hal_arch/*.h"],
    "kernel/":           KERNEL + ["hal/*.h"],
    "kernel/lib/":       [],
    "kernel/jit/":       PURE,
    "kernel/load/":      PURE,
    "kernel/load/elf/":  FRONT,
    "kernel/wasm/":      PURE,
    "kernel/wasm/front/": FRONT,
    "kernel/cil/":       PURE,
    "kernel/cil/front/": FRONT,
    "boot/":             BASE + ["hal/bootinfo.h", "hal/types.h"],
    "examples/":         BASE + KERNEL,
    "drivers/":          BASE + KERNEL + ["hal/*.h"],
    "arch/aarch64/":     ARCH,
    "arch/x86_64/":      ARCH,
    "arch/aarch64/jit/": BACK,
    "arch/x86_64/jit/":  BACK,
    "tests/":            ["**"],
}
EXTRA = {   # composition roots: the only files that know one machine's concrete drivers
    "arch/aarch64/platform.c": ["drivers/**"] + KERNEL,
    "arch/x86_64/platform.c":  ["drivers/**"] + KERNEL,
}
SHARED_DRIVER_DIRS = {"pci", "virtio", "serial", "fw_cfg"} # buses that other drivers may use
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
ARCH_IF = re.compile(r"^\s*#\s*(if|elif|ifdef|ifndef)\b.*(__x86_64__|__aarch64__|\bARCH_|CONFIG_ARCH)")

def matches(glob, path):
    rx = re.escape(glob).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(rx, path) is not None

def layer_of(path):
    if "/include/hal_arch/" in path:
        return "hal/"                                      # implements part of the contract above it
    return max((p for p in LAYERS if path.startswith(p)), key=len, default=None)

def allowed(path, layer, inc):
    if inc.startswith("."):
        return False                                       # no "../": every include names its owner
    if inc.endswith("_internal.h"):
        return pathlib.PurePosixPath(inc).parent == pathlib.PurePosixPath(path).parent
    if inc == "drivers/registry.h" and path.startswith("drivers/"):
        return path.count("/") == 1                        # the tables: exports.c and registry.c
    if layer == "drivers/" and inc.startswith("drivers/"):
        return inc.split("/")[1] in SHARED_DRIVER_DIRS | {path.split("/")[1]}
    if layer_of(inc) == layer:
        return True
    return any(matches(g, inc) for g in LAYERS[layer] + EXTRA.get(path, []))

def check(path, lines):
    """Yield (line number, complaint) for one file."""
    layer = layer_of(path)
    if layer is None:
        return
    for n, line in enumerate(lines, 1):
        if not path.startswith(("arch/", "tests/")) and ARCH_IF.match(line):
            yield n, "architecture #if in portable code"
        m = INCLUDE.match(line)
        if m and not (m[1] == "<" and m[2] in C_STD) and not allowed(path, layer, m[2]):
            yield n, f"{layer} may not include {m[2]}"
        elif m and layers.is_upward(path, m[2]):
            yield n, f"{layers.room_of(path)} is below {layers.room_of(m[2])}: no {m[2]} here"

def main(root):
    bad = 0
    for p in sorted(pathlib.Path(root).rglob("*.[chS]")):
        rel = p.relative_to(root).as_posix()
        for n, why in check(rel, p.read_text(errors="replace").splitlines()):
            print(f"{rel}:{n}: {why}")
            bad += 1
    return int(bad > 0)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
