// SPDX-License-Identifier: MIT
//
// Atomic operations that read and write: one instruction if the CPU has LSE (Arm ARM, DDI 0487,
// C3.2.12), otherwise a loop with an exclusive load and store. Each is an acquire and a release, as
// are ldar and stlr of single accesses: together they are sequentially consistent.
#include "arch/aarch64/jit/emit_internal.h"

#include "kernel/jit/ir.h"

struct atomic {
    struct a64_asm *a;
    unsigned op, size; /* enum ir_op; log2 of the bytes */
    unsigned old, at, value, other;
    unsigned trap;
};

static bool is_wide(const struct atomic *t)
{
    return t->size == 3;
}

/* An access with a row. @param first  What the form names before data and address, if anything. */
static void access(const struct atomic *t, unsigned form, unsigned first, unsigned data)
{
    struct a64_insn i = {.form = (uint16_t)form, .option = (uint8_t)t->size};
    uint8_t *reg = i.regs;
    if (form != A64_LDAXR) {
        *reg++ = (uint8_t)first;
    }
    *reg++ = (uint8_t)data;
    *reg = (uint8_t)t->at;
    a64_row(t->a, JIT_ROW_TRAP, t->trap);
    a64_put(t->a, &i);
}

/* ---- One instruction ---- */

/* There is no subtraction, and `and` comes as clearing bits: the operand in x17. */
static void with_lse(const struct atomic *t)
{
    static const uint16_t forms[] = {A64_LDADDAL, A64_LDADDAL, A64_LDCLRAL,
                                     A64_LDSETAL, A64_LDEORAL, A64_SWPAL};
    unsigned value = t->value;
    if (t->op == IR_ATOMIC_COMPARE_SWAP) {
        a64_move(t->a, true, t->old, t->value);
        access(t, A64_CASAL, t->old, t->other);
        return;
    }
    if (t->op == IR_ATOMIC_SUB || t->op == IR_ATOMIC_AND) {
        unsigned form = t->op == IR_ATOMIC_SUB ? A64_SUB_REG : A64_ORN_REG;
        a64_rrr(t->a, form, is_wide(t), A64_X17, A64_ZR, value);
        value = A64_X17;
    }
    access(t, forms[t->op - IR_ATOMIC_ADD], value, t->old);
}

/* ---- A loop ---- */

static unsigned combine(const struct atomic *t)
{
    static const uint16_t forms[] = {A64_ADD_REG, A64_SUB_REG, A64_AND_REG, A64_ORR_REG,
                                     A64_EOR_REG};
    if (t->op == IR_ATOMIC_SWAP) {
        return t->value;
    }
    a64_rrr(t->a, forms[t->op - IR_ATOMIC_ADD], is_wide(t), A64_X17, t->old, t->value);
    return A64_X17;
}

/* The store fails, and x16 is 1, if another access to the place came in between, or an interrupt:
 * an exception return clears the monitor. */
static void with_loop(const struct atomic *t)
{
    bool compares = t->op == IR_ATOMIC_COMPARE_SWAP;
    uint32_t again = a64_label(t->a), end = a64_label(t->a);
    a64_bind(t->a, again);
    access(t, A64_LDAXR, 0, t->old);
    unsigned value = t->other;
    if (compares) {
        a64_rrr(t->a, A64_SUBS_REG, is_wide(t), A64_ZR, t->old, t->value);
        a64_branch(t->a, (struct a64_insn){.form = A64_B_COND, .option = A64_NE}, end);
    } else {
        value = combine(t);
    }
    access(t, A64_STLXR, A64_X16, value);
    a64_branch(t->a, (struct a64_insn){.form = A64_CBNZ, .regs = {A64_X16}}, again);
    a64_bind(t->a, end);
}

void a64_emit_atomic(struct a64_emitter *e, const struct vinstr *i)
{
    bool compares = i->imm == IR_ATOMIC_COMPARE_SWAP;
    const struct atomic t = {.a = &e->a,
                             .op = (unsigned)i->imm,
                             .size = A64_SMALL_OPTION_OF(i->small),
                             .old = a64_reg(e, i, 0),
                             .at = a64_reg(e, i, 1),
                             .value = a64_reg(e, i, 2),
                             .other = compares ? a64_reg(e, i, 3) : 0,
                             .trap = i->trap};
    if ((e->features & JIT_ARM_LSE) != 0) {
        with_lse(&t);
    } else {
        with_loop(&t);
    }
}
