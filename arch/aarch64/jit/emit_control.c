// SPDX-License-Identifier: MIT
//
// Conditions and the operations that use them, jumps, calls.
#include "arch/aarch64/jit/emit_internal.h"

/* ---- Conditions ---- */

/* The instruction that sets the flags; its registers start
 * at operand `first`. Its own result is discarded. */
static struct a64_insn setter_of(const struct a64_emitter *e, const struct vinstr *i,
                                 unsigned *first)
{
    struct a64_insn insn = {.form = (uint16_t)A64_SETTER_OF(i->extra),
                            .wide = (i->small & A64_SMALL_WIDE) != 0,
                            .is_double = (i->small & A64_SMALL_DOUBLE) != 0,
                            .option = A64_SMALL_OPTION_OF(i->small),
                            .amount = A64_SMALL_AMOUNT_OF(i->small),
                            .imm = i->imm};
    const char *regs = a64_forms[insn.form].regs;
    for (unsigned n = 0; regs[n] != '\0'; n++) {
        bool is_result = regs[n] == 'd' && regs[1] != '\0';
        insn.regs[n] = is_result ? A64_ZR : (uint8_t)a64_reg(e, i, (*first)++);
    }
    return insn;
}

static void emit_setter(struct a64_emitter *e, const struct vinstr *i, unsigned *first)
{
    struct a64_insn insn = setter_of(e, i, first);
    a64_put(&e->a, &insn);
}

/* cbz and similar branches test a register themselves. */
static bool is_test(unsigned form)
{
    return form == A64_CBZ || form == A64_CBNZ || form == A64_TBZ || form == A64_TBNZ;
}

/* The branch for a condition whose flags are set. */
static struct a64_insn branch_of(struct a64_emitter *e, const struct vinstr *i)
{
    unsigned first = 0;
    if (is_test(A64_SETTER_OF(i->extra))) {
        return setter_of(e, i, &first);
    }
    if (A64_SMALL_COND_OF(i->small) == A64_AL) {
        return (struct a64_insn){.form = A64_B};
    }
    emit_setter(e, i, &first);
    return (struct a64_insn){.form = A64_B_COND, .option = A64_SMALL_COND_OF(i->small)};
}

static struct a64_insn opposite(struct a64_insn i)
{
    switch (i.form) {
    case A64_CBZ:
    case A64_TBZ:
        i.form++;
        break;
    case A64_CBNZ:
    case A64_TBNZ:
        i.form--;
        break;
    default:
        i.option ^= 1;
        break;
    }
    return i;
}
_Static_assert(A64_CBNZ == A64_CBZ + 1 && A64_TBNZ == A64_TBZ + 1, "opposites are neighbours");

void a64_emit_goto(struct a64_emitter *e, uint32_t block)
{
    if (block != e->next) {
        a64_branch(&e->a, (struct a64_insn){.form = A64_B}, block);
    }
}

static uint32_t edge_target(const struct a64_emitter *e, uint32_t n)
{
    return e->target[e->v->edges[e->v->blocks[e->block].edges + n].to];
}

static void emit_branch(struct a64_emitter *e, const struct vinstr *i)
{
    uint32_t if_true = edge_target(e, 0), if_false = edge_target(e, 1);
    struct a64_insn branch = branch_of(e, i);
    if (if_true == e->next) {
        a64_branch(&e->a, opposite(branch), if_false);
    } else {
        a64_branch(&e->a, branch, if_true);
        a64_emit_goto(e, if_false);
    }
}

/* csinc of two zeros with the opposite condition: 1 if the condition holds. */
static void put_conditional(struct a64_emitter *e, unsigned form, bool wide, unsigned cond,
                            const uint8_t regs[3])
{
    a64_put(&e->a, &(struct a64_insn){.form = (uint16_t)form,
                                      .wide = wide,
                                      .is_double = wide,
                                      .option = (uint8_t)cond,
                                      .regs = {regs[0], regs[1], regs[2]}});
}

static void emit_set(struct a64_emitter *e, const struct vinstr *i)
{
    unsigned first = 1;
    emit_setter(e, i, &first);
    put_conditional(e, A64_CSINC, false, A64_SMALL_COND_OF(i->small) ^ 1,
                    (const uint8_t[3]){(uint8_t)a64_reg(e, i, 0), A64_ZR, A64_ZR});
}

static void emit_select(struct a64_emitter *e, const struct vinstr *i)
{
    unsigned first = 1;
    emit_setter(e, i, &first);
    uint8_t regs[3] = {(uint8_t)a64_reg(e, i, 0), A64_ZR, A64_ZR};
    if ((i->extra & A64_OTHER_ZERO_IF) == 0) {
        regs[1] = (uint8_t)a64_reg(e, i, first++);
    }
    if ((i->extra & A64_OTHER_ZERO_ELSE) == 0) {
        regs[2] = (uint8_t)a64_reg(e, i, first++);
    }
    put_conditional(e, A64_OTHER_FORM_OF(i->extra), (i->extra & A64_OTHER_WIDE) != 0,
                    A64_SMALL_COND_OF(i->small), regs);
}

/* v31 selects: all ones or all zeros in both halves. */
static void emit_select_16(struct a64_emitter *e, const struct vinstr *i)
{
    unsigned first = 1;
    emit_setter(e, i, &first);
    put_conditional(e, A64_CSINV, true, A64_SMALL_COND_OF(i->small) ^ 1,
                    (const uint8_t[3]){A64_X17, A64_ZR, A64_ZR});
    a64_put(&e->a, &(struct a64_insn){.form = A64_DUP, .option = 3, .regs = {A64_V31, A64_X17}});
    a64_put(&e->a, &(struct a64_insn){.form = A64_BSL_16B,
                                      .regs = {A64_V31, 0, (uint8_t)a64_reg(e, i, first),
                                               (uint8_t)a64_reg(e, i, first + 1)}});
    a64_rrr(&e->a, A64_MOV_16B, false, a64_reg(e, i, 0), A64_V31, A64_V31);
}

static void emit_trap_if(struct a64_emitter *e, const struct vinstr *i)
{
    struct a64_insn branch = branch_of(e, i);
    a64_branch(&e->a, branch, a64_trap_label(e, i, i->trap));
}

/* Only the smallest integer minus 1 overflows, and that is checked only if the divisor is -1. */
static void emit_trap_overflow(struct a64_emitter *e, const struct vinstr *i)
{
    bool wide = (i->small & A64_SMALL_WIDE) != 0;
    a64_rri(&e->a, A64_ADDS_IMM, wide, A64_ZR, a64_reg(e, i, 1), 1);
    a64_put(&e->a, &(struct a64_insn){.form = A64_CCMP_IMM,
                                      .wide = wide,
                                      .regs = {(uint8_t)a64_reg(e, i, 0)},
                                      .option = A64_EQ,
                                      .imm = 1});
    a64_branch(&e->a, (struct a64_insn){.form = A64_B_COND, .option = A64_VS},
               a64_trap_label(e, i, i->trap));
}

static void emit_trap(struct a64_emitter *e, const struct vinstr *i)
{
    a64_row(&e->a, JIT_ROW_TRAP, i->trap);
    a64_put(&e->a, &(struct a64_insn){.form = A64_BRK, .imm = i->trap});
}

/* ---- Switch ---- */

/* Compare with a count of any size. */
static void compare_count(struct a64_emitter *e, unsigned reg, uint64_t count)
{
    struct a64_insn i = {.form = A64_SUBS_IMM, .regs = {A64_ZR, (uint8_t)reg}, .imm = count};
    uint32_t word;
    if (a64_encode(&i, &word)) {
        a64_put_word(&e->a, word);
        return;
    }
    a64_constant(&e->a, A64_X17, count);
    a64_rrr(&e->a, A64_SUBS_REG, false, A64_ZR, reg, A64_X17);
}

/* The table contains distances from itself and comes after the branch. */
static void emit_switch(struct a64_emitter *e, const struct vinstr *i)
{
    const uint32_t *cases = e->v->pool + i->extra;
    unsigned reg = a64_reg(e, i, 0);
    uint32_t count = (uint32_t)i->imm - 1;
    if (count == 0) {
        a64_emit_goto(e, edge_target(e, cases[0]));
        return;
    }
    compare_count(e, reg, count);
    a64_branch(&e->a, (struct a64_insn){.form = A64_B_COND, .option = A64_HS},
               edge_target(e, cases[count]));
    a64_rri(&e->a, A64_ADR, true, A64_X16, 0, 16);
    a64_put(&e->a, &(struct a64_insn){.form = A64_LDRSW_INDEX,
                                      .option = A64_UXTW,
                                      .amount = 2,
                                      .regs = {A64_X17, A64_X16, (uint8_t)reg}});
    a64_rrr(&e->a, A64_ADD_REG, true, A64_X16, A64_X16, A64_X17);
    a64_rr(&e->a, A64_BR, true, A64_X16, 0);
    uint32_t table = e->a.word_count;
    for (uint32_t n = 0; n < count && e->a.error == OK; n++) {
        a64_put_distance(&e->a, edge_target(e, cases[n]), table);
    }
}

/* ---- Calls ---- */

static void call_row(struct a64_emitter *e, const struct vinstr *i)
{
    a64_row(&e->a, JIT_ROW_CALL, 0);
    if ((i->flags & VI_SAFE_POINT) != 0 && e->a.error == OK) {
        e->a.rows[e->a.row_count - 1].refs = vcode_safe_words(e->v, (uint32_t)(i - e->v->instrs));
    }
}

static uint32_t argument_bytes(const struct vinstr *i)
{
    return (uint32_t)i->imm & ~A64_CALL_CONTEXT;
}

/* The callee has removed its arguments; the frame's size is constant. */
static void end_call(struct a64_emitter *e, const struct vinstr *i)
{
    if (argument_bytes(i) != 0) {
        a64_add(&e->a, A64_SP, A64_SP, -(int64_t)argument_bytes(i));
    }
    if ((i->imm & A64_CALL_CONTEXT) != 0) {
        a64_frame_restore_context(&e->a);
    }
}

static void emit_call(struct a64_emitter *e, const struct vinstr *i)
{
    a64_call(&e->a, i->extra);
    call_row(e, i);
    end_call(e, i);
}

static void emit_call_register(struct a64_emitter *e, const struct vinstr *i, unsigned reg)
{
    a64_rr(&e->a, A64_BLR, true, reg, 0);
    call_row(e, i);
}

static void emit_call_indirect(struct a64_emitter *e, const struct vinstr *i)
{
    emit_call_register(e, i, a64_reg(e, i, 0));
    end_call(e, i);
}

/* The context of what is called. */
static void set_context(struct a64_emitter *e, const struct vinstr *i)
{
    a64_move(&e->a, true, A64_CONTEXT, a64_reg(e, i, 1));
    a64_access(&e->a, A64_LDR_X, A64_BASE, A64_CONTEXT, 0, -1);
}

static void jump_to_target(struct a64_emitter *e, const struct vinstr *i)
{
    a64_frame_remove(&e->a, &e->frame, argument_bytes(i));
    a64_rr(&e->a, A64_BR, true, A64_X16, 0);
}

/* A branch to the function's own start would be a loop of it. That one goes through a register. */
static void emit_tail_call(struct a64_emitter *e, const struct vinstr *i)
{
    if (i->extra != e->v->ir->callee) {
        a64_frame_remove(&e->a, &e->frame, argument_bytes(i));
        a64_jump_to(&e->a, i->extra);
        return;
    }
    a64_rri(&e->a, A64_ADR, true, A64_X16, 0, (uint64_t)0 - 4 * (uint64_t)e->a.word_count);
    jump_to_target(e, i);
}

/* The operands may be in registers that are restored with the frame. */
static void emit_tail_call_indirect(struct a64_emitter *e, const struct vinstr *i)
{
    a64_move(&e->a, true, A64_X16, a64_reg(e, i, 0));
    if ((i->imm & A64_CALL_CONTEXT) != 0) {
        set_context(e, i);
    }
    jump_to_target(e, i);
}

static void emit_call_foreign(struct a64_emitter *e, const struct vinstr *i)
{
    set_context(e, i);
    emit_call_indirect(e, i);
}

static void emit_call_helper(struct a64_emitter *e, const struct vinstr *i)
{
    if (i->extra != 0) {
        a64_access(&e->a, A64_LDR_X, 0, A64_CONTEXT, (int64_t)i->imm + 8, -1);
    }
    a64_access(&e->a, A64_LDR_X, A64_X17, A64_CONTEXT, (int64_t)i->imm, -1);
    emit_call_register(e, i, A64_X17);
    if ((i->small & A64_SMALL_WIDE) == 0) {
        a64_move(&e->a, false, 0, 0);
    }
}

static void emit_invoked(struct a64_emitter *e, const struct vinstr *i)
{
    struct a64_cold *c = a64_cold(e, i, A64_COLD_LANDING);
    if (c != NULL) {
        c->back = edge_target(e, 1);
        a64_row_landing(&e->a, c->label);
        a64_emit_goto(e, edge_target(e, 0));
    }
}

bool a64_emit_control(struct a64_emitter *e, const struct vinstr *i)
{
    switch ((enum a64_op)i->op) {
    case A64_OP_JUMP:
        a64_emit_goto(e, edge_target(e, 0));
        return true;
    case A64_OP_BRANCH:
        emit_branch(e, i);
        return true;
    case A64_OP_SET:
        emit_set(e, i);
        return true;
    case A64_OP_SELECT:
        emit_select(e, i);
        return true;
    case A64_OP_FSELECT_16:
        emit_select_16(e, i);
        return true;
    case A64_OP_TRAP_IF:
        emit_trap_if(e, i);
        return true;
    case A64_OP_TRAP_OVERFLOW:
        emit_trap_overflow(e, i);
        return true;
    case A64_OP_TRAP:
        emit_trap(e, i);
        return true;
    case A64_OP_SWITCH:
        emit_switch(e, i);
        return true;
    case A64_OP_RETURN:
        a64_frame_leave(&e->a, &e->frame);
        return true;
    case A64_OP_CALL:
        emit_call(e, i);
        return true;
    case A64_OP_CALL_INDIRECT:
        emit_call_indirect(e, i);
        return true;
    case A64_OP_TAIL_CALL:
        emit_tail_call(e, i);
        return true;
    case A64_OP_TAIL_CALL_INDIRECT:
        emit_tail_call_indirect(e, i);
        return true;
    case A64_OP_CALL_FOREIGN:
        emit_call_foreign(e, i);
        return true;
    case A64_OP_CALL_HELPER:
        emit_call_helper(e, i);
        return true;
    case A64_OP_INVOKED:
        emit_invoked(e, i);
        return true;
    default:
        return false;
    }
}
