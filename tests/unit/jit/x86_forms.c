// SPDX-License-Identifier: MIT
//
// Forms of the x86-64 encoder, with their extreme registers, addresses and immediates.
#include "tests/unit/jit/x86_forms.h"

#include "kernel/lib/compiler.h"

#include <string.h>

static const uint8_t reg_edges[] = {0, 1, 4, 5, 7, 8, 12, 13, 15};
static const int64_t imm_edges[] = {
    0,           1,         2,          127,        128,           -1,
    -128,        -129,      255,        256,        32767,         -32768,
    65535,       65536,     0x7fffffff, 0x80000000, -0x80000000LL, 0xffffffff,
    0x100000000, INT64_MAX, INT64_MIN};
static const struct x86_mem mem_edges[] = {
    {0, X86_NO_REG, 0, 0},
    {3, X86_NO_REG, 0, 127},
    {4, X86_NO_REG, 0, 0},
    {4, X86_NO_REG, 0, 128},
    {5, X86_NO_REG, 0, 0},
    {12, X86_NO_REG, 0, 0},
    {12, X86_NO_REG, 0, -129},
    {13, X86_NO_REG, 0, 0},
    {15, X86_NO_REG, 0, INT32_MAX},
    {15, 0, 0, 0},
    {15, 7, 0, -128},
    {13, 12, 3, 0},
    {5, 13, 1, 0},
    {4, 5, 2, 64},
    {12, 15, 3, INT32_MIN},
    {X86_NO_REG, 9, 3, 1000},
    {X86_NO_REG, 2, 2, 0},
    {X86_RIP, X86_NO_REG, 0, 0},
    {X86_RIP, X86_NO_REG, 0, 4660},
};

static void (*show)(const struct x86_insn *i, enum chosen chosen);

static bool is_vector(unsigned width)
{
    return width == X86_WIDTH_VECTOR || width == X86_WIDTH_VECTOR_WIDE;
}

/* The form with this immediate, or with each extreme one. */
static void with_immediates(struct x86_insn i, enum chosen chosen)
{
    const struct x86_form_info *f = &x86_forms[i.form];
    if (f->imm == X86_IMM_NONE) {
        show(&i, chosen);
        return;
    }
    for (unsigned n = 0; n < ARRAY_COUNT(imm_edges); n += is_vector(f->width) ? 4 : 1) {
        i.imm = imm_edges[n];
        /* An assembler encodes a number in a byte even if it fits only as a signed one. */
        bool as_unsigned = i.size < 8 && i.imm > 0 && i.size > 0 &&
                           (uint64_t)i.imm >> (8 * i.size - 1) == 1 && f->imm != X86_IMM_BYTE;
        bool wide = f->imm == X86_IMM_WIDE && i.size == 4 && i.imm != (int32_t)i.imm;
        if (!wide) {
            show(&i, as_unsigned ? OTHER_BYTES : chosen);
        }
    }
}

static enum chosen rm_may_be(const struct x86_form_info *f, unsigned size, bool lock, bool mem)
{
    if (f->shape == X86_SHAPE_MI && f->opcode == 0xc7 && size < 8 && !mem) {
        return OTHER_BYTES; /* the form without ModRM */
    }
    bool same_class_move = strcmp(f->text, "movups") == 0 || strcmp(f->text, "mov#") == 0;
    bool mr = f->shape == X86_SHAPE_MR;
    if (strchr(f->text, '@') != NULL && mem) {
        return OTHER_BYTES; /* with 64 bits the form that is otherwise only for memory */
    }
    if (f->kinds[1] == 'O' && mem) {
        return NOTHING;
    }
    if (f->kinds[1] == 'm' || lock) {
        return mem ? THESE_BYTES : NOTHING;
    }
    /* Between registers there are two encodings, of which an assembler uses one. */
    bool from_rm =
        f->shape == X86_SHAPE_RM && f->opcode < 0x100 && f->kinds[0] == 'r' && f->kinds[1] == 'r';
    return !mem && ((same_class_move && mr) || from_rm) ? OTHER_BYTES : THESE_BYTES;
}

static void with_rm(struct x86_insn i)
{
    const struct x86_form_info *f = &x86_forms[i.form];
    if (f->kinds[1] == '-') {
        with_immediates(i, THESE_BYTES);
        return;
    }
    enum chosen chosen = rm_may_be(f, i.size, i.lock, false);
    for (unsigned n = 0; chosen != NOTHING && n < ARRAY_COUNT(reg_edges); n++) {
        i.rm = reg_edges[n];
        with_immediates(i, chosen);
    }
    i.is_mem = true;
    chosen = rm_may_be(f, i.size, i.lock, true);
    /* The compiler has no such operand without VEX, except for constants. */
    unsigned step = is_vector(f->width) && !i.vex && f->kinds[1] == 'o' ? 6 : 1;
    for (unsigned n = 0; chosen != NOTHING && n < ARRAY_COUNT(mem_edges); n += step) {
        i.mem = mem_edges[n];
        with_immediates(i, chosen);
    }
}

static void with_registers(struct x86_insn i)
{
    const struct x86_form_info *f = &x86_forms[i.form];
    bool has_third = f->shape == X86_SHAPE_SHIFT && i.vex;
    if (f->kinds[0] == '-' && !has_third) {
        with_rm(i);
        return;
    }
    for (unsigned n = 0; n < ARRAY_COUNT(reg_edges); n += is_vector(f->width) ? 2 : 1) {
        i.reg = has_third ? 0 : reg_edges[n];
        i.other = reg_edges[(n * 4 + 3) % ARRAY_COUNT(reg_edges)];
        with_rm(i);
    }
}

/* With a LOCK prefix the compiler writes only these, to memory. */
static bool may_lock(unsigned form)
{
    switch (form) {
    case X86_ADD_MR:
    case X86_ADD_MI:
    case X86_OR_MR:
    case X86_OR_MI:
    case X86_AND_MR:
    case X86_AND_MI:
    case X86_SUB_MR:
    case X86_SUB_MI:
    case X86_XOR_MR:
    case X86_XOR_MI:
    case X86_XADD:
    case X86_CMPXCHG:
        return true;
    default:
        return false;
    }
}

void x86_forms_each(void (*each)(const struct x86_insn *i, enum chosen chosen))
{
    show = each;
    for (unsigned form = 0; form < X86_FORM_COUNT; form++) {
        unsigned width = x86_forms[form].width;
        unsigned first = width == X86_WIDTH_ANY ? 1 : 4, last = 8;
        if (is_vector(width) || width == X86_WIDTH_NONE || width == X86_WIDTH_QUAD ||
            width == X86_WIDTH_SINGLE || width == X86_WIDTH_DOUBLE) {
            first = last;
        }
        for (unsigned size = first; size <= last; size *= 2) {
            struct x86_insn i = {.form = (uint16_t)form, .size = (uint8_t)size};
            if (x86_forms[form].shape != X86_SHAPE_THREE) {
                with_registers(i);
            }
            if (may_lock(form)) {
                i.lock = true;
                with_registers(i);
            }
            if (is_vector(width)) {
                i.vex = true;
                with_registers(i);
            }
        }
    }
}
