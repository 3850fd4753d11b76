// SPDX-License-Identifier: MIT
//
// Relocations of x86-64 objects (System V psABI, AMD64 supplement, "Relocation Types") and far
// jumps. Types for the large code models, thread-local storage and dynamic linking are missing,
// because code for this kernel never has them.
#include "arch/x86_64/jit/x86_64.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#include <stdbool.h>

#define EM_X86_64 62

/* How a value is stored, and the range that it must fit. */
enum field {
    FIELD_NONE,
    FIELD_ABS64,
    FIELD_ABS32,  /* zero-extended by the CPU */
    FIELD_ABS32S, /* sign-extended by the CPU */
    FIELD_ABS16,  /* signed or unsigned */
    FIELD_ABS8,   /* signed or unsigned */
    FIELD_PC64,
    FIELD_PC32,
    FIELD_PC16,
    FIELD_PC8,
};

static const struct reloc_kind kinds[] = {
    {0, RELOC_NOTHING, FIELD_NONE, 0, "R_X86_64_NONE"},
    {1, RELOC_SYMBOL, FIELD_ABS64, 8, "R_X86_64_64"},
    {2, RELOC_SYMBOL, FIELD_PC32, 4, "R_X86_64_PC32"},
    {4, RELOC_BRANCH, FIELD_PC32, 4, "R_X86_64_PLT32"},
    {9, RELOC_SLOT, FIELD_PC32, 4, "R_X86_64_GOTPCREL"},
    {10, RELOC_SYMBOL, FIELD_ABS32, 4, "R_X86_64_32"},
    {11, RELOC_SYMBOL, FIELD_ABS32S, 4, "R_X86_64_32S"},
    {12, RELOC_SYMBOL, FIELD_ABS16, 2, "R_X86_64_16"},
    {13, RELOC_SYMBOL, FIELD_PC16, 2, "R_X86_64_PC16"},
    {14, RELOC_SYMBOL, FIELD_ABS8, 1, "R_X86_64_8"},
    {15, RELOC_SYMBOL, FIELD_PC8, 1, "R_X86_64_PC8"},
    {24, RELOC_SYMBOL, FIELD_PC64, 8, "R_X86_64_PC64"},
    {41, RELOC_SLOT, FIELD_PC32, 4, "R_X86_64_GOTPCRELX"},
    {42, RELOC_SLOT, FIELD_PC32, 4, "R_X86_64_REX_GOTPCRELX"},
};

static const struct reloc_kind *reloc_find(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (kinds[i].type == type) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* `bits` at most 32. */
static bool fits_signed(uint64_t value, unsigned bits)
{
    int64_t v = (int64_t)value;
    int64_t half = (int64_t)1 << (bits - 1);
    return v >= -half && v < half;
}

static bool fits_unsigned(uint64_t value, unsigned bits)
{
    return value >> bits == 0;
}

static bool fits(enum field field, uint64_t v)
{
    switch (field) {
    case FIELD_NONE:
    case FIELD_ABS64:
    case FIELD_PC64:
        return true;
    case FIELD_ABS32:
        return fits_unsigned(v, 32);
    case FIELD_ABS32S:
    case FIELD_PC32:
        return fits_signed(v, 32);
    case FIELD_ABS16:
        return fits_signed(v, 16) || fits_unsigned(v, 16);
    case FIELD_PC16:
        return fits_signed(v, 16);
    case FIELD_ABS8:
        return fits_signed(v, 8) || fits_unsigned(v, 8);
    case FIELD_PC8:
        return fits_signed(v, 8);
    }
    return false;
}

static enum status reloc_apply(const struct reloc_kind *kind, uint8_t *bytes, uint64_t place,
                               uint64_t value)
{
    enum field field = (enum field)kind->field;
    uint64_t v = field >= FIELD_PC64 ? value - place : value;
    if (!fits(field, v)) {
        return E_OVERFLOW;
    }
    memcpy(bytes, &v, kind->size); /* little-endian, like every machine on which this runs */
    return OK;
}

/* jmp *2(%rip); int3; int3; .quad target: the address is 8-byte aligned */
static void veneer_write(uint8_t *bytes, uint64_t target)
{
    static const uint8_t jump[] = {0xff, 0x25, 0x02, 0x00, 0x00, 0x00, 0xcc, 0xcc};
    memcpy(bytes, jump, sizeof(jump));
    memcpy(bytes + sizeof(jump), &target, sizeof(target));
}

const struct jit_backend jit_backend_x86_64 = {
    .name = "x86_64",
    .elf_machine = EM_X86_64,
    .required_flags = NOTE_NO_RED_ZONE | NOTE_CODE_MODEL,
    .property_type = 0xc0000002, /* GNU_PROPERTY_X86_FEATURE_1_AND */
    .property_landing_pads = 1,  /* IBT: x86-64 psABI, "Program Property" */
    .reloc_find = reloc_find,
    .reloc_apply = reloc_apply,
    .branch_addend = -4,
    .veneer_size = 16,
    .code_fill = 0xcc, /* int3 */
    .veneer_write = veneer_write,
};
