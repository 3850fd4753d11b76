// SPDX-License-Identifier: MIT
//
// Floating point: most operations are one instruction that follows IEEE 754, including NaNs.
#include "arch/aarch64/jit/select_internal.h"

/* The form by operation; 0: none. */
static unsigned binary_form(unsigned op)
{
    switch (op) {
    case IR_FADD:
        return A64_FADD;
    case IR_FSUB:
        return A64_FSUB;
    case IR_FMUL:
        return A64_FMUL;
    case IR_FDIV:
        return A64_FDIV;
    case IR_FMIN:
        return A64_FMIN;
    case IR_FMAX:
        return A64_FMAX;
    default:
        return 0;
    }
}

static unsigned unary_form(unsigned op)
{
    switch (op) {
    case IR_FNEG:
        return A64_FNEG;
    case IR_FABS:
        return A64_FABS;
    case IR_FSQRT:
        return A64_FSQRT;
    case IR_FCEIL:
        return A64_FRINTP;
    case IR_FFLOOR:
        return A64_FRINTM;
    case IR_FTRUNC:
        return A64_FRINTZ;
    case IR_FNEAREST:
        return A64_FRINTN;
    case IR_PROMOTE:
        return A64_FCVT_D_S;
    case IR_DEMOTE:
        return A64_FCVT_S_D;
    default:
        return 0;
    }
}
_Static_assert(A64_ADD_IMM == 0, "0 is no form of floating point");

static void select_copysign(struct selector *s, const struct ir_instr *i)
{
    struct a64_new n = a64_new(s, A64_OP_COPYSIGN, a64_double(i->type));
    a64_operand(&n, select_result(s), VDEF, VAT_TIED, 1);
    a64_use(&n, select_reg(s, i->a));
    a64_operand(&n, select_reg(s, i->b), VUSE_LATE, VAT_REG, 0);
    a64_done(&n);
}

/* The result is written before the number is read for the last time, which does no harm because it
 * is in the other class. */
static void select_to_int(struct selector *s, const struct ir_instr *i)
{
    unsigned from = select_instr(s, i->a)->type;
    unsigned small = (from == IR_F64 ? A64_TO_INT_FROM_DOUBLE : 0) |
                     (i->type == IR_I64 ? A64_TO_INT_TO_WIDE : 0) |
                     (i->op == IR_TO_INT_S ? A64_TO_INT_SIGNED : 0);
    struct a64_new n = a64_new(s, A64_OP_TO_INT, small);
    n.i.flags = VI_TRAPS;
    n.i.trap = IR_TRAP_OVERFLOW;
    a64_operand(&n, select_result(s), VDEF_EARLY, VAT_REG, 0);
    a64_operand(&n, select_reg(s, i->a), VUSE_LATE, VAT_REG, 0);
    a64_done(&n);
}

static void select_saturating(struct selector *s, const struct ir_instr *i)
{
    unsigned from = select_instr(s, i->a)->type;
    a64_emit1(s, i->op == IR_TO_INT_SAT_S ? A64_FCVTZS : A64_FCVTZU,
              a64_wide(i->type) | a64_double(from), select_result(s), select_reg(s, i->a));
}

static void select_from_int(struct selector *s, const struct ir_instr *i)
{
    unsigned from = select_instr(s, i->a)->type;
    a64_emit1(s, i->op == IR_FROM_INT_S ? A64_SCVTF : A64_UCVTF,
              a64_wide(from) | a64_double(i->type), select_result(s), a64_low(s, i->a));
}

static void select_bitcast(struct selector *s, const struct ir_instr *i)
{
    bool wide = ir_type_size(i->type) == 8;
    unsigned form = ir_is_float(i->type) ? (wide ? A64_FMOV_D_X : A64_FMOV_S_W)
                                         : (wide ? A64_FMOV_X_D : A64_FMOV_W_S);
    uint32_t from = ir_is_float(i->type) ? a64_low(s, i->a) : select_reg(s, i->a);
    a64_emit1(s, form, 0, select_result(s), from);
}

bool a64_select_float(struct selector *s, const struct ir_instr *i)
{
    unsigned form = binary_form(i->op);
    if (form != 0) {
        a64_emit2(s, form, a64_double(i->type), select_result(s), select_reg(s, i->a),
                  select_reg(s, i->b));
        return true;
    }
    form = unary_form(i->op);
    if (form != 0) {
        a64_emit1(s, form, a64_double(i->type), select_result(s), select_reg(s, i->a));
        return true;
    }
    switch ((enum ir_op)i->op) {
    case IR_FCOPYSIGN:
        select_copysign(s, i);
        return true;
    case IR_TO_INT_S:
    case IR_TO_INT_U:
        select_to_int(s, i);
        return true;
    case IR_TO_INT_SAT_S:
    case IR_TO_INT_SAT_U:
        select_saturating(s, i);
        return true;
    case IR_FROM_INT_S:
    case IR_FROM_INT_U:
        select_from_int(s, i);
        return true;
    case IR_BITCAST:
        select_bitcast(s, i);
        return true;
    default:
        return false;
    }
}
