# SPDX-License-Identifier: MIT
"""clang for WebAssembly in two steps, so that the result does not depend on other installed packages:

    wasmcc.py [OPTION...] SOURCE.c... -o OUT

If clang links with an optimisation level it passes the program through binaryen's wasm-opt where that is installed,
which removes function names and changes the code. So the sources are compiled with all options, and the objects are
linked without those of the compiler.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = "--target=wasm32-wasi"
COMMAND = [sys.executable, os.path.abspath(__file__)]
FOR_THE_LINKER = ("-Wl,", "-l", "-L")


def steps(words, work):
    """The two command lines made from the arguments of one."""
    words = list(words)
    out = words.pop(words.index("-o") + 1)
    words.remove("-o")
    sources = [word for word in words if word.endswith(".c") and not word.startswith("-")]
    linking = [word for word in words if word.startswith(FOR_THE_LINKER)]
    options = [word for word in words if word not in sources and word not in linking]
    objects = [str(Path(work, f"{n}.o")) for n in range(len(sources))]
    for source, made in zip(sources, objects):
        yield ["clang", TARGET, *options, "-c", source, "-o", made]
    yield ["clang", TARGET, *objects, *linking, "-o", out]


def main(words):
    if "-o" not in words[:-1]:
        print("wasmcc: -o OUT is missing", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="halyard-") as work:
        return next((s for s in (subprocess.run(step).returncode for step in steps(words, work)) if s != 0), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
