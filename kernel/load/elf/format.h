// SPDX-License-Identifier: MIT
//
// The ELF64 file format: System V ABI, chapters 4 and 5. Only what relocatable objects use. Files
// are little-endian, like every machine here. A struct is copied out of the file, because nothing
// in it is aligned.
#pragma once

#include "kernel/lib/compiler.h"

#include <stdint.h>

struct elf_header {
    uint8_t ident[16]; /* magic, class, byte order, version, OS ABI */
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
STATIC_ASSERT(sizeof(struct elf_header) == 64, "ELF-64 object header");

struct elf_section_header {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t addralign, entsize;
};
STATIC_ASSERT(sizeof(struct elf_section_header) == 64, "ELF-64 section header");

struct elf_symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t shndx;
    uint64_t value, size;
};
STATIC_ASSERT(sizeof(struct elf_symbol) == 24, "ELF-64 symbol");

struct elf_rela {
    uint64_t offset;
    uint32_t type, symbol; /* r_info: low half, high half */
    int64_t addend;
};
STATIC_ASSERT(sizeof(struct elf_rela) == 24, "ELF-64 relocation with addend");

struct elf_note {
    uint32_t namesz, descsz, type;
};

enum {
    ELF_CLASS64 = 2,
    ELF_LITTLE_ENDIAN = 1,
    ELF_VERSION = 1,
};

enum elf_type {
    ET_NONE = 0,
    ET_REL = 1,
    ET_EXEC = 2,
    ET_DYN = 3,
    ET_CORE = 4,
};

enum elf_section_type {
    SHT_NULL = 0,
    SHT_PROGBITS = 1,
    SHT_SYMTAB = 2,
    SHT_STRTAB = 3,
    SHT_RELA = 4,
    SHT_NOTE = 7,
    SHT_NOBITS = 8,
    SHT_REL = 9,
    SHT_INIT_ARRAY = 14,
    SHT_FINI_ARRAY = 15,
    SHT_PREINIT_ARRAY = 16,
    SHT_GROUP = 17,
    SHT_SYMTAB_SHNDX = 18,
};

enum elf_section_flag {
    SHF_WRITE = 1,
    SHF_ALLOC = 2,
    SHF_EXECINSTR = 4,
    SHF_GROUP = 0x200,
    SHF_TLS = 0x400,
    SHF_COMPRESSED = 0x800,
};

#define GRP_COMDAT 1u

enum elf_section_index {
    SHN_UNDEF = 0,
    SHN_LORESERVE = 0xff00,
    SHN_ABS = 0xfff1,
    SHN_COMMON = 0xfff2,
};

enum elf_binding { STB_LOCAL = 0, STB_GLOBAL = 1, STB_WEAK = 2 };

enum elf_symbol_type {
    STT_NOTYPE = 0,
    STT_OBJECT = 1,
    STT_FUNC = 2,
    STT_SECTION = 3,
    STT_FILE = 4,
    STT_COMMON = 5,
    STT_TLS = 6,
    STT_GNU_IFUNC = 10,
};

static inline enum elf_binding elf_symbol_binding(const struct elf_symbol *s)
{
    return (enum elf_binding)(s->info >> 4);
}

static inline enum elf_symbol_type elf_symbol_type(const struct elf_symbol *s)
{
    return (enum elf_symbol_type)(s->info & 0xf);
}
