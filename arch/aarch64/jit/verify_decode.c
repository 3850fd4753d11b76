// SPDX-License-Identifier: MIT
//
// AArch64 instruction words as the verifier sees them, written from the Arm Architecture Reference
// Manual (DDI 0487), chapter C4, "A64 Instruction Set Encoding". It shares nothing with the
// encoder: a mistake there must not be repeated here. A word that no row below matches is refused,
// so everything of the system, of exceptions, exclusives, atomics and write-back is.
#include "arch/aarch64/jit/verify_internal.h"

#include "kernel/lib/endian.h"

enum { FP = 29, LR = 30 };

/* C1.2.4, condition codes. */
uint8_t a64_verify_condition(uint32_t cond)
{
    static const uint8_t conditions[10] = {
        VERIFY_EQUAL, VERIFY_NOT_EQUAL, VERIFY_NOT_BELOW, VERIFY_BELOW, VERIFY_OTHER,
        VERIFY_OTHER, VERIFY_OTHER,     VERIFY_OTHER,     VERIFY_ABOVE, VERIFY_NOT_ABOVE};
    return cond < ARRAY_COUNT(conditions) ? conditions[cond] : (uint8_t)VERIFY_OTHER;
}

/* ---- Loads and stores (C4.1.94) ---- */

/* size, V and opc. Of vector registers: 4, 8 and 16 bytes. */
static bool access_kind(uint32_t w, struct verify_insn *i)
{
    uint32_t log2 = field(w, 30, 2), opc = field(w, 22, 2);
    bool vector = field(w, 26, 1) != 0, loads = opc != 0;
    if (vector) {
        if (opc >= 2 ? log2 != 0 : log2 < 2) {
            return false;
        }
        log2 = opc >= 2 ? 4 : log2;
        loads = (opc & 1) != 0;
    } else if (opc >= 2 && log2 >= (opc == 2 ? 3u : 2u)) {
        return false; /* prefetches, and what is not allocated */
    }
    uint8_t t = vector ? (uint8_t)VERIFY_NONE : zr(w, 0);
    i->op = loads ? VERIFY_LOAD : VERIFY_STORE;
    *(loads ? &i->d : &i->a) = t;
    i->bytes = (uint8_t)(1u << log2);
    i->size = vector ? i->bytes : opc == 2 || log2 == 3 ? 8 : 4;
    i->base = sp(w, 5);
    i->flags = VERIFY_MEM | (vector ? VERIFY_VECTOR : opc >= 2 ? VERIFY_SIGNED : 0);
    i->scale = (uint8_t)log2;
    return true;
}

static bool access_scaled(uint32_t w, struct verify_insn *i)
{
    if (!access_kind(w, i)) {
        return false;
    }
    i->disp = (int32_t)(field(w, 10, 12) << i->scale);
    i->scale = 0;
    return true;
}

static bool access_unscaled(uint32_t w, struct verify_insn *i)
{
    if (!access_kind(w, i)) {
        return false;
    }
    i->disp = (int32_t)signed_field(w, 12, 9);
    i->scale = 0;
    return true;
}

/* Options below 2, and 4 and 5, are not allocated. */
static bool access_index(uint32_t w, struct verify_insn *i)
{
    if (!access_kind(w, i) || field(w, 14, 1) == 0) {
        return false;
    }
    i->index = zr(w, 16);
    i->extend = extension(w);
    i->scale = field(w, 12, 1) != 0 ? i->scale : 0;
    return true;
}

/* Of two equal registers a load is unpredictable. */
static bool access_pair(uint32_t w, struct verify_insn *i)
{
    bool vector = field(w, 26, 1) != 0, loads = field(w, 22, 1) != 0;
    if (loads && field(w, 0, 5) == field(w, 10, 5)) {
        return false;
    }
    i->op = loads ? VERIFY_LOAD_PAIR : VERIFY_STORE_PAIR;
    i->size = i->bytes = vector ? 16 : 8;
    i->flags = VERIFY_MEM | (vector ? VERIFY_VECTOR : 0);
    i->base = sp(w, 5);
    i->disp = (int32_t)(signed_field(w, 15, 7) * i->bytes);
    if (!vector) {
        *(loads ? &i->d : &i->a) = zr(w, 0);
        i->c = zr(w, 10);
    }
    return true;
}

/* stp x29, x30, [sp, #-16]! and ldp x29, x30, [sp], #16: no other base is ever written back. */
static bool frame_record(uint32_t w, struct verify_insn *i)
{
    bool pops = field(w, 22, 1) != 0;
    i->op = pops ? VERIFY_POP : VERIFY_PUSH;
    *(pops ? &i->d : &i->a) = FP;
    i->c = LR;
    i->size = i->bytes = 8;
    i->imm = 16;
    return true;
}

static bool literal(uint32_t w, struct verify_insn *i)
{
    bool vector = field(w, 26, 1) != 0;
    i->op = VERIFY_LITERAL;
    i->size = i->bytes = field(w, 30, 2) == 0 ? 4 : 8;
    i->d = vector ? (uint8_t)VERIFY_NONE : zr(w, 0);
    i->flags = vector ? VERIFY_VECTOR : 0;
    i->imm = signed_field(w, 5, 19) * 4;
    return true;
}

/* ---- Branches (C4.1.93) ---- */

static bool branch(uint32_t w, struct verify_insn *i)
{
    i->op = is_wide(w) ? VERIFY_CALL : VERIFY_JUMP;
    i->imm = signed_field(w, 0, 26) * 4;
    return true;
}

/* Conditions 14 and 15 are always true, and never written. */
static bool branch_condition(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_BRANCH;
    i->cond = a64_verify_condition(field(w, 0, 4));
    i->imm = signed_field(w, 5, 19) * 4;
    return field(w, 0, 4) < 14;
}

static bool branch_zero(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_BRANCH_ZERO;
    i->a = zr(w, 0);
    i->cond = field(w, 24, 1) == 0 ? VERIFY_EQUAL : VERIFY_NOT_EQUAL;
    i->imm = signed_field(w, 5, 19) * 4;
    return true;
}

static bool branch_bit(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_BRANCH_BIT;
    i->a = zr(w, 0);
    i->cond = field(w, 24, 1) == 0 ? VERIFY_EQUAL : VERIFY_NOT_EQUAL;
    i->shift = (uint8_t)(field(w, 31, 1) << 5 | field(w, 19, 5));
    i->imm = signed_field(w, 5, 14) * 4;
    return true;
}

static bool branch_register(uint32_t w, struct verify_insn *i)
{
    bool calls = field(w, 21, 1) != 0;
    i->op = calls ? VERIFY_CALL_TO : VERIFY_JUMP_TABLE;
    *(calls ? &i->b : &i->a) = sp(w, 5);
    i->size = 8;
    return field(w, 5, 5) != 31;
}

static bool return_to_link(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_RETURN;
    i->a = sp(w, 5);
    return true;
}

static bool trap(uint32_t w, struct verify_insn *i)
{
    (void)w;
    i->op = VERIFY_TRAP;
    return true;
}

static bool nothing(uint32_t w, struct verify_insn *i)
{
    (void)w;
    i->op = VERIFY_NOP;
    return true;
}

static bool pad(uint32_t w, struct verify_insn *i)
{
    i->op = field(w, 6, 1) != 0 ? VERIFY_PAD : VERIFY_PAD_JUMP;
    return true;
}

/* ---- Floating point and vectors (C4.1.96) ---- */

static bool float_one(uint32_t w, struct verify_insn *i)
{
    /* Opcodes fmov, fabs, fneg, fsqrt, fcvt to the other width, frintn, frintp, frintm, frintz. */
    static const uint32_t opcodes[2] = {0x0f2f, 0x0f1f};
    (void)nothing(w, i);
    return field(w, 15, 6) < 16 && (opcodes[field(w, 22, 1)] >> field(w, 15, 6) & 1) != 0;
}

/* fmul, fdiv, fadd, fsub, fmax, fmin. */
static bool float_two(uint32_t w, struct verify_insn *i)
{
    (void)nothing(w, i);
    return field(w, 12, 4) < 6;
}

static bool float_compare(uint32_t w, struct verify_insn *i)
{
    (void)w;
    i->op = VERIFY_USE;
    i->flags = VERIFY_FLAGS;
    return true;
}

static bool integer_from_vector(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_NUMBER;
    i->d = zr(w, 0);
    return true;
}

static bool vector_from_integer(uint32_t w, struct verify_insn *i)
{
    i->op = VERIFY_USE;
    i->a = zr(w, 5);
    return true;
}

/* ---- The table ---- */

static const struct a64_row accesses[] = {
    {0x3b000000, 0x39000000, access_scaled}, {0x3b200c00, 0x38000000, access_unscaled},
    {0x3b200c00, 0x38200800, access_index},  {0xff800000, 0xa9000000, access_pair},
    {0xff800000, 0xad000000, access_pair},   {0xffffffff, 0xa9bf7bfd, frame_record},
    {0xffffffff, 0xa8c17bfd, frame_record},  {0xff000000, 0x58000000, literal},
    {0xbf000000, 0x1c000000, literal},
};

static const struct a64_row branches[] = {
    {0x7c000000, 0x14000000, branch},
    {0xff000010, 0x54000000, branch_condition},
    {0x7e000000, 0x34000000, branch_zero},
    {0x7e000000, 0x36000000, branch_bit},
    {0xffdffc1f, 0xd61f0000, branch_register}, /* br, blr */
    {0xffffffff, 0xd65f03c0, return_to_link},
    {0xffe0001f, 0xd4200000, trap}, /* brk */
    {0xffffffff, 0xd503201f, nothing},
    {0xffffffff, 0xd503245f, pad}, /* bti c */
    {0xffffffff, 0xd503249f, pad}, /* bti j */
};

static const struct a64_row vectors[] = {
    {0xffa00c00, 0x1e200800, float_two},
    {0xffa07c00, 0x1e204000, float_one},
    {0xffa0fc1f, 0x1e202000, float_compare},       /* fcmp */
    {0xffbffc1f, 0x1e202008, float_compare},       /* fcmp with 0.0 */
    {0xffa00c10, 0x1e200400, float_compare},       /* fccmp */
    {0xffa00c00, 0x1e200c00, nothing},             /* fcsel */
    {0xffa01fe0, 0x1e201000, nothing},             /* fmov of an immediate */
    {0x7fbefc00, 0x1e220000, vector_from_integer}, /* scvtf, ucvtf */
    {0x7fbefc00, 0x1e380000, integer_from_vector}, /* fcvtzs, fcvtzu */
    {0xfffffc00, 0x1e260000, integer_from_vector}, /* fmov w, s */
    {0xfffffc00, 0x9e660000, integer_from_vector}, /* fmov x, d */
    {0xfffffc00, 0x1e270000, vector_from_integer}, /* fmov s, w */
    {0xfffffc00, 0x9e670000, vector_from_integer}, /* fmov d, x */
    {0xffe0fc00, 0x4ea01c00, nothing},             /* orr.16b, mov */
    {0xfffffc00, 0x0e205800, nothing},             /* cnt.8b */
    {0xfffffc00, 0x0e31b800, nothing},             /* addv.8b */
    {0xffe0fc00, 0x6e601c00, nothing},             /* bsl.16b */
    {0xffe0fc00, 0x2ea01c00, nothing},             /* bit.8b */
    {0xffffffe0, 0x6f00e400, nothing},             /* movi.2d #0 */
    {0xffffffe0, 0x0f046400, nothing},             /* movi.2s #0x80, lsl #24 */
    {0xfffffc00, 0x6ee0f800, nothing},             /* fneg.2d */
    {0xfffffc00, 0x4e080c00, vector_from_integer}, /* dup.2d */
};

/* C4.1, bits 25 to 28: 100x immediates, 101x branches, x1x0 accesses, x101 registers, x111
 * floating point. */
static const struct a64_rows *rows_of(uint32_t w)
{
    static const struct a64_rows none = {NULL, 0}, to_access = A64_ROWS(accesses),
                                 to_branch = A64_ROWS(branches), to_vector = A64_ROWS(vectors);
    uint32_t op = field(w, 25, 4);
    return (op & 14) == 8    ? &a64_verify_immediates
           : (op & 5) == 4   ? &to_access
           : (op & 14) == 10 ? &to_branch
           : (op & 7) == 5   ? &a64_verify_registers
           : (op & 7) == 7   ? &to_vector
                             : &none;
}

static bool decode_word(uint32_t w, struct verify_insn *i)
{
    const struct a64_rows *r = rows_of(w);
    for (size_t n = 0; n < r->count; n++) {
        if ((w & r->rows[n].mask) == r->rows[n].bits) {
            return r->rows[n].decode(w, i);
        }
    }
    return false;
}

/* ---- Loops that are one instruction to the verifier ---- */

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
static bool is_probe_loop(const uint8_t *code, uint32_t left, struct verify_insn *i)
{
    static const uint32_t loop[4] = {
        0xd1402231, /* sub x17, x17, #8, lsl #12 */
        0xf940023f, /* ldr xzr, [x17] */
        0xf1000610, /* subs x16, x16, #1 */
        0x54ffffa1, /* b.ne to the first */
    };
    if (!is_code(code, left, loop, ARRAY_COUNT(loop))) {
        return false;
    }
    i->op = VERIFY_PROBE_LOOP;
    i->size = i->bytes = 8;
    i->d = 17;
    i->a = 16;
    i->imm = 0x8000;
    i->extra = 4;
    i->length = sizeof loop;
    i->flags = VERIFY_FLAGS;
    return true;
}

/* Clearing slots of a large frame. x17 counts the bytes that are left. */
static bool is_clear_loop(const uint8_t *code, uint32_t left, struct verify_insn *i)
{
    uint32_t base = left < 12 ? 0 : load_le32(code + 4) & 0x3e0;
    const uint32_t loop[3] = {
        0xd1004231,        /* sub x17, x17, #16 */
        0x3cb1681f | base, /* str q31, [base, x17] */
        0xb5ffffd1,        /* cbnz x17 to the first */
    };
    if (!is_code(code, left, loop, ARRAY_COUNT(loop))) {
        return false;
    }
    i->op = VERIFY_CLEAR_LOOP;
    i->size = 8;
    i->bytes = 16;
    i->base = (uint8_t)(base >> 5);
    i->a = 17;
    i->imm = 16;
    i->length = sizeof loop;
    return true;
}

static bool is_relative(unsigned op)
{
    return op == VERIFY_LITERAL || op == VERIFY_ADDRESS || op == VERIFY_CALL ||
           (op >= VERIFY_JUMP && op <= VERIFY_BRANCH_BIT);
}

static bool decode_one(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out)
{
    *out = (struct verify_insn){.at = at,
                                .length = 4,
                                .d = VERIFY_NONE,
                                .a = VERIFY_NONE,
                                .b = VERIFY_NONE,
                                .c = VERIFY_NONE,
                                .base = VERIFY_NONE,
                                .index = VERIFY_NONE,
                                .cond = VERIFY_OTHER};
    if (left < 4) {
        return false;
    }
    if (is_probe_loop(code, left, out) || is_clear_loop(code, left, out)) {
        return true;
    }
    uint32_t w = load_le32(code);
    out->size = is_wide(w) ? 8 : 4;
    if (!decode_word(w, out)) {
        return false;
    }
    out->imm += is_relative(out->op) ? (int64_t)at : 0;
    return true;
}

uint32_t a64_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out,
                           uint32_t most)
{
    for (uint32_t n = 0; n < most; n++, out++) {
        if (!decode_one(code, left, at, out)) {
            return n;
        }
        code += out->length;
        left -= out->length;
        at += out->length;
        if (out->op >= VERIFY_JUMP) {
            return n + 1;
        }
    }
    return most;
}
