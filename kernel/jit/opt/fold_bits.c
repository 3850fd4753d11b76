// SPDX-License-Identifier: MIT
//
// Facts about a value without executing anything: which of its bits may be 1, whether it can be 0,
// and whether an instruction can trap. Computed on demand, by looking a few operations deep.
//
// All answers are bounds for every execution that reaches the value: a bit that is missing in
// fold_bits() is certainly 0. Rules drop masks and decide comparisons because of that, so a bound
// that is too small makes wrong code. If in doubt, return all bits of the type.
#include "kernel/jit/opt/fold.h"

#define DEPTH 4

static uint64_t bits_of(const struct ir_function *f, uint32_t value, unsigned depth);

/* The highest 1 and all bits below it: a bound for the bits of every smaller number. */
static uint64_t up_to(uint64_t largest)
{
    return largest == 0 ? 0 : UINT64_MAX >> __builtin_clzll(largest);
}

/* Bits of a sum or product, if it cannot wrap. */
static uint64_t unless_wraps(bool wraps, uint64_t largest, uint64_t all)
{
    return wraps || largest > all ? all : up_to(largest);
}

static uint64_t of_sum(const struct ir_function *f, const struct ir_instr *i, unsigned depth)
{
    uint64_t sum, all = fold_all(i->type);
    bool wraps = __builtin_add_overflow(bits_of(f, i->a, depth), bits_of(f, i->b, depth), &sum);
    return unless_wraps(wraps, sum, all);
}

static uint64_t of_product(const struct ir_function *f, const struct ir_instr *i, unsigned depth)
{
    uint64_t product, all = fold_all(i->type);
    bool wraps = __builtin_mul_overflow(bits_of(f, i->a, depth), bits_of(f, i->b, depth), &product);
    return unless_wraps(wraps, product, all);
}

/* Bits of a value that is sign-extended from `width` bits. */
static uint64_t of_extension(uint64_t bits, unsigned width, unsigned type)
{
    uint64_t low = UINT64_MAX >> (64 - width), sign = UINT64_C(1) << (width - 1);
    return (bits & sign) != 0 ? fold_all(type) : bits & low;
}

/* A shift by an unknown count: to the right the number can only get smaller, to the left any bit is
 * possible. A number whose sign bit may be set may get ones from IR_SHR_S. */
static uint64_t of_shift(const struct ir_function *f, const struct ir_instr *i, unsigned depth)
{
    uint64_t count, all = fold_all(i->type), bits = bits_of(f, i->a, depth);
    bool is_const = fold_is_const(f, i->b, &count);
    count %= ir_type_size(i->type) * 8;
    bool negative = i->op == IR_SHR_S && (bits & (all ^ all >> 1)) != 0;
    if (negative) {
        return all;
    }
    if (i->op == IR_SHL) {
        return is_const ? bits << count & all : all;
    }
    return is_const ? bits >> count : up_to(bits);
}

/* Unsigned quotient or remainder: neither is larger than the dividend, and a remainder is smaller
 * than the divisor. Division by zero has no result, since it traps. */
static uint64_t of_division(const struct ir_function *f, const struct ir_instr *i, unsigned depth)
{
    uint64_t by, bits = bits_of(f, i->a, depth);
    if (!fold_is_const(f, i->b, &by) || by == 0) {
        return up_to(bits);
    }
    return i->op == IR_DIV_U ? up_to(bits / by) : up_to(by - 1 < bits ? by - 1 : bits);
}

static uint64_t of_load(const struct ir_function *f, const struct ir_instr *i)
{
    switch (f->memrefs[i->c].access) {
    case IR_ACCESS_8_U:
        return 0xff;
    case IR_ACCESS_16_U:
        return 0xffff;
    case IR_ACCESS_32_U:
        return UINT32_MAX;
    default:
        return fold_all(i->type);
    }
}

static uint64_t bits_of(const struct ir_function *f, uint32_t value, unsigned depth)
{
    const struct ir_instr *i = &f->instrs[value];
    uint64_t all = fold_all(i->type);
    if (i->op == IR_CONST) {
        return ir_const_bits(i);
    }
    if (depth == 0) {
        return all;
    }
    depth--;
    switch ((enum ir_op)i->op) {
    case IR_AND:
        return bits_of(f, i->a, depth) & bits_of(f, i->b, depth);
    case IR_OR:
    case IR_XOR:
        return bits_of(f, i->a, depth) | bits_of(f, i->b, depth);
    case IR_SELECT:
        return bits_of(f, i->b, depth) | bits_of(f, i->c, depth);
    case IR_ADD:
        return of_sum(f, i, depth);
    case IR_MUL:
        return of_product(f, i, depth);
    case IR_SHL:
    case IR_SHR_S:
    case IR_SHR_U:
        return of_shift(f, i, depth);
    case IR_DIV_U:
    case IR_REM_U:
        return of_division(f, i, depth);
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT:
        return i->type == IR_I32 ? 0x3f : 0x7f;
    case IR_EXTEND_U:
        return bits_of(f, i->a, depth);
    case IR_WRAP:
        return bits_of(f, i->a, depth) & UINT32_MAX;
    case IR_EXTEND_S:
    case IR_EXTEND32_S:
        return of_extension(bits_of(f, i->a, depth), 32, i->type);
    case IR_EXTEND16_S:
        return of_extension(bits_of(f, i->a, depth), 16, i->type);
    case IR_EXTEND8_S:
        return of_extension(bits_of(f, i->a, depth), 8, i->type);
    case IR_LOAD:
        return of_load(f, i);
    default:
        switch ((enum ir_typing)ir_op_info[i->op].typing) {
        case IR_TYPES_COMPARES_INTEGER:
        case IR_TYPES_COMPARES_FLOAT:
        case IR_TYPES_COMPARES_REF:
        case IR_TYPES_TESTS_REF:
            return 1;
        default:
            return all;
        }
    }
}

uint64_t fold_bits(const struct ir_function *f, uint32_t value)
{
    return bits_of(f, value, DEPTH);
}

/* A reference that passed IR_NULL_CHECK, the context and a slot are addresses, which
 * are never 0. */
static bool nonzero(const struct ir_function *f, uint32_t value, unsigned depth)
{
    const struct ir_instr *i = &f->instrs[value];
    if (depth == 0) {
        return false;
    }
    switch ((enum ir_op)i->op) {
    case IR_CONST:
        return ir_is_integer(i->type) && ir_const_bits(i) != 0;
    case IR_NULL_CHECK:
    case IR_CONTEXT:
    case IR_SLOT:
        return true;
    case IR_EXTEND_S:
    case IR_EXTEND_U:
        return nonzero(f, i->a, depth - 1);
    case IR_OR:
        return nonzero(f, i->a, depth - 1) || nonzero(f, i->b, depth - 1);
    case IR_SELECT:
        return nonzero(f, i->b, depth - 1) && nonzero(f, i->c, depth - 1);
    default:
        return false;
    }
}

bool fold_is_nonzero(const struct ir_function *f, uint32_t value)
{
    return nonzero(f, value, DEPTH);
}

/* Whether a division may trap, by its divisor. The smallest integer divided by -1 overflows; its
 * remainder does not. */
static bool division_traps(const struct ir_function *f, const struct ir_instr *i)
{
    uint64_t by;
    if (!fold_is_nonzero(f, i->b)) {
        return true;
    }
    bool can_be_minus_one = !fold_is_const(f, i->b, &by) || by == fold_all(i->type);
    return i->op == IR_DIV_S && can_be_minus_one;
}

bool fold_may_trap(const struct ir_function *f, const struct ir_instr *i)
{
    switch ((enum ir_op)i->op) {
    case IR_LOAD:
    case IR_STORE:
    case IR_STORE_REF: {
        unsigned space = f->memrefs[i->c].space;
        return space == IR_SPACE_MEMORY ||
               (space == IR_SPACE_OBJECT && f->instrs[i->a].op != IR_NULL_CHECK);
    }
    case IR_DIV_S:
    case IR_DIV_U:
    case IR_REM_S:
    case IR_REM_U:
        return division_traps(f, i);
    default:
        return (ir_op_info[i->op].flags & (IR_TRAPS | IR_CALLS)) != 0;
    }
}
