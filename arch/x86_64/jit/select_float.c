// SPDX-License-Identifier: MIT
//
// Floating point, and conversions between types.
#include "arch/x86_64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

static const struct ir_instr *current(const struct selector *s)
{
    return select_instr(s, s->at);
}

/* ---- Arithmetic ---- */

static void tied(struct selector *s, enum x86_op op, unsigned size, uint32_t a, uint32_t b)
{
    struct draft d = x86_draft_new(op, size);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, a));
    x86_draft_rm(s, &d, b, size);
    x86_draft_emit(s, &d);
}

static void commutative(struct selector *s, enum x86_op op, unsigned size)
{
    const struct ir_instr *i = current(s);
    bool exchange =
        !x86_may_read(s, i->b, size) &&
        (x86_may_read(s, i->a, size) || (!select_is_single(s, i->a) && select_is_single(s, i->b)));
    tied(s, op, size, exchange ? i->b : i->a, exchange ? i->a : i->b);
}

/* Both operands are read more than once. */
static void min_max(struct selector *s, enum x86_op op, unsigned size)
{
    const struct ir_instr *i = current(s);
    struct draft d = x86_draft_new(op, size);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, i->a));
    x86_draft_operand(&d, select_reg(s, i->b), VUSE_LATE, VAT_REG, 0);
    x86_draft_emit(s, &d);
}

static uint64_t sign_bit(unsigned size)
{
    return UINT64_C(1) << (8 * size - 1);
}

/* An operation with a 16-byte constant, of which the lowest bytes matter. */
static void with_mask(struct selector *s, enum x86_op op, unsigned size, uint64_t mask)
{
    struct draft d = x86_draft_new(op, size);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, current(s)->a));
    d.small.mode = X86_MODE_MEM;
    d.small.base = X86_BASE_CONSTANT;
    d.i.imm = mask;
    x86_draft_emit(s, &d);
}

static void copysign(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    struct draft d = x86_draft_new(X86_OP_COPYSIGN, size);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, i->a));
    x86_draft_operand(&d, select_reg(s, i->b), VUSE_LATE, VAT_REG, 0);
    x86_draft_emit(s, &d);
}

/* The rounding mode as the instruction encodes it, without the inexact flag. */
enum { NEAREST = 8, DOWN = 9, UP = 10, TO_ZERO = 11 };

static void round_to(struct selector *s, unsigned size, unsigned how)
{
    bool has = (s->features & JIT_X86_SSE41) != 0;
    enum x86_op op = !has ? X86_OP_ROUND : size == 4 ? X86_OP_ROUNDSS : X86_OP_ROUNDSD;
    struct draft d = x86_draft_new(op, size);
    d.i.imm = how;
    if (has) {
        x86_draft_def(&d, select_result(s));
        x86_draft_use(&d, select_reg(s, current(s)->a));
    } else {
        x86_draft_operand(&d, select_result(s), VDEF_EARLY, VAT_REG, 0);
        x86_draft_operand(&d, select_reg(s, current(s)->a), VUSE, VAT_REG, 0);
    }
    x86_draft_emit(s, &d);
}

static bool select_unary(struct selector *s, unsigned size)
{
    switch (current(s)->op) {
    case IR_FNEG:
        with_mask(s, X86_OP_XORPS, size, sign_bit(size));
        return true;
    case IR_FABS:
        with_mask(s, X86_OP_ANDPS, size, sign_bit(size) - 1);
        return true;
    case IR_FSQRT:
        x86_lower_unary(s, X86_OP_SQRTS, size, current(s)->a, size);
        return true;
    case IR_FCEIL:
        round_to(s, size, UP);
        return true;
    case IR_FFLOOR:
        round_to(s, size, DOWN);
        return true;
    case IR_FTRUNC:
        round_to(s, size, TO_ZERO);
        return true;
    case IR_FNEAREST:
        round_to(s, size, NEAREST);
        return true;
    default:
        return false;
    }
}

bool x86_select_float(struct selector *s)
{
    const struct ir_instr *i = current(s);
    unsigned size = ir_type_size(i->type);
    switch (i->op) {
    case IR_FADD:
        commutative(s, X86_OP_ADDS, size);
        return true;
    case IR_FSUB:
        tied(s, X86_OP_SUBS, size, i->a, i->b);
        return true;
    case IR_FMUL:
        commutative(s, X86_OP_MULS, size);
        return true;
    case IR_FDIV:
        tied(s, X86_OP_DIVS, size, i->a, i->b);
        return true;
    case IR_FMIN:
        min_max(s, X86_OP_MIN, size);
        return true;
    case IR_FMAX:
        min_max(s, X86_OP_MAX, size);
        return true;
    case IR_FCOPYSIGN:
        copysign(s, size);
        return true;
    default:
        return select_unary(s, size);
    }
}

/* ---- Conversions ---- */

static void to_integer(struct selector *s, unsigned from, bool is_signed, bool saturates)
{
    const struct ir_instr *i = current(s);
    struct draft d = x86_draft_new(X86_OP_TO_INT, ir_type_size(i->type));
    d.small.cond = (from == 8 ? X86_TO_INT_DOUBLE : 0u) | (is_signed ? 0u : X86_TO_INT_UNSIGNED) |
                   (saturates ? X86_TO_INT_SATURATES : 0u);
    if (!saturates) {
        d.i.flags |= VI_TRAPS;
        d.i.trap = IR_TRAP_CONVERSION;
    }
    x86_draft_def(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, i->a));
    x86_draft_emit(s, &d);
}

/* An unsigned 32-bit integer in its register is a signed 64-bit one. */
static void from_integer(struct selector *s, unsigned from, bool is_signed)
{
    const struct ir_instr *i = current(s);
    enum x86_op op = i->type == IR_F32 ? X86_OP_CVTSI2SS : X86_OP_CVTSI2SD;
    if (is_signed) {
        x86_lower_unary(s, op, from, i->a, from);
        return;
    }
    struct draft d =
        x86_draft_new(from == 4 ? op : X86_OP_FROM_U64, from == 4 ? 8 : ir_type_size(i->type));
    x86_draft_def(&d, select_result(s));
    x86_draft_operand(&d, select_reg(s, i->a), from == 4 ? VUSE : VUSE_LATE, VAT_REG, 0);
    if (from == 8) {
        x86_draft_operand(&d, select_temp(s, VCLASS_INT, 8), VTEMP, VAT_REG, 0);
    }
    x86_draft_emit(s, &d);
}

static void bitcast(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    unsigned from = select_instr(s, i->a)->type;
    if (x86_may_read(s, i->a, size)) {
        x86_lower_unary(s, ir_is_float(i->type) ? X86_OP_MOVS : X86_OP_MOV, size, i->a, size);
    } else if (ir_is_float(i->type) == ir_is_float(from)) {
        x86_lower_copy(s, select_result(s), select_reg(s, i->a), select_class(from), size);
    } else if (ir_is_float(i->type)) {
        struct draft d = x86_draft_new(X86_OP_MOVD, size);
        x86_draft_def(&d, select_result(s));
        x86_draft_operand(&d, select_reg(s, i->a), VUSE, VAT_ANY, 0);
        x86_draft_emit(s, &d);
    } else {
        struct draft d = x86_draft_new(X86_OP_TO_INT_BITS, size);
        x86_draft_def(&d, select_result(s));
        x86_draft_operand(&d, select_reg(s, i->a), VUSE, VAT_ANY, 0);
        x86_draft_emit(s, &d);
    }
}

bool x86_select_conversion(struct selector *s)
{
    const struct ir_instr *i = current(s);
    unsigned size = ir_type_size(i->type), from = ir_type_size(select_instr(s, i->a)->type);
    switch (i->op) {
    case IR_WRAP:
        x86_lower_unary(s, X86_OP_MOV, 4, i->a, 4);
        return true;
    case IR_EXTEND_U:
        x86_lower_unary(s, X86_OP_MOV, 4, i->a, 4);
        return true;
    case IR_EXTEND_S:
    case IR_EXTEND32_S:
        x86_lower_unary(s, X86_OP_MOVSXD, 8, i->a, 4);
        return true;
    case IR_EXTEND8_S:
        x86_lower_unary(s, X86_OP_MOVSX8, size, i->a, 1);
        return true;
    case IR_EXTEND16_S:
        x86_lower_unary(s, X86_OP_MOVSX16, size, i->a, 2);
        return true;
    case IR_PROMOTE:
        x86_lower_unary(s, X86_OP_CVTSS2SD, 4, i->a, 4);
        return true;
    case IR_DEMOTE:
        x86_lower_unary(s, X86_OP_CVTSD2SS, 8, i->a, 8);
        return true;
    case IR_TO_INT_S:
    case IR_TO_INT_U:
        to_integer(s, from, i->op == IR_TO_INT_S, false);
        return true;
    case IR_TO_INT_SAT_S:
    case IR_TO_INT_SAT_U:
        to_integer(s, from, i->op == IR_TO_INT_SAT_S, true);
        return true;
    case IR_FROM_INT_S:
    case IR_FROM_INT_U:
        from_integer(s, from, i->op == IR_FROM_INT_S);
        return true;
    case IR_BITCAST:
        bitcast(s, size);
        return true;
    default:
        return false;
    }
}
