// SPDX-License-Identifier: MIT
//
// Landings: where control continues in a function when a call of it is unwound (JIT_ROW_LANDING).
//
// Such a call ends a block, which is followed by two: the one at its return address, and the
// landing, which has no other way in. At a landing only the frame pointer is the function's own,
// because each call has a frame record (has_record()). All other registers are undefined. The cells
// are as they were before the call, except that those which the callee could write are undefined.
//
// The stack pointer is still the thrower's. The landing sets it before it does anything but
// arithmetic. set_stack() then compares it with its value at the call, as if it had kept that: it
// may not fall below what a probe has reached, and if it is higher, only the return may follow.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/sort.h"

#define COMPUTED_MAX 4u /* instructions of a landing before the stack pointer is set */

/* ---- Before decoding: rows ---- */

static bool note(struct verifier *v, const struct jit_row *row, uint32_t start)
{
    uint32_t pc = row->pc - start, target = row->refs - start;
    v->at = pc;
    if (pc == 0 || pc >= v->size || target >= v->size || target == 0) {
        return verify_refuse(v, "a landing outside the function");
    }
    if (v->landing_count != 0 && v->landings[v->landing_count - 1].pc == pc) {
        return verify_refuse(v, "two landings of one call");
    }
    if (!ROOM(v, landing, 1) || !verify_add_leader(v, pc) || !verify_add_leader(v, target)) {
        return false;
    }
    v->landings[v->landing_count++] = (struct landing){.pc = pc, .target = target};
    return true;
}

/* A return address may be that of the end of the code. */
bool verify_find_landings(struct verifier *v)
{
    const struct code_piece *p = v->piece;
    uint32_t start = p->functions[v->function].start;
    uint32_t n = SORTED_FIND(p->rows, p->row_count, pc, start);
    for (; n < p->row_count && p->rows[n].pc - start <= v->size; n++) {
        if (p->rows[n].kind == JIT_ROW_LANDING && !note(v, &p->rows[n], start)) {
            return false;
        }
    }
    return true;
}

/* ---- Blocks ---- */

static struct block *block_at(struct verifier *v, uint32_t offset)
{
    return &v->blocks[verify_block_at(v, offset)];
}

/* Nothing in a register survives. */
void verify_mark_landings(struct verifier *v)
{
    for (uint32_t n = 0; n < v->landing_count; n++) {
        struct block *b = block_at(v, v->landings[n].target);
        b->is_landing = true;
        b->writes = ~UINT64_C(0);
    }
}

/* @return the landing of a block that ends in a call, or NO_BLOCK. */
uint32_t verify_landing_of(const struct verifier *v, const struct verify_insn *last)
{
    uint32_t end = last->at + last->length;
    if (v->landing_count == 0 || (last->op != VERIFY_CALL && last->op != VERIFY_CALL_TO)) {
        return NO_BLOCK;
    }
    uint32_t n = SORTED_FIND(v->landings, v->landing_count, pc, end);
    return n < v->landing_count && v->landings[n].pc == end ? v->landings[n].target : NO_BLOCK;
}

/* The block whose call a landing belongs to. @return NULL: it belongs to none, or to several. */
static struct block *caller_of(struct verifier *v, const struct landing *l)
{
    const struct block *b = block_at(v, l->target);
    struct block *from = b->pred_count == 1 ? &v->blocks[v->edges[b->preds] >> 1] : NULL;
    bool is_its =
        from != NULL && from->invokes && v->edges[from->succs + 1] == verify_block_at(v, l->pc);
    return is_its ? from : NULL;
}

/* The edges are known. Each landing belongs to one call. If other code leads to the return address,
 * the call has to end as any other block does. */
bool verify_check_landings(struct verifier *v)
{
    for (uint32_t n = 0; n < v->landing_count; n++) {
        struct block *next = block_at(v, v->landings[n].pc);
        struct block *from = caller_of(v, &v->landings[n]);
        v->at = v->landings[n].pc;
        if (from == NULL) {
            return verify_refuse(v, "a landing that is not of one call");
        }
        next->is_returned = next->pred_count == 1;
        from->loses_home = next->is_returned;
    }
    return true;
}

/* ---- The walk ---- */

/* The stack pointer must be set before anything depends on it. */
static bool sets_stack(const struct verifier *v, const struct block *b)
{
    uint32_t at = b->first, end = b->first + b->count;
    while (at < end && (v->insns[at].op == VERIFY_PAD || v->insns[at].op == VERIFY_PAD_JUMP)) {
        at++;
    }
    for (end = MIN(end, at + COMPUTED_MAX); at < end; at++) {
        const struct verify_insn *i = &v->insns[at];
        bool computes = i->op == VERIFY_CONST || i->op == VERIFY_INSERT || i->op == VERIFY_MOVE ||
                        i->op == VERIFY_ADD || i->op == VERIFY_SUB || i->op == VERIFY_LEA;
        if (!computes || (i->flags & VERIFY_MEM) != 0) {
            return i->op == VERIFY_LEA && i->d == v->m->sp;
        }
        if (i->d == v->m->sp) {
            return true;
        }
    }
    return false;
}

bool verify_enter_landing(struct verifier *v)
{
    struct block *b = v->now;
    for (unsigned r = 0; r < VERIFY_REGISTERS; r++) {
        if (r != VERIFY_ZERO && r != v->m->fp) {
            b->out[r] = UNDEFINED_NODE;
        }
    }
    v->flags_open = OPEN_ALL;
    v->at = v->insns[b->first].at;
    v->work += b->called_cells / 8;
    for (int64_t at = 0; at < (int64_t)b->called_cells; at += 8) {
        if (!value_store_cell(v, b->called_at + at, UNDEFINED_NODE)) {
            return false;
        }
    }
    if (v->shape->has_pads && !verify_starts_with_pad(v, v->block)) {
        return verify_refuse(v, "a landing without a landing pad");
    }
    return sets_stack(v, b) || verify_refuse(v, "a landing that does not set the stack pointer");
}

/* After the call the context may be another module's until it is restored. */
void verify_enter_returned(struct verifier *v)
{
    const struct block *from = &v->blocks[v->edges[v->now->preds] >> 1];
    v->now->out[v->m->context] = from->out[v->m->context];
    v->now->out[v->m->base] = from->out[v->m->base];
}
