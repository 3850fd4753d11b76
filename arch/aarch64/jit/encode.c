// SPDX-License-Identifier: MIT
//
// Encodes the fields of AArch64 instruction words (Arm Architecture Reference Manual, chapter C4).
#include "arch/aarch64/jit/encode.h"

#include "kernel/lib/compiler.h"

/* An access has three forms; the other two are the
 * same word with bit 24 clear and other low bits. */
#define UNSCALED_BITS(bits) ((bits) - (1u << 24))
#define INDEX_BITS(bits)    (UNSCALED_BITS(bits) | 1u << 21 | 2u << 10)

const struct a64_form_info a64_forms[A64_FORM_COUNT] = {
#define A64_FORM(name, regs, width, imm, bits, text)                                               \
    {regs, A64_WIDTH_##width, A64_IMM_##imm, bits, text},
#define A64_ACCESS(name, log2, bits, scaled, unscaled)                                             \
    {"dn", A64_WIDTH_NONE, A64_IMM_OFFSET##log2, bits, scaled ", [%p1, #%i]"},                     \
        {"dn", A64_WIDTH_NONE, A64_IMM_S9, UNSCALED_BITS(bits), unscaled ", [%p1, #%i]"},          \
        {"dnm", A64_WIDTH_NONE, A64_IMM_INDEX##log2, INDEX_BITS(bits), scaled ", [%p1, %e2%o]"},
#include "arch/aarch64/jit/forms.def"
#undef A64_FORM
#undef A64_ACCESS
};

/* `bits` 1 to 63. */
static bool fits_signed(uint64_t v, unsigned bits)
{
    uint64_t half = UINT64_C(1) << (bits - 1);
    return v + half < half * 2;
}

static bool fits(uint64_t v, unsigned bits)
{
    return v >> bits == 0;
}

static bool put(uint32_t *w, uint64_t v, unsigned shift, unsigned bits)
{
    *w |= (uint32_t)(v & ((UINT64_C(1) << bits) - 1)) << shift;
    return true;
}

static bool put_unsigned(uint32_t *w, uint64_t v, unsigned shift, unsigned bits)
{
    return fits(v, bits) && put(w, v, shift, bits);
}

/* A signed multiple of 1 << log2 bytes. */
static bool put_signed(uint32_t *w, uint64_t v, unsigned log2, unsigned shift, unsigned bits)
{
    return v % (UINT64_C(1) << log2) == 0 && fits_signed(v, bits + log2) &&
           put(w, v >> log2, shift, bits);
}

static bool put_add(uint32_t *w, uint64_t v)
{
    if (fits(v, 12)) {
        return put(w, v, 10, 12);
    }
    return v % 4096 == 0 && fits(v, 24) && put(w, 1, 22, 1) && put(w, v >> 12, 10, 12);
}

static uint64_t ones(unsigned count)
{
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* The shortest period of the bits, 2 to 64. */
static unsigned period_of(uint64_t v)
{
    unsigned size = 64;
    while (size > 2) {
        unsigned half = size / 2;
        if ((v & ones(half)) != (v >> half & ones(half))) {
            break;
        }
        size = half;
    }
    return size;
}

bool a64_mask(uint64_t v, bool wide, uint32_t *fields)
{
    if (!wide) {
        if (!fits(v, 32)) {
            return false;
        }
        v |= v << 32;
    }
    if (v == 0 || v == UINT64_MAX) {
        return false;
    }
    unsigned size = period_of(v), rotation = 0;
    uint64_t element = v & ones(size);
    /* Rotate until the run of ones starts at bit 0: bit 0 set, the highest bit clear. */
    while ((element & 1) == 0 || (element >> (size - 1) & 1) != 0) {
        element = (element << 1 & ones(size)) | element >> (size - 1);
        rotation++;
    }
    unsigned count = (unsigned)__builtin_popcountll(element);
    if (element != ones(count)) {
        return false;
    }
    uint32_t imms = ((0u - size * 2) & 0x3f) | (count - 1);
    *fields = (size == 64 ? 1u << 12 : 0) | rotation % size << 6 | imms;
    return true;
}

bool a64_float8(uint64_t bits, bool is_double, uint32_t *out)
{
    /* The format: sign, the complement of the highest exponent bit repeated, two exponent bits,
     * four fraction bits. */
    unsigned fraction = is_double ? 52 : 23, exponent = is_double ? 11 : 8;
    uint64_t high = bits >> (fraction - 4);
    unsigned repeated = exponent - 3; /* number of equal bits after the highest exponent bit */
    uint64_t copies = high >> 6 & ones(repeated);
    uint64_t top = high >> (6 + repeated) & 1;
    if ((bits & ones(fraction - 4)) != 0 || (copies != 0 && copies != ones(repeated)) ||
        top == (copies & 1) || (!is_double && bits >> 32 != 0)) {
        return false;
    }
    *out = (uint32_t)((high >> (7 + repeated) & 1) << 7 | (copies & 1) << 6 | (high & 0x3f));
    return true;
}

static bool put_mask(uint32_t *w, const struct a64_insn *i)
{
    uint32_t fields;
    return a64_mask(i->imm, i->wide, &fields) && put(w, fields, 10, 13);
}

static bool put_float8(uint32_t *w, const struct a64_insn *i)
{
    uint32_t bits;
    return a64_float8(i->imm, i->is_double, &bits) && put(w, bits, 13, 8);
}

/* The 8 bits of a vector's immediate are in two fields. */
static bool put_byte(uint32_t *w, uint64_t byte)
{
    return put_unsigned(w, byte >> 5, 16, 3) && put(w, byte, 5, 5);
}

static bool put_float8_of_lanes(uint32_t *w, const struct a64_insn *i, bool is_double)
{
    uint32_t bits;
    return a64_float8(i->imm, is_double, &bits) && put_byte(w, bits);
}

/* Bit 15 is set in forms with lanes of 16 bits. */
static bool put_shifted_byte(uint32_t *w, const struct a64_insn *i)
{
    unsigned last = (*w >> 14 & 1) != 0 ? 0 : (*w >> 15 & 1) != 0 ? 8 : 24;
    return i->amount % 8 == 0 && i->amount <= last && put(w, i->amount / 8, 13, 2) &&
           put_byte(w, i->imm);
}

/* One bit for each byte. */
static bool put_bytes(uint32_t *w, uint64_t bytes)
{
    uint64_t bits = bytes & 0x0101010101010101;
    return bytes == bits * 0xff && put_byte(w, (bits * 0x0102040810204080) >> 56);
}

/* The lowest bit that is set gives the size, those above it the number. */
static bool put_lane(uint32_t *w, const struct a64_insn *i, unsigned last_size)
{
    return i->option <= last_size && i->amount < 16 >> i->option &&
           put(w, (2 * i->amount + 1u) << i->option, 16, 5);
}

static bool put_lanes(uint32_t *w, const struct a64_insn *i)
{
    return put_lane(w, i, 3) && i->imm < 16 >> i->option && put(w, i->imm << i->option, 11, 4);
}

/* The highest bit that is set gives the size, those below it the amount. */
static bool put_lane_shift(uint32_t *w, const struct a64_insn *i, bool right, unsigned last_size)
{
    unsigned bits = 8u << i->option, amount = i->amount;
    return i->option <= last_size && (right ? amount - 1 : amount) < bits &&
           put(w, right ? 2 * bits - amount : bits + amount, 16, 7);
}

static bool put_half(uint32_t *w, const struct a64_insn *i)
{
    return i->amount % 16 == 0 && i->amount < (i->wide ? 64 : 32) &&
           put(w, i->amount / 16, 21, 2) && put_unsigned(w, i->imm, 5, 16);
}

/* field N repeats the width */
static bool put_bits(uint32_t *w, const struct a64_insn *i)
{
    unsigned bits = i->wide ? 64 : 32;
    return i->imm < bits && i->amount < bits && put(w, i->wide, 22, 1) && put(w, i->imm, 16, 6) &&
           put(w, i->amount, 10, 6);
}

static bool put_shift(uint32_t *w, const struct a64_insn *i, unsigned last)
{
    return i->option <= last && i->amount < (i->wide ? 64 : 32) && put(w, i->option, 22, 2) &&
           put(w, i->amount, 10, 6);
}

static bool put_index(uint32_t *w, const struct a64_insn *i, unsigned log2)
{
    bool extends = i->option == A64_UXTW || i->option == A64_UXTX || i->option == A64_SXTW ||
                   i->option == A64_SXTX;
    return extends && (i->amount == 0 || i->amount == log2) && put(w, i->option, 13, 3) &&
           put(w, i->amount != 0, 12, 1);
}

static bool put_test(uint32_t *w, const struct a64_insn *i)
{
    return i->amount < 64 && put(w, i->amount / 32, 31, 1) && put(w, i->amount % 32, 19, 5) &&
           put_signed(w, i->imm, 2, 5, 14);
}

static bool put_adr(uint32_t *w, uint64_t v)
{
    return fits_signed(v, 21) && put(w, v, 29, 2) && put(w, v >> 2, 5, 19);
}

static bool put_ccmp(uint32_t *w, const struct a64_insn *i)
{
    return put_unsigned(w, i->amount, 0, 4) && put_unsigned(w, i->option, 12, 4);
}

static bool put_extend(uint32_t *w, const struct a64_insn *i)
{
    return i->amount <= 4 && put_unsigned(w, i->option, 13, 3) && put(w, i->amount, 10, 3);
}

static bool put_extr(uint32_t *w, const struct a64_insn *i)
{
    return i->amount < (i->wide ? 64 : 32) && put(w, i->wide, 22, 1) && put(w, i->amount, 10, 6);
}

static bool put_vector_imm(uint32_t *w, const struct a64_insn *i, enum a64_imm kind)
{
    switch (kind) {
    case A64_IMM_FLOAT8_S:
        return put_float8_of_lanes(w, i, false);
    case A64_IMM_FLOAT8_D:
        return put_float8_of_lanes(w, i, true);
    case A64_IMM_BYTE4:
        return put_unsigned(w, i->amount, 11, 4);
    case A64_IMM_BYTE8:
        return put_shifted_byte(w, i);
    case A64_IMM_BYTES64:
        return put_bytes(w, i->imm);
    case A64_IMM_LANE:
        return put_lane(w, i, 3);
    case A64_IMM_LANE0:
        return i->amount == 0 && put_lane(w, i, 3);
    case A64_IMM_LANE_S:
        return put_lane(w, i, 1);
    case A64_IMM_LANE_Q:
        return put_lane(w, i, 3) && put(w, i->option == 3, 30, 1);
    case A64_IMM_LANES:
        return put_lanes(w, i);
    case A64_IMM_LANE_ACCESS:
        return put_unsigned(w, i->option, 10, 2);
    case A64_IMM_SHIFT_LEFT:
    case A64_IMM_SHIFT_RIGHT:
        return put_lane_shift(w, i, kind == A64_IMM_SHIFT_RIGHT, 3);
    case A64_IMM_SHIFT_LONG:
        return put_lane_shift(w, i, false, 2);
    default:
        return false;
    }
}

static bool put_imm(uint32_t *w, const struct a64_insn *i, enum a64_imm kind)
{
    switch (kind) {
    case A64_IMM_NONE:
        return true;
    case A64_IMM_ADD:
        return put_add(w, i->imm);
    case A64_IMM_MASK:
        return put_mask(w, i);
    case A64_IMM_HALF:
        return put_half(w, i);
    case A64_IMM_BITS:
        return put_bits(w, i);
    case A64_IMM_EXTR:
        return put_extr(w, i);
    case A64_IMM_ADR:
        return put_adr(w, i->imm);
    case A64_IMM_SHIFT3:
        return put_shift(w, i, A64_ASR);
    case A64_IMM_SHIFT4:
        return put_shift(w, i, A64_ROR);
    case A64_IMM_EXTEND:
        return put_extend(w, i);
    case A64_IMM_COND:
        return put_unsigned(w, i->option, 12, 4);
    case A64_IMM_CCMP:
        return put_ccmp(w, i);
    case A64_IMM_CCMP5:
        return put_ccmp(w, i) && put_unsigned(w, i->imm, 16, 5);
    case A64_IMM_OFFSET0:
    case A64_IMM_OFFSET1:
    case A64_IMM_OFFSET2:
    case A64_IMM_OFFSET3:
    case A64_IMM_OFFSET4: {
        unsigned log2 = kind - A64_IMM_OFFSET0;
        return (i->imm & ones(log2)) == 0 && put_unsigned(w, i->imm >> log2, 10, 12);
    }
    case A64_IMM_S9:
        return put_signed(w, i->imm, 0, 12, 9);
    case A64_IMM_INDEX0:
    case A64_IMM_INDEX1:
    case A64_IMM_INDEX2:
    case A64_IMM_INDEX3:
    case A64_IMM_INDEX4:
        return put_index(w, i, kind - A64_IMM_INDEX0);
    case A64_IMM_PAIR3:
        return put_signed(w, i->imm, 3, 15, 7);
    case A64_IMM_PAIR4:
        return put_signed(w, i->imm, 4, 15, 7);
    case A64_IMM_REL26:
        return put_signed(w, i->imm, 2, 0, 26);
    case A64_IMM_REL19:
        return put_signed(w, i->imm, 2, 5, 19);
    case A64_IMM_COND19:
        return put_unsigned(w, i->option, 0, 4) && put_signed(w, i->imm, 2, 5, 19);
    case A64_IMM_TEST14:
        return put_test(w, i);
    case A64_IMM_U16:
        return put_unsigned(w, i->imm, 5, 16);
    case A64_IMM_FLOAT8:
        return put_float8(w, i);
    case A64_IMM_SIZE:
        return put_unsigned(w, i->option, 30, 2);
    default:
        return put_vector_imm(w, i, kind);
    }
}

static unsigned field_of(char letter)
{
    return letter == 'd' ? 0 : letter == 'n' ? 5 : letter == 'a' ? 10 : 16;
}

/* Log2 of the bytes of a lane, in bits 22 and 23. */
static bool put_size(uint32_t *w, unsigned size, unsigned width)
{
    static const uint8_t sizes[] = {[A64_WIDTH_SIZE] = 15,
                                    [A64_WIDTH_SIZE_BHS] = 7,
                                    [A64_WIDTH_SIZE_BH] = 3,
                                    [A64_WIDTH_SIZE_HS] = 6};
    return (sizes[width] >> size & 1) != 0 && put(w, size, 22, 2);
}

bool a64_encode(const struct a64_insn *i, uint32_t *word)
{
    const struct a64_form_info *form = &a64_forms[i->form];
    uint32_t w = form->bits;
    for (unsigned n = 0; form->regs[n] != '\0'; n++) {
        if (form->regs[n] != '-') {
            put(&w, i->regs[n], field_of(form->regs[n]), 5);
        }
    }
    if (form->width == A64_WIDTH_SF || form->width == A64_WIDTH_BOTH) {
        put(&w, i->wide, 31, 1);
    }
    if (form->width == A64_WIDTH_FP || form->width == A64_WIDTH_BOTH) {
        put(&w, i->is_double, 22, 1);
    }
    if ((form->width >= A64_WIDTH_SIZE && !put_size(&w, i->option, form->width)) ||
        !put_imm(&w, i, (enum a64_imm)form->imm)) {
        return false;
    }
    *word = w;
    return true;
}
