// SPDX-License-Identifier: MIT
//
// The moves on edges between blocks: arguments become parameters; other values are moved to the
// registers that the next block expects them in, loaded, or dropped.
//
// By now the walk has recorded what each block has in registers at its start (`entry`) and at its
// end (`exit`), and each may differ from its neighbours. All moves of one edge happen at once:
// parallel.c puts them in order. They are placed at the start of the successor if that has one
// predecessor, otherwise at the end of the predecessor, which then has one successor, because no
// edge is critical.
#include "kernel/jit/codegen/regalloc_internal.h"

struct edge {
    uint32_t from, to, number;
    uint32_t stamp;
    uint64_t weight;
};

/* How many values an edge's first block hands over in registers, from block.exit on. A landing gets
 * none: the callee has left its own values in all registers, and the call's result exists only on
 * the other edge. */
uint32_t handed_over(const struct alloc *a, uint32_t from, uint32_t to)
{
    const struct vblock *b = &a->v->blocks[from];
    const struct vinstr *last = &a->v->instrs[b->first + b->count - 1];
    bool unwinds = b->count >= 2 && (last[-1].flags & VI_UNWINDS) != 0;
    bool is_landing = unwinds && a->v->edges[b->edges + 1].to == to;
    return is_landing ? 0 : a->blocks[from].exit_count;
}

/* Set value.before to the register of each value that is in one at the end of e->from. The stamp
 * marks which of these are valid; it is different for each edge and from every instruction's. */
static void load_exit(struct alloc *a, const struct edge *e)
{
    const struct block *p = &a->blocks[e->from];
    uint32_t count = handed_over(a, e->from, e->to);
    for (uint32_t n = p->exit; n < p->exit + count; n++) {
        struct value *v = &a->values[a->held[n].vreg];
        v->stamp = e->stamp;
        v->before = a->held[n].reg;
    }
    a->work += count;
}

/* Set value.reg to the register of each value that is in one at the start of a block. With `there`
 * false: undo that. */
static void load_entry(struct alloc *a, uint32_t block, bool there)
{
    const struct block *b = &a->blocks[block];
    for (uint32_t n = b->entry; n < b->entry + b->entry_count; n++) {
        a->values[a->held[n].vreg].reg = there ? a->held[n].reg : NO_REG;
    }
    for (uint32_t n = 0; n < b->live_count; n++) {
        a->entry_stamp[a->lives[b->live + n].vreg] = block + 1;
    }
    a->work += b->entry_count + b->live_count;
}

static void add(struct alloc *a, uint32_t vreg, uint32_t from, uint32_t to)
{
    if (from != to) {
        draft_add(a, &a->edge_drafts, (struct draft){.from = from, .to = to, .vreg = vreg});
    }
}

/* A value that is in a register at the end of e->from, but not at the start of e->to, is dropped
 * here: its slot must hold it from now on. */
static void drop_others(struct alloc *a, const struct edge *e)
{
    const struct block *p = &a->blocks[e->from];
    for (uint32_t n = p->exit; n < p->exit + handed_over(a, e->from, e->to); n++) {
        const struct held *h = &a->held[n];
        struct value *v = &a->values[h->vreg];
        /* The parameters of e->to belong to the previous iteration here. Their values end on this
         * edge and the new ones get the same slots, so storing the old values would be wrong. */
        bool goes_on = v->def_block != e->to && live_into(a, e->to, h->vreg);
        if (v->reg == NO_REG && !h->is_clean && !is_remade(a, h->vreg) && goes_on) {
            draft_add(
                a, &a->edge_drafts,
                (struct draft){
                    .from = h->reg, .to = VLOC_SLOT(h->vreg), .vreg = h->vreg, .is_drop = true});
            v->drop_cost += e->weight;
        }
    }
}

/* Where an argument or other value is at the end of the edge's first block. */
static uint32_t source(struct alloc *a, const struct edge *e, uint32_t vreg)
{
    struct value *v = &a->values[vreg];
    if (v->stamp == e->stamp) {
        return v->before;
    }
    if (is_remade(a, vreg)) {
        return VLOC_NONE;
    }
    v->needs_slot = true;
    return VLOC_SLOT(vreg);
}

/* The draft names the argument, not the parameter: the moves copy or rematerialise the argument. */
static void pass_arguments(struct alloc *a, const struct edge *e)
{
    const struct vcode *v = a->v;
    const struct vblock *to = &v->blocks[e->to];
    for (uint32_t n = 0; n < to->param_count; n++) {
        uint32_t param = v->pool[to->params + n], arg = v->pool[v->edges[e->number].args + n];
        const struct value *p = &a->values[param];
        if (p->reg != NO_REG || p->starts_in_slot) {
            uint32_t loc = p->reg != NO_REG ? p->reg : VLOC_SLOT(param);
            add(a, arg, source(a, e, arg), loc);
        }
    }
    a->work += to->param_count;
}

static void pass_others(struct alloc *a, const struct edge *e)
{
    const struct block *b = &a->blocks[e->to];
    for (uint32_t n = b->entry; n < b->entry + b->entry_count; n++) {
        uint32_t vreg = a->held[n].vreg;
        if (a->values[vreg].def_block != e->to) {
            add(a, vreg, source(a, e, vreg), a->held[n].reg);
        }
    }
}

static void draft_edge(struct alloc *a, const struct edge *e)
{
    const struct vcode *v = a->v;
    bool at_start = v->blocks[e->to].pred_count == 1;
    const struct vblock *from = &v->blocks[e->from];
    struct edge_moves moves = {.at = at_start ? v->blocks[e->to].first
                                              : from->first + from->count - 1,
                               .first = a->edge_drafts.count,
                               .is_start = at_start};
    load_exit(a, e);
    drop_others(a, e);
    pass_arguments(a, e);
    pass_others(a, e);
    moves.count = a->edge_drafts.count - moves.first;
    if (moves.count > 0 && a->error == OK) {
        void *grown = arena_grow_list(a->arena, a->edges, &a->edge_capacity,
                                      (uint64_t)a->edge_count + 1, sizeof *a->edges);
        if (grown == NULL) {
            a->error = E_NOMEM;
            return;
        }
        a->edges = grown;
        a->edges[a->edge_count++] = moves;
    }
}

void edges_draft(struct alloc *a)
{
    const struct vcode *v = a->v;
    if (v->edge_count == 0) {
        return;
    }
    uint32_t *first = regalloc_array(a, (uint64_t)v->block_count + 1, sizeof *first);
    uint32_t *incoming = regalloc_array(a, v->edge_count, sizeof *incoming);
    if (a->error != OK) {
        return;
    }
    for (uint32_t e = 0; e < v->edge_count; e++) {
        first[v->edges[e].to]++;
    }
    for (uint32_t b = 1; b <= v->block_count; b++) {
        first[b] += first[b - 1];
    }
    for (uint32_t e = 0; e < v->edge_count; e++) {
        incoming[--first[v->edges[e].to]] = e;
    }
    for (uint32_t b = 0; b < v->block_count && a->error == OK; b++) {
        load_entry(a, b, true);
        for (uint32_t n = first[b]; n < first[b + 1] && a->error == OK; n++) {
            struct edge e = {.from = v->edges[incoming[n]].from,
                             .to = b,
                             .number = incoming[n],
                             .stamp = v->instr_count + 1 + incoming[n]};
            e.weight = block_weight(a, v->blocks[b].pred_count == 1 ? b : e.from);
            draft_edge(a, &e);
        }
        load_entry(a, b, false);
    }
}
