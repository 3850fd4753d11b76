// SPDX-License-Identifier: MIT
//
// Loops with more than one entry. C#'s iterators jump into the middle of loops, but the back-ends
// accept only loops with one entry. Such a loop gets a new block that all ways into it pass; a
// number selects the entry at which control continues. Loops are found from the outside in: first
// the strongly connected components of the graph, then those of each component without its entry.
// Each step looks at the blocks of one component only, and no component is inside of more than
// DEPTH_MAX others, so the work is linear in the size of the method.
#include "kernel/cil/front/build_internal.h"
#include "kernel/lib/string.h"

#define NONE      UINT32_MAX
#define DEPTH_MAX 100u /* of loops inside of loops */

/* Blocks that are strongly connected: members[first] to members[end - 1]. */
struct part {
    uint32_t first, end, depth;
};

struct loops {
    struct builder *b;
    struct ir_function *f;
    struct arena *arena;
    uint32_t *number, *low;   /* by block: its number in the walk, from 1; 0: not visited */
    uint32_t *next;           /* by block: the edge that is followed next */
    uint32_t *region;         /* by block: the walk that it takes part in; 0: none */
    uint32_t *part;           /* by block: the innermost part so far; 0: an entry of a loop */
    uint32_t *stack, *path;   /* blocks without a part; blocks of the walk */
    uint32_t *members, *done; /* blocks by part; the same for the walk */
    uint32_t *edges_in;       /* by block: an edge to it; NONE: there is none */
    uint32_t *next_in, *from; /* by edge: another one to the same block; the block that it leaves */
    struct part *waiting;
    uint32_t blocks, count, depth, top, done_count, part_count, region_count, waiting_count;
};

/* Parts that wait have ranges of `members` that do not overlap, and a step reorders only the range
 * of its own part: so one array serves all walks. `part` tells the innermost part of each block. It
 * becomes 0 when a block is the only entry of a loop, and is 0 for the blocks that are added here:
 * an edge from one of those always comes from outside of a part. `region` limits a walk to the
 * blocks of one step; a block leaves its region when its part is complete, and can then be neither
 * visited nor counted a second time.
 * Another way to remove several entries is to copy the loop, which can double the code at each
 * level. */

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

static bool fail_memory(const struct loops *l)
{
    return cil_fail(l->b->d, l->b->m.a, 0, E_NOMEM, "no memory left to compile");
}

/* Once for all walks. A block is joined with other entries at most once, because all its edges come
 * from the new block then: so there are at most half as many new blocks, and as many new edges. */
static bool allocate(struct loops *l)
{
    size_t blocks = l->f->block_count + l->f->block_count / 2 + (size_t)1;
    size_t edges = l->f->edge_count + l->f->block_count + (size_t)1;
    uint32_t **const by_block[] = {&l->number, &l->low,  &l->next,    &l->region, &l->part,
                                   &l->stack,  &l->path, &l->members, &l->done,   &l->edges_in};
    uint32_t **const by_edge[] = {&l->next_in, &l->from};
    bool is_ok = true;
    for (size_t n = 0; n < ARRAY_COUNT(by_block); n++) {
        *by_block[n] = arena_alloc(l->arena, blocks * sizeof(uint32_t));
        is_ok = is_ok && *by_block[n] != NULL;
    }
    for (size_t n = 0; n < ARRAY_COUNT(by_edge); n++) {
        *by_edge[n] = arena_alloc(l->arena, edges * sizeof(uint32_t));
        is_ok = is_ok && *by_edge[n] != NULL;
    }
    l->waiting = arena_alloc(l->arena, blocks * sizeof *l->waiting);
    l->blocks = l->f->block_count;
    return (is_ok && l->waiting != NULL) || fail_memory(l);
}

static void add_edge(struct loops *l, uint32_t edge, uint32_t from, uint32_t to)
{
    l->from[edge] = from;
    l->next_in[edge] = l->edges_in[to];
    l->edges_in[to] = edge;
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

/* A block from which nothing earlier on the stack can be reached is the first of its part. A part
 * of one block has one entry, also if the block has an edge to itself. */
static void leave(struct loops *l, uint32_t block, uint32_t inside)
{
    uint32_t first = l->done_count, last;
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
        last = l->stack[--l->top];
        l->part[last] = l->part_count;
        l->region[last] = 0;
        l->done[l->done_count++] = last;
    } while (last != block);
    if (l->done_count - first > 1) {
        l->waiting[l->waiting_count++] = (struct part){first, l->done_count, inside + 1};
    }
}

/* Edges that leave the region are left out, and so are those to entries of loops around it. */
static void walk(struct loops *l, uint32_t root, uint32_t inside)
{
    const uint32_t region = l->region[root];
    visit(l, root);
    while (l->depth > 0) {
        uint32_t block = l->path[l->depth - 1];
        if (l->next[block] == edge_count(l, block)) {
            leave(l, block, inside);
            continue;
        }
        uint32_t to = l->f->edges[edge_at(l, block, l->next[block]++)].to;
        l->b->unit->loop_steps++;
        if (l->region[to] != region) {
            continue;
        }
        if (l->number[to] == 0) {
            visit(l, to);
        } else {
            l->low[block] = MIN(l->low[block], l->number[to]);
        }
    }
}

/* The parts of some of the blocks, which are ordered by part then. */
static void find_parts(struct loops *l, uint32_t first, uint32_t end, uint32_t inside)
{
    l->region_count++;
    for (uint32_t n = first; n < end; n++) {
        uint32_t block = l->members[n];
        l->region[block] = l->region_count;
        l->number[block] = l->next[block] = 0;
    }
    l->done_count = first;
    for (uint32_t n = first; n < end; n++) {
        if (l->region[l->members[n]] != 0) {
            walk(l, l->members[n], inside);
        }
    }
    memcpy(l->members + first, l->done + first, (end - first) * sizeof *l->members);
}

/* ---- Entries ---- */

/* Parameters of the entries have the values of all variables, and of the stack. */
static bool has_parameters_of(const struct loops *l, uint32_t block, uint32_t other)
{
    const struct ir_block *x = &l->f->blocks[block], *y = &l->f->blocks[other];
    bool is_same = x->params == y->params;
    for (uint32_t n = 0; is_same && n < x->params; n++) {
        is_same = l->f->instrs[x->first + n].type == l->f->instrs[y->first + n].type &&
                  build_marks(l->b, x->first + n) == build_marks(l->b, y->first + n);
    }
    return is_same;
}

/* The block before the entries. It has their parameters, and the number of the entry besides. Its
 * edges have adjacent numbers, one for each entry in their order: join() relies on that, too.
 * After this, control may seem to come from any way in to any entry, so the new block and its
 * dominators are all that dominates an entry. That is sound because code at an offset uses
 * parameters of its own block, and otherwise only values of block 0: addresses in the frame,
 * constants, the place of the result (enter() in build.c). A block in the middle of an instruction,
 * which has no such parameters, is entered from the same instruction only, so it is no entry. */
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

/* The edge leads to the block before the entries from now on, with the number of its own entry. The
 * numbers are constants of block 0, because the block that the edge leaves has ended. The edge
 * moves to the list of the new block: join() reads the next one of the old list before. */
static void redirect(struct loops *l, uint32_t edge, uint32_t block, uint32_t entry_number)
{
    struct ir_function *f = l->f;
    uint32_t total = f->edges[edge].count, at = ir_pool(f, NULL, total + 1);
    if (f->error == OK) {
        memcpy(f->pool + at, f->pool + f->edges[edge].args, total * sizeof *f->pool);
        f->pool[at + total] = entry_number;
        f->edges[edge].args = at;
        f->edges[edge].count = total + 1;
        f->edges[edge].to = block;
        add_edge(l, edge, l->from[edge], block);
    }
}

static bool join(struct loops *l, const uint32_t *entries, uint32_t count)
{
    struct ir_function *f = l->f;
    for (uint32_t n = 1; n < count; n++) {
        if (!has_parameters_of(l, entries[n], entries[0])) {
            return build_unsupported(l->b, "a loop that is entered with values on the stack");
        }
    }
    uint32_t first = f->edge_count, block = add_switch(l, entries, count);
    if (f->error != OK) {
        return fail_memory(l);
    }
    l->edges_in[block] = NONE;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t edge = l->edges_in[entries[n]];
        l->edges_in[entries[n]] = NONE;
        for (uint32_t next; edge != NONE; edge = next) {
            next = l->next_in[edge];
            redirect(l, edge, block, l->b->entry_numbers[n]);
        }
        add_edge(l, first + n, block, entries[n]);
    }
    return f->error == OK || fail_memory(l);
}

/* Block 0 has no predecessor, so it is in no loop. */
static bool is_entry(struct loops *l, uint32_t block)
{
    for (uint32_t edge = l->edges_in[block]; edge != NONE; edge = l->next_in[edge]) {
        l->b->unit->loop_steps++;
        if (l->part[l->from[edge]] != l->part[block]) {
            return true;
        }
    }
    return false;
}

/* One part: without its only entry, it may have loops inside. If it has several, they are joined:
 * then the new block is the only one. */
static bool handle_part(struct loops *l, const struct part *p)
{
    uint32_t entries[BUILD_ENTRIES_MAX], count = 0, first = p->first;
    for (uint32_t n = p->first; n < p->end; n++) {
        uint32_t block = l->members[n];
        if (!is_entry(l, block)) {
            continue;
        }
        if (count == BUILD_ENTRIES_MAX) {
            return build_unsupported(l->b, "a loop with more than 16 entries");
        }
        entries[count++] = block;
        l->members[n] = l->members[p->first];
        l->members[p->first] = block;
    }
    if (p->depth > DEPTH_MAX) {
        return build_unsupported(l->b, "a loop inside of more than 100 others");
    }
    if (count == 0) {
        return true; /* code that nothing reaches */
    }
    if (count == 1) {
        l->part[entries[0]] = 0;
        first++;
    } else if (!join(l, entries, count)) {
        return false;
    }
    find_parts(l, first, p->end, p->depth);
    return true;
}

static bool run(struct loops *l)
{
    if (!allocate(l)) {
        return false;
    }
    for (uint32_t n = 0; n < l->blocks; n++) {
        l->members[n] = n;
        l->edges_in[n] = NONE;
    }
    for (uint32_t n = 0; n < l->blocks; n++) {
        for (uint32_t e = 0; e < edge_count(l, n); e++) {
            uint32_t edge = edge_at(l, n, e);
            add_edge(l, edge, n, l->f->edges[edge].to);
        }
    }
    find_parts(l, 0, l->blocks, 0);
    while (l->waiting_count > 0) {
        struct part p = l->waiting[--l->waiting_count];
        if (!handle_part(l, &p)) {
            return false;
        }
    }
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
