// SPDX-License-Identifier: MIT
//
// Which faults code may cause. All of this runs in fault handlers: it reads lists that only grow
// while code runs, acquires no lock and allocates nothing.
#include "kernel/jit/code/code_map_internal.h"

#include "kernel/jit/backend.h"

#include <stdatomic.h>

#define NULL_REACH UINT64_C(0x10000) /* largest offset of a field in an object that may be null */

/* ---- How code ends ---- */

/* Whether an access fault is explained: by a row for an access to memory, or for a prologue that
 * probes the stack, but not for an instruction that traps on purpose. */
static bool is_explained(const struct code_map *m, const struct jit_row *row,
                         const struct code_fault *fault)
{
    if (!fault->is_memory) {
        return true;
    }
    switch (row->trap) {
    case IR_TRAP_MEMORY:
        return m->has_address(m->ctx, fault->address);
    case IR_TRAP_STACK:
        return fault->address < fault->sp;
    case IR_TRAP_NULL:
        return fault->address < NULL_REACH;
    default:
        return false;
    }
}

bool code_map_fault(struct code_map *m, const struct code_fault *fault, struct code_resume *out)
{
    const struct code_piece *p = m->entry == NULL ? NULL : code_map_find(m, fault->pc);
    if (p == NULL) {
        return false;
    }
    const struct jit_row *row = code_piece_row(p, fault->pc, JIT_ROW_TRAP);
    if (!fault->is_interrupt && (row == NULL || !is_explained(m, row, fault))) {
        return false;
    }
    uint64_t trap = fault->is_interrupt ? IR_TRAP_STACK : row->trap;
    code_map_trace(m, fault);
    *out = (struct code_resume){.entry = m->entry, .outcome = CODE_TRAPPED + trap};
    return true;
}

/* Compiled code polls nothing, so a program that loops is ended from
 * an interrupt. That is safe at any instruction of its code: it holds
 * nothing of the kernel's, and its memory belongs to its store. */
bool code_map_interrupt(struct code_map *m, uint64_t pc, struct code_resume *out)
{
    if (m->entry == NULL || atomic_load_explicit(m->stop, memory_order_relaxed) == 0 ||
        code_map_find(m, pc) == NULL) {
        return false;
    }
    m->trace.depth = 0;
    *out = (struct code_resume){.entry = m->entry, .outcome = CODE_STOPPED};
    return true;
}

void code_map_leave(struct code_map *m, uint64_t outcome)
{
    uint64_t fp = (uintptr_t)__builtin_frame_address(0);
    code_map_trace(m, &(struct code_fault){.fp = fp, .sp = fp});
    jit_leave(m->entry, outcome);
}
