// SPDX-License-Identifier: MIT
//
// Binary floating point with integer instructions: IEEE 754-2019, binary32 and binary64, round to
// nearest even, as WebAssembly and .NET require. Each result is correctly rounded.
//
// The kernel uses no floating-point registers, and an interpreter that checks compiled code must
// not use the instructions that it checks. Not optimised for speed.
//
// Values are bit patterns, a binary32 in the low half. A NaN result is the positive quiet NaN
// without payload, except where the comments say that bits are copied.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** A format; there are two. */
struct softfloat_format {
    uint8_t fraction_bits; /* stored bits of the significand */
    uint8_t exponent_bits;
};

extern const struct softfloat_format softfloat_32, softfloat_64;

uint64_t softfloat_add(const struct softfloat_format *f, uint64_t a, uint64_t b);
uint64_t softfloat_sub(const struct softfloat_format *f, uint64_t a, uint64_t b);
uint64_t softfloat_mul(const struct softfloat_format *f, uint64_t a, uint64_t b);
uint64_t softfloat_div(const struct softfloat_format *f, uint64_t a, uint64_t b);
/** a * b + c, rounded once. */
uint64_t softfloat_fma(const struct softfloat_format *f, uint64_t a, uint64_t b, uint64_t c);
uint64_t softfloat_sqrt(const struct softfloat_format *f, uint64_t a);

/** minimum and maximum of IEEE 754-2019, 9.6: NaN if either is, and -0 is less than +0. */
uint64_t softfloat_min(const struct softfloat_format *f, uint64_t a, uint64_t b);
uint64_t softfloat_max(const struct softfloat_format *f, uint64_t a, uint64_t b);

/** Changes only the sign; bits of a NaN are copied. */
uint64_t softfloat_negate(const struct softfloat_format *f, uint64_t a);
uint64_t softfloat_abs(const struct softfloat_format *f, uint64_t a);
/** a with the sign of b. */
uint64_t softfloat_copy_sign(const struct softfloat_format *f, uint64_t a, uint64_t b);

enum softfloat_rounding {
    SOFTFLOAT_NEAREST, /**< ties to even */
    SOFTFLOAT_DOWN,    /**< floor */
    SOFTFLOAT_UP,      /**< ceil */
    SOFTFLOAT_TO_ZERO, /**< trunc */
};
/** Round to an integral value in the same format; a zero keeps the sign of the operand. */
uint64_t softfloat_round(const struct softfloat_format *f, uint64_t a, enum softfloat_rounding how);

enum softfloat_order { SOFTFLOAT_LESS, SOFTFLOAT_EQUAL, SOFTFLOAT_GREATER, SOFTFLOAT_UNORDERED };
/** +0 and -0 are equal; a NaN is unordered with everything. */
enum softfloat_order softfloat_compare(const struct softfloat_format *f, uint64_t a, uint64_t b);
bool softfloat_is_nan(const struct softfloat_format *f, uint64_t a);

/** Convert between the formats. */
uint64_t softfloat_convert(const struct softfloat_format *from, const struct softfloat_format *to,
                           uint64_t a);
uint64_t softfloat_from_signed(const struct softfloat_format *f, int64_t v);
uint64_t softfloat_from_unsigned(const struct softfloat_format *f, uint64_t v);

enum softfloat_integer {
    SOFTFLOAT_EXACT_RANGE,
    SOFTFLOAT_NAN,
    SOFTFLOAT_TOO_SMALL,
    SOFTFLOAT_TOO_LARGE
};
/**
 * @brief Convert toward zero to an integer of `bits` (32 or 64) bits.
 * @param out The integer, sign- or zero-extended to 64 bits. A value out of range becomes the
 *     nearest integer, a NaN becomes 0.
 * @return SOFTFLOAT_EXACT_RANGE if it was in range, else the reason.
 */
enum softfloat_integer softfloat_to_integer(const struct softfloat_format *f, uint64_t a,
                                            bool is_signed, unsigned bits, uint64_t *out);
