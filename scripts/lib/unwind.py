# SPDX-License-Identifier: MIT
"""Adds unwinding to a linked WebAssembly program that uses programs/ports/unwind.h:

    unwind.py IN.wasm OUT.wasm

After each call that may have thrown, it inserts: if `unwinding` is set, return (with zeros as results). unwind_try() is
the only function without these returns, so an error ends there. A function may throw if it calls unwind_throw() or a
function that may throw, or calls through a table. Calls of imports never throw.
"""
import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from tree import Failure

CUSTOM, TYPE, IMPORT, FUNCTION, GLOBAL, EXPORT, CODE = 0, 1, 2, 3, 6, 7, 10
FUNCTION_NAMES = 1  # of the custom section "name"
CALL, CALL_INDIRECT, BR_TABLE, SELECT_TYPED, PREFIXED = 0x10, 0x11, 0x0E, 0x1C, 0xFC
# Instructions by the numbers after the opcode; the others have none. Of 0xFC, by the second number.
NUMBERS = {**dict.fromkeys([2, 3, 4, 0x0C, 0x0D, CALL, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD0, 0xD2], 1),
           **dict.fromkeys([CALL_INDIRECT, *range(0x28, 0x3F)], 2)}
PREFIXED_NUMBERS = {8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}
FIXED = {0x43: 4, 0x44: 8}  # f32.const and f64.const, and the bytes after them
ZERO = {0x7F: b"\x41\0", 0x7E: b"\x42\0", 0x7D: b"\x43" + bytes(4), 0x7C: b"\x44" + bytes(8)}
VECTORS = 0xFD


def number(n):
    """Unsigned LEB128."""
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def signed(n):
    """Signed LEB128."""
    out = bytearray()
    while not -64 <= n < 64:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n & 0x7F])


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def bytes(self, count):
        piece = self.data[self.at:self.at + count]
        if len(piece) != count:
            raise Failure("the module is truncated")
        self.at += count
        return piece

    def byte(self):
        return self.bytes(1)[0]

    def number(self, is_signed=False):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if is_signed and byte & 0x40 else value

    def text(self):
        return self.bytes(self.number()).decode()


@dataclass
class Call:
    end: int     # the offset after the instruction
    target: int  # a function's number, or None for a call through the table


def instruction(reader):
    """Read one; returns (opcode, the first number after it)."""
    opcode = reader.byte()
    if opcode == VECTORS:
        raise Failure("vector instructions are not supported")
    if opcode in FIXED:
        reader.bytes(FIXED[opcode])
        return opcode, None
    if opcode == BR_TABLE or opcode == SELECT_TYPED:
        count = reader.number() + (opcode == BR_TABLE)
    elif opcode == PREFIXED:
        count = PREFIXED_NUMBERS.get(reader.number(), 0)
    else:
        count = NUMBERS.get(opcode, 0)
    numbers = [reader.number() for _ in range(count)]
    return opcode, numbers[0] if numbers else None


class Module:
    def __init__(self, data):
        if data[:8] != b"\0asm\1\0\0\0":
            raise Failure("not a WebAssembly module of version 1")
        reader, self.sections = Reader(data, 8), []
        while reader.at < len(data):
            kind = reader.byte()
            self.sections.append((kind, reader.bytes(reader.number())))
        self.results = self._vector(TYPE, self._type)
        self.imports = sum(self._vector(IMPORT, self._import))
        self.types = self._vector(FUNCTION, Reader.number)
        self.globals = self._vector(GLOBAL, self._global)
        self.exports = dict(self._vector(EXPORT, lambda r: (r.text(), (r.byte(), r.number()))))
        self.bodies = self._vector(CODE, lambda r: r.bytes(r.number()))
        self.names = self._names()

    def _vector(self, wanted, read):
        for kind, content in self.sections:
            if kind == wanted:
                reader = Reader(content)
                return [read(reader) for _ in range(reader.number())]
        return []

    @staticmethod
    def _type(reader):
        reader.byte()
        reader.bytes(reader.number())
        return reader.bytes(reader.number())

    @staticmethod
    def _import(reader):
        """1 if it is a function."""
        reader.text(), reader.text()
        kind = reader.byte()
        if kind == 0:
            reader.number()
            return 1
        if kind in (1, 3):  # a table or a global has a type in front
            reader.byte()
        if kind == 3:
            reader.byte()
        elif reader.number() & 1:
            reader.number(), reader.number()
        else:
            reader.number()
        return 0

    @staticmethod
    def _global(reader):
        """The value of an i32 constant, else None."""
        reader.bytes(2)
        value = None
        while True:
            start = reader.at
            opcode, _ = instruction(reader)
            if opcode == 0x0B:
                return value
            if opcode == 0x41:
                value = Reader(reader.data, start + 1).number(is_signed=True)

    def _names(self):
        """{name of a function: its number}. Its export would be another function, which the linker adds to start and
        end the C library."""
        found = {}
        for kind, content in self.sections:
            reader = Reader(content)
            if kind != CUSTOM or reader.text() != "name":
                continue
            while reader.at < len(content):
                part, inner = reader.byte(), Reader(reader.bytes(reader.number()))
                for _ in range(inner.number() if part == FUNCTION_NAMES else 0):
                    index = inner.number()
                    found[inner.text()] = index
        return found

    def function(self, name):
        if name not in self.names:
            raise Failure(f"no function {name}: link programs/ports/unwind.c, and keep the names")
        return self.names[name]

    def address(self, name):
        kind, index = self.exports.get(name, (None, 0))
        if kind != 3 or not index < len(self.globals):
            raise Failure(f"{name} is not exported: link with --export={name}")
        return self.globals[index]

    def calls(self, body):
        reader = Reader(body)
        for _ in range(reader.number()):
            reader.number(), reader.byte()
        while reader.at < len(body):
            opcode, first = instruction(reader)
            if opcode in (CALL, CALL_INDIRECT):
                yield Call(reader.at, first if opcode == CALL else None)


def throwing(calls, imports, throw, catch):
    """The functions that may throw: {number}. calls: [the calls of each body]"""
    found, before = {throw}, None
    while before != len(found):
        before = len(found)
        for index, made in enumerate(calls, imports):
            if index != catch and index not in found and any(c.target is None or c.target in found for c in made):
                found.add(index)
    return found


def with_returns(body, calls, results, address):
    """The body with a return after each of these calls."""
    check = (b"\x41" + signed(address) + b"\x28\x02\0" + b"\x04\x40"  # i32.const, i32.load, if
             + b"".join(ZERO[result] for result in results) + b"\x0F\x0B")  # return, end
    out, at = [], 0
    for call in calls:
        out += [body[at:call.end], check]
        at = call.end
    return b"".join([*out, body[at:]])


def unwound(data):
    """The module with unwinding."""
    module = Module(data)
    throw, catch, address = module.function("unwind_throw"), module.function("unwind_try"), module.address("unwinding")
    calls = [list(module.calls(body)) for body in module.bodies]
    may_throw = throwing(calls, module.imports, throw, catch)
    bodies = []
    for index, (body, made) in enumerate(zip(module.bodies, calls), module.imports):
        risky = [call for call in made if index != catch and (call.target is None or call.target in may_throw)]
        body = with_returns(body, risky, module.results[module.types[index - module.imports]], address)
        bodies.append(number(len(body)) + body)
    code = number(len(bodies)) + b"".join(bodies)
    return data[:8] + b"".join(bytes([kind]) + number(len(content)) + content for kind, content in
                               ((kind, code if kind == CODE else content) for kind, content in module.sections))


def main(arguments):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", type=Path)
    p.add_argument("output", type=Path)
    o = p.parse_args(arguments)
    try:
        o.output.write_bytes(unwound(o.source.read_bytes()))
    except Failure as failure:
        sys.exit(f"unwind: {o.source}: {failure}")


if __name__ == "__main__":
    main(sys.argv[1:])
