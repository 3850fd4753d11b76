# SPDX-License-Identifier: MIT
"""The branches and addresses in the code of each machine, for redirect.py: how to find them and how to encode them.

capstone decodes the instructions. count() finds calls a second time, from their bytes alone, so that neither way of
reading the code is trusted by itself.
"""
import bisect
import re
import struct
from dataclasses import dataclass

WORD = (1 << 64) - 1
ADRP_DISTANCE = 16  # an add is changed only if its adrp is among so many instructions before it


@dataclass
class Branch:
    """One direct branch, and the position and encoding of its target."""

    address: int    # of the instruction
    size: int
    target: int
    is_call: bool
    field: int      # address of the displacement's bytes
    width: int      # their number
    base: int       # address from which the displacement counts
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
        return (int.from_bytes(old, "little") & ~mask | words << self.shift & mask).to_bytes(4, "little")


@dataclass
class Load:
    """Code that computes the address of a function. change(new) returns [(address, bytes)], or None."""

    target: int
    address: int
    size: int
    change: object


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def places(data, word):
    """Every position at which the bytes occur."""
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


def refuse(_new):
    """The change of code that cannot be changed safely."""
    return None


def engine(architecture, mode):
    """A disassembler that steps over bytes which are no instruction, under the mnemonic .byte."""
    import capstone
    made = capstone.Cs(getattr(capstone, architecture), getattr(capstone, mode))
    made.skipdata = True
    return made


class X86:
    name, step = "x86_64", 1
    BRANCH = re.compile(r"(?:\w+ )?(?:call|j[a-z]+|loop[a-z]*)$")
    RIP = re.compile(r"\[[er]ip(?: ([+-]) (\w+))?\]")
    NUMBER = re.compile(r"(-?) ?\b(0x[0-9a-f]+|\d+)\b")
    CANDIDATE = re.compile(rb"(?=[\xe8\xe9]|\x0f[\x80-\x8f])")
    FILL, NOP = re.compile(r"nop|int3|hlt"), re.compile(r"(?:\w+ )?nop|xchg ax, ax")
    ENDS = re.compile(r"(?:\w+ )?(?:ret[fq]?|jmp|int3|ud2|hlt|iretq) ")
    TRAPS = (b"\xcc",)                                  # zeros may be a constant
    CALL = re.compile(r"(?:\w+ )?call ")
    RELATIVE, SYMBOLIC = 8, (1, 6, 7)                   # relocations of a dynamic linker
    CALLS = {2: 4, 4: 4}                                # R_X86_64_PC32, PLT32: the branches' relocations, bytes
    PC_RELATIVE = {2, 4, 9, 24, 41, 42}                 # these count from the field
    ANY = {1, 2, 4, 9, 10, 11, 24, 41, 42}              # relocations that name a function

    def __init__(self):
        self.engine = engine("CS_ARCH_X86", "CS_MODE_64")

    def branch(self, address, code, mnemonic, operands):
        """The direct branch at this instruction, or None."""
        if mnemonic[0] not in "bcjln" or not self.BRANCH.match(mnemonic) or not operands[:1].isdigit():
            return None
        target, end = int(operands, 0), address + len(code)
        for width in (4, 1):
            if len(code) > width and end + int.from_bytes(code[-width:], "little", signed=True) & WORD == target:
                return Branch(address, len(code), target, "call" in mnemonic, end - width, width, end)
        return None

    def count(self, start, data, wanted):
        """(address, target) where the bytes of a rel32 branch to one of `wanted` occur, instruction or not."""
        for match in self.CANDIDATE.finditer(data):
            at = match.start()
            end = at + (6 if data[at] == 0x0F else 5)
            target = start + end + int.from_bytes(data[end - 4:end], "little", signed=True) & WORD
            if target in wanted and end <= len(data):
                yield start + at, target

    def loads(self, instructions, data, start, wanted, is_fixed):
        """The instructions that load or compare with one of the addresses `wanted`, or have it in an operand."""
        for address, size, mnemonic, operands in instructions:
            relative = self.RIP.search(operands) if "ip" in operands else None
            if relative:
                distance = self._distance(relative)
                old = address + size + distance & WORD
                if old in wanted:
                    code = data[address - start:address - start + size]  # `data` starts at `start`
                    yield Load(old, address, size, self._changer(address, code, struct.pack("<i", distance), distance - old))
        if is_fixed:
            yield from self._absolute(instructions, data, start, wanted)

    @staticmethod
    def _distance(relative):
        sign, digits = relative.groups("0")
        return -int(digits, 0) if sign == "-" else int(digits, 0)

    def _absolute(self, instructions, data, start, wanted):
        """Immediate values and displacements of memory operands. The bytes are searched, and not the operands' text: an
        address may be anywhere in it, and is spelled in several ways."""
        starts, found = [address for address, *_ in instructions], set()
        for old in wanted:
            for place in places(data, struct.pack("<Q", old)[:4]):
                near = bisect.bisect_right(starts, start + place) - 1
                if near < 0 or (near, old) in found:
                    continue
                address, size, mnemonic, operands = instructions[near]
                code = data[address - start:address - start + size]
                field = struct.pack("<Q", old)[:8 if mnemonic == "movabs" else 4]
                relative = self.RIP.search(operands)  # its displacement is no address
                others = code.count(field) - (relative is not None and struct.pack("<i", self._distance(relative)) == field)
                is_short = -(1 << 31) <= signed(old, 64) < 1 << 32
                if others > 0 and (is_short or len(field) == 8) and not self.branch(address, code, mnemonic, operands):
                    found.add((near, old))
                    is_operand = any((int(digits, 0) * (-1 if sign else 1) - old) & 0xFFFFFFFF == 0
                                     for sign, digits in self.NUMBER.findall(operands))
                    yield Load(old, address, size, self._changer(address, code, field, 0, old) if is_operand else refuse)

    @staticmethod
    def _changer(address, code, field, bias, old=None):
        """old: the field holds this address itself, and a short one is extended as before."""
        def change(new):
            if code.count(field) != 1:
                return None  # two places could be the field
            value = new + bias
            if len(field) == 4:
                if old is not None and (old ^ new) >> 31:
                    return None  # the other half of the addresses
                value = value if old is None else signed(value & 0xFFFFFFFF, 32)
                if not -(1 << 31) <= value < 1 << 31:
                    return None
            at = code.index(field)
            return [(address + at, (value & ((1 << 8 * len(field)) - 1)).to_bytes(len(field), "little"))]
        return change

    def veneer(self, at, target, is_fixed):
        """Code at `at` that jumps to the target and changes no register, or None: jmp *(%rip), and the address."""
        return b"\xff\x25\0\0\0\0" + struct.pack("<Q", target & WORD) if is_fixed else None


class Arm:
    name, step = "aarch64", 4
    FORMS = (  # mask, value, lowest bit and width of the displacement, whether it is a call
        (0xFC000000, 0x94000000, 0, 26, True),    # bl
        (0xFC000000, 0x14000000, 0, 26, False),   # b
        (0xFF000000, 0x54000000, 5, 19, False),   # b.cond, and bc.cond of later machines
        (0x7E000000, 0x34000000, 5, 19, False),   # cbz, cbnz
        (0x7E000000, 0x36000000, 5, 14, False),   # tbz, tbnz
    )
    BRANCH = re.compile(r"bl?$|b\.\w+$|cbn?z$|tbn?z$")
    STEPS = frozenset(("adr", "adrp", "add", "adds", "mov", "movz", "movk", "movn", "orr"))
    ADR, ADRP = (0x9F000000, 0x10000000), 0x90000000    # mask, value
    ADD = (0x5F800000, 0x11000000)                      # of an immediate value, to 64 or 32 bits
    COPY = (0x7FE0FFE0, 0x2A0003E0)                     # mov between registers
    ORR = (0x7F8003E0, 0x320003E0)                      # of a register that is zero, and an immediate value
    MOVE, MOVZ, MOVN, MOVK = 0x7F800000, 0x52800000, 0x12800000, 0x72800000
    LEAVES = re.compile(r"bl?r?[a-d]*z?$|ret|eret|svc|brk")
    READS = re.compile(r"st|cbn?z|tbn?z|cm[pn]|tst|ccm|prfm")
    STACK = re.compile(r"\[(?:sp|x29|fp)\b")             # where a register may have been saved
    FILL, NOP = re.compile(r"nop|brk"), re.compile("nop")
    ENDS = re.compile(r"ret|b |br|eret|udf|\.byte 0x00, 0x00, 0x00, 0x00")  # capstone 4 does not know udf
    TRAPS = (b"\0\0\0\0", b"\0\0\x20\xd4")              # udf #0, brk #0
    CALL = re.compile(r"blr?[a-d]*z? ")
    RELATIVE, SYMBOLIC = 1027, (257, 1025, 1026)
    CALLS = {279: 4, 280: 4, 282: 4, 283: 4}            # R_AARCH64_TSTBR14, CONDBR19, JUMP26, CALL26
    PC_RELATIVE = ()
    ANY = {257, 258, 260, 261, 273, 274, 275, 276, 277, 279, 280, 282, 283, 299, 311, 312, 313, 314}

    def __init__(self):
        self.engine = engine("CS_ARCH_ARM64", "CS_MODE_LITTLE_ENDIAN")

    def decode(self, address, word):
        for mask, value, shift, bits, is_call in self.FORMS:
            if word & mask == value:
                target = address + 4 * signed(word >> shift & ((1 << bits) - 1), bits) & WORD
                return Branch(address, 4, target, is_call, address, 4, address, shift, bits)
        return None

    def branch(self, address, code, mnemonic, operands):
        if mnemonic[0] not in "bct" or not self.BRANCH.match(mnemonic):
            return None
        found = self.decode(address, int.from_bytes(code, "little"))
        return found if found and found.target == int(operands.rpartition("#")[2], 0) else None

    def count(self, start, data, wanted):
        for at in range(0, len(data) - 3, 4):
            if data[at + 3] & 0x1C == 0x14:  # all of FORMS
                branch = self.decode(start + at, int.from_bytes(data[at:at + 4], "little"))
                if branch and branch.target in wanted:
                    yield start + at, branch.target

    def loads(self, instructions, data, start, wanted, is_fixed):
        """The instructions that complete one of the addresses `wanted` in a register."""
        steps = [(i, address, int.from_bytes(data[address - start:address - start + 4], "little"))
                 for i, (address, _, mnemonic, _) in enumerate(instructions) if mnemonic in self.STEPS]
        yield from self._pages(instructions, steps, wanted)
        if is_fixed:
            yield from self._constants(instructions, steps, wanted)

    @staticmethod
    def _page(address, word):
        """What an adr or adrp computes."""
        offset = signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
        return ((address & ~0xFFF) + (offset << 12) if word >> 31 else address + offset) & WORD

    def _pages(self, instructions, steps, wanted):
        """adr, and adrp with add. An add is reported if its register may have the page: a branch may lead from any adrp to
        it, and a page on the stack may be any."""
        words, targets = {index: word for index, _, word in steps}, None
        here = {self._page(address, word) for _, address, word in steps if word & self.ADR[0] == self.ADRP}
        for index, address, word in steps:
            if word & self.ADR[0] == self.ADRP:
                page = self._page(address, word)
                if page in wanted and not self._is_used(instructions[index + 1:index + 1 + ADRP_DISTANCE], word & 31):
                    yield Load(page, address, 4, refuse)
            elif word & self.ADR[0] == self.ADR[1]:
                if self._page(address, word) in wanted:
                    yield Load(self._page(address, word), address, 4, lambda new, a=address, w=word: self._adr(a, w, new))
            elif word & self.ADD[0] == self.ADD[1] and not word >> 22 & 1 and 31 not in (word & 31, word >> 5 & 31):
                for old in wanted:
                    if old & 0xFFF != word >> 10 & 0xFFF:
                        continue
                    targets = self._targets(instructions) if targets is None else targets
                    page = self._source(instructions, words, index, targets)
                    if page and page[0] == old & ~0xFFF:
                        yield Load(old, address, 4, self._completed(instructions, index, word, page, words[page[1]]))
                    elif page is None and old & ~0xFFF in here:
                        yield Load(old, address, 4, refuse)

    def _targets(self, instructions):
        return {int(operands.rpartition("#")[2], 0) for _, _, mnemonic, operands in instructions
                if self.BRANCH.match(mnemonic) and "#" in operands}

    def _source(self, instructions, words, index, targets):
        """The page in the source register of an add: (page, index of the adrp, whether it was copied or added to), False if
        no adrp of the function made it, or None if it may be any."""
        register, more, is_copy = words[index] >> 5 & 31, 0, False
        while instructions[index][0] not in targets:
            index -= 1
            if index < 0:
                return False  # an argument
            address, _, mnemonic, operands = instructions[index]
            if self.LEAVES.match(mnemonic):
                return None  # a function that returns here may keep all registers
            names, word = re.split(r"[, ]+", operands)[:2 if mnemonic.startswith("ld") else 1], words.get(index, 0)
            if self.READS.match(mnemonic) or not {f"x{register}", f"w{register}"} & set(names):
                continue
            if word & self.ADR[0] == self.ADRP:
                return self._page(address, word) + more & WORD, index, is_copy
            if word & self.COPY[0] == self.COPY[1]:
                register, is_copy = word >> 16 & 31, True
            elif word & self.ADD[0] == self.ADD[1] and word >> 22 & 1:  # lsl #12
                register, more, is_copy = word >> 5 & 31, more + ((word >> 10 & 0xFFF) << 12), True
            else:
                return None if self.STACK.search(operands) else False
        return None

    @staticmethod
    def _is_used(instructions, register):
        """One of the instructions adds to the register, or loads or stores at a distance from it."""
        added, base = f", x{register}, #", f"[x{register}, #"
        return any(added in operands if mnemonic == "add" else base in operands for _, _, mnemonic, operands in instructions)

    def _completed(self, instructions, index, word, page, adrp):
        """The change of an add after its adrp. The page must arrive there, and nowhere else if that changes, too."""
        if page[2] or index - page[1] > ADRP_DISTANCE or word >> 29 != 4:
            return refuse
        names = re.compile(rf"\b[wx]{word >> 5 & 31}\b")
        between = instructions[page[1] + 1:index]
        if any(names.search(operands) or self.BRANCH.match(mnemonic) for _, _, mnemonic, operands in between):
            return refuse
        is_next = not between and word & 31 == word >> 5 & 31
        address = instructions[index][0]
        return lambda new: self._adrp(address, word, page[0], adrp if is_next else None, new)

    def _constants(self, instructions, steps, wanted):
        """movz, movn, orr and movk of all four parts of an address. Their order does not matter: branches may be between."""
        halves = {old: {(n, old >> 16 * n & 0xFFFF) for n in range(4)} for old in wanted}
        given, late = {}, {}  # register: the parts that it gets, {part: address of a movk}
        for index, address, word in steps:
            register, number, value = word & 31, word >> 21 & 3, None
            parts = given.setdefault(register, set())
            if word & self.COPY[0] == self.COPY[1]:
                parts |= given.get(word >> 16 & 31, set())
                late.setdefault(register, {}).update(late.get(word >> 16 & 31, {}))
            elif word & self.MOVE == self.MOVK:
                late.setdefault(register, {})[number, word >> 5 & 0xFFFF] = address
            elif word & self.MOVE in (self.MOVZ, self.MOVN):
                value = (word >> 5 & 0xFFFF) << 16 * number
                value = value if word & self.MOVE == self.MOVZ else ~value & (WORD if word >> 31 else 0xFFFFFFFF)
            elif word & self.ORR[0] == self.ORR[1]:
                value = int(instructions[index][3].rpartition("#")[2], 0) & WORD
            if value is not None:
                parts |= {(n, value >> 16 * n & 0xFFFF) for n in range(4)}
                if value in wanted:
                    yield Load(value, address, 4, refuse)
        for register, parts in given.items():
            for old, needed in halves.items():
                found = [late[register][part] for part in needed if part in late.get(register, ())]
                if found and needed <= parts | late[register].keys():
                    yield Load(old, max(found), 4, refuse)

    @staticmethod
    def _offset(word, offset):
        """An adr or adrp with this offset."""
        bits = (offset & 3) << 29 | (offset >> 2 & 0x7FFFF) << 5
        return struct.pack("<I", word & ~(3 << 29 | 0x7FFFF << 5) | bits) if -(1 << 20) <= offset < 1 << 20 else None

    def _adr(self, address, word, new):
        code = self._offset(word, new - address)
        return code and [(address, code)]

    def _adrp(self, address, word, page, adrp, new):
        """Change an add, and the adrp right before it; adrp None: other instructions may use its page, too."""
        low = (address, struct.pack("<I", word & ~(0xFFF << 10) | (new & 0xFFF) << 10))
        if page == new & ~0xFFF:
            return [low]
        first = address - 4
        high = adrp and self._offset(adrp, (new >> 12) - (first >> 12))
        return high and [(first, high), low]

    def veneer(self, at, target, is_fixed):
        """Code at `at` that jumps to the target, or None. It changes at most x16, which the ABI reserves for linkers."""
        jump = self.decode(at, 0x14000000).encode(struct.pack("<I", 0x14000000), target)
        if jump:
            return jump
        pages = (target >> 12) - (at >> 12)
        if -(1 << 20) <= pages < 1 << 20:
            return self._offset(0x90000010, pages) + struct.pack("<II", 0x91000210 | (target & 0xFFF) << 10, 0xD61F0200)
        return struct.pack("<IIQ", 0x58000050, 0xD61F0200, target & WORD) if is_fixed else None  # ldr x16, [pc, 8]; br x16


MACHINES = {"EM_X86_64": X86, "EM_AARCH64": Arm}
