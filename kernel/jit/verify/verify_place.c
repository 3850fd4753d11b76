// SPDX-License-Identifier: MIT
//
// The contents of registers and stack cells, across blocks. There are few registers:
// at the start of a block, each one is merged from the ends of its predecessors.
// There may be many cells: the value of a cell is looked up when it is read, in the
// predecessor, or in all of them. The values of back edges are not known when a loop
// header is visited, so there the value is a merge (verify_demand.c).
//
// Most values that differ between the predecessors of a join are never read after it. So the join
// of a register is made when the register is read, too: until then block.out has OUT_LATER and the
// number of the join's block, and blocks after it copy that. A join that was made is stored in
// block.in of its block, so that each one is made once, by whichever block reads it first. It does
// not matter when a join is made: the ends of its predecessors do not change after their visit.
#include "kernel/jit/verify/verify_internal.h"

#include "kernel/lib/string.h"

#define ROOT_STEPS                                                                                 \
    8u /* blocks above a join that the search for the one that all come from passes */

/* ---- By block and location ---- */

static uint32_t slot_of(const struct verifier *v, uint64_t key)
{
    uint64_t hash = (key ^ key >> 29) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & (v->cell_capacity - 1);
    while (v->cells[at].key != 0 && v->cells[at].key != key) {
        at = (at + 1) & (v->cell_capacity - 1);
    }
    return at;
}

static bool grow_cells(struct verifier *v)
{
    struct cell_slot *old = v->cells;
    uint32_t count = v->cell_capacity, more = count == 0 ? 64 : 2 * count;
    if (more == 0 || (v->cells = arena_alloc(v->arena, (size_t)more * sizeof *old)) == NULL) {
        v->cells = old;
        v->status = v->status == OK ? E_NOMEM : v->status;
        return false;
    }
    v->cell_capacity = more;
    for (uint32_t n = 0; n < count; n++) {
        if (old[n].key != 0) {
            v->cells[slot_of(v, old[n].key)] = old[n];
        }
    }
    return true;
}

/* Store the value of a location at the start of a block. */
static void put_near(struct verifier *v, struct block *b, uint32_t location, uint32_t value)
{
    if (b->in == NULL) {
        b->in = arena_alloc(v->arena, LOCATIONS * sizeof *b->in);
    }
    if (b->in == NULL) {
        v->status = v->status == OK ? E_NOMEM : v->status;
        return;
    }
    b->in[location] = ~value;
}

static void put(struct verifier *v, uint32_t block, uint32_t location, uint32_t value)
{
    if (v->cell_count + v->cell_count / 2 >= v->cell_capacity && !grow_cells(v)) {
        return;
    }
    uint32_t at = slot_of(v, LOCATION_KEY(block, location));
    v->cell_count += v->cells[at].key == 0;
    v->cells[at] = (struct cell_slot){LOCATION_KEY(block, location), value};
    v->blocks[MIN(block, v->block_count - 1)].has_cells = true;
}

/* The stored value of a location at the start of a block. */
static uint32_t found_near(const struct block *b, uint32_t location)
{
    return b->in == NULL ? NO_NODE : ~b->in[location];
}

static uint32_t found(const struct verifier *v, uint32_t block, uint32_t location)
{
    if (v->cell_capacity == 0) {
        return NO_NODE;
    }
    const struct cell_slot *slot = &v->cells[slot_of(v, LOCATION_KEY(block, location))];
    return slot->key == 0 ? NO_NODE : slot->value;
}

/* ---- Looking up ---- */

/* Start to collect the values of a block's predecessors, with room for all of them. */
static bool push_frame(struct verifier *v, uint32_t depth, uint32_t block)
{
    if (!verify_room(v, &v->frames, &v->frame_capacity, (uint64_t)depth + 1, sizeof *v->frames) ||
        !ROOM(v, way, v->blocks[block].pred_count + UINT64_C(1))) {
        return false;
    }
    v->frames[depth] = (struct look_up_frame){.block = block, .ways = v->way_count};
    return true;
}

/* The value at the function's entry. The caller's cells
 * are stored under a block that does not exist. */
static uint32_t at_entry(struct verifier *v, uint32_t location)
{
    if (location < LOCATIONS) {
        return v->entry[location];
    }
    uint32_t value = found(v, v->block_count, location);
    return value == NO_NODE ? UNDEFINED_NODE : value;
}

/* The value of a location at the end of a block. A block stores it for registers, or names the
 * block at whose start it must be looked up. For cells, most blocks have the value of their root,
 * unless the cell was written since. @param stop  If the value is unknown: the block at whose start
 * to look it up. */
static NOINLINE uint32_t climb_far(struct verifier *v, uint32_t block, uint32_t location,
                                   uint32_t *stop)
{
    v->work++;
    const struct block *b = &v->blocks[block];
    uint32_t value = b->has_cells ? found(v, block, location) : NO_NODE;
    while (value == NO_NODE && block != 0 &&
           ((b->changed_far >> location % 64 & 1) == 0 || (b->pred_count == 1 && !b->is_header))) {
        block = b->root; /* of one predecessor: that one */
        b = &v->blocks[block];
        value = b->has_cells ? found(v, block, location) : NO_NODE;
        v->work++;
    }
    *stop = block;
    return value;
}

static ALWAYS_INLINE uint32_t climb(struct verifier *v, uint32_t block, uint32_t location,
                                    uint32_t *stop)
{
    if (location >= LOCATIONS) {
        return climb_far(v, block, location, stop);
    }
    uint32_t value = v->blocks[block].out[location];
    if ((value & OUT_LATER) == 0) {
        return value;
    }
    *stop = value & ~OUT_LATER;
    v->work++;
    return found_near(&v->blocks[*stop], location);
}

/* Collect the values of predecessors up to the first unknown one. @return NO_BLOCK: all are known;
 * else the block to look up first. */
static uint32_t next_unknown(struct verifier *v, struct look_up_frame *f, uint32_t location)
{
    const struct block *b = &v->blocks[f->block];
    for (; f->next < b->pred_count; f->next++) {
        uint32_t edge = v->edges[b->preds + f->next], stop;
        if (!fact_is_way_in(v, b, edge)) {
            continue;
        }
        uint32_t value = climb(v, edge >> 1, location, &stop);
        if (value == NO_NODE) {
            return stop;
        }
        v->ways[v->way_count++] = value;
    }
    return NO_BLOCK;
}

/* The locations that a loop may change. For the first block this is not known yet: all. A location
 * that its loop does not change has at the header the value from outside, and needs no merge. */
static bool is_changed_by_loop(const struct block *b, uint32_t location)
{
    bool is_register = location < LOCATION_CELLS;
    uint64_t changed = is_register ? b->writes : b->cells;
    return location >= LOCATIONS ||
           (changed >> (is_register ? location : location - LOCATION_CELLS) & 1) != 0;
}

/* All values of predecessors are known: join them, and store the result at the block's start. The
 * caller's values are one more way into the first block. */
static void end_frame(struct verifier *v, const struct look_up_frame *f, uint32_t location)
{
    if (f->block == 0) {
        v->ways[v->way_count++] = at_entry(v, location);
    }
    uint32_t value =
        v->way_count - f->ways == 1
            ? v->ways[f->ways]
            : value_join(v, f->block, location, v->ways + f->ways, v->way_count - f->ways);
    const struct block *b = &v->blocks[f->block];
    if (v->status == OK && b->is_header && is_changed_by_loop(b, location)) {
        value = value_into_loop(v, f->block, location, value);
    }
    if (location < LOCATIONS) {
        put_near(v, &v->blocks[f->block], location, value);
    } else {
        put(v, f->block, location, value);
    }
    v->way_count = f->ways;
}

/* The value of a location at the end of a block; or, for a cell that the block has not accessed
 * yet, at its start. The result is stored in the block and at the joins on the way. */
uint32_t value_at_end(struct verifier *v, uint32_t block, uint32_t location)
{
    uint32_t depth = 0, stop;
    uint32_t value = climb(v, block, location, &stop);
    if (value == NO_NODE && !push_frame(v, depth++, stop)) {
        return ZERO_NODE;
    }
    while (depth > 0 && v->status == OK) {
        uint32_t unknown = next_unknown(v, &v->frames[depth - 1], location);
        if (unknown != NO_BLOCK) {
            (void)push_frame(v, depth++, unknown);
        } else if (v->status == OK) {
            end_frame(v, &v->frames[--depth], location);
        }
    }
    if (v->status != OK) {
        return ZERO_NODE;
    }
    if (location < LOCATIONS) {
        value = value == NO_NODE ? found_near(&v->blocks[stop], location) : value;
        v->blocks[block].out[location] = value;
        return value;
    }
    value = value == NO_NODE ? found(v, stop, location) : value;
    if (stop != block) {
        put(v, block, location, value);
    }
    return value;
}

/* ---- Registers ---- */

uint32_t value_address(struct verifier *v, unsigned reg)
{
    return value_settle(v, value_register(v, reg));
}

/* Locations that differ between two ends are merged when they are read. */
static ALWAYS_INLINE void join_some(uint64_t left, uint32_t *out, const uint32_t *other,
                                    uint32_t later)
{
    for (; left != 0; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctzll(left);
        out[n] = out[n] == other[n] ? out[n] : later;
    }
}

/* Replace the root of a block by one that a predecessor shares. Nothing but what changed since then
 * can differ between the two. If none is near, everything can. */
static void share_root(const struct verifier *v, struct block *b, const struct block *p)
{
    const struct block *mine = &v->blocks[b->root], *other = p;
    for (unsigned steps = 0; mine != other; steps++) {
        const struct block **later = mine->order > other->order ? &mine : &other;
        b->changed |= (*later)->changed;
        b->changed_cells |= (*later)->changed_cells;
        b->changed_far |= (*later)->changed_far;
        *later = &v->blocks[(*later)->root];
        if (steps == ROOT_STEPS) {
            mine = other = v->blocks;
            b->changed = b->changed_cells = b->changed_far = UINT64_MAX;
        }
    }
    b->root = (uint32_t)(mine - v->blocks);
}

/* Merge the registers and near cells of the predecessors. */
static void join_registers(struct verifier *v, struct block *b)
{
    bool is_first = true;
    for (uint32_t n = 0; n < b->pred_count; n++) {
        uint32_t edge = v->edges[b->preds + n];
        const struct block *p = &v->blocks[edge >> 1];
        if (!fact_is_way_in(v, b, edge)) {
            continue;
        }
        if (is_first) {
            memcpy(b->out, p->out, sizeof b->out);
            b->root = edge >> 1;
            is_first = false;
            continue;
        }
        uint32_t later = v->block | OUT_LATER;
        share_root(v, b, p);
        join_some(v->written & b->changed, b->out, p->out, later);
        join_some(v->written_cells & b->changed_cells, b->out + LOCATION_CELLS,
                  p->out + LOCATION_CELLS, later);
        v->work++;
    }
}

/* What a loop changes is looked up when it is read, unless nothing has written it. */
static void begin_loop(const struct verifier *v, uint64_t left, uint32_t *out)
{
    for (; left != 0; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctzll(left);
        out[n] = out[n] == UNDEFINED_NODE ? out[n] : v->block | OUT_LATER;
    }
}

void value_enter_block(struct verifier *v)
{
    struct block *b = v->now;
    if (v->block == 0) {
        memcpy(b->out, v->entry, sizeof b->out);
    } else {
        join_registers(v, b);
    }
    b->changed |= b->writes;
    if (b->is_header) {
        begin_loop(v, v->written & b->writes, b->out);
        begin_loop(v, v->written_cells & b->cells, b->out + LOCATION_CELLS);
        b->changed_cells |= b->cells;
        b->changed_far = UINT64_MAX;
    }
}

/* ---- Cells ---- */

static const struct kept_cell *kept(const struct verifier *v, uint32_t location)
{
    for (uint32_t n = 0; n < v->kept_count; n++) {
        if (v->kept[n].location == location) {
            return &v->kept[n];
        }
    }
    return NULL;
}

bool value_is_kept(const struct verifier *v, int64_t offset, uint32_t node)
{
    const struct kept_cell *k = kept(v, value_cell(offset));
    return k != NULL && value_same(v, k->node, node);
}

uint32_t value_load_cell(struct verifier *v, int64_t offset)
{
    uint32_t location = value_cell(offset);
    const struct kept_cell *k = kept(v, location);
    if (k != NULL) {
        return k->node;
    }
    return location < LOCATIONS ? value_register(v, location) : value_at_end(v, v->block, location);
}

/* Whether a value is one that a prologue saves: a register of the caller, or the context. Such
 * cells are kept apart. No join or loop has to look for them, because a later write to one is
 * refused unless it writes the same value. */
static bool is_kept(const struct verifier *v, uint32_t value)
{
    const struct value *x = value_of(v, value & ~CELL_HALF);
    return v->block == 0 && v->kept_count < KEPT_MAX &&
           (x->kind == VALUE_SAVED || x->kind == VALUE_RETURN ||
            (x->kind == VALUE_CONTEXT && x->n == 0));
}

bool value_store_cell(struct verifier *v, int64_t offset, uint32_t value)
{
    uint32_t location = value_cell(offset);
    const struct kept_cell *k = kept(v, location);
    if (k != NULL) {
        return ((value & CELL_HALF) == 0 && value_same(v, k->node, value)) ||
               verify_refuse(v, "what the prologue saved is written over");
    }
    if (is_kept(v, value)) {
        v->kept[v->kept_count++] = (struct kept_cell){location, value};
    } else if (location < LOCATIONS) {
        struct block *b = v->now;
        uint64_t cell = UINT64_C(1) << (location - LOCATION_CELLS);
        if (v->foresees && b->in_loop && (b->cells & cell) == 0) {
            v->was_wrong = true;
            v->foresees = false;
        }
        b->out[location] = value;
        b->changed_cells |= cell;
        v->written_cells |= cell;
    } else {
        v->now->changed_far |= UINT64_C(1) << location % 64;
        put(v, v->block, location, value);
    }
    return v->status == OK;
}
