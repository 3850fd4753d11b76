// SPDX-License-Identifier: MIT
//
// Binary floating point in integers: IEEE 754-2019, binary32 and binary64, round to nearest even,
// as WebAssembly and .NET want it. Exact: each result is what correct rounding of the real number
// gives.
//
// The kernel keeps its hands off floating-point registers, and an interpreter that judges compiled
// code may not compute with the instructions that it judges. Nothing here is fast.
//
// Values are the bit patterns, a binary32 in the low half. NaN in, NaN out: a result that is NaN is
// the positive quiet one without payload, except where the comments say that bits are copied.
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
uint64_t softfloat_sqrt(const struct softfloat_format *f, uint64_t a);

/** minimum and maximum of IEEE 754-2019, 9.6: NaN if either is, and -0 is less than +0. */
uint64_t softfloat_min(const struct softfloat_format *f, uint64_t a, uint64_t b);
uint64_t softfloat_max(const struct softfloat_format *f, uint64_t a, uint64_t b);

/** The sign alone changes; bits of a NaN are copied. */
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
/** To an integral value in the same format; zero keeps the sign of what it came from. */
uint64_t softfloat_round(const struct softfloat_format *f, uint64_t a, enum softfloat_rounding how);

enum softfloat_order { SOFTFLOAT_LESS, SOFTFLOAT_EQUAL, SOFTFLOAT_GREATER, SOFTFLOAT_UNORDERED };
/** +0 and -0 are equal; a NaN is unordered with everything. */
enum softfloat_order softfloat_compare(const struct softfloat_format *f, uint64_t a, uint64_t b);
bool softfloat_is_nan(const struct softfloat_format *f, uint64_t a);

/** Between the formats. */
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
 * @brief Toward zero, to an integer of `bits` (32 or 64) bits.
 * @param out  The integer, sign- or zero-extended to 64 bits; what is out of range becomes the
 * nearest integer that there is, and NaN becomes 0.
 * @return SOFTFLOAT_EXACT_RANGE if it was in range, else why not.
 */
enum softfloat_integer softfloat_to_integer(const struct softfloat_format *f, uint64_t a,
                                            bool is_signed, unsigned bits, uint64_t *out);
