// SPDX-License-Identifier: MIT
//
// Relocations of AArch64 objects (ELF for the Arm 64-bit Architecture, "Static Relocations") and
// far jumps. Types for thread-local storage and dynamic linking are missing, because code for this
// kernel never has them.
#include "arch/aarch64/jit/aarch64.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#include <stdbool.h>

#define EM_AARCH64 183

/*
 * How a value is stored, and the range that it must fit. PC: relative to the place; PAGE:
 * difference of 4 KiB pages; NC ("no check"): bits that do not fit are dropped, because other
 * instructions set them.
 */
enum field {
    FIELD_NONE,
    FIELD_DATA64,
    FIELD_DATA32, /* signed or unsigned, like FIELD_DATA16 */
    FIELD_DATA16,
    FIELD_PC_DATA64,
    FIELD_PC_DATA32,
    FIELD_PC_DATA16,
    FIELD_PC_ADR21,
    FIELD_PC_LIT19,    /* ldr (literal) */
    FIELD_PC_BRANCH14, /* tbz, tbnz */
    FIELD_PC_BRANCH19, /* b.cond, cbz, cbnz */
    FIELD_PC_BRANCH26, /* b, bl */
    FIELD_PAGE_ADR21,
    FIELD_PAGE_ADR21_NC,
    FIELD_ADD_LO12,
    FIELD_LDST8_LO12, /* five in sequence: the distance from this one is log2 of the access size */
    FIELD_LDST16_LO12,
    FIELD_LDST32_LO12,
    FIELD_LDST64_LO12,
    FIELD_LDST128_LO12,
    /* movz, movk: four groups of 16 bits in sequence, with and without a range check */
    FIELD_MOVW_G0,
    FIELD_MOVW_G1,
    FIELD_MOVW_G2,
    FIELD_MOVW_G3,
    FIELD_MOVW_G0_NC,
    FIELD_MOVW_G1_NC,
    FIELD_MOVW_G2_NC,
};

static const struct reloc_kind kinds[] = {
    {0, RELOC_NOTHING, FIELD_NONE, 0, "R_AARCH64_NONE"},
    {256, RELOC_NOTHING, FIELD_NONE, 0, "R_AARCH64_NONE"}, /* the number in withdrawn drafts */
    {257, RELOC_SYMBOL, FIELD_DATA64, 8, "R_AARCH64_ABS64"},
    {258, RELOC_SYMBOL, FIELD_DATA32, 4, "R_AARCH64_ABS32"},
    {259, RELOC_SYMBOL, FIELD_DATA16, 2, "R_AARCH64_ABS16"},
    {260, RELOC_SYMBOL, FIELD_PC_DATA64, 8, "R_AARCH64_PREL64"},
    {261, RELOC_SYMBOL, FIELD_PC_DATA32, 4, "R_AARCH64_PREL32"},
    {262, RELOC_SYMBOL, FIELD_PC_DATA16, 2, "R_AARCH64_PREL16"},
    {263, RELOC_SYMBOL, FIELD_MOVW_G0, 4, "R_AARCH64_MOVW_UABS_G0"},
    {264, RELOC_SYMBOL, FIELD_MOVW_G0_NC, 4, "R_AARCH64_MOVW_UABS_G0_NC"},
    {265, RELOC_SYMBOL, FIELD_MOVW_G1, 4, "R_AARCH64_MOVW_UABS_G1"},
    {266, RELOC_SYMBOL, FIELD_MOVW_G1_NC, 4, "R_AARCH64_MOVW_UABS_G1_NC"},
    {267, RELOC_SYMBOL, FIELD_MOVW_G2, 4, "R_AARCH64_MOVW_UABS_G2"},
    {268, RELOC_SYMBOL, FIELD_MOVW_G2_NC, 4, "R_AARCH64_MOVW_UABS_G2_NC"},
    {269, RELOC_SYMBOL, FIELD_MOVW_G3, 4, "R_AARCH64_MOVW_UABS_G3"},
    {273, RELOC_SYMBOL, FIELD_PC_LIT19, 4, "R_AARCH64_LD_PREL_LO19"},
    {274, RELOC_SYMBOL, FIELD_PC_ADR21, 4, "R_AARCH64_ADR_PREL_LO21"},
    {275, RELOC_SYMBOL, FIELD_PAGE_ADR21, 4, "R_AARCH64_ADR_PREL_PG_HI21"},
    {276, RELOC_SYMBOL, FIELD_PAGE_ADR21_NC, 4, "R_AARCH64_ADR_PREL_PG_HI21_NC"},
    {277, RELOC_SYMBOL, FIELD_ADD_LO12, 4, "R_AARCH64_ADD_ABS_LO12_NC"},
    {278, RELOC_SYMBOL, FIELD_LDST8_LO12, 4, "R_AARCH64_LDST8_ABS_LO12_NC"},
    {279, RELOC_SYMBOL, FIELD_PC_BRANCH14, 4, "R_AARCH64_TSTBR14"},
    {280, RELOC_SYMBOL, FIELD_PC_BRANCH19, 4, "R_AARCH64_CONDBR19"},
    {282, RELOC_BRANCH, FIELD_PC_BRANCH26, 4, "R_AARCH64_JUMP26"},
    {283, RELOC_BRANCH, FIELD_PC_BRANCH26, 4, "R_AARCH64_CALL26"},
    {284, RELOC_SYMBOL, FIELD_LDST16_LO12, 4, "R_AARCH64_LDST16_ABS_LO12_NC"},
    {285, RELOC_SYMBOL, FIELD_LDST32_LO12, 4, "R_AARCH64_LDST32_ABS_LO12_NC"},
    {286, RELOC_SYMBOL, FIELD_LDST64_LO12, 4, "R_AARCH64_LDST64_ABS_LO12_NC"},
    {299, RELOC_SYMBOL, FIELD_LDST128_LO12, 4, "R_AARCH64_LDST128_ABS_LO12_NC"},
    {309, RELOC_SLOT, FIELD_PC_LIT19, 4, "R_AARCH64_GOT_LD_PREL19"},
    {311, RELOC_SLOT, FIELD_PAGE_ADR21, 4, "R_AARCH64_ADR_GOT_PAGE"},
    {312, RELOC_SLOT, FIELD_LDST64_LO12, 4, "R_AARCH64_LD64_GOT_LO12_NC"},
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

/* `bits` 1 to 63. */
static bool fits_signed(uint64_t value, unsigned bits)
{
    int64_t half = (int64_t)1 << (bits - 1);
    return (int64_t)value >= -half && (int64_t)value < half;
}

static bool fits_either(uint64_t value, unsigned bits)
{
    return fits_signed(value, bits) || value >> bits == 0;
}

/* Replace the bits at `shift` of an instruction by the `bits` low bits of `value`. */
static uint32_t insert(uint32_t insn, uint64_t value, unsigned shift, unsigned bits)
{
    uint32_t mask = (((uint32_t)1 << bits) - 1) << shift;
    return (insn & ~mask) | ((uint32_t)(value << shift) & mask);
}

/* adr, adrp: the two low bits of the displacement are separate from the others. */
static uint32_t insert_adr(uint32_t insn, uint64_t value)
{
    return insert(insert(insn, value, 29, 2), value >> 2, 5, 19);
}

/* A displacement in words, as in branches and literal loads. */
static enum status apply_words(uint32_t *insn, uint64_t v, unsigned shift, unsigned bits)
{
    if (v % 4 != 0) {
        return E_INVAL;
    }
    if (!fits_signed(v, bits + 2)) {
        return E_OVERFLOW;
    }
    *insn = insert(*insn, v >> 2, shift, bits);
    return OK;
}

/* The low 12 bits, as the offset of an access to 1 << log2 bytes. */
static enum status apply_ldst(uint32_t *insn, uint64_t v, unsigned log2)
{
    if (v % ((uint64_t)1 << log2) != 0) {
        return E_INVAL;
    }
    *insn = insert(*insn, (v & 0xfff) >> log2, 10, 12);
    return OK;
}

static enum status apply_movw(uint32_t *insn, uint64_t v, unsigned group, bool checked)
{
    if (checked && group < 3 && v >> (16 * (group + 1)) != 0) {
        return E_OVERFLOW;
    }
    *insn = insert(*insn, v >> (16 * group), 5, 16);
    return OK;
}

static enum status apply_insn(enum field field, uint32_t *insn, uint64_t place, uint64_t value)
{
    uint64_t v = value - place;
    uint64_t page_v = ALIGN_DOWN(value, (uint64_t)4096) - ALIGN_DOWN(place, (uint64_t)4096);

    switch (field) {
    case FIELD_PC_ADR21:
        if (!fits_signed(v, 21)) {
            return E_OVERFLOW;
        }
        *insn = insert_adr(*insn, v);
        return OK;
    case FIELD_PC_LIT19:
    case FIELD_PC_BRANCH19:
        return apply_words(insn, v, 5, 19);
    case FIELD_PC_BRANCH14:
        return apply_words(insn, v, 5, 14);
    case FIELD_PC_BRANCH26:
        return apply_words(insn, v, 0, 26);
    case FIELD_PAGE_ADR21:
        if (!fits_signed(page_v, 33)) {
            return E_OVERFLOW;
        }
        *insn = insert_adr(*insn, page_v >> 12);
        return OK;
    case FIELD_PAGE_ADR21_NC:
        *insn = insert_adr(*insn, page_v >> 12);
        return OK;
    case FIELD_ADD_LO12:
        *insn = insert(*insn, value, 10, 12);
        return OK;
    case FIELD_LDST8_LO12:
    case FIELD_LDST16_LO12:
    case FIELD_LDST32_LO12:
    case FIELD_LDST64_LO12:
    case FIELD_LDST128_LO12:
        return apply_ldst(insn, value, field - FIELD_LDST8_LO12);
    case FIELD_MOVW_G0:
    case FIELD_MOVW_G1:
    case FIELD_MOVW_G2:
    case FIELD_MOVW_G3:
        return apply_movw(insn, value, field - FIELD_MOVW_G0, true);
    case FIELD_MOVW_G0_NC:
    case FIELD_MOVW_G1_NC:
    case FIELD_MOVW_G2_NC:
        return apply_movw(insn, value, field - FIELD_MOVW_G0_NC, false);
    default:
        return E_NOTSUP;
    }
}

static enum status apply_data(uint8_t *bytes, uint64_t v, size_t size)
{
    if (size < 8 && !fits_either(v, (unsigned)size * 8)) {
        return E_OVERFLOW;
    }
    memcpy(bytes, &v, size); /* little-endian, like every machine on which this runs */
    return OK;
}

static enum status reloc_apply(const struct reloc_kind *kind, uint8_t *bytes, uint64_t place,
                               uint64_t value)
{
    enum field field = (enum field)kind->field;
    if (field == FIELD_NONE) {
        return OK;
    }
    if (field <= FIELD_DATA16) {
        return apply_data(bytes, value, kind->size);
    }
    if (field <= FIELD_PC_DATA16) {
        return apply_data(bytes, value - place, kind->size);
    }

    uint32_t insn;
    memcpy(&insn, bytes, sizeof(insn));
    enum status s = apply_insn(field, &insn, place, value);
    if (s == OK) {
        memcpy(bytes, &insn, sizeof(insn));
    }
    return s;
}

/* ldr x16, .+8; br x16; .quad target. Linkers may use x16 across calls (AAPCS64, 6.1.1). */
static void veneer_write(uint8_t *bytes, uint64_t target)
{
    static const uint32_t jump[] = {0x58000050, 0xd61f0200};
    memcpy(bytes, jump, sizeof(jump));
    memcpy(bytes + sizeof(jump), &target, sizeof(target));
}

const struct jit_backend jit_backend_aarch64 = {
    .name = "aarch64",
    .elf_machine = EM_AARCH64,
    .required_flags = NOTE_NO_RED_ZONE | NOTE_CODE_MODEL,
    .property_type = 0xc0000000, /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
    .property_landing_pads = 1,  /* BTI: ELF for the Arm 64-bit Architecture, "Program Property" */
    .reloc_find = reloc_find,
    .reloc_apply = reloc_apply,
    .branch_addend = 0,
    .veneer_size = 16,
    .code_fill = 0x00, /* udf #0 */
    .veneer_write = veneer_write,
};
