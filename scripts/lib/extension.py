# SPDX-License-Identifier: MIT
"""Link an extension of the kernel (kernel/module/extension.h) against its kernel.

    extension.py KERNEL.elf OBJECT -o EXTENSION

Every undefined symbol of OBJECT, made by `ld -r`, gets the absolute address that it has in KERNEL at its link address;
the loader adds the distance by which the kernel was moved at boot. The note contains that kernel's identity, so that no
other kernel accepts the file.
"""
import argparse
import struct
import sys

from elftools.elf.elffile import ELFFile

SYMBOL = struct.Struct("<IBBHQQ")
SHN_UNDEF, SHN_ABS, STB_WEAK = 0, 0xFFF1, 2
NOTE = struct.Struct("<III8s")
NOTE_TYPE, IDENTITY = 4, 16


def kernel_symbols(path):
    """({name: address} of global symbols, identity)"""
    with open(path, "rb") as stream:
        elf = ELFFile(stream)
        found = {s.name: s["st_value"] for s in elf.get_section_by_name(".symtab").iter_symbols()
                 if s["st_info"]["bind"] == "STB_GLOBAL" and s["st_shndx"] != "SHN_UNDEF"}
        at = found.get("kernel_identity")
        if at is None:
            sys.exit(f"extension: {path}: no kernel_identity")
        for segment in elf.iter_segments():
            offset = at - segment["p_vaddr"]
            if segment["p_type"] == "PT_LOAD" and 0 <= offset <= segment["p_filesz"] - IDENTITY:
                return found, segment.data()[offset:offset + IDENTITY]
        sys.exit(f"extension: {path}: kernel_identity is not in its constants")


def resolve(data, elf, known):
    """Give undefined symbols their addresses, in place. Returns the names of symbols that the kernel does not have."""
    table = elf.get_section_by_name(".symtab")
    missing = []
    for index, symbol in enumerate(table.iter_symbols()):
        if index == 0 or symbol["st_shndx"] != "SHN_UNDEF":
            continue
        at = table["sh_offset"] + index * SYMBOL.size
        name, info, other, _, _, size = SYMBOL.unpack_from(data, at)
        if symbol.name in known:
            SYMBOL.pack_into(data, at, name, info, other, SHN_ABS, known[symbol.name], size)
        elif info >> 4 != STB_WEAK:
            missing.append(symbol.name)
    return missing


def sign(data, elf, identity):
    """Write the kernel's identity into the note. @return True if there is a note."""
    section = elf.get_section_by_name(".note.halyard")
    if section is None or section["sh_size"] != NOTE.size + IDENTITY:
        return False
    if NOTE.unpack_from(data, section["sh_offset"]) != (8, IDENTITY, NOTE_TYPE, b"Halyard\0"):
        return False
    at = section["sh_offset"] + NOTE.size
    data[at:at + IDENTITY] = identity
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernel")
    parser.add_argument("object")
    parser.add_argument("-o", dest="output", required=True)
    args = parser.parse_args()
    known, identity = kernel_symbols(args.kernel)
    with open(args.object, "rb") as stream:
        data = bytearray(stream.read())
        stream.seek(0)
        elf = ELFFile(stream)
        missing = resolve(data, elf, known)
        if missing:
            sys.exit(f"extension: {args.object}: not in {args.kernel}: {', '.join(sorted(missing))}")
        if not sign(data, elf, identity):
            sys.exit(f"extension: {args.object}: no note of an extension")
    with open(args.output, "wb") as out:
        out.write(data)


if __name__ == "__main__":
    main()
