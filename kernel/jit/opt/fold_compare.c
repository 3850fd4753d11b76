// SPDX-License-Identifier: MIT
//
// Rules for comparisons, conditions and selections. A comparison with a constant has one of these
// forms: equal, not equal, less than; equal to 0 is eqz.
#include "kernel/jit/opt/fold.h"

static uint32_t boolean(struct ir_function *f, bool v)
{
    return ir_build_const(f, IR_I32, v);
}

static uint64_t sign_of(unsigned type)
{
    uint64_t all = fold_all(type);
    return all ^ all >> 1;
}

/* ---- Conditions ---- */

bool fold_invert(const struct ir_instr *compare, struct ir_instr *out)
{
    *out = *compare;
    bool swaps = true;
    switch ((enum ir_op)compare->op) {
    case IR_EQ:
        out->op = IR_NE;
        return true;
    case IR_NE:
        out->op = IR_EQ;
        return true;
    case IR_FEQ:
        out->op = IR_FNE;
        return true;
    case IR_FNE:
        out->op = IR_FEQ;
        return true;
    case IR_LT_S: /* a < b: not b <= a */
        out->op = IR_LE_S;
        break;
    case IR_LT_U:
        out->op = IR_LE_U;
        break;
    case IR_LE_S:
        out->op = IR_LT_S;
        break;
    case IR_LE_U:
        out->op = IR_LT_U;
        break;
    default: /* of floats there is no such inverse: with a NaN both a < b and b <= a are false */
        return false;
    }
    if (swaps) {
        out->a = compare->b;
        out->b = compare->a;
    }
    return true;
}

uint32_t fold_condition(const struct ir_function *f, uint32_t condition, bool *inverted)
{
    *inverted = false;
    for (;;) {
        const struct ir_instr *i = &f->instrs[condition];
        uint64_t c;
        if (i->op == IR_EQZ && f->instrs[i->a].type == IR_I32) {
            *inverted = !*inverted;
            condition = i->a;
        } else if (i->op == IR_NE && f->instrs[i->a].type == IR_I32 && fold_is_const(f, i->b, &c) &&
                   c == 0) {
            condition = i->a;
        } else {
            return condition;
        }
    }
}

/* ---- Equal to zero ---- */

static uint32_t eqz(struct ir_function *f, const struct ir_instr *i)
{
    struct ir_instr a = f->instrs[i->a], inverse;
    if (fold_is_nonzero(f, i->a)) {
        return boolean(f, false);
    }
    if (fold_bits(f, i->a) == 0) {
        return boolean(f, true);
    }
    if (fold_invert(&a, &inverse)) {
        return ir_build(f, inverse.op, IR_I32, inverse.a, inverse.b, 0);
    }
    switch ((enum ir_op)a.op) {
    case IR_EQZ:
        return fold_bits(f, a.a) <= 1 && f->instrs[a.a].type == IR_I32
                   ? a.a
                   : ir_build(f, IR_NE, IR_I32, a.a, ir_build_const(f, f->instrs[a.a].type, 0), 0);
    case IR_SUB:
    case IR_XOR:
        return ir_build(f, IR_EQ, IR_I32, a.a, a.b, 0);
    case IR_EXTEND_U:
    case IR_EXTEND_S:
        return ir_build(f, IR_EQZ, IR_I32, a.a, 0, 0);
    default:
        return IR_NONE;
    }
}

/* ---- Equal and not equal ---- */

/* Comparison with a constant: one that the operand cannot equal, or through an operation that can
 * be inverted. */
static uint32_t equal_constant(struct ir_function *f, const struct ir_instr *i, uint64_t c)
{
    struct ir_instr a = f->instrs[i->a];
    uint64_t bits = fold_bits(f, i->a), inner;
    if ((c & ~bits) != 0) {
        return boolean(f, i->op == IR_NE);
    }
    if (bits == 1 && a.type == IR_I32) { /* a boolean */
        return (c != 0) == (i->op == IR_EQ) ? i->a : ir_build(f, IR_EQZ, IR_I32, i->a, 0, 0);
    }
    if (c == 0 && i->op == IR_EQ) {
        return ir_build(f, IR_EQZ, IR_I32, i->a, 0, 0);
    }
    /* But (x + c == d) is left alone: a loop that needs x + 1 would have to keep x as well. */
    if (a.op == IR_XOR && fold_is_const(f, a.b, &inner)) {
        return ir_build(f, i->op, IR_I32, a.a, ir_build_const(f, a.type, c ^ inner), 0);
    }
    if (a.op == IR_EXTEND_U || (a.op == IR_EXTEND_S && (uint64_t)(int32_t)c == c)) {
        return ir_build(f, i->op, IR_I32, a.a, ir_build_const(f, IR_I32, c), 0);
    }
    if (c == 0 && (a.op == IR_SUB || a.op == IR_XOR)) {
        return ir_build(f, i->op, IR_I32, a.a, a.b, 0);
    }
    return IR_NONE;
}

static uint32_t equal(struct ir_function *f, const struct ir_instr *i)
{
    uint64_t c;
    struct ir_instr a = f->instrs[i->a], b = f->instrs[i->b];
    if (i->a == i->b) {
        return boolean(f, i->op == IR_EQ);
    }
    if (fold_is_const(f, i->b, &c)) {
        return equal_constant(f, i, c);
    }
    if (a.op == b.op && (a.op == IR_EXTEND_U || a.op == IR_EXTEND_S)) {
        return ir_build(f, i->op, IR_I32, a.a, b.a, 0);
    }
    return IR_NONE;
}

/* ---- Less than ---- */

struct order {
    bool is_signed, or_equal;
    unsigned type;
    uint64_t min, max; /* of the type, in this order */
};

static unsigned less_op(bool is_signed)
{
    return is_signed ? IR_LT_S : IR_LT_U;
}

/* a < c, using the range of a. */
static uint32_t below_constant(struct ir_function *f, const struct ir_instr *i,
                               const struct order *o, uint64_t c)
{
    uint64_t bits = fold_bits(f, i->a);
    if (o->or_equal) {
        return c == o->max ? boolean(f, true)
                           : ir_build(f, less_op(o->is_signed), IR_I32, i->a,
                                      ir_build_const(f, o->type, c + 1), 0);
    }
    if (c == o->min) {
        return boolean(f, false);
    }
    if (o->is_signed) {
        return IR_NONE;
    }
    if (bits < c) {
        return boolean(f, true);
    }
    return c == 1 ? ir_build(f, IR_EQZ, IR_I32, i->a, 0, 0) : IR_NONE;
}

/* c < a, using the range of a. */
static uint32_t above_constant(struct ir_function *f, const struct ir_instr *i,
                               const struct order *o, uint64_t c)
{
    uint64_t bits = fold_bits(f, i->b);
    if (o->or_equal) {
        return c == o->min ? boolean(f, true)
                           : ir_build(f, less_op(o->is_signed), IR_I32,
                                      ir_build_const(f, o->type, c - 1), i->b, 0);
    }
    if (c == o->max || (!o->is_signed && bits <= c)) {
        return boolean(f, false);
    }
    return c == 0 && !o->is_signed ? ir_build(f, IR_NE, IR_I32, i->b, i->a, 0) : IR_NONE;
}

static uint32_t less(struct ir_function *f, const struct ir_instr *i)
{
    struct order o = {.is_signed = i->op == IR_LT_S || i->op == IR_LE_S,
                      .or_equal = i->op == IR_LE_S || i->op == IR_LE_U,
                      .type = f->instrs[i->a].type};
    uint64_t sign = sign_of(o.type), c;
    if (i->a == i->b) {
        return boolean(f, o.or_equal);
    }
    if (o.is_signed && (fold_bits(f, i->a) & sign) == 0 && (fold_bits(f, i->b) & sign) == 0) {
        return ir_build(f, o.or_equal ? IR_LE_U : IR_LT_U, IR_I32, i->a, i->b, 0);
    }
    o.min = o.is_signed ? sign : 0;
    o.max = o.is_signed ? sign - 1 : fold_all(o.type);
    if (fold_is_const(f, i->b, &c)) {
        return below_constant(f, i, &o, c);
    }
    return fold_is_const(f, i->a, &c) ? above_constant(f, i, &o, c) : IR_NONE;
}

uint32_t fold_compare(struct ir_function *f, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_EQZ:
        return eqz(f, i);
    case IR_EQ:
    case IR_NE:
        return equal(f, i);
    default:
        return less(f, i);
    }
}

/* ---- Selection ---- */

uint32_t fold_select(struct ir_function *f, const struct ir_instr *i)
{
    bool inverted;
    uint64_t c, yes, no;
    uint32_t condition = fold_condition(f, i->a, &inverted);
    if (i->b == i->c) {
        return i->b;
    }
    if (fold_is_const(f, condition, &c) || fold_is_nonzero(f, condition)) {
        return (c != 0 || !fold_is_const(f, condition, &c)) != inverted ? i->b : i->c;
    }
    if (condition != i->a) {
        return ir_build(f, IR_SELECT, i->type, condition, inverted ? i->c : i->b,
                        inverted ? i->b : i->c);
    }
    if (i->type != IR_I32 || !fold_is_const(f, i->b, &yes) || !fold_is_const(f, i->c, &no)) {
        return IR_NONE;
    }
    if (yes == 0 && no == 1) {
        return ir_build(f, IR_EQZ, IR_I32, condition, 0, 0);
    }
    if (yes == 1 && no == 0) {
        return ir_build(f, IR_NE, IR_I32, condition, i->c, 0);
    }
    return IR_NONE;
}
