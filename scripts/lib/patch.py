# SPDX-License-Identifier: MIT
"""Check the patches of an extension (kernel/module/livepatch.h) against their kernel.

    patch.py KERNEL.elf NAMED.elf PATCH.ko

PATCH.ko is linked against KERNEL by extension.py; NAMED.elf is KERNEL with its relocations. The debug information says
whether each replacement has the type of its function: the compiler compared it with the declaration that the patch
contains, which may be wrong. The relocations say whether the kernel calls the function at all. If both hold, each
row of the list gets the mark without which the kernel refuses it (kernel/livepatch/livepatch_file.c).
"""
import argparse
import re
import struct
import subprocess
import sys

from elftools.elf.elffile import ELFFile

import extension

ROW = struct.Struct("<QQQQ")  # struct livepatch: name, function, replacement, mark
PATCHES_AT = 24               # in struct extension
SHN_ABS = "SHN_ABS"
MASK = (1 << 64) - 1


class Refused(Exception):
    pass


def attribute(die, name):
    found = die.attributes.get(name)
    return None if found is None else found.value


def name_of(die):
    name = attribute(die, "DW_AT_name")
    return "" if name is None else name.decode()


def target(die):
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def bare(die):
    """Without details that do not matter to a caller: names given to types, and const of a value."""
    while die is not None and die.tag in ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_atomic_type"):
        die = target(die)
    return die


def describe_aggregate(die):
    kind = {"DW_TAG_structure_type": "struct", "DW_TAG_union_type": "union", "DW_TAG_enumeration_type": "enum"}[die.tag]
    return f"{kind} {name_of(die) or attribute(die, 'DW_AT_byte_size')}"


def describe_array(die):
    counts = [attribute(d, "DW_AT_count") for d in die.iter_children() if d.tag == "DW_TAG_subrange_type"]
    return describe(target(die)) + "".join(f"[{'' if n is None else n}]" for n in counts)


def describe(die):
    """A type, as text that is equal for equal types."""
    if die is None:
        return "void"
    if die.tag == "DW_TAG_typedef":
        return describe(target(die))
    if die.tag in ("DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_atomic_type"):
        return f"{die.tag[7:-5]} {describe(target(die))}"
    if die.tag == "DW_TAG_restrict_type":
        return describe(target(die))
    if die.tag == "DW_TAG_pointer_type":
        return describe(target(die)) + " *"
    if die.tag == "DW_TAG_base_type":
        return name_of(die)
    if die.tag == "DW_TAG_array_type":
        return describe_array(die)
    if die.tag == "DW_TAG_subroutine_type":
        return f"({signature(die)})"
    return describe_aggregate(die)


def origin(die):
    """What says the name and type of a function: of one that was inlined, too, another entry."""
    while "DW_AT_abstract_origin" in die.attributes:
        die = die.get_DIE_from_attribute("DW_AT_abstract_origin")
    return die


def signature(die):
    """Of a function: its result, and in brackets its parameters."""
    die = origin(die)
    parameters = [describe(bare(target(d))) for d in die.iter_children() if d.tag == "DW_TAG_formal_parameter"]
    parameters += ["..." for d in die.iter_children() if d.tag == "DW_TAG_unspecified_parameters"]
    return f"{describe(bare(target(die)))} ({', '.join(parameters) or 'void'})"


def kernel_signature(kernel, path, address):
    """Of the function at an address, whose first instruction may be of one that was inlined there."""
    text = subprocess.run(["llvm-dwarfdump", f"--lookup={address:#x}", path], check=True, capture_output=True, text=True).stdout
    at = re.search(r"^0x([0-9a-f]+): +DW_TAG_(?:subprogram|inlined_subroutine|lexical_block)$", text, re.M)
    die = None if at is None else kernel.get_dwarf_info().get_DIE_from_refaddr(int(at[1], 16))
    while die is not None and die.tag != "DW_TAG_subprogram":
        die = die.get_parent()
    return None if die is None else signature(die)


def patch_signature(patch, name):
    for unit in patch.get_dwarf_info().iter_CUs():
        for die in unit.iter_DIEs():
            if die.tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in die.attributes and name_of(origin(die)) == name:
                return signature(die)
    return None


def referred_to(named):
    """Addresses to which the kernel's code and data refer, by a call or otherwise."""
    symbols = [s["st_value"] for s in named.get_section_by_name(".symtab").iter_symbols()]
    found = set()
    for section in named.iter_sections():
        if section["sh_type"] == "SHT_RELA" and not section.name.startswith(".rela.debug"):
            for _, info, addend in struct.iter_unpack("<QQq", section.data()):
                place = symbols[info >> 32] + addend
                found.update((place & MASK, place + 4 & MASK))  # x86-64 counts from the end of the instruction
    return found


class Patch:
    """The rows of the list, found by the relocations that fill it in."""

    def __init__(self, elf):
        self.elf = elf
        self.symbols = list(elf.get_section_by_name(".symtab").iter_symbols())
        root = next((s for s in self.symbols if s.name == "halyard_extension"), None)
        if root is None or not isinstance(root["st_shndx"], int):
            raise Refused("no halyard_extension")
        self.fields = {}
        for section in elf.iter_sections():
            if section["sh_type"] == "SHT_RELA":
                for r in section.iter_relocations():
                    self.fields[section["sh_info"], r["r_offset"]] = (self.symbols[r["r_info_sym"]], r["r_addend"])
        self.list = self.place(root["st_shndx"], root["st_value"] + PATCHES_AT)
        if self.list is None:
            raise Refused("it lists no functions")

    def place(self, section, offset):
        """(section, offset) or (SHN_ABS, address) that a pointer has, or None."""
        found = self.fields.get((section, offset))
        return None if found is None else (found[0]["st_shndx"], found[0]["st_value"] + found[1])

    def text(self, place):
        data = self.elf.get_section(place[0]).data()
        return data[place[1]:data.index(b"\0", place[1])].decode()

    def name_at(self, place):
        return next((s.name for s in self.symbols if s["st_info"]["type"] == "STT_FUNC" and s["st_value"] == place[1]
                     and s["st_shndx"] == place[0]), None)

    def rows(self):
        """(name, function, replacement, offset of the mark in the file) of each."""
        section, at = self.list
        while self.place(section, at) is not None:
            name, function, replacement = (self.place(section, at + 8 * i) for i in range(3))
            yield self.text(name), function, replacement, self.elf.get_section(section)["sh_offset"] + at + ROW.size - 8
            at += ROW.size


def check(row, patch, kernel, path, known):
    name, function, replacement, _ = row
    if function is None or function[0] != SHN_ABS:
        raise Refused(f"{name}: not a function of the kernel")
    if replacement is None:
        raise Refused(f"{name}: it has no replacement")
    if function[1] not in known:
        raise Refused(f"{name}: nothing in the kernel refers to it: it is inlined wherever it is called")
    want = kernel_signature(kernel, path, function[1])
    have = (kernel_signature(kernel, path, replacement[1]) if replacement[0] == SHN_ABS
            else patch_signature(patch.elf, patch.name_at(replacement)))
    if want is None or have is None:
        raise Refused(f"{name}: no debug information about {'it' if want is None else 'its replacement'}")
    if want != have:
        raise Refused(f"{name}: it is {want}, and its replacement {have}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernel")
    parser.add_argument("named")
    parser.add_argument("patch")
    args = parser.parse_args()
    with open(args.kernel, "rb") as kernel, open(args.named, "rb") as named, open(args.patch, "r+b") as stream:
        elf, known = ELFFile(kernel), referred_to(ELFFile(named))
        try:
            patch = Patch(ELFFile(stream))
            rows = list(patch.rows())
            for row in rows:
                check(row, patch, elf, args.kernel, known)
        except Refused as why:
            sys.exit(f"patch: {args.patch}: {why}")
        identity = extension.kernel_symbols(args.kernel)[1]
        for _, function, _, mark in rows:
            stream.seek(mark)
            stream.write(struct.pack("<Q", function[1] ^ struct.unpack_from("<Q", identity)[0]))


if __name__ == "__main__":
    main()
