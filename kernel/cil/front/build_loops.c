// SPDX-License-Identifier: MIT
//
// Loops with more than one entry. C#'s iterators jump into the middle of loops, but the back-ends
// accept only loops with one entry. Such a loop gets a new block that all ways into it pass; a
// number selects the entry at which control continues. Loops are found from the outside in: first
// the strongly connected components of the graph, then those of each component without its entry.
#include "kernel/cil/front/build_internal.h"

#define NONE UINT32_MAX

struct loops {
    struct builder *b;
    struct ir_function *f;
    struct arena *arena;
    uint32_t *number, *low, *part; /* by block: of the walk; 0: not visited */
    uint32_t *next;                /* by block: the edge that is followed next */
    uint32_t *stack, *path;        /* blocks without a part; blocks of the walk */
    uint8_t *is_entry;             /* by block: of a loop that is done */
    uint32_t blocks, count, depth, top, part_count;
    bool again;
};

static uint32_t edge_count(const struct loops *l, uint32_t block)
{
    const struct ir_block *b = &l->f->blocks[block];
    return b->count == 0 ? 0 : ir_edge_count(l->f, &l->f->instrs[b->first + b->count - 1]);
}

static uint32_t edge_at(const struct loops *l, uint32_t block, uint32_t n)
{
    const struct ir_block *b = &l->f->blocks[block];
    return ir_edge_of(l->f, &l->f->instrs[b->first + b->count - 1], n);
}

static bool allocate(struct loops *l)
{
    size_t bytes = (l->f->block_count + (size_t)1) * sizeof(uint32_t);
    uint32_t **const all[] = {&l->number, &l->low, &l->part, &l->next, &l->stack, &l->path};
    bool is_ok = true;
    for (size_t n = 0; n < ARRAY_COUNT(all); n++) {
        *all[n] = arena_alloc(l->arena, bytes);
        is_ok = is_ok && *all[n] != NULL;
    }
    l->blocks = l->f->block_count;
    return is_ok || cil_fail(l->b->d, l->b->m.a, 0, E_NOMEM, "no memory left to compile");
}

/* ---- Parts: Tarjan's algorithm, without recursion ---- */

/* Two stacks, as the algorithm has them: the path from the root to here, and the blocks of which it
 * is not known yet to which part they belong. A method may have 100,000 blocks: too many frames. */
static void visit(struct loops *l, uint32_t block)
{
    l->number[block] = l->low[block] = ++l->count;
    l->stack[l->top++] = block;
    l->path[l->depth++] = block;
}

/* A block from which nothing earlier on the stack can be reached is the first of its part. */
static void leave(struct loops *l, uint32_t block)
{
    l->depth--;
    if (l->depth > 0) {
        uint32_t before = l->path[l->depth - 1];
        l->low[before] = MIN(l->low[before], l->low[block]);
    }
    if (l->low[block] != l->number[block]) {
        return;
    }
    l->part_count++;
    do {
        l->part[l->stack[--l->top]] = l->part_count;
    } while (l->stack[l->top] != block);
}

/* Edges to entries of loops that are done are left out. The strongly connected parts that remain
 * are the loops inside. */
static void walk(struct loops *l, uint32_t root)
{
    visit(l, root);
    while (l->depth > 0) {
        uint32_t block = l->path[l->depth - 1];
        if (l->next[block] == edge_count(l, block)) {
            leave(l, block);
            continue;
        }
        uint32_t to = l->f->edges[edge_at(l, block, l->next[block]++)].to;
        if (l->is_entry[to] != 0 || l->part[to] != 0) {
            continue;
        }
        if (l->number[to] == 0) {
            visit(l, to);
        } else {
            l->low[block] = MIN(l->low[block], l->number[to]);
        }
    }
}

/* ---- Entries ---- */

/* Block 0 has no predecessor, so it is in no loop. Edges of a block to itself are loops, too, but
 * have one entry. */
static bool is_entered(uint32_t block, const uint8_t *reached)
{
    return (reached[block] & 3) == 3; /* from outside, and from inside */
}

/* The block before the entries. It has the entries' parameters, which all have the values of all
 * variables, and the number of the entry besides. */
static uint32_t add_switch(struct loops *l, const uint32_t *entries, uint32_t count)
{
    struct builder *b = l->b;
    struct ir_function *f = l->f;
    uint32_t params[BUILD_VARIABLES_MAX + BUILD_STACK_MAX], total = f->blocks[entries[0]].params;
    uint32_t block = ir_block_new(f), first = NONE;
    ir_block_start(f, block);
    for (uint32_t n = 0; n < total; n++) {
        uint32_t like = f->blocks[entries[0]].first + n;
        params[n] = build_mark(b, ir_param(f, f->instrs[like].type), build_marks(b, like));
    }
    uint32_t which = ir_param(f, IR_I32);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t edge = ir_edge(f, entries[n], params, total);
        first = n == 0 ? edge : first;
    }
    (void)ir_emit(f, IR_SWITCH, IR_VOID, which, first, count);
    return block;
}

/* All edges to the entries lead through one block from now on. */
static bool join(struct loops *l, const uint32_t *entries, uint32_t count)
{
    struct ir_function *f = l->f;
    uint32_t edges = f->edge_count, total = f->blocks[entries[0]].params;
    for (uint32_t n = 0; n < count; n++) {
        if (f->blocks[entries[n]].params != total) {
            return build_unsupported(l->b, "a loop that is entered with values on the stack");
        }
    }
    uint32_t block = add_switch(l, entries, count);
    for (uint32_t e = 0; e < edges && f->error == OK; e++) {
        for (uint32_t n = 0; n < count; n++) {
            if (f->edges[e].to == entries[n]) {
                uint32_t at = ir_pool(f, NULL, total + 1);
                for (uint32_t k = 0; k < total && f->error == OK; k++) {
                    f->pool[at + k] = f->pool[f->edges[e].args + k];
                }
                if (f->error == OK) {
                    f->pool[at + total] = l->b->entry_numbers[n];
                    f->edges[e].args = at;
                    f->edges[e].count = total + 1;
                    f->edges[e].to = block;
                }
                break;
            }
        }
    }
    l->again = true;
    return f->error == OK || cil_fail(l->b->d, l->b->m.a, 0, E_NOMEM, "no memory left to compile");
}

/* One part: its only entry ends the search for its loop, or several are joined. */
static bool look_at_part(struct loops *l, uint32_t part, const uint8_t *reached)
{
    uint32_t entries[BUILD_ENTRIES_MAX], count = 0;
    for (uint32_t n = 0; n < l->blocks; n++) {
        if (l->part[n] != part || !is_entered(n, reached)) {
            continue;
        }
        if (count == BUILD_ENTRIES_MAX) {
            return build_unsupported(l->b, "a loop with more than 16 entries");
        }
        entries[count++] = n;
    }
    if (count == 1) {
        l->is_entry[entries[0]] = 1;
        l->again = true;
    }
    return count < 2 || join(l, entries, count);
}

/* One walk over the whole graph. It ends as soon as a part has been joined, because the parts are
 * others then. Each round joins the entries of a loop, or marks its only entry for good. */
static bool run_round(struct loops *l)
{
    l->count = l->depth = l->top = l->part_count = 0;
    l->again = false;
    if (!allocate(l)) {
        return false;
    }
    uint8_t *reached = arena_alloc(l->arena, l->blocks + (size_t)1);
    if (reached == NULL) {
        return cil_fail(l->b->d, l->b->m.a, 0, E_NOMEM, "no memory left to compile");
    }
    for (uint32_t n = 0; n < l->blocks; n++) {
        if (l->number[n] == 0 && l->is_entry[n] == 0) {
            walk(l, n);
        }
    }
    for (uint32_t n = 0; n < l->blocks; n++) {
        for (uint32_t e = 0; e < edge_count(l, n); e++) {
            uint32_t to = l->f->edges[edge_at(l, n, e)].to;
            reached[to] |= l->part[to] == l->part[n] && l->is_entry[n] == 0 ? 2 : 1;
        }
    }
    for (uint32_t part = 1; part <= l->part_count; part++) {
        if (!look_at_part(l, part, reached)) {
            return false;
        }
        if (l->f->block_count != l->blocks) {
            return true; /* the graph has changed */
        }
    }
    return true;
}

/* Joined loops add blocks, so a method that consists of little else is refused before it has twice
 * its size. */
static bool run(struct loops *l)
{
    struct builder *b = l->b;
    size_t room = 2 * (size_t)b->f->block_count + 64;
    l->is_entry = arena_alloc(l->arena, room);
    if (l->is_entry == NULL) {
        return cil_fail(b->d, b->m.a, 0, E_NOMEM, "no memory left to compile");
    }
    do {
        if (b->f->block_count >= room) {
            return build_unsupported(b, "a method with so many loops");
        }
        if (!run_round(l)) {
            return false;
        }
    } while (l->again);
    return true;
}

bool build_loops(struct builder *b)
{
    struct arena arena;
    arena_borrow(b->unit->arena, &arena);
    struct loops l = {.b = b, .f = b->f, .arena = &arena};
    bool is_ok = run(&l);
    arena_return(b->unit->arena, &arena);
    return is_ok;
}
