// SPDX-License-Identifier: MIT
//
// Encodes prefixes, opcode, ModRM, SIB, displacement, immediate, in this order.
#include "arch/x86_64/jit/encode.h"

#include <stddef.h>

const struct x86_form_info x86_forms[X86_FORM_COUNT] = {
#define X86_FORM(name, shape, kinds, prefix, opcode, digit, width, imm, text)                      \
    {X86_SHAPE_##shape, prefix, digit, X86_WIDTH_##width, X86_IMM_##imm, opcode, kinds, text},
#include "arch/x86_64/jit/forms.def"
#undef X86_FORM
};

enum { RSP = 4, RBP = 5, RAX = 0 };

struct writer {
    uint8_t *at;
};

static void put(struct writer *w, uint64_t value, unsigned bytes)
{
    for (unsigned n = 0; n < bytes; n++) {
        *w->at++ = (uint8_t)(value >> 8 * n);
    }
}

static bool fits8(int64_t v)
{
    return v == (int8_t)v;
}

/* Width of the operation; 0: independent of integers. */
static unsigned operation_size(const struct x86_form_info *f, const struct x86_insn *i)
{
    switch ((enum x86_width)f->width) {
    case X86_WIDTH_ANY:
    case X86_WIDTH_LONG:
    case X86_WIDTH_VEX_LONG:
        return i->size;
    case X86_WIDTH_QUAD:
    case X86_WIDTH_VECTOR_WIDE:
        return 8;
    default:
        return 0;
    }
}

static bool has_modrm(unsigned shape)
{
    return shape != X86_SHAPE_NONE && shape != X86_SHAPE_O && shape != X86_SHAPE_OI;
}

static bool has_reg(unsigned shape)
{
    return shape != X86_SHAPE_NONE && shape != X86_SHAPE_M && shape != X86_SHAPE_MI &&
           shape != X86_SHAPE_MC && shape != X86_SHAPE_SHIFT;
}

static bool has_vex(const struct x86_form_info *f, const struct x86_insn *i)
{
    return f->width == X86_WIDTH_VEX_LONG || i->vex;
}

/* Whether a VEX prefix names a third register. */
static bool has_other(unsigned shape)
{
    return shape == X86_SHAPE_RVM || shape == X86_SHAPE_RMV || shape == X86_SHAPE_TWO ||
           shape == X86_SHAPE_TWO_IMM || shape == X86_SHAPE_THREE || shape == X86_SHAPE_SHIFT;
}

/* Bits 0..2: B, X, R, as in REX, from the index and base or from rm. */
static unsigned high_bits(const struct x86_form_info *f, const struct x86_insn *i)
{
    unsigned bits = 0;
    if (!has_modrm(f->shape)) {
        return has_reg(f->shape) ? i->reg >> 3 : 0;
    }
    if (has_reg(f->shape)) {
        bits |= (i->reg >> 3 & 1u) << 2;
    }
    if (!i->is_mem) {
        return bits | i->rm >> 3;
    }
    if (i->mem.base < 16) {
        bits |= i->mem.base >> 3;
    }
    return i->mem.index < 16 ? bits | (i->mem.index >> 3 & 1u) << 1 : bits;
}

/* Byte registers 4 to 7 are the high halves of others unless there is a REX prefix. */
static bool byte_needs_rex(const struct x86_form_info *f, const struct x86_insn *i)
{
    bool reg_byte = f->kinds[0] == 'b' || (f->kinds[0] == 'r' && i->size == 1);
    bool rm_byte = f->kinds[1] == 'b' || (f->kinds[1] == 'r' && i->size == 1);
    return (has_reg(f->shape) && reg_byte && i->reg >= 4) ||
           (has_modrm(f->shape) && rm_byte && !i->is_mem && i->rm >= 4);
}

static void put_prefixes(struct writer *w, const struct x86_form_info *f, const struct x86_insn *i)
{
    if (f->width == X86_WIDTH_ANY && i->size == 2) {
        put(w, 0x66, 1);
    }
    if (i->lock) {
        put(w, 0xf0, 1);
    }
    if (f->prefix != 0) {
        put(w, f->prefix, 1);
    } else if (f->width == X86_WIDTH_SCALAR) {
        put(w, i->size == 4 ? 0xf3 : 0xf2, 1);
    } else if (f->width == X86_WIDTH_PACKED && i->size == 8) {
        put(w, 0x66, 1);
    }
    unsigned rex = high_bits(f, i) | (operation_size(f, i) == 8 ? 8 : 0);
    if (rex != 0 || byte_needs_rex(f, i)) {
        put(w, 0x40 | rex, 1);
    }
}

static void put_vex(struct writer *w, const struct x86_form_info *f, const struct x86_insn *i)
{
    static const struct {
        uint8_t prefix, bits;
    } prefixes[] = {{0, 0}, {0x66, 1}, {0xf3, 2}, {0xf2, 3}};
    unsigned pp = 0, map = f->opcode >> 8 == 0x0f ? 1 : f->opcode >> 8 == 0x0f38 ? 2 : 3;
    for (unsigned n = 0; n < 4; n++) {
        pp = prefixes[n].prefix == f->prefix ? prefixes[n].bits : pp;
    }
    unsigned other = has_other(f->shape) ? i->other : 0;
    unsigned last = (~other & 15u) << 3 | pp, high = high_bits(f, i);
    bool wide = operation_size(f, i) == 8;
    if (map == 1 && !wide && (high & 3) == 0) {
        put(w, 0xc5, 1);
        put(w, last | (high == 0 ? 0x80 : 0), 1);
        return;
    }
    put(w, 0xc4, 1);
    put(w, map | (~high & 7u) << 5, 1);
    put(w, last | (wide ? 0x80 : 0), 1);
}

/* Shorter opcodes for certain immediates or registers. */
static uint32_t choose_opcode(const struct x86_form_info *f, const struct x86_insn *i)
{
    uint32_t opcode = f->opcode;
    if (f->imm == X86_IMM_SHORT && fits8(i->imm) && i->size != 1) {
        return opcode | 2;
    }
    if (f->imm == X86_IMM_COUNT && i->imm == 1) {
        return opcode | 0x10;
    }
    if (f->width == X86_WIDTH_ANY && i->size == 1) {
        opcode &= ~(uint32_t)1;
    }
    return opcode;
}

/* An immediate with rax has an opcode without ModRM; if one byte is enough for the immediate, that
 * saves nothing. */
static bool uses_accumulator(const struct x86_form_info *f, const struct x86_insn *i)
{
    bool kind =
        (f->imm == X86_IMM_SHORT && f->shape == X86_SHAPE_MI && (!fits8(i->imm) || i->size == 1)) ||
        f->opcode == 0xf7;
    return kind && f->width == X86_WIDTH_ANY && f->shape == X86_SHAPE_MI && !i->is_mem &&
           i->rm == RAX;
}

static void put_opcode(struct writer *w, const struct x86_form_info *f, const struct x86_insn *i)
{
    if (uses_accumulator(f, i)) {
        unsigned opcode = f->opcode == 0xf7 ? 0xa9 : (unsigned)f->digit << 3 | 5;
        put(w, i->size == 1 ? opcode - 1 : opcode, 1);
        return;
    }
    uint32_t opcode = choose_opcode(f, i);
    if (!has_vex(f, i)) {
        for (unsigned shift = 16; shift > 0; shift -= 8) {
            if (opcode >> shift != 0) {
                put(w, opcode >> shift, 1);
            }
        }
    }
    unsigned low = has_reg(f->shape) && !has_modrm(f->shape) ? i->reg & 7u : 0;
    put(w, opcode | low, 1);
}

static void put_memory(struct writer *w, unsigned reg, const struct x86_mem *m)
{
    if (m->base == X86_RIP) {
        put(w, reg << 3 | 5, 1);
        put(w, (uint32_t)m->disp, 4);
        return;
    }
    bool has_base = m->base != X86_NO_REG, has_index = m->index != X86_NO_REG;
    bool sib = has_index || !has_base || (m->base & 7) == RSP;
    unsigned mod = 2, bytes = 4;
    if (!has_base || (m->disp == 0 && (m->base & 7) != RBP)) {
        mod = 0;
        bytes = has_base ? 0 : 4;
    } else if (fits8(m->disp)) {
        mod = 1;
        bytes = 1;
    }
    unsigned base = has_base ? m->base & 7u : RBP;
    put(w, mod << 6 | reg << 3 | (sib ? RSP : base), 1);
    if (sib) {
        unsigned index = has_index ? m->index & 7u : RSP, scale = has_index ? m->scale : 0;
        put(w, scale << 6 | index << 3 | base, 1);
    }
    put(w, (uint32_t)m->disp, bytes);
}

static void put_operands(struct writer *w, const struct x86_form_info *f, const struct x86_insn *i)
{
    unsigned reg = has_reg(f->shape) ? i->reg & 7u : f->digit;
    if (!has_modrm(f->shape) || uses_accumulator(f, i)) {
        return;
    }
    if (i->is_mem) {
        put_memory(w, reg, &i->mem);
    } else {
        put(w, 0xc0u | reg << 3 | (i->rm & 7u), 1);
    }
}

/* Size of the immediate in bytes; 9: it cannot be encoded. */
static unsigned immediate_bytes(const struct x86_form_info *f, const struct x86_insn *i)
{
    bool byte = i->imm == (int8_t)i->imm || i->imm == (uint8_t)i->imm;
    switch ((enum x86_imm)f->imm) {
    case X86_IMM_NONE:
        return 0;
    case X86_IMM_BYTE:
        return byte ? 1 : 9;
    case X86_IMM_COUNT:
        return i->imm == 1 ? 0 : byte ? 1 : 9;
    case X86_IMM_WIDE:
        return i->size;
    default:
        break;
    }
    if (i->size == 1) {
        return byte ? 1 : 9;
    }
    if (f->imm == X86_IMM_SHORT && fits8(i->imm)) {
        return 1;
    }
    if (i->size == 2) {
        return i->imm == (int16_t)i->imm || i->imm == (uint16_t)i->imm ? 2 : 9;
    }
    return i->imm == (int32_t)i->imm || (i->size == 4 && i->imm == (uint32_t)i->imm) ? 4 : 9;
}

unsigned x86_encode(const struct x86_insn *i, uint8_t out[X86_MAX_BYTES])
{
    const struct x86_form_info *f = &x86_forms[i->form];
    unsigned imm = immediate_bytes(f, i);
    if (imm > 8) {
        return 0;
    }
    struct writer w = {out};
    if (has_vex(f, i)) {
        put_vex(&w, f, i);
    } else {
        put_prefixes(&w, f, i);
    }
    put_opcode(&w, f, i);
    put_operands(&w, f, i);
    put(&w, (uint64_t)i->imm, imm);
    return (unsigned)(w.at - out);
}
