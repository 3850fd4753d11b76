# SPDX-License-Identifier: MIT
"""Each header compiles alone, with the flags of the build that it is part of."""
import json
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def kernel_flags(build, root):
    """The compiler and flags of any C file of the kernel, without its input and output."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = Path(entry["file"])
        if file.suffix == ".c" and file.is_relative_to(root / "kernel"):
            words = shlex.split(entry["command"])
            del words[words.index("-o"):words.index("-o") + 2]
            return [word for word in words if word not in ("-c", str(file))]
    raise SystemExit(f"{build}: no kernel file in compile_commands.json")


def headers(root, machine):
    for folder in ("hal", "kernel", "boot", "drivers", f"arch/{machine}"):
        yield from sorted((root / folder).rglob("*.h"))


def complaints(root, build, machine):
    flags = kernel_flags(build, root)

    def compile_alone(header):
        # Included and not compiled directly: #pragma once in a main file is a warning.
        command = [*flags, "-fsyntax-only", "-include", str(header), "-x", "c", "/dev/null"]
        done = subprocess.run(command, cwd=build, capture_output=True, text=True)
        return [] if done.returncode == 0 else [f"{header.relative_to(root)}:", *done.stderr.splitlines()[:6]]

    # 32-bit start-up code has its own flags and is compiled by its machine's rules.
    found = [h for h in headers(root, machine) if "boot32" not in h.parts]
    with ThreadPoolExecutor() as pool:
        for lines in pool.map(compile_alone, found):
            yield from lines
