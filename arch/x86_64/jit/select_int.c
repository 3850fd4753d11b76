// SPDX-License-Identifier: MIT
//
// Integers. An i32 is computed with 32-bit instructions,
// which clear the upper half of its register.
#include "arch/x86_64/jit/select_internal.h"

#include "kernel/lib/compiler.h"

static const struct ir_instr *current(const struct selector *s)
{
    return select_instr(s, s->at);
}

/* ---- Two operands, with the result in the register of the first ---- */

static void tied(struct selector *s, enum x86_op op, unsigned size, uint32_t a, uint32_t b)
{
    struct draft d = x86_draft_new(op, size);
    uint64_t bits;
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, a));
    if (op != X86_OP_IMUL && x86_is_imm32(s, b, &bits)) {
        x86_draft_imm(&d, bits);
    } else {
        x86_draft_rm(s, &d, b, size);
    }
    x86_draft_emit(s, &d);
}

/* Whether to exchange the operands: a value that is read from memory should be second, one that
 * dies here first. */
static bool better_exchanged(const struct selector *s, const struct ir_instr *i, unsigned size)
{
    uint64_t bits;
    if (x86_is_imm32(s, i->b, &bits)) {
        return false;
    }
    if (x86_is_imm32(s, i->a, &bits) || x86_may_read(s, i->b, size)) {
        return !x86_may_read(s, i->b, size);
    }
    return x86_may_read(s, i->a, size) || (!select_is_single(s, i->a) && select_is_single(s, i->b));
}

static void commutative(struct selector *s, enum x86_op op, unsigned size)
{
    const struct ir_instr *i = current(s);
    bool exchange = better_exchanged(s, i, size);
    tied(s, op, size, exchange ? i->b : i->a, exchange ? i->a : i->b);
}

/* ---- Sums: lea preserves its operands ---- */

static void emit_lea(struct selector *s, unsigned size, uint32_t base, uint32_t index,
                     unsigned scale, int32_t disp)
{
    struct address a = {.base = base == IR_NONE ? X86_BASE_NONE : X86_BASE_REG,
                        .base_reg = base == IR_NONE ? VREG_NONE : select_reg(s, base),
                        .index_reg = index == IR_NONE ? VREG_NONE : select_reg(s, index),
                        .scale = scale,
                        .disp = disp,
                        .trap = IR_TRAP_COUNT};
    struct draft d = x86_draft_new(X86_OP_LEA, size);
    x86_draft_def(&d, select_result(s));
    x86_draft_address(&d, &a);
    x86_draft_emit(s, &d);
}

/* Whether a value is x << 1, 2 or 3, which can be scaled in an address. */
static bool is_scaled(const struct selector *s, uint32_t value, uint64_t *count)
{
    const struct ir_instr *i = select_instr(s, value);
    return i->op == IR_SHL && select_is_single(s, value) && select_const(s, i->b, count) &&
           *count >= 1 && *count <= 3;
}

static void select_add(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    uint64_t bits;
    if (x86_is_imm32(s, i->b, &bits) && !select_is_single(s, i->a)) {
        emit_lea(s, size, i->a, IR_NONE, 0, (int32_t)bits);
    } else if (is_scaled(s, i->b, &bits)) {
        emit_lea(s, size, i->a, select_instr(s, i->b)->a, (unsigned)bits, 0);
    } else if (is_scaled(s, i->a, &bits)) {
        emit_lea(s, size, i->b, select_instr(s, i->a)->a, (unsigned)bits, 0);
    } else if (!select_is_single(s, i->a) && !select_is_single(s, i->b) &&
               !x86_is_imm32(s, i->b, &bits) && !x86_is_imm32(s, i->a, &bits)) {
        emit_lea(s, size, i->a, i->b, 0, 0);
    } else {
        commutative(s, X86_OP_ADD, size);
    }
}

static void emit_tied_unary(struct selector *s, enum x86_op op, unsigned size, uint32_t a)
{
    struct draft d = x86_draft_new(op, size);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, a));
    x86_draft_emit(s, &d);
}

static void select_sub(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    uint64_t bits;
    if (select_const(s, i->a, &bits) && bits == 0) {
        emit_tied_unary(s, X86_OP_NEG, size, i->b);
    } else if (x86_is_imm32(s, i->b, &bits) && !select_is_single(s, i->a) &&
               (int32_t)bits != INT32_MIN) {
        emit_lea(s, size, i->a, IR_NONE, 0, -(int32_t)bits);
    } else {
        tied(s, X86_OP_SUB, size, i->a, i->b);
    }
}

static void emit_shift(struct selector *s, enum x86_op op, unsigned size, uint32_t a,
                       unsigned count)
{
    struct draft d = x86_draft_new(op, size);
    x86_draft_def_tied(&d, select_result(s));
    x86_draft_use(&d, select_reg(s, a));
    x86_draft_imm(&d, count);
    x86_draft_emit(s, &d);
}

static void multiply_by_constant(struct selector *s, unsigned size, uint32_t a, uint64_t by)
{
    if (by != 0 && (by & (by - 1)) == 0) {
        emit_shift(s, X86_OP_SHL, size, a, (unsigned)__builtin_ctzll(by));
    } else if (by == 3 || by == 5 || by == 9) {
        emit_lea(s, size, a, a, by == 3 ? 1 : by == 5 ? 2 : 3, 0);
    } else {
        struct draft d = x86_draft_new(X86_OP_IMUL_IMM, size);
        x86_draft_def(&d, select_result(s));
        x86_draft_rm(s, &d, a, size);
        d.i.imm = by;
        x86_draft_emit(s, &d);
    }
}

static void select_mul(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    uint64_t by;
    if (x86_is_imm32(s, i->b, &by)) {
        multiply_by_constant(s, size, i->a, by);
    } else if (x86_is_imm32(s, i->a, &by)) {
        multiply_by_constant(s, size, i->b, by);
    } else {
        commutative(s, X86_OP_IMUL, size);
    }
}

static void select_and(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    uint64_t mask;
    if (select_const(s, i->b, &mask) && (mask == 0xff || mask == 0xffff)) {
        struct draft d = x86_draft_new(mask == 0xff ? X86_OP_MOVZX8 : X86_OP_MOVZX16, 4);
        x86_draft_def(&d, select_result(s));
        x86_draft_operand(&d, select_reg(s, i->a), VUSE, VAT_ANY, 0);
        x86_draft_emit(s, &d);
    } else if (size == 8 && select_const(s, i->b, &mask) && mask == UINT32_MAX) {
        struct draft d = x86_draft_new(X86_OP_MOV, 4);
        x86_draft_def(&d, select_result(s));
        x86_draft_operand(&d, select_reg(s, i->a), VUSE, VAT_ANY, 0);
        x86_draft_emit(s, &d);
    } else {
        commutative(s, X86_OP_AND, size);
    }
}

static void select_xor(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    uint64_t bits;
    if (select_const(s, i->b, &bits) && bits == (size == 4 ? UINT32_MAX : UINT64_MAX)) {
        emit_tied_unary(s, X86_OP_NOT, size, i->a);
    } else {
        commutative(s, X86_OP_XOR, size);
    }
}

/* ---- Shifts: the machine uses counts modulo the width, too ---- */

/* The count without a mask that keeps all the bits that the machine uses. */
static uint32_t count_value(const struct selector *s, uint32_t value, unsigned size)
{
    const struct ir_instr *i = select_instr(s, value);
    uint64_t mask, low = 8 * size - 1;
    bool masks = i->op == IR_AND && select_is_local(s, value) && select_const(s, i->b, &mask) &&
                 (mask & low) == low;
    return masks ? i->a : value;
}

static void select_shift(struct selector *s, enum x86_op op, enum x86_op without_flags,
                         unsigned size)
{
    const struct ir_instr *i = current(s);
    uint64_t count;
    if (select_const(s, i->b, &count)) {
        emit_shift(s, op, size, i->a, (unsigned)(count & (8 * size - 1)));
        return;
    }
    uint32_t by = select_reg(s, count_value(s, i->b, size));
    bool free = without_flags != X86_OP_COUNT && (s->features & JIT_X86_BMI2) != 0;
    struct draft d = x86_draft_new(free ? without_flags : op, size);
    if (free) {
        x86_draft_def(&d, select_result(s));
        x86_draft_operand(&d, by, VUSE, VAT_REG, 0);
        x86_draft_rm(s, &d, i->a, size);
    } else {
        x86_draft_def_tied(&d, select_result(s));
        x86_draft_use(&d, select_reg(s, i->a));
        x86_draft_operand(&d, by, VUSE, VAT_FIXED, X86_RCX);
    }
    x86_draft_emit(s, &d);
}

/* ---- Counting bits ---- */

static void count_without_instruction(struct selector *s, enum x86_op op, unsigned size)
{
    struct draft d = x86_draft_new(op, size);
    x86_draft_operand(&d, select_result(s), VDEF_EARLY, VAT_REG, 0);
    x86_draft_operand(&d, select_reg(s, current(s)->a), VUSE, VAT_REG, 0);
    x86_draft_emit(s, &d);
}

static void select_count(struct selector *s, unsigned size)
{
    static const struct {
        uint64_t feature;
        enum x86_op with, without;
    } rows[] = {{JIT_X86_LZCNT, X86_OP_LZCNT, X86_OP_CLZ},
                {JIT_X86_BMI1, X86_OP_TZCNT, X86_OP_CTZ},
                {JIT_X86_POPCNT, X86_OP_POPCNT, X86_OP_COUNT_ONES}};
    const struct ir_instr *i = current(s);
    unsigned row = i->op == IR_CLZ ? 0 : i->op == IR_CTZ ? 1 : 2;
    if ((s->features & rows[row].feature) != 0) {
        x86_lower_unary(s, rows[row].with, size, i->a, size);
    } else {
        count_without_instruction(s, rows[row].without, size);
    }
}

/* ---- Operations with fixed registers ---- */

static void select_multiply_high(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    bool exchange = better_exchanged(s, i, size);
    struct draft d =
        x86_draft_new(i->op == IR_MULH_S ? X86_OP_MUL_HIGH_S : X86_OP_MUL_HIGH_U, size);
    d.i.clobbers = X86_CLOBBER_RAX;
    x86_draft_operand(&d, select_result(s), VDEF, VAT_FIXED, X86_RDX);
    x86_draft_operand(&d, select_reg(s, exchange ? i->b : i->a), VUSE, VAT_FIXED, X86_RAX);
    x86_draft_rm(s, &d, exchange ? i->a : i->b, size);
    x86_draft_emit(s, &d);
}

/* Divides rax, extended into rdx; afterwards rax has the quotient, rdx the remainder. imm: the
 * checks to do before, see the enum below. */
static void select_divide(struct selector *s, unsigned size)
{
    const struct ir_instr *i = current(s);
    bool quotient = i->op == IR_DIV_S || i->op == IR_DIV_U;
    static const enum x86_op ops[] = {X86_OP_DIV_S, X86_OP_DIV_U, X86_OP_REM_S, X86_OP_REM_U};
    struct draft d = x86_draft_new(ops[i->op - IR_DIV_S], size);
    uint64_t divisor;
    d.i.flags |= VI_TRAPS;
    d.i.trap = IR_TRAP_DIVIDE;
    d.i.imm = select_const(s, i->b, &divisor) && divisor != 0 &&
              divisor != (size == 4 ? UINT32_MAX : UINT64_MAX);
    if (quotient) {
        x86_draft_operand(&d, select_result(s), VDEF, VAT_FIXED, X86_RAX);
        x86_draft_operand(&d, select_reg(s, i->a), VUSE, VAT_FIXED, X86_RAX);
        x86_draft_operand(&d, select_temp(s, VCLASS_INT, 8), VTEMP, VAT_FIXED, X86_RDX);
    } else {
        d.i.clobbers = X86_CLOBBER_RAX;
        x86_draft_operand(&d, select_result(s), VDEF_EARLY, VAT_FIXED, X86_RDX);
        x86_draft_operand(&d, select_reg(s, i->a), VUSE, VAT_FIXED, X86_RAX);
    }
    x86_draft_operand(&d, select_reg(s, i->b), VUSE, VAT_REG, 0);
    x86_draft_emit(s, &d);
}

/* ---- By operation ---- */

static bool select_arithmetic(struct selector *s, unsigned size)
{
    switch (current(s)->op) {
    case IR_ADD:
    case IR_DERIVE:
        select_add(s, size);
        return true;
    case IR_SUB:
        select_sub(s, size);
        return true;
    case IR_MUL:
        select_mul(s, size);
        return true;
    case IR_AND:
        select_and(s, size);
        return true;
    case IR_OR:
        commutative(s, X86_OP_OR, size);
        return true;
    case IR_XOR:
        select_xor(s, size);
        return true;
    case IR_MULH_S:
    case IR_MULH_U:
        select_multiply_high(s, size);
        return true;
    case IR_DIV_S:
    case IR_DIV_U:
    case IR_REM_S:
    case IR_REM_U:
        select_divide(s, size);
        return true;
    default:
        return false;
    }
}

bool x86_select_integer(struct selector *s)
{
    const struct ir_instr *i = current(s);
    unsigned size = ir_type_size(i->type);
    switch (i->op) {
    case IR_SHL:
        select_shift(s, X86_OP_SHL, X86_OP_SHLX, size);
        return true;
    case IR_SHR_S:
        select_shift(s, X86_OP_SAR, X86_OP_SARX, size);
        return true;
    case IR_SHR_U:
        select_shift(s, X86_OP_SHR, X86_OP_SHRX, size);
        return true;
    case IR_ROTL:
        select_shift(s, X86_OP_ROL, X86_OP_COUNT, size);
        return true;
    case IR_ROTR:
        select_shift(s, X86_OP_ROR, X86_OP_COUNT, size);
        return true;
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT:
        select_count(s, size);
        return true;
    default:
        return select_arithmetic(s, size);
    }
}
