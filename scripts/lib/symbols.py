# SPDX-License-Identifier: MIT
"""Turn a linked kernel into the table of names and lines that kernel/base/symbols.c reads.

    symbols.py ELF -o table.S            the table of ELF's .text, as assembly
    symbols.py --empty -o table.S        a table without entries, for the first link
    symbols.py --same-text FIRST SECOND  fail if the second link moved a function

The kernel is linked twice: with the empty table, then with the one made from that result. The table lies in .rodata
after .text, so the second link moves data and no code; --same-text proves it. The table contains the kernel's identity,
a hash of the first link's contents and of the table: together they determine the second link. kernel/base/symbols.c
describes the encoding of the rows and names.
"""
import argparse
import bisect
import functools
import hashlib
import heapq
import itertools
import os
import re
import subprocess
import sys

from elftools.elf.elffile import ELFFile

import grammar

SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))) + "/"
# As in kernel/base/symbols.c.
MARK_EVERY = 32
UNITS, STEPS, RETURNS = range(3)
UNITS_WIDE = 96
NEAR, LEFT = 31, 32
STEP_BACK = 2 * NEAR + 1
STEP_FAR, STEP_FILE = STEP_BACK + LEFT, STEP_BACK + LEFT + 1
ROUNDS, UNKNOWN = 4, 14
ALPHABETS = (UNITS_WIDE + 1, STEP_FILE + 1, 2 * NEAR + 1)
FILE_BITS = 10
CODE_BITS = 15
NAME_BITS, NAME_DEPTH = 10, 16

# Instructions that cannot fault and are no calls, if they have no operand in memory: no fault and no return address
# points at one of them. A wrong stack pointer is not considered. An instruction that is not listed counts as one that
# can fault, so a missing one only makes the table larger.
SILENT = {
    "EM_X86_64": re.compile(
        r"(?:mov[a-z]*|add|adc|sub|sbb|and|or|xor|not|neg|inc|dec|test|cmp|cmpxchg|xchg|xadd|i?mul|s[ah][lr]d?|ro[lr]|rc[lr]"
        r"|bs[fr]|bt[crs]?|bswap|popcnt|[lt]zcnt|lea|nop|set[a-z]+|cmov[a-z]+|j[a-z]+|push|pop|leave|ret|c[lqw]t[dlo]|cqto"
        r"|cld|pause|[lms]fence)[bwlq]?$"),
    "EM_AARCH64": re.compile(
        r"(?:add|sub|adc|sbc|neg|ngc|and|orr|orn|eor|eon|bic|mvn|mov[nkz]?|cmp|cmn|tst|ccmp|ccmn|csel|csinc|csinv|csneg|cset"
        r"|csetm|cinc|cinv|cneg|lsl|lsr|asr|ror|[su]?bfx|[su]bfm|[su]bfiz|bfi|bfxil|bfc|[su]xt[bhw]|extr|madd|msub|mul|mneg"
        r"|[su]mulh|[su]m?ull|[su]maddl|[su]msubl|[su]mnegl|[su]div|clz|cls|rbit|rev(?:16|32)?|adrp?|nop|hint|bti|paciasp"
        r"|autiasp|b|b\..*|br|ret|cbn?z|tbn?z|isb|dsb|dmb|yield)s?$"),
}
OPERAND_IN_MEMORY = {"EM_X86_64": re.compile(r"\(|%(?:cr|dr|[c-gs]s\b)"), "EM_AARCH64": re.compile(r"\[")}
WITHOUT_ACCESS = re.compile(r"(?:lea|nop)[wlq]?$")
PADDING = re.compile(r"int3|udf|<unknown>")  # after a function, where no code has a line
CALLS = {"EM_X86_64": re.compile(r"call"), "EM_AARCH64": re.compile(r"blr?$")}


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


def read_instructions(path, machine):
    """[(address, may fault or call, is a call)] of .text, ascending."""
    dump = subprocess.run(["llvm-objdump", "-d", "--no-show-raw-insn", "-j", ".text", path],
                          check=True, capture_output=True, text=True).stdout
    memory = OPERAND_IN_MEMORY[machine]

    @functools.cache
    def kind(operation):
        """(silent without an operand in memory, silent with one, a call)"""
        padding, silent = PADDING.match(operation), SILENT[machine].match(operation)
        return (bool(padding or silent), bool(padding or silent and WITHOUT_ACCESS.match(operation)),
                bool(CALLS[machine].match(operation)))

    found = []
    for address, operation, operands in re.findall(r"^([0-9a-f]+): +\t?(\S+)(.*)$", dump, re.M):
        quiet, quiet_with_memory, is_call = kind(operation)
        quiet = quiet_with_memory or quiet and not memory.search(operands)
        found.append((int(address, 16), not quiet, is_call))
    return found


def named_places(instructions, rows, starts, end):
    """[(first, last, file, line)]: from an address in [first, last] on, code has this file and line, ascending.

    Only the instructions that the kernel may have to name count, and the first one of each function. The lines of all
    others are free, which leaves a choice of addresses.
    """
    addresses, found = [row[0] for row in rows], []
    shown, free, at_start, at_mark = None, starts[0], set(starts), set(starts[::MARK_EVERY])
    for (address, may_fault, is_call), (after, *_) in zip(instructions, itertools.chain(instructions[1:], [(end,)])):
        if not may_fault and address not in at_start:
            continue
        index = bisect.bisect_right(addresses, address) - 1
        _, file, line = rows[index] if index >= 0 else (0, None, 0)
        if (file, line) != shown or address in at_mark:
            found.append((free, address, file, line))
            shown = (file, line)
        free = after if is_call else address + 1  # a return address less one is the call's last byte
    return found


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


def cheapest(costs):
    """The function that finds the cheapest number of units in a range, and the largest of those."""
    @functools.cache
    def find(first, last):
        return min(range(first, last + 1),
                   key=lambda units: (costs.get(min(units, UNITS_WIDE), UNKNOWN), -units))
    return find


class Rows:
    """The rows of functions as (alphabet, symbol) and (None, value, bits); kernel/base/symbols.c reads them."""

    def __init__(self, unit):
        self.unit = unit
        self.files = {}  # name: number

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

    def group(self, start, places, choose):
        """The rows of a group of functions that starts here; choose() is cheapest()'s function for UNITS."""
        words, left, at, place = [], [], start, (None, 0)
        for first, last, file, line in places:
            units = choose(-(-(max(first, at) - at) // self.unit), (last - at) // self.unit)
            at += units * self.unit
            words += [(UNITS, units)] if units < UNITS_WIDE else [(UNITS, UNITS_WIDE), *self.number(units)]
            now = (place[0] if file is None else file, line)
            words += self.step(place, now, left)
            place = now
        return words

    def encode(self, groups):
        """(bytes of all rows, [bits of each group], three codes); groups: [(start, its named places)]"""
        codes = [Code([0] * size) for size in ALPHABETS]
        for _ in range(ROUNDS):
            # With the costs of the last round's words, the choice of addresses makes cheap words more frequent.
            choose = cheapest({symbol: len(word) for symbol, word in codes[UNITS].words.items()})
            found = [self.group(start, places, choose) for start, places in groups]
            counts = [[0] * size for size in ALPHABETS]
            for alphabet, symbol, *_ in itertools.chain(*found):
                if alphabet is not None:
                    counts[alphabet][symbol] += 1
            codes = [Code(count) for count in counts]
        bits = ["".join(codes[word[0]].words[word[1]] if word[0] is not None else f"{word[1]:0{word[2]}b}"
                        for word in words) for words in found]
        return packed("".join(bits)), [len(text) for text in bits], codes


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


def packed(bits):
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def words(values):
    lines = [values[i:i + 12] for i in range(0, len(values), 12)]
    return "".join("    .long " + ",".join(map(str, line)) + "\n" for line in lines)


def octets(data):
    lines = [data[i:i + 32] for i in range(0, len(data), 32)]
    return "".join("    .byte " + ",".join(map(str, line)) + "\n" for line in lines)


def name_bits(codes):
    return packed("".join(f"{code:0{NAME_BITS}b}" for code in codes))


def read_kernel(elf):
    """(text start, text end, functions, [(group's start, its named places)], unit)"""
    base, end, functions = read_functions(elf)
    starts = [address for address, _ in functions]
    rows = read_lines(elf.stream.name, base, end)
    places = named_places(read_instructions(elf.stream.name, elf["e_machine"]), rows, starts, end)
    last, groups = [place[1] for place in places], []
    for first in range(0, len(starts), MARK_EVERY):
        stop = starts[first + MARK_EVERY] if first + MARK_EVERY < len(starts) else end
        group = places[bisect.bisect_left(last, starts[first]):bisect.bisect_left(last, stop)]
        groups.append((starts[first], group))
    return base, end, functions, groups, 4 if elf["e_machine"] == "EM_AARCH64" else 1


def table(elf):
    """The assembly text; elf None gives the empty table."""
    base, end, functions, groups, unit = read_kernel(elf) if elf is not None else (0, 0, [], [], 1)
    encoder = Rows(unit)
    line_bytes, line_bits, codes = encoder.encode(groups)
    if len(encoder.files) >= 1 << FILE_BITS:
        sys.exit(f"symbols: {len(encoder.files)} files: FILE_BITS is too small")
    pairs, names, final = grammar.compress([name for _, name in functions] + list(encoder.files), 1 << NAME_BITS,
                                           NAME_DEPTH)
    name_at = list(itertools.accumulate(map(len, names), initial=0))
    line_at = list(itertools.accumulate(line_bits, initial=0))

    sizes, marks = bytearray(), []
    bounds = [address for address, _ in functions] + [end]
    for index, (address, after) in enumerate(zip(bounds, bounds[1:])):
        if index % MARK_EVERY == 0:
            marks += [address - base, len(sizes), name_at[index], line_at[index // MARK_EVERY]]
        sizes += varint((after - address) // unit)
    marks += [end - base, len(sizes), name_at[len(functions)], line_at[-1]]
    name_bytes, pair_bytes = name_bits(itertools.chain(*names)), name_bits(itertools.chain(*pairs))
    name = identity(elf, words(marks).encode(), sizes, line_bytes, *(code.table for code in codes), name_bytes,
                    pair_bytes)

    return f"""# Made by scripts/lib/symbols.py from the kernel's first link.
    .section .rodata.kernel_symbols, "a"
    .balign 8
    .globl kernel_symbols
    .type kernel_symbols, %object
kernel_symbols:
    .quad {"__text_start" if elf is not None else 0}
    .long {len(functions)}, {unit}, {len(encoder.files)}, {name_at[-1]}, {final}, 0
    .quad .Lmarks, .Lsizes, .Lnames, .Lpairs, .Lline_bits, .Lcode_0, .Lcode_1, .Lcode_2
    .size kernel_symbols, . - kernel_symbols
    .globl kernel_identity
    .type kernel_identity, %object
    .size kernel_identity, 16
kernel_identity:
{octets(name)}    .balign 4
.Lmarks:
{words(marks)}.Lsizes:
{octets(sizes)}.Lline_bits:
{octets(line_bytes)}.Lcode_0:
{octets(codes[0].table)}.Lcode_1:
{octets(codes[1].table)}.Lcode_2:
{octets(codes[2].table)}.Lnames:
{octets(name_bytes)}.Lpairs:
{octets(pair_bytes)}    .section .note.GNU-stack, "", %progbits
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
