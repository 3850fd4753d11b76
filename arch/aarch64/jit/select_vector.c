// SPDX-License-Identifier: MIT
//
// Operations on vectors: most are one instruction, with the size of a lane as its option.
// select_shuffle.c has shuffles.
#include "arch/aarch64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

/* The registers of a lane operation's form, and its special cases. */
enum {
    ONE = 1,     /* result and operand */
    TWO = 2,     /* result and two operands */
    SWAPS = 4,   /* the operands are exchanged */
    INVERTS = 8, /* the result is inverted afterwards */
    HALF = 16,   /* the size is that of the operands' lanes, half the result's */
};

struct row {
    uint16_t form;
    uint8_t how; /* 0: this file has code for it */
};

static const struct row rows[] = {
    [IR_LANE_NOT] = {A64_NOT_16B, ONE},
    [IR_LANE_AND] = {A64_AND_16B, TWO},
    [IR_LANE_ANDNOT] = {A64_BIC_16B, TWO},
    [IR_LANE_OR] = {A64_MOV_16B, TWO},
    [IR_LANE_XOR] = {A64_EOR_16B, TWO},
    [IR_LANE_SWIZZLE] = {A64_TBL_16B, TWO},
    [IR_LANE_EQ] = {A64_VCMEQ, TWO},
    [IR_LANE_NE] = {A64_VCMEQ, TWO | INVERTS},
    [IR_LANE_LT_S] = {A64_VCMGT, TWO | SWAPS},
    [IR_LANE_LT_U] = {A64_VCMHI, TWO | SWAPS},
    [IR_LANE_LE_S] = {A64_VCMGE, TWO | SWAPS},
    [IR_LANE_LE_U] = {A64_VCMHS, TWO | SWAPS},
    [IR_LANE_FEQ] = {A64_VFCMEQ, TWO},
    [IR_LANE_FNE] = {A64_VFCMEQ, TWO | INVERTS},
    [IR_LANE_FLT] = {A64_VFCMGT, TWO | SWAPS},
    [IR_LANE_FLE] = {A64_VFCMGE, TWO | SWAPS},
    [IR_LANE_ADD] = {A64_VADD, TWO},
    [IR_LANE_SUB] = {A64_VSUB, TWO},
    [IR_LANE_MUL] = {A64_VMUL, TWO},
    [IR_LANE_NEG] = {A64_VNEG, ONE},
    [IR_LANE_ABS] = {A64_VABS, ONE},
    [IR_LANE_ADD_SAT_S] = {A64_VSQADD, TWO},
    [IR_LANE_ADD_SAT_U] = {A64_VUQADD, TWO},
    [IR_LANE_SUB_SAT_S] = {A64_VSQSUB, TWO},
    [IR_LANE_SUB_SAT_U] = {A64_VUQSUB, TWO},
    [IR_LANE_MIN_S] = {A64_VSMIN, TWO},
    [IR_LANE_MIN_U] = {A64_VUMIN, TWO},
    [IR_LANE_MAX_S] = {A64_VSMAX, TWO},
    [IR_LANE_MAX_U] = {A64_VUMAX, TWO},
    [IR_LANE_AVGR_U] = {A64_VURHADD, TWO},
    [IR_LANE_Q15MULR_SAT_S] = {A64_VSQRDMULH, TWO},
    [IR_LANE_POPCNT] = {A64_VCNT, ONE},
    [IR_LANE_EXTEND_LOW_S] = {A64_VSSHLL, ONE | HALF},
    [IR_LANE_EXTEND_LOW_U] = {A64_VUSHLL, ONE | HALF},
    [IR_LANE_EXTEND_HIGH_S] = {A64_VSSHLL2, ONE | HALF},
    [IR_LANE_EXTEND_HIGH_U] = {A64_VUSHLL2, ONE | HALF},
    [IR_LANE_EXTMUL_LOW_S] = {A64_VSMULL, TWO | HALF},
    [IR_LANE_EXTMUL_LOW_U] = {A64_VUMULL, TWO | HALF},
    [IR_LANE_EXTMUL_HIGH_S] = {A64_VSMULL2, TWO | HALF},
    [IR_LANE_EXTMUL_HIGH_U] = {A64_VUMULL2, TWO | HALF},
    [IR_LANE_EXTADD_PAIRWISE_S] = {A64_VSADDLP, ONE | HALF},
    [IR_LANE_EXTADD_PAIRWISE_U] = {A64_VUADDLP, ONE | HALF},
    [IR_LANE_FADD] = {A64_VFADD, TWO},
    [IR_LANE_FSUB] = {A64_VFSUB, TWO},
    [IR_LANE_FMUL] = {A64_VFMUL, TWO},
    [IR_LANE_FDIV] = {A64_VFDIV, TWO},
    [IR_LANE_FMIN] = {A64_VFMIN, TWO},
    [IR_LANE_FMAX] = {A64_VFMAX, TWO},
    [IR_LANE_FNEG] = {A64_VFNEG, ONE},
    [IR_LANE_FABS] = {A64_VFABS, ONE},
    [IR_LANE_FSQRT] = {A64_VFSQRT, ONE},
    [IR_LANE_FCEIL] = {A64_VFRINTP, ONE},
    [IR_LANE_FFLOOR] = {A64_VFRINTM, ONE},
    [IR_LANE_FTRUNC] = {A64_VFRINTZ, ONE},
    [IR_LANE_FNEAREST] = {A64_VFRINTN, ONE},
    [IR_LANE_FROM_INT_S] = {A64_VSCVTF, ONE},
    [IR_LANE_FROM_INT_U] = {A64_VUCVTF, ONE},
    [IR_LANE_TO_INT_SAT_S] = {A64_VFCVTZS, ONE},
    [IR_LANE_TO_INT_SAT_U] = {A64_VFCVTZU, ONE},
    [IR_LANE_DEMOTE_ZERO] = {A64_VFCVTN, ONE},
    [IR_LANE_PROMOTE_LOW] = {A64_VFCVTL, ONE},
};

/* Log2 of the bytes of a lane. */
static unsigned size_of(const struct ir_instr *i)
{
    static const uint8_t sizes[IR_SHAPE_COUNT] = {
        [IR_SHAPE_I16X8] = 1, [IR_SHAPE_I32X4] = 2, [IR_SHAPE_I64X2] = 3,
        [IR_SHAPE_F32X4] = 2, [IR_SHAPE_F64X2] = 3,
    };
    return sizes[ir_op_info[i->op].shape];
}

/* `small` for lanes of a size, of integers or floats. */
static unsigned lanes_of(unsigned size)
{
    return A64_SMALL_OPTION(size) | (size == 3 ? A64_SMALL_DOUBLE : 0);
}

uint32_t a64_vector_temp(struct selector *s)
{
    return select_temp(s, VCLASS_FLOAT, 16);
}

void a64_emit_tied(struct selector *s, unsigned form, unsigned small, const uint32_t regs[4])
{
    struct a64_new n = a64_new(s, form, small);
    a64_operand(&n, regs[0], VDEF, VAT_TIED, 1);
    for (unsigned r = 1; r < 4 && regs[r] != VREG_NONE; r++) {
        a64_use(&n, regs[r]);
    }
    a64_done(&n);
}

void a64_emit_vector_const(struct selector *s, uint32_t d, uint64_t lo, uint64_t hi)
{
    struct a64_new n = a64_new(s, A64_OP_VCONST, 0);
    n.i.flags = VI_REMAKE;
    n.i.imm = lo;
    n.i.extra = vcode_extra(s->v, hi);
    a64_def(&n, d);
    a64_done(&n);
}

static uint32_t vector_const(struct selector *s, uint64_t lo, uint64_t hi)
{
    uint32_t d = a64_vector_temp(s);
    a64_emit_vector_const(s, d, lo, hi);
    return d;
}

/* A new vector from one or two registers. */
static uint32_t make1(struct selector *s, unsigned form, unsigned small, uint32_t n)
{
    uint32_t d = a64_vector_temp(s);
    a64_emit1(s, form, small, d, n);
    return d;
}

static uint32_t make2(struct selector *s, unsigned form, unsigned small, uint32_t n, uint32_t m)
{
    uint32_t d = a64_vector_temp(s);
    a64_emit2(s, form, small, d, n, m);
    return d;
}

/* A general register from a lane. */
static uint32_t take_lane(struct selector *s, unsigned size, unsigned lane, uint32_t vector)
{
    uint32_t d = a64_temp(s);
    a64_emit1(s, A64_UMOV, A64_SMALL_OPTION(size) | A64_SMALL_AMOUNT(lane), d, vector);
    return d;
}

/* ---- One instruction ---- */

static bool select_row(struct selector *s, const struct ir_instr *i)
{
    unsigned lane_op = ir_op_info[i->op].lane_op;
    const struct row *r = lane_op < ARRAY_COUNT(rows) ? &rows[lane_op] : &rows[0];
    if (r->how == 0) {
        return false;
    }
    unsigned small = lanes_of(size_of(i) - ((r->how & HALF) != 0));
    uint32_t result = select_result(s), a = select_reg(s, i->a);
    uint32_t d = (r->how & INVERTS) != 0 ? a64_vector_temp(s) : result;
    if ((r->how & ONE) != 0) {
        a64_emit1(s, r->form, small, d, a);
    } else {
        uint32_t b = select_reg(s, i->b);
        a64_emit2(s, r->form, small, d, (r->how & SWAPS) != 0 ? b : a,
                  (r->how & SWAPS) != 0 ? a : b);
    }
    if (d != result) {
        a64_emit1(s, A64_NOT_16B, 0, result, d);
    }
    return true;
}

/* ---- Lanes and scalars ---- */

static void select_splat(struct selector *s, const struct ir_instr *i)
{
    bool is_float = ir_is_float(select_instr(s, i->a)->type);
    uint32_t from = is_float ? select_reg(s, i->a) : a64_low(s, i->a);
    a64_emit1(s, is_float ? A64_DUP_LANE : A64_DUP, A64_SMALL_OPTION(size_of(i)), select_result(s),
              from);
}

static void select_extract(struct selector *s, const struct ir_instr *i)
{
    unsigned form = ir_is_float(i->type)                             ? A64_MOV_FROM_LANE
                    : ir_op_info[i->op].lane_op == IR_LANE_EXTRACT_S ? A64_SMOV
                                                                     : A64_UMOV;
    a64_emit1(s, form, A64_SMALL_OPTION(size_of(i)) | A64_SMALL_AMOUNT(i->b), select_result(s),
              select_reg(s, i->a));
}

static void select_replace(struct selector *s, const struct ir_instr *i)
{
    bool is_float = ir_is_float(select_instr(s, i->b)->type);
    const uint32_t regs[4] = {select_result(s), select_reg(s, i->a),
                              is_float ? select_reg(s, i->b) : a64_low(s, i->b), VREG_NONE};
    a64_emit_tied(s, is_float ? A64_INS_LANE : A64_INS,
                  A64_SMALL_OPTION(size_of(i)) | A64_SMALL_AMOUNT(i->c), regs);
}

static void select_bitselect(struct selector *s, const struct ir_instr *i)
{
    const uint32_t regs[4] = {select_result(s), select_reg(s, i->a), select_reg(s, i->b),
                              select_reg(s, i->c)};
    a64_emit_tied(s, A64_BSL_16B, 0, regs);
}

/* The result is b where a comparison holds, otherwise a. */
static void select_pseudo(struct selector *s, const struct ir_instr *i, bool is_min)
{
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b);
    uint32_t mask = make2(s, A64_VFCMGT, lanes_of(size_of(i)), is_min ? a : b, is_min ? b : a);
    const uint32_t regs[4] = {select_result(s), mask, b, a};
    a64_emit_tied(s, A64_BSL_16B, 0, regs);
}

/* ---- Shifts ---- */

/* A right shift by a register is a left shift by its negative. */
static void shift_by_register(struct selector *s, const struct ir_instr *i, unsigned lane_op)
{
    unsigned size = size_of(i);
    uint32_t count = a64_temp(s);
    a64_emit_imm(s, A64_AND_IMM, 0, count, a64_low(s, i->b), (8u << size) - 1);
    if (lane_op != IR_LANE_SHL) {
        struct a64_new n = a64_new(s, A64_SUB_REG, A64_SMALL_WIDE);
        uint32_t negative = a64_temp(s);
        n.i.extra = A64_EXTRA(1, A64_IN(A64_ZR));
        a64_def(&n, negative);
        a64_use(&n, count);
        a64_done(&n);
        count = negative;
    }
    uint32_t counts = make1(s, A64_DUP, A64_SMALL_OPTION(size), count);
    a64_emit2(s, lane_op == IR_LANE_SHR_S ? A64_VSSHL : A64_VUSHL, A64_SMALL_OPTION(size),
              select_result(s), select_reg(s, i->a), counts);
}

/* Only a left shift can encode 0. */
static void select_shift(struct selector *s, const struct ir_instr *i, unsigned lane_op)
{
    uint64_t count;
    if (!select_const(s, i->b, &count)) {
        shift_by_register(s, i, lane_op);
        return;
    }
    unsigned size = size_of(i), amount = (unsigned)(count % (8u << size));
    unsigned form = lane_op == IR_LANE_SHL || amount == 0 ? A64_VSHL
                    : lane_op == IR_LANE_SHR_S            ? A64_VSSHR
                                                          : A64_VUSHR;
    a64_emit1(s, form, A64_SMALL_OPTION(size) | A64_SMALL_AMOUNT(amount), select_result(s),
              select_reg(s, i->a));
}

/* ---- Several instructions ---- */

/* The two products of crossed halves are added and shifted up, then the product of the low halves
 * is added. */
static void select_multiply_64(struct selector *s, const struct ir_instr *i)
{
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b);
    uint32_t crossed = make1(s, A64_VREV64, A64_SMALL_OPTION(2), b);
    uint32_t products = make2(s, A64_VMUL, A64_SMALL_OPTION(2), crossed, a);
    uint32_t sums = make1(s, A64_VUADDLP, A64_SMALL_OPTION(2), products);
    uint32_t high = make1(s, A64_VSHL, A64_SMALL_OPTION(3) | A64_SMALL_AMOUNT(32), sums);
    uint32_t low_a = make1(s, A64_VXTN, A64_SMALL_OPTION(2), a);
    uint32_t low_b = make1(s, A64_VXTN, A64_SMALL_OPTION(2), b);
    const uint32_t regs[4] = {select_result(s), high, low_a, low_b};
    a64_emit_tied(s, A64_VUMLAL, A64_SMALL_OPTION(2), regs);
}

/* Of signed lanes of half the width. */
static void select_dot(struct selector *s, const struct ir_instr *i)
{
    unsigned size = A64_SMALL_OPTION(size_of(i)), half = A64_SMALL_OPTION(size_of(i) - 1);
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b);
    uint32_t low = make2(s, A64_VSMULL, half, a, b), high = make2(s, A64_VSMULL2, half, a, b);
    a64_emit2(s, A64_VADDP, size, select_result(s), low, high);
}

/* The product is added to what the register of the result holds, or subtracted from it. */
static void select_accumulate(struct selector *s, const struct ir_instr *i, unsigned form)
{
    const uint32_t regs[4] = {select_result(s), select_reg(s, i->c), select_reg(s, i->a),
                              select_reg(s, i->b)};
    a64_emit_tied(s, form, form == A64_VSDOT ? 0 : lanes_of(size_of(i)), regs);
}

/* The products of the even bytes are those of the bytes shifted up, divided by 2^16: a's by 8 bits
 * and b's, which are unsigned, by 7. sqrdmulh doubles and rounds, but this product is exact. */
static void select_dot_bytes(struct selector *s, const struct ir_instr *i)
{
    const unsigned size = A64_SMALL_OPTION(1), byte = size | A64_SMALL_AMOUNT(8);
    uint32_t a = select_reg(s, i->a), b = select_reg(s, i->b);
    uint32_t even_a = make1(s, A64_VSHL, byte, a), even_b = make1(s, A64_VSHL, byte, b);
    even_b = make1(s, A64_VUSHR, size | A64_SMALL_AMOUNT(1), even_b);
    uint32_t even = make2(s, A64_VSQRDMULH, size, even_a, even_b);
    uint32_t odd_a = make1(s, A64_VSSHR, byte, a), odd_b = make1(s, A64_VUSHR, byte, b);
    uint32_t odd = make2(s, A64_VMUL, size, odd_a, odd_b);
    a64_emit2(s, A64_VSQADD, size, select_result(s), even, odd);
}

static void select_narrow(struct selector *s, const struct ir_instr *i, bool is_signed)
{
    unsigned small = A64_SMALL_OPTION(size_of(i));
    uint32_t low = make1(s, is_signed ? A64_VSQXTN : A64_VSQXTUN, small, select_reg(s, i->a));
    const uint32_t regs[4] = {select_result(s), low, select_reg(s, i->b), VREG_NONE};
    a64_emit_tied(s, is_signed ? A64_VSQXTN2 : A64_VSQXTUN2, small, regs);
}

static void select_from_low(struct selector *s, const struct ir_instr *i, bool is_signed)
{
    uint32_t wide =
        make1(s, is_signed ? A64_VSSHLL : A64_VUSHLL, A64_SMALL_OPTION(2), select_reg(s, i->a));
    a64_emit1(s, is_signed ? A64_VSCVTF : A64_VUCVTF, A64_SMALL_DOUBLE, select_result(s), wide);
}

/* To 64 bits, then to the nearest of 32. */
static void select_to_int_zero(struct selector *s, const struct ir_instr *i, bool is_signed)
{
    uint32_t wide =
        make1(s, is_signed ? A64_VFCVTZS : A64_VFCVTZU, A64_SMALL_DOUBLE, select_reg(s, i->a));
    a64_emit1(s, is_signed ? A64_VSQXTN : A64_VUQXTN, A64_SMALL_OPTION(2), select_result(s), wide);
}

/* ---- Tests ---- */

/* The signs of both lanes, as numbers. */
static void bitmask_64(struct selector *s, const struct ir_instr *i)
{
    uint32_t signs =
        make1(s, A64_VUSHR, A64_SMALL_OPTION(3) | A64_SMALL_AMOUNT(63), select_reg(s, i->a));
    uint32_t low = take_lane(s, 3, 0, signs), high = take_lane(s, 3, 1, signs);
    a64_emit2(s, A64_ADD_REG, A64_SMALL_OPTION(A64_LSL) | A64_SMALL_AMOUNT(1), select_result(s),
              low, high);
}

/* Each lane keeps the bit with its own number if its sign is set; the sum is the mask. Of 16 lanes
 * the two halves become pairs of 16 bits first. */
static void select_bitmask(struct selector *s, const struct ir_instr *i)
{
    static const uint64_t bits[3][2] = {{0x8040201008040201, 0x8040201008040201},
                                        {0x0008000400020001, 0x0080004000200010},
                                        {0x0000000200000001, 0x0000000800000004}};
    unsigned size = size_of(i);
    if (size == 3) {
        bitmask_64(s, i);
        return;
    }
    uint32_t signs =
        make1(s, A64_VSSHR, A64_SMALL_OPTION(size) | A64_SMALL_AMOUNT((8u << size) - 1),
              select_reg(s, i->a));
    uint32_t own = make2(s, A64_AND_16B, 0, signs, vector_const(s, bits[size][0], bits[size][1]));
    if (size == 0) {
        uint32_t high = make2(s, A64_EXT_16B, A64_SMALL_AMOUNT(8), own, own);
        own = make2(s, A64_VZIP1, A64_SMALL_OPTION(0), own, high);
        size = 1;
    }
    uint32_t sum = make1(s, A64_VADDV, A64_SMALL_OPTION(size), own);
    a64_emit1(s, A64_UMOV, A64_SMALL_OPTION(size), select_result(s), sum);
}

bool a64_test_vector(struct selector *s, const struct ir_instr *i, struct a64_condition *c)
{
    unsigned lane_op = ir_op_info[i->op].lane_op, size = size_of(i);
    *c = (struct a64_condition){.form = A64_SUBS_IMM, .count = 1, .cond = A64_NE};
    if (lane_op == IR_LANE_ALL_TRUE && size < 3) {
        uint32_t smallest = make1(s, A64_VUMINV, A64_SMALL_OPTION(size), select_reg(s, i->a));
        c->regs[0] = take_lane(s, size, 0, smallest);
        return true;
    }
    if (lane_op != IR_LANE_ALL_TRUE && lane_op != IR_LANE_ANY_TRUE) {
        return false;
    }
    uint32_t from = select_reg(s, i->a);
    if (lane_op == IR_LANE_ALL_TRUE) { /* no lane equals 0 */
        from = make1(s, A64_CMEQ_ZERO, A64_SMALL_OPTION(size), from);
        c->cond = A64_EQ;
    }
    uint32_t largest = make2(s, A64_VUMAXP, A64_SMALL_OPTION(2), from, from);
    c->regs[0] = take_lane(s, 3, 0, largest);
    c->small = A64_SMALL_WIDE;
    return true;
}

/* ---- By operation ---- */

static void select_constant(struct selector *s, const struct ir_instr *i)
{
    const uint32_t *words = &s->f->pool[i->a];
    a64_emit_vector_const(s, select_result(s), words[0] | (uint64_t)words[1] << 32,
                          words[2] | (uint64_t)words[3] << 32);
}

bool a64_select_vector(struct selector *s, const struct ir_instr *i)
{
    unsigned lane_op = ir_op_info[i->op].lane_op;
    switch (lane_op) {
    case IR_LANE_CONST:
        select_constant(s, i);
        return true;
    case IR_LANE_BITSELECT:
        select_bitselect(s, i);
        return true;
    case IR_LANE_SPLAT:
        select_splat(s, i);
        return true;
    case IR_LANE_EXTRACT:
    case IR_LANE_EXTRACT_S:
    case IR_LANE_EXTRACT_U:
        select_extract(s, i);
        return true;
    case IR_LANE_REPLACE:
        select_replace(s, i);
        return true;
    case IR_LANE_SHUFFLE:
        a64_select_shuffle(s, i);
        return true;
    case IR_LANE_SHL:
    case IR_LANE_SHR_S:
    case IR_LANE_SHR_U:
        select_shift(s, i, lane_op);
        return true;
    case IR_LANE_BITMASK:
        select_bitmask(s, i);
        return true;
    case IR_LANE_MUL:
        if (size_of(i) == 3) {
            select_multiply_64(s, i);
            return true;
        }
        return select_row(s, i);
    case IR_LANE_DOT_S:
    case IR_LANE_DOT_BYTES:
        select_dot(s, i);
        return true;
    case IR_LANE_FMA:
        select_accumulate(s, i, A64_VFMLA);
        return true;
    case IR_LANE_FNMA:
        select_accumulate(s, i, A64_VFMLS);
        return true;
    case IR_LANE_DOT_ADD_S:
        select_accumulate(s, i, A64_VSDOT);
        return true;
    case IR_LANE_DOT_SAT_SU:
        select_dot_bytes(s, i);
        return true;
    case IR_LANE_NARROW_S:
    case IR_LANE_NARROW_U:
        select_narrow(s, i, lane_op == IR_LANE_NARROW_S);
        return true;
    case IR_LANE_FPMIN:
    case IR_LANE_FPMAX:
        select_pseudo(s, i, lane_op == IR_LANE_FPMIN);
        return true;
    case IR_LANE_FROM_INT_LOW_S:
    case IR_LANE_FROM_INT_LOW_U:
        select_from_low(s, i, lane_op == IR_LANE_FROM_INT_LOW_S);
        return true;
    case IR_LANE_TO_INT_SAT_ZERO_S:
    case IR_LANE_TO_INT_SAT_ZERO_U:
        select_to_int_zero(s, i, lane_op == IR_LANE_TO_INT_SAT_ZERO_S);
        return true;
    default:
        return select_row(s, i);
    }
}
