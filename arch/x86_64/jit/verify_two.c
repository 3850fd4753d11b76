// SPDX-License-Identifier: MIT
//
// The verifier's decoder: instructions whose opcode starts with 0x0f. Intel Software Developer's
// Manual, volume 2, appendix A, tables.
#include "arch/x86_64/jit/verify_internal.h"

#include "kernel/lib/string.h"

enum { R11 = 11 };

/* ---- Integers ---- */

static bool number(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_NUMBER;
    i->d = x->reg;
    i->flags = VERIFY_FLAGS;
    x86_verify_right(x, i);
    return true;
}

/* bsf, bsr: of 0 they leave the register as it was, its upper half included. */
static bool scan_bits(struct x86_parts *x, struct verify_insn *i)
{
    (void)number(x, i);
    i->size = 8;
    i->a = i->d;
    return true;
}

static bool multiply(struct x86_parts *x, struct verify_insn *i)
{
    (void)number(x, i);
    i->op = VERIFY_MUL;
    i->a = i->d;
    return true;
}

/* btc. In memory a bit beyond the operand is one of the operand: the number is an immediate. */
static bool change_bit(struct x86_parts *x, struct verify_insn *i)
{
    i->imm = 0;
    i->flags = VERIFY_FLAGS;
    if (x->is_mem) {
        i->op = VERIFY_UPDATE;
        i->flags |= VERIFY_MEM;
        return true;
    }
    i->op = VERIFY_NUMBER;
    i->d = i->a = x->rm;
    return true;
}

/* movzx, movsx. */
static bool move_extended(struct x86_parts *x, struct verify_insn *i)
{
    i->op = x->is_mem ? VERIFY_LOAD : VERIFY_MOVE;
    i->d = x->reg;
    i->bytes = (x->opcode & 1) == 0 ? 1 : 2;
    i->flags = (x->opcode & 8) != 0 ? VERIFY_SIGNED : 0;
    x86_verify_right(x, i);
    return true;
}

static bool set(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_SET;
    i->size = 1;
    i->d = x->rm;
    i->cond = x86_verify_condition(x->opcode);
    return true;
}

/* cmov clears the upper half even if it moves nothing. */
static bool select(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_SELECT;
    i->d = i->a = x->reg;
    i->cond = x86_verify_condition(x->opcode);
    x86_verify_right(x, i);
    return true;
}

static bool branch(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_BRANCH;
    i->cond = x86_verify_condition(x->opcode);
    return x86_verify_relative(x, i, 4);
}

static bool trap(struct x86_parts *x, struct verify_insn *i)
{
    (void)x;
    i->op = VERIFY_TRAP;
    return true;
}

/* endbr64, which is a prefix and an operand of what does nothing else. */
static bool pad(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_PAD;
    return x->rm == 2;
}

/* Paddings: of what names memory only [rax] and [rax + rax], which is not accessed. */
static bool nothing(struct x86_parts *x, struct verify_insn *i)
{
    (void)x;
    bool plain =
        i->base == 0 && i->disp == 0 && i->scale == 0 && (i->index == 0 || i->index == VERIFY_NONE);
    i->op = VERIFY_NOP;
    i->base = i->index = VERIFY_NONE;
    i->bytes = 0;
    return plain;
}

/* ---- Vector registers ---- */

/* To a vector register: from memory, or what does not concern us. */
static bool vector(struct x86_parts *x, struct verify_insn *i)
{
    i->op = x->is_mem ? VERIFY_LOAD : VERIFY_NOP;
    i->flags = x->is_mem ? VERIFY_MEM | VERIFY_VECTOR : 0;
    i->size = x->is_mem ? i->bytes : 8;
    return true;
}

static bool vector_store(struct x86_parts *x, struct verify_insn *i)
{
    (void)vector(x, i);
    i->op = x->is_mem ? VERIFY_STORE : VERIFY_NOP;
    return true;
}

/* movups [base + r11 - 16], xmm15; sub r11, 16; jnz to the first: it clears slots of a large frame,
 * and is one instruction to the verifier. The first one is decoded, up to x->taken. */
static bool is_clear_loop(const struct x86_parts *x, const struct verify_insn *i)
{
    static const uint8_t rest[] = {0x49, 0x83, 0xeb, 0x10, 0x75, 0xf4};
    return x->taken == 12 - sizeof rest && x->left - x->taken >= sizeof rest && x->reg == 15 &&
           i->index == R11 && i->scale == 0 && i->disp == -16 && i->base < VERIFY_ZERO &&
           memcmp(x->code + x->taken, rest, sizeof rest) == 0;
}

/* movups. */
static bool vector_store_all(struct x86_parts *x, struct verify_insn *i)
{
    (void)vector_store(x, i);
    if (x->is_mem && is_clear_loop(x, i)) {
        x->taken = 12;
        i->op = VERIFY_CLEAR_LOOP;
        i->size = 8;
        i->index = VERIFY_NONE;
        i->disp = 0;
        i->a = R11;
        i->imm = 16;
        i->flags = VERIFY_FLAGS;
    }
    return true;
}

/* Memory has to be aligned, or the instruction faults: only a constant is known to be. */
static bool vector_aligned(struct x86_parts *x, struct verify_insn *i)
{
    return vector(x, i) && (!x->is_mem || (i->base == VERIFY_CODE && i->disp % 16 == 0));
}

static bool vector_compare(struct x86_parts *x, struct verify_insn *i)
{
    (void)vector(x, i);
    i->op = x->is_mem ? VERIFY_LOAD : VERIFY_USE;
    i->flags |= VERIFY_FLAGS;
    return true;
}

static bool vector_round(struct x86_parts *x, struct verify_insn *i)
{
    bool known = i->imm < 16;
    i->imm = 0;
    return vector(x, i) && known;
}

/* cvtsi2ss, cvtsi2sd, movd, movq. */
static bool from_integer(struct x86_parts *x, struct verify_insn *i)
{
    if (x->is_mem) {
        return vector(x, i);
    }
    i->op = VERIFY_USE;
    i->a = x->rm;
    return true;
}

/* cvttss2si, cvttsd2si. */
static bool to_integer(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_NUMBER;
    i->d = x->reg;
    i->flags = x->is_mem ? VERIFY_MEM : 0;
    return true;
}

/* movd, movq. */
static bool to_integer_bits(struct x86_parts *x, struct verify_insn *i)
{
    if (x->is_mem) {
        return vector_store(x, i);
    }
    i->op = VERIFY_NUMBER;
    i->d = x->rm;
    return true;
}

/* ---- The tables ---- */

#define DIGIT(n) (uint8_t)(1u << (n))
#define VECTOR   (MODRM | XMM | RM_XMM)
#define ALL      0xff

/* The commonest first. */
static const struct x86_row two_bytes[] = {
    {0, 0x80, 0xf0, OTHER, 0, 0, 0, branch},
    {0, 0xb6, ALL, LONG, MODRM | REG | RM_BYTE, 0, 1, move_extended},
    {0, 0xb7, ALL, LONG, MODRM | REG, 0, 2, move_extended},
    {0xf2, 0x10, ALL, OTHER, VECTOR, 0, 8, vector}, /* movsd */
    {0xf2, 0x11, ALL, OTHER, VECTOR, 0, 8, vector_store},
    {0, 0x28, ALL, OTHER, VECTOR, 0, 16, vector_aligned}, /* movaps */
    {0, 0x90, 0xf0, OTHER, MODRM | RM_BYTE | NO_MEM, DIGIT(0), 1, set},
    {0, 0x40, 0xf0, LONG, MODRM | REG, 0, 0, select},
    {0, 0x0b, ALL, OTHER, 0, 0, 0, trap},
    {0xf3, 0x1e, ALL, OTHER, MODRM | NO_MEM, DIGIT(7), 0, pad},
    {0, 0xaf, ALL, LONG, MODRM | REG, 0, 0, multiply},
    {0, 0xbe, ALL, LONG, MODRM | REG | RM_BYTE, 0, 1, move_extended},
    {0, 0xbf, ALL, LONG, MODRM | REG, 0, 2, move_extended},
    {0, 0x10, ALL, OTHER, VECTOR, 0, 16, vector}, /* movups */
    {0, 0x11, ALL, OTHER, VECTOR, 0, 16, vector_store_all},
    {0xf3, 0x10, ALL, OTHER, VECTOR, 0, 4, vector}, /* movss */
    {0xf3, 0x11, ALL, OTHER, VECTOR, 0, 4, vector_store},
    {0, 0x54, 0xfc, OTHER, VECTOR, 0, 16, vector_aligned}, /* andps, andnps, orps, xorps */
    {0xf2, 0x58, 0xfe, OTHER, VECTOR, 0, 8, vector},       /* addsd, mulsd */
    {0xf2, 0x5c, 0xfc, OTHER, VECTOR, 0, 8, vector},       /* subsd, minsd, divsd, maxsd */
    {0xf3, 0x58, 0xfe, OTHER, VECTOR, 0, 4, vector},
    {0xf3, 0x5c, 0xfc, OTHER, VECTOR, 0, 4, vector},
    {0x66, 0x2e, ALL, OTHER, VECTOR, 0, 8, vector_compare}, /* ucomisd */
    {0, 0x2e, ALL, OTHER, VECTOR, 0, 4, vector_compare},    /* ucomiss */
    {0xf2, 0x51, ALL, OTHER, VECTOR, 0, 8, vector},         /* sqrtsd */
    {0xf3, 0x51, ALL, OTHER, VECTOR, 0, 4, vector},
    {0xf2, 0x5a, ALL, OTHER, VECTOR, 0, 8, vector},              /* cvtsd2ss */
    {0xf3, 0x5a, ALL, OTHER, VECTOR, 0, 4, vector},              /* cvtss2sd */
    {0xf2, 0x2a, ALL, LONG, MODRM | XMM, 0, 0, from_integer},    /* cvtsi2sd */
    {0xf3, 0x2a, ALL, LONG, MODRM | XMM, 0, 0, from_integer},    /* cvtsi2ss */
    {0xf2, 0x2c, ALL, LONG, MODRM | REG, 0, 8, to_integer},      /* cvttsd2si */
    {0xf3, 0x2c, ALL, LONG, MODRM | REG, 0, 4, to_integer},      /* cvttss2si */
    {0x66, 0x6e, ALL, LONG, MODRM | XMM, 0, 0, from_integer},    /* movd, movq */
    {0x66, 0x7e, ALL, LONG, MODRM | XMM, 0, 0, to_integer_bits}, /* movd, movq */
    {0, 0xba, ALL, LONG, MODRM | IMM_BYTE, DIGIT(7), 0, change_bit},
    {0, 0xbc, 0xfe, LONG, MODRM | REG, 0, 0, scan_bits}, /* bsf, bsr */
    {0xf3, 0xbc, 0xfe, LONG, MODRM | REG, 0, 0, number}, /* tzcnt, lzcnt */
    {0xf3, 0xb8, ALL, LONG, MODRM | REG, 0, 0, number},  /* popcnt */
    {0, 0x1f, ALL, OTHER, MODRM | ONLY_MEM, DIGIT(0), 0, nothing},
    {0x66, 0x1f, ALL, OTHER, MODRM | ONLY_MEM, DIGIT(0), 0, nothing},
};

static const struct x86_row three_bytes[] = {
    {0x66, 0x0a, ALL, OTHER, VECTOR | IMM_BYTE, 0, 4, vector_round}, /* roundss */
    {0x66, 0x0b, ALL, OTHER, VECTOR | IMM_BYTE, 0, 8, vector_round}, /* roundsd */
};

const struct x86_rows x86_verify_two_bytes = X86_ROWS(two_bytes);
const struct x86_rows x86_verify_three_bytes = X86_ROWS(three_bytes);
