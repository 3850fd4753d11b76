// SPDX-License-Identifier: MIT
//
// Liveness with the distance to the next use (Braun and Hack, "Register Spilling and Live-Range
// Splitting for SSA-Form Programs"), in two passes and without iteration. The first goes backwards
// over the blocks and ignores back edges. The second adds to all blocks of a loop the values that
// are live into its header and defined outside it: such a value is live throughout the loop. This
// is exact only because every loop has one entry, its header.
//
// A block's list is limited to the values with the nearest uses (keep_nearest()), so that work
// stays linear in the size of the function: values used far away would not get a register anyway.
// Code that needs the truth about a value that the list may leave out asks value.end. Hints for the
// choice of registers are collected on the way.
#include "kernel/jit/codegen/regalloc_internal.h"

#include "kernel/lib/sort.h"

/* A value that is live at the point which the backward pass has reached. */
struct item {
    uint32_t vreg, position;
    /* set.calls when the nearest use was found; if that grows, the value lives across a call */
    uint32_t calls;
};

/* A sparse set: `index` needs no initialisation, because find() checks the member that it finds
 * there; members are contiguous. */
struct set {
    struct item *items;
    uint32_t *index; /* by value */
    uint32_t count;
    uint32_t by_class[VCLASS_COUNT];
    /* those that the block uses and that were defined before its loop: as long as it runs they are
     * live, also behind their last use in the block */
    uint32_t throughout[VCLASS_COUNT];
    uint32_t calls;
    /* position of the next fixed operand, if the block has one */
    uint32_t fixed_at[VCLASS_COUNT][32];
    uint32_t call_position; /* of the next call, or POS_DEAD */
};

static struct item *find(const struct set *s, uint32_t vreg)
{
    uint32_t n = s->index[vreg];
    return n < s->count && s->items[n].vreg == vreg ? &s->items[n] : NULL;
}

/* Add a value that is not in the set. */
static void append(const struct alloc *a, struct set *s, uint32_t vreg, uint32_t position)
{
    s->index[vreg] = s->count;
    s->items[s->count++] = (struct item){.vreg = vreg, .position = position, .calls = s->calls};
    s->by_class[a->v->vregs[vreg].class]++;
}

/* Whether it was not in the set. */
static bool put(struct alloc *a, struct set *s, uint32_t vreg, uint32_t position)
{
    struct item *item = find(s, vreg);
    if (item == NULL) {
        append(a, s, vreg, position);
        return true;
    }
    item->position = MIN(item->position, position);
    item->calls = s->calls;
    return false;
}

static void put_use(struct alloc *a, struct set *s, uint32_t block, uint32_t vreg,
                    uint32_t position)
{
    uint32_t loop = loop_of(a, block);
    if (put(a, s, vreg, position) && loop != VREG_NONE &&
        !loop_contains(a, loop, a->values[vreg].def_block)) {
        s->throughout[a->v->vregs[vreg].class]++;
    }
}

static void remove_value(struct alloc *a, struct set *s, uint32_t vreg)
{
    struct item *item = find(s, vreg);
    if (item != NULL) {
        *item = s->items[--s->count];
        s->index[item->vreg] = (uint32_t)(item - s->items);
        s->by_class[a->v->vregs[vreg].class]--;
    }
}

/* What an edge adds to distances. Uses after the loop, or on a cold path, count as far away, so
 * values used in the loop keep their registers. */
static uint32_t edge_distance(const struct alloc *a, uint32_t from, uint32_t to)
{
    uint32_t loop = loop_of(a, from);
    bool leaves = loop != VREG_NONE && !loop_contains(a, loop, to);
    bool cools = a->v->blocks[to].is_cold && !a->v->blocks[from].is_cold;
    return leaves || cools ? FAR : 0;
}

/* Whether the definition precedes the use on every path: it comes earlier in the same block, or its
 * block dominates the use's. Otherwise the use would read whatever is in the register. */
static bool reaches(const struct alloc *a, const struct value *v, uint32_t block, uint32_t position)
{
    const struct block *here = &a->blocks[block], *there = &a->blocks[v->def_block];
    if (v->def_block != block) {
        return here->tree - there->tree < there->tree_size;
    }
    uint32_t at = here->start + v->def_instr - a->v->blocks[block].first;
    return v->def_instr == VREG_NONE || 2 * at + 1 < position;
}

COLD_CALL static void complain(struct alloc *a, uint32_t vreg, uint32_t block, uint32_t position)
{
    const struct vblock *b = &a->v->blocks[block];
    uint32_t instr = MIN(position / 2 - a->blocks[block].start, b->count - 1) + b->first;
    bool is_defined = a->values[vreg].def_block != a->v->block_count;
    regalloc_mistake(a, vreg, instr,
                     is_defined ? "is used where its definition does not reach"
                                : "is used and never defined");
}

/** Extend the life of a value to a use in `block` at `position`: twice the position of the
 * instruction, + 1; or twice the position after the block. In the order of blocks, where each loop
 * is contiguous, the value is live from its definition to there; and to the end of each loop that
 * contains the use but not the definition, because the next iteration uses it again. After STEPS
 * levels of nesting the end of the outermost loop is assumed: later than necessary is correct, it
 * only keeps a slot longer. */
static void live_extend(struct alloc *a, uint32_t vreg, uint32_t block, uint32_t position)
{
    enum { STEPS = 32 };
    struct value *v = &a->values[vreg];
    uint32_t last = position;
    if (UNLIKELY(!reaches(a, v, block, position))) {
        complain(a, vreg, block, position);
        return;
    }
    if (v->def_block != block) {
        uint32_t loop = loop_of(a, block);
        for (unsigned n = 0; loop != VREG_NONE && !loop_contains(a, loop, v->def_block); n++) {
            last = n == STEPS ? 2 * a->blocks[block].top_end : 2 * a->blocks[loop].loop_end;
            loop = n == STEPS ? VREG_NONE : a->v->blocks[loop].loop_around;
        }
    }
    v->end = MAX(v->end, last);
}

static void merge_successors(struct alloc *a, struct set *s, uint32_t block)
{
    struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    struct block *info = &a->blocks[block];
    uint32_t end = info->start + b->count;
    for (uint32_t e = b->edges; e < b->edges + b->edge_count; e++) {
        uint32_t to = v->edges[e].to, further = edge_distance(a, block, to);
        const struct block *succ = &a->blocks[to];
        if (succ->index <= info->index) {
            continue;
        }
        info->is_cut |= succ->is_cut;
        if (!v->blocks[to].is_cold && further == 0 && succ->call != POS_DEAD) {
            s->call_position = MIN(s->call_position, end + MIN(succ->call, DISTANCE_MAX));
        }
        /* each list names a value once, so the first needs no search */
        bool is_first = s->count == 0;
        for (uint32_t n = 0; n < succ->live_count; n++) {
            const struct live *l = &a->lives[succ->live + n];
            uint32_t position = end + MIN(l->distance + further, DISTANCE_MAX);
            if (a->values[l->vreg].def_block == to) {
                continue;
            }
            if (is_first) {
                append(a, s, l->vreg, position);
            } else {
                (void)put(a, s, l->vreg, position);
            }
        }
        a->work += succ->live_count;
    }
}

/* Arguments are used at the end of the block. Each has a hint to the parameter that it becomes; of
 * several parameters, the one on the most frequently executed edge. */
static void use_arguments(struct alloc *a, struct set *s, uint32_t block)
{
    struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    uint32_t end = a->blocks[block].start + b->count;
    uint16_t depth = b->is_cold ? 1 : (uint16_t)(MIN(b->loop_depth, 1000) + 2);
    for (uint32_t e = b->edges; e < b->edges + b->edge_count; e++) {
        const struct vblock *to = &v->blocks[v->edges[e].to];
        for (uint32_t n = 0; n < to->param_count; n++) {
            uint32_t arg = v->pool[v->edges[e].args + n];
            put_use(a, s, block, arg, end);
            live_extend(a, arg, block, 2 * end);
            if (depth > a->values[arg].phi_depth) {
                a->values[arg].phi_depth = depth;
                a->values[arg].phi = v->pool[to->params + n];
            }
        }
    }
}

/* A use of a derived value is also a use of its base. The base needs no register there, but must be
 * alive at safe points. */
static void use_base(struct alloc *a, struct set *s, uint32_t block, uint32_t vreg,
                     uint32_t position)
{
    uint32_t base = vcode_base(a->v, vreg);
    if (base != VREG_NONE) {
        put_use(a, s, block, base, position);
        live_extend(a, base, block, 2 * position + 1);
    }
}

/* Record where an operand's value is used next after the instruction. */
static void note_next(struct alloc *a, struct set *s, uint32_t operand, uint32_t end)
{
    uint32_t vreg = a->v->operands[operand].vreg;
    const struct item *item = find(s, vreg);
    a->next[operand] = item != NULL && item->position < end ? item->position : POS_EXIT;
    if (item != NULL && s->calls > item->calls) {
        a->values[vreg].crosses_call = true;
    }
}

/* `to` dies where `from` is defined by a move or a tied operand: prefer the same register for both,
 * which saves the move. */
static void pass_hint(struct alloc *a, const struct set *s, uint32_t from, uint32_t to)
{
    struct value *dies = &a->values[to], *born = &a->values[from];
    if (find(s, to) == NULL) {
        dies->hint = born->hint;
        if (dies->phi == VREG_NONE) {
            dies->phi = born->phi;
        }
    }
}

/* Fixed operands of a block, seen backwards: link each to the next
 * one with the same register. pick_avoid() uses that to keep a value
 * out of a register that will be taken from it while it lives. */
static void note_fixed(struct alloc *a, struct set *s, uint32_t block, uint32_t operand,
                       uint32_t position)
{
    const struct voperand *o = &a->v->operands[operand];
    unsigned class = a->v->vregs[o->vreg].class, reg = o->which & 31;
    struct block *b = &a->blocks[block];
    a->next_fixed[operand] = (b->fixed[class] & bit(reg)) != 0 ? s->fixed_at[class][reg] : POS_DEAD;
    s->fixed_at[class][reg] = position;
    b->fixed[class] |= bit(reg);
    b->first_fixed = position;
}

static void scan_definitions(struct alloc *a, struct set *s, const struct vinstr *i, uint32_t end)
{
    for (uint32_t o = i->operands; o < i->operands + i->operand_count; o++) {
        if (!is_use(&a->v->operands[o])) {
            note_next(a, s, o, end);
            remove_value(a, s, a->v->operands[o].vreg);
        }
    }
}

static void scan_hints(struct alloc *a, const struct set *s, const struct vinstr *i)
{
    const struct voperand *ops = &a->v->operands[i->operands];
    if ((i->flags & VI_MOVE) != 0) {
        pass_hint(a, s, ops[0].vreg, ops[1].vreg);
    }
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (!is_use(&ops[o]) && ops[o].constraint == VAT_TIED) {
            pass_hint(a, s, ops[o].vreg, ops[ops[o].which].vreg);
        }
    }
}

static void scan_uses(struct alloc *a, struct set *s, uint32_t block, const struct vinstr *i,
                      uint32_t position, uint32_t end)
{
    const struct voperand *ops = &a->v->operands[i->operands];
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (is_use(&ops[o])) {
            note_next(a, s, i->operands + o, end);
        }
    }
    for (unsigned o = 0; o < i->operand_count; o++) {
        if (is_use(&ops[o])) {
            put_use(a, s, block, ops[o].vreg, position);
            live_extend(a, ops[o].vreg, block, 2 * position + 1);
            if (a->v->derived_count > 0) {
                use_base(a, s, block, ops[o].vreg, position);
            }
            if (ops[o].constraint == VAT_FIXED) {
                a->values[ops[o].vreg].hint = (uint8_t)(ops[o].which + 1);
            }
        }
        if (ops[o].constraint == VAT_FIXED) {
            note_fixed(a, s, block, i->operands + o, position);
        }
    }
}

static void note_pressure(struct alloc *a, const struct set *s, uint32_t block)
{
    struct block *b = &a->blocks[block];
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        b->pressure[c] = MAX(b->pressure[c], s->by_class[c] - s->throughout[c]);
    }
}

static bool is_nearer(const void *a, const void *b)
{
    return ((const struct item *)a)->position < ((const struct item *)b)->position;
}

/* Make the set the block's list, with at most live_limit members. */
static void keep_nearest(struct alloc *a, struct set *s, uint32_t block)
{
    struct block *b = &a->blocks[block];
    for (uint32_t n = 0; n < s->count; n++) {
        a->values[s->items[n].vreg].crosses_call |= s->calls > s->items[n].calls;
    }
    if (s->count > a->live_limit) {
        sort_array(s->items, s->count, sizeof *s->items, is_nearer);
        s->count = a->live_limit;
        b->is_cut = true;
    }
    void *grown = arena_grow_list(a->arena, a->lives, &a->live_capacity,
                                  (uint64_t)a->live_count + s->count, sizeof *a->lives);
    if (grown == NULL && s->count > 0) {
        a->error = E_NOMEM;
        return;
    }
    a->lives = grown;
    b->live = a->live_count;
    b->live_count = s->count;
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t distance = s->items[n].position - b->start;
        a->lives[a->live_count++] =
            (struct live){.vreg = s->items[n].vreg, .distance = MIN(distance, DISTANCE_MAX)};
    }
    b->call = s->call_position == POS_DEAD ? POS_DEAD : s->call_position - b->start;
}

static void scan_block(struct alloc *a, struct set *s, uint32_t block)
{
    const struct vblock *b = &a->v->blocks[block];
    uint32_t start = a->blocks[block].start, end = start + b->count;
    s->count = 0;
    s->calls = 0;
    s->call_position = POS_DEAD;
    s->by_class[VCLASS_INT] = s->by_class[VCLASS_FLOAT] = 0;
    s->throughout[VCLASS_INT] = s->throughout[VCLASS_FLOAT] = 0;
    merge_successors(a, s, block);
    use_arguments(a, s, block);
    note_pressure(a, s, block);
    for (uint32_t n = b->count; n-- > 0;) {
        const struct vinstr *i = &a->v->instrs[b->first + n];
        scan_definitions(a, s, i, end);
        scan_hints(a, s, i);
        if ((i->flags & VI_CALL) != 0 && !b->is_cold) {
            s->calls++;
            s->call_position = start + n;
        }
        scan_uses(a, s, block, i, start + n, end);
        note_pressure(a, s, block);
        a->work += i->operand_count + 1u;
    }
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        a->blocks[block].pressure[c] += s->throughout[c];
    }
    keep_nearest(a, s, block);
}

/* Second pass: add the list of a loop's header, which is complete by now, to that of one block of
 * the loop. Outer loops come first in the order of blocks, so the header's list already includes
 * the values that are live through the loops around it. */
static void merge_loop(struct alloc *a, struct set *s, uint32_t block, uint32_t header)
{
    struct block *b = &a->blocks[block], *h = &a->blocks[header];
    /* an inner loop ends before the next iteration of the outer one begins */
    uint32_t leaves = a->v->blocks[block].is_loop_header ? FAR : 0;
    uint32_t old = b->live, count = b->live_count, around = h->loop_end - b->start + leaves;
    uint32_t added[VCLASS_COUNT] = {0, 0};
    bool calls = b->call < a->v->blocks[block].count;
    s->count = 0;
    s->calls = 0;
    for (uint32_t n = 0; n < count; n++) {
        append(a, s, a->lives[old + n].vreg, b->start + a->lives[old + n].distance);
    }
    for (uint32_t n = 0; n < h->live_count; n++) {
        const struct live *l = &a->lives[h->live + n];
        uint32_t distance = MIN(around + l->distance, DISTANCE_MAX);
        if (a->values[l->vreg].def_block == header) {
            continue;
        }
        a->values[l->vreg].crosses_call |= calls;
        const struct item *item = find(s, l->vreg);
        if (item == NULL) {
            added[a->v->vregs[l->vreg].class]++;
            append(a, s, l->vreg, b->start + distance);
        } else {
            struct live *own = &a->lives[old + (uint32_t)(item - s->items)];
            own->distance = MIN(own->distance, distance);
        }
    }
    for (unsigned c = 0; c < VCLASS_COUNT; c++) {
        b->pressure[c] += added[c];
    }
    b->is_cut |= h->is_cut;
    a->work += count + h->live_count;
    if (s->count == count) {
        return; /* nothing was added: the list stays where it is */
    }
    for (uint32_t n = 0; n < count; n++) {
        s->items[n].position = b->start + a->lives[old + n].distance;
    }
    s->call_position = b->call == POS_DEAD ? POS_DEAD : b->start + b->call;
    keep_nearest(a, s, block);
}

/* A header's pressure becomes the highest of the loop's blocks; its fixed registers become the
 * union of theirs. */
static void sum_up_loops(struct alloc *a)
{
    for (uint32_t n = a->v->block_count; n-- > 0;) {
        uint32_t block = a->order[n], header = a->v->blocks[block].loop_around;
        struct block *b = &a->blocks[block];
        for (unsigned c = 0; c < VCLASS_COUNT; c++) {
            b->loop_fixed[c] |= a->v->blocks[block].is_cold ? 0 : b->fixed[c];
            if (header != VREG_NONE) {
                uint32_t *outer = &a->blocks[header].pressure[c];
                *outer = MAX(*outer, b->pressure[c]);
                a->blocks[header].loop_fixed[c] |= b->loop_fixed[c];
            }
        }
    }
}

void live_find(struct alloc *a)
{
    struct vcode *v = a->v;
    struct set s; /* every other field is set for each block */
    s.items = regalloc_list(a, v->vreg_count, sizeof(struct item));
    s.index = regalloc_array(a, v->vreg_count, sizeof(uint32_t));
    /* Enough in ordinary functions for every register and a successor to it, but bounded in total:
     * the lists of all blocks of a huge function must not grow with blocks times values. */
    a->live_limit = MAX(MIN((1u << 21) / MAX(v->block_count, 1u), 128u), 8u);
    for (uint32_t n = v->block_count; n-- > 0 && a->error == OK;) {
        scan_block(a, &s, a->order[n]);
    }
    for (uint32_t n = 0; n < v->block_count && a->error == OK; n++) {
        uint32_t header = v->blocks[a->order[n]].loop_around;
        if (header != VREG_NONE) {
            merge_loop(a, &s, a->order[n], header);
        }
    }
    sum_up_loops(a);
}

/* For the walk: note the next uses after a block of the values that are live out of it. */
void live_load_exit(struct alloc *a, uint32_t block)
{
    struct vcode *v = a->v;
    const struct vblock *b = &v->blocks[block];
    a->exit_is_cut = false;
    for (uint32_t e = b->edges; e < b->edges + b->edge_count; e++) {
        uint32_t to = v->edges[e].to, further = edge_distance(a, block, to);
        const struct block *succ = &a->blocks[to];
        a->exit_is_cut |= succ->is_cut;
        for (uint32_t n = 0; n < succ->live_count; n++) {
            const struct live *l = &a->lives[succ->live + n];
            uint32_t next = a->end + MIN(l->distance + further, DISTANCE_MAX);
            if (a->values[l->vreg].def_block == to) {
                continue;
            }
            if (a->exit_stamp[l->vreg] != block + 1 || next < a->exit_next[l->vreg]) {
                a->exit_stamp[l->vreg] = block + 1;
                a->exit_next[l->vreg] = next;
            }
        }
        for (uint32_t n = 0; n < v->blocks[to].param_count; n++) {
            uint32_t arg = v->pool[v->edges[e].args + n];
            a->exit_stamp[arg] = block + 1;
            a->exit_next[arg] = a->end;
        }
        a->work += succ->live_count + v->blocks[to].param_count;
    }
}

uint32_t live_next(const struct alloc *a, uint32_t operand, uint32_t vreg)
{
    if (a->next[operand] != POS_EXIT) {
        return a->next[operand];
    }
    if (a->exit_stamp[vreg] == a->block + 1) {
        return a->exit_next[vreg];
    }
    return a->exit_is_cut && a->values[vreg].end > 2 * a->end ? a->end + DISTANCE_MAX : POS_DEAD;
}

/* Valid once entry_stamp is set for the block. */
bool live_into(const struct alloc *a, uint32_t block, uint32_t vreg)
{
    const struct block *b = &a->blocks[block];
    return a->entry_stamp[vreg] == block + 1 || (b->is_cut && a->values[vreg].end > 2 * b->start);
}
