# SPDX-License-Identifier: MIT
"""Redirect every direct call of one function to another, in a linked ELF of either machine.

    scripts/redirect [--direct-only] ELF OLD=NEW...

For functions of a compiler's runtime that must be replaced by our own. It is all or nothing: each pair's calls are
found by decoding the code and counted a second time without decoding. They are patched only if both counts agree, every
target is in reach, and nothing else leads to OLD: a pointer to it, a load of its address, a call from NEW itself.
--direct-only ignores such references instead of refusing. Otherwise the file stays unchanged and the status is 1.

A branch from inside OLD to its own start is a loop, not a call, unless it is a call instruction. The caller must make
sure that NEW treats registers as OLD's callers expect: tests/tools/test_redirect.py shows how to check such a contract.
"""
import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import packages
from tree import Failure

LINE = re.compile(r"^ *([0-9a-f]+): ((?:[0-9a-f]{2} )+) *\t(\S+)(?:[ \t]+(.*))?$")
ADRP_DISTANCE = 16  # number of instructions in which an add may complete an adrp


@dataclass
class Branch:
    """One branch instruction, and the position and encoding of its target."""

    address: int   # of the instruction
    target: int
    is_call: bool
    field: int     # address of the displacement's bytes
    width: int     # their number
    base: int      # address from which the displacement counts
    shift: int = 0  # aarch64: lowest bit of the displacement in the word
    bits: int = 0   # aarch64: its width; it counts words

    def encode(self, old, target):
        """The field's new bytes, or None if the target is out of reach."""
        distance = target - self.base
        if self.bits == 0:
            limit = 1 << (8 * self.width - 1)
            return distance.to_bytes(self.width, "little", signed=True) if -limit <= distance < limit else None
        words, limit = distance >> 2, 1 << (self.bits - 1)
        if distance & 3 or not -limit <= words < limit:
            return None
        mask = ((1 << self.bits) - 1) << self.shift
        word = int.from_bytes(old, "little") & ~mask | words << self.shift & mask
        return word.to_bytes(4, "little")


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


# ---- x86_64 --------------------------------------------------------------------------------------


class X86:
    def branch(self, address, code, mnemonic, operand):
        """The direct branch at this instruction, or None."""
        match = re.match(r"(?:0x)?([0-9a-f]+)(?: <|$)", operand or "")
        if not match or not re.match(r"(call|j|loop)", mnemonic):
            return None
        target, end = int(match[1], 16), address + len(code)
        for width in (4, 1):
            if len(code) > width and end + int.from_bytes(code[-width:], "little", signed=True) == target:
                return Branch(address, target, mnemonic.startswith("call"), end - width, width, end)
        return None

    def count(self, start, data, old):
        """Addresses where the bytes of a rel32 branch to `old` occur, whether or not they are an instruction."""
        for at in range(len(data) - 4):
            if data[at] in (0xE8, 0xE9):
                opcode = 1
            elif data[at] == 0x0F and data[at + 1] & 0xF0 == 0x80:
                opcode = 2
            else:
                continue
            end = at + opcode + 4
            if end <= len(data) and start + end + int.from_bytes(data[end - 4:end], "little", signed=True) == old:
                yield start + at

    def address_loads(self, instructions, old):
        low = (old & 0xFFFFFFFF).to_bytes(4, "little")
        fits = old < 1 << 32 or old >= (1 << 64) - (1 << 31)
        for address, code, mnemonic, operand in instructions:
            if self.branch(address, code, mnemonic, operand):
                continue
            relative = re.search(r"#.*?(?:0x)?([0-9a-f]+) <", operand or "")
            if relative and int(relative[1], 16) == old:
                yield address
            elif fits and len(code) > 4 and code[-4:] == low and "$" in (operand or ""):
                yield address
            elif mnemonic.startswith("movabs") and code[-8:] == old.to_bytes(8, "little"):
                yield address


# ---- aarch64 -------------------------------------------------------------------------------------


class Arm:
    FORMS = (  # mask, value, lowest bit and width of the displacement, whether it is a call
        (0xFC000000, 0x94000000, 0, 26, True),    # bl
        (0xFC000000, 0x14000000, 0, 26, False),   # b
        (0xFF000010, 0x54000000, 5, 19, False),   # b.cond
        (0x7E000000, 0x34000000, 5, 19, False),   # cbz, cbnz
        (0x7E000000, 0x36000000, 5, 14, False),   # tbz, tbnz
    )

    def decode(self, address, word):
        for mask, value, shift, bits, is_call in self.FORMS:
            if word & mask == value:
                target = address + 4 * signed(word >> shift & ((1 << bits) - 1), bits)
                return Branch(address, target, is_call, address, 4, address, shift, bits)
        return None

    def branch(self, address, code, mnemonic, operand):
        if len(code) != 4 or mnemonic.startswith("."):
            return None  # data among the code
        return self.decode(address, int.from_bytes(code, "little"))

    def count(self, start, data, old):
        for at in range(0, len(data) - 3, 4):
            branch = self.decode(start + at, struct.unpack_from("<I", data, at)[0])
            if branch and branch.target == old:
                yield start + at

    def address_loads(self, instructions, old):
        pages = {}  # register: (page, index of the adrp)
        for index, (address, code, mnemonic, _) in enumerate(instructions):
            if len(code) != 4 or mnemonic.startswith("."):
                continue
            word = int.from_bytes(code, "little")
            register = word & 31
            if word & 0x1F000000 == 0x10000000:  # adr, adrp
                offset = signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
                if word >> 31:
                    pages[register] = ((address & ~0xFFF) + (offset << 12), index)
                elif address + offset == old:
                    yield address
            elif word & 0xFFC00000 == 0x91000000:  # add Xd, Xn, #imm12
                page, since = pages.get(word >> 5 & 31, (None, 0))
                if page is not None and index - since <= ADRP_DISTANCE and page + (word >> 10 & 0xFFF) == old:
                    yield address


# ---- both ----------------------------------------------------------------------------------------


class Program:
    """A linked ELF, its code decoded once."""

    def __init__(self, path):
        from elftools.common.exceptions import ELFError  # main() has made sure that it is installed
        self.path = path
        with open(path, "rb") as stream:
            self.bytes = bytearray(stream.read())
        try:
            self._read()
        except (ELFError, subprocess.CalledProcessError) as error:
            raise Failure(f"{path}: not an ELF file that can be read: {error}") from error
        self.branches = [b for b in (self.machine.branch(*i) for i in self.instructions) if b]

    def _read(self):
        from elftools.elf.elffile import ELFFile
        path = self.path
        with open(path, "rb") as stream:
            elf = ELFFile(stream)
            if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
                raise Failure(f"{path}: not linked: its calls have no targets yet")
            machines = {"EM_X86_64": X86, "EM_AARCH64": Arm}
            if elf["e_machine"] not in machines:
                raise Failure(f"{path}: {elf['e_machine']} is neither x86_64 nor aarch64")
            self.machine = machines[elf["e_machine"]]()
            loaded = [s for s in elf.iter_sections() if s["sh_flags"] & 2 and s["sh_type"] != "SHT_NOBITS"]
            self.code = [(s["sh_addr"], s["sh_offset"], s["sh_size"]) for s in loaded if s["sh_flags"] & 4]
            self.data = [(s.name, s["sh_offset"], s["sh_size"]) for s in loaded]
            table = elf.get_section_by_name(".symtab")
            if table is None:
                raise Failure(f"{path}: no symbol table")
            self.symbols = {}
            for s in table.iter_symbols():
                if s["st_shndx"] not in ("SHN_UNDEF", "SHN_ABS") and s["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE"):
                    self.symbols.setdefault(s.name, set()).add((s["st_value"], s["st_size"]))
        self.instructions = list(self._disassemble())

    def _disassemble(self):
        text = subprocess.run(["llvm-objdump", "-d", "--print-imm-hex", str(self.path)], check=True,
                              capture_output=True, text=True).stdout
        for line in text.splitlines():
            if match := LINE.match(line):
                yield int(match[1], 16), bytes.fromhex(match[2]), match[3], match[4]

    def function(self, name):
        found = self.symbols.get(name, set())
        if not found:
            raise Failure(f"{self.path}: no function {name}")
        if len(found) > 1:
            raise Failure(f"{self.path}: {len(found)} functions are called {name}")
        return next(iter(found))

    def offset(self, address):
        for start, offset, size in self.code:
            if start <= address < start + size:
                return offset + address - start
        raise Failure(f"{self.path}: {address:#x} is not in a code section")

    def pointers(self, old):
        """Addresses where eight bytes hold the address of `old`: tables of pointers, packed ones too, literal pools."""
        wanted = old.to_bytes(8, "little")
        for name, offset, size in self.data:
            at = self.bytes.find(wanted, offset, offset + size)
            while at >= 0:
                yield f"{name}+{at - offset:#x}"
                at = self.bytes.find(wanted, at + 1, offset + size)


def inside(address, function):
    start, size = function
    return start <= address < start + size


def plan(program, old_name, new_name, direct_only):
    """[(file offset, bytes)] that redirect one pair. Failure explains why that is not possible."""
    pair = f"{old_name} -> {new_name}"
    old, new = program.function(old_name), program.function(new_name)

    def loops(branch_address):
        return inside(branch_address, old)

    found = [b for b in program.branches if b.target == old[0] and (b.is_call or not loops(b.address))]
    if not found:
        raise Failure(f"{pair}: found 0 direct calls")
    # Count again, without decoding: bytes that look like a call of OLD but were not decoded as one show that the
    # decoder lost synchronization, and calls that it missed would stay unredirected.
    decoded = {b.address for b in program.branches}
    for start, offset, size in program.code:
        for address in program.machine.count(start, program.bytes[offset:offset + size], old[0]):
            if address not in decoded and address + 1 not in decoded and not any(
                    b.address <= address < b.field + b.width for b in found):
                raise Failure(f"{pair}: at {address:#x} stands what looks like a call of {old_name}, undecoded")
    if any(inside(b.address, new) for b in found):
        raise Failure(f"{pair}: {new_name} itself calls {old_name}: it would call itself forever")
    if not direct_only:
        others = [f"{address:#x}" for address in program.machine.address_loads(program.instructions, old[0])]
        others += program.pointers(old[0])
        if others:
            raise Failure(f"{pair}: found {len(found)} direct calls, and {len(others)} other references "
                          f"that would still reach {old_name}: {', '.join(others[:8])}")
    edits = []
    for branch in found:
        offset = program.offset(branch.field)
        code = branch.encode(program.bytes[offset:offset + branch.width], new[0])
        if code is None:
            raise Failure(f"{pair}: {new_name} is out of reach of the call at {branch.address:#x}")
        edits.append((offset, code))
    return edits


def redirect(path, pairs, direct_only=False):
    """Redirect all pairs, or none. Returns {(old, new): number of calls}."""
    program = Program(path)
    if len({old for old, _ in pairs}) != len(pairs):
        raise Failure("a function is redirected twice")
    plans = {(old, new): plan(program, old, new, direct_only) for old, new in pairs}
    for edits in plans.values():
        for offset, code in edits:
            program.bytes[offset:offset + len(code)] = code
    # Other processes see the old file or the new one.
    mode = os.stat(path).st_mode
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(os.path.abspath(path)), delete=False) as draft:
        draft.write(program.bytes)
    os.chmod(draft.name, mode)
    os.replace(draft.name, path)
    return {pair: len(edits) for pair, edits in plans.items()}


def main(arguments):
    parser = argparse.ArgumentParser(prog="scripts/redirect", description=__doc__.splitlines()[0])
    parser.add_argument("--direct-only", action="store_true", help="change calls only, not pointers to OLD")
    parser.add_argument("elf", help="the file to change")
    parser.add_argument("pairs", nargs="+", metavar="OLD=NEW", help="functions of the file")
    args = parser.parse_args(arguments)
    try:
        packages.ensure(["llvm", "python3-pyelftools"], say="redirect")
        pairs = [tuple(pair.split("=")) for pair in args.pairs]
        if any(len(pair) != 2 or not all(pair) or pair[0] == pair[1] for pair in pairs):
            raise Failure("each pair is OLD=NEW")
        counts = redirect(args.elf, pairs, args.direct_only)
    except (Failure, OSError) as failure:
        print(f"redirect: {failure}", file=sys.stderr)
        return 1
    for (old, new), count in counts.items():
        print(f"redirect: {old} -> {new}: found {count}, patched {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
