# SPDX-License-Identifier: MIT
"""An ELF file in memory, for redirect.py: checked, read by pyelftools, and extended at its end.

Only the end grows: the note, tables that had to be replaced, and the section table. All other bytes stay in place, so
that undoing is restoring the changed ones and cutting the file off.
"""
import bisect
import io
import itertools
import struct
from dataclasses import dataclass, replace

from redirect_machine import MACHINES
from tree import Failure

HEADER, SECTION, SYMBOL = 64, struct.Struct("<IIQQQQIIQQ"), struct.Struct("<IBBHQQ")
SHT_NOTE, SHT_STRTAB, SHT_SYMTAB = 7, 3, 2
SHF_ALLOC, SHF_EXECINSTR, PF_X = 2, 4, 1
PACKED = (0x40000014, 0x40000020, 0x60000001, 0x60000002)  # CREL, and that of LLVM before it; two of Android
SECTIONS_MAX = 0xFF00  # from here on, numbers of sections have another encoding
SECTION_TABLE_FIELD, SECTION_COUNT_FIELD = 40, 60  # e_shoff, e_shnum
NOTE = ".note.halyard.redirect"
OVERLAP = 2  # each function is decoded: more bytes than this many sections would be endless work


@dataclass(frozen=True)
class Symbol:
    """A symbol, at its address in a linked file and at its offset in a section of a relocatable one."""

    name: str
    index: int    # in .symtab
    start: int
    size: int
    bind: str     # STB_LOCAL, STB_GLOBAL, STB_WEAK
    kind: str     # STT_FUNC, STT_NOTYPE, ...
    section: int  # its number; None: undefined

    @property
    def end(self):
        return self.start + max(self.size, 1)

    def __contains__(self, address):
        return self.start <= address < self.end


class Elf:
    """The file's sections and symbols. Raises Failure for anything that is not a sound ELF file of a known machine."""

    def __init__(self, path, data):
        self.path, self.data = path, bytes(data)
        self._check_header()
        try:
            self._read()
        except Failure:
            raise
        except Exception as error:  # whatever pyelftools makes of a broken file
            raise self.fail(f"broken ELF file: {type(error).__name__}: {error}") from error

    def fail(self, text):
        return Failure(f"{self.path}: {text}")

    def _check_header(self):
        data = self.data
        if data[:4] != b"\x7fELF":
            raise self.fail("not an ELF file")
        if len(data) < HEADER:
            raise self.fail("truncated: shorter than an ELF header")
        if data[4:6] != b"\x02\x01":
            raise self.fail("neither x86_64 nor aarch64: not 64-bit and little-endian")
        self.section_table, self.section_count, self.names_index = (
            struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 60))
        if self.section_table == 0 or self.section_count == 0:
            raise self.fail("stripped: no section table, so no symbols")
        if self.section_count >= SECTIONS_MAX:
            raise self.fail("too many sections")
        if self.section_table + self.section_count * SECTION.size > len(data):
            raise self.fail("truncated: its section table lies beyond its end")
        if struct.unpack_from("<H", data, 58)[0] != SECTION.size or not 0 < self.names_index < self.section_count:
            raise self.fail("broken ELF file: section headers of another size, or without names")

    def _read(self):
        from elftools.elf.elffile import ELFFile  # main() has made sure that it is installed
        elf = ELFFile(io.BytesIO(self.data))
        if elf["e_machine"] not in MACHINES:
            raise self.fail(f"{elf['e_machine']} is neither x86_64 nor aarch64")
        if elf["e_type"] not in ("ET_EXEC", "ET_DYN", "ET_REL"):
            raise self.fail(f"{elf['e_type']} is neither a program nor an object")
        self.machine = MACHINES[elf["e_machine"]]()
        self.is_linked, self.is_fixed = elf["e_type"] != "ET_REL", elf["e_type"] == "ET_EXEC"
        self.headers = [list(SECTION.unpack_from(self.data, self.section_table + i * SECTION.size))
                        for i in range(self.section_count)]
        for number, header in enumerate(self.headers):
            if header[1] not in (0, 8) and header[4] + header[5] > len(self.data):
                raise self.fail(f"truncated: section {number} lies beyond its end")
        if self.headers[self.names_index][1] != SHT_STRTAB:
            raise self.fail("broken ELF file: the names of its sections are in no table of names")
        self.sections, self.segments = list(elf.iter_sections()), list(elf.iter_segments())
        self._check_code()
        for number, header in enumerate(self.headers):
            if header[1] in PACKED:
                raise self.fail(f"its relocations are packed ({self.sections[number].name}), and cannot be read")
        tables = [i for i, header in enumerate(self.headers) if header[1] == SHT_SYMTAB]
        if len(tables) != 1:
            raise self.fail("stripped: no symbol table" if not tables else "several symbol tables")
        self.symtab = tables[0]
        header = self.headers[self.symtab]
        if header[9] != SYMBOL.size or header[5] % SYMBOL.size or header[6] >= self.section_count:
            raise self.fail("broken ELF file: a symbol table of another format")
        self.symbols = [self._symbol(i, s) for i, s in enumerate(self.sections[self.symtab].iter_symbols())]
        self.by_name = {}
        for symbol in self.symbols:
            self.by_name.setdefault(symbol.name, []).append(symbol)

    def _check_code(self):
        """Code sections neither share bytes of the file nor addresses."""
        code = [(h, s.name) for h, s in zip(self.headers, self.sections)
                if h[2] & SHF_EXECINSTR and h[2] & SHF_ALLOC and h[1] != 8 and h[5]]
        for key in (4, 3) if self.is_linked else (4,):
            code.sort(key=lambda one: one[0][key])
            for (one, first), (two, second) in zip(code, code[1:]):
                if one[key] + one[5] > two[key]:
                    raise self.fail(f"broken ELF file: code sections {first} and {second} overlap")
        if any(header[3] + header[5] >= 1 << 64 for header, _ in code):
            raise self.fail("broken ELF file: a code section ends beyond the last address")

    def _symbol(self, index, entry):
        where = entry["st_shndx"]
        symbol = Symbol(entry.name, index, entry["st_value"], entry["st_size"], entry["st_info"]["bind"],
                        entry["st_info"]["type"], where if isinstance(where, int) else None)
        if symbol.section is not None and symbol.section >= self.section_count:
            raise self.fail(f"broken ELF file: symbol {symbol.name} is in section {symbol.section}, which does not exist")
        if symbol.kind == "STT_FUNC" and symbol.section is not None and self.is_code(symbol.section):
            start, size = self.base(symbol.section), self.headers[symbol.section][5]
            if not start <= symbol.start <= symbol.start + symbol.size <= start + size:
                raise self.fail(f"broken ELF file: function {symbol.name} lies outside its section")
        return symbol

    def is_code(self, section):
        header = self.headers[section]
        return bool(header[2] & SHF_EXECINSTR and header[2] & SHF_ALLOC and header[1] != 8)

    def base(self, section):
        """The address of the section's first byte; in a relocatable file 0."""
        return self.headers[section][3] if self.is_linked else 0

    def contents(self, section):
        header = self.headers[section]
        return self.data[header[4]:header[4] + header[5]]

    # ---- Writing ----

    def extended(self, edits, contents, added=()):
        """The file's bytes with `edits` [(offset, bytes)], the undefined symbols `added`, and the note's contents."""
        result, headers = bytearray(self.data), [list(header) for header in self.headers]

        def append(contents):
            result.extend(bytes(-len(result) % 8))
            result.extend(contents)
            return len(result) - len(contents), len(contents)

        strings = headers[self.symtab][6]  # may be the sections' names, too
        tables = {i: bytearray(self.contents(i)) for i in {self.names_index, *([strings, self.symtab] if added else [])}}
        for name in added:
            tables[self.symtab] += SYMBOL.pack(len(tables[strings]), 0x10, 0, 0, 0, 0)  # global, no type, undefined
            tables[strings] += name.encode() + b"\0"
        note = [len(tables[self.names_index]), SHT_NOTE, 0, 0, *append(contents), 0, 0, 4, 0]
        tables[self.names_index] += NOTE.encode() + b"\0"
        for number, table in sorted(tables.items()):
            headers[number][4:6] = append(table)
        place, _ = append(b"".join(SECTION.pack(*header) for header in [*headers, note]))
        for at, new in edits:
            result[at:at + len(new)] = new
        struct.pack_into("<Q", result, SECTION_TABLE_FIELD, place)
        struct.pack_into("<H", result, SECTION_COUNT_FIELD, len(headers) + 1)
        return bytes(result)


class Code:
    """One code section, decoded function by function."""

    def __init__(self, elf, section):
        self.elf, self.section = elf, section
        self.start, self.data = elf.base(section), elf.contents(section)
        self.end = self.start + len(self.data)
        self.offset = elf.headers[section][4]
        here = [s for s in elf.symbols if s.section == section and s.kind in ("STT_FUNC", "STT_NOTYPE", "STT_LOOS")]
        self.tables = self._tables([s for s in here if s.name.startswith("$")])
        here = [s for s in here if not s.name.startswith(("$", ".L")) and self.start <= s.start < self.end]
        self.functions = self._functions([s if s.end <= self.end else replace(s, size=self.end - s.start) for s in here])
        self.starts = [f.start for f in self.functions]
        self.ends = list(itertools.accumulate((f.end for f in self.functions), max))  # of all functions up to each
        if sum(f.size for f in self.functions) > OVERLAP * len(self.data):
            raise elf.fail(f"symbols overlap: the functions of {elf.sections[section].name} have in all more than {OVERLAP} "
                           "times its size")
        self.decoded = {f: list(self._decode(f)) for f in self.functions}
        self.branches = {}
        for instructions in self.decoded.values():
            for address, size, mnemonic, operands in instructions:
                found = elf.machine.branch(address, self.bytes(address, size), mnemonic, operands)
                if found:
                    self.branches[address] = found

    def bytes(self, address, size):
        return self.data[address - self.start:address - self.start + size]

    def _tables(self, marks):
        """aarch64: the ranges that mapping symbols declare to be data."""
        marks = sorted((s.start, s.name.startswith("$d")) for s in marks)
        ends = [start for start, _ in marks[1:]] + [self.end]
        return [(start, end) for (start, is_data), end in zip(marks, ends) if is_data]

    def is_table(self, address):
        return any(start <= address < end for start, end in self.tables)

    def _functions(self, symbols):
        """One symbol for each range of code. A symbol without a size extends to the next one."""
        sized = {(s.start, s.size): s for s in reversed(symbols) if s.size}
        found = sorted(sized.values(), key=lambda s: (s.start, -s.size))
        borders = sorted({s.start for s in symbols} | {s.start + s.size for s in found} | {self.end})
        covered, at = [], self.start
        for s in found:
            if s.start + s.size > at:
                covered.append((max(at, s.start), s.start + s.size))
                at = s.start + s.size
        firsts = [start for start, _ in covered]
        for s in {s.start: s for s in reversed(symbols) if not s.size}.values():
            near = bisect.bisect_right(firsts, s.start) - 1
            if near < 0 or s.start >= covered[near][1]:
                size = borders[bisect.bisect_right(borders, s.start)] - s.start
                found.append(Symbol(s.name, s.index, s.start, size, s.bind, s.kind, s.section))
        return sorted(found, key=lambda s: (s.start, -s.size))

    def _decode(self, function):
        for address, size, mnemonic, operands in self.elf.machine.engine.disasm_lite(
                self.bytes(function.start, function.size), function.start):
            if not self.tables or not self.is_table(address):
                yield address, size, mnemonic, operands

    def around(self, address):
        """The functions that contain the address, the largest first."""
        found, last = [], bisect.bisect_right(self.starts, address) - 1
        while last >= 0 and self.ends[last] > address:  # an earlier one may still contain it
            if address in self.functions[last]:
                found.append(self.functions[last])
            last -= 1
        return found[::-1]

    def instruction(self, address):
        """(address, size, mnemonic, operands) of the instruction that contains the address, or None."""
        for function in self.around(address)[-1:]:
            instructions = self.decoded[function]
            near = bisect.bisect_right(instructions, address, key=lambda one: one[0]) - 1
            if near >= 0 and address < instructions[near][0] + instructions[near][1]:
                return instructions[near]
        return None
