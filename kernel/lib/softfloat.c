// SPDX-License-Identifier: MIT
//
// Every operation unpacks its operands into sign, exponent and a significand of 63 bits, computes
// exactly or with a sticky lowest bit, and packs the result; only pack() rounds.
#include "kernel/lib/softfloat.h"

#include "kernel/lib/compiler.h"

const struct softfloat_format softfloat_32 = {23, 8};
const struct softfloat_format softfloat_64 = {52, 11};

#define TOP 62 /* position of an unpacked significand's leading bit */
#define ONE (UINT64_C(1) << TOP)

/** A finite nonzero number: (-1)^sign * significand * 2^(exponent - TOP), with the significand in
 * [ONE, 2 * ONE). Its lowest bit may be sticky: set if any bit below it was. */
struct number {
    bool sign;
    int32_t exponent;
    uint64_t significand;
};

enum kind { ZERO, FINITE, INFINITE, NOT_A_NUMBER };

static uint64_t sign_bit(const struct softfloat_format *f)
{
    return UINT64_C(1) << (f->fraction_bits + f->exponent_bits);
}

static uint64_t fraction_mask(const struct softfloat_format *f)
{
    return (UINT64_C(1) << f->fraction_bits) - 1;
}

/* The largest stored exponent, for infinities and NaN. */
static int32_t exponent_max(const struct softfloat_format *f)
{
    return (1 << f->exponent_bits) - 1;
}

static int32_t bias(const struct softfloat_format *f)
{
    return exponent_max(f) >> 1;
}

static uint64_t infinity(const struct softfloat_format *f, bool sign)
{
    return (uint64_t)exponent_max(f) << f->fraction_bits | (sign ? sign_bit(f) : 0);
}

static uint64_t quiet_nan(const struct softfloat_format *f)
{
    return infinity(f, false) | UINT64_C(1) << (f->fraction_bits - 1);
}

static uint64_t zero(const struct softfloat_format *f, bool sign)
{
    return sign ? sign_bit(f) : 0;
}

static bool is_negative(const struct softfloat_format *f, uint64_t a)
{
    return (a & sign_bit(f)) != 0;
}

/* Shift; the lowest bit of the result is set if any bit that was shifted out was. */
static uint64_t shift_right_sticky(uint64_t v, uint32_t by)
{
    if (by == 0) {
        return v;
    }
    if (by > 63) {
        return v != 0;
    }
    return v >> by | ((v << (64 - by)) != 0);
}

static void normalise(struct number *n)
{
    int shift = __builtin_clzll(n->significand) - (63 - TOP);
    n->significand <<= shift;
    n->exponent -= shift;
}

static enum kind unpack(const struct softfloat_format *f, uint64_t a, struct number *out)
{
    uint64_t fraction = a & fraction_mask(f);
    int32_t exponent = (int32_t)(a >> f->fraction_bits) & exponent_max(f);
    out->sign = is_negative(f, a);
    if (exponent == exponent_max(f)) {
        return fraction != 0 ? NOT_A_NUMBER : INFINITE;
    }
    if (exponent == 0 && fraction == 0) {
        return ZERO;
    }
    /* A subnormal has the exponent of the smallest normal number, and no hidden bit. */
    bool hidden = exponent != 0;
    out->exponent = (hidden ? exponent : 1) - bias(f);
    out->significand = (fraction | (uint64_t)hidden << f->fraction_bits)
                       << (TOP - f->fraction_bits);
    normalise(out);
    return FINITE;
}

/* Round to the nearest number, and to the even one of two that are equally near. Only "less than
 * half", "half" and "more than half" matter of the bits that do not fit, so one sticky bit can
 * stand for all bits below it: it makes "half" become "more than half", and never the reverse. */
static uint64_t pack(const struct softfloat_format *f, const struct number *n)
{
    int32_t exponent = n->exponent + bias(f);
    uint64_t significand = n->significand;
    if (exponent <= 0) {
        significand = shift_right_sticky(significand, (uint32_t)(1 - exponent));
        exponent = 0;
    }
    unsigned below = TOP - f->fraction_bits;
    uint64_t half = UINT64_C(1) << (below - 1), rest = significand & (2 * half - 1);
    significand >>= below;
    significand += rest > half || (rest == half && (significand & 1) != 0);
    /* A significand that is rounded up to the next power of two carries into the exponent: from the
     * largest subnormal to the smallest normal number, and from the largest number to infinity. */
    uint64_t bits = exponent == 0 ? significand
                                  : ((uint64_t)exponent << f->fraction_bits) +
                                        (significand - (UINT64_C(1) << f->fraction_bits));
    return (bits >= infinity(f, false) ? infinity(f, false) : bits) | zero(f, n->sign);
}

/* --- addition --- */

/* Both functions require that a is not smaller than b in magnitude; the result has the sign of a.
 * The sum of two significands below 2^63 fits in 64 bits. */
static uint64_t add_magnitudes(const struct softfloat_format *f, struct number a, struct number b)
{
    b.significand = shift_right_sticky(b.significand, (uint32_t)(a.exponent - b.exponent));
    a.significand += b.significand;
    if (a.significand >= 2 * ONE) {
        a.significand = shift_right_sticky(a.significand, 1);
        a.exponent++;
    }
    return pack(f, &a);
}

static uint64_t subtract_magnitudes(const struct softfloat_format *f, struct number a,
                                    struct number b)
{
    /* There are at least ten bits below the result's last one, so a sticky bit that is shifted up
     * once stays below the half. */
    b.significand = shift_right_sticky(b.significand, (uint32_t)(a.exponent - b.exponent));
    a.significand -= b.significand;
    if (a.significand == 0) {
        return zero(f, false); /* x - x is +0 when rounding to nearest */
    }
    normalise(&a);
    return pack(f, &a);
}

static bool is_larger(const struct number *a, const struct number *b)
{
    return a->exponent != b->exponent ? a->exponent > b->exponent : a->significand > b->significand;
}

uint64_t softfloat_add(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    struct number x, y;
    enum kind kx = unpack(f, a, &x), ky = unpack(f, b, &y);
    if (kx == NOT_A_NUMBER || ky == NOT_A_NUMBER ||
        (kx == INFINITE && ky == INFINITE && x.sign != y.sign)) {
        return quiet_nan(f);
    }
    if (kx == INFINITE || ky == ZERO) {
        return kx == ZERO ? zero(f, x.sign && y.sign) : a;
    }
    if (ky == INFINITE || kx == ZERO) {
        return b;
    }
    if (!is_larger(&x, &y)) {
        struct number larger = y;
        y = x;
        x = larger;
    }
    return x.sign == y.sign ? add_magnitudes(f, x, y) : subtract_magnitudes(f, x, y);
}

uint64_t softfloat_sub(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    return softfloat_add(f, a, b ^ sign_bit(f));
}

/* --- multiplication --- */

/* The product of two significands in [1, 2) is in [1, 4): at most one shift makes it normal. */
uint64_t softfloat_mul(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    struct number x, y;
    enum kind kx = unpack(f, a, &x), ky = unpack(f, b, &y);
    bool sign = x.sign != y.sign;
    if (kx == NOT_A_NUMBER || ky == NOT_A_NUMBER || (kx == INFINITE && ky == ZERO) ||
        (kx == ZERO && ky == INFINITE)) {
        return quiet_nan(f);
    }
    if (kx == INFINITE || ky == INFINITE) {
        return infinity(f, sign);
    }
    if (kx == ZERO || ky == ZERO) {
        return zero(f, sign);
    }
    unsigned __int128 product = (unsigned __int128)x.significand * y.significand;
    struct number n = {sign, x.exponent + y.exponent, (uint64_t)(product >> TOP)};
    n.significand |= ((uint64_t)product & (ONE - 1)) != 0;
    if (n.significand >= 2 * ONE) {
        n.significand = shift_right_sticky(n.significand, 1);
        n.exponent++;
    }
    return pack(f, &n);
}

/* --- a * b + c --- */

#define WIDE_TOP                                                                                   \
    125 /* position of a wide significand's leading bit; one bit above is for a carry */

/** As struct number, with a significand that holds every product: (-1)^sign * significand *
 * 2^(exponent - WIDE_TOP). */
struct wide_number {
    bool sign;
    int32_t exponent;
    unsigned __int128 significand;
};

/* By words: a shift of 128 bits by a variable may be a call of a library. */
static unsigned __int128 shift_wide_sticky(unsigned __int128 v, uint32_t by)
{
    uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v, lost = 0;
    if (by >= 64) {
        lost = low;
        low = high;
        high = 0;
        by -= 64;
    }
    if (by > 63) {
        return (low | lost) != 0;
    }
    if (by != 0) {
        lost |= low << (64 - by);
        low = low >> by | high << (64 - by);
        high >>= by;
    }
    return (unsigned __int128)high << 64 | low | (lost != 0);
}

/* The larger one first. A sticky bit of the smaller one is far below the result's last bit: if the
 * leading bits cancel, the exponents differ by at most one, and then no bit is lost, because the 20
 * lowest bits of a product are zero. */
static uint64_t add_wide(const struct softfloat_format *f, const struct wide_number *a,
                         const struct wide_number *b)
{
    unsigned __int128 other =
        shift_wide_sticky(b->significand, (uint32_t)(a->exponent - b->exponent));
    unsigned __int128 sum = a->sign == b->sign ? a->significand + other : a->significand - other;
    if (sum == 0) {
        return zero(f, false);
    }
    uint64_t high = (uint64_t)(sum >> 64);
    int top = high != 0 ? 127 - __builtin_clzll(high) : 63 - __builtin_clzll((uint64_t)sum);
    struct number n = {a->sign, a->exponent + top - WIDE_TOP, 0};
    n.significand = top > TOP ? (uint64_t)shift_wide_sticky(sum, (uint32_t)(top - TOP))
                              : (uint64_t)sum << (TOP - top);
    return pack(f, &n);
}

static uint64_t fma_finite(const struct softfloat_format *f, const struct number *x,
                           const struct number *y, const struct number *z)
{
    struct wide_number product = {x->sign != y->sign, x->exponent + y->exponent + 1,
                                  (unsigned __int128)x->significand * y->significand};
    if (product.significand >> WIDE_TOP == 0) {
        product.significand <<= 1;
        product.exponent--;
    }
    const struct wide_number addend = {z->sign, z->exponent,
                                       (unsigned __int128)z->significand << (WIDE_TOP - TOP)};
    bool is_product_larger = product.exponent != addend.exponent
                                 ? product.exponent > addend.exponent
                                 : product.significand > addend.significand;
    return is_product_larger ? add_wide(f, &product, &addend) : add_wide(f, &addend, &product);
}

uint64_t softfloat_fma(const struct softfloat_format *f, uint64_t a, uint64_t b, uint64_t c)
{
    struct number x, y, z;
    enum kind kx = unpack(f, a, &x), ky = unpack(f, b, &y), kz = unpack(f, c, &z);
    if (kx == FINITE && ky == FINITE && kz == FINITE) {
        return fma_finite(f, &x, &y, &z);
    }
    if (kx == FINITE && ky == FINITE) {
        /* softfloat_mul() could round the finite product to a zero or an infinity. */
        return kz == ZERO ? softfloat_mul(f, a, b) : softfloat_add(f, 0, c);
    }
    /* A product of a zero or an infinity is exact. */
    return softfloat_add(f, softfloat_mul(f, a, b), c);
}

/* --- division, square root --- */

/* a / b as a significand, for a in [b, 2 b): one bit at a time. The remainder stays below b before
 * each doubling, and b is below 2^63, so a never overflows. TOP + 1 steps give TOP + 1 bits, with
 * the leading one first; whatever remains is sticky. */
static uint64_t divide_significands(uint64_t a, uint64_t b)
{
    uint64_t quotient = 0;
    for (int i = 0; i <= TOP; i++) {
        quotient <<= 1;
        if (a >= b) {
            a -= b;
            quotient |= 1;
        }
        a <<= 1;
    }
    return quotient | (a != 0);
}

uint64_t softfloat_div(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    struct number x, y;
    enum kind kx = unpack(f, a, &x), ky = unpack(f, b, &y);
    bool sign = x.sign != y.sign;
    if (kx == NOT_A_NUMBER || ky == NOT_A_NUMBER || (kx == ky && kx != FINITE)) {
        return quiet_nan(f); /* includes 0 / 0 and infinity / infinity */
    }
    if (kx == INFINITE || ky == ZERO) {
        return infinity(f, sign);
    }
    if (kx == ZERO || ky == INFINITE) {
        return zero(f, sign);
    }
    struct number n = {sign, x.exponent - y.exponent, 0};
    /* Then the quotient of the significands is in [1, 2). */
    if (x.significand < y.significand) {
        x.significand <<= 1;
        n.exponent--;
    }
    n.significand = divide_significands(x.significand, y.significand);
    return pack(f, &n);
}

/* Square root of v * 2^TOP, rounded down, sticky; v in [ONE, 4 * ONE). From the highest bit down,
 * each is kept if the square stays within `left`. Squares are below 2^126, so they fit in 128 bits.
 * A root has 63 bits, ten more than the larger format's significand, so a sticky bit is below the
 * half. */
static uint64_t root_of_significand(uint64_t v)
{
    unsigned __int128 left = (unsigned __int128)v << TOP;
    uint64_t root = 0;
    for (uint64_t bit = ONE; bit != 0; bit >>= 1) {
        uint64_t trial = root | bit;
        if ((unsigned __int128)trial * trial <= left) {
            root = trial;
        }
    }
    return root | ((unsigned __int128)root * root != left);
}

uint64_t softfloat_sqrt(const struct softfloat_format *f, uint64_t a)
{
    struct number n;
    enum kind kind = unpack(f, a, &n);
    if (kind == ZERO || (kind == INFINITE && !n.sign)) {
        return a;
    }
    if (kind == NOT_A_NUMBER || n.sign) {
        return quiet_nan(f);
    }
    if ((n.exponent & 1) != 0) {
        n.significand <<= 1;
        n.exponent--;
    }
    n.exponent /= 2; /* even, so exact for negative values as well */
    n.significand = root_of_significand(n.significand);
    return pack(f, &n);
}

/* --- order and sign --- */

bool softfloat_is_nan(const struct softfloat_format *f, uint64_t a)
{
    return (a & ~sign_bit(f)) > infinity(f, false);
}

/* Bit patterns as integers, ordered as the numbers are; -0 is below +0. */
static int64_t order_key(const struct softfloat_format *f, uint64_t a)
{
    int64_t magnitude = (int64_t)(a & ~sign_bit(f));
    return is_negative(f, a) ? -magnitude - 1 : magnitude;
}

enum softfloat_order softfloat_compare(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    if (softfloat_is_nan(f, a) || softfloat_is_nan(f, b)) {
        return SOFTFLOAT_UNORDERED;
    }
    if (a == b || ((a | b) & ~sign_bit(f)) == 0) {
        return SOFTFLOAT_EQUAL;
    }
    return order_key(f, a) < order_key(f, b) ? SOFTFLOAT_LESS : SOFTFLOAT_GREATER;
}

static uint64_t choose(const struct softfloat_format *f, uint64_t a, uint64_t b, bool smaller)
{
    if (softfloat_is_nan(f, a) || softfloat_is_nan(f, b)) {
        return quiet_nan(f);
    }
    return (order_key(f, a) < order_key(f, b)) == smaller ? a : b;
}

uint64_t softfloat_min(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    return choose(f, a, b, true);
}

uint64_t softfloat_max(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    return choose(f, a, b, false);
}

uint64_t softfloat_negate(const struct softfloat_format *f, uint64_t a)
{
    return a ^ sign_bit(f);
}

uint64_t softfloat_abs(const struct softfloat_format *f, uint64_t a)
{
    return a & ~sign_bit(f);
}

uint64_t softfloat_copy_sign(const struct softfloat_format *f, uint64_t a, uint64_t b)
{
    return (a & ~sign_bit(f)) | (b & sign_bit(f));
}

/* --- integers --- */

/* True if a number with this fraction rounds away from zero. rest: 0 none, 1 less than half, 2
 * half, 3 more. */
static bool rounds_away(enum softfloat_rounding how, bool sign, bool is_odd, unsigned rest)
{
    switch (how) {
    case SOFTFLOAT_NEAREST:
        return rest == 3 || (rest == 2 && is_odd);
    case SOFTFLOAT_DOWN:
        return rest != 0 && sign;
    case SOFTFLOAT_UP:
        return rest != 0 && !sign;
    case SOFTFLOAT_TO_ZERO:
        break;
    }
    return false;
}

uint64_t softfloat_round(const struct softfloat_format *f, uint64_t a, enum softfloat_rounding how)
{
    struct number n;
    enum kind kind = unpack(f, a, &n);
    if (kind == NOT_A_NUMBER) {
        return quiet_nan(f);
    }
    if (kind != FINITE || n.exponent >= f->fraction_bits) {
        return a;
    }
    if (n.exponent < -1) { /* less than half remains */
        n.significand = 1;
        n.exponent = -1;
    }
    unsigned below = (unsigned)(TOP - n.exponent); /* bits after the binary point */
    uint64_t half = UINT64_C(1) << (below - 1), rest = n.significand & (2 * half - 1);
    uint64_t whole = n.significand >> below;
    unsigned part = rest == 0 ? 0 : rest < half ? 1 : rest == half ? 2 : 3;
    whole += rounds_away(how, n.sign, (whole & 1) != 0, part);
    return whole == 0 ? zero(f, n.sign) : softfloat_from_unsigned(f, whole) | zero(f, n.sign);
}

uint64_t softfloat_from_unsigned(const struct softfloat_format *f, uint64_t v)
{
    if (v == 0) {
        return 0;
    }
    struct number n = {false, TOP, v};
    if (v >= 2 * ONE) {
        n.significand = shift_right_sticky(v, 1);
        n.exponent++;
    } else {
        normalise(&n);
    }
    return pack(f, &n);
}

uint64_t softfloat_from_signed(const struct softfloat_format *f, int64_t v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    return softfloat_from_unsigned(f, magnitude) | zero(f, v < 0);
}

uint64_t softfloat_convert(const struct softfloat_format *from, const struct softfloat_format *to,
                           uint64_t a)
{
    struct number n;
    switch (unpack(from, a, &n)) {
    case ZERO:
        return zero(to, n.sign);
    case INFINITE:
        return infinity(to, n.sign);
    case NOT_A_NUMBER:
        return quiet_nan(to);
    case FINITE:
        break;
    }
    return pack(to, &n);
}

/* The largest magnitude that an integer of this sign can have. */
static uint64_t magnitude_max(bool is_signed, unsigned bits, bool sign)
{
    if (!is_signed) {
        return sign ? 0 : UINT64_MAX >> (64 - bits);
    }
    return (UINT64_C(1) << (bits - 1)) - !sign;
}

/* Rounds to zero, by cutting the bits after the binary point. *out is saturated if the number does
 * not fit, and 0 for NaN; the result tells which. */
enum softfloat_integer softfloat_to_integer(const struct softfloat_format *f, uint64_t a,
                                            bool is_signed, unsigned bits, uint64_t *out)
{
    struct number n;
    enum kind kind = unpack(f, a, &n);
    *out = 0;
    if (kind == NOT_A_NUMBER) {
        return SOFTFLOAT_NAN;
    }
    if (kind == ZERO || (kind == FINITE && n.exponent < 0)) {
        return SOFTFLOAT_EXACT_RANGE;
    }
    uint64_t max = magnitude_max(is_signed, bits, n.sign);
    bool fits = kind == FINITE && n.exponent < 64;
    uint64_t magnitude = 0;
    if (fits) {
        magnitude = n.exponent > TOP ? n.significand << (n.exponent - TOP)
                                     : n.significand >> (TOP - n.exponent);
        fits = magnitude <= max;
    }
    *out = fits ? magnitude : max;
    if (n.sign) {
        *out = 0 - *out;
    }
    if (fits) {
        return SOFTFLOAT_EXACT_RANGE;
    }
    return n.sign ? SOFTFLOAT_TOO_SMALL : SOFTFLOAT_TOO_LARGE;
}
