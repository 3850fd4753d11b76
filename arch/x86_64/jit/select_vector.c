// SPDX-License-Identifier: MIT
//
// Vector operations that are one instruction, by a table, and how sequences are built.
//
// Without AVX an instruction overwrites its left operand, and faults if 16 bytes of memory are not
// aligned: only constants are operands in memory. With AVX loads and spill slots are, too.
#include "arch/x86_64/jit/select_vector.h"

#include "kernel/lib/compiler.h"

static bool has_avx(const struct selector *s)
{
    return (s->features & JIT_X86_AVX) != 0;
}

static uint32_t new_vector(struct selector *s, uint32_t to)
{
    return to != VREG_NONE ? to : select_temp(s, VCLASS_FLOAT, 16);
}

/* ---- Building ---- */

static void draft_left(struct selector *s, struct draft *d, uint32_t to, uint32_t a)
{
    if (has_avx(s)) {
        x86_draft_def(d, to);
    } else {
        x86_draft_def_tied(d, to);
    }
    x86_draft_use(d, a);
}

static void draft_constant(struct selector *s, struct draft *d, uint64_t low, uint64_t high)
{
    uint32_t first = vcode_extra(s->v, low);
    (void)vcode_extra(s->v, high);
    d->small.mode = X86_MODE_MEM;
    d->small.base = X86_BASE_CONSTANT;
    d->i.imm = first;
}

uint32_t x86_vector_one(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, unsigned imm)
{
    struct draft d = x86_draft_new(op, 8);
    to = new_vector(s, to);
    d.i.imm = imm;
    x86_draft_def(&d, to);
    x86_draft_use(&d, a);
    x86_draft_emit(s, &d);
    return to;
}

uint32_t x86_vector_two_imm(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, uint32_t b,
                            unsigned imm)
{
    struct draft d = x86_draft_new(op, 8);
    to = new_vector(s, to);
    d.i.imm = imm;
    draft_left(s, &d, to, a);
    x86_draft_use(&d, b);
    x86_draft_emit(s, &d);
    return to;
}

uint32_t x86_vector_two(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, uint32_t b)
{
    return x86_vector_two_imm(s, to, op, a, b, 0);
}

uint32_t x86_vector_with(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, uint64_t low,
                         uint64_t high)
{
    struct draft d = x86_draft_new(op, 8);
    to = new_vector(s, to);
    draft_left(s, &d, to, a);
    draft_constant(s, &d, low, high);
    x86_draft_emit(s, &d);
    return to;
}

uint32_t x86_vector_shift(struct selector *s, uint32_t to, enum x86_op op, uint32_t a,
                          unsigned bits)
{
    struct draft d = x86_draft_new(op, 8);
    to = new_vector(s, to);
    d.i.imm = bits;
    draft_left(s, &d, to, a);
    x86_draft_emit(s, &d);
    return to;
}

uint32_t x86_vector_constant_reg(struct selector *s, uint32_t to, uint64_t low, uint64_t high)
{
    struct draft d = x86_draft_new(X86_OP_VECTOR_CONST, 8);
    to = new_vector(s, to);
    uint32_t first = vcode_extra(s->v, low);
    (void)vcode_extra(s->v, high);
    d.i.imm = first;
    d.i.flags |= VI_REMAKE;
    x86_draft_def(&d, to);
    x86_draft_emit(s, &d);
    return to;
}

uint32_t x86_vector_from_int(struct selector *s, uint32_t value, unsigned bytes)
{
    struct draft d = x86_draft_new(X86_OP_MOVD, bytes);
    uint32_t to = new_vector(s, VREG_NONE);
    x86_draft_def(&d, to);
    x86_draft_rm(s, &d, value, bytes);
    x86_draft_emit(s, &d);
    return to;
}

void x86_vector_out(struct selector *s, uint32_t to, enum x86_op op, uint32_t a, unsigned imm)
{
    struct draft d = x86_draft_new(op, 8);
    d.i.imm = imm;
    x86_draft_def(&d, to);
    x86_draft_use(&d, a);
    x86_draft_emit(s, &d);
}

/* ---- Values as operands ---- */

static bool is_constant(const struct selector *s, uint32_t value)
{
    return select_instr(s, value)->op == IR_V128_CONST;
}

/* Whether the right operand need not be in a register. An immediate cannot follow the address of a
 * constant. */
static bool is_memory(const struct selector *s, enum x86_op op, uint32_t value)
{
    bool has_imm = x86_forms[x86_op_forms[op]].imm != X86_IMM_NONE;
    bool is_in_memory = is_constant(s, value) && !select_is_loop_constant(s, value);
    return (is_in_memory && !has_imm) || (has_avx(s) && x86_may_read(s, value, 16));
}

static uint64_t word_of(const struct selector *s, uint32_t at)
{
    return s->f->pool[at] | (uint64_t)s->f->pool[at + 1] << 32;
}

static void draft_right(struct selector *s, struct draft *d, uint32_t value)
{
    const struct ir_instr *i = select_instr(s, value);
    if (!is_memory(s, d->i.op, value)) {
        x86_draft_operand(d, select_reg(s, value), VUSE, has_avx(s) ? VAT_ANY : VAT_REG, 0);
    } else if (i->op == IR_V128_CONST) {
        draft_constant(s, d, word_of(s, i->a), word_of(s, i->a + 2));
    } else {
        struct address a = x86_merge_load(s, value);
        x86_draft_address(d, &a);
    }
}

void x86_vector_values(struct selector *s, enum x86_op op, uint32_t a, uint32_t b, unsigned imm)
{
    struct draft d = x86_draft_new(op, 8);
    uint32_t to = select_result(s);
    d.i.imm = imm;
    draft_left(s, &d, to, select_reg(s, a));
    draft_right(s, &d, b);
    x86_draft_emit(s, &d);
}

/* The right operand is the one that may be in memory. Without AVX the left one is overwritten: it
 * is the one that is not used again. */
static void commutative(struct selector *s, enum x86_op op, uint32_t a, uint32_t b)
{
    bool left_in_memory = is_memory(s, op, a), right_in_memory = is_memory(s, op, b);
    bool exchange =
        !right_in_memory && (left_in_memory || (!select_is_single(s, a) && select_is_single(s, b)));
    x86_vector_values(s, op, exchange ? b : a, exchange ? a : b, 0);
}

/* ---- One instruction ---- */

/* What an operation is. */
enum kind {
    NONE,
    TWO,      /* a op b */
    EXCHANGE, /* b op a */
    ONE,
    FROM_ZERO, /* 0 op a */
    WITH,      /* a op the constant of the same lanes */
};

struct line {
    uint8_t kind, imm;
    uint16_t op;
};

/* By operation of the representation, from the first one of vectors. */
#define FIRST      IR_V128_CONST
#define LINE(name) [IR_##name - FIRST]

static const struct line lines[] = {
    LINE(V128_AND) = {TWO, 0, X86_OP_V_PAND},
    LINE(V128_ANDNOT) = {EXCHANGE, 0, X86_OP_V_PANDN},
    LINE(V128_OR) = {TWO, 0, X86_OP_V_POR},
    LINE(V128_XOR) = {TWO, 0, X86_OP_V_PXOR},

    LINE(I8X16_EQ) = {TWO, 0, X86_OP_V_PCMPEQB},
    LINE(I16X8_EQ) = {TWO, 0, X86_OP_V_PCMPEQW},
    LINE(I32X4_EQ) = {TWO, 0, X86_OP_V_PCMPEQD},
    LINE(I64X2_EQ) = {TWO, 0, X86_OP_V_PCMPEQQ},
    LINE(I8X16_LT_S) = {EXCHANGE, 0, X86_OP_V_PCMPGTB},
    LINE(I16X8_LT_S) = {EXCHANGE, 0, X86_OP_V_PCMPGTW},
    LINE(I32X4_LT_S) = {EXCHANGE, 0, X86_OP_V_PCMPGTD},
    LINE(I64X2_LT_S) = {EXCHANGE, 0, X86_OP_V_PCMPGTQ},
    LINE(F32X4_FEQ) = {TWO, 0, X86_OP_V_CMPPS},
    LINE(F64X2_FEQ) = {TWO, 0, X86_OP_V_CMPPD},
    LINE(F32X4_FNE) = {TWO, 4, X86_OP_V_CMPPS},
    LINE(F64X2_FNE) = {TWO, 4, X86_OP_V_CMPPD},
    LINE(F32X4_FLT) = {TWO, 1, X86_OP_V_CMPPS},
    LINE(F64X2_FLT) = {TWO, 1, X86_OP_V_CMPPD},
    LINE(F32X4_FLE) = {TWO, 2, X86_OP_V_CMPPS},
    LINE(F64X2_FLE) = {TWO, 2, X86_OP_V_CMPPD},

    LINE(I8X16_ADD) = {TWO, 0, X86_OP_V_PADDB},
    LINE(I16X8_ADD) = {TWO, 0, X86_OP_V_PADDW},
    LINE(I32X4_ADD) = {TWO, 0, X86_OP_V_PADDD},
    LINE(I64X2_ADD) = {TWO, 0, X86_OP_V_PADDQ},
    LINE(I8X16_SUB) = {TWO, 0, X86_OP_V_PSUBB},
    LINE(I16X8_SUB) = {TWO, 0, X86_OP_V_PSUBW},
    LINE(I32X4_SUB) = {TWO, 0, X86_OP_V_PSUBD},
    LINE(I64X2_SUB) = {TWO, 0, X86_OP_V_PSUBQ},
    LINE(I8X16_NEG) = {FROM_ZERO, 0, X86_OP_V_PSUBB},
    LINE(I16X8_NEG) = {FROM_ZERO, 0, X86_OP_V_PSUBW},
    LINE(I32X4_NEG) = {FROM_ZERO, 0, X86_OP_V_PSUBD},
    LINE(I64X2_NEG) = {FROM_ZERO, 0, X86_OP_V_PSUBQ},
    LINE(I8X16_ABS) = {ONE, 0, X86_OP_V_PABSB},
    LINE(I16X8_ABS) = {ONE, 0, X86_OP_V_PABSW},
    LINE(I32X4_ABS) = {ONE, 0, X86_OP_V_PABSD},
    LINE(I16X8_MUL) = {TWO, 0, X86_OP_V_PMULLW},
    LINE(I32X4_MUL) = {TWO, 0, X86_OP_V_PMULLD},
    LINE(I8X16_ADD_SAT_S) = {TWO, 0, X86_OP_V_PADDSB},
    LINE(I16X8_ADD_SAT_S) = {TWO, 0, X86_OP_V_PADDSW},
    LINE(I8X16_ADD_SAT_U) = {TWO, 0, X86_OP_V_PADDUSB},
    LINE(I16X8_ADD_SAT_U) = {TWO, 0, X86_OP_V_PADDUSW},
    LINE(I8X16_SUB_SAT_S) = {TWO, 0, X86_OP_V_PSUBSB},
    LINE(I16X8_SUB_SAT_S) = {TWO, 0, X86_OP_V_PSUBSW},
    LINE(I8X16_SUB_SAT_U) = {TWO, 0, X86_OP_V_PSUBUSB},
    LINE(I16X8_SUB_SAT_U) = {TWO, 0, X86_OP_V_PSUBUSW},
    LINE(I8X16_MIN_S) = {TWO, 0, X86_OP_V_PMINSB},
    LINE(I16X8_MIN_S) = {TWO, 0, X86_OP_V_PMINSW},
    LINE(I32X4_MIN_S) = {TWO, 0, X86_OP_V_PMINSD},
    LINE(I8X16_MIN_U) = {TWO, 0, X86_OP_V_PMINUB},
    LINE(I16X8_MIN_U) = {TWO, 0, X86_OP_V_PMINUW},
    LINE(I32X4_MIN_U) = {TWO, 0, X86_OP_V_PMINUD},
    LINE(I8X16_MAX_S) = {TWO, 0, X86_OP_V_PMAXSB},
    LINE(I16X8_MAX_S) = {TWO, 0, X86_OP_V_PMAXSW},
    LINE(I32X4_MAX_S) = {TWO, 0, X86_OP_V_PMAXSD},
    LINE(I8X16_MAX_U) = {TWO, 0, X86_OP_V_PMAXUB},
    LINE(I16X8_MAX_U) = {TWO, 0, X86_OP_V_PMAXUW},
    LINE(I32X4_MAX_U) = {TWO, 0, X86_OP_V_PMAXUD},
    LINE(I8X16_AVGR_U) = {TWO, 0, X86_OP_V_PAVGB},
    LINE(I16X8_AVGR_U) = {TWO, 0, X86_OP_V_PAVGW},

    LINE(I16X8_EXTEND_LOW_S) = {ONE, 0, X86_OP_V_PMOVSXBW},
    LINE(I32X4_EXTEND_LOW_S) = {ONE, 0, X86_OP_V_PMOVSXWD},
    LINE(I64X2_EXTEND_LOW_S) = {ONE, 0, X86_OP_V_PMOVSXDQ},
    LINE(I16X8_EXTEND_LOW_U) = {ONE, 0, X86_OP_V_PMOVZXBW},
    LINE(I32X4_EXTEND_LOW_U) = {ONE, 0, X86_OP_V_PMOVZXWD},
    LINE(I64X2_EXTEND_LOW_U) = {ONE, 0, X86_OP_V_PMOVZXDQ},
    LINE(I32X4_DOT_S) = {TWO, 0, X86_OP_V_PMADDWD},
    LINE(I16X8_DOT_SAT_SU) = {EXCHANGE, 0, X86_OP_V_PMADDUBSW},
    LINE(I8X16_NARROW_S) = {TWO, 0, X86_OP_V_PACKSSWB},
    LINE(I16X8_NARROW_S) = {TWO, 0, X86_OP_V_PACKSSDW},
    LINE(I8X16_NARROW_U) = {TWO, 0, X86_OP_V_PACKUSWB},
    LINE(I16X8_NARROW_U) = {TWO, 0, X86_OP_V_PACKUSDW},
    LINE(I32X4_EXTADD_PAIRWISE_S) = {WITH, 1, X86_OP_V_PMADDWD},
    LINE(I16X8_EXTADD_PAIRWISE_U) = {WITH, 1, X86_OP_V_PMADDUBSW},

    LINE(F32X4_FADD) = {TWO, 0, X86_OP_V_ADDPS},
    LINE(F64X2_FADD) = {TWO, 0, X86_OP_V_ADDPD},
    LINE(F32X4_FSUB) = {TWO, 0, X86_OP_V_SUBPS},
    LINE(F64X2_FSUB) = {TWO, 0, X86_OP_V_SUBPD},
    LINE(F32X4_FMUL) = {TWO, 0, X86_OP_V_MULPS},
    LINE(F64X2_FMUL) = {TWO, 0, X86_OP_V_MULPD},
    LINE(F32X4_FDIV) = {TWO, 0, X86_OP_V_DIVPS},
    LINE(F64X2_FDIV) = {TWO, 0, X86_OP_V_DIVPD},
    /* The right operand is the result unless the comparison holds. */
    LINE(F32X4_FPMIN) = {EXCHANGE, 0, X86_OP_V_MINPS},
    LINE(F64X2_FPMIN) = {EXCHANGE, 0, X86_OP_V_MINPD},
    LINE(F32X4_FPMAX) = {EXCHANGE, 0, X86_OP_V_MAXPS},
    LINE(F64X2_FPMAX) = {EXCHANGE, 0, X86_OP_V_MAXPD},
    LINE(F32X4_FSQRT) = {ONE, 0, X86_OP_V_SQRTPS},
    LINE(F64X2_FSQRT) = {ONE, 0, X86_OP_V_SQRTPD},
    /* To the nearest, down, up, to zero; without the inexact flag. */
    LINE(F32X4_FNEAREST) = {ONE, 8, X86_OP_V_ROUNDPS},
    LINE(F64X2_FNEAREST) = {ONE, 8, X86_OP_V_ROUNDPD},
    LINE(F32X4_FFLOOR) = {ONE, 9, X86_OP_V_ROUNDPS},
    LINE(F64X2_FFLOOR) = {ONE, 9, X86_OP_V_ROUNDPD},
    LINE(F32X4_FCEIL) = {ONE, 10, X86_OP_V_ROUNDPS},
    LINE(F64X2_FCEIL) = {ONE, 10, X86_OP_V_ROUNDPD},
    LINE(F32X4_FTRUNC) = {ONE, 11, X86_OP_V_ROUNDPS},
    LINE(F64X2_FTRUNC) = {ONE, 11, X86_OP_V_ROUNDPD},

    LINE(F32X4_FROM_INT_S) = {ONE, 0, X86_OP_V_CVTDQ2PS},
    LINE(F64X2_FROM_INT_LOW_S) = {ONE, 0, X86_OP_V_CVTDQ2PD},
    LINE(F32X4_DEMOTE_ZERO) = {ONE, 0, X86_OP_V_CVTPD2PS},
    LINE(F64X2_PROMOTE_LOW) = {ONE, 0, X86_OP_V_CVTPS2PD},
};

/* 1 in each lane of the operand. */
static uint64_t one_per_lane(unsigned op)
{
    return op == X86_OP_V_PMADDWD ? X86_WORDS(1) : X86_BYTES(1);
}

static bool select_line(struct selector *s, const struct line *l)
{
    const struct ir_instr *i = select_instr(s, s->at);
    enum x86_op op = (enum x86_op)l->op;
    switch ((enum kind)l->kind) {
    case NONE:
        return false;
    case TWO:
        if ((ir_op_info[i->op].flags & IR_COMMUTES) != 0 && l->imm == 0) {
            commutative(s, op, i->a, i->b);
        } else {
            x86_vector_values(s, op, i->a, i->b, l->imm);
        }
        return true;
    case EXCHANGE:
        x86_vector_values(s, op, i->b, i->a, l->imm);
        return true;
    case ONE:
        (void)x86_vector_one(s, select_result(s), op, select_reg(s, i->a), l->imm);
        return true;
    case FROM_ZERO:
        (void)x86_vector_two(s, select_result(s), op, x86_vector_constant_reg(s, VREG_NONE, 0, 0),
                             select_reg(s, i->a));
        return true;
    case WITH:
        (void)x86_vector_with(s, select_result(s), op, select_reg(s, i->a), one_per_lane(op),
                              one_per_lane(op));
        return true;
    }
    return false;
}

/* Relaxed operations have no form without AVX, so every operand in memory may be at any address. */
static bool select_relaxed(struct selector *s, const struct ir_instr *i)
{
    enum x86_op op;
    bool exchange = false;
    switch (i->op) {
    case IR_F32X4_FMA:
        op = X86_OP_V_FMADDPS;
        break;
    case IR_F64X2_FMA:
        op = X86_OP_V_FMADDPD;
        break;
    case IR_F32X4_FNMA:
        op = X86_OP_V_FNMADDPS;
        break;
    case IR_F64X2_FNMA:
        op = X86_OP_V_FNMADDPD;
        break;
    case IR_I32X4_DOT_ADD_SU:
        op = X86_OP_V_PDPBUSD;
        exchange = true; /* the operand in memory is the signed one */
        break;
    default:
        return false;
    }
    struct draft d = x86_draft_new(op, 8);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, i->c));
    x86_draft_use(&d, select_reg(s, exchange ? i->b : i->a));
    draft_right(s, &d, exchange ? i->a : i->b);
    x86_draft_emit(s, &d);
    return true;
}

bool x86_select_vector(struct selector *s)
{
    const struct ir_instr *i = select_instr(s, s->at);
    uint32_t line = i->op - (uint32_t)FIRST;
    if (i->op == IR_V128_CONST) {
        (void)x86_vector_constant_reg(s, select_result(s), word_of(s, i->a), word_of(s, i->a + 2));
        return true;
    }
    if (x86_vectors(s->features) != JIT_VECTORS_ALL) {
        return false;
    }
    if (line < ARRAY_COUNT(lines) && select_line(s, &lines[line])) {
        return true;
    }
    return select_relaxed(s, i) || x86_select_lanes(s) || x86_select_vector_sequence(s) ||
           x86_select_vector_convert(s);
}
