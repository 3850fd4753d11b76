// SPDX-License-Identifier: MIT
//
// Division and remainder by constants: multiplication by a reciprocal (Granlund and Montgomery,
// "Division by Invariant Integers using Multiplication"), and shifts.
//
// With e = d - 2^(N+s) mod d the quotient of x by d is x * (floor(2^(N+s) / d) + 1) >> (N+s) for
// all x for which x * e < 2^(N+s).
// The smallest shift s for which that holds for the largest x is used.
#include "kernel/jit/opt/fold.h"

struct division {
    struct ir_function *f;
    unsigned type, width;
    uint32_t x;
    uint64_t by; /* magnitude of the divisor */
    bool negative;
};

/** x * factor >> (width + shift). The factor has one bit more than the width if `wide`. */
struct reciprocal {
    uint64_t factor;
    unsigned shift;
    bool wide;
};

static uint32_t binary(const struct division *d, unsigned op, uint32_t a, uint32_t b)
{
    return ir_build(d->f, op, d->type, a, b, 0);
}

static uint32_t by_constant(const struct division *d, unsigned op, uint32_t a, uint64_t c)
{
    return binary(d, op, a, ir_build_const(d->f, d->type, c));
}

/* The reciprocal for dividends below 2^bits. */
static struct reciprocal find_reciprocal(const struct division *d, unsigned bits)
{
    uint64_t half = UINT64_C(1) << (d->width - 1);
    uint64_t quotient = half / d->by, rest = half % d->by; /* of 2^(N+shift-1) */
    for (unsigned shift = 0;; shift++) {
        bool wide = quotient >= half, carries = rest >= d->by - rest;
        quotient = 2 * quotient + carries;
        rest = carries ? rest - (d->by - rest) : 2 * rest;
        uint64_t error = d->by - rest;
        unsigned room = d->width + shift - bits; /* sufficient if e <= 2^room */
        if (room >= 64 || error <= UINT64_C(1) << room) {
            return (struct reciprocal){.factor = quotient + 1, .shift = shift, .wide = wide};
        }
    }
}

/* The upper half of x * factor, shifted. Multiplying 64 bits is as fast as 32 on both machines. */
static uint32_t multiply(const struct division *d, uint32_t x, struct reciprocal r, bool is_signed)
{
    struct ir_function *f = d->f;
    if (d->width == 64) {
        uint32_t factor = ir_build_const(f, IR_I64, r.factor);
        uint32_t high = binary(d, is_signed ? IR_MULH_S : IR_MULH_U, x, factor);
        /* the signed multiplication used factor - 2^64: correct for that */
        if (is_signed && r.factor >> 63 != 0) {
            high = binary(d, IR_ADD, high, x);
        }
        return by_constant(d, is_signed ? IR_SHR_S : IR_SHR_U, high, r.shift);
    }
    uint32_t wide = ir_build(f, is_signed ? IR_EXTEND_S : IR_EXTEND_U, IR_I64, x, 0, 0);
    uint32_t product = ir_build(f, IR_MUL, IR_I64, wide, ir_build_const(f, IR_I64, r.factor), 0);
    uint32_t count = ir_build_const(f, IR_I64, 32 + r.shift);
    uint32_t shifted = ir_build(f, is_signed ? IR_SHR_S : IR_SHR_U, IR_I64, product, count, 0);
    return ir_build(f, IR_WRAP, IR_I32, shifted, 0, 0);
}

static unsigned width_of(uint64_t v)
{
    return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

/* ---- Without sign ---- */

/* The factor has N + 1 bits: x + (x * low bits >> N),
 * where the sum is halved before it can overflow. */
static uint32_t multiply_wide(const struct division *d, struct reciprocal r)
{
    /* 2^64 / d has 64 bits and x at most 32, so the product's upper half is exact */
    if (d->width == 32) {
        uint64_t factor = UINT64_MAX / d->by + 1;
        uint32_t wide = ir_build(d->f, IR_EXTEND_U, IR_I64, d->x, 0, 0);
        uint32_t high =
            ir_build(d->f, IR_MULH_U, IR_I64, wide, ir_build_const(d->f, IR_I64, factor), 0);
        return ir_build(d->f, IR_WRAP, IR_I32, high, 0, 0);
    }
    uint32_t high = multiply(d, d->x, (struct reciprocal){.factor = r.factor}, false);
    uint32_t half = by_constant(d, IR_SHR_U, binary(d, IR_SUB, d->x, high), 1);
    return by_constant(d, IR_SHR_U, binary(d, IR_ADD, half, high), r.shift - 1);
}

static uint32_t divide_unsigned(const struct division *d)
{
    unsigned bits = width_of(fold_bits(d->f, d->x)), zeros = (unsigned)__builtin_ctzll(d->by);
    if ((d->by & (d->by - 1)) == 0) {
        return by_constant(d, IR_SHR_U, d->x, zeros);
    }
    if (width_of(d->by) == d->width) { /* 0 or 1 */
        uint32_t limit = ir_build_const(d->f, d->type, d->by);
        uint32_t one = ir_build(d->f, IR_LE_U, IR_I32, limit, d->x, 0);
        return d->width == 32 ? one : ir_build(d->f, IR_EXTEND_U, IR_I64, one, 0, 0);
    }
    struct reciprocal r = find_reciprocal(d, bits);
    if (!r.wide) {
        return multiply(d, d->x, r, false);
    }
    if (zeros == 0) {
        return multiply_wide(d, r);
    }
    struct division odd = *d;
    odd.x = by_constant(d, IR_SHR_U, d->x, zeros);
    odd.by >>= zeros;
    return multiply(&odd, odd.x, find_reciprocal(&odd, bits - zeros), false);
}

/* ---- With sign ---- */

/* Added before a shift to make it round towards zero: 2^zeros - 1 if x is negative. */
static uint32_t bias(const struct division *d, unsigned zeros)
{
    uint32_t sign = by_constant(d, IR_SHR_S, d->x, zeros == 1 ? 0 : d->width - 1);
    return by_constant(d, IR_SHR_U, sign, d->width - zeros);
}

static uint32_t divide_signed(const struct division *d)
{
    uint32_t zero = ir_build_const(d->f, d->type, 0);
    if ((d->by & (d->by - 1)) == 0) {
        unsigned zeros = (unsigned)__builtin_ctzll(d->by);
        uint32_t rounded = binary(d, IR_ADD, d->x, bias(d, zeros));
        uint32_t q = by_constant(d, IR_SHR_S, rounded, zeros);
        return d->negative ? binary(d, IR_SUB, zero, q) : q;
    }
    struct reciprocal r = find_reciprocal(d, d->width - 1);
    uint32_t q = multiply(d, d->x, r, true), sign = by_constant(d, IR_SHR_S, d->x, d->width - 1);
    return d->negative ? binary(d, IR_SUB, sign, q) : binary(d, IR_SUB, q, sign);
}

static uint32_t remainder_signed(const struct division *d)
{
    if ((d->by & (d->by - 1)) != 0) {
        uint32_t product = by_constant(d, IR_MUL, divide_signed(d), d->by);
        return binary(d, IR_SUB, d->x, product);
    }
    uint32_t up = bias(d, (unsigned)__builtin_ctzll(d->by));
    uint32_t low = by_constant(d, IR_AND, binary(d, IR_ADD, d->x, up), d->by - 1);
    return binary(d, IR_SUB, low, up);
}

/* ---- Choosing the method ---- */

static uint32_t divide(struct division *d, unsigned op)
{
    bool divides = op == IR_DIV_S || op == IR_DIV_U;
    if (op == IR_DIV_S || op == IR_REM_S) {
        d->negative = op == IR_DIV_S && d->negative;
        return divides ? divide_signed(d) : remainder_signed(d);
    }
    if (divides) {
        return divide_unsigned(d);
    }
    if ((d->by & (d->by - 1)) == 0) {
        return by_constant(d, IR_AND, d->x, d->by - 1);
    }
    return binary(d, IR_SUB, d->x, by_constant(d, IR_MUL, divide_unsigned(d), d->by));
}

uint32_t fold_divide(struct ir_function *f, const struct ir_instr *i)
{
    struct division d = {.f = f, .type = i->type, .width = ir_type_size(i->type) * 8, .x = i->a};
    uint64_t all = fold_all(i->type), sign = all ^ all >> 1;
    bool is_signed = i->op == IR_DIV_S || i->op == IR_REM_S;
    if (!fold_is_const(f, i->b, &d.by) || d.by == 0) {
        return IR_NONE;
    }
    if (d.by == 1 || (d.by == all && i->op == IR_REM_S)) {
        bool divides = i->op == IR_DIV_S || i->op == IR_DIV_U;
        return divides ? i->a : ir_build_const(f, i->type, 0);
    }
    if (is_signed && d.by == all) { /* the smallest integer divided by -1 overflows */
        return IR_NONE;
    }
    if (is_signed && ((fold_bits(f, i->a) | d.by) & sign) == 0) {
        return ir_build(f, i->op == IR_DIV_S ? IR_DIV_U : IR_REM_U, i->type, i->a, i->b, 0);
    }
    if (is_signed && (d.by & sign) != 0) {
        d.negative = true;
        d.by = (0 - d.by) & all;
    }
    return divide(&d, i->op);
}
