// SPDX-License-Identifier: MIT
//
// Instructions on whole vector registers: with a VEX prefix if the CPU has AVX. Otherwise the
// allocator has put the left operand into the register of the result.
#include "arch/x86_64/jit/emit_internal.h"

static struct x86_insn vector_insn(const struct emitter *e, const struct vinstr *i)
{
    unsigned form = x86_op_forms[i->op];
    return (struct x86_insn){.form = (uint16_t)form,
                             .size = 8,
                             .vex = (e->features & JIT_X86_AVX) != 0,
                             .imm = x86_forms[form].imm == X86_IMM_BYTE ? (int64_t)i->imm : 0};
}

void x86_emit_vector_one(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = vector_insn(e, i);
    n.reg = x86_reg_of(e, i, 0);
    (void)x86_fill_rm(e, i, 1, &n);
    x86_asm_insn(&e->a, &n);
}

void x86_emit_vector_two(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = vector_insn(e, i);
    n.reg = x86_reg_of(e, i, 0);
    n.other = x86_reg_of(e, i, 1);
    (void)x86_fill_rm(e, i, 2, &n);
    x86_asm_insn(&e->a, &n);
}

void x86_emit_vector_three(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = vector_insn(e, i);
    n.reg = x86_reg_of(e, i, 0);
    n.other = x86_reg_of(e, i, 2);
    (void)x86_fill_rm(e, i, 3, &n);
    x86_asm_insn(&e->a, &n);
}

void x86_emit_vector_shift(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = vector_insn(e, i);
    n.other = x86_reg_of(e, i, 0);
    n.rm = x86_reg_of(e, i, 1);
    x86_asm_insn(&e->a, &n);
}

void x86_emit_vector_out(struct emitter *e, const struct vinstr *i)
{
    struct x86_insn n = vector_insn(e, i);
    bool to_rm = x86_forms[n.form].shape == X86_SHAPE_MRI;
    n.reg = x86_reg_of(e, i, to_rm ? 1 : 0);
    n.rm = x86_reg_of(e, i, to_rm ? 0 : 1);
    x86_asm_insn(&e->a, &n);
}

struct x86_mem x86_vector_constant(struct emitter *e, const struct vinstr *i)
{
    const uint64_t *words = e->v->extra + i->imm;
    return x86_memory_at(X86_RIP, (int32_t)x86_asm_constant(&e->a, words[0], words[1], 16));
}

void x86_emit_vector_constant(struct emitter *e, const struct vinstr *i)
{
    const uint64_t *words = e->v->extra + i->imm;
    unsigned reg = x86_reg_of(e, i, 0);
    if (words[0] == words[1] && words[0] == 0) {
        x86_insn_rr(e, X86_XORPS, 4, reg, reg);
    } else if (words[0] == words[1] && words[0] == UINT64_MAX) {
        x86_insn_rr(e, X86_V_PCMPEQD, 8, reg, reg);
    } else {
        x86_insn_rm(e, X86_MOVUPS_RM, 8, reg, x86_vector_constant(e, i));
    }
}
