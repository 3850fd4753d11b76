// SPDX-License-Identifier: MIT
//
// Atomic operations whose result is used. The accesses are sequentially consistent without fences:
// whatever writes atomically has a LOCK prefix or is an xchg, which acts as one.
#include "arch/x86_64/jit/emit_internal.h"

static unsigned size_of(const struct vinstr *i)
{
    return x86_unpack(i->small).size;
}

/* An instruction with the address that starts at `operand`, and its row. */
static struct x86_insn to_memory(struct emitter *e, const struct vinstr *i, unsigned form,
                                 unsigned operand, unsigned *used)
{
    struct x86_insn n = {.form = (uint16_t)form, .size = (uint8_t)size_of(i)};
    *used = x86_fill_rm(e, i, operand, &n);
    return n;
}

void x86_emit_exchange(struct emitter *e, const struct vinstr *i)
{
    unsigned used;
    struct x86_insn n = to_memory(e, i, x86_op_forms[i->op], 2, &used);
    n.reg = x86_reg_of(e, i, 0);
    n.lock = i->op == X86_OP_EXCHANGE_ADD;
    x86_asm_insn(&e->a, &n);
}

/* cmpxchg writes no register if it stores. Programs rely on a zero upper half of every i32, and the
 * verifier of machine code does not know that it was zero before. */
static void extend_rax(struct emitter *e, unsigned size)
{
    static const uint16_t forms[] = {[1] = X86_MOVZX8, [2] = X86_MOVZX16, [4] = X86_MOV_RM};
    if (size < 8) {
        x86_insn_rr(e, forms[size], 4, X86_RAX, X86_RAX);
    }
}

static void compare_exchange(struct emitter *e, const struct vinstr *i, unsigned operand,
                             unsigned reg)
{
    unsigned used;
    struct x86_insn n = to_memory(e, i, X86_CMPXCHG, operand, &used);
    n.reg = (uint8_t)reg;
    n.lock = true;
    x86_asm_insn(&e->a, &n);
}

void x86_emit_compare_exchange(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    unsigned last = 2u + (s.base == X86_BASE_REG) + s.has_index;
    compare_exchange(e, i, 2, x86_reg_of(e, i, last));
    extend_rax(e, s.size);
}

/* As much as a cmpxchg reads, with a zero upper half. */
static void load_old(struct emitter *e, const struct vinstr *i)
{
    static const uint16_t forms[] = {
        [1] = X86_MOVZX8, [2] = X86_MOVZX16, [4] = X86_MOV_RM, [8] = X86_MOV_RM};
    unsigned used, size = size_of(i);
    struct x86_insn n = to_memory(e, i, forms[size], 1, &used);
    n.size = size == 8 ? 8 : 4;
    n.reg = X86_RAX;
    x86_asm_insn(&e->a, &n);
}

void x86_emit_update(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    unsigned last = 1u + (s.base == X86_BASE_REG) + s.has_index, wide = s.size == 8 ? 8 : 4;
    uint32_t again = x86_asm_labels(&e->a, 1);
    load_old(e, i);
    x86_asm_bind(&e->a, again);
    x86_insn_rr(e, X86_MOV_RM, wide, X86_SCRATCH, X86_RAX);
    x86_insn_rr(e, x86_op_forms[i->op], wide, X86_SCRATCH, x86_reg_of(e, i, last));
    compare_exchange(e, i, 1, X86_SCRATCH);
    x86_asm_branch(&e->a, X86_NE, again);
    extend_rax(e, s.size);
}

void x86_emit_fence(struct emitter *e, const struct vinstr *i)
{
    (void)i;
    x86_insn_plain(e, X86_MFENCE);
}
