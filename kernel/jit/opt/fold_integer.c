// SPDX-License-Identifier: MIT
//
// Rules for integer arithmetic, bit operations and shifts. All are exact modulo 2^32 or 2^64.
#include "kernel/jit/opt/fold.h"

static uint32_t constant(struct ir_function *f, const struct ir_instr *i, uint64_t bits)
{
    return ir_build_const(f, i->type, bits);
}

/* x op constant, with the type of i. */
static uint32_t with_constant(struct ir_function *f, const struct ir_instr *i, unsigned op,
                              uint32_t x, uint64_t bits)
{
    return ir_build(f, op, i->type, x, constant(f, i, bits), 0);
}

/* Whether i is (x op inner) op outer with the same operation; gives x and the inner constant. */
static bool is_chain(const struct ir_function *f, const struct ir_instr *i, uint32_t *x,
                     uint64_t *inner)
{
    const struct ir_instr *a = &f->instrs[i->a];
    *x = a->a;
    return a->op == i->op && fold_is_const(f, a->b, inner);
}

/* Constants move outwards, so that they meet and add up, and so that an address ends in "+
 * constant", which an addressing mode can hold. A subtraction of a constant becomes an addition
 * (sub() does it), so that only one form exists. */
static uint32_t add(struct ir_function *f, const struct ir_instr *i)
{
    uint64_t c, inner;
    uint32_t x;
    struct ir_instr b = f->instrs[i->b], a = f->instrs[i->a];
    if (!fold_is_const(f, i->b, &c)) {
        if (b.op == IR_SUB && fold_is_const(f, b.a, &inner) && inner == 0) {
            return ir_build(f, IR_SUB, i->type, i->a, b.b, 0);
        }
        if (a.op == IR_SUB && fold_is_const(f, a.a, &inner) && inner == 0) {
            return ir_build(f, IR_SUB, i->type, i->b, a.b, 0);
        }
        return IR_NONE;
    }
    if (c == 0) {
        return i->a;
    }
    if (is_chain(f, i, &x, &inner)) {
        return with_constant(f, i, IR_ADD, x, inner + c);
    }
    if (a.op == IR_SUB && fold_is_const(f, a.a, &inner)) { /* (k - x) + c */
        return ir_build(f, IR_SUB, i->type, constant(f, i, inner + c), a.b, 0);
    }
    return IR_NONE;
}

static uint32_t sub(struct ir_function *f, const struct ir_instr *i)
{
    uint64_t c, inner;
    struct ir_instr a = f->instrs[i->a], b = f->instrs[i->b];
    if (i->a == i->b) {
        return constant(f, i, 0);
    }
    if (fold_is_const(f, i->b, &c)) {
        return with_constant(f, i, IR_ADD, i->a, 0 - c);
    }
    if (a.op == IR_ADD && (a.a == i->b || a.b == i->b)) { /* (x + y) - y */
        return a.a == i->b ? a.b : a.a;
    }
    if (b.op == IR_ADD && fold_is_const(f, b.b, &inner) && fold_is_const(f, i->a, &c)) {
        return ir_build(f, IR_SUB, i->type, constant(f, i, c - inner), b.a, 0); /* c - (x + k) */
    }
    if (b.op == IR_SUB && fold_is_const(f, b.a, &inner) && inner == 0) { /* x - -y */
        return ir_build(f, IR_ADD, i->type, i->a, b.b, 0);
    }
    return IR_NONE;
}

/* A multiplication by a power of two becomes a shift. A shift inside a multiplication by another
 * constant becomes part of that constant, so the two rules do not undo each other. */
static uint32_t mul(struct ir_function *f, const struct ir_instr *i)
{
    uint64_t c, inner;
    uint32_t x;
    if (!fold_is_const(f, i->b, &c)) {
        return IR_NONE;
    }
    if (c == 0) {
        return i->b;
    }
    if ((c & (c - 1)) == 0) {
        return c == 1 ? i->a : with_constant(f, i, IR_SHL, i->a, (uint64_t)__builtin_ctzll(c));
    }
    if (c == fold_all(i->type)) {
        return ir_build(f, IR_SUB, i->type, constant(f, i, 0), i->a, 0);
    }
    struct ir_instr a = f->instrs[i->a];
    if (is_chain(f, i, &x, &inner)) {
        return with_constant(f, i, IR_MUL, x, inner * c);
    }
    if (a.op == IR_SHL && fold_is_const(f, a.b, &inner)) {
        return with_constant(f, i, IR_MUL, a.a, c << inner % (ir_type_size(i->type) * 8));
    }
    return IR_NONE;
}

/* A mask disappears if the bits that it clears are 0 already (fold_bits()), and the result is 0 if
 * all bits that it keeps are. The low half of an i64 is expressed by IR_WRAP and IR_EXTEND_U,
 * which machines do for free with most instructions. */
static uint32_t and (struct ir_function * f, const struct ir_instr *i)
{
    uint64_t c, inner, bits = fold_bits(f, i->a);
    uint32_t x;
    if (i->a == i->b) {
        return i->a;
    }
    if (!fold_is_const(f, i->b, &c)) {
        return (bits & fold_bits(f, i->b)) == 0 ? constant(f, i, 0) : IR_NONE;
    }
    if ((bits & ~c) == 0) {
        return i->a;
    }
    if ((bits & c) == 0) {
        return constant(f, i, 0);
    }
    if (is_chain(f, i, &x, &inner)) {
        return with_constant(f, i, IR_AND, x, inner & c);
    }
    if (i->type == IR_I64 && c == UINT32_MAX) {
        return ir_build(f, IR_EXTEND_U, IR_I64, ir_build(f, IR_WRAP, IR_I32, i->a, 0, 0), 0, 0);
    }
    return IR_NONE;
}

static uint32_t or (struct ir_function * f, const struct ir_instr *i)
{
    uint64_t c, inner;
    uint32_t x;
    if (i->a == i->b) {
        return i->a;
    }
    if (!fold_is_const(f, i->b, &c)) {
        return IR_NONE;
    }
    if (c == 0 || c == fold_all(i->type)) {
        return c == 0 ? i->a : i->b;
    }
    return is_chain(f, i, &x, &inner) ? with_constant(f, i, IR_OR, x, inner | c) : IR_NONE;
}

static uint32_t xor
    (struct ir_function * f, const struct ir_instr *i) {
        uint64_t c, inner;
        uint32_t x;
        if (i->a == i->b) {
            return constant(f, i, 0);
        }
        if (!fold_is_const(f, i->b, &c)) {
            return IR_NONE;
        }
        if (c == 0) {
            return i->a;
        }
        if (is_chain(f, i, &x, &inner)) {
            return with_constant(f, i, IR_XOR, x, inner ^ c);
        }
        if (c == 1 && i->type == IR_I32 && fold_bits(f, i->a) <= 1) {
            return ir_build(f, IR_EQZ, IR_I32, i->a, 0, 0);
        }
        return IR_NONE;
    }

    uint32_t fold_arithmetic(struct ir_function *f, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_ADD:
        return add(f, i);
    case IR_SUB:
        return sub(f, i);
    case IR_MUL:
        return mul(f, i);
    case IR_AND:
        return and(f, i);
    case IR_OR:
        return or (f, i);
    default:
        return xor(f, i);
    }
}

/* ---- Shifts ---- */

/* The count without operations on bits that the shift ignores. */
static uint32_t bare_count(const struct ir_function *f, const struct ir_instr *i)
{
    const struct ir_instr *b = &f->instrs[i->b];
    uint64_t mask, used = ir_type_size(i->type) * 8 - 1;
    return b->op == IR_AND && fold_is_const(f, b->b, &mask) && (mask & used) == used ? b->a : i->b;
}

/* x << n >> n: extension of the low bits. */
static uint32_t extension(struct ir_function *f, const struct ir_instr *i, uint32_t x,
                          uint64_t kept)
{
    bool is_signed = i->op == IR_SHR_S;
    if (is_signed && (kept == 8 || kept == 16)) {
        return ir_build(f, kept == 8 ? IR_EXTEND8_S : IR_EXTEND16_S, i->type, x, 0, 0);
    }
    if (is_signed && kept == 32) {
        return ir_build(f, IR_EXTEND32_S, i->type, x, 0, 0);
    }
    bool is_mask = !is_signed && kept <= 32; /* masks that machines have as instructions */
    return is_mask ? with_constant(f, i, IR_AND, x, UINT64_MAX >> (64 - kept)) : IR_NONE;
}

/* Combine two shifts by constants. */
static uint32_t two_shifts(struct ir_function *f, const struct ir_instr *i, uint64_t count)
{
    struct ir_instr a = f->instrs[i->a];
    uint64_t inner, width = ir_type_size(i->type) * 8;
    if (!fold_is_const(f, a.b, &inner)) {
        return IR_NONE;
    }
    inner %= width;
    if (a.op == i->op) {
        uint64_t sum = count + inner;
        if (sum >= width && i->op != IR_SHR_S) {
            return constant(f, i, 0);
        }
        return with_constant(f, i, i->op, a.a, sum < width ? sum : width - 1);
    }
    if (inner != count) {
        return IR_NONE;
    }
    if (a.op == IR_SHL && i->op != IR_SHL) {
        return extension(f, i, a.a, width - count);
    }
    if (i->op == IR_SHL && count < 32) { /* x >> n << n */
        return with_constant(f, i, IR_AND, a.a, UINT64_MAX << count);
    }
    return IR_NONE;
}

uint32_t fold_shift(struct ir_function *f, const struct ir_instr *i)
{
    uint64_t count, bits, all = fold_all(i->type);
    bool rotates = i->op == IR_ROTL || i->op == IR_ROTR;
    uint32_t bare = bare_count(f, i);
    if (bare != i->b) {
        return ir_build(f, i->op, i->type, i->a, bare, 0);
    }
    if (fold_is_const(f, i->a, &bits) && bits == 0) {
        return i->a;
    }
    if (i->op == IR_SHR_S && (fold_bits(f, i->a) & (all ^ all >> 1)) == 0) {
        return ir_build(f, IR_SHR_U, i->type, i->a, i->b, 0);
    }
    if (!fold_is_const(f, i->b, &count)) {
        return IR_NONE;
    }
    if (count % (ir_type_size(i->type) * 8) != count) {
        return with_constant(f, i, i->op, i->a, count % (ir_type_size(i->type) * 8));
    }
    if (count == 0) {
        return i->a;
    }
    unsigned inner = f->instrs[i->a].op;
    bool shifted = inner == IR_SHL || inner == IR_SHR_S || inner == IR_SHR_U;
    return shifted && !rotates ? two_shifts(f, i, count) : IR_NONE;
}
