// SPDX-License-Identifier: MIT
//
// The verifier's decoder: vector instructions (Arm Architecture Reference Manual, DDI 0487,
// C4.1.96). Nearly all of them only compute one vector register from others, which the verifier
// does not follow. So they need no description, but an encoding that is not allocated must not be
// accepted; nor is one that the compiler does not use.
#include "arch/aarch64/jit/verify_internal.h"

/* Bit 30: all 128 bits. Bit 29 is U, which doubles the opcodes. Bits 22 and 23: size of a lane; of
 * operations on floats the upper one is part of the opcode. */
static bool is_whole(uint32_t w)
{
    return field(w, 30, 1) != 0;
}

static bool is_unsigned(uint32_t w)
{
    return field(w, 29, 1) != 0;
}

/* Which sizes an opcode has, as a mask. */
struct sizes {
    uint8_t opcode, with_u, sizes;
};

enum { U = 1, BOTH = 2, B = 1, BH = 3, HS = 6, BHS = 7, ALL = 15, LOW = 3, HIGH = 12, D2 = 2 };

static bool has_size(const struct sizes *rows, unsigned count, uint32_t w, uint32_t opcode)
{
    for (unsigned n = 0; n < count; n++) {
        const struct sizes *r = &rows[n];
        if (r->opcode == opcode && (r->with_u == BOTH || (r->with_u == U) == is_unsigned(w)) &&
            (r->sizes >> field(w, 22, 2) & 1) != 0) {
            return true;
        }
    }
    return false;
}

#define HAS_SIZE(rows, w, opcode) has_size(rows, ARRAY_COUNT(rows), w, opcode)

static bool three_same(uint32_t w)
{
    static const struct sizes rows[] = {
        {0x10, BOTH, ALL}, /* add, sub */
        {0x13, 0, BHS},    /* mul */
        {0x01, BOTH, ALL}, /* sqadd, uqadd */
        {0x05, BOTH, ALL}, /* sqsub, uqsub */
        {0x0c, BOTH, BHS}, /* smax, umax */
        {0x0d, BOTH, BHS}, /* smin, umin */
        {0x02, U, BHS},    /* urhadd */
        {0x16, U, HS},     /* sqrdmulh */
        {0x08, BOTH, ALL}, /* sshl, ushl */
        {0x11, U, ALL},    /* cmeq */
        {0x06, BOTH, ALL}, /* cmgt, cmhi */
        {0x07, BOTH, ALL}, /* cmge, cmhs */
        {0x17, 0, ALL},    /* addp */
        {0x14, U, BHS},    /* umaxp */
        {0x03, BOTH, ALL}, /* and, bic, orr, orn, eor, bsl, bit, bif */
        {0x1a, 0, ALL},    /* fadd, fsub */
        {0x19, 0, ALL},    /* fmla, fmls */
        {0x1b, U, LOW},    /* fmul */
        {0x1f, U, LOW},    /* fdiv */
        {0x1e, 0, ALL},    /* fmax, fmin */
        {0x1c, 0, LOW},    /* fcmeq */
        {0x1c, U, ALL},    /* fcmge, fcmgt */
    };
    return is_whole(w) && HAS_SIZE(rows, w, field(w, 11, 5));
}

/* Those between two sizes exist for either half of the narrower vector. */
static bool two_registers(uint32_t w)
{
    static const struct sizes rows[] = {
        {0x00, 0, BHS},     /* rev64 */
        {0x00, U, BH},      /* rev32 */
        {0x01, 0, B},       /* rev16 */
        {0x05, BOTH, B},    /* cnt, not */
        {0x09, 0, ALL},     /* cmeq with 0 */
        {0x0b, BOTH, ALL},  /* abs, neg */
        {0x02, BOTH, BHS},  /* saddlp, uaddlp */
        {0x0f, BOTH, HIGH}, /* fabs, fneg */
        {0x1f, U, HIGH},    /* fsqrt */
        {0x18, 0, ALL},     /* frintn, frintp */
        {0x19, 0, ALL},     /* frintm, frintz */
        {0x1d, BOTH, LOW},  /* scvtf, ucvtf */
        {0x1b, BOTH, HIGH}, /* fcvtzs, fcvtzu */
    };
    static const struct sizes between[] = {
        {0x12, BOTH, BHS}, /* xtn, sqxtun */
        {0x14, BOTH, BHS}, /* sqxtn, uqxtn */
        {0x16, 0, D2},     /* fcvtn */
        {0x17, 0, D2},     /* fcvtl */
    };
    uint32_t opcode = field(w, 12, 5);
    return (is_whole(w) && HAS_SIZE(rows, w, opcode)) || HAS_SIZE(between, w, opcode);
}

static bool across(uint32_t w)
{
    static const struct sizes rows[] = {{0x1b, 0, BHS} /* addv */, {0x1a, U, BHS} /* uminv */};
    return is_whole(w) && HAS_SIZE(rows, w, field(w, 12, 5));
}

static bool three_different(uint32_t w)
{
    static const struct sizes rows[] = {{0x0c, BOTH, BHS} /* smull, umull */,
                                        {0x08, U, BHS} /* umlal */};
    return HAS_SIZE(rows, w, field(w, 12, 4));
}

/* uzp1, trn1, zip1, uzp2, trn2, zip2; tbl of one or two registers; ext. */
static bool permutes(uint32_t w)
{
    return ((w & 0xff208c00) == 0x4e000800 && field(w, 12, 2) != 0) ||
           (w & 0xffe0dc00) == 0x4e000000 || (w & 0xffe08400) == 0x6e000000;
}

/* Bits 16 to 20: the lowest one that is set is the size of a lane, those above it are its number.
 * @return 4: no size. */
static unsigned size_of_lane(uint32_t w)
{
    return field(w, 16, 4) == 0 ? 4 : (unsigned)__builtin_ctz(field(w, 16, 4));
}

/* Between lanes, and between a lane and a general register. */
static bool copy(uint32_t w, struct verify_insn *i)
{
    unsigned size = size_of_lane(w), what = field(w, 11, 4);
    if (size == 4) {
        return false;
    }
    if (is_unsigned(w)) { /* ins of a lane, whose number is `what` */
        return is_whole(w) && what % (1u << size) == 0;
    }
    switch (what) {
    case 0: /* dup of a lane */
        return is_whole(w);
    case 1: /* dup */
    case 3: /* ins */
        i->op = VERIFY_USE;
        i->a = zr(w, 5);
        i->size = size == 3 ? 8 : 4;
        return is_whole(w);
    case 5: /* smov */
    case 7: /* umov */
        i->op = VERIFY_NUMBER;
        i->d = zr(w, 0);
        i->size = size == 3 ? 8 : 4;
        return what == 5 ? size < 2 && !is_whole(w) : is_whole(w) == (size == 3);
    default:
        return false;
    }
}

/* Bits 28 to 24 are 01110. */
static bool lanes(uint32_t w, struct verify_insn *i)
{
    if (field(w, 21, 1) == 0) {
        return (w & 0x9fe08400) == 0x0e000400
                   ? copy(w, i)
                   : (w & 0xffe0fc00) == 0x4e809400 || permutes(w); /* sdot */
    }
    if (field(w, 10, 1) != 0) {
        return three_same(w);
    }
    if (field(w, 11, 1) == 0) {
        return three_different(w);
    }
    return field(w, 17, 4) == 0 ? two_registers(w) : field(w, 17, 4) == 8 && across(w);
}

/* movi, mvni, fmov. */
static bool constant(uint32_t w)
{
    uint32_t mode = field(w, 12, 4);
    return is_whole(w) && field(w, 11, 1) == 0 && ((mode & 1) == 0 ? mode != 12 : mode == 15);
}

/* Bits 28 to 24 are 01111. Bits 19 to 22: the highest one that is set is the size of a lane. */
static bool shifts(uint32_t w)
{
    if (field(w, 23, 1) != 0 || field(w, 10, 1) == 0) {
        return false;
    }
    if (field(w, 19, 4) == 0) {
        return constant(w);
    }
    switch (field(w, 11, 5)) {
    case 0x00: /* sshr, ushr */
        return is_whole(w);
    case 0x0a: /* shl */
        return is_whole(w) && !is_unsigned(w);
    case 0x14: /* sshll, ushll */
        return field(w, 22, 1) == 0;
    default:
        return false;
    }
}

bool a64_verify_vector(uint32_t w, struct verify_insn *i)
{
    if (field(w, 28, 1) != 0) { /* mov of a lane to a scalar */
        return size_of_lane(w) < 4;
    }
    return field(w, 24, 1) == 0 ? lanes(w, i) : shifts(w);
}
