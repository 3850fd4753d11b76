// SPDX-License-Identifier: MIT
//
// Comparisons together with the users of their flags.
//
// Floats: unordered sets the carry, zero and parity flags, so "above" and "above or equal" are
// false for a NaN and their opposites true; only (in)equality needs an additional test of parity.
#include "arch/x86_64/jit/emit_internal.h"

#include "kernel/lib/compiler.h"

static struct x86_insn new_insn(unsigned form, unsigned size)
{
    return (struct x86_insn){.form = (uint16_t)form, .size = (uint8_t)size};
}

/* Whether the flags already say how the register compares with 0. A sum may overflow, so that only
 * (in)equality follows from its flags. */
static bool has_flags(const struct emitter *e, struct x86_small s, uint32_t reg)
{
    return e->result_end == e->a.byte_count && e->result_reg == reg && e->result_size == s.size &&
           (e->result_is_logical || s.cond == X86_E || s.cond == X86_NE);
}

/* A register or a spill slot with an immediate. If all bits are below the sign bit of a byte,
 * comparing the byte is enough. */
static void compare_immediate(struct emitter *e, const struct vinstr *i, unsigned operand)
{
    struct x86_small s = x86_unpack(i->small);
    int64_t imm = x86_immediate_of(i);
    uint32_t location = x86_location_of(e, i, operand);
    bool test = s.compare == X86_COMPARE_TEST, slot = vloc_is_slot(location);
    unsigned size = test && imm >= 0 && imm <= INT8_MAX ? 1 : s.size;
    struct x86_insn n = new_insn(test ? X86_TEST_MI : X86_CMP_MI, size);
    n.rm = (uint8_t)(location & 15);
    n.imm = imm;
    if (slot) {
        n.is_mem = true;
        n.mem = x86_slot_memory(e, location);
    } else if (!test && imm == 0) {
        if (!has_flags(e, s, n.rm)) {
            x86_insn_rr(e, X86_TEST_MR, s.size, n.rm, n.rm);
        }
        return;
    }
    x86_asm_insn(&e->a, &n);
}

void x86_emit_compare(struct emitter *e, const struct vinstr *i, unsigned operand)
{
    struct x86_small s = x86_unpack(i->small);
    if (s.mode == X86_MODE_IMM) {
        compare_immediate(e, i, operand);
        return;
    }
    bool test = s.compare == X86_COMPARE_TEST;
    if (s.mode == X86_MODE_MEM_IMM) {
        struct x86_insn n = new_insn(test ? X86_TEST_MI : X86_CMP_MI, s.size);
        (void)x86_fill_rm(e, i, operand, &n);
        n.imm = x86_immediate_of(i);
        x86_asm_insn(&e->a, &n);
        return;
    }
    bool vector = s.compare == X86_COMPARE_VECTOR;
    unsigned form = vector                           ? X86_V_PTEST
                    : s.compare == X86_COMPARE_FLOAT ? X86_UCOMIS
                    : test                           ? X86_TEST_MR
                                                     : X86_CMP_RM;
    struct x86_insn n = new_insn(form, s.size);
    n.vex = vector && (e->features & JIT_X86_AVX) != 0;
    n.reg = x86_reg_of(e, i, operand);
    (void)x86_fill_rm(e, i, operand + 1, &n);
    x86_asm_insn(&e->a, &n);
}

void x86_jump_if(struct emitter *e, unsigned compare, unsigned cond, uint32_t label)
{
    if (compare == X86_COMPARE_FLOAT && cond == X86_NE) {
        x86_asm_branch(&e->a, X86_NE, label);
        x86_asm_branch(&e->a, X86_P, label);
    } else if (compare == X86_COMPARE_FLOAT && cond == X86_E) {
        uint32_t past = x86_asm_labels(&e->a, 1);
        x86_asm_branch(&e->a, X86_P, past);
        x86_asm_branch(&e->a, X86_E, label);
        x86_asm_bind(&e->a, past);
    } else {
        x86_asm_branch(&e->a, (enum x86_cond)cond, label);
    }
}

/* ---- As a value ---- */

static bool reads_register(const struct emitter *e, const struct vinstr *i, unsigned from,
                           uint32_t reg)
{
    for (unsigned n = from; n < i->operand_count; n++) {
        const struct voperand *o = &e->v->operands[i->operands + n];
        if (e->v->vregs[o->vreg].class == VCLASS_INT && x86_location_of(e, i, n) == reg) {
            return true;
        }
    }
    return false;
}

void x86_emit_set(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    unsigned to = x86_reg_of(e, i, 0);
    bool clear_first = !reads_register(e, i, 1, to);
    if (clear_first) {
        x86_insn_rr(e, X86_XOR_MR, 4, to, to);
    }
    x86_emit_compare(e, i, 1);
    x86_insn_rr(e, X86_SET_O + 2 * s.cond, 1, 0, to);
    if (s.compare == X86_COMPARE_FLOAT && (s.cond == X86_E || s.cond == X86_NE)) {
        x86_insn_rr(e, s.cond == X86_E ? X86_SET_NP : X86_SET_P, 1, 0, X86_SCRATCH);
        x86_insn_rr(e, s.cond == X86_E ? X86_AND_MR : X86_OR_MR, 1, X86_SCRATCH, to);
    }
    if (!clear_first) {
        x86_insn_rr(e, X86_MOVZX8, 4, to, to);
    }
}

/* ---- Conditional moves ---- */

static void move_if(struct emitter *e, const struct vinstr *i, unsigned cond)
{
    unsigned bytes = e->v->vregs[e->v->operands[i->operands].vreg].bytes;
    struct x86_insn n = new_insn(X86_CMOV_O + 2 * cond, bytes == 4 ? 4 : 8);
    uint32_t from = x86_location_of(e, i, 2);
    n.reg = x86_reg_of(e, i, 0);
    n.rm = (uint8_t)(from & 15);
    if (vloc_is_slot(from)) {
        n.is_mem = true;
        n.mem = x86_slot_memory(e, from);
    }
    x86_asm_insn(&e->a, &n);
}

void x86_emit_select(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    x86_emit_compare(e, i, 3);
    move_if(e, i, s.cond);
    if (s.compare == X86_COMPARE_FLOAT && s.cond == X86_NE) {
        move_if(e, i, X86_P);
    }
}

void x86_emit_fselect(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    uint32_t past = x86_asm_labels(&e->a, 1);
    x86_emit_compare(e, i, 3);
    x86_jump_if(e, s.compare, s.cond ^ 1, past);
    x86_insn_rr(e, X86_MOVAPS, 4, x86_reg_of(e, i, 0), x86_reg_of(e, i, 2));
    x86_asm_bind(&e->a, past);
}

/* ---- Branches ---- */

void x86_emit_trap_unless(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    x86_emit_compare(e, i, 0);
    x86_jump_if(e, s.compare, s.cond ^ 1, x86_add_trap(e, i, i->trap));
}

void x86_emit_branch(struct emitter *e, const struct vinstr *i)
{
    struct x86_small s = x86_unpack(i->small);
    x86_emit_compare(e, i, 0);
    uint32_t yes = x86_edge_label(e, 0), no = x86_edge_label(e, 1);
    if (e->next != VREG_NONE && yes == e->block_labels + e->next) {
        x86_jump_if(e, s.compare, s.cond ^ 1, no);
        return;
    }
    x86_jump_if(e, s.compare, s.cond, yes);
    x86_jump_along(e, 1);
}

/* ---- Switch ---- */

static uint32_t case_label(const struct emitter *e, const struct vinstr *i, uint32_t n)
{
    return x86_edge_label(e, e->v->pool[i->extra + n]);
}

void x86_emit_switch_few(struct emitter *e, const struct vinstr *i)
{
    unsigned index = x86_reg_of(e, i, 0);
    uint32_t last = (uint32_t)i->imm - 1, fallback = e->v->pool[i->extra + last];
    for (uint32_t n = 0; n < last; n++) {
        if (e->v->pool[i->extra + n] == fallback) {
            continue;
        }
        if (n == 0) {
            x86_insn_rr(e, X86_TEST_MR, 4, index, index);
        } else {
            x86_insn_ri(e, X86_CMP_MI, 4, index, n);
        }
        x86_asm_branch(&e->a, X86_E, case_label(e, i, n));
    }
    x86_jump_along(e, fallback);
}

/* The table contains distances, because the code may be at any address. */
void x86_emit_switch(struct emitter *e, const struct vinstr *i)
{
    unsigned index = x86_reg_of(e, i, 0), to = x86_reg_of(e, i, 1);
    uint32_t last = (uint32_t)i->imm - 1;
    uint32_t *labels = arena_alloc(e->a.arena, (size_t)last * sizeof *labels);
    if (labels == NULL) {
        e->a.error = e->a.error != OK ? e->a.error : E_NOMEM;
        return;
    }
    for (uint32_t n = 0; n < last; n++) {
        labels[n] = case_label(e, i, n);
    }
    uint32_t table = x86_asm_table(&e->a, labels, last);
    x86_insn_ri(e, X86_CMP_MI, 4, index, (int32_t)last);
    x86_asm_branch(&e->a, X86_AE, case_label(e, i, last));
    x86_insn_rm(e, X86_LEA, 8, X86_SCRATCH, x86_memory_at(X86_RIP, (int32_t)table));
    struct x86_mem entry = {.base = X86_SCRATCH, .index = (uint8_t)index, .scale = 2};
    x86_insn_rm(e, X86_MOVSXD, 8, to, entry);
    x86_insn_rr(e, X86_ADD_MR, 8, X86_SCRATCH, to);
    x86_insn_rr(e, X86_JMP_M, 8, 0, to);
}
