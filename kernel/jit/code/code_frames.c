// SPDX-License-Identifier: MIT
//
// The frames of code that are active: for a trap's list of calls, and for an exception, which looks
// for a landing. This runs in fault handlers, too: see code_fault.c.
#include "kernel/jit/code/code_map_internal.h"

#include "kernel/jit/backend.h"
#include "kernel/lib/sort.h"

/* No lock and no allocation: this runs in the handler of a fault, on the thread whose frames it
 * reads. The pieces of a running program's map change only on the same thread, which hides them
 * meanwhile (hide() in code_map.c). A deep recursion has many thousands of frames: a trace lists at
 * most CODE_FRAMES and follows at most LINKS_MAX. */
#define LINKS_MAX 4096u /* most frames that are followed, listed or not */

/* A return address may be the address just after the code. Several rows can have the same address,
 * of different kinds: rows are sorted by address only, so the search goes through all with this
 * address. */
const struct jit_row *code_piece_row(const struct code_piece *p, uint64_t pc, unsigned kind)
{
    uint32_t at = (uint32_t)(pc - p->block.address);
    uint32_t n = SORTED_FIND(p->rows, p->row_count, pc, at);
    for (; n < p->row_count && p->rows[n].pc == at; n++) {
        if (p->rows[n].kind == kind) {
            return &p->rows[n];
        }
    }
    return NULL;
}

const uint32_t *code_piece_refs(const struct code_piece *p, uint64_t pc)
{
    const struct jit_row *row = code_piece_row(p, pc, JIT_ROW_CALL);
    return row == NULL || row->refs == JIT_NO_REFS ? NULL : p->refs + row->refs;
}

uint64_t code_piece_landing(const struct code_piece *p, uint64_t pc)
{
    const struct jit_row *row = code_piece_row(p, pc, JIT_ROW_LANDING);
    return row == NULL ? 0 : p->block.address + row->refs;
}

/* ---- Frames ---- */

static void note(struct code_trace *trace, const struct code_piece *p, uint64_t pc, unsigned kind)
{
    if (p->source == NULL) {
        return;
    }
    if (trace->depth < CODE_FRAMES) {
        const struct jit_row *row = code_piece_row(p, pc, kind);
        /* The call is the instruction before the one that it returns to. */
        uint64_t inside = kind == JIT_ROW_CALL ? pc - 1 : pc;
        trace->frames[trace->depth] =
            (struct code_frame){.source = p->source,
                                .function = p->functions[code_piece_at(p, inside)].number,
                                .location = row == NULL ? 0 : row->location};
    }
    trace->depth++;
}

/* A leaf's caller is not in the chain of frames: its return address is where the machine's call
 * instruction put it. */
static bool has_no_frame(const struct code_piece *p, uint64_t pc)
{
    return p->source != NULL &&
           p->functions[code_piece_at(p, pc)].frame_bytes <= JIT_FRAMELESS_BYTES;
}

static void note_caller(struct code_map *m, const struct code_fault *fault)
{
    const struct code_piece *p = code_map_find(m, fault->caller - 1);
    if (fault->caller != 0 && p != NULL) {
        note(&m->trace, p, fault->caller, JIT_ROW_CALL);
    }
}

/* Where a walk is: the next frame record, and the lowest address at which it may be. */
struct walk {
    uint64_t fp, sp;
};

/* Leave a frame. The chain is read from a stack that a faulting program may have damaged. So every
 * frame must be above the one before, aligned, and inside the part of the stack that this entry
 * uses. On AArch64 the return address is signed; return_address() removes the signature without
 * checking it, because the address is only looked up and never jumped to. A traced function's
 * return address leads to the tracer, and returns_to() finds the real one. @return the address to
 * which it returns; 0: there are no more frames. */
static uint64_t step(const struct code_map *m, struct walk *w)
{
    uint64_t top = m->entry->saved_sp;
    if (w->fp < w->sp || w->fp % 8 != 0 || w->fp + 16 > top) {
        return 0;
    }
    const uint64_t *frame = (const uint64_t *)(uintptr_t)w->fp;
    uint64_t pc = m->machine->return_address(frame[1]);
    if (m->space->returns_to != NULL) {
        pc = m->space->returns_to(pc, w->fp, top);
    }
    w->sp = w->fp + 16;
    w->fp = frame[0];
    return pc;
}

void code_map_trace(struct code_map *m, const struct code_fault *fault)
{
    struct walk walk = {.fp = fault->fp, .sp = fault->sp};
    const struct code_piece *p = fault->pc == 0 ? NULL : code_map_find(m, fault->pc);
    bool seen = p != NULL;
    m->trace.depth = 0;
    if (p != NULL) {
        note(&m->trace, p, fault->pc, JIT_ROW_TRAP);
        if (has_no_frame(p, fault->pc)) {
            note_caller(m, fault);
        }
    }
    uint64_t pc;
    for (uint32_t links = 0; links < LINKS_MAX && (pc = step(m, &walk)) != 0; links++) {
        p = code_map_find(m, pc - 1);
        if (p != NULL) {
            note(&m->trace, p, pc, JIT_ROW_CALL);
            seen = true;
        } else if (seen) {
            /* A C frame after a compiled one belongs to the code that entered it: the trace ends.
             * C frames before the first compiled one belong to a host function and are skipped. */
            return;
        }
    }
}

/* ---- Exceptions ---- */

/* As code_map_trace(): from the frame of a C function that code has called. There is no limit on
 * the frames here, because an exception must not be lost in a deep recursion; step() goes upwards
 * only, so the walk ends. The verifier has proved that the frame pointer at a call is a frame
 * record that the prologue wrote (docs/jit.md, "Exceptions"). So the frame pointer that this
 * returns is that of the function with the landing, and jit_land() may trust it. A C frame above
 * compiled code ends the search: C code holds things that have to be released. */
static uint64_t find_landing(struct code_map *m, uint64_t *frame_pointer)
{
    struct walk walk = {.fp = *frame_pointer, .sp = *frame_pointer};
    bool seen = false;
    uint64_t pc;
    while ((pc = step(m, &walk)) != 0) {
        const struct code_piece *p = code_map_find(m, pc - 1);
        if (p == NULL && seen) {
            return 0;
        }
        uint64_t landing = p == NULL ? 0 : code_piece_landing(p, pc);
        if (landing != 0) {
            *frame_pointer = walk.fp;
            return landing;
        }
        if (p != NULL) {
            note(&m->trace, p, pc, JIT_ROW_CALL);
            seen = true;
        }
    }
    return 0;
}

void code_map_throw(struct code_map *m, bool goes_on)
{
    uint64_t fp = (uintptr_t)__builtin_frame_address(0);
    m->trace.depth = goes_on ? m->trace.depth : 0;
    uint64_t landing = find_landing(m, &fp);
    if (landing != 0) {
        jit_land(fp, landing);
    }
    jit_leave(m->entry, CODE_THROWN);
}
