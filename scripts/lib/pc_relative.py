#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fail if an object contains an address that the linker fills in: it could not run anywhere else than linked.

    pc_relative.py COUNT OBJECT...      exactly COUNT objects, so that a renamed file is not forgotten

On AArch64 the first C code runs with the MMU off, at the physical address. It accesses code and data relative to the
program counter, which is right anywhere. A pointer in a table, or in the constant from which an initialiser is copied,
is the link-time address, where nothing is yet.
"""
import os
import sys

from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_RELOC_TYPE_AARCH64 as RELOC
from elftools.elf.relocation import RelocationSection

SHF_ALLOC = 2
ABSOLUTE = {RELOC[name] for name in RELOC if name.startswith(("R_AARCH64_ABS", "R_AARCH64_MOVW_"))}


def absolute_addresses(path):
    """Yield a sentence for each absolute relocation that becomes part of the image."""
    with open(path, "rb") as stream:
        elf = ELFFile(stream)
        for section in elf.iter_sections():
            if not isinstance(section, RelocationSection):
                continue
            target = elf.get_section(section["sh_info"])
            if not target["sh_flags"] & SHF_ALLOC:
                continue
            symbols = elf.get_section(section["sh_link"])
            for relocation in section.iter_relocations():
                if relocation["r_info_type"] in ABSOLUTE:
                    symbol = symbols.get_symbol(relocation["r_info_sym"])
                    where = elf.get_section(symbol["st_shndx"]).name if not symbol.name else symbol.name
                    yield f"{target.name} holds the address of {where}"


def main(count, *paths):
    if len(paths) != int(count):
        sys.exit(f"pc_relative: {count} objects expected, {len(paths)} given: correct machine.cmake's list")
    bad = 0
    for path in paths:
        for complaint in absolute_addresses(path):
            print(f"pc_relative: {os.path.basename(path)}: {complaint}", file=sys.stderr)
            bad += 1
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
