// SPDX-License-Identifier: MIT
//
// Building and removing the frame, and calls. From the frame pointer down: spill slots,
// callee-saved registers, the context if calls change it, the function's own slots; and at the
// stack pointer the cells of calls.
#include "arch/x86_64/jit/emit_internal.h"

#include "kernel/lib/compiler.h"

/* ---- Prologue and epilogue ---- */

static void save_registers(struct emitter *e, bool restore)
{
    const struct frame *f = &e->frame;
    int32_t at = f->saved;
    for (unsigned r = 0; r < 16; r++) {
        if ((f->saved_ints >> r & 1) != 0) {
            x86_insn_rm(e, restore ? X86_MOV_RM : X86_MOV_MR, 8, r, x86_memory_at(X86_RBP, at));
            at += 8;
        }
    }
    at = f->vectors;
    for (unsigned r = 0; r < 16; r++) {
        if ((f->saved_vectors >> r & 1) != 0) {
            x86_insn_rm(e, restore ? X86_MOVUPS_RM : X86_MOVUPS_MR, 4, r,
                        x86_memory_at(X86_RBP, at));
            at += 16;
        }
    }
}

static void probe(struct emitter *e, uint32_t below)
{
    uint32_t location = e->v->ir->instr_count > 0 ? e->v->ir->locations[0] : 0;
    x86_asm_row(&e->a, JIT_ROW_TRAP, IR_TRAP_STACK, location, JIT_NO_REFS);
    x86_insn_rm(e, X86_TEST_MR, 4, X86_RAX, x86_memory_at(X86_RSP, -(int32_t)below));
}

/* code.h specifies the guarantee. */
static void probe_stack(struct emitter *e)
{
    uint32_t bytes = e->frame.bytes, end = bytes + JIT_STACK_MARGIN;
    if (!e->v->has_calls && bytes <= JIT_LEAF_BYTES && e->v->moved_bytes == 0) {
        return;
    }
    for (uint32_t at = JIT_PROBE_EVERY; at < end; at += JIT_PROBE_EVERY) {
        probe(e, at);
    }
    probe(e, end);
}

/* Move the stack pointer with the return address, before there is a frame or when it is gone. Up,
 * that removes arguments; down, it makes room for those of tail calls. X86_SCRATCH is free. */
static void move_return(struct emitter *e, int32_t bytes)
{
    if (bytes == 0) {
        return;
    }
    x86_insn_rm(e, X86_MOV_RM, 8, X86_SCRATCH, x86_memory_at(X86_RSP, 0));
    if (bytes < 0) {
        x86_insn_ri(e, X86_SUB_MI, 8, X86_RSP, -bytes);
    }
    x86_insn_rm(e, X86_MOV_MR, 8, X86_SCRATCH, x86_memory_at(X86_RSP, MAX(bytes, 0)));
    if (bytes > 0) {
        x86_insn_ri(e, X86_ADD_MI, 8, X86_RSP, bytes);
    }
}

void x86_emit_prologue(struct emitter *e)
{
    if ((e->features & JIT_X86_LANDING_PADS) != 0) {
        x86_insn_plain(e, X86_ENDBR64);
    }
    if (!e->frame.exists) {
        return;
    }
    move_return(e, -(int32_t)e->v->moved_bytes);
    x86_insn_ri(e, X86_PUSH, 8, X86_RBP, 0);
    x86_insn_rr(e, X86_MOV_MR, 8, X86_RSP, X86_RBP);
    probe_stack(e);
    if (e->frame.bytes > 0) {
        x86_insn_ri(e, X86_SUB_MI, 8, X86_RSP, e->frame.bytes);
    }
    save_registers(e, false);
    if ((e->v->machine_flags & X86_SAVES_CONTEXT) != 0) {
        x86_insn_rm(e, X86_MOV_MR, 8, X86_CONTEXT, x86_memory_at(X86_RBP, e->frame.context));
    }
}

void x86_emit_epilogue(struct emitter *e)
{
    if (!e->frame.exists) {
        return;
    }
    save_registers(e, true);
    if (e->frame.bytes > 0) {
        x86_insn_rr(e, X86_MOV_MR, 8, X86_RBP, X86_RSP);
    }
    x86_insn_ri(e, X86_POP, 8, X86_RBP, 0);
}

void x86_emit_entry(struct emitter *e, const struct vinstr *i)
{
    (void)e;
    (void)i;
}

void x86_emit_return(struct emitter *e, const struct vinstr *i)
{
    (void)i;
    x86_emit_epilogue(e);
    move_return(e, (int32_t)(e->v->moved_bytes + e->v->popped_bytes));
    x86_insn_plain(e, X86_RET);
}

/* ---- Calls ---- */

static void restore_context(struct emitter *e)
{
    x86_insn_rm(e, X86_MOV_RM, 8, X86_CONTEXT, x86_memory_at(X86_RBP, e->frame.context));
    x86_insn_rm(e, X86_MOV_RM, 8, X86_MEMORY, x86_memory_at(X86_CONTEXT, 0));
}

static int32_t argument_bytes(const struct vinstr *i)
{
    return (int32_t)(i->imm & ~(uint64_t)X86_CALL_FLAGS);
}

/* The callee has removed its arguments; the frame's size is constant. */
static void end_call(struct emitter *e, const struct vinstr *i)
{
    if (argument_bytes(i) != 0) {
        x86_insn_ri(e, X86_SUB_MI, 8, X86_RSP, argument_bytes(i));
    }
    if ((i->imm & X86_CALL_RESTORES_CONTEXT) != 0) {
        restore_context(e);
    }
}

static void call_row(struct emitter *e, const struct vinstr *i)
{
    e->last_call = e->a.row_count;
    uint32_t refs = (i->flags & VI_SAFE_POINT) != 0
                        ? vcode_safe_words(e->v, (uint32_t)(i - e->v->instrs))
                        : JIT_NO_REFS;
    x86_asm_row(&e->a, JIT_ROW_CALL, 0, i->location, refs);
}

void x86_emit_call(struct emitter *e, const struct vinstr *i)
{
    x86_asm_call(&e->a, i->extra);
    call_row(e, i);
    end_call(e, i);
}

/* imm: pass the word after the address instead of the context. */
void x86_emit_call_helper(struct emitter *e, const struct vinstr *i)
{
    if (i->imm != 0) {
        x86_insn_rm(e, X86_MOV_RM, 8, X86_RDI, x86_memory_at(X86_CONTEXT, (int32_t)i->extra + 8));
    } else {
        x86_insn_rr(e, X86_MOV_MR, 8, X86_CONTEXT, X86_RDI);
    }
    x86_insn_rm(e, X86_CALL_M, 8, 0, x86_memory_at(X86_CONTEXT, (int32_t)i->extra));
    call_row(e, i);
}

static void load_target(struct emitter *e, const struct vinstr *i, unsigned operand, unsigned to)
{
    uint32_t from = x86_location_of(e, i, operand);
    if (vloc_is_slot(from)) {
        x86_insn_rm(e, X86_MOV_RM, 8, to, x86_slot_memory(e, from));
    } else {
        x86_insn_rr(e, X86_MOV_MR, 8, from, to);
    }
}

/* The operands that may be anywhere are the code and, if it changes, the context. */
static void load_targets(struct emitter *e, const struct vinstr *i)
{
    unsigned code = 0;
    while (e->v->operands[i->operands + code].constraint != VAT_ANY) {
        code++;
    }
    load_target(e, i, code, X86_SCRATCH);
    if ((i->imm & X86_CALL_SETS_CONTEXT) != 0) {
        load_target(e, i, code + 1, X86_CONTEXT);
        x86_insn_rm(e, X86_MOV_RM, 8, X86_MEMORY, x86_memory_at(X86_CONTEXT, 0));
    }
}

void x86_emit_call_indirect(struct emitter *e, const struct vinstr *i)
{
    load_targets(e, i);
    x86_insn_rr(e, X86_CALL_M, 8, 0, X86_SCRATCH);
    call_row(e, i);
    end_call(e, i);
}

/* By how much the stack pointer rises when a callee takes this function's place: its arguments end
 * where this function's do. */
static int32_t tail_distance(const struct emitter *e, const struct vinstr *i)
{
    return (int32_t)(e->v->moved_bytes + e->v->popped_bytes) - argument_bytes(i);
}

/* A jump to the function's own start would be a loop of it, so that one goes through a register. */
void x86_emit_tail_call(struct emitter *e, const struct vinstr *i)
{
    x86_emit_epilogue(e);
    move_return(e, tail_distance(e, i));
    if (i->extra != e->v->ir->callee) {
        x86_asm_jump_to(&e->a, i->extra);
        return;
    }
    x86_asm_address_of(&e->a, i->extra);
    x86_insn_rr(e, X86_JMP_M, 8, 0, X86_SCRATCH);
}

/* The operands may be in registers that the epilogue restores. */
void x86_emit_tail_call_indirect(struct emitter *e, const struct vinstr *i)
{
    int32_t distance = tail_distance(e, i);
    load_targets(e, i);
    x86_emit_epilogue(e);
    if (distance != 0) { /* the target waits below the place of the return address */
        struct x86_mem unused = x86_memory_at(X86_RSP, distance - 8);
        x86_insn_rm(e, X86_MOV_MR, 8, X86_SCRATCH, unused);
        x86_insn_rm(e, X86_MOV_RM, 8, X86_SCRATCH, x86_memory_at(X86_RSP, 0));
        x86_insn_rm(e, X86_MOV_MR, 8, X86_SCRATCH, x86_memory_at(X86_RSP, distance));
        x86_insn_rm(e, X86_MOV_RM, 8, X86_SCRATCH, unused);
        x86_insn_ri(e, X86_ADD_MI, 8, X86_RSP, distance);
    }
    x86_insn_rr(e, X86_JMP_M, 8, 0, X86_SCRATCH);
}

/* Unwinding preserves only the frame pointer. */
static void landing(struct emitter *e, const struct stub *s)
{
    if ((e->features & JIT_X86_LANDING_PADS) != 0) {
        x86_insn_plain(e, X86_ENDBR64);
    }
    x86_insn_rm(e, X86_LEA, 8, X86_RSP, x86_memory_at(X86_RBP, -(int32_t)e->frame.bytes));
    restore_context(e);
    x86_asm_jump(&e->a, s->back);
}

/* After the call of an invoke everything that lives on is in memory, so the unwind path needs only
 * the address where it starts. */
void x86_emit_invoked(struct emitter *e, const struct vinstr *i)
{
    uint32_t pad = x86_add_stub(e, landing, i, x86_edge_label(e, 1), 0);
    x86_asm_row(&e->a, JIT_ROW_LANDING, 0, i->location, pad);
    if (e->a.error == OK) {
        e->a.rows[e->a.row_count - 1].at = e->a.rows[e->last_call].at;
    }
    x86_jump_along(e, 0);
}

/* ---- The rest of control ---- */

void x86_emit_jump(struct emitter *e, const struct vinstr *i)
{
    (void)i;
    x86_jump_along(e, 0);
}

void x86_trap_here(struct emitter *e, uint32_t location, unsigned trap)
{
    x86_asm_row(&e->a, JIT_ROW_TRAP, trap, location, JIT_NO_REFS);
    x86_insn_plain(e, X86_UD2);
}

void x86_emit_trap(struct emitter *e, const struct vinstr *i)
{
    x86_trap_here(e, i->location, i->trap);
}
