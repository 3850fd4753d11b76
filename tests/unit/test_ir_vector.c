// SPDX-License-Identifier: MIT
//
// Vector operations against C code on arrays, with special and random lanes; their text, their
// verifier, and the loads that fill lanes.
#include "kernel/jit/ir/ir_interp.h"
#include "kernel/jit/ir/ir_verify.h"
#include "tests/ir/ir_parse.h"
#include "tests/unit/fake/world.h"
#include "tests/unit/jit/text_buffer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define ARENA_LIMIT  ((size_t)64 << 20)
#define RANDOM_TRIES 4000

union vec {
    struct ir_bits bits;
    int8_t i8[16];
    uint8_t u8[16];
    int16_t i16[8];
    uint16_t u16[8];
    int32_t i32[4];
    uint32_t u32[4];
    int64_t i64[2];
    uint64_t u64[2];
    float f32[4];
    double f64[2];
};

/* ---- What C says ---- */

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int64_t to_i32(double v)
{
    return v != v ? 0 : v <= -2147483648.0 ? INT32_MIN : v >= 2147483647.0 ? INT32_MAX : (int64_t)v;
}

static int64_t to_u32(double v)
{
    return v != v || v <= 0 ? 0 : v >= 4294967295.0 ? UINT32_MAX : (int64_t)v;
}

static double min_of(double a, double b)
{
    if (a != a || b != b) {
        return NAN;
    }
    return a == b ? (signbit(a) ? a : b) : a < b ? a : b;
}

static double max_of(double a, double b)
{
    return -min_of(-a, -b);
}

static float quiet_f32(float v)
{
    union {
        uint32_t u;
        float f;
    } nan = {.u = 0x7fc00000};
    return v != v ? nan.f : v;
}

static double quiet_f64(double v)
{
    union {
        uint64_t u;
        double f;
    } nan = {.u = UINT64_C(0x7ff8000000000000)};
    return v != v ? nan.f : v;
}

/* X(operation, lane's field, lanes, the lane's result); a, b and c are the operands, i the lane, n
 * the scalar of a shift or the lane number. */
#define INTEGER_CASES(X, shape, u, s, count, width)                                                \
    X(shape##_SPLAT, u, count, a->u[0])                                                            \
    X(shape##_REPLACE, u, count, i == (int)n ? b->u[0] : a->u[i])                                  \
    X(shape##_EQ, s, count, a->u[i] == b->u[i] ? -1 : 0)                                           \
    X(shape##_NE, s, count, a->u[i] != b->u[i] ? -1 : 0)                                           \
    X(shape##_LT_S, s, count, a->s[i] < b->s[i] ? -1 : 0)                                          \
    X(shape##_LE_S, s, count, a->s[i] <= b->s[i] ? -1 : 0)                                         \
    X(shape##_ADD, u, count, a->u[i] + b->u[i])                                                    \
    X(shape##_SUB, u, count, a->u[i] - b->u[i])                                                    \
    X(shape##_NEG, u, count, ~a->u[i] + 1)                                                         \
    X(shape##_ABS, u, count, a->s[i] < 0 ? ~a->u[i] + 1 : a->u[i])                                 \
    X(shape##_SHL, u, count, (uint64_t)a->u[i] << (n % width))                                     \
    X(shape##_SHR_S, s, count, a->s[i] >> (n % width))                                             \
    X(shape##_SHR_U, u, count, a->u[i] >> (n % width))

#define SMALL_CASES(X, shape, u, s, count)                                                         \
    X(shape##_LT_U, s, count, a->u[i] < b->u[i] ? -1 : 0)                                          \
    X(shape##_LE_U, s, count, a->u[i] <= b->u[i] ? -1 : 0)                                         \
    X(shape##_MIN_S, s, count, a->s[i] < b->s[i] ? a->s[i] : b->s[i])                              \
    X(shape##_MAX_S, s, count, a->s[i] < b->s[i] ? b->s[i] : a->s[i])                              \
    X(shape##_MIN_U, u, count, a->u[i] < b->u[i] ? a->u[i] : b->u[i])                              \
    X(shape##_MAX_U, u, count, a->u[i] < b->u[i] ? b->u[i] : a->u[i])

#define SATURATING_CASES(X, shape, u, s, count, low, high, top)                                    \
    X(shape##_ADD_SAT_S, s, count, clamp(a->s[i] + b->s[i], low, high))                            \
    X(shape##_SUB_SAT_S, s, count, clamp(a->s[i] - b->s[i], low, high))                            \
    X(shape##_ADD_SAT_U, u, count, clamp(a->u[i] + b->u[i], 0, top))                               \
    X(shape##_SUB_SAT_U, u, count, clamp(a->u[i] - b->u[i], 0, top))                               \
    X(shape##_AVGR_U, u, count, (a->u[i] + b->u[i] + 1) / 2)

#define NARROW_CASES(X, shape, u, s, count, wide, low, high, top)                                  \
    X(shape##_NARROW_S, s, count,                                                                  \
      clamp(i < count / 2 ? a->wide[i] : b->wide[i - count / 2], low, high))                       \
    X(shape##_NARROW_U, u, count,                                                                  \
      clamp(i < count / 2 ? a->wide[i] : b->wide[i - count / 2], 0, top))

#define WIDE_CASES(X, shape, u, s, count, nu, ns)                                                  \
    X(shape##_EXTEND_LOW_S, s, count, a->ns[i])                                                    \
    X(shape##_EXTEND_LOW_U, u, count, a->nu[i])                                                    \
    X(shape##_EXTEND_HIGH_S, s, count, a->ns[i + count])                                           \
    X(shape##_EXTEND_HIGH_U, u, count, a->nu[i + count])                                           \
    X(shape##_EXTMUL_LOW_S, s, count, (int64_t)a->ns[i] * b->ns[i])                                \
    X(shape##_EXTMUL_LOW_U, u, count, (uint64_t)a->nu[i] * b->nu[i])                               \
    X(shape##_EXTMUL_HIGH_S, s, count, (int64_t)a->ns[i + count] * b->ns[i + count])               \
    X(shape##_EXTMUL_HIGH_U, u, count, (uint64_t)a->nu[i + count] * b->nu[i + count])

#define PAIR_CASES(X, shape, u, s, count, nu, ns)                                                  \
    X(shape##_EXTADD_PAIRWISE_S, s, count, a->ns[2 * i] + a->ns[2 * i + 1])                        \
    X(shape##_EXTADD_PAIRWISE_U, u, count, a->nu[2 * i] + a->nu[2 * i + 1])

#define FLOAT_CASES(X, shape, f, u, s, count, suffix, type)                                        \
    X(shape##_SPLAT, u, count, a->u[0])                                                            \
    X(shape##_REPLACE, u, count, i == (int)n ? b->u[0] : a->u[i])                                  \
    X(shape##_FEQ, s, count, a->f[i] == b->f[i] ? -1 : 0)                                          \
    X(shape##_FNE, s, count, a->f[i] != b->f[i] ? -1 : 0)                                          \
    X(shape##_FLT, s, count, a->f[i] < b->f[i] ? -1 : 0)                                           \
    X(shape##_FLE, s, count, a->f[i] <= b->f[i] ? -1 : 0)                                          \
    X(shape##_FADD, f, count, quiet_##f(a->f[i] + b->f[i]))                                        \
    X(shape##_FSUB, f, count, quiet_##f(a->f[i] - b->f[i]))                                        \
    X(shape##_FMUL, f, count, quiet_##f(a->f[i] * b->f[i]))                                        \
    X(shape##_FDIV, f, count, quiet_##f(a->f[i] / b->f[i]))                                        \
    X(shape##_FMIN, f, count, quiet_##f((type)min_of(a->f[i], b->f[i])))                           \
    X(shape##_FMAX, f, count, quiet_##f((type)max_of(a->f[i], b->f[i])))                           \
    X(shape##_FPMIN, u, count, b->f[i] < a->f[i] ? b->u[i] : a->u[i])                              \
    X(shape##_FPMAX, u, count, a->f[i] < b->f[i] ? b->u[i] : a->u[i])                              \
    X(shape##_FNEG, u, count, a->u[i] ^ ~(~(uint64_t)0 >> 1) >> (64 - 8 * sizeof(type)))           \
    X(shape##_FABS, u, count, a->u[i] & ~(~(~(uint64_t)0 >> 1) >> (64 - 8 * sizeof(type))))        \
    X(shape##_FMA, f, count, quiet_##f(fma##suffix(a->f[i], b->f[i], c->f[i])))                    \
    X(shape##_FNMA, f, count, quiet_##f(fma##suffix(-a->f[i], b->f[i], c->f[i])))                  \
    X(shape##_FSQRT, f, count, quiet_##f(sqrt##suffix(a->f[i])))                                   \
    X(shape##_FCEIL, f, count, quiet_##f(ceil##suffix(a->f[i])))                                   \
    X(shape##_FFLOOR, f, count, quiet_##f(floor##suffix(a->f[i])))                                 \
    X(shape##_FTRUNC, f, count, quiet_##f(trunc##suffix(a->f[i])))                                 \
    X(shape##_FNEAREST, f, count, quiet_##f(nearbyint##suffix(a->f[i])))

/* The sum of four products. */
#define FOUR(x, y)                                                                                 \
    ((x)[4 * i] * (y)[4 * i] + (x)[4 * i + 1] * (y)[4 * i + 1] + (x)[4 * i + 2] * (y)[4 * i + 2] + \
     (x)[4 * i + 3] * (y)[4 * i + 3])

#define CASES(X)                                                                                   \
    X(V128_NOT, u64, 2, ~a->u64[i])                                                                \
    X(V128_AND, u64, 2, a->u64[i] & b->u64[i])                                                     \
    X(V128_ANDNOT, u64, 2, a->u64[i] & ~b->u64[i])                                                 \
    X(V128_OR, u64, 2, a->u64[i] | b->u64[i])                                                      \
    X(V128_XOR, u64, 2, a->u64[i] ^ b->u64[i])                                                     \
    X(V128_BITSELECT, u64, 2, (a->u64[i] & b->u64[i]) | (~a->u64[i] & c->u64[i]))                  \
    X(I8X16_SHUFFLE, u8, 16, c->u8[i] < 16 ? a->u8[c->u8[i]] : b->u8[c->u8[i] - 16])               \
    X(I8X16_SWIZZLE, u8, 16, b->u8[i] < 16 ? a->u8[b->u8[i]] : 0)                                  \
    X(I8X16_POPCNT, u8, 16, __builtin_popcount(a->u8[i]))                                          \
    INTEGER_CASES(X, I8X16, u8, i8, 16, 8)                                                         \
    INTEGER_CASES(X, I16X8, u16, i16, 8, 16)                                                       \
    INTEGER_CASES(X, I32X4, u32, i32, 4, 32)                                                       \
    INTEGER_CASES(X, I64X2, u64, i64, 2, 64)                                                       \
    SMALL_CASES(X, I8X16, u8, i8, 16)                                                              \
    SMALL_CASES(X, I16X8, u16, i16, 8)                                                             \
    SMALL_CASES(X, I32X4, u32, i32, 4)                                                             \
    SATURATING_CASES(X, I8X16, u8, i8, 16, -128, 127, 255)                                         \
    SATURATING_CASES(X, I16X8, u16, i16, 8, -32768, 32767, 65535)                                  \
    NARROW_CASES(X, I8X16, u8, i8, 16, i16, -128, 127, 255)                                        \
    NARROW_CASES(X, I16X8, u16, i16, 8, i32, -32768, 32767, 65535)                                 \
    X(I16X8_MUL, u16, 8, (unsigned)a->u16[i] * b->u16[i])                                          \
    X(I32X4_MUL, u32, 4, a->u32[i] * b->u32[i])                                                    \
    X(I64X2_MUL, u64, 2, a->u64[i] * b->u64[i])                                                    \
    X(I16X8_Q15MULR_SAT_S, i16, 8, clamp((a->i16[i] * b->i16[i] + 16384) >> 15, -32768, 32767))    \
    X(I32X4_DOT_S, i32, 4,                                                                         \
      (int64_t)a->i16[2 * i] * b->i16[2 * i] + a->i16[2 * i + 1] * b->i16[2 * i + 1])              \
    X(I16X8_DOT_SAT_SU, i16, 8,                                                                    \
      clamp(a->i8[2 * i] * b->u8[2 * i] + a->i8[2 * i + 1] * b->u8[2 * i + 1], -32768, 32767))     \
    X(I16X8_DOT_BYTES, i16, 8, a->i8[2 * i] * b->i8[2 * i] + a->i8[2 * i + 1] * b->i8[2 * i + 1])  \
    X(I32X4_DOT_ADD_S, u32, 4, c->u32[i] + (uint32_t)FOUR(a->i8, b->i8))                           \
    X(I32X4_DOT_ADD_SU, u32, 4, c->u32[i] + (uint32_t)FOUR(a->i8, b->u8))                          \
    WIDE_CASES(X, I16X8, u16, i16, 8, u8, i8)                                                      \
    WIDE_CASES(X, I32X4, u32, i32, 4, u16, i16)                                                    \
    WIDE_CASES(X, I64X2, u64, i64, 2, u32, i32)                                                    \
    PAIR_CASES(X, I16X8, u16, i16, 8, u8, i8)                                                      \
    PAIR_CASES(X, I32X4, u32, i32, 4, u16, i16)                                                    \
    FLOAT_CASES(X, F32X4, f32, u32, i32, 4, f, float)                                              \
    FLOAT_CASES(X, F64X2, f64, u64, i64, 2, , double)                                              \
    X(F32X4_FROM_INT_S, f32, 4, (float)a->i32[i])                                                  \
    X(F32X4_FROM_INT_U, f32, 4, (float)a->u32[i])                                                  \
    X(F64X2_FROM_INT_LOW_S, f64, 2, (double)a->i32[i])                                             \
    X(F64X2_FROM_INT_LOW_U, f64, 2, (double)a->u32[i])                                             \
    X(I32X4_TO_INT_SAT_S, i32, 4, to_i32(a->f32[i]))                                               \
    X(I32X4_TO_INT_SAT_U, u32, 4, to_u32(a->f32[i]))                                               \
    X(I32X4_TO_INT_SAT_ZERO_S, i32, 4, i < 2 ? to_i32(a->f64[i]) : 0)                              \
    X(I32X4_TO_INT_SAT_ZERO_U, u32, 4, i < 2 ? to_u32(a->f64[i]) : 0)                              \
    X(F32X4_DEMOTE_ZERO, f32, 4, i < 2 ? quiet_f32((float)a->f64[i]) : 0)                          \
    X(F64X2_PROMOTE_LOW, f64, 2, quiet_f64((double)a->f32[i]))

#define FUNCTION(op, field, count, lane)                                                           \
    static void c_##op(const union vec *a, const union vec *b, const union vec *c, unsigned n,     \
                       union vec *out)                                                             \
    {                                                                                              \
        (void)a, (void)b, (void)c, (void)n;                                                        \
        for (int i = 0; i < (count); i++) {                                                        \
            out->field[i] = (__typeof__(out->field[0]))(lane);                                     \
        }                                                                                          \
    }
CASES(FUNCTION)

#define ENTRY(op, field, count, lane) [IR_##op] = c_##op,
static void (*const by_c[IR_OP_COUNT])(const union vec *a, const union vec *b, const union vec *c,
                                       unsigned n, union vec *out) = {CASES(ENTRY)};

/* Operations whose result is a scalar. */
static uint64_t scalar_by_c(unsigned op, const union vec *a, unsigned lane)
{
    unsigned count = ir_shape_lanes(ir_op_info[op].shape), bytes = 16 / count;
    uint64_t value = 0, all = 1, mask = 0;
    if (op == IR_V128_ANY_TRUE) {
        return (a->u64[0] | a->u64[1]) != 0;
    }
    for (unsigned n = 0; n < count; n++) {
        uint64_t v = 0;
        memcpy(&v, a->u8 + n * bytes, bytes);
        value = n == lane ? v : value;
        all &= v != 0;
        mask |= (v >> (8 * bytes - 1) & 1) << n;
    }
    switch (ir_op_info[op].lane_op) {
    case IR_LANE_ALL_TRUE:
        return all;
    case IR_LANE_BITMASK:
        return mask;
    case IR_LANE_EXTRACT_S:
        return (uint32_t)(bytes == 1 ? (int8_t)value : (int16_t)value);
    default:
        return value;
    }
}

/* ---- Lanes ---- */

static const uint64_t special[] = {0,
                                   1,
                                   2,
                                   3,
                                   0x7f,
                                   0x80,
                                   0x81,
                                   0xff,
                                   0x7fff,
                                   0x8000,
                                   0x8001,
                                   0xffff,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   0xffffffffffffffff,
                                   0x3f800000,
                                   0xbf800000,
                                   0x3f000000,
                                   0x3fc00000,
                                   0x4effffff,
                                   0x4f000000,
                                   0xcf000000,
                                   0xcf000001,
                                   0x4f7fffff,
                                   0x4f800000,
                                   0x7f800000,
                                   0xff800000,
                                   0x7fc00000,
                                   0x7f800001,
                                   0xffc12345,
                                   0x00000001,
                                   0x80000000,
                                   0x007fffff,
                                   0x3ff0000000000000,
                                   0xbff0000000000000,
                                   0x3fe0000000000000,
                                   0x41dfffffffc00000,
                                   0x41e0000000000000,
                                   0xc1e0000000200000,
                                   0x41efffffffe00000,
                                   0x41f0000000000000,
                                   0x7ff0000000000000,
                                   0xfff0000000000000,
                                   0x7ff8000000000000,
                                   0x7ff0000000000001,
                                   0xfff8000000012345,
                                   0x47efffffefffffff,
                                   0x47effffff0000000,
                                   0x3690000000000000};

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Special lanes of one width, or noise, or a mixture of both. */
static union vec next_vector(void)
{
    union vec v;
    unsigned bytes = 1u << next_random() % 4, noise = next_random() % 4;
    for (unsigned at = 0; at < 16; at += bytes) {
        uint64_t lane =
            next_random() % 4 < noise ? next_random() : special[next_random() % COUNT(special)];
        memcpy(v.u8 + at, &lane, bytes);
    }
    return v;
}

static void show_and_fail(unsigned op, const union vec *v, const struct ir_bits *ours,
                          const union vec *theirs)
{
    fail_msg("%s of %016llx%016llx, %016llx%016llx, %016llx%016llx: %016llx%016llx, C says "
             "%016llx%016llx",
             ir_op_info[op].text, (unsigned long long)v[0].u64[1], (unsigned long long)v[0].u64[0],
             (unsigned long long)v[1].u64[1], (unsigned long long)v[1].u64[0],
             (unsigned long long)v[2].u64[1], (unsigned long long)v[2].u64[0],
             (unsigned long long)ours->hi, (unsigned long long)ours->lo,
             (unsigned long long)theirs->u64[1], (unsigned long long)theirs->u64[0]);
}

/* The operands as ir_eval() expects them, and the scalar among them. */
static unsigned shape_operands(unsigned op, union vec v[3])
{
    unsigned shape = ir_op_info[op].shape, lanes = ir_shape_lanes(shape);
    unsigned scalar_bytes = ir_type_size(ir_shape_scalar(shape));
    union vec lane = {.bits = {0, 0}};
    switch (ir_op_info[op].typing) {
    case IR_TYPES_VECTOR_SHIFT:
        v[1].bits = (struct ir_bits){.lo = v[1].u32[0] % 300};
        return v[1].u32[0];
    case IR_TYPES_SPLATS:
        memcpy(&lane, &v[0], scalar_bytes);
        v[0] = lane;
        return 0;
    case IR_TYPES_REPLACES:
        memcpy(&lane, &v[1], scalar_bytes);
        v[1] = lane;
        v[2].bits = (struct ir_bits){.lo = v[2].u8[0] % lanes};
        return v[2].u32[0];
    case IR_TYPES_EXTRACTS:
        v[1].bits = (struct ir_bits){.lo = v[1].u8[0] % lanes};
        return v[1].u32[0];
    default:
        for (unsigned n = 0; n < 16 && op == IR_I8X16_SHUFFLE; n++) {
            v[2].u8[n] %= 32;
        }
        return 0;
    }
}

static void check_op(unsigned op, union vec v[3])
{
    unsigned n = shape_operands(op, v);
    const struct ir_bits operands[3] = {v[0].bits, v[1].bits, v[2].bits};
    struct ir_bits ours;
    union vec theirs = {.bits = {0, 0}};
    enum ir_trap trap;
    if (by_c[op] != NULL) {
        by_c[op](&v[0], &v[1], &v[2], n, &theirs);
    } else {
        theirs.bits.lo = scalar_by_c(op, &v[0], n);
    }
    assert_true(ir_eval(op, 0, 0, operands, &ours, &trap));
    if (memcmp(&ours, &theirs, sizeof ours) != 0) {
        show_and_fail(op, v, &ours, &theirs);
    }
}

static bool is_computed(unsigned op)
{
    return ir_op_info[op].shape != IR_SHAPE_NONE && op != IR_V128_CONST;
}

static void test_every_operation_computes_what_c_computes(void **state)
{
    (void)state;
    for (unsigned op = 0; op < IR_OP_COUNT; op++) {
        bool is_vector = ir_op_info[op].typing == IR_TYPES_VECTOR ||
                         ir_op_info[op].typing == IR_TYPES_VECTOR_SHIFT ||
                         ir_op_info[op].typing == IR_TYPES_SPLATS ||
                         ir_op_info[op].typing == IR_TYPES_REPLACES;
        assert_true(by_c[op] != NULL || !is_vector || op == IR_V128_CONST);
        for (unsigned n = 0; n < RANDOM_TRIES && is_computed(op); n++) {
            union vec v[3] = {next_vector(), next_vector(), next_vector()};
            v[1] = n % 16 == 0 ? v[0] : v[1];
            check_op(op, v);
        }
    }
}

/* ---- As a function ---- */

/* An instruction of the operation, with operands of the right types and its last lane. */
static void emit_op(struct ir_function *f, unsigned op, const uint32_t scalars[IR_TYPE_COUNT])
{
    static const uint8_t lanes[16] = {31, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 15};
    const struct ir_op_info *info = &ir_op_info[op];
    uint32_t vector = scalars[IR_V128], scalar = scalars[ir_shape_scalar(info->shape)];
    uint32_t last = ir_shape_lanes(info->shape) - 1;
    switch ((enum ir_typing)info->typing) {
    case IR_TYPES_VECTOR_SHIFT:
        (void)ir_emit(f, op, IR_V128, vector, scalars[IR_I32], 0);
        break;
    case IR_TYPES_TESTS_VECTOR:
        (void)ir_emit(f, op, IR_I32, vector, 0, 0);
        break;
    case IR_TYPES_SPLATS:
        (void)ir_emit(f, op, IR_V128, scalar, 0, 0);
        break;
    case IR_TYPES_EXTRACTS:
        (void)ir_emit(f, op, ir_shape_scalar(info->shape), vector, last, 0);
        break;
    case IR_TYPES_REPLACES:
        (void)ir_emit(f, op, IR_V128, vector, scalar, last);
        break;
    default:
        if (info->form == IR_FORM_SHUFFLE) {
            (void)ir_shuffle(f, vector, vector, lanes);
        } else if (info->form == IR_FORM_VECTOR_CONST) {
            (void)ir_const_vector(f, 1, UINT64_MAX);
        } else {
            (void)ir_emit(f, op, IR_V128, vector, info->form == IR_FORM_UNARY ? 0 : vector,
                          info->form == IR_FORM_SELECT ? vector : 0);
        }
        break;
    }
}

static void verify(struct arena *a, const struct ir_function *f)
{
    struct ir_complaint complaint;
    if (ir_verify(a, f, &complaint) != OK) {
        fail_msg("%s", complaint.text);
    }
}

#define HEAD                                                                                       \
    "memory guard 0x80000000 base 0 length 8\n"                                                    \
    "signature (i32, i64, f32, f64, v128) -> ()\n"                                                 \
    "signature (i32, v128) -> (v128)\n"                                                            \
    "signature (i32, i64) -> (i32)\n"                                                              \
    "signature (i32) -> (v128)\n"                                                                  \
    "signature (i64, i64, i64, i64, i64, i64) -> ()\n"                                             \
    "signature () -> (i32, i32)\n"                                                                 \
    "callee @all signature 0\n"                                                                    \
    "callee @one signature 1\n"                                                                    \
    "callee @grow signature 2 helper 16 traps reads writes\n"                                      \
    "callee @vector signature 3 helper 24\n"                                                       \
    "callee @many signature 4 helper 32\n"                                                         \
    "callee @two signature 5 helper 40\n"                                                          \
    "callee @odd signature 2 helper 4\n"                                                           \
    "callee @host signature 4 host 48 writes\n"

static void test_every_operation_survives_its_text(void **state)
{
    (void)state;
    struct arena a;
    struct ir_text head, again;
    struct buffer *first = calloc(1, sizeof *first), *second = calloc(1, sizeof *second);
    uint32_t scalars[IR_TYPE_COUNT] = {0};
    arena_init(&a, ARENA_LIMIT);
    assert_int_equal(ir_parse(&a, HEAD, strlen(HEAD), &head), OK);
    struct ir_function *f = ir_function_new(&a, &head.module, 0);
    ir_block_start(f, ir_block_new(f));
    for (unsigned type = IR_I32; type <= IR_V128; type++) {
        scalars[type] = ir_param(f, type);
    }
    unsigned count = 0;
    for (unsigned op = 0; op < IR_OP_COUNT; op++) {
        if (ir_op_info[op].shape != IR_SHAPE_NONE) {
            emit_op(f, op, scalars);
            count++;
        }
    }
    for (uint8_t access = IR_ACCESS_8_SPLAT; access < IR_ACCESS_COUNT; access++) {
        struct ir_memref place = {.offset = access, .access = access};
        (void)ir_emit(f, IR_LOAD, IR_V128, scalars[IR_I32], 0, ir_memref(f, &place));
    }
    (void)ir_emit(f, IR_RETURN, IR_VOID, 0, 0, 0);
    assert_true(count > 180);
    assert_int_equal(f->error, OK);
    verify(&a, f);
    ir_print_module(&head.module, collect, first);
    assert_string_equal(first->text, HEAD);
    ir_print_function(f, collect, first);
    if (ir_parse(&a, first->text, first->len, &again) != OK) {
        fail_msg("line %u: %s", again.error_line, again.error);
    }
    verify(&a, again.functions[0]);
    ir_print_module(&again.module, collect, second);
    ir_print_function(again.functions[0], collect, second);
    assert_string_equal(first->text, second->text);
    arena_free_all(&a);
    free(first);
    free(second);
}

/* ---- Running ---- */

static uint8_t memory[65536];

static struct ir_window host_memory(void *ctx, uint64_t context, uint32_t number)
{
    (void)ctx, (void)context, (void)number;
    return (struct ir_window){memory, sizeof memory};
}

static bool host_poll(void *ctx)
{
    (void)ctx;
    return true;
}

/* Function @one with these lines, which define v9. False: it traps. */
static bool run_one(const char *lines, uint32_t index, struct ir_bits vector, struct ir_bits *out)
{
    struct ir_stack stack = {.bytes_max = 1 << 16, .calls_max = UINT32_MAX};
    struct arena a;
    struct ir_text t;
    struct ir_stop stop;
    char text[4096];
    int n = snprintf(text, sizeof text,
                     HEAD "function @one {\nblock0(v0: i32, v1: v128):\n%s return v9\n}\n", lines);
    arena_init(&a, ARENA_LIMIT);
    if (ir_parse(&a, text, (size_t)n, &t) != OK) {
        fail_msg("line %u: %s", t.error_line, t.error);
    }
    verify(&a, t.functions[1]);
    const struct ir_host host = {.memory = host_memory, .poll = host_poll};
    struct ir_target target = {t.functions[1], 1, 0};
    struct ir_bits args[2] = {{.lo = index}, vector};
    enum ir_outcome outcome = ir_interpret(&host, &stack, &target, args, out, &stop);
    ir_stack_free(&stack);
    arena_free_all(&a);
    return outcome == IR_RETURNED;
}

static void expect(const char *lines, struct ir_bits vector, uint64_t lo, uint64_t hi)
{
    struct ir_bits out;
    assert_true(run_one(lines, 1000, vector, &out));
    if (out.lo != lo || out.hi != hi) {
        fail_msg("%s: %016llx%016llx", lines, (unsigned long long)out.hi,
                 (unsigned long long)out.lo);
    }
}

static void test_numbers_of_lanes_reach_the_interpreter(void **state)
{
    (void)state;
    struct ir_bits v = {0x0706050403020100, 0x8f0e0d0c0b0a0908};
    expect(" v9 = v128_const.v128 0x1122334455667788, 0x99\n", v, 0x1122334455667788, 0x99);
    expect(" v2 = i8x16_extract_s.i32 v1, 15\n v9 = i32x4_replace.v128 v1, v2, 1\n", v,
           0xffffff8f03020100, v.hi);
    expect(" v2 = i8x16_extract_u.i32 v1, 15\n v9 = i16x8_replace.v128 v1, v2, 7\n", v, v.lo,
           0x008f0d0c0b0a0908);
    expect(" v2 = v128_const.v128 0, 0xffff\n"
           " v9 = i8x16_shuffle.v128 v1, v2, 0x1f1e191817100100, 0x0f0f0f0f0f0f0f0f\n",
           v, 0x0000ffff00000100, 0x8f8f8f8f8f8f8f8f);
    expect(" v2 = const.i32 33\n v9 = i32x4_shl.v128 v1, v2\n", v, 0x0e0c0a0806040200,
           0x1e1c1a1816141210);
    expect(" v9 = select.v128 v0, v1, v1\n", v, v.lo, v.hi);
}

static void test_loads_make_lanes(void **state)
{
    (void)state;
    static const struct {
        const char *access;
        uint64_t lo, hi;
    } cases[] = {
        {"", 0x8706050483828100, 0x0f0e0d0c0b0a0908},
        {"8_splat", 0x8181818181818181, 0x8181818181818181},
        {"16_splat", 0x8281828182818281, 0x8281828182818281},
        {"32_splat", 0x0483828104838281, 0x0483828104838281},
        {"64_splat", 0x0887060504838281, 0x0887060504838281},
        {"8x8_s", 0x0004ff83ff82ff81, 0x0008ff8700060005},
        {"8x8_u", 0x0004008300820081, 0x0008008700060005},
        {"16x4_s", 0x00000483ffff8281, 0x0000088700000605},
        {"16x4_u", 0x0000048300008281, 0x0000088700000605},
        {"32x2_s", 0x0000000004838281, 0x0000000008870605},
        {"32x2_u", 0x0000000004838281, 0x0000000008870605},
        {"32_zero", 0x0000000004838281, 0},
        {"64_zero", 0x0887060504838281, 0},
    };
    struct ir_bits none = {0, 0}, out;
    for (unsigned n = 0; n < 16; n++) {
        memory[1000 + n] = (uint8_t)(n | ((n >= 1 && n <= 3) || n == 7 ? 0x80 : 0));
    }
    for (unsigned n = 0; n < COUNT(cases); n++) {
        char line[128];
        snprintf(line, sizeof line, " v9 = load.v128 memory0[v0 + %d] %s\n",
                 cases[n].access[0] == '\0' ? 0 : 1, cases[n].access);
        expect(line, none, cases[n].lo, cases[n].hi);
    }
    /* The last bytes of the memory, and one byte past it. */
    const char *line = " v9 = load.v128 memory0[v0 + 3] 32_splat\n";
    assert_true(run_one(line, sizeof memory - 7, none, &out));
    assert_false(run_one(line, sizeof memory - 6, none, &out));
    line = " store.v128 v1, memory0[v0 + 0]\n v9 = load.v128 memory0[v0 + 0]\n";
    assert_true(run_one(line, sizeof memory - 16, (struct ir_bits){5, 6}, &out));
    assert_int_equal(out.hi, 6);
    assert_false(run_one(line, sizeof memory - 15, none, &out));
}

/* ---- Errors ---- */

static void expect_complaint(const char *lines, const char *why)
{
    struct arena a;
    struct ir_text t;
    struct ir_complaint complaint = {""};
    char text[4096];
    int n = snprintf(text, sizeof text,
                     HEAD "function @one {\nblock0(v0: i32, v1: v128):\n%s return v1\n}\n", lines);
    arena_init(&a, ARENA_LIMIT);
    if (ir_parse(&a, text, (size_t)n, &t) != OK) {
        fail_msg("line %u: %s", t.error_line, t.error);
    }
    enum status s = ir_verify(&a, t.functions[1], &complaint);
    if (s != E_CORRUPT || strstr(complaint.text, why) == NULL) {
        fail_msg("%s: %d, %s", lines, s, complaint.text);
    }
    arena_free_all(&a);
}

static void test_wrong_vector_operations_are_reported(void **state)
{
    (void)state;
    expect_complaint(" v2 = i8x16_add.v128 v1, v0\n", "no v128");
    expect_complaint(" v2 = i8x16_add.i32 v1, v1\n", "the result is a v128");
    expect_complaint(" v2 = i8x16_shl.v128 v1, v1\n", "shifted by an i32");
    expect_complaint(" v2 = v128_bitselect.v128 v1, v1, v0\n", "no v128");
    expect_complaint(" v2 = i64x2_splat.v128 v0\n", "no i64");
    expect_complaint(" v2 = f32x4_extract.f32 v1, 4\n", "no lane 4");
    expect_complaint(" v2 = i16x8_extract_u.i64 v1, 7\n", "the result is a i32");
    expect_complaint(" v2 = f64x2_replace.v128 v1, v0, 0\n", "becomes a f64");
    expect_complaint(" v2 = i32x4_replace.v128 v1, v0, 4\n", "no lane 4");
    expect_complaint(" v2 = i8x16_all_true.v128 v1\n", "the result is a i32");
    expect_complaint(" v2 = i8x16_shuffle.v128 v1, v1, 0x20, 0\n", "no lane 32");
    expect_complaint(" v2 = load.i64 memory0[v0 + 0] 8x8_s\n", "no access of this width");
    expect_complaint(" v2 = load.v128 memory0[v0 + 0] 8_u\n", "no access of this width");
    expect_complaint(" store.v128 v1, memory0[v0 + 0] 64_zero\n", "no access of this width");
    expect_complaint(" v2 = const.v128 0\n", "not of v128");
    expect_complaint(" v2 = add.v128 v1, v1\n", "not for v128");
}

static void test_helpers_that_no_stub_can_call_are_reported(void **state)
{
    (void)state;
    expect_complaint(" v2 = const.i64 0\n call @many(v2, v2, v2, v2, v2, v2)\n", "more than 5");
    expect_complaint(" v2 = const.i64 0\n call @host(v2, v2, v2, v2, v2, v2)\n", "more than 5");
    expect_complaint(" v2 = call.v128 @vector(v0)\n", "knows no v128");
    expect_complaint(" v2 = call.i32 @two()\n", "more than 1 result");
    expect_complaint(" v2 = const.i64 0\n v3 = call.i32 @odd(v0, v2)\n", "is at 4");
    struct arena a;
    struct ir_text t;
    struct ir_complaint complaint;
    static const char body[] = HEAD "function @grow {\nblock0(v0: i32, v1: i64):\n return v0\n}\n",
                      memory_at[] = "memory guard 0 base 4 length 8\nsignature (i32) -> (i32)\n"
                                    "callee @f signature 0\nfunction @f {\nblock0(v0: i32):\n"
                                    " v1 = load.i32 memory0[v0 + 0]\n return v1\n}\n";
    arena_init(&a, ARENA_LIMIT);
    assert_int_equal(ir_parse(&a, body, strlen(body), &t), OK);
    assert_int_equal(t.module.callees[2].kind, IR_CALLEE_HELPER);
    assert_int_equal(t.module.callees[2].entry, 16);
    assert_int_equal(t.module.callees[7].kind, IR_CALLEE_HOST);
    assert_int_equal(t.module.callees[7].entry, 48);
    assert_int_equal(t.module.memories[0].length, 8);
    assert_int_equal(ir_verify(&a, t.functions[2], &complaint), E_CORRUPT);
    assert_non_null(strstr(complaint.text, "no body"));
    assert_int_equal(ir_parse(&a, memory_at, strlen(memory_at), &t), OK);
    assert_int_equal(ir_verify(&a, t.functions[0], &complaint), E_CORRUPT);
    assert_non_null(strstr(complaint.text, "words of the context at 4 and 8"));
    arena_free_all(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_computes_what_c_computes),
        cmocka_unit_test(test_every_operation_survives_its_text),
        cmocka_unit_test(test_numbers_of_lanes_reach_the_interpreter),
        cmocka_unit_test(test_loads_make_lanes),
        cmocka_unit_test(test_wrong_vector_operations_are_reported),
        cmocka_unit_test(test_helpers_that_no_stub_can_call_are_reported),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
