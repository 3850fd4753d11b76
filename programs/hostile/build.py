#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The hostile modules: programs/hostile/build.py FOLDER makes each of them there.

Those in text, beside this file, are assembled by wat2wasm. Those that no assembler would make, because they lie
about their sizes or are large, are written here, byte by byte: each function below returns one.
"""
import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CUSTOM, TYPE, FUNCTION, MEMORY, EXPORT, CODE, DATA = 0, 1, 3, 5, 7, 10, 11
I32, I64 = 0x7F, 0x7E
UNREACHABLE, BLOCK, LOOP, BR_TABLE, END, CALL, DROP = 0x00, 0x02, 0x03, 0x0E, 0x0B, 0x10, 0x1A
GET, SET, LOAD64, STORE64, CONST, ADD = 0x20, 0x21, 0x29, 0x37, 0x41, 0x6A
VOID = 0x40


def number(n):
    """Unsigned LEB128."""
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def vector(items):
    items = list(items)
    return number(len(items)) + b"".join(items)


def section(kind, content):
    return bytes([kind]) + number(len(content)) + content


def text(name):
    return number(len(name)) + name.encode()


def module(*bodies, before=b"", after=b""):
    """Functions of no arguments, the last of which starts it, and a page of memory. Bodies: locals and code."""
    return b"".join((
        b"\0asm\1\0\0\0", section(TYPE, vector([b"\x60\0\0"])), section(FUNCTION, vector([b"\0"] * len(bodies))),
        section(MEMORY, b"\1\0\1"), section(EXPORT, vector([text("_start") + b"\0" + number(len(bodies) - 1),
                                                            text("memory") + b"\2\0"])), before,
        section(CODE, vector(number(len(body)) + body for body in bodies)), after))


def code(*parts):
    return bytes(b for part in parts for b in (part if isinstance(part, (bytes, bytearray)) else [part]))


NO_LOCALS = b"\0"


def cut():
    """Ends in the middle of a function."""
    return module(NO_LOCALS + code(*[code(CONST, 1, DROP)] * 1000, END))[:2000]


def claim_locals():
    """A function of 4,294,967,295 locals, in 6 bytes."""
    return module(vector([number(0xFFFFFFFF) + bytes([I64])]) + code(END))


def claim_targets():
    """A branch that claims 4,294,967,280 targets and has none."""
    return module(NO_LOCALS + code(CONST, 0, BR_TABLE, number(0xFFFFFFF0), END))


def claim_data():
    """A segment of data that is 4 GiB long, in a file of some hundred bytes."""
    segment = b"\0" + code(CONST, 0, END) + number(0xFFFFFFFF)
    return module(NO_LOCALS + code(END), after=section(DATA, number(1) + segment))


def claim_functions():
    """More functions than the file has bytes."""
    return b"\0asm\1\0\0\0" + section(TYPE, vector([b"\x60\0\0"])) + section(FUNCTION, number(0xFFFFFFFF))


def targets():
    """A branch that really has a million targets."""
    return module(NO_LOCALS + code(BLOCK, VOID, CONST, 7, BR_TABLE, number(1_000_000), bytes(1_000_001), END, END))


def nested():
    """100,000 blocks in one another."""
    return module(NO_LOCALS + code(bytes([BLOCK, VOID]) * 100_000, bytes([END]) * 100_001))


def chained():
    """1,000 loops behind one another that each change one of 1,000 numbers: a million values where they meet."""
    step = [code(LOOP, VOID, GET, number(i), CONST, 1, ADD, SET, number(i), END) for i in range(1000)]
    return module(vector([number(1000) + bytes([I32])]) + code(*step, END))


def straight():
    """200,000 additions in one block."""
    return module(NO_LOCALS + code(CONST, 0, *[code(CONST, 1, ADD)] * 200_000, DROP, END))


def wide():
    """Calls itself with a frame of 24 KiB each time, to step over whatever guards the end of the stack."""
    count = 3000
    load = [code(CONST, 0, LOAD64, 3, number(8 * i), SET, number(i)) for i in range(count)]
    use = [code(CONST, 0, GET, number(i), STORE64, 3, number(8 * i)) for i in range(count)]
    return module(vector([number(count) + bytes([I64])]) + code(*load, CALL, 0, *use, END))


def long_name():
    """Traps in a function whose name is 100,000 bytes long."""
    functions = vector([number(0) + text("N" * 100_000)])
    return module(NO_LOCALS + code(UNREACHABLE, END), after=section(CUSTOM, text("name") + section(1, functions)))


WRITTEN = [cut, claim_locals, claim_targets, claim_data, claim_functions, targets, nested, chained, straight, wide,
           long_name]


def assemble(source, out):
    options = ["--no-check"] if source.stem == "invalid" else []
    subprocess.run(["wat2wasm", "--debug-names", "--enable-threads", *options, str(source), "-o", str(out)], check=True)


def main(arguments):
    p = argparse.ArgumentParser(prog="programs/hostile/build.py", description=__doc__)
    p.add_argument("folder", type=Path, help="made if it does not exist")
    folder = p.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(HERE.glob("*.wat")):
        assemble(source, folder / f"{source.stem}.wasm")
    for make in WRITTEN:
        (folder / f"{make.__name__.replace('_', '-')}.wasm").write_bytes(make())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
