// SPDX-License-Identifier: MIT
//
// The verifier's decoder: data processing with immediates and registers (Arm Architecture Reference
// Manual, DDI 0487, C4.1.92 and C4.1.95). verify_decode.c has the rest.
#include "arch/aarch64/jit/verify_internal.h"

/* ---- Data processing: immediate (C4.1.92) ---- */

/* What sets the flags and drops the result is a comparison. */
static void set_flags(struct verify_insn *i, unsigned dropped)
{
    bool drops = i->d == VERIFY_ZERO;
    i->flags |= drops && dropped != VERIFY_USE ? 0 : VERIFY_FLAGS;
    i->op = drops ? (uint8_t)dropped : i->op;
    i->d = drops ? VERIFY_NONE : i->d;
}

/* Of add and subtract: bit 30 subtracts, bit 29 sets flags. */
static void add_or_subtract(uint32_t w, struct verify_insn *i)
{
    bool subtracts = field(w, 30, 1) != 0;
    i->op = subtracts ? VERIFY_SUB : VERIFY_ADD;
    if (field(w, 29, 1) != 0) {
        set_flags(i, subtracts ? VERIFY_COMPARE : VERIFY_USE);
    }
}

static bool add_immediate(uint32_t w, struct verify_insn *i)
{
    i->d = field(w, 29, 1) != 0 ? zr(w, 0) : sp(w, 0);
    i->a = sp(w, 5);
    i->imm = (int64_t)field(w, 10, 12) << (field(w, 22, 1) * 12);
    i->flags = VERIFY_IMM;
    bool is_cmn = field(w, 29, 2) == 1 && i->d == VERIFY_ZERO && i->imm != 0;
    add_or_subtract(w, i);
    if (is_cmn) { /* as cmp with the negative: zero and carry are the same */
        i->op = VERIFY_COMPARE;
        i->flags &= (uint8_t)~VERIFY_FLAGS;
        i->imm = -i->imm;
    }
    return true;
}

/* DecodeBitMasks(): a run of ones, rotated, in elements of 2 to 64 bits. */
static bool bit_mask(uint32_t w, uint64_t *out)
{
    uint32_t n = field(w, 22, 1), immr = field(w, 16, 6), imms = field(w, 10, 6);
    uint32_t sizes = n << 6 | (~imms & 0x3f);
    if (sizes < 2 || (n != 0 && !is_wide(w))) {
        return false;
    }
    unsigned size = 1u << (31 - __builtin_clz(sizes));
    unsigned run = (imms & (size - 1)) + 1, turn = immr & (size - 1);
    if (run == size) {
        return false;
    }
    uint64_t element = ones(run);
    if (turn != 0) {
        element = (element >> turn | element << (size - turn)) & ones(size);
    }
    for (; size < 64; size *= 2) {
        element |= element << size;
    }
    *out = is_wide(w) ? element : (uint32_t)element;
    return true;
}

static const uint8_t logical_ops[4] = {VERIFY_AND, VERIFY_OR, VERIFY_OR, VERIFY_AND};

static bool logical_immediate(uint32_t w, struct verify_insn *i)
{
    uint64_t mask;
    uint32_t opc = field(w, 29, 2);
    if (!bit_mask(w, &mask)) {
        return false;
    }
    i->op = logical_ops[opc];
    i->d = opc == 3 ? zr(w, 0) : sp(w, 0);
    i->a = zr(w, 5);
    i->imm = (int64_t)mask;
    i->flags = VERIFY_IMM;
    if (opc == 3) {
        set_flags(i, VERIFY_TEST);
    } else if (opc == 1 && i->a == VERIFY_ZERO) {
        i->op = VERIFY_CONST;
        i->a = VERIFY_NONE;
    }
    return true;
}

/* movn, movz, movk. */
static bool move_wide(uint32_t w, struct verify_insn *i)
{
    uint32_t opc = field(w, 29, 2), shift = field(w, 21, 2) * 16;
    if (opc == 1 || (shift >= 32 && !is_wide(w))) {
        return false;
    }
    uint64_t v = (uint64_t)field(w, 5, 16);
    i->d = zr(w, 0);
    i->flags = VERIFY_IMM;
    if (opc == 3) {
        i->op = VERIFY_INSERT;
        i->a = i->d;
        i->shift = (uint8_t)shift;
    } else {
        i->op = VERIFY_CONST;
        v = opc == 0 ? ~(v << shift) : v << shift;
        v = is_wide(w) ? v : (uint32_t)v;
    }
    i->imm = (int64_t)v;
    return true;
}

static void unsigned_field(struct verify_insn *i, unsigned width, unsigned immr, unsigned imms)
{
    i->op = VERIFY_FIELD;
    if (imms == width - 1) {
        i->op = VERIFY_SHR;
        i->imm = immr;
    } else if (imms + 1 == immr) {
        i->op = VERIFY_SHL;
        i->imm = width - 1 - imms;
    } else if (immr == 0) {
        i->op = VERIFY_AND;
        i->imm = (int64_t)ones(imms + 1);
    } else if (width == 64 && imms == 31 && immr > imms) { /* an extended i32, shifted */
        i->op = VERIFY_SHL;
        i->imm = width - immr;
        i->extend = VERIFY_LOW_HALF;
    } else {
        i->shift = (uint8_t)(immr <= imms ? imms - immr + 1 : width - immr + imms + 1);
    }
    i->flags |= i->op != VERIFY_FIELD ? VERIFY_IMM : 0;
}

/* sbfm, bfm, ubfm. */
static bool bit_field(uint32_t w, struct verify_insn *i)
{
    uint32_t opc = field(w, 29, 2), immr = field(w, 16, 6), imms = field(w, 10, 6);
    unsigned width = is_wide(w) ? 64 : 32;
    if (opc == 3 || field(w, 22, 1) != is_wide(w) || immr >= width || imms >= width) {
        return false;
    }
    i->d = zr(w, 0);
    i->a = zr(w, 5);
    i->op = VERIFY_NUMBER;
    if (opc == 2) {
        unsigned_field(i, width, immr, imms);
    } else if (opc == 1) {
        i->b = i->d;
    } else if (immr == 0 && (imms == 7 || imms == 15 || imms == 31)) {
        i->op = VERIFY_MOVE;
        i->b = i->a;
        i->a = VERIFY_NONE;
        i->bytes = (uint8_t)((imms + 1) / 8);
        i->flags = VERIFY_SIGNED;
    }
    return true;
}

static bool extract(uint32_t w, struct verify_insn *i)
{
    if (field(w, 22, 1) != is_wide(w) || field(w, 10, 6) >= (is_wide(w) ? 64u : 32u)) {
        return false;
    }
    i->op = VERIFY_NUMBER;
    i->d = zr(w, 0);
    i->a = zr(w, 5);
    i->b = zr(w, 16);
    return true;
}

static bool address(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_ADDRESS;
    i->size = 8;
    i->d = zr(w, 0);
    i->imm = signed_field(w, 5, 19) * 4 + (int64_t)field(w, 29, 2);
    return true;
}

/* ---- Data processing: register (C4.1.95) ---- */

/* Shifted by a constant: lsl, lsr; of asr and ror nothing is known. */
static void shift_operand(uint32_t w, struct verify_insn *i)
{
    static const uint8_t extends[4] = {VERIFY_WHOLE, VERIFY_SHIFTED_RIGHT, VERIFY_OTHER_EXTEND,
                                       VERIFY_OTHER_EXTEND};
    i->shift = (uint8_t)field(w, 10, 6);
    i->extend = extends[field(w, 22, 2)];
}

static bool three_registers(uint32_t w, struct verify_insn *i)
{
    i->d = zr(w, 0);
    i->a = zr(w, 5);
    i->b = zr(w, 16);
    i->op = VERIFY_NUMBER;
    return true;
}

static bool logical_shifted(uint32_t w, struct verify_insn *i)
{
    uint32_t opc = field(w, 29, 2);
    bool inverts = field(w, 21, 1) != 0;
    if ((field(w, 10, 6) >= 32 && !is_wide(w)) || (opc == 3 && inverts)) {
        return false;
    }
    (void)three_registers(w, i);
    if (inverts && opc != 0) {
        return true;
    }
    i->op = logical_ops[opc];
    if (opc == 3) {
        set_flags(i, VERIFY_TEST);
    }
    shift_operand(w, i);
    if (inverts) { /* bic: no more bits than a has */
        i->extend = VERIFY_OTHER_EXTEND;
    }
    if (opc == 1 && i->a == VERIFY_ZERO && field(w, 22, 2) == 0 && i->shift == 0) {
        i->op = VERIFY_MOVE;
        i->a = VERIFY_NONE;
        i->bytes = i->size;
    }
    return true;
}

static bool add_shifted(uint32_t w, struct verify_insn *i)
{
    if ((field(w, 10, 6) >= 32 && !is_wide(w)) || field(w, 22, 2) == 3) {
        return false;
    }
    (void)three_registers(w, i);
    add_or_subtract(w, i);
    shift_operand(w, i);
    return true;
}

static bool add_extended(uint32_t w, struct verify_insn *i)
{
    if (field(w, 10, 3) > 4) {
        return false;
    }
    i->d = field(w, 29, 1) != 0 ? zr(w, 0) : sp(w, 0);
    i->a = sp(w, 5);
    i->b = zr(w, 16);
    i->extend = extension(w);
    i->shift = (uint8_t)field(w, 10, 3);
    add_or_subtract(w, i);
    return true;
}

static bool multiply_add(uint32_t w, struct verify_insn *i)
{
    (void)three_registers(w, i);
    i->c = zr(w, 10);
    if (field(w, 15, 1) == 0 && field(w, 21, 3) == 0) {
        i->op = VERIFY_MUL;
        i->c = i->c == VERIFY_ZERO ? VERIFY_NONE : i->c;
    }
    return true;
}

static bool no_larger(uint32_t w, struct verify_insn *i)
{
    (void)three_registers(w, i);
    i->op = VERIFY_DIV;
    return true;
}

static bool one_source(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_NUMBER;
    i->d = zr(w, 0);
    i->a = zr(w, 5);
    return true;
}

/* csel, csinc, csinv, csneg. csinc of two zeros is 1 if the condition does not hold. */
static bool conditional(uint32_t w, struct verify_insn *i)
{
    (void)three_registers(w, i);
    i->cond = a64_verify_condition(field(w, 12, 4));
    bool inverts = field(w, 30, 1) != 0, increments = field(w, 10, 1) != 0;
    if (!inverts && increments && i->a == VERIFY_ZERO && i->b == VERIFY_ZERO) {
        i->op = VERIFY_SET;
        i->cond = a64_verify_condition(field(w, 12, 4) ^ 1);
        i->a = i->b = VERIFY_NONE;
    } else if (!inverts) {
        i->op = VERIFY_SELECT;
        i->imm = increments;
    }
    return true;
}

static bool conditional_compare(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_USE;
    i->a = zr(w, 5);
    i->b = field(w, 11, 1) == 0 ? zr(w, 16) : VERIFY_NONE;
    i->flags = VERIFY_FLAGS;
    return true;
}

static const struct a64_row immediates[] = {
    {0x1f800000, 0x11000000, add_immediate}, {0x1f800000, 0x12800000, move_wide},
    {0x1f800000, 0x13000000, bit_field},     {0x1f800000, 0x12000000, logical_immediate},
    {0x7fa00000, 0x13800000, extract},       {0x9f000000, 0x10000000, address},
};

static const struct a64_row registers[] = {
    {0x1f000000, 0x0a000000, logical_shifted},     {0x1f200000, 0x0b000000, add_shifted},
    {0x1fe00000, 0x0b200000, add_extended},        {0x3fe00800, 0x1a800000, conditional},
    {0x7fe00000, 0x1b000000, multiply_add},        /* madd, msub */
    {0x3fe00410, 0x3a400000, conditional_compare}, /* ccmn, ccmp */
    {0x7fe0fc00, 0x1ac02400, no_larger},           /* lsrv */
    {0x7fe0f000, 0x1ac02000, three_registers},     /* lslv, asrv, rorv */
    {0x7fe0fc00, 0x1ac00800, no_larger},           /* udiv */
    {0x7fe0fc00, 0x1ac00c00, three_registers},     /* sdiv */
    {0x7ffffc00, 0x5ac00000, one_source},          /* rbit */
    {0x7ffffc00, 0x5ac01000, one_source},          /* clz */
    {0xff608000, 0x9b200000, multiply_add},        /* smaddl, umaddl */
    {0xff60fc00, 0x9b407c00, three_registers},     /* smulh, umulh */
};

const struct a64_rows a64_verify_immediates = A64_ROWS(immediates);
const struct a64_rows a64_verify_registers = A64_ROWS(registers);
