// SPDX-License-Identifier: MIT
//
// Operations that need several instructions: division, counting bits, floats where the machine's
// instruction has a different definition.
#include "arch/x86_64/jit/emit_internal.h"

#include "kernel/lib/compiler.h"

static unsigned size_of(const struct vinstr *i)
{
    return x86_unpack(i->small).size;
}

/* ---- Integers ---- */

void x86_emit_multiply_high(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = {.form = x86_op_forms[i->op], .size = (uint8_t)size_of(i)};
    (void)x86_fill_rm(e, i, 2, &n);
    x86_asm_insn(&e->a, &n);
}

/* The remainder of a division by -1 is always 0; for
 * the smallest integer the instruction would fault. */
static void remainder_of_minus_one(struct emitter *e, const struct stub *s)
{
    x86_insn_rr(e, X86_XOR_MR, 4, X86_RDX, X86_RDX);
    x86_asm_jump(&e->a, s->back);
}

/* After the checks a fault of the instruction has only one meaning: for DIV_S a quotient that does
 * not fit, for the others division by zero. */
static void divide_signed(struct emitter *e, const struct vinstr *i, unsigned divisor)
{
    bool quotient = i->op == X86_OP_DIV_S, safe = i->imm != 0;
    unsigned size = size_of(i);
    uint32_t back = x86_asm_labels(&e->a, 1);
    if (quotient && !safe) {
        x86_insn_rr(e, X86_TEST_MR, size, divisor, divisor);
        x86_asm_branch(&e->a, X86_E, x86_add_trap(e, i, IR_TRAP_DIVIDE));
    } else if (!safe) {
        x86_insn_ri(e, X86_CMP_MI, size, divisor, -1);
        x86_asm_branch(&e->a, X86_E, x86_add_stub(e, remainder_of_minus_one, i, back, 0));
    }
    x86_insn_plain(e, size == 4 ? X86_CDQ : X86_CQO);
    unsigned trap = quotient ? IR_TRAP_OVERFLOW : IR_TRAP_DIVIDE;
    x86_asm_row(&e->a, JIT_ROW_TRAP, trap, i->location, 0);
    x86_insn_rr(e, X86_IDIV, size, 0, divisor);
    x86_asm_bind(&e->a, back);
}

void x86_emit_divide(struct emitter *e, const struct vinstr *i)
{
    bool quotient = i->op == X86_OP_DIV_S || i->op == X86_OP_DIV_U;
    unsigned divisor = x86_reg_of(e, i, quotient ? 3 : 2);
    if (i->op == X86_OP_DIV_S || i->op == X86_OP_REM_S) {
        divide_signed(e, i, divisor);
        return;
    }
    x86_insn_rr(e, X86_XOR_MR, 4, X86_RDX, X86_RDX);
    x86_asm_row(&e->a, JIT_ROW_TRAP, IR_TRAP_DIVIDE, i->location, 0);
    x86_insn_rr(e, X86_DIV, size_of(i), 0, divisor);
}

/* The instruction finds the highest or lowest 1. For 0 its result is
 * undefined and may be the register's old value, which may be none of the
 * program's: so the result register is set first. Numbers are converted to
 * count from the other end by xor; then 2 * width - 1 becomes the width. */
void x86_emit_count_zeros(struct emitter *e, const struct vinstr *i)
{
    unsigned size = size_of(i), to = x86_reg_of(e, i, 0), from = x86_reg_of(e, i, 1);
    bool leading = i->op == X86_OP_CLZ;
    x86_insn_ri(e, X86_MOV_OI, 4, X86_SCRATCH, leading ? 16 * size - 1 : 8 * size);
    if (to != from) {
        x86_insn_rr(e, X86_MOV_MR, 4, X86_SCRATCH, to);
    }
    x86_insn_rr(e, x86_op_forms[i->op], size, to, from);
    x86_insn_rr(e, X86_CMOV_E, 4, to, X86_SCRATCH);
    if (leading) {
        x86_insn_ri(e, X86_XOR_MI, 4, to, 8 * size - 1);
    }
}

/* Sums of adjacent bits, of pairs, of fours; then the sum of all bytes by multiplication. */
void x86_emit_count_ones(struct emitter *e, const struct vinstr *i)
{
    static const uint64_t masks[] = {0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f,
                                     0x0101010101010101};
    unsigned size = size_of(i), to = x86_reg_of(e, i, 0), from = x86_reg_of(e, i, 1);
    uint64_t cut = size == 4 ? UINT32_MAX : UINT64_MAX;
    x86_insn_rr(e, X86_MOV_MR, size, from, X86_SCRATCH);
    x86_insn_ri(e, X86_SHR_MI, size, X86_SCRATCH, 1);
    x86_insn_constant(e, X86_AND_RM, size, X86_SCRATCH, masks[0] & cut, size);
    x86_insn_rr(e, X86_MOV_MR, size, from, to);
    x86_insn_rr(e, X86_SUB_MR, size, X86_SCRATCH, to);
    x86_insn_rr(e, X86_MOV_MR, size, to, X86_SCRATCH);
    x86_insn_ri(e, X86_SHR_MI, size, X86_SCRATCH, 2);
    x86_insn_constant(e, X86_AND_RM, size, X86_SCRATCH, masks[1] & cut, size);
    x86_insn_constant(e, X86_AND_RM, size, to, masks[1] & cut, size);
    x86_insn_rr(e, X86_ADD_MR, size, X86_SCRATCH, to);
    x86_insn_rr(e, X86_MOV_MR, size, to, X86_SCRATCH);
    x86_insn_ri(e, X86_SHR_MI, size, X86_SCRATCH, 4);
    x86_insn_rr(e, X86_ADD_MR, size, X86_SCRATCH, to);
    x86_insn_constant(e, X86_AND_RM, size, to, masks[2] & cut, size);
    x86_insn_constant(e, X86_IMUL_RM, size, to, masks[3] & cut, size);
    x86_insn_ri(e, X86_SHR_MI, size, to, 8 * size - 8);
}

/* ---- Floats ---- */

static uint64_t sign_bit(unsigned size)
{
    return UINT64_C(1) << (8 * size - 1);
}

/* Equal or unordered. If equal: for two zeros the sign decides, otherwise either will do. If
 * unordered: the sum is a NaN. */
static void min_max_rare(struct emitter *e, const struct stub *s)
{
    unsigned to = x86_reg_of(e, s->i, 0), other = x86_reg_of(e, s->i, 2), size = size_of(s->i);
    uint32_t nan = x86_asm_labels(&e->a, 1);
    x86_asm_branch(&e->a, X86_P, nan);
    x86_insn_rr(e, s->i->op == X86_OP_MIN ? X86_ORPS : X86_ANDPS, 4, to, other);
    x86_asm_jump(&e->a, s->back);
    x86_asm_bind(&e->a, nan);
    x86_insn_rr(e, X86_ADDS, size, to, other);
    x86_asm_jump(&e->a, s->back);
}

void x86_emit_min_max(struct emitter *e, const struct vinstr *i)
{
    unsigned to = x86_reg_of(e, i, 0), other = x86_reg_of(e, i, 2), size = size_of(i);
    uint32_t back = x86_asm_labels(&e->a, 1);
    x86_insn_rr(e, X86_UCOMIS, size, to, other);
    x86_asm_branch(&e->a, X86_E, x86_add_stub(e, min_max_rare, i, back, 0));
    x86_insn_rr(e, x86_op_forms[i->op], size, to, other);
    x86_asm_bind(&e->a, back);
}

/* xmm15 <- the sign of a register */
static void take_sign(struct emitter *e, unsigned from, unsigned size)
{
    x86_insn_rr(e, X86_MOVAPS, 4, X86_XMM15, from);
    x86_insn_constant(e, X86_ANDPS, 4, X86_XMM15, sign_bit(size), 16);
}

void x86_emit_copysign(struct emitter *e, const struct vinstr *i)
{
    unsigned to = x86_reg_of(e, i, 0), size = size_of(i);
    take_sign(e, x86_reg_of(e, i, 2), size);
    x86_insn_constant(e, X86_ANDPS, 4, to, sign_bit(size) - 1, 16);
    x86_insn_rr(e, X86_ORPS, 4, to, X86_XMM15);
}

enum { NEAREST = 8, DOWN = 9, UP = 10, TO_ZERO = 11 };

/* to <- to -+ 1 if one operand is above the other */
static void adjust(struct emitter *e, unsigned form, unsigned size, unsigned to, unsigned above,
                   unsigned below)
{
    uint64_t one = size == 4 ? 0x3f800000 : 0x3ff0000000000000;
    uint32_t fine = x86_asm_labels(&e->a, 1);
    x86_insn_rr(e, X86_UCOMIS, size, above, below);
    x86_asm_branch(&e->a, X86_BE, fine);
    x86_insn_constant(e, form, size, to, one, size);
    x86_asm_bind(&e->a, fine);
}

/* A value without a fraction is its own result. For others, adding and subtracting 2^52 (2^23)
 * rounds to nearest, and a comparison shows whether that was the wrong direction. The sign is set
 * last, so that it is right for zero, too. */
void x86_emit_round(struct emitter *e, const struct vinstr *i)
{
    unsigned to = x86_reg_of(e, i, 0), from = x86_reg_of(e, i, 1), size = size_of(i);
    uint64_t whole = size == 4 ? 0x4b000000 : 0x4330000000000000;
    uint32_t labels = x86_asm_labels(&e->a, 2), done = labels, nan = labels + 1;
    x86_insn_rr(e, X86_MOVAPS, 4, to, from);
    x86_insn_rr(e, X86_MOVAPS, 4, X86_XMM15, from);
    x86_insn_constant(e, X86_ANDPS, 4, X86_XMM15, sign_bit(size) - 1, 16);
    x86_insn_constant(e, X86_UCOMIS, size, X86_XMM15, whole, size);
    x86_asm_branch(&e->a, X86_P, nan);
    x86_asm_branch(&e->a, X86_AE, done);
    x86_insn_rr(e, X86_MOVAPS, 4, to, X86_XMM15);
    x86_insn_constant(e, X86_ADDS, size, to, whole, size);
    x86_insn_constant(e, X86_SUBS, size, to, whole, size);
    if (i->imm == TO_ZERO) {
        adjust(e, X86_SUBS, size, to, to, X86_XMM15);
    }
    take_sign(e, from, size);
    x86_insn_rr(e, X86_ORPS, 4, to, X86_XMM15);
    if (i->imm == DOWN) {
        adjust(e, X86_SUBS, size, to, to, from);
    } else if (i->imm == UP) {
        adjust(e, X86_ADDS, size, to, from, to);
        x86_insn_rr(e, X86_ORPS, 4, to, X86_XMM15);
    }
    x86_asm_jump(&e->a, done);
    x86_asm_bind(&e->a, nan);
    x86_insn_rr(e, X86_ADDS, size, to, to);
    x86_asm_bind(&e->a, done);
}

/* From 2^63 on: convert half of it, with the lowest bit kept so that rounding is right, and double
 * the result. */
void x86_emit_from_u64(struct emitter *e, const struct vinstr *i)
{
    unsigned to = x86_reg_of(e, i, 0), from = x86_reg_of(e, i, 1), half = x86_reg_of(e, i, 2);
    unsigned size = size_of(i), form = size == 4 ? X86_CVTSI2SS : X86_CVTSI2SD;
    uint32_t labels = x86_asm_labels(&e->a, 2), large = labels, done = labels + 1;
    x86_insn_rr(e, X86_XORPS, 4, to, to);
    x86_insn_rr(e, X86_TEST_MR, 8, from, from);
    x86_asm_branch(&e->a, X86_S, large);
    x86_insn_rr(e, form, 8, to, from);
    x86_asm_jump(&e->a, done);
    x86_asm_bind(&e->a, large);
    x86_insn_rr(e, X86_MOV_MR, 8, from, half);
    x86_insn_rr(e, X86_MOV_MR, 4, from, X86_SCRATCH);
    x86_insn_ri(e, X86_SHR_MI, 8, half, 1);
    x86_insn_ri(e, X86_AND_MI, 4, X86_SCRATCH, 1);
    x86_insn_rr(e, X86_OR_MR, 8, X86_SCRATCH, half);
    x86_insn_rr(e, form, 8, to, half);
    x86_insn_rr(e, X86_ADDS, size, to, to);
    x86_asm_bind(&e->a, done);
}

/* ---- Floats to integers ---- */

struct to_int {
    unsigned to, from, size, from_size, convert;
    bool is_unsigned, saturates;
};

static struct to_int to_int_of(const struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    bool is_double = (s.cond & X86_TO_INT_DOUBLE) != 0;
    return (struct to_int){.to = x86_reg_of(e, i, 0),
                           .from = x86_reg_of(e, i, 1),
                           .size = s.size,
                           .from_size = is_double ? 8 : 4,
                           .convert = is_double ? X86_CVTTSD2SI : X86_CVTTSS2SI,
                           .is_unsigned = (s.cond & X86_TO_INT_UNSIGNED) != 0,
                           .saturates = (s.cond & X86_TO_INT_SATURATES) != 0};
}

/* 2^63 or -2^63 as a float */
static uint64_t power_63(const struct to_int *c, bool negative)
{
    uint64_t bits = c->from_size == 4 ? 0x5f000000 : 0x43e0000000000000;
    return bits | (negative ? sign_bit(c->from_size) : 0);
}

static uint64_t largest(const struct to_int *c)
{
    uint64_t all = c->size == 4 ? UINT32_MAX : UINT64_MAX;
    return c->is_unsigned ? all : all >> 1;
}

static uint64_t smallest(const struct to_int *c)
{
    return c->is_unsigned ? 0 : c->size == 4 ? 0x80000000 : UINT64_C(1) << 63;
}

/* A NaN, or out of range: trap, or the nearest integer. */
static void out_of_range(struct emitter *e, const struct stub *s, const struct to_int *c)
{
    uint32_t labels = x86_asm_labels(&e->a, 2), nan = labels, negative = labels + 1;
    x86_insn_rr(e, X86_XORPS, 4, X86_XMM15, X86_XMM15);
    x86_insn_rr(e, X86_UCOMIS, c->from_size, c->from, X86_XMM15);
    x86_asm_branch(&e->a, X86_P, nan);
    if (!c->saturates) {
        x86_trap_here(e, s->i->location, IR_TRAP_OVERFLOW);
        x86_asm_bind(&e->a, nan);
        x86_asm_bind(&e->a, negative);
        x86_trap_here(e, s->i->location, IR_TRAP_CONVERSION);
        return;
    }
    x86_asm_branch(&e->a, X86_B, negative);
    x86_load_immediate(e, c->to, largest(c));
    x86_asm_jump(&e->a, s->back);
    x86_asm_bind(&e->a, negative);
    x86_load_immediate(e, c->to, smallest(c));
    x86_asm_jump(&e->a, s->back);
    x86_asm_bind(&e->a, nan);
    x86_load_immediate(e, c->to, 0);
    x86_asm_jump(&e->a, s->back);
}

/* i32: the instruction returns the smallest integer for everything out of range, but also for a
 * value that rounds to it. With 64 bits the two cases can be distinguished. */
static void check_i32(struct emitter *e, const struct stub *s)
{
    struct to_int c = to_int_of(e, s->i);
    uint32_t bad = x86_asm_labels(&e->a, 1);
    x86_insn_rr(e, c.convert, 8, X86_SCRATCH, c.from);
    x86_insn_rr(e, X86_MOVSXD, 8, c.to, X86_SCRATCH);
    x86_insn_rr(e, X86_CMP_MR, 8, X86_SCRATCH, c.to);
    x86_asm_branch(&e->a, X86_NE, bad);
    x86_insn_rr(e, X86_MOV_MR, 4, c.to, c.to);
    x86_asm_jump(&e->a, s->back);
    x86_asm_bind(&e->a, bad);
    out_of_range(e, s, &c);
}

/* i64: the smallest integer is right only if exactly that was converted. */
static void check_i64(struct emitter *e, const struct stub *s)
{
    struct to_int c = to_int_of(e, s->i);
    uint32_t bad = x86_asm_labels(&e->a, 1);
    x86_insn_constant(e, X86_UCOMIS, c.from_size, c.from, power_63(&c, true), c.from_size);
    x86_asm_branch(&e->a, X86_P, bad);
    x86_asm_branch(&e->a, X86_E, s->back);
    x86_asm_bind(&e->a, bad);
    out_of_range(e, s, &c);
}

static void not_in_range(struct emitter *e, const struct stub *s)
{
    struct to_int c = to_int_of(e, s->i);
    out_of_range(e, s, &c);
}

/* u64, from 2^63 on: subtract 2^63 before the conversion. */
static void large_u64(struct emitter *e, const struct stub *s)
{
    struct to_int c = to_int_of(e, s->i);
    uint32_t bad = x86_asm_labels(&e->a, 1);
    x86_insn_rr(e, X86_MOVAPS, 4, X86_XMM15, c.from);
    x86_insn_constant(e, X86_SUBS, c.from_size, X86_XMM15, power_63(&c, false), c.from_size);
    x86_insn_rr(e, c.convert, 8, c.to, X86_XMM15);
    x86_insn_rr(e, X86_TEST_MR, 8, c.to, c.to);
    x86_asm_branch(&e->a, X86_S, bad);
    x86_insn_ri(e, X86_BTC, 8, c.to, 63);
    x86_asm_jump(&e->a, s->back);
    x86_asm_bind(&e->a, bad);
    out_of_range(e, s, &c);
}

static void to_unsigned(struct emitter *e, const struct vinstr *i, const struct to_int *c,
                        uint32_t back)
{
    if (c->size == 4) {
        x86_insn_rr(e, c->convert, 8, X86_SCRATCH, c->from);
        x86_insn_rr(e, X86_MOV_MR, 4, X86_SCRATCH, c->to);
        x86_insn_rr(e, X86_CMP_MR, 8, X86_SCRATCH, c->to);
        x86_asm_branch(&e->a, X86_NE, x86_add_stub(e, not_in_range, i, back, 0));
        return;
    }
    x86_insn_constant(e, X86_UCOMIS, c->from_size, c->from, power_63(c, false), c->from_size);
    x86_asm_branch(&e->a, X86_AE, x86_add_stub(e, large_u64, i, back, 0));
    x86_insn_rr(e, c->convert, 8, c->to, c->from);
    x86_insn_rr(e, X86_TEST_MR, 8, c->to, c->to);
    x86_asm_branch(&e->a, X86_S, x86_add_stub(e, not_in_range, i, back, 0));
}

void x86_emit_to_int(struct emitter *e, const struct vinstr *i)
{
    struct to_int c = to_int_of(e, i);
    uint32_t back = x86_asm_labels(&e->a, 1);
    if (c.is_unsigned) {
        to_unsigned(e, i, &c, back);
    } else {
        x86_insn_rr(e, c.convert, c.size, c.to, c.from);
        x86_insn_ri(e, X86_CMP_MI, c.size, c.to, 1);
        x86_asm_branch(&e->a, X86_O,
                       x86_add_stub(e, c.size == 4 ? check_i32 : check_i64, i, back, 0));
    }
    x86_asm_bind(&e->a, back);
}

/* ---- Blocks of bytes ---- */

#define UNROLLED 128u /* bytes: larger blocks use a loop */

static void store_chunk(struct emitter *e, struct x86_mem to, unsigned bytes)
{
    unsigned form = bytes == 16 ? X86_MOVUPS_MR : X86_MOVS_MR;
    x86_insn_rm(e, form, bytes == 16 ? 4 : bytes, X86_XMM15, to);
}

/* Move 16, 8 or 4 bytes through xmm15, or 1 through r11. */
static void move_chunk(struct emitter *e, struct x86_mem to, struct x86_mem from, unsigned bytes)
{
    if (bytes == 1) {
        x86_insn_rm(e, X86_MOVZX8, 4, X86_SCRATCH, from);
        x86_insn_rm(e, X86_MOV_MR, 1, X86_SCRATCH, to);
        return;
    }
    x86_insn_rm(e, bytes == 16 ? X86_MOVUPS_RM : X86_MOVS_RM, bytes == 16 ? 4 : bytes, X86_XMM15,
                from);
    store_chunk(e, to, bytes);
}

static void zero_chunk(struct emitter *e, struct x86_mem to, unsigned bytes)
{
    if (bytes == 1) {
        struct x86_insn n = {.form = X86_MOV_MI, .size = 1, .is_mem = true, .mem = to};
        x86_asm_insn(&e->a, &n);
    } else {
        store_chunk(e, to, bytes);
    }
}

/* r11 counts down the bytes of the loop; the rest starts at `at`. */
static uint32_t begin_loop(struct emitter *e, uint64_t bytes, uint32_t *at)
{
    uint32_t top = x86_asm_labels(&e->a, 1);
    *at = (uint32_t)(bytes & ~UINT64_C(15));
    x86_load_immediate(e, X86_SCRATCH, *at);
    x86_asm_bind(&e->a, top);
    return top;
}

static void end_loop(struct emitter *e, uint32_t top)
{
    x86_insn_ri(e, X86_SUB_MI, 8, X86_SCRATCH, 16);
    x86_asm_branch(&e->a, X86_NE, top);
}

static struct x86_mem before_counter(unsigned base)
{
    return (struct x86_mem){.base = (uint8_t)base, .index = X86_SCRATCH, .disp = -16};
}

static unsigned next_chunk(uint64_t left)
{
    return left >= 16 ? 16 : left >= 8 ? 8 : left >= 4 ? 4 : 1;
}

void x86_emit_copy_bytes(struct emitter *e, const struct vinstr *i)
{
    unsigned to = x86_reg_of(e, i, 0), from = x86_reg_of(e, i, 1);
    uint32_t at = 0;
    if (i->imm > UNROLLED) {
        uint32_t top = begin_loop(e, i->imm, &at);
        move_chunk(e, before_counter(to), before_counter(from), 16);
        end_loop(e, top);
    }
    while (at < i->imm) {
        unsigned bytes = next_chunk(i->imm - at);
        move_chunk(e, x86_memory_at(to, (int32_t)at), x86_memory_at(from, (int32_t)at), bytes);
        at += bytes;
    }
}

void x86_emit_zero_bytes(struct emitter *e, const struct vinstr *i)
{
    unsigned to = x86_reg_of(e, i, 0);
    uint32_t at = 0;
    x86_insn_rr(e, X86_XORPS, 4, X86_XMM15, X86_XMM15);
    if (i->imm > UNROLLED) {
        uint32_t top = begin_loop(e, i->imm, &at);
        zero_chunk(e, before_counter(to), 16);
        end_loop(e, top);
    }
    while (at < i->imm) {
        unsigned bytes = next_chunk(i->imm - at);
        zero_chunk(e, x86_memory_at(to, (int32_t)at), bytes);
        at += bytes;
    }
}
