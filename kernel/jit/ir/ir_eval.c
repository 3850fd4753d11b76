// SPDX-License-Identifier: MIT
//
// Evaluates operations: one function for each family. Each computes with 64 bits and truncates the
// result to its type.
//
// This file defines what every operation means. The interpreter executes with it, constant folding
// computes with it, and tests compare compiled code with it. So it must not depend on the computer
// that runs it: shift counts are reduced by hand, since C leaves a shift by the width undefined,
// overflow is computed with unsigned numbers, and floating point is done in software, because the
// kernel does not use the floating-point unit and because NaN results differ between machines.
#include "kernel/jit/ir/ir_eval.h"

#include "kernel/base/assert.h"
#include "kernel/jit/ir/ir_eval_internal.h"
#include "kernel/lib/softfloat.h"
#include "kernel/lib/string.h"

/* One operation and its operands, with `operand_type` for those whose result has another type, such
 * as comparisons and conversions. */
struct eval {
    unsigned op, type, operand_type;
    uint64_t a, b, c;
    enum ir_trap *trap;
};

static unsigned width(unsigned type)
{
    return ir_type_size(type) * 8;
}

/* Keeps the invariant of struct ir_bits: the high half of an i32 or f32 is zero. */
static uint64_t cut(unsigned type, uint64_t v)
{
    return ir_type_size(type) == 4 ? (uint32_t)v : v;
}

/* Sign-extend an integer of the type. */
static int64_t with_sign(unsigned type, uint64_t v)
{
    return ir_type_size(type) == 4 ? (int32_t)v : (int64_t)v;
}

/* The caller of ir_eval() decides what a trap means: the interpreter ends the program, folding
 * leaves the instruction alone. */
static bool fail(const struct eval *e, enum ir_trap trap)
{
    *e->trap = trap;
    return false;
}

/* The upper half of the product of two integers. */
static uint64_t multiply_high(const struct eval *e)
{
    if (e->op == IR_MULH_U) {
        return (uint64_t)((unsigned __int128)e->a * e->b >> width(e->type));
    }
    __int128 a = with_sign(e->type, e->a), b = with_sign(e->type, e->b);
    return (uint64_t)(a * b >> width(e->type));
}

/* Division by zero and the one overflow are tested first: both are undefined in C. */
static bool divide(const struct eval *e, uint64_t *out)
{
    int64_t a = with_sign(e->type, e->a), b = with_sign(e->type, e->b);
    uint64_t smallest = UINT64_C(1) << (width(e->type) - 1);
    if (e->b == 0) {
        return fail(e, IR_TRAP_DIVIDE);
    }
    if (e->op == IR_DIV_U || e->op == IR_REM_U) {
        *out = e->op == IR_DIV_U ? e->a / e->b : e->a % e->b;
        return true;
    }
    if (b == -1) { /* the only quotient that overflows; the remainder is 0, without overflow */
        *out = e->op == IR_DIV_S ? 0 - e->a : 0;
        return e->op != IR_DIV_S || e->a != smallest || fail(e, IR_TRAP_OVERFLOW);
    }
    *out = (uint64_t)(e->op == IR_DIV_S ? a / b : a % b);
    return true;
}

/* A rotation by 0 is separate, because a shift by the full width is undefined in C. */
static uint64_t rotate_left(unsigned type, uint64_t v, unsigned count)
{
    unsigned bits = width(type);
    count %= bits;
    return count == 0 ? v : v << count | cut(type, v) >> (bits - count);
}

/* Shift counts are taken modulo the width, as in WebAssembly and on both machines. The operands
 * have zeros above their type (struct ir_bits), so IR_SHR_U of an i32 brings in zeros; IR_SHR_S
 * needs the sign first. */
static uint64_t shift(const struct eval *e)
{
    unsigned bits = width(e->type), count = (unsigned)(e->b % bits);
    switch (e->op) {
    case IR_SHL:
        return e->a << count;
    case IR_SHR_U:
        return e->a >> count;
    case IR_SHR_S:
        return (uint64_t)(with_sign(e->type, e->a) >> count);
    case IR_ROTL:
        return rotate_left(e->type, e->a, count);
    default:
        return rotate_left(e->type, e->a, bits - count);
    }
}

/* The builtins are undefined for 0. */
static uint64_t count_bits(const struct eval *e)
{
    unsigned bits = width(e->type);
    if (e->op == IR_POPCNT) {
        uint64_t n = 0;
        for (uint64_t v = e->a; v != 0; v &= v - 1) {
            n++;
        }
        return n;
    }
    if (e->a == 0) {
        return bits;
    }
    return e->op == IR_CTZ ? (uint64_t)__builtin_ctzll(e->a)
                           : (uint64_t)__builtin_clzll(e->a) - (64 - bits);
}

/* The type of the operands decides the width, not that of the result, which is an i32: 1 or 0. */
static uint64_t compare_integers(const struct eval *e)
{
    int64_t a = with_sign(e->operand_type, e->a), b = with_sign(e->operand_type, e->b);
    switch (e->op) {
    case IR_EQZ:
    case IR_IS_NULL:
        return e->a == 0;
    case IR_EQ:
    case IR_REF_EQ:
        return e->a == e->b;
    case IR_NE:
        return e->a != e->b;
    case IR_LT_S:
        return a < b;
    case IR_LT_U:
        return e->a < e->b;
    case IR_LE_S:
        return a <= b;
    default:
        return e->a <= e->b;
    }
}

/* ---- Floating point ---- */

static const struct softfloat_format *format(unsigned type)
{
    return type == IR_F32 ? &softfloat_32 : &softfloat_64;
}

/* In software. Arithmetic rounds to the nearest number, and to the even one of two. */
static uint64_t compute_float(const struct eval *e)
{
    const struct softfloat_format *f = format(e->type);
    switch (e->op) {
    case IR_FADD:
        return softfloat_add(f, e->a, e->b);
    case IR_FSUB:
        return softfloat_sub(f, e->a, e->b);
    case IR_FMUL:
        return softfloat_mul(f, e->a, e->b);
    case IR_FDIV:
        return softfloat_div(f, e->a, e->b);
    case IR_FMIN:
        return softfloat_min(f, e->a, e->b);
    case IR_FMAX:
        return softfloat_max(f, e->a, e->b);
    case IR_FCOPYSIGN:
        return softfloat_copy_sign(f, e->a, e->b);
    case IR_FNEG:
        return softfloat_negate(f, e->a);
    case IR_FABS:
        return softfloat_abs(f, e->a);
    case IR_FSQRT:
        return softfloat_sqrt(f, e->a);
    case IR_FCEIL:
        return softfloat_round(f, e->a, SOFTFLOAT_UP);
    case IR_FFLOOR:
        return softfloat_round(f, e->a, SOFTFLOAT_DOWN);
    case IR_FTRUNC:
        return softfloat_round(f, e->a, SOFTFLOAT_TO_ZERO);
    default:
        return softfloat_round(f, e->a, SOFTFLOAT_NEAREST);
    }
}

/* A comparison with NaN is unordered: IR_FNE is true, all others are false. */
static uint64_t compare_floats(const struct eval *e)
{
    enum softfloat_order order = softfloat_compare(format(e->operand_type), e->a, e->b);
    switch (e->op) {
    case IR_FEQ:
        return order == SOFTFLOAT_EQUAL;
    case IR_FNE:
        return order != SOFTFLOAT_EQUAL;
    case IR_FLT:
        return order == SOFTFLOAT_LESS;
    default:
        return order == SOFTFLOAT_LESS || order == SOFTFLOAT_EQUAL;
    }
}

/* Wasm distinguishes two traps: NaN, and a value outside the integer's range. The saturating forms
 * have neither; `out` then has the nearest integer, or 0 for NaN. */
static bool float_to_integer(const struct eval *e, uint64_t *out)
{
    bool is_signed = e->op == IR_TO_INT_S || e->op == IR_TO_INT_SAT_S;
    bool saturates = e->op == IR_TO_INT_SAT_S || e->op == IR_TO_INT_SAT_U;
    switch (softfloat_to_integer(format(e->operand_type), e->a, is_signed, width(e->type), out)) {
    case SOFTFLOAT_EXACT_RANGE:
        return true;
    case SOFTFLOAT_NAN:
        return saturates || fail(e, IR_TRAP_CONVERSION);
    default:
        return saturates || fail(e, IR_TRAP_OVERFLOW);
    }
}

/* Rounds to the nearest, since a float may have fewer digits than the integer. */
static uint64_t integer_to_float(const struct eval *e)
{
    return e->op == IR_FROM_INT_U
               ? softfloat_from_unsigned(format(e->type), e->a)
               : softfloat_from_signed(format(e->type), with_sign(e->operand_type, e->a));
}

/* ---- By operation ---- */

/* All operations with scalar operands and one result. A new operation needs a case here, and
 * constant folding, the interpreter and the tests of code generators follow. */
static bool compute(const struct eval *e, uint64_t *out)
{
    switch ((enum ir_op)e->op) {
    case IR_ADD:
    case IR_DERIVE:
        *out = e->a + e->b;
        return true;
    case IR_SUB:
        *out = e->a - e->b;
        return true;
    case IR_MUL:
        *out = e->a * e->b;
        return true;
    case IR_AND:
        *out = e->a & e->b;
        return true;
    case IR_OR:
        *out = e->a | e->b;
        return true;
    case IR_XOR:
        *out = e->a ^ e->b;
        return true;
    case IR_MULH_S:
    case IR_MULH_U:
        *out = multiply_high(e);
        return true;
    case IR_DIV_S:
    case IR_DIV_U:
    case IR_REM_S:
    case IR_REM_U:
        return divide(e, out);
    case IR_SHL:
    case IR_SHR_S:
    case IR_SHR_U:
    case IR_ROTL:
    case IR_ROTR:
        *out = shift(e);
        return true;
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT:
        *out = count_bits(e);
        return true;
    case IR_EXTEND8_S:
        *out = (uint64_t)(int8_t)e->a;
        return true;
    case IR_EXTEND16_S:
        *out = (uint64_t)(int16_t)e->a;
        return true;
    case IR_EXTEND32_S:
    case IR_EXTEND_S:
        *out = (uint64_t)(int32_t)e->a;
        return true;
    case IR_EXTEND_U:
    case IR_WRAP:
    case IR_BITCAST:
        *out = e->a;
        return true;
    case IR_EQZ:
    case IR_EQ:
    case IR_NE:
    case IR_LT_S:
    case IR_LT_U:
    case IR_LE_S:
    case IR_LE_U:
    case IR_IS_NULL:
    case IR_REF_EQ:
        *out = compare_integers(e);
        return true;
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FMIN:
    case IR_FMAX:
    case IR_FCOPYSIGN:
    case IR_FNEG:
    case IR_FABS:
    case IR_FSQRT:
    case IR_FCEIL:
    case IR_FFLOOR:
    case IR_FTRUNC:
    case IR_FNEAREST:
        *out = compute_float(e);
        return true;
    case IR_FEQ:
    case IR_FNE:
    case IR_FLT:
    case IR_FLE:
        *out = compare_floats(e);
        return true;
    case IR_PROMOTE:
    case IR_DEMOTE:
        *out = softfloat_convert(format(e->operand_type), format(e->type), e->a);
        return true;
    case IR_TO_INT_S:
    case IR_TO_INT_U:
    case IR_TO_INT_SAT_S:
    case IR_TO_INT_SAT_U:
        return float_to_integer(e, out);
    case IR_FROM_INT_S:
    case IR_FROM_INT_U:
        *out = integer_to_float(e);
        return true;
    case IR_REF_BITS:
        *out = e->a;
        return true;
    case IR_NULL_CHECK:
        *out = e->a;
        return e->a != 0 || fail(e, IR_TRAP_NULL);
    default:
        ASSERT(!"an operation that has no value of its own");
        return false;
    }
}

/* Operations without memory, calls and control flow. */
bool ir_can_eval(unsigned op)
{
    return ir_op_info[op].shape == IR_SHAPE_NONE &&
           (ir_op_info[op].flags & ~(IR_PURE | IR_COMMUTES | IR_TRAPS)) == 0 &&
           (ir_op_info[op].form == IR_FORM_UNARY || ir_op_info[op].form == IR_FORM_BINARY ||
            ir_op_info[op].form == IR_FORM_SELECT);
}

bool ir_eval(unsigned op, unsigned type, unsigned operand_type, const struct ir_bits operands[3],
             struct ir_bits *out, enum ir_trap *trap)
{
    if (op == IR_SELECT) {
        *out = operands[operands[0].lo != 0 ? 1 : 2];
        return true;
    }
    if (ir_op_info[op].shape != IR_SHAPE_NONE) {
        *out = ir_eval_vector(op, operands);
        return true;
    }
    struct eval e = {op, type, operand_type, operands[0].lo, operands[1].lo, operands[2].lo, trap};
    uint64_t result;
    if (!compute(&e, &result)) {
        return false;
    }
    *out = (struct ir_bits){.lo = cut(type, result)};
    return true;
}

struct ir_bits ir_pool_bits(const struct ir_function *f, uint32_t at)
{
    const uint32_t *words = f->pool + at;
    return (struct ir_bits){words[0] | (uint64_t)words[1] << 32,
                            words[2] | (uint64_t)words[3] << 32};
}

/* ---- Memory: both machines are little-endian ---- */

/* A narrow load is extended with its sign, or with zeros, to the full type. */
struct ir_bits ir_read(const void *bytes, unsigned access, unsigned type)
{
    struct ir_bits v = {0, 0};
    if (type == IR_V128) {
        return ir_read_vector(bytes, access);
    }
    memcpy(&v, bytes, ir_access_size(access, type));
    switch ((enum ir_access)access) {
    case IR_ACCESS_8_S:
        v.lo = (uint64_t)(int8_t)v.lo;
        break;
    case IR_ACCESS_16_S:
        v.lo = (uint64_t)(int16_t)v.lo;
        break;
    case IR_ACCESS_32_S:
        v.lo = (uint64_t)(int32_t)v.lo;
        break;
    default:
        break;
    }
    v.lo = cut(type, v.lo);
    return v;
}

void ir_write(void *bytes, unsigned access, unsigned type, struct ir_bits value)
{
    memcpy(bytes, &value, ir_access_size(access, type));
}
