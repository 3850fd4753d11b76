// SPDX-License-Identifier: MIT
//
// Decodes AArch64 instruction words for the verifier, written from the Arm Architecture Reference
// Manual (DDI 0487), chapter C4, "A64 Instruction Set Encoding". verify_operate.c has the effects.
// It shares nothing with the encoder: a mistake there must not be repeated here. A word that
// matches no row below is refused: all system and exception instructions, write-back, and of the
// exclusive and atomic accesses those that do not both acquire and release, and pairs.
#include "arch/aarch64/jit/verify_internal.h"

#include "kernel/lib/endian.h"

/* ---- Words ---- */

/** What the fields of a word are, and the row itself. */
enum { D = 1, A = 2, B = 4, DA = D | A, DAB = DA | B, RELATIVE = 8, MORE = 16 };

/* A word whose bits in `mask` are `bits` is one of these. */
struct row {
    uint32_t mask, bits;
    uint8_t kind;  /* enum a64_row_kind */
    uint8_t op;    /* enum verify_op */
    uint8_t flags; /* enum verify_flag */
    uint8_t how;   /* D: the register in bits 0 to 4 is written; A, B: those from bits 5 and 16 on
                      are read; RELATIVE: imm is; MORE: the next row is of the same words */
};

/* By bits 24 to 30, which most rows fix: the first row of words. */
enum row_number {
    R_NONE,
    R_ADD_IMMEDIATE,
    R_WIDE,
    R_FIELD = R_WIDE + 2,
    R_ADDRESS = R_FIELD + 2,
    R_LOGICAL,
    R_ADD,
    R_CONDITIONAL = R_ADD + 2,
    R_MULTIPLY = R_CONDITIONAL + 7,
    R_COMPARE = R_MULTIPLY + 3,
    R_SCALED,
    R_UNSCALED,
    R_PAIR = R_UNSCALED + 3,
    R_POP = R_PAIR + 3,
    R_LITERAL,
    R_LITERAL_VECTOR,
    R_BRANCH = R_LITERAL_VECTOR + 2,
    R_CONDITION,
    R_ZERO = R_CONDITION + 2,
    R_BIT,
    R_REGISTER,
    R_HINT = R_REGISTER + 2,
    R_FLOAT = R_HINT + 4,
    R_REPLICATE = R_FLOAT + 13,
    R_VECTOR,
    R_VECTOR_SHIFT = R_VECTOR + 4,
    R_VECTOR_SCALAR = R_VECTOR_SHIFT + 2,
    R_ATOMIC,
};

static const struct row rows[] = {
    [R_NONE] = {0, 1, PLAIN, 0, 0, 0},
    [R_ADD_IMMEDIATE] = {0x1f800000, 0x11000000, ADD_IMMEDIATE, 0, VERIFY_IMM, 0},
    [R_WIDE] = {0x1f800000, 0x12800000, MOVE_WIDE, VERIFY_CONST, VERIFY_IMM, D | MORE},
    {0x1f800000, 0x12000000, LOGICAL_IMMEDIATE, 0, VERIFY_IMM, A},
    [R_FIELD] = {0x1f800000, 0x13000000, BIT_FIELD, VERIFY_NUMBER, 0, DA | MORE},
    {0x7fa00000, 0x13800000, EXTRACT, VERIFY_NUMBER, 0, DAB},
    [R_ADDRESS] = {0x9f000000, 0x10000000, ADDRESS, VERIFY_ADDRESS, 0, D | RELATIVE},
    [R_LOGICAL] = {0x1f000000, 0x0a000000, LOGICAL_SHIFTED, VERIFY_NUMBER, 0, DAB},
    [R_ADD] = {0x1f200000, 0x0b000000, ADD_SHIFTED, 0, 0, DAB | MORE},
    {0x1fe00000, 0x0b200000, ADD_EXTENDED, 0, 0, B},
    [R_CONDITIONAL] = {0x3fe00800, 0x1a800000, CONDITIONAL, VERIFY_NUMBER, 0, DAB | MORE},
    {0x7fe0fc00, 0x1ac02400, PLAIN, VERIFY_DIV, 0, DAB | MORE},    /* lsrv */
    {0x7fe0f000, 0x1ac02000, PLAIN, VERIFY_NUMBER, 0, DAB | MORE}, /* lslv, asrv, rorv */
    {0x7fe0fc00, 0x1ac00800, PLAIN, VERIFY_DIV, 0, DAB | MORE},    /* udiv */
    {0x7fe0fc00, 0x1ac00c00, PLAIN, VERIFY_NUMBER, 0, DAB | MORE}, /* sdiv */
    {0x7ffffc00, 0x5ac00000, PLAIN, VERIFY_NUMBER, 0, DA | MORE},  /* rbit */
    {0x7ffffc00, 0x5ac01000, PLAIN, VERIFY_NUMBER, 0, DA},         /* clz */
    [R_MULTIPLY] = {0x7fe00000, 0x1b000000, MULTIPLY_ADD, VERIFY_NUMBER, 0,
                    DAB | MORE},                                          /* madd, msub */
    {0xff608000, 0x9b200000, MULTIPLY_ADD, VERIFY_NUMBER, 0, DAB | MORE}, /* smaddl, umaddl */
    {0xff60fc00, 0x9b407c00, PLAIN, VERIFY_NUMBER, 0, DAB},               /* smulh, umulh */
    [R_COMPARE] = {0x3fe00410, 0x3a400000, CONDITIONAL_COMPARE, VERIFY_USE,
                   VERIFY_FLAGS | VERIFY_FLAGS_IN, A}, /* ccmn, ccmp */
    [R_SCALED] = {0x3b000000, 0x39000000, ACCESS_SCALED, 0, 0, 0},
    [R_UNSCALED] = {0x3b200c00, 0x38200800, ACCESS_INDEX, 0, 0, MORE},
    {0x3b200c00, 0x38000000, ACCESS_UNSCALED, 0, 0, MORE},
    {0x3fe00c00, 0x38e00000, ATOMIC_EXCHANGE, VERIFY_EXCHANGE, 0, 0}, /* ldaddal, ... swpal */
    [R_PAIR] = {0xff800000, 0xa9000000, ACCESS_PAIR, 0, 0, MORE},
    {0xff800000, 0xad000000, ACCESS_PAIR, 0, 0, MORE},
    {0xffffffff, 0xa9bf7bfd, FRAME_RECORD, 0, 0, 0},           /* stp x29, x30, [sp, #-16]! */
    [R_POP] = {0xffffffff, 0xa8c17bfd, FRAME_RECORD, 0, 0, 0}, /* ldp x29, x30, [sp], #16 */
    [R_LITERAL] = {0xff000000, 0x58000000, LITERAL, VERIFY_LITERAL, 0, RELATIVE},
    [R_LITERAL_VECTOR] = {0xbf000000, 0x1c000000, LITERAL, VERIFY_LITERAL, 0, RELATIVE | MORE},
    {0xff000000, 0x9c000000, LITERAL, VERIFY_LITERAL, 0, RELATIVE},
    [R_BRANCH] = {0x7c000000, 0x14000000, BRANCH, 0, 0, RELATIVE}, /* b, bl */
    [R_CONDITION] = {0xff000010, 0x54000000, BRANCH_CONDITION, VERIFY_BRANCH, 0, RELATIVE | MORE},
    {0xffe0001f, 0xd4200000, PLAIN, VERIFY_TRAP, 0, 0}, /* brk */
    [R_ZERO] = {0x7e000000, 0x34000000, BRANCH_ZERO, VERIFY_BRANCH_ZERO, 0, RELATIVE},
    [R_BIT] = {0x7e000000, 0x36000000, BRANCH_BIT, VERIFY_BRANCH_BIT, 0, RELATIVE},
    [R_REGISTER] = {0xffdffc1f, 0xd61f0000, BRANCH_REGISTER, 0, 0, MORE}, /* br, blr */
    {0xffffffff, 0xd65f03c0, PLAIN, VERIFY_RETURN, 0, A},
    [R_HINT] = {0xffffffff, 0xd503201f, PLAIN, VERIFY_NOP, 0, MORE}, /* nop */
    {0xffffffff, 0xd503245f, PLAIN, VERIFY_PAD, 0, MORE},            /* bti c */
    {0xfffffeff, 0xd5033abf, PLAIN, VERIFY_NOP, 0, MORE},            /* dmb ish, dmb ishst */
    {0xffffffff, 0xd503249f, PLAIN, VERIFY_PAD_JUMP, 0, 0},          /* bti j */
    [R_FLOAT] = {0xffa00c00, 0x1e200800, FLOAT_TWO, VERIFY_NOP, 0, MORE},
    {0xffa07c00, 0x1e204000, FLOAT_ONE, VERIFY_NOP, 0, MORE},
    {0xffa0fc1f, 0x1e202000, PLAIN, VERIFY_USE, VERIFY_FLAGS, MORE}, /* fcmp */
    {0xffbffc1f, 0x1e202008, PLAIN, VERIFY_USE, VERIFY_FLAGS, MORE}, /* fcmp with 0.0 */
    {0xffa00c10, 0x1e200400, CONDITIONAL_FLOAT, VERIFY_USE, VERIFY_FLAGS | VERIFY_FLAGS_IN,
     MORE},                                                                         /* fccmp */
    {0xffa00c00, 0x1e200c00, CONDITIONAL_FLOAT, VERIFY_NOP, VERIFY_FLAGS_IN, MORE}, /* fcsel */
    {0xffa01fe0, 0x1e201000, PLAIN, VERIFY_NOP, 0, MORE},        /* fmov of an immediate */
    {0x7fbefc00, 0x1e220000, PLAIN, VERIFY_USE, 0, A | MORE},    /* scvtf, ucvtf */
    {0x7fbefc00, 0x1e380000, PLAIN, VERIFY_NUMBER, 0, D | MORE}, /* fcvtzs, fcvtzu */
    {0xfffffc00, 0x1e260000, PLAIN, VERIFY_NUMBER, 0, D | MORE}, /* fmov w, s */
    {0xfffffc00, 0x9e660000, PLAIN, VERIFY_NUMBER, 0, D | MORE}, /* fmov x, d */
    {0xfffffc00, 0x1e270000, PLAIN, VERIFY_USE, 0, A | MORE},    /* fmov s, w */
    {0xfffffc00, 0x9e670000, PLAIN, VERIFY_USE, 0, A},           /* fmov d, x */
    [R_REPLICATE] = {0xfffff000, 0x4d40c000, REPLICATE, 0, 0, 0},
    [R_VECTOR] = {0xfffffc00, 0x0e205800, PLAIN, VERIFY_NOP, 0, MORE}, /* cnt.8b */
    {0xfffffc00, 0x0e31b800, PLAIN, VERIFY_NOP, 0, MORE},              /* addv.8b */
    {0xffe0fc00, 0x2ea01c00, PLAIN, VERIFY_NOP, 0, MORE},              /* bit.8b */
    {0x9f000000, 0x0e000000, VECTOR, VERIFY_NOP, 0, 0},
    [R_VECTOR_SHIFT] = {0xffffffe0, 0x0f046400, PLAIN, VERIFY_NOP, 0,
                        MORE}, /* movi.2s #0x80, lsl #24 */
    {0x9f000000, 0x0f000000, VECTOR, VERIFY_NOP, 0, 0},
    [R_VECTOR_SCALAR] = {0xffe0fc00, 0x5e000400, VECTOR, VERIFY_NOP, 0, 0},
    [R_ATOMIC] = {0x3ffffc00, 0x08dffc00, ATOMIC_ACCESS, VERIFY_LOAD, 0, MORE}, /* ldar */
    {0x3ffffc00, 0x085ffc00, ATOMIC_ACCESS, VERIFY_LOAD, 0, MORE},              /* ldaxr */
    {0x3ffffc00, 0x089ffc00, ATOMIC_ACCESS, VERIFY_EXCHANGE, 0, MORE},          /* stlr */
    {0x3fe0fc00, 0x0800fc00, ATOMIC_EXCHANGE, VERIFY_EXCHANGE, 0, MORE},        /* stlxr */
    {0x3fe0fc00, 0x08e0fc00, ATOMIC_EXCHANGE, VERIFY_EXCHANGE, 0, 0},           /* casal */
};

/* clang-format off */
static const uint8_t first_row[128] = {
    [0x11] = R_ADD_IMMEDIATE, [0x31] = R_ADD_IMMEDIATE, [0x51] = R_ADD_IMMEDIATE, [0x71] = R_ADD_IMMEDIATE,
    [0x12] = R_WIDE, [0x32] = R_WIDE, [0x52] = R_WIDE, [0x72] = R_WIDE,
    [0x13] = R_FIELD, [0x33] = R_FIELD, [0x53] = R_FIELD, [0x73] = R_FIELD,
    [0x10] = R_ADDRESS, [0x30] = R_ADDRESS, [0x50] = R_ADDRESS, [0x70] = R_ADDRESS,
    [0x0a] = R_LOGICAL, [0x2a] = R_LOGICAL, [0x4a] = R_LOGICAL, [0x6a] = R_LOGICAL,
    [0x0b] = R_ADD, [0x2b] = R_ADD, [0x4b] = R_ADD, [0x6b] = R_ADD,
    [0x1a] = R_CONDITIONAL, [0x5a] = R_CONDITIONAL,
    [0x1b] = R_MULTIPLY,
    [0x3a] = R_COMPARE, [0x7a] = R_COMPARE,
    [0x39] = R_SCALED, [0x79] = R_SCALED, [0x3d] = R_SCALED, [0x7d] = R_SCALED,
    [0x38] = R_UNSCALED, [0x78] = R_UNSCALED, [0x3c] = R_UNSCALED, [0x7c] = R_UNSCALED,
    [0x29] = R_PAIR, [0x2d] = R_PAIR,
    [0x28] = R_POP,
    [0x58] = R_LITERAL,
    [0x1c] = R_LITERAL_VECTOR, [0x5c] = R_LITERAL_VECTOR,
    [0x14] = R_BRANCH, [0x15] = R_BRANCH, [0x16] = R_BRANCH, [0x17] = R_BRANCH,
    [0x54] = R_CONDITION,
    [0x34] = R_ZERO, [0x35] = R_ZERO,
    [0x36] = R_BIT, [0x37] = R_BIT,
    [0x56] = R_REGISTER,
    [0x55] = R_HINT,
    [0x1e] = R_FLOAT,
    [0x4d] = R_REPLICATE,
    [0x0e] = R_VECTOR, [0x2e] = R_VECTOR, [0x4e] = R_VECTOR, [0x6e] = R_VECTOR,
    [0x0f] = R_VECTOR_SHIFT, [0x2f] = R_VECTOR_SHIFT, [0x4f] = R_VECTOR_SHIFT, [0x6f] = R_VECTOR_SHIFT,
    [0x5e] = R_VECTOR_SCALAR,
    [0x08] = R_ATOMIC, [0x48] = R_ATOMIC,
};
/* clang-format on */

/* ---- Decoding ---- */

static const struct row *find_row(uint32_t w)
{
    const struct row *r = &rows[first_row[field(w, 24, 7)]];
    while ((w & r->mask) != r->bits) {
        if ((r->how & MORE) == 0) {
            return NULL;
        }
        r++;
    }
    return r;
}

static ALWAYS_INLINE bool decode_word(uint32_t w, uint32_t at, struct verify_insn *i)
{
    const struct row *r = find_row(w);
    if (r == NULL) {
        return false;
    }
    *i = (struct verify_insn){.at = at,
                              .op = r->op,
                              .size = is_wide(w) ? 8 : 4,
                              .d = VERIFY_NONE,
                              .a = VERIFY_NONE,
                              .b = VERIFY_NONE,
                              .c = VERIFY_NONE,
                              .base = VERIFY_NONE,
                              .index = VERIFY_NONE,
                              .flags = r->flags,
                              .length = 4,
                              .cond = VERIFY_OTHER};
    if ((r->how & D) != 0) {
        i->d = zr(w, 0);
    }
    if ((r->how & A) != 0) {
        i->a = zr(w, 5);
    }
    if ((r->how & B) != 0) {
        i->b = zr(w, 16);
    }
    if (r->kind != PLAIN && !a64_verify_operate(w, (enum a64_row_kind)r->kind, i)) {
        return false;
    }
    if ((r->how & RELATIVE) != 0) {
        i->imm += at;
    }
    return true;
}

/* ---- Loops that are one instruction to the verifier ---- */

#define FIRST_OF_PROBES 0xd1402231 /* sub x17, x17, #8, lsl #12 */
#define FIRST_OF_CLEARS 0xd1004231 /* sub x17, x17, #16 */

static bool is_code(const uint8_t *code, uint32_t left, const uint32_t *words, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        if (left < 4 * (n + 1) || load_le32(code + 4 * (size_t)n) != words[n]) {
            return false;
        }
    }
    return true;
}

/* Probing a large frame. Once it is entered, x16 counts the rounds. */
static void take_probe_loop(const uint8_t *code, uint32_t left, struct verify_insn *i)
{
    static const uint32_t loop[4] = {
        FIRST_OF_PROBES, 0xf940023f, /* ldr xzr, [x17] */
        0xf1000610,                  /* subs x16, x16, #1 */
        0x54ffffa1,                  /* b.ne to the first */
    };
    if (is_code(code, left, loop, ARRAY_COUNT(loop))) {
        i->op = VERIFY_PROBE_LOOP;
        i->bytes = 8;
        i->a = 16;
        i->extra = 4;
        i->length = sizeof loop;
        i->flags = VERIFY_FLAGS;
    }
}

/* Clearing slots of a large frame. x17 counts the bytes that are left. */
static void take_clear_loop(const uint8_t *code, uint32_t left, struct verify_insn *i)
{
    uint32_t base = left < 12 ? 0 : load_le32(code + 4) & 0x3e0;
    const uint32_t loop[3] = {
        FIRST_OF_CLEARS, 0x3cb1681f | base, /* str q31, [base, x17] */
        0xb5ffffd1,                         /* cbnz x17 to the first */
    };
    if (is_code(code, left, loop, ARRAY_COUNT(loop))) {
        i->op = VERIFY_CLEAR_LOOP;
        i->bytes = 16;
        i->base = (uint8_t)(base >> 5);
        i->d = VERIFY_NONE;
        i->length = sizeof loop;
        i->flags = 0;
    }
}

/* ---- The whole ---- */

uint32_t a64_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out,
                           uint32_t most)
{
    const struct verify_insn *first = out, *full = out + most;
    while (out < full && left >= 4) {
        uint32_t w = load_le32(code);
        if (!decode_word(w, at, out)) {
            break;
        }
        if (UNLIKELY(w == FIRST_OF_PROBES)) {
            take_probe_loop(code, left, out);
        } else if (UNLIKELY(w == FIRST_OF_CLEARS)) {
            take_clear_loop(code, left, out);
        }
        code += out->length;
        left -= out->length;
        at += out->length;
        if (out++->op >= VERIFY_JUMP) {
            break;
        }
    }
    return (uint32_t)(out - first);
}
