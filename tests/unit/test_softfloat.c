// SPDX-License-Identifier: MIT
//
// Floating point in integer arithmetic against the CPU's, bit for bit: every pair of special
// values, then random patterns, most of them close together or close to a boundary.
#include "kernel/lib/softfloat.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define RANDOM_PAIRS 300000

static const uint64_t special_64[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x8000000000000001,
    0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001, 0x3fdfffffffffffff,
    0x3fe0000000000000, 0x3fe0000000000001, 0x3ff0000000000000, 0xbff0000000000000,
    0x3ff0000000000001, 0x3fefffffffffffff, 0x3ff8000000000000, 0x4004000000000000,
    0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000000000, 0xc1e0000000200000,
    0x41efffffffe00000, 0x41f0000000000000, 0x43dfffffffffffff, 0x43e0000000000000,
    0xc3e0000000000000, 0xc3e0000000000001, 0x43efffffffffffff, 0x43f0000000000000,
    0x4330000000000001, 0x432fffffffffffff, 0x7fefffffffffffff, 0xffefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001,
    0xfff8000000000001, 0x36a0000000000000, 0x380fffffffffffff, 0x3690000000000000,
    0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000, 0xbfe0000000000000,
    0xbfeffffffffffffe};

static const uint32_t special_32[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x3effffff, 0x3f000000,
    0x3f000001, 0x3f800000, 0xbf800000, 0x3f7fffff, 0x3f800001, 0x3fc00000, 0x40200000, 0x4effffff,
    0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x5effffff, 0x5f000000, 0xdf000000,
    0xdf000001, 0x5f7fffff, 0x5f800000, 0x4b000001, 0x4affffff, 0x7f7fffff, 0xff7fffff, 0x7f800000,
    0xff800000, 0x7fc00000, 0x7f800001, 0xffc00001};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double as_double(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static float as_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float v;
    memcpy(&v, &low, sizeof(v));
    return v;
}

static uint64_t of_double(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return v != v ? 0x7ff8000000000000 : bits;
}

static uint64_t of_float(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return v != v ? 0x7fc00000 : bits;
}

static double min_double(double a, double b)
{
    if (a != a || b != b) {
        return NAN;
    }
    return a == b ? (signbit(a) ? a : b) : a < b ? a : b;
}

static double max_double(double a, double b)
{
    return -min_double(-a, -b);
}

static void check(const char *what, uint64_t a, uint64_t b, uint64_t ours, uint64_t cpu)
{
    if (ours != cpu) {
        fail_msg("%s of %#llx and %#llx: %#llx, the CPU says %#llx", what, (unsigned long long)a,
                 (unsigned long long)b, (unsigned long long)ours, (unsigned long long)cpu);
    }
}

#define PAIR_64(name, cpu)                                                                         \
    check(#name "_64", a, b, softfloat_##name(&softfloat_64, a, b), of_double(cpu))
#define PAIR_32(name, cpu)                                                                         \
    check(#name "_32", a, b, softfloat_##name(&softfloat_32, a, b), of_float((float)(cpu)))

static enum softfloat_order order_of(double x, double y)
{
    return x < y    ? SOFTFLOAT_LESS
           : x == y ? SOFTFLOAT_EQUAL
           : x > y  ? SOFTFLOAT_GREATER
                    : SOFTFLOAT_UNORDERED;
}

static void check_pair_64(uint64_t a, uint64_t b)
{
    double x = as_double(a), y = as_double(b);
    PAIR_64(add, x + y);
    PAIR_64(sub, x - y);
    PAIR_64(mul, x * y);
    PAIR_64(div, x / y);
    PAIR_64(min, min_double(x, y));
    PAIR_64(max, max_double(x, y));
    check("compare_64", a, b, softfloat_compare(&softfloat_64, a, b), order_of(x, y));
}

static void check_pair_32(uint64_t a, uint64_t b)
{
    float x = as_float(a), y = as_float(b);
    PAIR_32(add, x + y);
    PAIR_32(sub, x - y);
    PAIR_32(mul, x * y);
    PAIR_32(div, x / y);
    PAIR_32(min, min_double((double)x, (double)y));
    PAIR_32(max, max_double((double)x, (double)y));
    check("compare_32", a, b, softfloat_compare(&softfloat_32, a, b),
          order_of((double)x, (double)y));
}

static void check_triple_64(uint64_t a, uint64_t b, uint64_t c)
{
    check("fma_64", a ^ c, b, softfloat_fma(&softfloat_64, a, b, c),
          of_double(fma(as_double(a), as_double(b), as_double(c))));
}

static void check_triple_32(uint64_t a, uint64_t b, uint64_t c)
{
    check("fma_32", a ^ c, b, softfloat_fma(&softfloat_32, a, b, c),
          of_float(fmaf(as_float(a), as_float(b), as_float(c))));
}

static double (*const round_64[])(double) = {rint, floor, ceil, trunc};
static float (*const round_32[])(float) = {rintf, floorf, ceilf, truncf};

/* Conversions that C leaves undefined are decided first; within the range the CPU converts. */
static void check_integer(const struct softfloat_format *f, uint64_t a, double v, bool is_signed,
                          unsigned bits)
{
    double limit = ldexp(1, (int)bits - is_signed), low = is_signed ? -limit : 0;
    uint64_t out, expected;
    enum softfloat_integer result = softfloat_to_integer(f, a, is_signed, bits, &out);
    double whole = trunc(v);
    if (v != v) {
        assert_int_equal(result, SOFTFLOAT_NAN);
        expected = 0;
    } else if (whole < low) {
        assert_int_equal(result, SOFTFLOAT_TOO_SMALL);
        expected = is_signed ? 0 - (UINT64_C(1) << (bits - 1)) : 0;
    } else if (whole >= limit) {
        assert_int_equal(result, SOFTFLOAT_TOO_LARGE);
        expected = UINT64_MAX >> (64 - bits + is_signed);
    } else {
        assert_int_equal(result, SOFTFLOAT_EXACT_RANGE);
        expected = is_signed ? (uint64_t)(int64_t)whole : (uint64_t)whole;
    }
    check("to_integer", a, bits, out, expected);
}

static void check_integers(const struct softfloat_format *f, uint64_t a, double v)
{
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        check_integer(f, a, v, false, bits);
        check_integer(f, a, v, true, bits);
    }
}

static void check_single_64(uint64_t a)
{
    double x = as_double(a);
    check("sqrt_64", a, 0, softfloat_sqrt(&softfloat_64, a), of_double(sqrt(x)));
    check("demote", a, 0, softfloat_convert(&softfloat_64, &softfloat_32, a), of_float((float)x));
    for (unsigned how = 0; how < COUNT(round_64); how++) {
        check("round_64", a, how, softfloat_round(&softfloat_64, a, (enum softfloat_rounding)how),
              of_double(round_64[how](x)));
    }
    check_integers(&softfloat_64, a, x);
    check("from_signed_64", a, 0, softfloat_from_signed(&softfloat_64, (int64_t)a),
          of_double((double)(int64_t)a));
    check("from_unsigned_64", a, 0, softfloat_from_unsigned(&softfloat_64, a),
          of_double((double)a));
    check("from_signed_32", a, 0, softfloat_from_signed(&softfloat_32, (int64_t)a),
          of_float((float)(int64_t)a));
    check("from_unsigned_32", a, 0, softfloat_from_unsigned(&softfloat_32, a), of_float((float)a));
}

static void check_single_32(uint64_t a)
{
    float x = as_float(a);
    check("sqrt_32", a, 0, softfloat_sqrt(&softfloat_32, a), of_float(sqrtf(x)));
    check("promote", a, 0, softfloat_convert(&softfloat_32, &softfloat_64, a),
          of_double((double)x));
    for (unsigned how = 0; how < COUNT(round_32); how++) {
        check("round_32", a, how, softfloat_round(&softfloat_32, a, (enum softfloat_rounding)how),
              of_float(round_32[how](x)));
    }
    check_integers(&softfloat_32, a, (double)x);
}

static void test_special_values(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT(special_64); i++) {
        check_single_64(special_64[i]);
        for (unsigned j = 0; j < COUNT(special_64); j++) {
            check_pair_64(special_64[i], special_64[j]);
            for (unsigned k = 0; k < COUNT(special_64); k++) {
                check_triple_64(special_64[i], special_64[j], special_64[k]);
            }
        }
    }
    for (unsigned i = 0; i < COUNT(special_32); i++) {
        check_single_32(special_32[i]);
        for (unsigned j = 0; j < COUNT(special_32); j++) {
            check_pair_32(special_32[i], special_32[j]);
            for (unsigned k = 0; k < COUNT(special_32); k++) {
                check_triple_32(special_32[i], special_32[j], special_32[k]);
            }
        }
    }
}

/* Patterns with long runs of equal bits, which cause carries and ties. */
static uint64_t rough(void)
{
    uint64_t v = next_random();
    switch (next_random() % 4) {
    case 0:
        return v;
    case 1:
        return v & ~(UINT64_MAX >> next_random() % 60);
    case 2:
        return v | UINT64_MAX >> (12 + next_random() % 50);
    default:
        return (v & UINT64_C(0xfff0000000000000)) + (next_random() % 5) - 2;
    }
}

/* Close to the first value, so that sums cancel and comparisons are close. */
static uint64_t near(uint64_t a)
{
    uint64_t distance = UINT64_C(1) << next_random() % 56;
    return next_random() % 2 == 0 ? rough() : (a ^ next_random() << 63) + distance;
}

/* The sum cancels all of the rounded product but a few bits, or is far from it. */
static void test_random_fma(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_PAIRS; i++) {
        uint64_t a = rough(), b = rough();
        uint64_t product = softfloat_mul(&softfloat_64, a, b) ^ UINT64_C(1) << 63;
        check_triple_64(a, b, next_random() % 4 == 0 ? rough() : near(product));
        check_triple_64(a, b, product + next_random() % 3 - 1);
        a >>= 32;
        b >>= 32;
        product = softfloat_mul(&softfloat_32, a, b) ^ 0x80000000;
        check_triple_32(a, b, next_random() % 4 == 0 ? rough() >> 32 : product);
        check_triple_32(a, b, (product + (next_random() % 65536) - 32768) & UINT32_MAX);
    }
}

static void test_random_64(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_PAIRS; i++) {
        uint64_t a = rough();
        check_single_64(a);
        check_pair_64(a, near(a));
    }
}

static void test_random_32(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_PAIRS; i++) {
        uint64_t a = rough() >> 32, b = near(a << 32) >> 32;
        check_single_32(a);
        check_pair_32(a, b);
    }
}

static void test_sign_operations_keep_a_nans_bits(void **state)
{
    (void)state;
    uint64_t signalling = 0x7ff0000000000001;
    assert_int_equal(softfloat_negate(&softfloat_64, signalling), signalling | UINT64_C(1) << 63);
    assert_int_equal(softfloat_abs(&softfloat_64, signalling | UINT64_C(1) << 63), signalling);
    assert_int_equal(softfloat_copy_sign(&softfloat_32, 0x7f800001, 0x80000000), 0xff800001);
    assert_true(softfloat_is_nan(&softfloat_32, 0xff800001));
    assert_false(softfloat_is_nan(&softfloat_32, 0xff800000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_random_64),
        cmocka_unit_test(test_random_fma),
        cmocka_unit_test(test_random_32),
        cmocka_unit_test(test_sign_operations_keep_a_nans_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
