// SPDX-License-Identifier: MIT
//
// What follows from the blocks and edges that selection has built: predecessors, dominators, loops,
// and which instruction rematerialises a register.
#include "kernel/jit/codegen/vcode.h"

#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

static bool collect_predecessors(struct vcode *v)
{
    uint32_t at = vcode_pool(v, NULL, v->edge_count);
    if (v->error != OK) {
        return false;
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        v->blocks[b].pred_count = 0;
    }
    for (uint32_t e = 0; e < v->edge_count; e++) {
        v->blocks[v->edges[e].to].pred_count++;
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        v->blocks[b].preds = at;
        at += v->blocks[b].pred_count;
        v->blocks[b].pred_count = 0;
    }
    for (uint32_t e = 0; e < v->edge_count; e++) {
        struct vblock *to = &v->blocks[v->edges[e].to];
        v->pool[to->preds + to->pred_count++] = v->edges[e].from;
    }
    return true;
}

/* The dominator tree while it grows. Each node also points to a far ancestor, such that the common
 * ancestor of two nodes is found in log n steps (Myers' skew-binary jumps). */
struct tree {
    uint32_t *depth, *jump;
};

static void tree_add(const struct vcode *v, struct tree *t, uint32_t b)
{
    uint32_t up = v->blocks[b].idom, far = t->jump[up];
    bool same = t->depth[up] - t->depth[far] == t->depth[far] - t->depth[t->jump[far]];
    t->depth[b] = t->depth[up] + 1;
    t->jump[b] = same ? t->jump[far] : up;
}

static uint32_t common_ancestor(const struct vcode *v, const struct tree *t, uint32_t a, uint32_t b)
{
    while (t->depth[a] != t->depth[b]) {
        uint32_t *deep = t->depth[a] > t->depth[b] ? &a : &b, least = MIN(t->depth[a], t->depth[b]);
        *deep = t->depth[t->jump[*deep]] >= least ? t->jump[*deep] : v->blocks[*deep].idom;
    }
    while (a != b) {
        bool far = t->jump[a] != t->jump[b];
        a = far ? t->jump[a] : v->blocks[a].idom;
        b = far ? t->jump[b] : v->blocks[b].idom;
    }
    return a;
}

/* One pass is enough: the source of a back edge is dominated by the loop's header anyway, so only
 * forward edges matter. */
static bool find_dominators(struct vcode *v)
{
    struct tree t = {
        .depth = arena_alloc(v->arena, v->block_count * sizeof(uint32_t)),
        .jump = arena_alloc(v->arena, v->block_count * sizeof(uint32_t)),
    };
    if (t.depth == NULL || t.jump == NULL) {
        return false;
    }
    for (uint32_t b = 1; b < v->block_count; b++) {
        struct vblock *block = &v->blocks[b];
        uint32_t found = VREG_NONE;
        for (uint32_t n = 0; n < block->pred_count; n++) {
            uint32_t pred = v->pool[block->preds + n];
            if (pred < b) {
                found = found == VREG_NONE ? pred : common_ancestor(v, &t, pred, found);
            }
        }
        ASSERT(found != VREG_NONE);
        block->idom = found;
        tree_add(v, &t, b);
    }
    return true;
}

/* The loops found so far, innermost first. A walk passes
 * over a loop that is known already in one step. */
struct loops {
    uint32_t *inside; /* by block: header of the innermost loop around it, not itself; or none */
    uint32_t *skip; /* path towards the outermost header found; paths are halved as in union-find */
    uint32_t *work;
};

static uint32_t outermost(struct loops *l, uint32_t b)
{
    while (l->skip[b] != b) {
        l->skip[b] = l->skip[l->skip[b]];
        b = l->skip[b];
    }
    return b;
}

/* Mark the blocks of a loop: all that reach a back edge of `header` without passing the header.
 * Each block, or inner loop as a whole, is added to a loop once. */
static void fill_loop(const struct vcode *v, struct loops *l, uint32_t header)
{
    uint32_t top = 0;
    const struct vblock *h = &v->blocks[header];
    for (uint32_t n = 0; n < h->pred_count; n++) {
        if (v->pool[h->preds + n] >= header) {
            l->work[top++] = v->pool[h->preds + n];
        }
    }
    while (top > 0) {
        uint32_t b = outermost(l, l->work[--top]);
        if (b <= header) {
            continue;
        }
        l->inside[b] = header;
        l->skip[b] = header;
        for (uint32_t n = 0; n < v->blocks[b].pred_count; n++) {
            l->work[top++] = v->pool[v->blocks[b].preds + n];
        }
    }
}

static bool is_header(const struct vcode *v, uint32_t block)
{
    const struct vblock *b = &v->blocks[block];
    for (uint32_t n = 0; n < b->pred_count; n++) {
        if (v->pool[b->preds + n] >= block) {
            return true;
        }
    }
    return false;
}

/* Headers are processed last to first: an inner loop's header has a higher number than the outer
 * one's, so inner loops are complete when the loop around them is filled. */
static bool find_loops(struct vcode *v)
{
    size_t blocks = v->block_count;
    struct loops l = {
        .inside = arena_alloc(v->arena, blocks * sizeof(uint32_t)),
        .skip = arena_alloc(v->arena, blocks * sizeof(uint32_t)),
        .work = arena_alloc(v->arena, ((size_t)v->edge_count + 1) * sizeof(uint32_t)),
    };
    if (l.inside == NULL || l.skip == NULL || l.work == NULL) {
        return false;
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        l.inside[b] = VREG_NONE;
        l.skip[b] = b;
    }
    for (uint32_t b = v->block_count; b-- > 0;) {
        v->blocks[b].is_loop_header = is_header(v, b);
        if (v->blocks[b].is_loop_header) {
            fill_loop(v, &l, b);
        }
    }
    for (uint32_t b = 0; b < v->block_count; b++) {
        uint32_t outer = l.inside[b] == VREG_NONE ? 0 : v->blocks[l.inside[b]].loop_depth;
        uint32_t depth = outer + (v->blocks[b].is_loop_header ? 1 : 0);
        v->blocks[b].loop_depth = (uint16_t)MIN(depth, (uint32_t)UINT16_MAX);
        v->blocks[b].loop_around = l.inside[b];
        v->blocks[b].is_inner_loop = v->blocks[b].is_loop_header;
        if (v->blocks[b].is_loop_header && l.inside[b] != VREG_NONE) {
            v->blocks[l.inside[b]].is_inner_loop = false;
        }
    }
    return true;
}

static void survey_instructions(struct vcode *v)
{
    v->has_calls = v->has_safe_points = false;
    for (uint32_t n = 0; n < v->instr_count; n++) {
        const struct vinstr *i = &v->instrs[n];
        v->has_calls |= (i->flags & VI_CALL) != 0;
        v->has_safe_points |= (i->flags & VI_SAFE_POINT) != 0;
        if ((i->flags & VI_REMAKE) != 0) {
            v->vregs[v->operands[i->operands].vreg].remake = n;
        }
    }
}

/* A function of a single block without edges to itself needs none of this: the defaults hold. */
static bool is_alone(struct vcode *v)
{
    if (v->block_count != 1 || v->edge_count != 0) {
        return false;
    }
    v->blocks[0].loop_around = VREG_NONE;
    return true;
}

enum status vcode_finish(struct vcode *v)
{
    if (v->error == OK && v->block_count > 0 && collect_predecessors(v)) {
        survey_instructions(v);
        if (!is_alone(v) && (!find_dominators(v) || !find_loops(v))) {
            v->error = E_NOMEM;
        }
    }
    return v->error;
}
