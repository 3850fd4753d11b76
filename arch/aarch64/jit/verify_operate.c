// SPDX-License-Identifier: MIT
//
// The verifier's decoder: what a word does, by its fields (Arm Architecture Reference Manual, DDI
// 0487, C4.1.92 to C4.1.96).
#include "arch/aarch64/jit/verify_internal.h"

enum { FP = 29, LR = 30 };

/* C1.2.4, condition codes. */
static uint8_t condition(uint32_t cond)
{
    static const uint8_t conditions[10] = {
        VERIFY_EQUAL, VERIFY_NOT_EQUAL, VERIFY_NOT_BELOW, VERIFY_BELOW, VERIFY_OTHER,
        VERIFY_OTHER, VERIFY_OTHER,     VERIFY_OTHER,     VERIFY_ABOVE, VERIFY_NOT_ABOVE};
    return cond < ARRAY_COUNT(conditions) ? conditions[cond] : (uint8_t)VERIFY_OTHER;
}

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
    i->imm = (int64_t)mask;
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
    if (opc == 3) {
        i->op = VERIFY_INSERT;
        i->a = i->d;
        i->shift = (uint8_t)shift;
    } else {
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

static bool extract(uint32_t w)
{
    return field(w, 22, 1) == is_wide(w) && field(w, 10, 6) < (is_wide(w) ? 64u : 32u);
}

static bool address(uint32_t w, struct verify_insn *i)
{
    i->size = 8;
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

static bool logical_shifted(uint32_t w, struct verify_insn *i)
{
    uint32_t opc = field(w, 29, 2);
    bool inverts = field(w, 21, 1) != 0;
    if ((field(w, 10, 6) >= 32 && !is_wide(w)) || (opc == 3 && inverts)) {
        return false;
    }
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
    i->extend = extension(w);
    i->shift = (uint8_t)field(w, 10, 3);
    add_or_subtract(w, i);
    return true;
}

static bool multiply_add(uint32_t w, struct verify_insn *i)
{
    i->c = zr(w, 10);
    if (field(w, 15, 1) == 0 && field(w, 21, 3) == 0) {
        i->op = VERIFY_MUL;
        i->c = i->c == VERIFY_ZERO ? VERIFY_NONE : i->c;
    }
    return true;
}

/* csel, csinc, csinv, csneg. csinc of two zeros is 1 if the condition does not hold. */
static bool conditional(uint32_t w, struct verify_insn *i)
{
    i->cond = condition(field(w, 12, 4));
    bool inverts = field(w, 30, 1) != 0, increments = field(w, 10, 1) != 0;
    if (!inverts && increments && i->a == VERIFY_ZERO && i->b == VERIFY_ZERO) {
        i->op = VERIFY_SET;
        i->cond = condition(field(w, 12, 4) ^ 1);
        i->a = i->b = VERIFY_NONE;
    } else if (!inverts) {
        i->op = VERIFY_SELECT;
        i->imm = increments;
    } else {
        i->flags = VERIFY_FLAGS_IN;
    }
    return true;
}

static bool conditional_compare(uint32_t w, struct verify_insn *i)
{
    i->b = field(w, 11, 1) == 0 ? zr(w, 16) : VERIFY_NONE;
    i->cond = condition(field(w, 12, 4));
    return true;
}

/* ---- Loads and stores (C4.1.94) ---- */

/* size, V and opc. Of vector registers: 4, 8 and 16 bytes. */
static bool access_kind(uint32_t w, struct verify_insn *i)
{
    uint32_t log2 = field(w, 30, 2), opc = field(w, 22, 2);
    bool vector = field(w, 26, 1) != 0, loads = opc != 0;
    if (vector) {
        if (opc >= 2 ? log2 != 0 : log2 < 2) {
            return false;
        }
        log2 = opc >= 2 ? 4 : log2;
        loads = (opc & 1) != 0;
    } else if (opc >= 2 && log2 >= (opc == 2 ? 3u : 2u)) {
        return false; /* prefetches, and what is not allocated */
    }
    uint8_t t = vector ? (uint8_t)VERIFY_NONE : zr(w, 0);
    i->op = loads ? VERIFY_LOAD : VERIFY_STORE;
    *(loads ? &i->d : &i->a) = t;
    i->bytes = (uint8_t)(1u << log2);
    i->size = vector ? i->bytes : opc == 2 || log2 == 3 ? 8 : 4;
    i->base = sp(w, 5);
    i->flags = VERIFY_MEM | (vector ? VERIFY_VECTOR : opc >= 2 ? VERIFY_SIGNED : 0);
    i->scale = (uint8_t)log2;
    return true;
}

/* With an offset of 12 bits, scaled, of 9 bits, or with an index: options below 2, and 4 and 5, are
 * not allocated. */
static bool access(uint32_t w, struct verify_insn *i, unsigned kind)
{
    if (!access_kind(w, i)) {
        return false;
    }
    unsigned log2 = i->scale;
    i->scale = 0;
    if (kind == ACCESS_SCALED) {
        i->disp = (int32_t)(field(w, 10, 12) << log2);
    } else if (kind == ACCESS_UNSCALED) {
        i->disp = (int32_t)signed_field(w, 12, 9);
    } else {
        i->index = zr(w, 16);
        i->extend = extension(w);
        i->scale = field(w, 12, 1) != 0 ? (uint8_t)log2 : 0;
    }
    return kind != ACCESS_INDEX || field(w, 14, 1) != 0;
}

/* Of two equal registers a load is unpredictable. */
static bool access_pair(uint32_t w, struct verify_insn *i)
{
    bool vector = field(w, 26, 1) != 0, loads = field(w, 22, 1) != 0;
    if (loads && field(w, 0, 5) == field(w, 10, 5)) {
        return false;
    }
    i->op = loads ? VERIFY_LOAD_PAIR : VERIFY_STORE_PAIR;
    i->size = i->bytes = vector ? 16 : 8;
    i->flags = VERIFY_MEM | (vector ? VERIFY_VECTOR : 0);
    i->base = sp(w, 5);
    i->disp = (int32_t)(signed_field(w, 15, 7) * i->bytes);
    if (!vector) {
        *(loads ? &i->d : &i->a) = zr(w, 0);
        i->c = zr(w, 10);
    }
    return true;
}

/* ---- Atomic accesses (C4.1.94) ---- */

static void atomic_place(uint32_t w, struct verify_insn *i)
{
    uint32_t log2 = field(w, 30, 2);
    i->bytes = (uint8_t)(1u << log2);
    i->size = log2 == 3 ? 8 : 4;
    i->base = sp(w, 5);
    i->flags = VERIFY_MEM;
}

/* ldar, ldaxr, stlr. */
static bool atomic_access(uint32_t w, struct verify_insn *i)
{
    atomic_place(w, i);
    *(i->op == VERIFY_LOAD ? &i->d : &i->a) = zr(w, 0);
    return true;
}

/* The registers in bits 16 to 20 (s) and 0 to 4 (t). stlxr writes s: 1 if it failed. If s is also
 * t or the base, the result is unpredictable (B2.9.5). swpal and its like read s and write t. casal
 * compares with s, writes s, and reads t. */
static bool atomic_exchange(uint32_t w, struct verify_insn *i)
{
    bool is_exclusive = field(w, 21, 9) == 0x040, compares = field(w, 21, 9) == 0x047;
    uint32_t s = field(w, 16, 5), t = field(w, 0, 5);
    atomic_place(w, i);
    i->a = zr(w, is_exclusive || compares ? 0 : 16);
    i->d = zr(w, is_exclusive || compares ? 16 : 0);
    if (is_exclusive) {
        i->size = 4;
        return s != t && (s != field(w, 5, 5) || s == 31);
    }
    if (compares) {
        i->c = i->d;
        return true;
    }
    return field(w, 12, 4) < 4 || field(w, 12, 4) == 8; /* add, clr, eor, set; swp */
}

/* ld1r: the same bytes into every lane. */
static bool replicate(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_LOAD;
    i->size = i->bytes = (uint8_t)(1u << field(w, 10, 2));
    i->base = sp(w, 5);
    i->flags = VERIFY_MEM | VERIFY_VECTOR;
    return true;
}

/* stp x29, x30, [sp, #-16]! and ldp x29, x30, [sp], #16: no other base is ever written back. */
static bool frame_record(uint32_t w, struct verify_insn *i)
{
    bool pops = field(w, 22, 1) != 0;
    i->op = pops ? VERIFY_POP : VERIFY_PUSH;
    *(pops ? &i->d : &i->a) = FP;
    i->c = LR;
    i->size = i->bytes = 8;
    i->imm = 16;
    return true;
}

static bool literal(uint32_t w, struct verify_insn *i)
{
    bool vector = field(w, 26, 1) != 0;
    i->size = i->bytes = (uint8_t)(4u << field(w, 30, 2));
    i->d = vector ? (uint8_t)VERIFY_NONE : zr(w, 0);
    i->flags = vector ? VERIFY_VECTOR : 0;
    i->imm = signed_field(w, 5, 19) * 4;
    return true;
}

/* ---- Branches (C4.1.93) ---- */

static bool branch(uint32_t w, struct verify_insn *i)
{
    i->op = is_wide(w) ? VERIFY_CALL : VERIFY_JUMP;
    i->imm = signed_field(w, 0, 26) * 4;
    return true;
}

/* Conditions 14 and 15 are always true, and never written. */
static bool branch_condition(uint32_t w, struct verify_insn *i)
{
    i->cond = condition(field(w, 0, 4));
    i->imm = signed_field(w, 5, 19) * 4;
    return field(w, 0, 4) < 14;
}

static bool branch_zero(uint32_t w, struct verify_insn *i)
{
    i->a = zr(w, 0);
    i->cond = field(w, 24, 1) == 0 ? VERIFY_EQUAL : VERIFY_NOT_EQUAL;
    i->imm = signed_field(w, 5, 19) * 4;
    return true;
}

static bool branch_bit(uint32_t w, struct verify_insn *i)
{
    i->a = zr(w, 0);
    i->cond = field(w, 24, 1) == 0 ? VERIFY_EQUAL : VERIFY_NOT_EQUAL;
    i->shift = (uint8_t)(field(w, 31, 1) << 5 | field(w, 19, 5));
    i->imm = signed_field(w, 5, 14) * 4;
    return true;
}

static bool branch_register(uint32_t w, struct verify_insn *i)
{
    bool calls = field(w, 21, 1) != 0;
    i->op = calls ? VERIFY_CALL_TO : VERIFY_JUMP_TABLE;
    *(calls ? &i->b : &i->a) = sp(w, 5);
    i->size = 8;
    return field(w, 5, 5) != 31;
}

/* ---- Floating point and vectors (C4.1.96) ---- */

static bool float_one(uint32_t w)
{
    /* Opcodes fmov, fabs, fneg, fsqrt, fcvt to the other width, frintn, frintp, frintm, frintz. */
    static const uint32_t opcodes[2] = {0x0f2f, 0x0f1f};
    return field(w, 15, 6) < 16 && (opcodes[field(w, 22, 1)] >> field(w, 15, 6) & 1) != 0;
}

/* fmul, fdiv, fadd, fsub, fmax, fmin. */
static bool float_two(uint32_t w)
{
    return field(w, 12, 4) < 6;
}

/* ---- All of them ---- */

bool a64_verify_operate(uint32_t w, enum a64_row_kind kind, struct verify_insn *i)
{
    switch (kind) {
    case ADD_IMMEDIATE:
        return add_immediate(w, i);
    case ADD_SHIFTED:
        return add_shifted(w, i);
    case ADD_EXTENDED:
        return add_extended(w, i);
    case LOGICAL_IMMEDIATE:
        return logical_immediate(w, i);
    case LOGICAL_SHIFTED:
        return logical_shifted(w, i);
    case MOVE_WIDE:
        return move_wide(w, i);
    case BIT_FIELD:
        return bit_field(w, i);
    case EXTRACT:
        return extract(w);
    case ADDRESS:
        return address(w, i);
    case MULTIPLY_ADD:
        return multiply_add(w, i);
    case CONDITIONAL:
        return conditional(w, i);
    case CONDITIONAL_COMPARE:
        return conditional_compare(w, i);
    case CONDITIONAL_FLOAT:
        i->cond = condition(field(w, 12, 4));
        return true;
    case ACCESS_SCALED:
    case ACCESS_UNSCALED:
    case ACCESS_INDEX:
        return access(w, i, kind);
    case ACCESS_PAIR:
        return access_pair(w, i);
    case FRAME_RECORD:
        return frame_record(w, i);
    case LITERAL:
        return literal(w, i);
    case BRANCH:
        return branch(w, i);
    case BRANCH_CONDITION:
        return branch_condition(w, i);
    case BRANCH_ZERO:
        return branch_zero(w, i);
    case BRANCH_BIT:
        return branch_bit(w, i);
    case BRANCH_REGISTER:
        return branch_register(w, i);
    case FLOAT_ONE:
        return float_one(w);
    case FLOAT_TWO:
        return float_two(w);
    case REPLICATE:
        return replicate(w, i);
    case VECTOR:
        return a64_verify_vector(w, i);
    case ATOMIC_ACCESS:
        return atomic_access(w, i);
    case ATOMIC_EXCHANGE:
        return atomic_exchange(w, i);
    default:
        return true;
    }
}
