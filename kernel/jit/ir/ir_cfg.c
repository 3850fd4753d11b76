// SPDX-License-Identifier: MIT
//
// The control flow graph: reverse post-order from a depth-first walk without recursion; loops from
// their back edges, innermost first. Dominators are in ir_cfg_dominators.c.
#include "kernel/jit/ir/ir_cfg.h"

#include "kernel/jit/ir/ir_cfg_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* All arrays are one allocation, because most functions are small. */
bool cfg_new_arrays(struct arena *a, uint32_t **const *arrays, size_t n, size_t none, size_t count)
{
    uint32_t *words = arena_alloc(a, n * count * sizeof *words);
    if (words == NULL) {
        return false;
    }
    memset(words + none * count, 0xff, (n - none) * count * sizeof *words);
    for (size_t i = 0; i < n; i++) {
        *arrays[i] = words + i * count;
    }
    return true;
}

static bool allocate(struct arena *a, const struct ir_function *f, struct ir_cfg *c)
{
    uint32_t **const by_block[] = {&c->order, &c->depth, &c->pred_first, &c->position,
                                   &c->idom,  &c->loop,  &c->outer};
    uint32_t **const by_edge[] = {&c->pred_block, &c->pred_edge};
    /* + 1: pred_first also has the end of the last block's list. */
    return cfg_new_arrays(a, by_block, ARRAY_COUNT(by_block), 3, (size_t)f->block_count + 1) &&
           cfg_new_arrays(a, by_edge, ARRAY_COUNT(by_edge), 2, f->edge_count);
}

static uint32_t target(const struct ir_function *f, uint32_t block, uint32_t n)
{
    return f->edges[ir_edge_of(f, ir_terminator(f, block), n)].to;
}

/* Fill `order` from its end: a block gets its place once everything that it leads to has one. */
static bool number_blocks(struct arena *a, const struct ir_function *f, struct ir_cfg *c,
                          struct cfg_walk *walk)
{
    uint32_t *stack, *next;
    uint32_t **const arrays[] = {&stack, &next, &walk->vertex, &walk->parent, &walk->number};
    if (!cfg_new_arrays(a, arrays, ARRAY_COUNT(arrays), ARRAY_COUNT(arrays), f->block_count)) {
        return false;
    }
    uint32_t top = 0, free = f->block_count, seen = 1;
    stack[top++] = 0;
    c->position[0] = 0; /* visited; its place follows later */
    while (top > 0) {
        uint32_t block = stack[top - 1];
        if (next[block] == ir_edge_count(f, ir_terminator(f, block))) {
            c->order[--free] = block;
            top--;
            continue;
        }
        uint32_t to = target(f, block, next[block]++);
        if (c->position[to] == IR_NONE) {
            c->position[to] = 0;
            walk->vertex[seen] = to;
            walk->parent[seen] = walk->number[block];
            walk->number[to] = seen++;
            stack[top++] = to;
        }
    }
    c->count = f->block_count - free;
    memmove(c->order, c->order + free, c->count * sizeof *c->order);
    for (uint32_t n = 0; n < c->count; n++) {
        c->position[c->order[n]] = n;
    }
    return true;
}

static void collect_predecessors(const struct ir_function *f, struct ir_cfg *c)
{
    for (uint32_t n = 0; n < c->count; n++) {
        uint32_t edges = ir_edge_count(f, ir_terminator(f, c->order[n]));
        for (uint32_t e = 0; e < edges; e++) {
            c->pred_first[target(f, c->order[n], e) + 1]++;
        }
    }
    for (uint32_t b = 0; b < f->block_count; b++) {
        c->pred_first[b + 1] += c->pred_first[b];
    }
    uint32_t total = c->pred_first[f->block_count];
    /* Fill each block's list from its end. That end is the entry after the block's own, which
     * counts down to the list's start. */
    for (uint32_t n = c->count; n-- > 0;) {
        const struct ir_instr *last = ir_terminator(f, c->order[n]);
        for (uint32_t e = ir_edge_count(f, last); e-- > 0;) {
            uint32_t at = --c->pred_first[target(f, c->order[n], e) + 1];
            c->pred_block[at] = c->order[n];
            c->pred_edge[at] = ir_edge_of(f, last, e);
        }
    }
    /* Now each start is one entry too high. */
    memmove(c->pred_first, c->pred_first + 1, f->block_count * sizeof *c->pred_first);
    c->pred_first[f->block_count] = total;
}

static uint32_t outermost(const struct ir_cfg *c, uint32_t block, uint32_t header)
{
    while (c->loop[block] != IR_NONE && c->loop[block] != header) {
        block = c->loop[block];
    }
    return block;
}

/* Mark the blocks of a loop: walk backwards from its back edges and stop at the header. When the
 * walk reaches an inner loop it continues at that loop's header: the inner loop is marked already,
 * and its header is now found to be part of this one. */
static void mark_loop(struct ir_cfg *c, uint32_t header, uint32_t *stack)
{
    uint32_t top = 0;
    for (uint32_t i = c->pred_first[header]; i < c->pred_first[header + 1]; i++) {
        if (ir_cfg_dominates(c, header, c->pred_block[i])) {
            stack[top++] = c->pred_block[i];
        }
    }
    while (top > 0) {
        uint32_t block = outermost(c, stack[--top], header);
        if (block == header || c->loop[block] == header) {
            continue;
        }
        c->loop[block] = header;
        for (uint32_t i = c->pred_first[block]; i < c->pred_first[block + 1]; i++) {
            stack[top++] = c->pred_block[i];
        }
    }
}

/* Process headers from the last in the order to the first, so inner
 * loops come before outer ones. During this, loop[header] is the loop
 * around the header's own; it is set when the outer loop is marked. */
static bool find_loops(struct arena *a, const struct ir_function *f, struct ir_cfg *c)
{
    uint32_t *stack = arena_alloc(a, (2 * (size_t)f->edge_count + 1) * sizeof *stack);
    if (stack == NULL) {
        return false;
    }
    for (uint32_t n = c->count; n-- > 0;) {
        mark_loop(c, c->order[n], stack);
    }
    for (uint32_t n = 0; n < c->count; n++) {
        uint32_t block = c->order[n], header = c->loop[block];
        bool heads = false;
        for (uint32_t i = c->pred_first[block]; i < c->pred_first[block + 1]; i++) {
            heads = heads || ir_cfg_dominates(c, block, c->pred_block[i]);
        }
        c->depth[block] = (header == IR_NONE ? 0 : c->depth[header]) + heads;
    }
    return true;
}

/* From now on loop[header] is the header itself, and outer[header] the loop around it. */
static void own_headers(struct ir_cfg *c)
{
    for (uint32_t n = c->count; n-- > 0;) {
        uint32_t block = c->order[n];
        for (uint32_t i = c->pred_first[block]; i < c->pred_first[block + 1]; i++) {
            if (ir_cfg_dominates(c, block, c->pred_block[i])) {
                c->outer[block] = c->loop[block] == block ? c->outer[block] : c->loop[block];
                c->loop[block] = block;
            }
        }
    }
}

/* The entry has no edges, so there is nothing to walk: common for small functions and adapters. */
static enum status build_one(struct arena *a, const struct ir_function *f, struct ir_cfg *c)
{
    uint32_t **const arrays[] = {&c->order,      &c->depth,     &c->pred_first, &c->tree_order,
                                 &c->tree_index, &c->tree_last, &c->position,   &c->idom,
                                 &c->loop,       &c->outer};
    if (!cfg_new_arrays(a, arrays, ARRAY_COUNT(arrays), 6, (size_t)f->block_count + 1)) {
        return E_NOMEM;
    }
    c->pred_block = c->pred_edge = c->order; /* arrays without elements */
    c->position[0] = 0;
    c->count = 1;
    return OK;
}

enum status ir_cfg_build(struct arena *a, const struct ir_function *f, struct ir_cfg *out)
{
    struct ir_cfg c = {.count = 0};
    struct cfg_walk walk;
    if (ir_edge_count(f, ir_terminator(f, 0)) == 0) {
        return build_one(a, f, out);
    }
    if (!allocate(a, f, &c) || !number_blocks(a, f, &c, &walk)) {
        return E_NOMEM;
    }
    collect_predecessors(f, &c);
    if (!cfg_find_dominators(a, &c, &walk, f->block_count) || !find_loops(a, f, &c)) {
        return E_NOMEM;
    }
    own_headers(&c);
    *out = c;
    return OK;
}
