# SPDX-License-Identifier: MIT
"""Source lines of .NET methods, from the symbol files that the kernel has read (kernel/cil/front/symbols.c).

A program's symbol file is in the guest's memory: struct cil_symbols has its place, and that of the table of methods in
it. A row of the table leads to a program for a small machine, which yields the lines in the order of the code.
"""
import struct

import gdb

METHOD = struct.Struct("<III")   # token, other data, its lines
SOURCE = struct.Struct("<II")    # number, its path
METHOD_DEF = 0x06000000
HIDDEN_LINE = 0xfeefee
READ, PLAIN_METHOD = 3, 0        # lines.c: THERE; CIL_UNIT_METHOD
COPY, ADVANCE_OFFSET, ADVANCE_LINE, SET_SOURCE, ADD_OFFSET = 1, 2, 3, 4, 8
END_OF_METHOD = 1
PATH_MAX = 4096

files = {}  # address of a symbol file and its bytes: read once


def owns(piece):
    """True if the piece is a .NET program's: it can describe places in its source."""
    return int(piece["source"]) != 0 and int(piece["block"]["owner"].cast(kernel_piece())["of"]["place"]) != 0


def kernel_piece():
    return gdb.lookup_type("struct kernel_piece").pointer()


def number(data, at):
    """Seven bits a byte, the lowest first. (value, the place behind it)"""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value & 0xffffffff, at


class Symbols:
    """A symbol file, from its struct cil_symbols."""

    def __init__(self, s):
        start = int(s["file"]["at"])
        key = start, int(s["file"]["len"])
        if key not in files:
            files[key] = bytes(gdb.selected_inferior().read_memory(*key))
        self.data = files[key]
        self.methods, self.sources = (self.table(s[name], start, row) for name, row in (("methods", METHOD), ("sources", SOURCE)))
        self.line_base, self.line_range, self.opcode_base = (int(s[name]) for name in ("line_base", "line_range", "opcode_base"))

    def table(self, part, start, row):
        at = int(part["at"]) - start
        return list(row.iter_unpack(self.data[at:at + int(part["len"]) // row.size * row.size]))

    def find(self, row, offset):
        """(path, line) of an instruction, or None."""
        lines = next((lines for token, _, lines in self.methods if token == METHOD_DEF | row), None)
        source, line = self.run(lines, offset) if lines is not None else (0, 0)
        if line == 0 or not 0 < source <= len(self.sources):
            return None
        length, at = number(self.data, self.sources[source - 1][1])
        return self.data[at:at + min(length, PATH_MAX)].decode(errors="replace"), line

    def run(self, at, wanted):
        """(source, line) of the last line that begins at or before the offset; line 0: there is none."""
        offset, line, source, found = 0, 1, 1, (0, 0)
        while True:
            opcode, at, begins = self.data[at], at + 1, False
            if opcode == 0:
                size, kind = self.data[at], self.data[at + 1]
                if kind == END_OF_METHOD:
                    return found
                at += 1 + size
            elif opcode >= self.opcode_base:
                steps, rest = divmod(opcode - self.opcode_base, self.line_range)
                offset, line, begins = offset + steps, line + self.line_base + rest, True
            elif opcode == COPY:
                begins = True
            elif opcode == ADVANCE_OFFSET:
                steps, at = number(self.data, at)
                offset += steps
            elif opcode == ADVANCE_LINE:
                steps, at = number(self.data, at)
                line = (line + steps) & 0xffffffff
            elif opcode == SET_SOURCE:
                source, at = number(self.data, at)
            elif opcode == ADD_OFFSET:
                offset += (255 - self.opcode_base) // self.line_range
            else:
                return found
            if begins and offset > wanted:
                return found
            if begins:
                found = source, line if line != HIDDEN_LINE else found[1]


def find_line(piece, method, offset):
    """(path, line) of an instruction in a method of a struct code_piece's program, or None."""
    try:
        unit = piece["source"].cast(gdb.lookup_type("struct cil_unit").pointer())
        m = unit["methods"][method]
        if int(m["kind"]) != PLAIN_METHOD or int(m["a"]["symbols_state"]) != READ:
            return None
        return Symbols(m["a"]["symbols"]).find(int(m["row"]), offset)
    except (gdb.error, gdb.MemoryError, IndexError):  # no symbols of cil.ko, or a wrong file
        return None
