// SPDX-License-Identifier: MIT
//
// Prologues and epilogues. The frame record is complete before anything can fault, so a backtrace
// always finds a valid frame.
#include "arch/aarch64/jit/frame.h"

#include "arch/aarch64/jit/machine.h"
#include "arch/aarch64/jit/ops.h"
#include "kernel/lib/compiler.h"

#define UNROLLED 4u

enum status a64_frame_plan(struct a64_frame *f, const struct vcode *v, uint64_t features)
{
    *f = (struct a64_frame){.exists = false};
    for (unsigned class = 0; class < VCLASS_COUNT; class ++) {
        f->saved[class] = v->used[class] & jit_machine_aarch64.registers.callee_saved[class];
    }
    if ((v->machine_flags & A64_CALLS_C) != 0 && (features & JIT_ARM_VECTORS_IN_C) != 0) {
        f->saved[VCLASS_FLOAT] = jit_machine_aarch64.registers.callee_saved[VCLASS_FLOAT];
    }
    f->keeps_context = (v->machine_flags & A64_KEEPS_CONTEXT) != 0;
    unsigned ints = (unsigned)__builtin_popcount(f->saved[VCLASS_INT]);
    unsigned floats = (unsigned)__builtin_popcount(f->saved[VCLASS_FLOAT]);
    f->saves = (f->keeps_context ? 16 : 0) + (ints + 1) / 2 * 16 + floats * 16;
    f->spills = ALIGN_UP((uint64_t)v->outgoing_bytes, (uint64_t)16);
    f->locals = f->spills + ALIGN_UP((uint64_t)v->slot_count * 8, (uint64_t)16);
    f->bytes = f->locals + ALIGN_UP((uint64_t)v->local_bytes, (uint64_t)16) + f->saves;
    f->moved = v->moved_bytes;
    f->popped = v->popped_bytes;
    f->exists = v->has_calls || f->bytes != 0 || f->moved != 0;
    f->probes = v->has_calls || f->bytes > JIT_LEAF_BYTES || f->moved != 0;
    return f->bytes > INT32_MAX ? E_OVERFLOW : OK;
}

/* Save or restore the registers of a mask, two at a time, in memory that ends at x29 - below.
 * @return the new value of below. */
static int64_t move_saved(struct a64_asm *a, uint32_t mask, bool stores, unsigned class,
                          int64_t below)
{
    bool is_int = class == VCLASS_INT;
    unsigned pair = is_int ? (stores ? A64_STP_X : A64_LDP_X) : (stores ? A64_STP_Q : A64_LDP_Q);
    unsigned one = is_int ? (stores ? A64_STR_X : A64_LDR_X) : (stores ? A64_STR_Q : A64_LDR_Q);
    int64_t size = is_int ? 8 : 16;
    while (mask != 0) {
        unsigned first = (unsigned)__builtin_ctz(mask);
        mask &= mask - 1;
        if (mask == 0) {
            below += 16; /* 16 for either class, to stay aligned */
            a64_access(a, one, first, A64_FP, -below, -1);
            break;
        }
        unsigned second = (unsigned)__builtin_ctz(mask);
        mask &= mask - 1;
        below += 2 * size;
        a64_put(a, &(struct a64_insn){.form = (uint16_t)pair,
                                      .regs = {(uint8_t)first, (uint8_t)second, A64_FP},
                                      .imm = (uint64_t)-below});
    }
    return below;
}

#define CONTEXT_AT (-8) /* offset from x29 */

static void move_all_saved(struct a64_asm *a, const struct a64_frame *f, bool stores)
{
    if (f->keeps_context && stores) {
        a64_access(a, A64_STR_X, A64_CONTEXT, A64_FP, CONTEXT_AT, -1);
    }
    int64_t below = f->keeps_context ? 16 : 0;
    below = move_saved(a, f->saved[VCLASS_FLOAT], stores, VCLASS_FLOAT, below);
    (void)move_saved(a, f->saved[VCLASS_INT], stores, VCLASS_INT, below);
}

void a64_frame_restore_context(struct a64_asm *a)
{
    a64_access(a, A64_LDR_X, A64_CONTEXT, A64_FP, CONTEXT_AT, -1);
    a64_access(a, A64_LDR_X, A64_BASE, A64_CONTEXT, 0, -1);
}

static void probe(struct a64_asm *a, uint64_t below)
{
    a64_add(a, A64_X17, A64_SP, -(int64_t)ALIGN_UP(below, UINT64_C(4096)));
    a64_row(a, JIT_ROW_TRAP, IR_TRAP_STACK);
    a64_rri(a, A64_LDR_X, true, A64_ZR, A64_X17, 0);
}

/* Probe the given number of pages in a loop. */
static void probe_loop(struct a64_asm *a, uint64_t count)
{
    a64_constant(a, A64_X16, count);
    a64_rri(a, A64_ADD_IMM, true, A64_X17, A64_SP, 0);
    uint32_t again = a64_label(a);
    a64_bind(a, again);
    a64_rri(a, A64_SUB_IMM, true, A64_X17, A64_X17, JIT_PROBE_EVERY);
    a64_row(a, JIT_ROW_TRAP, IR_TRAP_STACK);
    a64_rri(a, A64_LDR_X, true, A64_ZR, A64_X17, 0);
    a64_rri(a, A64_SUBS_IMM, true, A64_X16, A64_X16, 1);
    a64_branch(a, (struct a64_insn){.form = A64_B_COND, .option = A64_NE}, again);
}

/* code.h specifies the guarantee. */
static void probe_all(struct a64_asm *a, uint64_t bytes)
{
    uint64_t end = bytes + JIT_STACK_MARGIN, count = end / JIT_PROBE_EVERY;
    if (count > UNROLLED) {
        probe_loop(a, count);
    } else {
        for (uint64_t at = JIT_PROBE_EVERY; at < end; at += JIT_PROBE_EVERY) {
            probe(a, at);
        }
    }
    probe(a, end);
}

void a64_frame_enter(struct a64_asm *a, const struct a64_frame *f)
{
    if (!f->exists) {
        return;
    }
    if (f->moved != 0) {
        a64_add(a, A64_SP, A64_SP, -(int64_t)f->moved);
    }
    a64_put(a, &(struct a64_insn){
                   .form = A64_STP_X_PRE, .regs = {A64_FP, A64_LR, A64_SP}, .imm = (uint64_t)-16});
    a64_rri(a, A64_ADD_IMM, true, A64_FP, A64_SP, 0);
    if (f->probes) {
        probe_all(a, f->bytes);
    }
    if (f->bytes != 0) {
        a64_add(a, A64_SP, A64_SP, -(int64_t)f->bytes);
    }
    move_all_saved(a, f, true);
}

void a64_frame_remove(struct a64_asm *a, const struct a64_frame *f, uint32_t kept)
{
    if (f->exists) {
        move_all_saved(a, f, false);
        if (f->bytes != 0) {
            a64_rri(a, A64_ADD_IMM, true, A64_SP, A64_FP, 0);
        }
        a64_put(a, &(struct a64_insn){
                       .form = A64_LDP_X_POST, .regs = {A64_FP, A64_LR, A64_SP}, .imm = 16});
    }
    if (f->moved + f->popped != kept) {
        a64_add(a, A64_SP, A64_SP, (int64_t)f->moved + f->popped - kept);
    }
}

void a64_frame_leave(struct a64_asm *a, const struct a64_frame *f)
{
    a64_frame_remove(a, f, 0);
    a64_put(a, &(struct a64_insn){.form = A64_RET, .regs = {A64_LR}});
}
