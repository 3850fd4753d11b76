# SPDX-License-Identifier: MIT
"""Write and check the table of the places in the kernel's image that hold an address of the image (boot/slide.h).

    slide.py ELF -o TABLE.S               from a link that keeps its relocations (--emit-relocs)
    slide.py --empty -o TABLE.S           a table without places
    slide.py --check KERNEL MOVED         KERNEL with its own table applied equals MOVED, byte for byte

MOVED is the same kernel linked to another address. A place that the table misses, or lists wrongly, is a wild pointer
in each boot, so every build compares the two; this check does not use relocations.
"""
import argparse
import struct
import sys

from elftools.elf.elffile import ELFFile

KERNEL_HALF = 1 << 63
WORD = (1 << 64) - 1
SYMBOL = struct.Struct("<IBBHQQ")
RELOCATION = struct.Struct("<QQq")
SHF_ALLOC = 2

# Relocation types that write an address, and its size in bytes: those of both machines' ABIs that can be moved. All
# others that the linker resolves must be relative to their own place, or use only low bits of an address, which a slide
# does not change.
X86_64, X86_32, X86_32S, X86_16, X86_PC32, X86_PLT32 = 1, 10, 11, 12, 2, 4
ARM_ABS64, ARM_ABS32, ARM_ABS16 = 257, 258, 259
ARM_RELATIVE = {261, 273, 274, 275, 276, 279, 280, 282, 283}     # PREL32, LD_PREL_LO19, ADR_*, TSTBR14, CONDBR19, JUMP26, CALL26
ARM_LOW_BITS = {277, 278, 284, 285, 286, 299}                    # ADD_ABS_LO12_NC, LDST*_ABS_LO12_NC
MACHINES = {
    "EM_X86_64": {"moved": {X86_64: 8, X86_32S: 4}, "fixed": {X86_32}, "harmless": {X86_PC32, X86_PLT32},
                  "bytes": 4, "aligned": 1},
    "EM_AARCH64": {"moved": {ARM_ABS64: 8}, "fixed": {ARM_ABS32, ARM_ABS16},
                   "harmless": ARM_RELATIVE | ARM_LOW_BITS, "bytes": 8, "aligned": 8},
}
# An interrupt gate: bytes 6 and 7 are bits 16 to 31 of the handler's address. A slide is a multiple of 64 KiB, so
# adding it to the four bytes from 4 on adds it to these.
GATE_SYMBOL = "gate_text_middle"


class Image:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as stream:
            elf = ELFFile(stream)
            self.kind = MACHINES.get(elf["e_machine"])
            if self.kind is None:
                sys.exit(f"slide: {path}: machine {elf['e_machine']} is neither x86_64 nor aarch64")
            self.sections = list(elf.iter_sections())
            self.loads = [(s["p_vaddr"], s["p_memsz"], bytearray(s.data()))
                          for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_memsz"]]
            table = elf.get_section_by_name(".symtab")
            self.symbols = table.data()
            names = elf.get_section(table["sh_link"]).data()
            self.name = lambda at: names[at:names.index(b"\0", at)].decode()
            self.relocations = [(self.sections[s["sh_info"]], s.data()) for s in self.sections
                                if s["sh_type"] == "SHT_RELA" and self.sections[s["sh_info"]]["sh_flags"] & SHF_ALLOC]
            self.values = {self.name(n): value for n, _, _, _, value, _ in SYMBOL.iter_unpack(self.symbols)}
            self.base = self.symbol("__image_base")
            self.end = self.symbol("__image_end")

    def symbol(self, name):
        if name not in self.values:
            sys.exit(f"slide: {self.path}: no symbol {name}")
        return self.values[name]

    def offset(self, address):
        """As in the table: relative to the base; code that runs before paging is there at its physical address."""
        return address - self.base if address >= KERNEL_HALF else address

    def address(self, offset):
        """The link address of the byte at this offset."""
        for start, size, data in self.loads:
            for address in (offset, self.base + offset & WORD):
                if start <= address < start + size:
                    return start, address - start, data
        sys.exit(f"slide: {self.path}: offset {offset:#x} of the table is outside the image")

    def places(self):
        """Offsets of all places, ascending."""
        found = set()
        for section, data in self.relocations:
            for at, info, addend in RELOCATION.iter_unpack(data):
                kind, index = info & 0xFFFFFFFF, info >> 32
                name, _, _, _, value, _ = SYMBOL.unpack_from(self.symbols, index * SYMBOL.size)
                place = self._place(section, at, kind, value, name)
                if place is not None:
                    found.add(place)
        return sorted(found)

    def _place(self, section, at, kind, value, name):
        refers = self.base <= value <= self.end  # to the image itself, or its end
        if kind in self.kind["harmless"]:
            if refers and at < KERNEL_HALF:
                sys.exit(f"slide: {self.path}: {section.name} at {at:#x} reaches {self.name(name) or '?'} relative to "
                         "itself, which a slide changes: does 32-bit code call the kernel?")
            return None
        if kind == X86_16 and self.name(name) == GATE_SYMBOL:
            return self.offset(at - 2)
        if kind in self.kind["moved"]:
            return self.offset(at) if refers else None
        if kind in self.kind["fixed"]:
            if not refers:
                return None
            sys.exit(f"slide: {self.path}: {section.name} at {at:#x} holds an address of the image, of "
                     f"{self.name(name) or '?'}, in too few bytes to be moved")
        sys.exit(f"slide: {self.path}: {section.name} at {at:#x}: relocation type {kind} is not known here")


def encode(offsets):
    out, before = bytearray(), 0
    for offset in offsets:
        distance = offset - before
        if distance <= 0 or distance >> 32:
            sys.exit(f"slide: place {offset:#x} after {before:#x}")
        out += bytes([distance]) if distance < 256 else b"\0" + distance.to_bytes(4, "little")
        before = offset
    return bytes(out) + bytes(5)


def decode(table):
    at = offset = 0
    while True:
        distance, at = table[at], at + 1
        if distance == 0:
            distance, at = int.from_bytes(table[at:at + 4], "little"), at + 4
            if distance == 0:
                return
        offset += distance
        yield offset


def assembly(table):
    lines = [table[i:i + 32] for i in range(0, len(table), 32)]
    octets = "".join("    .byte " + ",".join(map(str, line)) + "\n" for line in lines)
    return f"""# Made by scripts/lib/slide.py: boot/slide.h.
    .section .slide_table, "a"
    .globl slide_table
    .type slide_table, %object
    .size slide_table, {len(table)}
slide_table:
{octets}    .section .note.GNU-stack, "", %progbits
"""


def make(path):
    image = Image(path)
    offsets = image.places()
    crooked = [offset for offset in offsets if offset % image.kind["aligned"]]
    if crooked:
        sys.exit(f"slide: {path}: {len(crooked)} places are not aligned, the first at {crooked[0]:#x}")
    if not offsets:
        sys.exit(f"slide: {path}: no relocations: it was not linked with --emit-relocs")
    return assembly(encode(offsets))


def slid(image, slide):
    """The segments of the image after its own table was applied."""
    start, at, data = image.address(image.offset(image.symbol("slide_table")))
    size = image.kind["bytes"]
    for offset in decode(data[at:]):
        start, at, data = image.address(offset)
        value = int.from_bytes(data[at:at + size], "little") + slide & (1 << 8 * size) - 1
        data[at:at + size] = value.to_bytes(size, "little")
    return [(start + slide & WORD if start >= KERNEL_HALF else start, size, data) for start, size, data in image.loads]


def differences(path, moved_path):
    """Sentences about the differences between the kernel, moved by its table, and the one that is linked there."""
    image, moved = Image(path), Image(moved_path)
    slide = moved.base - image.base & WORD
    if slide == 0:
        yield f"{moved_path} is linked to the same address as {path}"
    ours = slid(image, slide)
    if [load[:2] for load in ours] != [load[:2] for load in moved.loads]:
        yield "the segments have other addresses or sizes"
        return
    for (start, _, mine), (_, _, other) in zip(ours, moved.loads):
        if mine == other:
            continue
        at = next(i for i, (a, b) in enumerate(zip(mine, other)) if a != b)
        linked = start + at if start < KERNEL_HALF else start - slide + at & WORD
        yield (f"{path}: the byte at {linked:#x} is {other[at]:#04x} in a kernel that is linked {slide:#x} "
               f"further, and its slide table makes it {mine[at]:#04x}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elf", nargs="?")
    parser.add_argument("-o", dest="output")
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--check", nargs=2, metavar=("KERNEL", "MOVED"))
    args = parser.parse_args()
    if args.check:
        wrong = list(differences(*args.check))
        for sentence in wrong:
            print(f"slide: {sentence}", file=sys.stderr)
        return int(bool(wrong))
    if not args.output or (args.elf is None) != args.empty:
        parser.error("give ELF or --empty, and -o; or --check")
    text = assembly(encode([])) if args.empty else make(args.elf)
    with open(args.output, "w") as out:
        out.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
