#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fail if an AArch64 object uses a register that is reserved for another purpose.

    fixed_register.py NUMBER COUNT OBJECT...    exactly COUNT objects, so that a renamed file is not forgotten
"""
import os
import re
import subprocess
import sys


def uses(number, path):
    """The instructions of an object that name the register."""
    text = subprocess.run(["llvm-objdump", "-d", "--no-show-raw-insn", path], check=True, capture_output=True,
                          text=True).stdout
    return [line.strip() for line in text.splitlines() if re.search(rf"\t.*\b[wx]{number}\b", line)]


def main(number, count, *paths):
    if len(paths) != int(count):
        sys.exit(f"fixed_register: {count} objects expected, {len(paths)} given: correct machine.cmake's list")
    bad = [(path, line) for path in paths for line in uses(number, path)]
    for path, line in bad:
        print(f"fixed_register: {os.path.basename(path)}: x{number} is reserved: {line}", file=sys.stderr)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
