# SPDX-License-Identifier: MIT
"""Turn a linked kernel into the table of names and lines that kernel/base/symbols.c reads.

    symbols.py ELF -o table.S            the table of ELF's .text, as assembly
    symbols.py --empty -o table.S        a table without entries, for the first link
    symbols.py --same-text FIRST SECOND  fail if the second link moved a function

The kernel is linked twice: with the empty table, then with the one made from that result. The table lies in .rodata
after .text, so the second link moves data and no code; --same-text proves it. The table contains the kernel's identity,
a hash of the first link's contents and of the table: together they determine the second link. kernel/base/symbols.c
describes the encoding of the rows.
"""
import argparse
import bisect
import hashlib
import heapq
import os
import re
import subprocess
import sys

from elftools.elf.elffile import ELFFile

SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))) + "/"
# As in kernel/base/symbols.c.
MARK_EVERY = 16
UNITS, STEPS, RETURNS = range(3)
UNITS_WIDE = 48
NEAR, LEFT = 31, 4
STEP_BACK = 2 * NEAR + 1
STEP_FAR, STEP_FILE = STEP_BACK + LEFT, STEP_BACK + LEFT + 1
ALPHABETS = (UNITS_WIDE + 1, STEP_FILE + 1, 2 * NEAR + 1)
FILE_BITS = 10
CODE_BITS = 15


def read_functions(elf):
    """(text start, text end, [(address, name)]) of .text, one name an address, ascending."""
    text = elf.get_section_by_name(".text")
    if text is None:
        sys.exit(f"symbols: {elf.stream.name}: no .text section")
    start, end = text["sh_addr"], text["sh_addr"] + text["sh_size"]
    best = {}
    for symbol in elf.get_section_by_name(".symtab").iter_symbols():
        if symbol["st_info"]["type"] == "STT_FUNC" and start <= symbol["st_value"] < end:
            rank = (symbol["st_info"]["bind"] != "STB_GLOBAL", symbol.name)
            best[symbol["st_value"]] = min(rank, best.get(symbol["st_value"], rank))
    return start, end, [(address, rank[1]) for address, rank in sorted(best.items())]


def read_lines(path, start, end):
    """[(address, file or None, line)] of DWARF's line tables inside [start, end), ascending."""
    dump = subprocess.run(["llvm-dwarfdump", "--debug-line", path],
                          check=True, capture_output=True, text=True).stdout
    row = re.compile(r"0x([0-9a-f]{16}) +(\d+) +\d+ +(\d+) ")
    rows, ends = {}, set()
    directories, files, name = {}, {}, None
    for text in dump.splitlines():
        if text.startswith("0x"):
            match = row.match(text)
            address, line, number = int(match[1], 16), int(match[2]), int(match[3])
            if not start <= address <= end:
                continue
            if text.endswith("end_sequence"):
                ends.add(address)
            elif line != 0:  # 0: compiler-generated code, which belongs to the line before
                rows[address] = (files[number], line)
        elif text.startswith("debug_line["):
            directories, files = {}, {}
        elif text.startswith("include_directories["):
            number, directory = re.match(r'include_directories\[ *(\d+)\] = "(.*)"', text).groups()
            directories[int(number)] = directory
        elif text.startswith("file_names["):
            name = int(re.match(r"file_names\[ *(\d+)\]", text)[1])
        elif text.lstrip().startswith("name: "):
            files[name] = text.split('"')[1]
        elif text.lstrip().startswith("dir_index: "):
            directory = directories.get(int(text.split(":")[1]), ".")
            # clang removes the source prefix in C, but not in assembly.
            files[name] = os.path.normpath(os.path.join(directory, files[name])).removeprefix(SOURCE_ROOT)
    for address in ends - rows.keys():
        rows[address] = (None, 0)
    return [(address, *rows[address]) for address in sorted(rows)]


def identity(elf, *parts):
    """16 bytes that differ for every kernel: a hash of the first link, and of the table's parts, whose sizes determine
    where the second link places its data."""
    if elf is None:
        return bytes(16)
    digest = hashlib.sha256()
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_LOAD":
            digest.update(f"{segment['p_vaddr']:x} {segment['p_memsz']:x} ".encode() + segment.data())
    for symbol in elf.get_section_by_name(".symtab").iter_symbols():
        digest.update(f"{symbol.name} {symbol['st_value']:x} ".encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + bytes(part))
    return digest.digest()[:16]


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Rows:
    """The rows of all functions as symbols of three alphabets and plain bits; kernel/base/symbols.c reads them."""

    def __init__(self, unit):
        self.unit = unit
        self.files = {}      # name: number
        self.functions = []  # each a list of (alphabet, symbol) and (None, value, bits)

    def number(self, value):
        digits = max(1, -(-value.bit_length() // 4))
        return [(None, digits - 1, 3), (None, value, 4 * digits)]

    def step(self, at, now, left):
        """Codes that lead from one (file, line) to the next; `left` are the last places from which it jumped away."""
        (file, line), (new_file, new_line) = at, now
        if new_file == file and abs(new_line - line) <= NEAR:
            return [(STEPS, new_line - line + NEAR)]
        back = next((i for i, (f, n) in enumerate(left) if f == new_file and abs(new_line - n) <= NEAR), None)
        if back is not None:
            there = left.pop(back)
            words = [(STEPS, STEP_BACK + back), (RETURNS, new_line - there[1] + NEAR)]
        elif new_file == file:
            far = new_line - line
            words = [(STEPS, STEP_FAR), *self.number(2 * far if far >= 0 else -2 * far - 1)]
        else:
            words = [(STEPS, STEP_FILE), (None, self.files.setdefault(new_file, len(self.files)), FILE_BITS),
                     *self.number(new_line)]
        left.insert(0, at)
        del left[LEFT:]
        return words

    def add(self, rows, start):
        """One function's rows, (address, file, line), starting at or before its start."""
        words, left, at, place, shown = [], [], start, (None, 0), (None, 0)
        for address, file, line in rows:
            address = max(address, start)
            if (file, line) == shown:
                continue
            shown = (file, line)
            units = (address - at) // self.unit
            words += [(UNITS, units)] if units < UNITS_WIDE else [(UNITS, UNITS_WIDE), *self.number(units)]
            now = (place[0] if file is None else file, line)
            words += self.step(place, now, left)
            at, place = address, now
        self.functions.append(words)

    def encode(self):
        """(bytes of all rows, [bits of each function], three codes)"""
        counts = [[0] * size for size in ALPHABETS]
        for alphabet, symbol, *_ in (word for function in self.functions for word in function):
            if alphabet is not None:
                counts[alphabet][symbol] += 1
        codes = [Code(count) for count in counts]
        bits, lengths = [], []
        for function in self.functions:
            mine = "".join(codes[word[0]].words[word[1]] if word[0] is not None else f"{word[1]:0{word[2]}b}"
                           for word in function)
            bits.append(mine)
            lengths.append(len(mine))
        text = "".join(bits)
        text += "0" * (-len(text) % 8)
        return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8)), lengths, codes


class Code:
    """A canonical Huffman code: shorter codes first, codes of one length ascending."""

    def __init__(self, counts):
        while True:
            lengths = self.depths(counts)
            if max(lengths, default=0) <= CODE_BITS:
                break
            counts = [-(-count // 2) for count in counts]  # flatter
        order = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
        self.table = bytes(sum(1 for length, _ in order if length == n) for n in range(CODE_BITS + 1))
        self.table += bytes(symbol for _, symbol in order)
        self.words, code, before = {}, 0, 0
        for length, symbol in order:
            code <<= length - before
            self.words[symbol] = f"{code:0{length}b}"
            code, before = code + 1, length

    @staticmethod
    def depths(counts):
        heap = [(count, symbol, (symbol,)) for symbol, count in enumerate(counts) if count]
        lengths = [0] * len(counts)
        if len(heap) == 1:
            lengths[heap[0][1]] = 1
        heapq.heapify(heap)
        while len(heap) > 1:
            (a, first, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
            for symbol in left + right:
                lengths[symbol] += 1
            heapq.heappush(heap, (a + b, first, left + right))
        return lengths


def words(values):
    lines = [values[i:i + 12] for i in range(0, len(values), 12)]
    return "".join("    .long " + ",".join(map(str, line)) + "\n" for line in lines)


def octets(data):
    lines = [data[i:i + 32] for i in range(0, len(data), 32)]
    return "".join("    .byte " + ",".join(map(str, line)) + "\n" for line in lines)


def table(elf):
    """The assembly text; elf None gives the empty table."""
    base, end, functions, rows, unit = 0, 0, [], [], 1
    if elf is not None:
        base, end, functions = read_functions(elf)
        rows = read_lines(elf.stream.name, base, end)
        unit = 4 if elf["e_machine"] == "EM_AARCH64" else 1

    encoder = Rows(unit)
    addresses = [row[0] for row in rows]
    bounds = [address for address, _ in functions] + [end]
    for start, stop in zip(bounds, bounds[1:]):
        first = max(bisect.bisect_right(addresses, start) - 1, 0)
        last = bisect.bisect_left(addresses, stop)
        encoder.add(rows[first:last], start)
    line_bytes, line_bits, codes = encoder.encode()
    if len(encoder.files) >= 1 << FILE_BITS:
        sys.exit(f"symbols: {len(encoder.files)} files: FILE_BITS is too small")

    strings, sizes, marks, lines_at = bytearray(), bytearray(), [], 0

    def intern(text):
        strings.extend(text.encode() + b"\0")
        return len(strings) - len(text.encode()) - 1

    for index, (address, name) in enumerate(functions):
        at = intern(name)
        if index % MARK_EVERY == 0:
            marks += [address - base, len(sizes), at, lines_at]
        sizes += varint((bounds[index + 1] - address) // unit) + varint(line_bits[index])
        lines_at += line_bits[index]
    files = [intern(name) for name in encoder.files]
    name = identity(elf, words(marks).encode(), words(files).encode(), sizes, line_bytes,
                    *(code.table for code in codes), strings)

    return f"""# Made by scripts/lib/symbols.py from the kernel's first link.
    .section .rodata.kernel_symbols, "a"
    .balign 8
    .globl kernel_symbols
    .type kernel_symbols, %object
kernel_symbols:
    .quad {"__text_start" if elf is not None else 0}
    .long {len(functions)}, {unit}, {end - base}, {len(files)}
    .quad .Lmarks, .Lsizes, .Lfiles, .Lstrings, .Lline_bits, .Lcode_0, .Lcode_1, .Lcode_2
    .size kernel_symbols, . - kernel_symbols
    .globl kernel_identity
    .type kernel_identity, %object
    .size kernel_identity, 16
kernel_identity:
{octets(name)}    .balign 4
.Lmarks:
{words(marks)}.Lfiles:
{words(files)}.Lsizes:
{octets(sizes)}.Lline_bits:
{octets(line_bytes)}.Lcode_0:
{octets(codes[0].table)}.Lcode_1:
{octets(codes[1].table)}.Lcode_2:
{octets(codes[2].table)}.Lstrings:
{octets(strings)}    .section .note.GNU-stack, "", %progbits
"""


def same_text(first, second):
    if read_functions(first) != read_functions(second):
        sys.exit("symbols: the second link moved a function: the table must lie behind .text")


def open_elf(path):
    return ELFFile(open(path, "rb"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elf", nargs="?")
    parser.add_argument("-o", dest="output")
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--same-text", nargs=2, metavar=("FIRST", "SECOND"))
    args = parser.parse_args()
    if args.same_text:
        same_text(*map(open_elf, args.same_text))
    elif args.output and (args.elf is None) == args.empty:
        text = table(None if args.empty else open_elf(args.elf))
        with open(args.output, "w") as out:
            out.write(text)
    else:
        parser.error("give ELF or --empty, and -o")


if __name__ == "__main__":
    main()
