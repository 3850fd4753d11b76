// SPDX-License-Identifier: MIT
//
// What selection must know about the whole function before it starts. Each pass is linear.
#include "kernel/jit/codegen/select_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* ---- Parameters that equal one value ---- */

/* Reverse post-order: an argument's own name is final before the parameter that it is passed to. */
static void name_values(struct selector *s)
{
    const struct ir_function *f = s->f;
    for (uint32_t n = 0; n < f->instr_count; n++) {
        s->values[n] = (struct select_value){.same = n, .vreg = VREG_NONE};
    }
    for (uint32_t n = 0; n < s->cfg.count; n++) {
        uint32_t block = s->cfg.order[n], first = s->cfg.pred_first[block];
        const struct ir_block *b = &f->blocks[block];
        if (s->cfg.pred_first[block + 1] - first != 1) {
            continue;
        }
        const struct ir_edge *e = &f->edges[s->cfg.pred_edge[first]];
        for (uint32_t p = 0; p < b->params; p++) {
            s->values[b->first + p].same = select_same(s, f->pool[e->args + p]);
        }
    }
}

/* ---- What is needed ---- */

struct needs {
    struct selector *s;
    uint32_t *work; /* values found to be needed after the sweep had passed them */
    uint32_t count;
};

/* Counts uses up to 255; selection only asks whether there is one, or more. */
static void need(void *ctx, uint32_t *value)
{
    struct needs *n = ctx;
    struct select_value *v = &n->s->values[select_same(n->s, *value)];
    v->uses += v->uses < UINT8_MAX;
    if (v->is_passed && !v->is_needed) {
        n->work[n->count++] = v->same;
    }
    v->is_needed = true;
}

static bool space_traps(unsigned space)
{
    return space == IR_SPACE_MEMORY || space == IR_SPACE_OBJECT;
}

/* Instructions with an effect are needed even if no other instruction uses their result. A load
 * that cannot trap has none. */
static bool has_effect(const struct ir_function *f, const struct ir_instr *i)
{
    if (i->op == IR_LOAD) {
        return space_traps(f->memrefs[i->c].space);
    }
    return (ir_op_info[i->op].flags & (IR_WRITES | IR_TRAPS | IR_CALLS | IR_ENDS)) != 0;
}

/* Mark the arguments of a needed parameter. The parameter's instruction number tells which block it
 * belongs to. */
static void need_arguments(struct needs *n, uint32_t param, const uint32_t *block_at)
{
    struct selector *s = n->s;
    const struct ir_function *f = s->f;
    uint32_t number = f->instrs[param].a, block = block_at[param - number];
    for (uint32_t p = s->cfg.pred_first[block]; p < s->cfg.pred_first[block + 1]; p++) {
        need(n, &f->pool[f->edges[s->cfg.pred_edge[p]].args + number]);
    }
}

static void need_operands(struct needs *n, uint32_t value, const uint32_t *block_at)
{
    /* not const, although nothing here writes to it */
    struct ir_function *f = (struct ir_function *)n->s->f;
    struct ir_instr *i = &f->instrs[value];
    n->s->values[value].is_needed = true;
    if (i->op == IR_PARAM) {
        need_arguments(n, value, block_at);
    } else {
        ir_for_each_operand(f, i, need, n);
    }
}

/* Sweep a block from its end, so that users come before their values. That is enough without a
 * loop; a value that a back edge makes needed goes on the work list. */
static void sweep_block(struct needs *n, uint32_t block, const uint32_t *block_at)
{
    const struct ir_function *f = n->s->f;
    const struct ir_block *b = &f->blocks[block];
    for (uint32_t at = b->first + b->count; at-- > b->first;) {
        n->s->values[at].is_passed = true;
        n->s->blocks[block].calls |= (ir_op_info[f->instrs[at].op].flags & IR_CALLS) != 0;
        if (n->s->values[at].is_needed || has_effect(f, &f->instrs[at])) {
            need_operands(n, at, block_at);
            while (n->count > 0) {
                need_operands(n, n->work[--n->count], block_at);
            }
        }
    }
}

static bool find_needs(struct selector *s)
{
    const struct ir_function *f = s->f;
    struct needs n = {.s = s};
    struct arena_mark mark = arena_mark(s->v->arena);
    n.work = arena_take(s->v->arena, (size_t)f->instr_count * sizeof *n.work);
    uint32_t *block_at = arena_take(s->v->arena, (size_t)f->instr_count * sizeof *block_at);
    if (n.work == NULL || block_at == NULL) {
        return false;
    }
    for (uint32_t o = 0; o < s->cfg.count; o++) {
        block_at[f->blocks[s->cfg.order[o]].first] = s->cfg.order[o];
    }
    for (uint32_t o = s->cfg.count; o-- > 0;) {
        sweep_block(&n, s->cfg.order[o], block_at);
    }
    arena_release(s->v->arena, mark);
    return true;
}

/* ---- Edges, without duplicates ---- */

/* Two edges with the same target and the same arguments need only one set of moves. */
static bool same_edge(const struct selector *s, uint32_t a, uint32_t b)
{
    const struct ir_function *f = s->f;
    const struct ir_edge *x = &f->edges[a], *y = &f->edges[b];
    bool same = x->to == y->to;
    for (uint32_t n = 0; same && n < x->count; n++) {
        same = select_same(s, f->pool[x->args + n]) == select_same(s, f->pool[y->args + n]);
    }
    return same;
}

static uint32_t hash_edge(const struct selector *s, uint32_t edge)
{
    const struct ir_edge *e = &s->f->edges[edge];
    uint64_t h = e->to;
    for (uint32_t n = 0; n < e->count; n++) {
        h = (h ^ h >> 29) * UINT64_C(0x9e3779b97f4a7c15) + select_same(s, s->f->pool[e->args + n]);
    }
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(h >> 32);
}

/* A switch has many cases but few targets: a hash table finds the distinct ones. */
static bool gather_cases(struct selector *s, struct select_block *b, const struct ir_instr *last)
{
    uint32_t size = 16;
    while (size < 2 * (uint64_t)last->c && size < UINT32_MAX / 2) {
        size *= 2;
    }
    uint32_t *table = arena_alloc(s->v->arena, (size_t)size * sizeof *table); /* index + 1 */
    b->case_pool = vcode_pool(s->v, NULL, last->c);
    if (table == NULL || s->v->error != OK) {
        return false;
    }
    for (uint32_t n = 0; n < last->c; n++) {
        uint32_t edge = last->b + n, at = hash_edge(s, edge) & (size - 1);
        while (table[at] != 0 && !same_edge(s, s->edges[b->first + table[at] - 1], edge)) {
            at = (at + 1) & (size - 1);
        }
        if (table[at] == 0) {
            s->edges[s->edge_count++] = edge;
            table[at] = ++b->edges;
        }
        s->v->pool[b->case_pool + n] = table[at] - 1;
    }
    return true;
}

static bool gather_edges(struct selector *s)
{
    const struct ir_function *f = s->f;
    uint64_t total = 0;
    for (uint32_t o = 0; o < s->cfg.count; o++) {
        total += ir_edge_count(f, ir_terminator(f, s->cfg.order[o]));
    }
    s->edges = arena_take(s->v->arena, (size_t)total * sizeof *s->edges);
    if (s->edges == NULL) {
        return false;
    }
    for (uint32_t o = 0; o < s->cfg.count; o++) {
        const struct ir_instr *last = ir_terminator(f, s->cfg.order[o]);
        struct select_block *b = &s->blocks[s->cfg.order[o]];
        b->first = s->edge_count;
        if (last->op == IR_SWITCH && !gather_cases(s, b, last)) {
            return false;
        }
        for (uint32_t e = 0; last->op != IR_SWITCH && e < ir_edge_count(f, last); e++) {
            s->edges[s->edge_count++] = ir_edge_of(f, last, e);
            b->edges++;
        }
        for (uint32_t e = 0; e < b->edges; e++) {
            s->blocks[f->edges[s->edges[b->first + e]].to].ways_in++;
        }
    }
    return true;
}

/* ---- Blocks ---- */

bool select_is_critical(const struct selector *s, uint32_t from, uint32_t to)
{
    return s->blocks[from].edges > 1 && s->blocks[to].ways_in > 1;
}

/* A block is cold if it is marked as cold or if all it
 * can reach is a trap. Successors are examined first. */
static void find_cold(struct selector *s)
{
    for (uint32_t o = s->cfg.count; o-- > 1 && s->v->error == OK;) {
        const struct select_block *b = &s->blocks[s->cfg.order[o]];
        const struct ir_instr *last = ir_terminator(s->f, s->cfg.order[o]);
        bool rare = (last->flags & IR_RARE) != 0, cold = last->op == IR_TRAP || b->edges > 0;
        for (uint32_t e = 0; e < b->edges && !rare; e++) {
            uint32_t to = s->f->edges[s->edges[b->first + e]].to;
            cold = cold && s->cfg.position[to] > o && s->v->blocks[s->blocks[to].vblock].is_cold;
        }
        s->v->blocks[b->vblock].is_cold = cold;
    }
}

/* A loop that is marked already was reached from another of its blocks, and so were those around
 * it: each loop is marked once. */
static void find_loops_that_call(struct selector *s)
{
    for (uint32_t o = 0; o < s->cfg.count && s->v->error == OK; o++) {
        const struct select_block *b = &s->blocks[s->cfg.order[o]];
        uint32_t loop = s->cfg.loop[s->cfg.order[o]];
        bool marks = b->calls && !s->v->blocks[b->vblock].is_cold;
        while (marks && loop != IR_NONE && !s->blocks[loop].loop_calls) {
            s->blocks[loop].loop_calls = true;
            loop = s->cfg.outer[loop];
        }
    }
}

/* The block on a critical edge comes directly after the block that the edge leaves. An edge is
 * critical if its source has several edges out and its target several in: then neither end is a
 * place for its moves, so it gets a block of its own. */
static void make_blocks(struct selector *s)
{
    for (uint32_t o = 0; o < s->cfg.count; o++) {
        uint32_t block = s->cfg.order[o];
        struct select_block *b = &s->blocks[block];
        b->vblock = vcode_block(s->v);
        for (uint32_t e = 0; e < b->edges; e++) {
            if (select_is_critical(s, block, s->f->edges[s->edges[b->first + e]].to)) {
                (void)vcode_block(s->v);
            }
        }
    }
    find_cold(s);
    find_loops_that_call(s);
}

/* Every edge that goes back in the order must lead to a block that dominates its source. The
 * allocator depends on this: see regalloc_live.c. */
static bool loops_have_one_entry(const struct selector *s)
{
    const struct ir_cfg *c = &s->cfg;
    for (uint32_t o = 0; o < c->count; o++) {
        uint32_t block = c->order[o];
        for (uint32_t p = c->pred_first[block]; p < c->pred_first[block + 1]; p++) {
            uint32_t pred = c->pred_block[p];
            if (c->position[pred] >= o && !ir_cfg_dominates(c, block, pred)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- The frame ---- */

/* Offsets of the frame's slots. The stack is aligned to 16; a slot with a larger alignment gets
 * extra room, and its address is aligned when it is computed. */
static bool place_slots(struct selector *s)
{
    const struct ir_function *f = s->f;
    uint64_t at = 0;
    s->slot_at = arena_alloc(s->v->arena, (size_t)f->slot_count * sizeof *s->slot_at);
    if (s->slot_at == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < f->slot_count; n++) {
        const struct ir_slot *slot = &f->slots[n];
        at = ALIGN_UP(at, (uint64_t)MIN(slot->align, 16u));
        s->slot_at[n] = (uint32_t)at;
        at += (uint64_t)slot->size + (slot->align > 16 ? slot->align - 16 : 0);
        if (at > INT32_MAX / 2) {
            s->v->error = E_OVERFLOW;
            return true;
        }
    }
    s->v->local_bytes = (uint32_t)ALIGN_UP(at, (uint64_t)16);
    return true;
}

enum status select_prepare(struct selector *s)
{
    const struct ir_function *f = s->f;
    struct arena *a = s->v->arena;
    enum status status = ir_cfg_build(a, f, &s->cfg);
    if (status != OK) {
        return status;
    }
    if (!loops_have_one_entry(s)) {
        return E_NOTSUP;
    }
    s->values = arena_take(a, (size_t)f->instr_count * sizeof *s->values);
    s->blocks = arena_alloc(a, (size_t)f->block_count * sizeof *s->blocks);
    if (s->values == NULL || s->blocks == NULL) {
        return E_NOMEM;
    }
    name_values(s);
    if (!find_needs(s) || !gather_edges(s) || !place_slots(s)) {
        return E_NOMEM;
    }
    make_blocks(s);
    return s->v->error;
}
