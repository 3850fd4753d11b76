// SPDX-License-Identifier: MIT
//
// Verifies one function after its blocks are found. It visits each block once, in an order in which
// all predecessors come first, except those on back edges. docs/jit.md, "The verifier".
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/base/assert.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define FUNCTION_ALIGN 16u
#define ATTEMPTS       8u /* most functions need one */

/* ---- Failing ---- */

bool verify_refuse(struct verifier *v, const char *text)
{
    if (v->status == OK) {
        v->status = E_CORRUPT;
        v->err->function = v->function;
        v->err->offset = v->at;
        (void)fmt_print(v->err->text, sizeof v->err->text, "%s", text);
    }
    return false;
}

bool verify_grow(struct verifier *v, void *array, uint32_t *capacity, uint64_t needed,
                 size_t element)
{
    void **slot = array;
    void *grown =
        v->status == OK ? arena_grow_list(v->arena, *slot, capacity, needed, element) : NULL;
    if (grown == NULL) {
        v->status = v->status == OK ? E_NOMEM : v->status;
        return false;
    }
    *slot = grown;
    return true;
}

/* ---- Between blocks ---- */

/* Every predecessor of a block must end with the same stack pointer and registers of the frame. */
static bool leave_to(struct verifier *v, uint32_t target)
{
    struct block *to = &v->blocks[target];
    uint32_t fp = value_register(v, v->m->fp);
    int32_t sp = to->is_landing ? v->call_sp : v->sp;
    if (!to->has_entry) {
        to->has_entry = true;
        to->sp = sp;
        to->fp = fp;
        to->called_at = v->call_at;
        to->called_cells = v->call_cells;
    }
    to->flags_open |= v->flags_open == OPEN_MERGE ? (uint8_t)OPEN_OTHERS : v->flags_open;
    return (to->sp == sp && value_same(v, to->fp, fp)) ||
           verify_refuse(v, "the stack differs by the way here");
}

static bool leave_block(struct verifier *v)
{
    const struct block *b = v->now;
    if (b->succ_count == 0) {
        return true;
    }
    if (v->is_leaving || !(b->loses_home || verify_is_home(v))) {
        return verify_refuse(v, "a jump in the middle of a return or of a call");
    }
    for (uint32_t n = 0; n < b->succ_count; n++) {
        if (!leave_to(v, v->edges[b->succs + n])) {
            return false;
        }
        v->work++;
    }
    return true;
}

/* FACTS_NEVER: no execution enters the block by a forward edge. */
static uint32_t facts_at_start(struct verifier *v, const struct block *b)
{
    uint32_t common = FACTS_NEVER;
    for (uint32_t n = 0; n < b->pred_count; n++) {
        uint32_t edge = v->edges[b->preds + n];
        if (!fact_is_way_in(v, b, edge)) {
            continue;
        }
        uint32_t facts = facts_of_edge(v, edge);
        common = common == FACTS_NEVER ? facts : fact_common(v, common, facts);
    }
    return b == v->blocks ? 0 : common;
}

static void enter_block(struct verifier *v, uint32_t number)
{
    struct block *b = &v->blocks[number];
    v->block = number;
    v->now = b;
    v->settable = b->writes & v->plain;
    v->sp = b->sp;
    v->is_leaving = false;
    v->flags.is_valid = false;
    v->flags_open = b->is_header ? (uint8_t)OPEN_ALL : b->flags_open;
    v->facts_now = b->facts;
    value_enter_block(v);
    b->out[v->m->fp] = b->fp;
    if ((int64_t)value_of(v, v->frame_node)->n != b->sp) {
        v->frame_node = value_new(v, VALUE_FRAME, 0, (uint64_t)(int64_t)b->sp);
    }
    b->out[v->m->sp] = v->frame_node;
    b->out[v->m->context] = v->entry[v->m->context];
    b->out[v->m->base] = v->entry[v->m->base];
}

static bool check_block(struct verifier *v, uint32_t number)
{
    struct block *b = &v->blocks[number];
    b->edge_facts[0] = b->edge_facts[1] = b->facts = facts_at_start(v, b);
    if (b->facts == FACTS_NEVER) {
        return true;
    }
    enter_block(v, number);
    if (b->is_landing && !verify_enter_landing(v)) {
        return false;
    }
    if (b->is_returned) {
        verify_enter_returned(v);
    }
    const struct verify_insn *first = &v->insns[b->first];
    v->work += b->count;
    return verify_steps(v, first, first + b->count) && leave_block(v);
}

static bool brings_facts(const struct verifier *v, const struct block *b, uint32_t edge)
{
    uint32_t facts = facts_of_edge(v, edge);
    return facts == FACTS_NEVER ||
           (b->facts != FACTS_NEVER && fact_common(v, b->facts, facts) == b->facts);
}

/* The facts at a loop header must also hold on its back edges: it started with those of the edges
 * from outside. Facts of the loop's body come below them in the tree, so this fails only if a way
 * leads around the header. */
static bool facts_survive(struct verifier *v)
{
    for (uint32_t n = 0; n < v->block_count; n++) {
        const struct block *b = &v->blocks[n];
        for (uint32_t p = 0; b->is_header && p < b->pred_count; p++) {
            uint32_t edge = v->edges[b->preds + p];
            if (v->blocks[edge >> 1].order >= b->order && !brings_facts(v, b, edge)) {
                v->at = v->insns[b->first].at;
                return verify_refuse(v, "a loop that is entered in the middle");
            }
        }
    }
    return true;
}

/* ---- The whole ---- */

static bool make_first_nodes(struct verifier *v)
{
    if (!ROOM(v, value, v->insn_count + 64u)) { /* mostly enough for all */
        return false;
    }
    uint32_t undefined = value_new(v, VALUE_UNDEFINED, 0, 0), zero = value_const(v, 0);
    ASSERT(undefined == UNDEFINED_NODE && zero == ZERO_NODE);
    return true;
}

static bool verify(struct verifier *v)
{
    if (v->piece->functions[v->function].start % FUNCTION_ALIGN != 0 ||
        v->piece->block.address % FUNCTION_ALIGN != 0) {
        return verify_refuse(v, "a function that is not aligned"); /* nor are its constants then */
    }
    if (!verify_find_blocks(v) || !make_first_nodes(v) || !verify_enter(v)) {
        return false;
    }
    if (v->shape->has_pads && v->insns[0].op != VERIFY_PAD) {
        v->at = 0;
        return verify_refuse(v, "an entry without a landing pad");
    }
    v->blocks[0].has_entry = true;
    v->blocks[0].flags_open = OPEN_ALL;
    v->blocks[0].fp = v->entry[v->m->fp];
    v->blocks[0].writes = v->blocks[0].cells = ~UINT64_C(0);
    for (uint32_t n = 0; n < v->block_count && !v->was_wrong; n++) {
        if (!check_block(v, v->order[n])) {
            return false;
        }
        if (n == 0) {
            verify_find_loops(v);
        }
    }
    return !v->was_wrong && facts_survive(v) && value_finish(v);
}

void verify_begin(struct verifier *v, const struct verify_machine *m,
                  const struct verify_shape *shape, const struct code_piece *p, uint32_t function,
                  struct arena *a, struct verify_error *err)
{
    const struct code_function *f = &p->functions[function];
    uint32_t kept = m->callee_saved | m->reserved | UINT32_C(1) << m->sp | UINT32_C(1) << m->fp |
                    UINT32_C(1) << m->context | UINT32_C(1) << m->base;
    *v = (struct verifier){.m = m,
                           .called = (~(uint64_t)kept & ((UINT64_C(1) << m->registers) - 1)) |
                                     UINT64_C(1) << LOCATION_EPOCH,
                           .plain = ~(UINT64_C(1) << m->sp | UINT64_C(1) << m->fp |
                                      UINT64_C(1) << m->context | UINT64_C(1) << m->base |
                                      UINT64_C(1) << VERIFY_ZERO | m->reserved),
                           .shape = shape,
                           .piece = p,
                           .signature = verify_signature_of(shape, f),
                           .code = p->block.bytes + f->start,
                           .function = function,
                           .size = f->size,
                           .arena = a,
                           .err = err};
}

/* At first with predictions of the cells that loops write, and of values that loops do not change.
 * If one was wrong, nothing that was concluded counts: once more, without it. A refusal because of
 * other reasons stands; at worst it is too strict. */
enum status verify_function(const struct verify_machine *m, const struct verify_shape *shape,
                            const struct code_piece *p, uint32_t function, struct arena *a,
                            struct verify_error *err, uint64_t *work)
{
    struct verifier *v = arena_take(a, sizeof *v);
    struct varying *varying = arena_take(a, sizeof *varying);
    bool is_safe, foresees = true;
    unsigned attempts = 0;
    if (v == NULL || varying == NULL) {
        return E_NOMEM;
    }
    varying->count = 0;
    do {
        verify_begin(v, m, shape, p, function, a, err);
        v->foresees = foresees;
        v->varying = varying;
        is_safe = verify(v);
        foresees = v->foresees;
        if (work != NULL) {
            *work += v->work;
        }
    } while (++attempts < ATTEMPTS && v->was_wrong && v->status != E_NOMEM);
    if (!is_safe && v->status == OK) {
        (void)verify_refuse(v, "a value is not the same on every way");
    }
    return v->status;
}
