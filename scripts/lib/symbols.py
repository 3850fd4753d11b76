# SPDX-License-Identifier: MIT
"""Turn a linked kernel into the table of names and lines that kernel/symbols.c reads.

    symbols.py ELF -o table.S            the table of ELF's .text, as assembly
    symbols.py --empty -o table.S        a table without entries, for the first link
    symbols.py --same-text FIRST SECOND  fail if the second link moved a function

The kernel is linked twice: with the empty table, then with the one made from that result. The table
lies in .rodata behind .text, so the second link moves data and no code; --same-text proves it.
The encoding of the line bytes is described in kernel/symbols.c.
"""
import argparse
import bisect
import os
import re
import subprocess
import sys

from elftools.elf.elffile import ELFFile

SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))) + "/"
SHORT_LINES = range(-4, 12)  # line advances that fit a short row
SHORT_UNITS = range(1, 16)
OP_WIDE, OP_FILE = 0x00, 0x01


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
            elif line != 0:  # 0: compiler-made code, which belongs to the line before
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
            # clang maps the source prefix away in C, and not in assembly.
            files[name] = os.path.normpath(os.path.join(directory, files[name])).removeprefix(SOURCE_ROOT)
    for address in ends - rows.keys():
        rows[address] = (None, 0)
    return [(address, *rows[address]) for address in sorted(rows)]


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value):
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def encode_lines(rows, start, unit, file_index):
    """Line bytes of one function; rows are (address, file, line) with the first at or before start."""
    out = bytearray()
    at, line, file = start, 0, None
    for address, new_file, new_line in rows:
        address = max(address, start)
        if (new_file, new_line) == (file, line):
            continue
        if new_file is not None and new_file != file:
            index = file_index.setdefault(new_file, len(file_index))
            if file is not None or index != 0:
                out += bytes([OP_FILE]) + varint(index)
            file = new_file
        units, advance = (address - at) // unit, new_line - line
        if units in SHORT_UNITS and advance in SHORT_LINES:
            out.append(units << 4 | advance - SHORT_LINES[0])
        else:
            out += bytes([OP_WIDE]) + varint(units) + zigzag(advance)
        at, line = address, new_line
    return bytes(out)


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

    strings, file_index, line_bytes, line_starts = bytearray(), {}, bytearray(), []

    def intern(text):
        strings.extend(text.encode() + b"\0")
        return len(strings) - len(text.encode()) - 1

    names = [intern(name) for _, name in functions]
    addresses = [row[0] for row in rows]
    bounds = [address for address, _ in functions] + [end]
    for start, stop in zip(bounds, bounds[1:]):
        line_starts.append(len(line_bytes))
        first = max(bisect.bisect_right(addresses, start) - 1, 0)
        last = bisect.bisect_left(addresses, stop)
        line_bytes += encode_lines(rows[first:last], start, unit, file_index)
    line_starts.append(len(line_bytes))
    files = [intern(name) for name in file_index]

    return f"""# Made by scripts/lib/symbols.py from the kernel's first link.
    .section .rodata.kernel_symbols, "a"
    .balign 8
    .globl kernel_symbols
    .type kernel_symbols, %object
kernel_symbols:
    .quad {base:#x}
    .long {len(functions)}, {unit}
    .quad {len(files)}
    .quad .Lstart, .Lname, .Llines, .Lfiles, .Lstrings, .Lline_bytes
    .size kernel_symbols, . - kernel_symbols
.Lstart:
{words([address - base for address in bounds])}.Lname:
{words(names)}.Llines:
{words(line_starts)}.Lfiles:
{words(files)}.Lline_bytes:
{octets(line_bytes)}.Lstrings:
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
