// SPDX-License-Identifier: MIT
//
// Operations on lanes that take several instructions.
#include "arch/x86_64/jit/select_vector.h"

#include "kernel/lib/compiler.h"

enum { COMPARE_UNORDERED = 3 };

static unsigned lane_bytes(const struct ir_instr *i)
{
    return 16 / ir_shape_lanes(ir_op_info[i->op].shape);
}

/* By the log2 of a lane's bytes. */
static unsigned lane_log2(const struct ir_instr *i)
{
    return (unsigned)__builtin_ctz(lane_bytes(i));
}

static uint32_t with_ones(struct selector *s, uint32_t to, uint32_t a)
{
    return x86_vector_two(s, to, X86_OP_V_PXOR, a,
                          x86_vector_constant_reg(s, VREG_NONE, UINT64_MAX, UINT64_MAX));
}

/* ---- Bits ---- */

/* c ^ (a & (b ^ c)) */
static void bit_select(struct selector *s, const struct ir_instr *i)
{
    uint32_t c = select_reg(s, i->c);
    uint32_t t = x86_vector_two(s, VREG_NONE, X86_OP_V_PXOR, select_reg(s, i->b), c);
    t = x86_vector_two(s, VREG_NONE, X86_OP_V_PAND, t, select_reg(s, i->a));
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PXOR, t, c);
}

/* The number for each half of a byte, by table. */
static void count_ones(struct selector *s, const struct ir_instr *i)
{
    uint64_t low = UINT64_C(0x0302020102010100), high = UINT64_C(0x0403030203020201);
    uint32_t a = select_reg(s, i->a);
    uint32_t halves = x86_vector_constant_reg(s, VREG_NONE, X86_BYTES(0x0f), X86_BYTES(0x0f));
    uint32_t counts = x86_vector_constant_reg(s, VREG_NONE, low, high);
    uint32_t upper = x86_vector_shift(s, VREG_NONE, X86_OP_V_PSRLW_IMM, a, 4);
    upper = x86_vector_two(s, VREG_NONE, X86_OP_V_PAND, upper, halves);
    uint32_t lower = x86_vector_two(s, VREG_NONE, X86_OP_V_PAND, a, halves);
    upper = x86_vector_two(s, VREG_NONE, X86_OP_V_PSHUFB, counts, upper);
    lower = x86_vector_two(s, VREG_NONE, X86_OP_V_PSHUFB, counts, lower);
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PADDB, upper, lower);
}

/* ---- Comparisons of integers ---- */

static const uint16_t equal[] = {X86_OP_V_PCMPEQB, X86_OP_V_PCMPEQW, X86_OP_V_PCMPEQD,
                                 X86_OP_V_PCMPEQQ};
static const uint16_t min_signed[] = {X86_OP_V_PMINSB, X86_OP_V_PMINSW, X86_OP_V_PMINSD};
static const uint16_t min_unsigned[] = {X86_OP_V_PMINUB, X86_OP_V_PMINUW, X86_OP_V_PMINUD};

static void not_equal(struct selector *s, const struct ir_instr *i)
{
    uint32_t t = x86_vector_two(s, VREG_NONE, (enum x86_op)equal[lane_log2(i)], select_reg(s, i->a),
                                select_reg(s, i->b));
    (void)with_ones(s, select_result(s), t);
}

/* a <= b, where min(a, b) is a. */
static void at_most(struct selector *s, uint32_t to, uint32_t a, uint32_t b, enum x86_op min,
                    enum x86_op equal_op)
{
    uint32_t t = x86_vector_two(s, VREG_NONE, min, a, b);
    (void)x86_vector_two(s, to, equal_op, t, a);
}

static bool select_comparison(struct selector *s, const struct ir_instr *i)
{
    unsigned log2 = lane_log2(i);
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b), t;
    switch (ir_op_info[i->op].lane_op) {
    case IR_LANE_LE_S:
        if (log2 == 3) {
            t = x86_vector_two(s, VREG_NONE, X86_OP_V_PCMPGTQ, a, b);
            (void)with_ones(s, select_result(s), t);
        } else {
            at_most(s, select_result(s), a, b, (enum x86_op)min_signed[log2],
                    (enum x86_op)equal[log2]);
        }
        return true;
    case IR_LANE_LE_U:
        at_most(s, select_result(s), a, b, (enum x86_op)min_unsigned[log2],
                (enum x86_op)equal[log2]);
        return true;
    default: /* a < b: not b <= a */
        t = select_temp(s, VCLASS_FLOAT, 16);
        at_most(s, t, b, a, (enum x86_op)min_unsigned[log2], (enum x86_op)equal[log2]);
        (void)with_ones(s, select_result(s), t);
        return true;
    }
}

/* ---- Arithmetic of integers ---- */

/* Of 64 bits: the products of the upper half of one and the lower half of the other, shifted up,
 * and the product of both lower halves. */
static void multiply_quads(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b);
    uint32_t left = x86_vector_shift(s, VREG_NONE, X86_OP_V_PSRLQ_IMM, a, 32);
    uint32_t right = x86_vector_shift(s, VREG_NONE, X86_OP_V_PSRLQ_IMM, b, 32);
    left = x86_vector_two(s, VREG_NONE, X86_OP_V_PMULUDQ, left, b);
    right = x86_vector_two(s, VREG_NONE, X86_OP_V_PMULUDQ, right, a);
    left = x86_vector_two(s, VREG_NONE, X86_OP_V_PADDQ, left, right);
    left = x86_vector_shift(s, VREG_NONE, X86_OP_V_PSLLQ_IMM, left, 32);
    uint32_t low = x86_vector_two(s, VREG_NONE, X86_OP_V_PMULUDQ, a, b);
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PADDQ, left, low);
}

/* (a ^ m) - m, where m is all ones if a is negative. */
static void absolute_quads(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a);
    uint32_t zero = x86_vector_constant_reg(s, VREG_NONE, 0, 0);
    uint32_t m = x86_vector_two(s, VREG_NONE, X86_OP_V_PCMPGTQ, zero, a);
    uint32_t t = x86_vector_two(s, VREG_NONE, X86_OP_V_PXOR, m, a);
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PSUBQ, t, m);
}

/* Only -1 * -1 gives the smallest number, and must give the largest. */
static void multiply_q15(struct selector *s, const struct ir_instr *i)
{
    uint32_t t =
        x86_vector_two(s, VREG_NONE, X86_OP_V_PMULHRSW, select_reg(s, i->a), select_reg(s, i->b));
    uint32_t wrong =
        x86_vector_with(s, VREG_NONE, X86_OP_V_PCMPEQW, t, X86_WORDS(0x8000), X86_WORDS(0x8000));
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PXOR, t, wrong);
}

/* ---- Shifts ---- */

/* By the log2 of a lane's bytes; there are none for bytes, nor a signed one of 64 bits. */
static const uint16_t left_by_imm[] = {0, X86_OP_V_PSLLW_IMM, X86_OP_V_PSLLD_IMM,
                                       X86_OP_V_PSLLQ_IMM};
static const uint16_t right_by_imm[] = {0, X86_OP_V_PSRLW_IMM, X86_OP_V_PSRLD_IMM,
                                        X86_OP_V_PSRLQ_IMM};
static const uint16_t signed_by_imm[] = {0, X86_OP_V_PSRAW_IMM, X86_OP_V_PSRAD_IMM, 0};
static const uint16_t left_by_reg[] = {0, X86_OP_V_PSLLW, X86_OP_V_PSLLD, X86_OP_V_PSLLQ};
static const uint16_t right_by_reg[] = {0, X86_OP_V_PSRLW, X86_OP_V_PSRLD, X86_OP_V_PSRLQ};
static const uint16_t signed_by_reg[] = {0, X86_OP_V_PSRAW, X86_OP_V_PSRAD, 0};

/** The count of a shift, modulo the lane's width. */
struct count {
    bool is_known;
    unsigned bits;
    uint32_t reg; /* a vector with the count in its lowest lane */
};

static struct count find_count(struct selector *s, const struct ir_instr *i)
{
    struct count c = {.reg = VREG_NONE};
    unsigned mask = 8 * lane_bytes(i) - 1;
    uint64_t bits;
    if (select_const(s, i->b, &bits)) {
        c.is_known = true;
        c.bits = bits & mask;
        return c;
    }
    uint32_t masked = select_temp(s, VCLASS_INT, 4);
    struct draft d = x86_draft_new(X86_OP_AND, 4);
    x86_draft_def_tied(&d, masked);
    x86_draft_use(&d, select_reg(s, i->b));
    x86_draft_imm(&d, mask);
    x86_draft_emit(s, &d);
    d = x86_draft_new(X86_OP_MOVD, 4);
    c.reg = select_temp(s, VCLASS_FLOAT, 16);
    x86_draft_def(&d, c.reg);
    x86_draft_use(&d, masked);
    x86_draft_emit(s, &d);
    return c;
}

static uint32_t shift_by(struct selector *s, uint32_t to, const uint16_t *by_imm,
                         const uint16_t *by_reg, unsigned log2, uint32_t a, const struct count *c)
{
    return c->is_known ? x86_vector_shift(s, to, (enum x86_op)by_imm[log2], a, c->bits)
                       : x86_vector_two(s, to, (enum x86_op)by_reg[log2], a, c->reg);
}

/* All ones, shifted byte by byte: the bits that a shift of 16-bit lanes leaves in each byte. */
static uint32_t byte_mask(struct selector *s, bool is_left, const struct count *c)
{
    if (c->is_known) {
        unsigned bits = is_left ? 0xffu << c->bits : 0xffu >> c->bits;
        return x86_vector_constant_reg(s, VREG_NONE, X86_BYTES(bits), X86_BYTES(bits));
    }
    uint32_t ones = x86_vector_constant_reg(s, VREG_NONE, UINT64_MAX, UINT64_MAX);
    ones = x86_vector_two(s, VREG_NONE, is_left ? X86_OP_V_PSLLW : X86_OP_V_PSRLW, ones, c->reg);
    unsigned which = is_left ? 0 : 1; /* the byte that bits are shifted out of */
    return x86_vector_with(s, VREG_NONE, X86_OP_V_PSHUFB, ones, X86_BYTES(which), X86_BYTES(which));
}

static uint32_t shift_bytes(struct selector *s, uint32_t to, bool is_left, uint32_t a,
                            const struct count *c)
{
    uint32_t t = shift_by(s, VREG_NONE, is_left ? left_by_imm : right_by_imm,
                          is_left ? left_by_reg : right_by_reg, 1, a, c);
    return x86_vector_two(s, to, X86_OP_V_PAND, t, byte_mask(s, is_left, c));
}

/* From an unsigned shift: with m the sign bit, shifted likewise, (t ^ m) - m extends the sign. */
static void extend_sign(struct selector *s, uint32_t t, uint32_t m, enum x86_op sub)
{
    t = x86_vector_two(s, VREG_NONE, X86_OP_V_PXOR, t, m);
    (void)x86_vector_two(s, select_result(s), sub, t, m);
}

static void shift_bytes_signed(struct selector *s, uint32_t a, const struct count *c)
{
    uint32_t sign = x86_vector_constant_reg(s, VREG_NONE, X86_BYTES(0x80), X86_BYTES(0x80));
    sign = shift_bytes(s, VREG_NONE, false, sign, c);
    extend_sign(s, shift_bytes(s, VREG_NONE, false, a, c), sign, X86_OP_V_PSUBB);
}

static void shift_quads_signed(struct selector *s, uint32_t a, const struct count *c)
{
    uint64_t bit = UINT64_C(1) << 63;
    uint32_t sign = x86_vector_constant_reg(s, VREG_NONE, bit, bit);
    sign = shift_by(s, VREG_NONE, right_by_imm, right_by_reg, 3, sign, c);
    a = shift_by(s, VREG_NONE, right_by_imm, right_by_reg, 3, a, c);
    extend_sign(s, a, sign, X86_OP_V_PSUBQ);
}

static void select_shift(struct selector *s, const struct ir_instr *i)
{
    unsigned op = ir_op_info[i->op].lane_op, log2 = lane_log2(i);
    struct count c = find_count(s, i);
    uint32_t a = select_reg(s, i->a);
    bool is_left = op == IR_LANE_SHL, is_signed = op == IR_LANE_SHR_S;
    if (log2 == 0 && is_signed) {
        shift_bytes_signed(s, a, &c);
    } else if (log2 == 0) {
        (void)shift_bytes(s, select_result(s), is_left, a, &c);
    } else if (log2 == 3 && is_signed) {
        shift_quads_signed(s, a, &c);
    } else {
        (void)shift_by(s, select_result(s),
                       is_left     ? left_by_imm
                       : is_signed ? signed_by_imm
                                   : right_by_imm,
                       is_left     ? left_by_reg
                       : is_signed ? signed_by_reg
                                   : right_by_reg,
                       log2, a, &c);
    }
}

/* ---- Floats ---- */

/* The instructions for one width. */
struct float_ops {
    uint16_t min, max, sub, compare, shift;
    uint8_t bits; /* sign, exponent and the highest bit of the fraction: a quiet NaN */
};

static const struct float_ops *float_ops(const struct ir_instr *i)
{
    static const struct float_ops single = {X86_OP_V_MINPS, X86_OP_V_MAXPS,     X86_OP_V_SUBPS,
                                            X86_OP_V_CMPPS, X86_OP_V_PSRLD_IMM, 10};
    static const struct float_ops wide = {X86_OP_V_MINPD, X86_OP_V_MAXPD,     X86_OP_V_SUBPD,
                                          X86_OP_V_CMPPD, X86_OP_V_PSRLQ_IMM, 13};
    return ir_op_info[i->op].shape == IR_SHAPE_F32X4 ? &single : &wide;
}

/* Clear the fraction of each NaN, but for its highest bit. */
static void clear_payloads(struct selector *s, const struct float_ops *o, uint32_t t)
{
    uint32_t nan =
        x86_vector_two_imm(s, VREG_NONE, (enum x86_op)o->compare, t, t, COMPARE_UNORDERED);
    uint32_t cleared = x86_vector_shift(s, VREG_NONE, (enum x86_op)o->shift, nan, o->bits);
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PANDN, cleared, t);
}

/* The instruction returns its right operand if one is a NaN, or for two zeros. So it is done in
 * both orders; the bits of both results together have the sign of -0 and all bits of a NaN. */
static void smaller(struct selector *s, const struct ir_instr *i)
{
    const struct float_ops *o = float_ops(i);
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b);
    uint32_t one = x86_vector_two(s, VREG_NONE, (enum x86_op)o->min, a, b);
    uint32_t other = x86_vector_two(s, VREG_NONE, (enum x86_op)o->min, b, a);
    uint32_t t = x86_vector_two(s, VREG_NONE, X86_OP_V_POR, one, other);
    uint32_t nan =
        x86_vector_two_imm(s, VREG_NONE, (enum x86_op)o->compare, other, t, COMPARE_UNORDERED);
    t = x86_vector_two(s, VREG_NONE, X86_OP_V_POR, t, nan); /* a quiet one */
    uint32_t cleared = x86_vector_shift(s, VREG_NONE, (enum x86_op)o->shift, nan, o->bits);
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PANDN, cleared, t);
}

/* Where the two differ they are zeros, of which the difference is +0, or one is a NaN, which stays
 * one. */
static void larger(struct selector *s, const struct ir_instr *i)
{
    const struct float_ops *o = float_ops(i);
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b);
    uint32_t one = x86_vector_two(s, VREG_NONE, (enum x86_op)o->max, a, b);
    uint32_t other = x86_vector_two(s, VREG_NONE, (enum x86_op)o->max, b, a);
    uint32_t differ = x86_vector_two(s, VREG_NONE, X86_OP_V_PXOR, other, one);
    uint32_t t = x86_vector_two(s, VREG_NONE, X86_OP_V_POR, one, differ);
    t = x86_vector_two(s, VREG_NONE, (enum x86_op)o->sub, t, differ);
    clear_payloads(s, o, t);
}

static void change_sign(struct selector *s, const struct ir_instr *i)
{
    bool is_single = ir_op_info[i->op].shape == IR_SHAPE_F32X4;
    uint64_t sign = is_single ? X86_LONGS(0x80000000) : UINT64_C(1) << 63;
    bool negates = ir_op_info[i->op].lane_op == IR_LANE_FNEG;
    uint64_t mask = negates ? sign : ~sign;
    (void)x86_vector_with(s, select_result(s), negates ? X86_OP_V_PXOR : X86_OP_V_PAND,
                          select_reg(s, i->a), mask, mask);
}

/* ---- By operation ---- */

bool x86_select_vector_sequence(struct selector *s)
{
    static void (*const families[])(struct selector *, const struct ir_instr *) = {
        [IR_LANE_BITSELECT] = bit_select, [IR_LANE_POPCNT] = count_ones,
        [IR_LANE_NE] = not_equal,         [IR_LANE_MUL] = multiply_quads,
        [IR_LANE_ABS] = absolute_quads,   [IR_LANE_Q15MULR_SAT_S] = multiply_q15,
        [IR_LANE_SHL] = select_shift,     [IR_LANE_SHR_S] = select_shift,
        [IR_LANE_SHR_U] = select_shift,   [IR_LANE_FMIN] = smaller,
        [IR_LANE_FMAX] = larger,          [IR_LANE_FNEG] = change_sign,
        [IR_LANE_FABS] = change_sign,
    };
    const struct ir_instr *i = select_instr(s, s->at);
    unsigned op = ir_op_info[i->op].lane_op;
    if (op == IR_LANE_NOT) {
        (void)with_ones(s, select_result(s), select_reg(s, i->a));
        return true;
    }
    if (op == IR_LANE_LE_S || op == IR_LANE_LE_U || op == IR_LANE_LT_U) {
        return select_comparison(s, i);
    }
    if (op >= ARRAY_COUNT(families) || families[op] == NULL) {
        return false;
    }
    families[op](s, i);
    return true;
}
