// SPDX-License-Identifier: MIT
//
// Prints every form of the x86-64 encoder with registers, addresses and immediates at their edges,
// a line each: the bytes that the encoder makes (or "-", if it refuses) and the text that an
// assembler should make the same of. compare_with_llvm_mc.py asks one.
#include "arch/x86_64/jit/encode.h"
#include "kernel/lib/compiler.h"

#include <stdio.h>
#include <string.h>

static const char *const names[4][16] = {
    {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b",
     "r13b", "r14b", "r15b"},
    {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w",
     "r14w", "r15w"},
    {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d",
     "r13d", "r14d", "r15d"},
    {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
     "r14", "r15"},
};
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

static unsigned log2_of(unsigned bytes)
{
    return bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
}

/* Bytes of an operand of the kind. */
static unsigned bytes_of(char kind, const struct x86_insn *i)
{
    switch (kind) {
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'd':
    case 's':
        return 4;
    case 'q':
    case 'f':
        return 8;
    case 'o':
        return 16;
    default:
        return x86_forms[i->form].width == X86_WIDTH_SINGLE   ? 4
               : x86_forms[i->form].width == X86_WIDTH_DOUBLE ? 8
                                                              : i->size;
    }
}

static bool is_vector(char kind)
{
    return strchr("xosf", kind) != NULL;
}

static void print_reg(char kind, const struct x86_insn *i, unsigned reg)
{
    if (is_vector(kind)) {
        printf("xmm%u", reg);
    } else {
        printf("%s", names[log2_of(bytes_of(kind, i))][reg]);
    }
}

static void print_mem(char kind, const struct x86_insn *i)
{
    static const char *const sizes[] = {"byte", "word", "dword", "qword", "xmmword"};
    unsigned bytes = bytes_of(kind, i);
    const struct x86_mem *m = &i->mem;
    if (kind != 'm') {
        printf("%s ptr ", sizes[bytes == 16 ? 4 : log2_of(bytes)]);
    }
    printf("[");
    if (m->base == X86_RIP) {
        printf("rip + ");
    } else if (m->base != X86_NO_REG) {
        printf("%s + ", names[3][m->base]);
    }
    if (m->index != X86_NO_REG) {
        printf("%u*%s + ", 1u << m->scale, names[3][m->index]);
    }
    printf("%d]", m->disp);
}

static void print_rm(const struct x86_insn *i)
{
    char kind = x86_forms[i->form].kinds[1];
    if (i->is_mem) {
        print_mem(kind, i);
    } else {
        print_reg(kind, i, i->rm);
    }
}

static void print_mnemonic(const struct x86_insn *i)
{
    const struct x86_form_info *f = &x86_forms[i->form];
    for (const char *t = f->text; *t != '\0'; t++) {
        if (*t == '#') {
            printf("s%c", i->size == 4 ? 's' : 'd');
        } else if (*t == '@') {
            putchar(i->size == 4 ? 'd' : 'q');
        } else {
            putchar(*t);
        }
    }
    /* Else the assembler takes a shorter one that means the same. */
    if (i->form == X86_MOV_OI && i->size == 8) {
        printf("abs");
    }
}

static void print_imm(const struct x86_insn *i)
{
    printf("%lld", (long long)i->imm);
}

static void print_operands(const struct x86_insn *i)
{
    const struct x86_form_info *f = &x86_forms[i->form];
    switch ((enum x86_shape)f->shape) {
    case X86_SHAPE_NONE:
        return;
    case X86_SHAPE_RM:
    case X86_SHAPE_RMI:
    case X86_SHAPE_RMV:
        print_reg(f->kinds[0], i, i->reg);
        printf(", ");
        print_rm(i);
        break;
    case X86_SHAPE_MR:
        print_rm(i);
        printf(", ");
        print_reg(f->kinds[0], i, i->reg);
        break;
    case X86_SHAPE_RVM:
        print_reg(f->kinds[0], i, i->reg);
        printf(", ");
        print_reg(f->kinds[0], i, i->other);
        printf(", ");
        print_rm(i);
        break;
    case X86_SHAPE_O:
    case X86_SHAPE_OI:
        print_reg(f->kinds[0], i, i->reg);
        break;
    default:
        print_rm(i);
        break;
    }
    if (f->shape == X86_SHAPE_MI || f->shape == X86_SHAPE_RMI || f->shape == X86_SHAPE_OI) {
        printf(", ");
        print_imm(i);
    } else if (f->shape == X86_SHAPE_MC) {
        printf(", cl");
    } else if (f->shape == X86_SHAPE_RMV) {
        printf(", ");
        print_reg(f->kinds[0], i, i->other);
    }
}

static void print_insn(const struct x86_insn *i)
{
    uint8_t bytes[X86_MAX_BYTES];
    unsigned count = x86_encode(i, bytes);
    if (count == 0 && (i->size < 8 || i->form == X86_MOV_MI)) {
        return; /* where the encoder refuses an immediate an assembler cuts it off, or moves all of
                   it */
    }
    for (unsigned n = 0; n < count; n++) {
        printf("%02x", bytes[n]);
    }
    printf("%s ", count == 0 ? "-" : "");
    print_mnemonic(i);
    printf(" ");
    print_operands(i);
    printf("\n");
}

/* The form with this immediate, or with each at an edge. */
static void with_immediates(struct x86_insn i)
{
    const struct x86_form_info *f = &x86_forms[i.form];
    if (f->imm == X86_IMM_NONE) {
        print_insn(&i);
        return;
    }
    for (unsigned n = 0; n < ARRAY_COUNT(imm_edges); n++) {
        i.imm = imm_edges[n];
        /* What an assembler reads otherwise: the sign of an unsigned number. */
        bool as_unsigned = i.size < 8 && i.imm > 0 && i.size > 0 &&
                           (uint64_t)i.imm >> (8 * i.size - 1) == 1 && f->imm != X86_IMM_BYTE;
        bool wide = f->imm == X86_IMM_WIDE && i.size == 4 && i.imm != (int32_t)i.imm;
        if (!as_unsigned && !wide) {
            print_insn(&i);
        }
    }
}

static bool rm_may_be(const struct x86_form_info *f, unsigned size, bool mem)
{
    if (f->shape == X86_SHAPE_MI && f->opcode == 0xc7 && size < 8 && !mem) {
        return false; /* an assembler takes the form without ModRM */
    }
    bool same_class_move = strcmp(f->text, "movups") == 0 || strcmp(f->text, "mov#") == 0;
    bool mr = f->shape == X86_SHAPE_MR;
    if (strchr(f->text, '@') != NULL && mem) {
        return false; /* movss and movsd are there for that */
    }
    if (f->kinds[1] == 'm') {
        return mem;
    }
    /* Between registers an assembler has one way where there are two. */
    if (!mem && (same_class_move || (f->shape == X86_SHAPE_RM && f->opcode < 0x100 &&
                                     f->kinds[0] == 'r' && f->kinds[1] == 'r'))) {
        return mr && !same_class_move;
    }
    return true;
}

static void with_rm(struct x86_insn i)
{
    const struct x86_form_info *f = &x86_forms[i.form];
    if (f->kinds[1] == '-') {
        with_immediates(i);
        return;
    }
    for (unsigned n = 0; rm_may_be(f, i.size, false) && n < ARRAY_COUNT(reg_edges); n++) {
        i.rm = reg_edges[n];
        with_immediates(i);
    }
    i.is_mem = true;
    for (unsigned n = 0; rm_may_be(f, i.size, true) && n < ARRAY_COUNT(mem_edges); n++) {
        i.mem = mem_edges[n];
        with_immediates(i);
    }
}

static void with_registers(struct x86_insn i)
{
    const struct x86_form_info *f = &x86_forms[i.form];
    if (f->kinds[0] == '-') {
        with_rm(i);
        return;
    }
    for (unsigned n = 0; n < ARRAY_COUNT(reg_edges); n++) {
        i.reg = reg_edges[n];
        i.other = reg_edges[(n * 4 + 3) % ARRAY_COUNT(reg_edges)];
        with_rm(i);
    }
}

int main(void)
{
    for (unsigned form = 0; form < X86_FORM_COUNT; form++) {
        unsigned width = x86_forms[form].width;
        unsigned first = width == X86_WIDTH_ANY ? 1 : 4, last = 8;
        if (width == X86_WIDTH_NONE || width == X86_WIDTH_QUAD || width == X86_WIDTH_SINGLE ||
            width == X86_WIDTH_DOUBLE) {
            first = last;
        }
        for (unsigned size = first; size <= last; size *= 2) {
            with_registers((struct x86_insn){.form = (uint8_t)form, .size = (uint8_t)size});
        }
    }
    return 0;
}
