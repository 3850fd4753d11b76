// SPDX-License-Identifier: MIT
//
// x86-64 instructions as the verifier sees them, written from the Intel Software Developer's
// Manual, volume 2: chapter 2 (prefixes, ModRM, SIB) here, the opcodes of appendix A in
// verify_integer.c and verify_two.c. It shares nothing with the encoder: a mistake there must not
// be repeated here. What no row matches is refused, and so is every other way to write what is
// accepted: no second prefix, no bit of a REX prefix that means nothing, no address of 32 bits, no
// segment.
#include "arch/x86_64/jit/verify_internal.h"

#include "kernel/lib/compiler.h"

enum { RSP = 4, RBP = 5 };

int64_t x86_verify_take(struct x86_parts *x, unsigned bytes)
{
    uint64_t v = 0;
    if (x->left - x->taken < bytes) {
        x->is_short = true;
        return 0;
    }
    for (unsigned n = 0; n < bytes; n++) {
        v |= (uint64_t)x->code[x->taken++] << 8 * n;
    }
    unsigned above = 64 - 8 * bytes;
    return (int64_t)(v << above) >> above;
}

static uint8_t take_byte(struct x86_parts *x)
{
    return (uint8_t)x86_verify_take(x, 1);
}

/* Appendix B.1.4.7, condition test field. */
uint8_t x86_verify_condition(unsigned opcode)
{
    static const uint8_t conditions[8] = {VERIFY_OTHER,     VERIFY_OTHER, VERIFY_BELOW,
                                          VERIFY_NOT_BELOW, VERIFY_EQUAL, VERIFY_NOT_EQUAL,
                                          VERIFY_NOT_ABOVE, VERIFY_ABOVE};
    return (opcode & 8) != 0 ? (uint8_t)VERIFY_OTHER : conditions[opcode & 7];
}

/* ---- Prefixes and the opcode (2.1.1, 2.2.1, 2.3.5) ---- */

/* Of three bytes: maps 2 and 3, 128 bits. */
static const struct x86_rows *take_vex(struct x86_parts *x)
{
    static const uint8_t prefixes[4] = {0, 0x66, 0xf3, 0xf2};
    unsigned first = take_byte(x), second = take_byte(x), map = first & 31;
    x->is_vex = true;
    x->prefix = prefixes[second & 3];
    x->rex = (uint8_t)((~first >> 5 & 7) | second >> 7 << 3);
    x->vvvv = ~second >> 3 & 15;
    x->opcode = take_byte(x);
    bool narrow = (second & 4) == 0;
    return !narrow ? NULL : map == 2 ? &x86_verify_vex_38 : map == 3 ? &x86_verify_vex_3a : NULL;
}

static const struct x86_rows *take_opcode(struct x86_parts *x)
{
    uint8_t byte = take_byte(x);
    if (byte == 0xc4) {
        return take_vex(x);
    }
    if (byte == 0x66 || byte == 0xf2 || byte == 0xf3) {
        x->prefix = byte;
        byte = take_byte(x);
    }
    if ((byte & 0xf0) == 0x40) {
        x->has_rex = true;
        x->rex = byte & 15;
        byte = take_byte(x);
    }
    const struct x86_rows *rows = &x86_verify_one_byte;
    if (byte == 0x0f) {
        rows = &x86_verify_two_bytes;
        byte = take_byte(x);
        if (byte == 0x3a) {
            rows = &x86_verify_three_bytes;
            byte = take_byte(x);
        }
    }
    x->opcode = byte;
    return rows;
}

/* The byte after the opcode, which may be a ModRM, chooses where the row wants a digit. */
static const struct x86_row *find_row(const struct x86_parts *x, const struct x86_rows *rows)
{
    unsigned digit = x->taken < x->left ? x->code[x->taken] >> 3 & 7 : 0;
    for (size_t n = 0; n < rows->count; n++) {
        const struct x86_row *r = &rows->rows[n];
        if ((x->opcode & r->mask) == r->opcode &&
            (x->prefix == r->prefix || (r->width == ANY && x->prefix == 0x66)) &&
            (r->digits == 0 || (r->digits >> digit & 1) != 0)) {
            return r;
        }
    }
    return NULL;
}

/* 0: two of its parts say otherwise. */
static unsigned size_of(struct x86_parts *x, const struct x86_row *r)
{
    bool wide = (x->rex & REX_W) != 0, is_byte = r->width == ANY && (x->opcode & 1) == 0;
    bool narrow = is_byte || (r->width == ANY && x->prefix == 0x66);
    if (r->width == OTHER) {
        return 8;
    }
    x->used |= REX_W;
    if ((wide && narrow) || (is_byte && x->prefix == 0x66) || (!wide && r->width == QUAD)) {
        return 0;
    }
    return is_byte ? 1 : narrow ? 2 : wide ? 8 : 4;
}

/* ---- ModRM (2.1.3, 2.1.5) ---- */

/* Without a REX prefix 4 to 7 are the upper bytes of 0 to 3. */
static void use_register(struct x86_parts *x, unsigned reg, bool is_byte)
{
    x->needs_rex |= is_byte && reg >= 4 && reg <= 7;
}

static bool take_memory(struct x86_parts *x, struct verify_insn *i, unsigned mod, unsigned rm)
{
    unsigned base = rm, bytes = mod == 2 ? 4 : mod;
    bool has_sib = rm == RSP, has_base = true;
    if (has_sib) {
        unsigned sib = take_byte(x), index = (sib >> 3 & 7) | (x->rex & REX_X) << 2;
        x->used |= REX_X;
        i->scale = (uint8_t)(sib >> 6);
        i->index = index == RSP ? VERIFY_NONE : (uint8_t)index;
        base = sib & 7;
    }
    if (mod == 0 && base == RBP) {
        i->base = has_sib ? VERIFY_NONE : VERIFY_CODE;
        has_base = !has_sib;
        bytes = 4;
    } else {
        i->base = (uint8_t)(base | (x->rex & REX_B) << 3);
        x->used |= REX_B;
    }
    i->disp = (int32_t)(bytes == 0 ? 0 : x86_verify_take(x, bytes));
    x->is_mem = true;
    /* What a shorter way says, too: an index without base or scale, a SIB without either. */
    return !has_sib || (i->index != VERIFY_NONE ? has_base || i->scale != 0
                                                : has_base && base == RSP && i->scale == 0);
}

static bool take_modrm(struct x86_parts *x, const struct x86_row *r, struct verify_insn *i)
{
    unsigned modrm = take_byte(x), mod = modrm >> 6, rm = modrm & 7;
    x->reg = modrm >> 3 & 7;
    if ((r->shape & (REG | XMM)) != 0) {
        x->used |= REX_R;
        x->reg |= (x->rex & REX_R) << 1;
        use_register(x, x->reg, (r->shape & REG) != 0 && i->size == 1);
    }
    i->bytes = r->bytes != 0 ? r->bytes : i->size;
    if (mod != 3) {
        return (r->shape & NO_MEM) == 0 && take_memory(x, i, mod, rm);
    }
    i->bytes = 0;
    x->used |= REX_B;
    x->rm = (uint8_t)(rm | (x->rex & REX_B) << 3);
    use_register(x, x->rm, (r->shape & RM_BYTE) != 0 || i->size == 1);
    return (r->shape & ONLY_MEM) == 0;
}

/* ---- The whole ---- */

static void take_immediate(struct x86_parts *x, const struct x86_row *r, struct verify_insn *i)
{
    unsigned bytes = (r->shape & IMM) != 0 ? MIN(i->size, 4u) : 1;
    if ((r->shape & (IMM_BYTE | IMM_SHORT | IMM)) == 0) {
        return;
    }
    uint64_t v = (uint64_t)x86_verify_take(x, bytes);
    unsigned size = (r->shape & IMM_BYTE) != 0 ? 1 : i->size;
    i->imm = (int64_t)(size == 8 ? v : v & ((UINT64_C(1) << 8 * size) - 1));
}

/* Where in the function a displacement from the end of the instruction leads. */
static bool place_in_code(const struct x86_parts *x, struct verify_insn *i)
{
    int64_t place = (int64_t)x->at + x->taken + i->disp;
    if (i->base == VERIFY_CODE) {
        i->disp = (int32_t)place;
    }
    return i->base != VERIFY_CODE || (place >= 0 && place <= INT32_MAX);
}

/* A prefix is there if, and only if, the instruction is another one without. */
static bool is_canonical(const struct x86_parts *x)
{
    bool extra = (x->rex & ~x->used) != 0 || (x->has_rex && x->rex == 0 && !x->needs_rex);
    return !x->is_short && !extra && (x->has_rex || x->is_vex || !x->needs_rex);
}

/* Nobody writes to code, or takes the target of a call from it. */
static bool is_harmless(const struct verify_insn *i)
{
    return i->base != VERIFY_CODE ||
           (i->op != VERIFY_STORE && i->op != VERIFY_UPDATE && i->op != VERIFY_CALL_TO);
}

static bool decode_row(struct x86_parts *x, const struct x86_row *r, struct verify_insn *i)
{
    i->size = (uint8_t)size_of(x, r);
    if (i->size == 0 || ((r->shape & MODRM) != 0 && !take_modrm(x, r, i))) {
        return false;
    }
    take_immediate(x, r, i);
    return place_in_code(x, i) && r->decode(x, i) && is_canonical(x) && is_harmless(i);
}

bool x86_verify_decode(const uint8_t *code, uint32_t left, uint32_t at, struct verify_insn *out)
{
    struct x86_parts x = {.code = code, .left = left, .at = at};
    *out = (struct verify_insn){.at = at,
                                .d = VERIFY_NONE,
                                .a = VERIFY_NONE,
                                .b = VERIFY_NONE,
                                .c = VERIFY_NONE,
                                .base = VERIFY_NONE,
                                .index = VERIFY_NONE,
                                .cond = VERIFY_OTHER};
    const struct x86_rows *rows = take_opcode(&x);
    const struct x86_row *row = rows == NULL || x.is_short ? NULL : find_row(&x, rows);
    if (row == NULL || !decode_row(&x, row, out)) {
        return false;
    }
    out->length = (uint8_t)x.taken;
    return true;
}
