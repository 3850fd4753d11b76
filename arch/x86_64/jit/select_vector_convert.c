// SPDX-License-Identifier: MIT
//
// Between lanes of different widths, and between integers and floats.
#include "arch/x86_64/jit/select_vector.h"

#include "kernel/lib/compiler.h"

#define HIGH_HALF 0xee /* an immediate of pshufd */

/* The bits of floats. */
#define F32_2_31    UINT32_C(0x4f000000)
#define F32_2_16    UINT32_C(0x47800000)
#define F64_2_52    UINT64_C(0x4330000000000000)
#define F64_I32_MAX UINT64_C(0x41dfffffffc00000)
#define F64_U32_MAX UINT64_C(0x41efffffffe00000)

enum { COMPARE_EQ = 0, COMPARE_LE = 2, ROUND_TO_ZERO = 11 };

static unsigned lane_bytes(const struct ir_instr *i)
{
    return 16 / ir_shape_lanes(ir_op_info[i->op].shape);
}

/* ---- Integers ---- */

static const uint16_t extend_signed[] = {X86_OP_V_PMOVSXBW, X86_OP_V_PMOVSXWD, X86_OP_V_PMOVSXDQ};
static const uint16_t extend_unsigned[] = {X86_OP_V_PMOVZXBW, X86_OP_V_PMOVZXWD, X86_OP_V_PMOVZXDQ};
static const uint16_t interleave_high[] = {X86_OP_V_PUNPCKHBW, X86_OP_V_PUNPCKHWD,
                                           X86_OP_V_PUNPCKHDQ};

/* A half of a vector, extended to lanes of `bytes` bytes. */
static uint32_t extend(struct selector *s, uint32_t to, uint32_t a, unsigned bytes, bool is_signed,
                       bool is_high)
{
    unsigned n = (unsigned)__builtin_ctz(bytes) - 1;
    if (is_high && !is_signed) {
        return x86_vector_with(s, to, (enum x86_op)interleave_high[n], a, 0, 0);
    }
    if (is_high) {
        a = x86_vector_one(s, VREG_NONE, X86_OP_V_PSHUFD, a, HIGH_HALF);
    }
    enum x86_op op = (enum x86_op)(is_signed ? extend_signed : extend_unsigned)[n];
    return x86_vector_one(s, to, op, a, 0);
}

static void multiply_extended(struct selector *s, const struct ir_instr *i, bool is_signed,
                              bool is_high)
{
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b), to = select_result(s);
    unsigned bytes = lane_bytes(i);
    if (bytes == 2) {
        a = extend(s, VREG_NONE, a, bytes, is_signed, is_high);
        b = extend(s, VREG_NONE, b, bytes, is_signed, is_high);
        (void)x86_vector_two(s, to, X86_OP_V_PMULLW, a, b);
    } else if (bytes == 4) {
        uint32_t low = x86_vector_two(s, VREG_NONE, X86_OP_V_PMULLW, a, b);
        uint32_t high =
            x86_vector_two(s, VREG_NONE, is_signed ? X86_OP_V_PMULHW : X86_OP_V_PMULHUW, a, b);
        (void)x86_vector_two(s, to, is_high ? X86_OP_V_PUNPCKHWD : X86_OP_V_PUNPCKLWD, low, high);
    } else {
        unsigned twice = is_high ? 0xfa : 0x50; /* each lane of the half two times */
        a = x86_vector_one(s, VREG_NONE, X86_OP_V_PSHUFD, a, twice);
        b = x86_vector_one(s, VREG_NONE, X86_OP_V_PSHUFD, b, twice);
        (void)x86_vector_two(s, to, is_signed ? X86_OP_V_PMULDQ : X86_OP_V_PMULUDQ, a, b);
    }
}

static void add_pairs(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a), to = select_result(s);
    if (i->op == IR_I16X8_EXTADD_PAIRWISE_S) { /* the left operand is unsigned */
        uint32_t ones = x86_vector_constant_reg(s, VREG_NONE, X86_BYTES(1), X86_BYTES(1));
        (void)x86_vector_two(s, to, X86_OP_V_PMADDUBSW, ones, a);
        return;
    }
    /* Unsigned 16-bit lanes less 2^15 are signed. */
    a = x86_vector_with(s, VREG_NONE, X86_OP_V_PXOR, a, X86_WORDS(0x8000), X86_WORDS(0x8000));
    a = x86_vector_with(s, VREG_NONE, X86_OP_V_PMADDWD, a, X86_WORDS(1), X86_WORDS(1));
    (void)x86_vector_with(s, to, X86_OP_V_PADDD, a, X86_LONGS(0x10000), X86_LONGS(0x10000));
}

/* ---- From integers ---- */

/* The upper and the lower halves are exact, and so is the product: the sum is rounded once. */
static void floats_from_unsigned(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a);
    uint32_t low =
        x86_vector_with(s, VREG_NONE, X86_OP_V_PAND, a, X86_LONGS(0xffff), X86_LONGS(0xffff));
    uint32_t high = x86_vector_shift(s, VREG_NONE, X86_OP_V_PSRLD_IMM, a, 16);
    low = x86_vector_one(s, VREG_NONE, X86_OP_V_CVTDQ2PS, low, 0);
    high = x86_vector_one(s, VREG_NONE, X86_OP_V_CVTDQ2PS, high, 0);
    high = x86_vector_with(s, VREG_NONE, X86_OP_V_MULPS, high, X86_LONGS(F32_2_16),
                           X86_LONGS(F32_2_16));
    (void)x86_vector_two(s, select_result(s), X86_OP_V_ADDPS, high, low);
}

/* With the upper half of 2^52 above, an integer is the fraction of a double. */
static void doubles_from_unsigned(struct selector *s, const struct ir_instr *i)
{
    uint64_t upper = X86_LONGS(F64_2_52 >> 32);
    uint32_t a =
        x86_vector_with(s, VREG_NONE, X86_OP_V_PUNPCKLDQ, select_reg(s, i->a), upper, upper);
    (void)x86_vector_with(s, select_result(s), X86_OP_V_SUBPD, a, F64_2_52, F64_2_52);
}

/* ---- To integers ---- */

/* Only a number that is too large becomes the smallest integer; inverting all bits turns that into
 * the largest. */
static void floats_to_signed(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a);
    uint32_t limit =
        x86_vector_constant_reg(s, VREG_NONE, X86_LONGS(F32_2_31), X86_LONGS(F32_2_31));
    uint32_t number = x86_vector_two_imm(s, VREG_NONE, X86_OP_V_CMPPS, a, a, COMPARE_EQ);
    number = x86_vector_two(s, VREG_NONE, X86_OP_V_PAND, number, a); /* a NaN becomes 0 */
    uint32_t large = x86_vector_two_imm(s, VREG_NONE, X86_OP_V_CMPPS, limit, number, COMPARE_LE);
    number = x86_vector_one(s, VREG_NONE, X86_OP_V_CVTTPS2DQ, number, 0);
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PXOR, number, large);
}

/* The sum of two parts: min(a, 2^31), of which 2^31 becomes the smallest integer, and the rest of
 * a, from 0 to the largest integer. */
static void floats_to_unsigned(struct selector *s, const struct ir_instr *i)
{
    uint32_t zero = x86_vector_constant_reg(s, VREG_NONE, 0, 0);
    uint32_t limit =
        x86_vector_constant_reg(s, VREG_NONE, X86_LONGS(F32_2_31), X86_LONGS(F32_2_31));
    uint32_t a = x86_vector_two(s, VREG_NONE, X86_OP_V_MAXPS, select_reg(s, i->a), zero);
    uint32_t above = x86_vector_two(s, VREG_NONE, X86_OP_V_SUBPS, a, limit);
    uint32_t large = x86_vector_two_imm(s, VREG_NONE, X86_OP_V_CMPPS, limit, above, COMPARE_LE);
    above = x86_vector_one(s, VREG_NONE, X86_OP_V_CVTTPS2DQ, above, 0);
    above = x86_vector_two(s, VREG_NONE, X86_OP_V_PXOR, above, large);
    above = x86_vector_two(s, VREG_NONE, X86_OP_V_PMAXSD, above, zero);
    a = x86_vector_one(s, VREG_NONE, X86_OP_V_CVTTPS2DQ, a, 0);
    (void)x86_vector_two(s, select_result(s), X86_OP_V_PADDD, a, above);
}

/* For a NaN the minimum is the right operand: 0. */
static void doubles_to_signed(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a);
    uint32_t most = x86_vector_two_imm(s, VREG_NONE, X86_OP_V_CMPPD, a, a, COMPARE_EQ);
    most = x86_vector_with(s, VREG_NONE, X86_OP_V_PAND, most, F64_I32_MAX, F64_I32_MAX);
    a = x86_vector_two(s, VREG_NONE, X86_OP_V_MINPD, a, most);
    (void)x86_vector_one(s, select_result(s), X86_OP_V_CVTTPD2DQ, a, 0);
}

/* The fraction of 2^52 + a is the integer. */
static void doubles_to_unsigned(struct selector *s, const struct ir_instr *i)
{
    uint32_t zero = x86_vector_constant_reg(s, VREG_NONE, 0, 0);
    uint32_t a = x86_vector_two(s, VREG_NONE, X86_OP_V_MAXPD, select_reg(s, i->a), zero);
    a = x86_vector_with(s, VREG_NONE, X86_OP_V_MINPD, a, F64_U32_MAX, F64_U32_MAX);
    a = x86_vector_one(s, VREG_NONE, X86_OP_V_ROUNDPD, a, ROUND_TO_ZERO);
    a = x86_vector_with(s, VREG_NONE, X86_OP_V_ADDPD, a, F64_2_52, F64_2_52);
    (void)x86_vector_two_imm(s, select_result(s), X86_OP_V_SHUFPS, a, zero, 0x88);
}

static bool select_float(struct selector *s, const struct ir_instr *i)
{
    switch (i->op) {
    case IR_F32X4_FROM_INT_U:
        floats_from_unsigned(s, i);
        return true;
    case IR_F64X2_FROM_INT_LOW_U:
        doubles_from_unsigned(s, i);
        return true;
    case IR_I32X4_TO_INT_SAT_S:
        floats_to_signed(s, i);
        return true;
    case IR_I32X4_TO_INT_SAT_U:
        floats_to_unsigned(s, i);
        return true;
    case IR_I32X4_TO_INT_SAT_ZERO_S:
        doubles_to_signed(s, i);
        return true;
    case IR_I32X4_TO_INT_SAT_ZERO_U:
        doubles_to_unsigned(s, i);
        return true;
    default:
        return false;
    }
}

bool x86_select_vector_convert(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    unsigned op = ir_op_info[i->op].lane_op;
    switch (op) {
    case IR_LANE_EXTEND_HIGH_S:
    case IR_LANE_EXTEND_HIGH_U:
        (void)extend(s, select_result(s), select_reg(s, i->a), lane_bytes(i),
                     op == IR_LANE_EXTEND_HIGH_S, true);
        return true;
    case IR_LANE_EXTMUL_LOW_S:
    case IR_LANE_EXTMUL_HIGH_S:
        multiply_extended(s, i, true, op == IR_LANE_EXTMUL_HIGH_S);
        return true;
    case IR_LANE_EXTMUL_LOW_U:
    case IR_LANE_EXTMUL_HIGH_U:
        multiply_extended(s, i, false, op == IR_LANE_EXTMUL_HIGH_U);
        return true;
    case IR_LANE_EXTADD_PAIRWISE_S:
    case IR_LANE_EXTADD_PAIRWISE_U:
        add_pairs(s, i);
        return true;
    default:
        return select_float(s, i);
    }
}
