// SPDX-License-Identifier: MIT
//
// The verifier's decoder: integer instructions whose opcode has one byte, control, and those with a
// VEX prefix. Intel Software Developer's Manual, volume 2, appendix A, tables and
//
#include "arch/x86_64/jit/verify_internal.h"

enum { RAX = 0, RCX = 1, RDX = 2, RBP = 5, COMPARES = 7 };

/* ---- Arithmetic ---- */

/* By bits 3 to 5 of the opcode, or the digit: add, or, adc, sbb, and, sub, xor, cmp. */
static const uint8_t arithmetic[8] = {VERIFY_ADD, VERIFY_OR,  VERIFY_NUMBER, VERIFY_NUMBER,
                                      VERIFY_AND, VERIFY_SUB, VERIFY_OR,     VERIFY_COMPARE};

/* Of two registers, or of one and memory on the right. */
static bool to_register(struct verify_insn *i, unsigned op, uint8_t left)
{
    i->op = (uint8_t)op;
    i->a = left;
    if (op != VERIFY_COMPARE && op != VERIFY_TEST) {
        i->d = left;
        i->flags |= VERIFY_FLAGS;
    }
    return true;
}

/* With memory on the left. */
static bool to_memory(struct verify_insn *i, unsigned op, uint8_t right)
{
    i->flags |= VERIFY_MEM;
    if (op == VERIFY_COMPARE || op == VERIFY_TEST) {
        i->op = (uint8_t)op;
        i->c = right;
    } else {
        i->op = VERIFY_UPDATE;
        i->b = right;
        i->flags |= VERIFY_FLAGS;
    }
    return true;
}

static bool is_zeroing(const struct verify_insn *i, unsigned n)
{
    return n == 6 && i->a == i->b && i->size >= 4;
}

static bool arithmetic_rm(struct x86_parts *x, struct verify_insn *i)
{
    unsigned n = x->opcode >> 3 & 7;
    bool from_reg = (x->opcode & 2) == 0;
    if (from_reg && x->is_mem) {
        return to_memory(i, arithmetic[n], x->reg);
    }
    if (from_reg) {
        i->b = x->reg;
    } else {
        x86_verify_right(x, i);
    }
    (void)to_register(i, arithmetic[n], from_reg ? x->rm : x->reg);
    if (is_zeroing(i, n)) {
        i->op = VERIFY_CONST;
        i->a = i->b = VERIFY_NONE;
        i->flags |= VERIFY_IMM;
    }
    return true;
}

static bool with_immediate(const struct x86_parts *x, struct verify_insn *i, unsigned op)
{
    i->flags |= VERIFY_IMM;
    return x->is_mem ? to_memory(i, op, VERIFY_NONE) : to_register(i, op, x->rm);
}

static bool arithmetic_immediate(struct x86_parts *x, struct verify_insn *i)
{
    return with_immediate(x, i, arithmetic[x->reg]);
}

/* rm is rax, as it was left. */
static bool arithmetic_accumulator(struct x86_parts *x, struct verify_insn *i)
{
    return with_immediate(x, i, arithmetic[x->opcode >> 3 & 7]);
}

static bool test_rm(struct x86_parts *x, struct verify_insn *i)
{
    if (x->is_mem) {
        return to_memory(i, VERIFY_TEST, x->reg);
    }
    i->b = x->reg;
    return to_register(i, VERIFY_TEST, x->rm);
}

static bool test_immediate(struct x86_parts *x, struct verify_insn *i)
{
    return with_immediate(x, i, VERIFY_TEST);
}

/* not, neg. not leaves the flags alone. */
static bool unary(struct x86_parts *x, struct verify_insn *i)
{
    return x->is_mem ? to_memory(i, VERIFY_NUMBER, VERIFY_NONE)
                     : to_register(i, VERIFY_NUMBER, x->rm);
}

/* mul, imul, div, idiv. */
static bool wide(struct x86_parts *x, struct verify_insn *i)
{
    i->op = x->reg < 6 ? VERIFY_MUL_WIDE : VERIFY_DIVIDE;
    i->d = i->a = RAX;
    i->c = RDX;
    i->flags = VERIFY_FLAGS;
    x86_verify_right(x, i);
    return true;
}

/* imul of a register and an immediate. */
static bool multiply(struct x86_parts *x, struct verify_insn *i)
{
    i->d = x->reg;
    i->flags = VERIFY_FLAGS;
    if (x->is_mem) {
        i->op = VERIFY_NUMBER;
        i->flags |= VERIFY_MEM;
        i->imm = 0;
    } else {
        i->op = VERIFY_MUL;
        i->a = x->rm;
        i->flags |= VERIFY_IMM;
    }
    return true;
}

/* cdq, cqo. */
static bool sign_of_rax(struct x86_parts *x, struct verify_insn *i)
{
    (void)x;
    i->op = VERIFY_NUMBER;
    i->d = RDX;
    i->a = RAX;
    return true;
}

/* rol, ror, shl, shr, sar: by an immediate, by 1, by cl. */
static bool shift(struct x86_parts *x, struct verify_insn *i)
{
    bool by_cl = x->opcode == 0xd3;
    uint8_t count = by_cl ? RCX : VERIFY_NONE;
    unsigned op = x->reg == 5             ? (by_cl ? VERIFY_DIV : VERIFY_SHR)
                  : x->reg == 4 && !by_cl ? VERIFY_SHL
                                          : VERIFY_NUMBER;
    uint64_t bits = x->opcode == 0xd1 ? 1 : (uint64_t)i->imm & (i->size == 8 ? 63 : 31);
    i->imm = 0;
    if (x->is_mem) {
        return to_memory(i, VERIFY_NUMBER, count);
    }
    if (op == VERIFY_SHL || op == VERIFY_SHR) {
        i->imm = (int64_t)bits;
        i->flags = VERIFY_IMM;
    }
    i->b = count;
    return to_register(i, op, x->rm);
}

/* ---- Moves ---- */

/* A move of 1 or 2 bytes between registers leaves a part of what was there: it is never written. */
static bool move_rm(struct x86_parts *x, struct verify_insn *i)
{
    bool from_reg = (x->opcode & 2) == 0;
    if (x->is_mem) {
        i->op = from_reg ? VERIFY_STORE : VERIFY_LOAD;
        *(from_reg ? &i->a : &i->d) = x->reg;
        i->flags = VERIFY_MEM;
        return from_reg || i->size >= 4;
    }
    i->op = VERIFY_MOVE;
    i->d = from_reg ? x->rm : x->reg;
    i->b = from_reg ? x->reg : x->rm;
    i->bytes = i->size;
    return i->size >= 4;
}

static bool move_immediate(struct x86_parts *x, struct verify_insn *i)
{
    i->flags = VERIFY_IMM | (x->is_mem ? VERIFY_MEM : 0);
    i->op = x->is_mem ? VERIFY_STORE : VERIFY_CONST;
    i->d = x->is_mem ? (uint8_t)VERIFY_NONE : x->rm;
    return x->is_mem || i->size >= 4;
}

/* The register is in the opcode; of 8 bytes all are there. */
static bool move_constant(struct x86_parts *x, struct verify_insn *i)
{
    int64_t v = x86_verify_take(x, i->size);
    x->used |= REX_B;
    i->op = VERIFY_CONST;
    i->flags = VERIFY_IMM;
    i->d = (uint8_t)((x->opcode & 7) | (x->rex & REX_B) << 3);
    i->imm = i->size == 8 ? v : (uint32_t)v;
    return true;
}

static bool move_extended(struct x86_parts *x, struct verify_insn *i)
{
    i->op = x->is_mem ? VERIFY_LOAD : VERIFY_MOVE;
    i->d = x->reg;
    i->bytes = 4;
    i->flags = VERIFY_SIGNED;
    x86_verify_right(x, i);
    return true;
}

/* Relative to the instruction it is an address in the code. */
static bool load_address(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_LEA;
    i->d = x->reg;
    i->bytes = 0;
    if (i->base == VERIFY_CODE) {
        i->op = VERIFY_ADDRESS;
        i->imm = i->disp;
        i->disp = 0;
        i->base = VERIFY_NONE;
        return i->size == 8;
    }
    return true;
}

/* ---- Control ---- */

static bool push_or_pop(struct x86_parts *x, struct verify_insn *i)
{
    bool pops = x->opcode == 0x5d;
    i->op = pops ? VERIFY_POP : VERIFY_PUSH;
    *(pops ? &i->d : &i->a) = RBP;
    i->bytes = 8;
    i->imm = 8;
    return true;
}

static bool call(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_CALL;
    return x86_verify_relative(x, i, 4);
}

static bool jump(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_JUMP;
    return x86_verify_relative(x, i, x->opcode == 0xeb ? 1 : 4);
}

static bool branch(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_BRANCH;
    i->cond = x86_verify_condition(x->opcode);
    return x86_verify_relative(x, i, 1);
}

/* A call, of a register or memory; a jump, of a register. */
static bool indirect(struct x86_parts *x, struct verify_insn *i)
{
    if (x->reg == 2) {
        i->op = VERIFY_CALL_TO;
        x86_verify_right(x, i);
        return true;
    }
    i->op = VERIFY_JUMP_TABLE;
    i->a = x->rm;
    return !x->is_mem;
}

static bool leave(struct x86_parts *x, struct verify_insn *i)
{
    (void)x;
    i->op = VERIFY_RETURN;
    return true;
}

static bool nothing(struct x86_parts *x, struct verify_insn *i)
{
    (void)x;
    i->op = VERIFY_NOP;
    return true;
}

/* ---- With a VEX prefix ---- */

/* Shifts by a register: the third one is the count. andn: the left operand. */
static bool three_operands(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_NUMBER;
    i->d = x->reg;
    i->a = x->vvvv;
    i->flags = x->opcode == 0xf2 ? VERIFY_FLAGS : 0;
    x86_verify_right(x, i);
    return true;
}

/* The operand on the right is what is shifted. */
static bool shift_right(struct x86_parts *x, struct verify_insn *i)
{
    (void)three_operands(x, i);
    if (!x->is_mem) {
        i->op = VERIFY_DIV;
        i->a = i->b;
        i->b = x->vvvv;
    }
    return true;
}

static bool rotate(struct x86_parts *x, struct verify_insn *i)
{
    i->op = VERIFY_NUMBER;
    i->d = x->reg;
    i->imm = 0;
    x86_verify_right(x, i);
    return x->vvvv == 0;
}

/* ---- The tables ---- */

#define DIGIT(n) (uint8_t)(1u << (n))
#define SHIFTS   (DIGIT(0) | DIGIT(1) | DIGIT(4) | DIGIT(5) | DIGIT(7))

/* The commonest first. */
static const struct x86_row one_byte[] = {
    {0, 0x88, 0xfe, ANY, MODRM | REG, 0, 0, move_rm},
    {0, 0x8b, 0xff, LONG, MODRM | REG, 0, 0, move_rm},
    {0, 0x70, 0xf0, OTHER, 0, 0, 0, branch},
    {0, 0x00, 0xc4, ANY, MODRM | REG, 0, 0, arithmetic_rm},
    {0, 0x83, 0xff, ANY, MODRM | IMM_SHORT, 0xff, 0, arithmetic_immediate},
    {0, 0x84, 0xfe, ANY, MODRM | REG, 0, 0, test_rm},
    {0, 0xb8, 0xf8, LONG, 0, 0, 0, move_constant},
    {0, 0x8d, 0xff, LONG, MODRM | REG | ONLY_MEM, 0, 0, load_address},
    {0, 0xc1, 0xff, LONG, MODRM | IMM_BYTE, SHIFTS, 0, shift},
    {0, 0xc6, 0xfe, ANY, MODRM | IMM, DIGIT(0), 0, move_immediate},
    {0, 0xe8, 0xff, OTHER, 0, 0, 0, call},
    {0, 0xe9, 0xfd, OTHER, 0, 0, 0, jump},
    {0, 0x80, 0xfe, ANY, MODRM | IMM, 0xff, 0, arithmetic_immediate},
    {0, 0xff, 0xff, OTHER, MODRM, DIGIT(2) | DIGIT(4), 0, indirect},
    {0, 0x63, 0xff, QUAD, MODRM | REG, 0, 4, move_extended},
    {0, 0x04, 0xc6, ANY, IMM, 0, 0, arithmetic_accumulator},
    {0, 0xf6, 0xfe, ANY, MODRM | IMM, DIGIT(0), 0, test_immediate},
    {0, 0xf7, 0xff, LONG, MODRM, DIGIT(2) | DIGIT(3), 0, unary},
    {0, 0xf7, 0xff, LONG, MODRM, 0xf0, 0, wide},
    {0, 0xa8, 0xfe, ANY, IMM, 0, 0, test_immediate},
    {0, 0xd1, 0xff, LONG, MODRM, SHIFTS, 0, shift},
    {0, 0xd3, 0xff, LONG, MODRM, SHIFTS, 0, shift},
    {0, 0x69, 0xff, LONG, MODRM | REG | IMM, 0, 0, multiply},
    {0, 0x6b, 0xff, LONG, MODRM | REG | IMM_SHORT, 0, 0, multiply},
    {0, 0x99, 0xff, LONG, 0, 0, 0, sign_of_rax},
    {0, 0x55, 0xff, OTHER, 0, 0, 0, push_or_pop},
    {0, 0x5d, 0xff, OTHER, 0, 0, 0, push_or_pop},
    {0, 0xc3, 0xff, OTHER, 0, 0, 0, leave},
    {0, 0x90, 0xff, OTHER, 0, 0, 0, nothing},
    {0x66, 0x90, 0xff, OTHER, 0, 0, 0, nothing},
};

static const struct x86_row vex_38[] = {
    {0x66, 0xf7, 0xff, LONG, MODRM | REG, 0, 0, three_operands}, /* shlx */
    {0xf3, 0xf7, 0xff, LONG, MODRM | REG, 0, 0, three_operands}, /* sarx */
    {0xf2, 0xf7, 0xff, LONG, MODRM | REG, 0, 0, shift_right},    /* shrx */
    {0, 0xf2, 0xff, LONG, MODRM | REG, 0, 0, three_operands},    /* andn */
};

static const struct x86_row vex_3a[] = {
    {0xf2, 0xf0, 0xff, LONG, MODRM | REG | IMM_BYTE, 0, 0, rotate}, /* rorx */
};

const struct x86_rows x86_verify_one_byte = X86_ROWS(one_byte);
const struct x86_rows x86_verify_vex_38 = X86_ROWS(vex_38);
const struct x86_rows x86_verify_vex_3a = X86_ROWS(vex_3a);
