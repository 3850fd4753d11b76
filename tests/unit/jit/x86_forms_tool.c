// SPDX-License-Identifier: MIT
//
// Prints every form of the x86-64 encoder with its extreme registers, addresses and
// immediates, a line each: the encoder's bytes (or "-", if it refuses) and the text that an
// assembler should translate to the same bytes, or "~" if it uses other bytes for it. Then the
// code that asm.h generates itself, with "=": near and far branches, and padding.
// compare_with_llvm_mc.py runs the assembler.
#include "arch/x86_64/jit/asm.h"
#include "arch/x86_64/jit/x86_64.h"
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/x86_forms.h"

#include <stdio.h>
#include <stdlib.h>
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
static unsigned log2_of(unsigned bytes)
{
    return bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
}

/* Size in bytes of an operand of this kind. */
static unsigned bytes_of(char kind, const struct x86_insn *i)
{
    switch (kind) {
    case 'b':
        return 1;
    case 'B':
        return i->is_mem ? 1 : 4;
    case 'W':
        return i->is_mem ? 2 : 4;
    case 'w':
        return 2;
    case 'd':
    case 's':
        return 4;
    case 'q':
    case 'f':
        return 8;
    case 'o':
    case 'O':
        return 16;
    default:
        return x86_forms[i->form].width == X86_WIDTH_SINGLE   ? 4
               : x86_forms[i->form].width == X86_WIDTH_DOUBLE ? 8
                                                              : i->size;
    }
}

static bool is_vector(char kind)
{
    return strchr("xoOsf", kind) != NULL;
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
    if (i->lock) {
        printf("lock ");
    }
    if (i->form == X86_V_PDPBUSD) {
        printf("{vex} "); /* not as a part of AVX-512 */
    }
    if (i->vex) {
        putchar('v');
    }
    for (const char *t = f->text; *t != '\0'; t++) {
        if (*t == '#') {
            printf("s%c", i->size == 4 ? 's' : 'd');
        } else if (*t == '@') {
            putchar(i->size == 4 ? 'd' : 'q');
        } else {
            putchar(*t);
        }
    }
    /* Otherwise the assembler chooses a shorter instruction with the same effect. */
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
    case X86_SHAPE_TWO:
    case X86_SHAPE_TWO_IMM:
        print_reg(f->kinds[0], i, i->reg);
        printf(", ");
        if (i->vex) {
            print_reg(f->kinds[0], i, i->other);
            printf(", ");
        }
        print_rm(i);
        break;
    case X86_SHAPE_SHIFT:
        if (i->vex) {
            print_reg(f->kinds[1], i, i->other);
            printf(", ");
        }
        print_rm(i);
        break;
    case X86_SHAPE_MR:
    case X86_SHAPE_MRI:
        print_rm(i);
        printf(", ");
        print_reg(f->kinds[0], i, i->reg);
        break;
    case X86_SHAPE_RVM:
    case X86_SHAPE_THREE:
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
    if (f->shape == X86_SHAPE_MI || f->shape == X86_SHAPE_RMI || f->shape == X86_SHAPE_OI ||
        f->imm == X86_IMM_BYTE) {
        printf(", ");
        print_imm(i);
    } else if (f->shape == X86_SHAPE_MC) {
        printf(", cl");
    } else if (f->shape == X86_SHAPE_RMV) {
        printf(", ");
        print_reg(f->kinds[0], i, i->other);
    }
}

static void print_hex(const uint8_t *bytes, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        printf("%02x", bytes[n]);
    }
}

static void print_insn(const struct x86_insn *i, enum chosen chosen)
{
    uint8_t bytes[X86_MAX_BYTES];
    unsigned count = x86_encode(i, bytes);
    if (count == 0 && (i->size < 8 || i->form == X86_MOV_MI)) {
        /* if the encoder refuses an immediate, an assembler truncates it or uses another form */
        return;
    }
    printf("%s", chosen == OTHER_BYTES && count > 0 ? "~ " : "");
    print_hex(bytes, count);
    printf("%s ", count == 0 ? "-" : "");
    print_mnemonic(i);
    printf(" ");
    print_operands(i);
    printf("\n");
}

/* ---- Code without a form ---- */

#define ARENA_LIMIT ((size_t)16 << 20)
#define FILLER_MAX  70000

static const uint8_t filler[FILLER_MAX];

/* The function's code without its first bytes, in the arena. */
static const uint8_t *code_of(struct x86_asm *a, uint32_t without, unsigned *count)
{
    struct jit_code code;
    if (x86_asm_finish(a, &code) != OK) {
        abort();
    }
    *count = code.size - without;
    return code.bytes + without;
}

static void put_filler(struct x86_asm *a, uint32_t bytes)
{
    if (bytes > 0) {
        x86_asm_bytes(a, filler, bytes);
    }
}

/* cond -1: a jump. */
static void put_branch(struct x86_asm *a, int cond, uint32_t label)
{
    if (cond < 0) {
        x86_asm_jump(a, label);
    } else {
        x86_asm_branch(a, (enum x86_cond)cond, label);
    }
}

static void print_branch(int cond, const uint8_t *bytes, unsigned count, int32_t distance)
{
    static const char *const conds[] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                        "s", "ns", "p", "np", "l", "ge", "le", "g"};
    printf("= ");
    print_hex(bytes, count);
    printf(" j%s %d\n", cond < 0 ? "mp" : conds[cond], distance);
}

static void branch_over(int cond, uint32_t bytes)
{
    struct arena arena;
    struct x86_asm a = {.arena = &arena};
    unsigned count;
    arena_init(&arena, ARENA_LIMIT);
    uint32_t label = x86_asm_labels(&a, 1);
    put_branch(&a, cond, label);
    put_filler(&a, bytes);
    x86_asm_bind(&a, label);
    const uint8_t *code = code_of(&a, 0, &count);
    print_branch(cond, code, count - bytes, (int32_t)bytes);
    arena_free_all(&arena);
}

static void branch_back_over(int cond, uint32_t bytes)
{
    struct arena arena;
    struct x86_asm a = {.arena = &arena};
    unsigned count, length = bytes + 2 <= 128 ? 2 : cond < 0 ? 5 : 6;
    arena_init(&arena, ARENA_LIMIT);
    uint32_t label = x86_asm_labels(&a, 1);
    x86_asm_bind(&a, label);
    put_filler(&a, bytes);
    put_branch(&a, cond, label);
    const uint8_t *code = code_of(&a, bytes, &count);
    print_branch(cond, code, count, -(int32_t)(bytes + length));
    arena_free_all(&arena);
}

static void with_distances(int cond)
{
    static const uint32_t ahead[] = {0, 1, 127, 128, FILLER_MAX};
    static const uint32_t behind[] = {0, 1, 126, 127, FILLER_MAX};
    for (unsigned n = 0; n < ARRAY_COUNT(ahead); n++) {
        branch_over(cond, ahead[n]);
        branch_back_over(cond, behind[n]);
    }
}

/* As emitted, and as patched when the callee's address is known. */
static void call(uint64_t target)
{
    struct arena arena;
    struct x86_asm a = {.arena = &arena};
    struct jit_code code;
    arena_init(&arena, ARENA_LIMIT);
    x86_asm_call(&a, 0);
    if (x86_asm_finish(&a, &code) != OK || code.reloc_count != 1 ||
        jit_machine_x86_64.patch_call(code.bytes + code.relocs[0].at, code.relocs[0].at, target) !=
            OK) {
        abort();
    }
    printf("= ");
    print_hex(code.bytes, code.size);
    printf(" call %d\n", (int)((int64_t)target - 5));
    arena_free_all(&arena);
}

/* After as many bytes as leave `bytes` to the second half of a line of 32. */
static void pad(uint32_t bytes, const char *text)
{
    struct arena arena;
    struct x86_asm a = {.arena = &arena};
    unsigned count;
    arena_init(&arena, ARENA_LIMIT);
    put_filler(&a, 16 - bytes);
    x86_asm_second_half(&a, 32);
    const uint8_t *code = code_of(&a, 16 - bytes, &count);
    printf("= ");
    print_hex(code, count);
    printf(" %s\n", text);
    arena_free_all(&arena);
}

static void without_form(void)
{
    static const char *const nops[] = {"nop",
                                       "nop",
                                       "nop dword ptr [rax]",
                                       "nop dword ptr [rax]",
                                       "nop dword ptr [rax + rax]",
                                       "nop word ptr [rax + rax]",
                                       "nop dword ptr [rax]",
                                       "nop dword ptr [rax + rax]",
                                       "nop word ptr [rax + rax]"};
    for (int cond = -1; cond < 16; cond++) {
        with_distances(cond);
    }
    call(5);
    call(0);
    call(INT32_MAX);
    for (unsigned n = 0; n < ARRAY_COUNT(nops); n++) {
        pad(n + 1, nops[n]);
    }
}

int main(void)
{
    without_form();
    x86_forms_each(print_insn);
    return 0;
}
