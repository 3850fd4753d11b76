// SPDX-License-Identifier: MIT
//
// Vector operations, lane by lane. An integer lane is computed with 64 bits and truncated to its
// width; a floating-point lane uses the scalar operation.
//
// A vector is two 64-bit words in memory order. get() returns a lane with zeros above it, and set()
// stores only the low bits of its value: so an operation may leave any bits above the lane, but
// one that depends on the sign must call with_sign() first. As in ir_eval.c, the results here are
// the definition that compiled code is compared with.
#include "kernel/jit/ir/ir_eval_internal.h"

#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/softfloat.h"
#include "kernel/lib/string.h"

/* Bits in a lane. */
static unsigned lane_bits(unsigned shape)
{
    return 128 / ir_shape_lanes(shape);
}

/* Both machines are little-endian: lane 0 is at the lowest address. */
static uint64_t get(const struct ir_bits *v, unsigned bits, unsigned lane)
{
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)v + lane * bits / 8, bits / 8);
    return value;
}

static void set(struct ir_bits *v, unsigned bits, unsigned lane, uint64_t value)
{
    memcpy((uint8_t *)v + lane * bits / 8, &value, bits / 8);
}

static int64_t with_sign(uint64_t v, unsigned bits)
{
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

static uint64_t ones(unsigned bits)
{
    return UINT64_MAX >> (64 - bits);
}

static uint64_t clamp(int64_t v, int64_t smallest, int64_t largest)
{
    return (uint64_t)MAX(smallest, MIN(v, largest));
}

static uint64_t clamp_signed(int64_t v, unsigned bits)
{
    return clamp(v, -(INT64_C(1) << (bits - 1)), (INT64_C(1) << (bits - 1)) - 1);
}

static uint64_t clamp_unsigned(int64_t v, unsigned bits)
{
    return clamp(v, 0, (int64_t)ones(bits));
}

static uint64_t mask(bool is_true)
{
    return is_true ? UINT64_MAX : 0;
}

/* ---- Integer lanes ---- */

/* Saturating operations exist only for lanes of 8 and 16 bits, so the exact result always fits 64
 * bits and can be clamped afterwards. a and b have zeros above the lane; a - b of unsigned lanes
 * is negative as a 64-bit number if it must become 0. */
static uint64_t saturate(unsigned op, unsigned bits, uint64_t a, uint64_t b)
{
    int64_t x = with_sign(a, bits), y = with_sign(b, bits);
    switch (op) {
    case IR_LANE_ADD_SAT_S:
        return clamp_signed(x + y, bits);
    case IR_LANE_ADD_SAT_U:
        return clamp_unsigned((int64_t)(a + b), bits);
    case IR_LANE_SUB_SAT_S:
        return clamp_signed(x - y, bits);
    case IR_LANE_SUB_SAT_U:
        return clamp_unsigned((int64_t)(a - b), bits);
    default:
        return clamp_signed((x * y + 0x4000) >> 15, bits); /* q15mulr_sat_s */
    }
}

/* A comparison of lanes gives all ones or all zeros, not 1 or 0 as a scalar one does. */
static uint64_t compare(unsigned op, unsigned bits, uint64_t a, uint64_t b)
{
    int64_t x = with_sign(a, bits), y = with_sign(b, bits);
    switch (op) {
    case IR_LANE_EQ:
        return mask(a == b);
    case IR_LANE_NE:
        return mask(a != b);
    case IR_LANE_LT_S:
        return mask(x < y);
    case IR_LANE_LT_U:
        return mask(a < b);
    case IR_LANE_LE_S:
        return mask(x <= y);
    default:
        return mask(a <= b);
    }
}

/* Signed and unsigned forms differ only in the comparison: one of the operands is
 * the result, unchanged. */
static uint64_t smaller_or_larger(unsigned op, unsigned bits, uint64_t a, uint64_t b)
{
    int64_t x = with_sign(a, bits), y = with_sign(b, bits);
    switch (op) {
    case IR_LANE_MIN_S:
        return x < y ? a : b;
    case IR_LANE_MIN_U:
        return MIN(a, b);
    case IR_LANE_MAX_S:
        return x > y ? a : b;
    default:
        return MAX(a, b);
    }
}

static uint64_t unary_lane(unsigned op, unsigned bits, uint64_t a)
{
    switch (op) {
    case IR_LANE_NEG:
        return 0 - a;
    case IR_LANE_ABS:
        return with_sign(a, bits) < 0 ? 0 - a : a;
    default:
        return (uint64_t)__builtin_popcountll(a);
    }
}

/* The count is the same for all lanes, modulo the width of a lane. */
static uint64_t shift_lane(unsigned op, unsigned bits, uint64_t a, unsigned count)
{
    count %= bits;
    switch (op) {
    case IR_LANE_SHL:
        return a << count;
    case IR_LANE_SHR_S:
        return (uint64_t)(with_sign(a, bits) >> count);
    default:
        return a >> count;
    }
}

static uint64_t binary_lane(unsigned op, unsigned bits, uint64_t a, uint64_t b)
{
    switch (op) {
    case IR_LANE_ADD:
        return a + b;
    case IR_LANE_SUB:
        return a - b;
    case IR_LANE_MUL:
        return a * b;
    case IR_LANE_AVGR_U:
        return (a + b + 1) >> 1;
    case IR_LANE_MIN_S:
    case IR_LANE_MIN_U:
    case IR_LANE_MAX_S:
    case IR_LANE_MAX_U:
        return smaller_or_larger(op, bits, a, b);
    case IR_LANE_EQ:
    case IR_LANE_NE:
    case IR_LANE_LT_S:
    case IR_LANE_LT_U:
    case IR_LANE_LE_S:
    case IR_LANE_LE_U:
        return compare(op, bits, a, b);
    default:
        return saturate(op, bits, a, b);
    }
}

/* ---- Floating-point lanes ---- */

static const struct softfloat_format *format(unsigned bits)
{
    return bits == 32 ? &softfloat_32 : &softfloat_64;
}

/* Evaluate one lane with the scalar operation. None of those that are used here can trap. */
static uint64_t scalar(unsigned op, unsigned type, unsigned operand_type, uint64_t a, uint64_t b)
{
    struct ir_bits operands[3] = {{.lo = a}, {.lo = b}}, out = {0, 0};
    enum ir_trap trap;
    bool is_there = ir_eval(op, type, operand_type, operands, &out, &trap);
    ASSERT(is_there);
    return out.lo;
}

/* The scalar operation that computes each lane; IR_OP_COUNT: there is none. */
static unsigned scalar_op(unsigned op)
{
    static const uint16_t table[] = {
        [IR_LANE_FADD] = IR_FADD,   [IR_LANE_FSUB] = IR_FSUB,         [IR_LANE_FMUL] = IR_FMUL,
        [IR_LANE_FDIV] = IR_FDIV,   [IR_LANE_FMIN] = IR_FMIN,         [IR_LANE_FMAX] = IR_FMAX,
        [IR_LANE_FNEG] = IR_FNEG,   [IR_LANE_FABS] = IR_FABS,         [IR_LANE_FSQRT] = IR_FSQRT,
        [IR_LANE_FCEIL] = IR_FCEIL, [IR_LANE_FFLOOR] = IR_FFLOOR,     [IR_LANE_FTRUNC] = IR_FTRUNC,
        [IR_LANE_FEQ] = IR_FEQ,     [IR_LANE_FNE] = IR_FNE,           [IR_LANE_FLT] = IR_FLT,
        [IR_LANE_FLE] = IR_FLE,     [IR_LANE_FNEAREST] = IR_FNEAREST,
    };
    return table[op];
}

/* IR_LANE_FPMIN and IR_LANE_FPMAX are defined by one comparison, b < a and a < b: with a NaN, or
 * with two zeros of different sign, the result is a. IR_LANE_FMIN and IR_LANE_FMAX return NaN
 * then, and order the zeros. */
static uint64_t float_lane(unsigned op, unsigned bits, uint64_t a, uint64_t b)
{
    unsigned type = bits == 32 ? IR_F32 : IR_F64;
    switch (op) {
    case IR_LANE_FPMIN:
        return softfloat_compare(format(bits), b, a) == SOFTFLOAT_LESS ? b : a;
    case IR_LANE_FPMAX:
        return softfloat_compare(format(bits), a, b) == SOFTFLOAT_LESS ? b : a;
    case IR_LANE_FEQ:
    case IR_LANE_FNE:
    case IR_LANE_FLT:
    case IR_LANE_FLE:
        return mask(scalar(scalar_op(op), IR_I32, type, a, b) != 0);
    default:
        return scalar(scalar_op(op), type, type, a, b);
    }
}

/* ---- Lanes of another width ---- */

struct half {
    const struct ir_bits *v;
    unsigned bits, first; /* bits in a lane; index of the lane where the half starts */
    bool is_signed;
};

static uint64_t half_lane(const struct half *h, unsigned lane)
{
    uint64_t v = get(h->v, h->bits, h->first + lane);
    return h->is_signed ? (uint64_t)with_sign(v, h->bits) : v;
}

static struct half half_of(unsigned op, const struct ir_bits *v, unsigned bits)
{
    bool is_high = op == IR_LANE_EXTEND_HIGH_S || op == IR_LANE_EXTEND_HIGH_U ||
                   op == IR_LANE_EXTMUL_HIGH_S || op == IR_LANE_EXTMUL_HIGH_U;
    bool is_signed = op == IR_LANE_EXTEND_LOW_S || op == IR_LANE_EXTEND_HIGH_S ||
                     op == IR_LANE_EXTMUL_LOW_S || op == IR_LANE_EXTMUL_HIGH_S ||
                     op == IR_LANE_EXTADD_PAIRWISE_S || op == IR_LANE_DOT_S ||
                     op == IR_LANE_DOT_SAT_SU;
    return (struct half){v, bits, is_high ? 128 / bits / 2 : 0, is_signed};
}

/* A lane computed from lanes of half its width. */
static uint64_t wide_lane(unsigned op, unsigned bits, const struct ir_bits *operands, unsigned lane)
{
    struct half a = half_of(op, &operands[0], bits / 2), b = half_of(op, &operands[1], bits / 2);
    switch (op) {
    case IR_LANE_EXTEND_LOW_S:
    case IR_LANE_EXTEND_LOW_U:
    case IR_LANE_EXTEND_HIGH_S:
    case IR_LANE_EXTEND_HIGH_U:
        return half_lane(&a, lane);
    case IR_LANE_EXTADD_PAIRWISE_S:
    case IR_LANE_EXTADD_PAIRWISE_U:
        return half_lane(&a, 2 * lane) + half_lane(&a, 2 * lane + 1);
    case IR_LANE_DOT_S:
        return half_lane(&a, 2 * lane) * half_lane(&b, 2 * lane) +
               half_lane(&a, 2 * lane + 1) * half_lane(&b, 2 * lane + 1);
    case IR_LANE_DOT_SAT_SU:
        b.is_signed = false;
        return clamp_signed((int64_t)(half_lane(&a, 2 * lane) * half_lane(&b, 2 * lane) +
                                      half_lane(&a, 2 * lane + 1) * half_lane(&b, 2 * lane + 1)),
                            bits);
    default:
        return half_lane(&a, lane) * half_lane(&b, lane);
    }
}

/* A lane narrowed from lanes of twice its width: those of a, then those of b. */
static uint64_t narrow_lane(unsigned op, unsigned bits, const struct ir_bits *operands,
                            unsigned lane)
{
    unsigned count = 128 / (2 * bits);
    int64_t v = with_sign(get(&operands[lane / count], 2 * bits, lane % count), 2 * bits);
    return op == IR_LANE_NARROW_S ? clamp_signed(v, bits) : clamp_unsigned(v, bits);
}

/* ---- Between integers and floats ---- */

/* The integer lanes are 32 bits wide and the floats 32 or 64, so some conversions use only the two
 * low lanes of the operand, and some fill only the two low lanes of the result: the
 * others become 0. */
static uint64_t convert_lane(unsigned op, const struct ir_bits *v, unsigned lane)
{
    switch (op) {
    case IR_LANE_FROM_INT_S:
        return scalar(IR_FROM_INT_S, IR_F32, IR_I32, get(v, 32, lane), 0);
    case IR_LANE_FROM_INT_U:
        return scalar(IR_FROM_INT_U, IR_F32, IR_I32, get(v, 32, lane), 0);
    case IR_LANE_FROM_INT_LOW_S:
        return scalar(IR_FROM_INT_S, IR_F64, IR_I32, get(v, 32, lane), 0);
    case IR_LANE_FROM_INT_LOW_U:
        return scalar(IR_FROM_INT_U, IR_F64, IR_I32, get(v, 32, lane), 0);
    case IR_LANE_TO_INT_SAT_S:
        return scalar(IR_TO_INT_SAT_S, IR_I32, IR_F32, get(v, 32, lane), 0);
    case IR_LANE_TO_INT_SAT_U:
        return scalar(IR_TO_INT_SAT_U, IR_I32, IR_F32, get(v, 32, lane), 0);
    case IR_LANE_PROMOTE_LOW:
        return scalar(IR_PROMOTE, IR_F64, IR_F32, get(v, 32, lane), 0);
    default:
        break;
    }
    if (lane >= 2) {
        return 0;
    }
    switch (op) {
    case IR_LANE_TO_INT_SAT_ZERO_S:
        return scalar(IR_TO_INT_SAT_S, IR_I32, IR_F64, get(v, 64, lane), 0);
    case IR_LANE_TO_INT_SAT_ZERO_U:
        return scalar(IR_TO_INT_SAT_U, IR_I32, IR_F64, get(v, 64, lane), 0);
    default:
        return scalar(IR_DEMOTE, IR_F32, IR_F64, get(v, 64, lane), 0);
    }
}

/* ---- Native forms of relaxed operators ---- */

static uint64_t fused(unsigned bits, uint64_t a, uint64_t b, uint64_t c, bool negates)
{
    const struct softfloat_format *f = bits == 32 ? &softfloat_32 : &softfloat_64;
    return softfloat_fma(f, negates ? softfloat_negate(f, a) : a, b, c);
}

/* Products of bytes: two of a lane of 16 bits, four of one of 32. Sums wrap, so they can be
 * computed in 64 bits. */
static uint64_t dot(unsigned op, unsigned bits, const struct ir_bits *operands, unsigned lane)
{
    struct half a = {&operands[0], 8, 0, true};
    struct half b = {&operands[1], 8, 0, op != IR_LANE_DOT_ADD_SU};
    uint64_t sum = op == IR_LANE_DOT_BYTES ? 0 : get(&operands[2], bits, lane);
    for (unsigned n = lane * (bits / 8); n < (lane + 1) * (bits / 8); n++) {
        sum += half_lane(&a, n) * half_lane(&b, n);
    }
    return sum;
}

static uint64_t relaxed_lane(unsigned op, unsigned bits, const struct ir_bits *operands,
                             unsigned lane)
{
    if (op == IR_LANE_FMA || op == IR_LANE_FNMA) {
        return fused(bits, get(&operands[0], bits, lane), get(&operands[1], bits, lane),
                     get(&operands[2], bits, lane), op == IR_LANE_FNMA);
    }
    return dot(op, bits, operands, lane);
}

/* ---- Whole vectors ---- */

/* These have no lanes, so the two halves are computed at once. IR_LANE_BITSELECT has
 * its mask first. */
static struct ir_bits bitwise(unsigned op, const struct ir_bits *v)
{
    const struct ir_bits *a = &v[0], *b = &v[1], *c = &v[2];
    switch (op) {
    case IR_LANE_NOT:
        return (struct ir_bits){~a->lo, ~a->hi};
    case IR_LANE_AND:
        return (struct ir_bits){a->lo & b->lo, a->hi & b->hi};
    case IR_LANE_ANDNOT:
        return (struct ir_bits){a->lo & ~b->lo, a->hi & ~b->hi};
    case IR_LANE_OR:
        return (struct ir_bits){a->lo | b->lo, a->hi | b->hi};
    case IR_LANE_XOR:
        return (struct ir_bits){a->lo ^ b->lo, a->hi ^ b->hi};
    case IR_LANE_BITSELECT:
        return (struct ir_bits){(b->lo & a->lo) | (c->lo & ~a->lo),
                                (b->hi & a->hi) | (c->hi & ~a->hi)};
    default:
        return (struct ir_bits){.lo = (a->lo | a->hi) != 0}; /* any_true */
    }
}

static struct ir_bits all_true(unsigned bits, const struct ir_bits *v)
{
    for (unsigned lane = 0; lane < 128 / bits; lane++) {
        if (get(v, bits, lane) == 0) {
            return (struct ir_bits){.lo = 0};
        }
    }
    return (struct ir_bits){.lo = 1};
}

/* The sign of each lane, as a bit of the result; lane 0 is the lowest. */
static struct ir_bits bitmask(unsigned bits, const struct ir_bits *v)
{
    struct ir_bits out = {.lo = 0};
    for (unsigned lane = 0; lane < 128 / bits; lane++) {
        out.lo |= (get(v, bits, lane) >> (bits - 1)) << lane;
    }
    return out;
}

static struct ir_bits extract(unsigned op, unsigned bits, const struct ir_bits *v, unsigned lane)
{
    uint64_t value = get(v, bits, lane);
    return (struct ir_bits){.lo =
                                op == IR_LANE_EXTRACT_S ? (uint32_t)with_sign(value, bits) : value};
}

static struct ir_bits replace(unsigned bits, const struct ir_bits *operands)
{
    struct ir_bits out = operands[0];
    set(&out, bits, (unsigned)operands[2].lo, operands[1].lo);
    return out;
}

/* ---- By operation ---- */

/* One lane of the result. The families of operations are ranges of enum ir_lane_op: keep its order.
 * The third operand of a shuffle is its 16 lane numbers; numbers from 16 on select from the
 * second operand. */
static uint64_t lane_of(unsigned op, unsigned bits, const struct ir_bits *operands, unsigned lane)
{
    uint64_t a = get(&operands[0], bits, lane), b = get(&operands[1], bits, lane), at;
    switch (op) {
    case IR_LANE_SPLAT:
        return operands[0].lo;
    case IR_LANE_SHUFFLE:
        at = get(&operands[2], 8, lane);
        return get(&operands[at / 16], 8, (unsigned)at % 16);
    case IR_LANE_SWIZZLE:
        return b < 16 ? get(&operands[0], 8, (unsigned)b) : 0;
    case IR_LANE_NEG:
    case IR_LANE_ABS:
    case IR_LANE_POPCNT:
        return unary_lane(op, bits, a);
    case IR_LANE_SHL:
    case IR_LANE_SHR_S:
    case IR_LANE_SHR_U:
        return shift_lane(op, bits, a, (unsigned)operands[1].lo);
    case IR_LANE_NARROW_S:
    case IR_LANE_NARROW_U:
        return narrow_lane(op, bits, operands, lane);
    default:
        break;
    }
    if (op >= IR_LANE_EXTEND_LOW_S && op <= IR_LANE_DOT_SAT_SU) {
        return wide_lane(op, bits, operands, lane);
    }
    if (op >= IR_LANE_FMA) {
        return relaxed_lane(op, bits, operands, lane);
    }
    if (op >= IR_LANE_FROM_INT_S) {
        return convert_lane(op, &operands[0], lane);
    }
    if (op >= IR_LANE_FADD || (op >= IR_LANE_FEQ && op <= IR_LANE_FLE)) {
        return float_lane(op, bits, a, b);
    }
    return binary_lane(op, bits, a, b);
}

struct ir_bits ir_eval_vector(unsigned op, const struct ir_bits operands[3])
{
    unsigned lane_op = ir_op_info[op].lane_op, shape = ir_op_info[op].shape;
    unsigned bits = lane_bits(shape);
    struct ir_bits out = {0, 0};
    switch (lane_op) {
    case IR_LANE_ALL_TRUE:
        return all_true(bits, &operands[0]);
    case IR_LANE_BITMASK:
        return bitmask(bits, &operands[0]);
    case IR_LANE_EXTRACT:
    case IR_LANE_EXTRACT_S:
    case IR_LANE_EXTRACT_U:
        return extract(lane_op, bits, &operands[0], (unsigned)operands[1].lo);
    case IR_LANE_REPLACE:
        return replace(bits, operands);
    default:
        break;
    }
    if (shape == IR_SHAPE_V128) {
        return bitwise(lane_op, operands);
    }
    for (unsigned lane = 0; lane < ir_shape_lanes(shape); lane++) {
        set(&out, bits, lane, lane_of(lane_op, bits, operands, lane));
    }
    return out;
}

/* ---- Memory ---- */

/* How a load widens lanes: `from` bits each in memory, `to` bits in the vector. */
struct widening {
    uint8_t from, to;
    bool is_signed, is_splat;
};

static const struct widening widenings[IR_ACCESS_COUNT] = {
    [IR_ACCESS_8_SPLAT] = {8, 8, false, true},    [IR_ACCESS_16_SPLAT] = {16, 16, false, true},
    [IR_ACCESS_32_SPLAT] = {32, 32, false, true}, [IR_ACCESS_64_SPLAT] = {64, 64, false, true},
    [IR_ACCESS_8X8_S] = {8, 16, true, false},     [IR_ACCESS_8X8_U] = {8, 16, false, false},
    [IR_ACCESS_16X4_S] = {16, 32, true, false},   [IR_ACCESS_16X4_U] = {16, 32, false, false},
    [IR_ACCESS_32X2_S] = {32, 64, true, false},   [IR_ACCESS_32X2_U] = {32, 64, false, false},
};

/* Read a vector, or widen or repeat fewer bytes to one. An access without an entry in the table (a
 * full one, or one that fills the rest with zeros) only copies the bytes. */
struct ir_bits ir_read_vector(const void *bytes, unsigned access)
{
    struct ir_bits raw = {0, 0}, out = {0, 0};
    const struct widening *w = &widenings[access];
    memcpy(&raw, bytes, ir_access_size(access, IR_V128));
    if (w->to == 0) {
        return raw;
    }
    for (unsigned lane = 0; lane < 128u / w->to; lane++) {
        uint64_t v = get(&raw, w->from, w->is_splat ? 0 : lane);
        set(&out, w->to, lane, w->is_signed ? (uint64_t)with_sign(v, w->from) : v);
    }
    return out;
}
