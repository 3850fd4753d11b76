// SPDX-License-Identifier: MIT
//
// Large objects without references: arrays of numbers, and strings; and the stacks of threads
// besides the first. They lie in a part of the window of their own, which begins where the memory
// limit ends, and they stay where they are: copying them would cost more than the rest of a
// collection, and they have nothing to scan.
//
// A table outside of the window has their addresses, so nothing that the program writes into one
// changes what the collector knows of the others. A room that a dead object leaves is used for a
// later one. Rooms that are too small would add up, so when memory is short the objects close up:
// they slide to the start of the part in their order, except those that are pinned. Each
// collection of all objects frees the memory behind the last one.
//
// Stacks are entries of the same table. They never move, belong to no generation, and go when their
// threads end. No object is in one, and the collector finds the frames in it by its thread.
//
// A large object is old as soon as it has survived one collection. So no minor collection leaves a
// young one behind, and none has to remember which old objects lead to it (cards.c).
#include "kernel/cil/run/heap.h"

#include "kernel/cil/run/runtime.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define NONE           UINT32_MAX
#define UNIT           UINT64_C(0x10000) /* the part grows by multiples of it */
#define REACH          (UINT64_C(1) << 32)
#define CAPACITY_LEAST 64u
#define PIECE_BYTES    (UINT64_C(1) << 20)
#define PIECE_STEPS    1024u
#define POISON         0xdb

void cil_large_open(struct cil_runtime *r)
{
    struct wasi_memory_part *part = &r->world->heap.large.part;
    if (part->start == CIL_LARGE_CLOSED) {
        part->start = part->end = ALIGN_UP(r->world->memory.max, SANDBOX_UPPER_UNIT);
        r->world->heap.large.used_to = part->start;
    }
}

static uint64_t end_of(const struct cil_large_object *o)
{
    return (uint64_t)o->at + o->bytes;
}

/* ---- Finding ---- */

/* The number of the object that an address leads into. */
static uint32_t find(const struct cil_large *l, uint32_t address)
{
    uint32_t first = 0, end = l->count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (end_of(&l->all[middle]) <= address) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < l->count && l->all[first].at <= address ? first : NONE;
}

bool cil_large_starts_at(const struct cil_heap *h, uint32_t address)
{
    uint32_t n = find(&h->large, address);
    return n != NONE && h->large.all[n].at == address;
}

static bool is_minor(const struct cil_heap *h)
{
    return h->from != h->bottom;
}

/* An address behind the last element may lead into the next object, or into none. */
void cil_large_mark(struct cil_runtime *r, uint32_t address, unsigned kind)
{
    struct cil_heap *h = &r->world->heap;
    const struct cil_gc_type *type;
    uint32_t n = find(&h->large, address);
    struct cil_large_object *o = n == NONE ? NULL : &h->large.all[n];
    if (kind == CIL_ROOT_OBJECT && (o == NULL || o->at != address || o->is_stack)) {
        cil_end(r, CIL_DAMAGED);
    }
    if (o == NULL || o->is_stack) { /* the latter: a variable in a frame */
        return;
    }
    o->is_pinned |= kind == CIL_ROOT_PINNED;
    if (o->is_live) {
        return;
    }
    (void)cil_heap_size(r, o->at, (uint32_t)end_of(o), &type);
    if (type->ref_count != 0) {
        cil_end(r, CIL_DAMAGED); /* the program has changed the type */
    }
    o->is_live = true;
}

bool cil_large_is_dead(const struct cil_heap *h, uint32_t address)
{
    uint32_t n = find(&h->large, address);
    return n != NONE && !h->large.all[n].is_live && !(is_minor(h) && h->large.all[n].is_old);
}

/* ---- Placing ---- */

static void fill(struct cil_runtime *r, uint64_t from, uint64_t to, int byte)
{
    for (uint64_t at = from, piece; at < to; at += piece) {
        piece = MIN(to - at, PIECE_BYTES);
        memset(r->world->memory.base + at, byte, (size_t)piece);
        cil_poll(r, PIECE_STEPS);
    }
}

/* The first room from the hint on, which may be the one at the end, however small that is. The hint
 * makes the search linear between two collections: rooms before it are not looked at again.
 * @param n The number of the object that follows the room. */
static uint64_t find_room(const struct cil_large *l, uint64_t bytes, uint32_t *n)
{
    for (*n = l->hint;; ++*n) {
        uint64_t from = *n == 0 ? l->part.start : end_of(&l->all[*n - 1]);
        if (*n == l->count || l->all[*n].at - from >= bytes) {
            return from;
        }
    }
}

static bool has_entry(struct cil_runtime *r)
{
    struct cil_large *l = &r->world->heap.large;
    if (l->count < l->capacity) {
        return true;
    }
    uint32_t capacity = MAX(2 * l->capacity, CAPACITY_LEAST);
    struct cil_large_object *all =
        budget_resize(r->world->budget, l->all, l->capacity * sizeof *all, capacity * sizeof *all);
    if (all != NULL) {
        l->all = all;
        l->capacity = capacity;
    }
    return all != NULL;
}

/* Tell WASI and cil_memory() the new end. Release: the memory is there before. */
static void publish(struct cil_runtime *r)
{
    struct cil_large *l = &r->world->heap.large;
    __atomic_store_n(&l->part.end, l->part.start + r->world->memory.upper_bytes, __ATOMIC_RELEASE);
    l->used_to = MIN(l->used_to, l->part.end);
}

/* @return false: no memory. Does not return to a program that is ending. */
static bool commit(struct cil_runtime *r, uint64_t end)
{
    struct cil_large *l = &r->world->heap.large;
    if (end <= l->part.end) {
        return true;
    }
    if (end > REACH - UNIT) {
        return false;
    }
    enum status s =
        sandbox_set_upper(&r->world->memory, l->part.start, ALIGN_UP(end - l->part.start, UNIT));
    if (s == E_CANCELLED) {
        cil_end(r, CIL_GOES_ON);
    }
    if (s == OK) {
        publish(r);
    }
    return s == OK;
}

/* @return NULL: no memory. */
static const struct cil_large_object *place(struct cil_runtime *r, uint64_t bytes, bool is_stack)
{
    struct cil_large *l = &r->world->heap.large;
    uint32_t n;
    uint64_t at = find_room(l, bytes, &n), end = at + bytes;
    if (!has_entry(r) || !commit(r, end)) {
        return NULL;
    }
    memmove(&l->all[n + 1], &l->all[n], (l->count - n) * sizeof *l->all);
    l->all[n] = (struct cil_large_object){
        .at = (uint32_t)at, .bytes = (uint32_t)bytes, .is_stack = is_stack};
    l->count++;
    l->hint = n + 1;
    return &l->all[n];
}

/* Memory from `used_to` on is zero: it has never been used, or was committed anew. */
uint32_t cil_large_place(struct cil_runtime *r, uint64_t bytes)
{
    struct cil_large *l = &r->world->heap.large;
    const struct cil_large_object *o = place(r, ALIGN_UP(bytes, CIL_LARGE_UNIT), false);
    if (o == NULL) {
        return 0;
    }
    fill(r, o->at, MIN(end_of(o), l->used_to), 0);
    l->used_to = MAX(l->used_to, end_of(o));
    l->fresh += o->bytes;
    l->used += o->bytes;
    return o->at;
}

/* ---- Stacks ---- */

/* A program that starts threads until there is no memory for another one gets an exception, and
 * goes on. So some memory is left for what its threads allocate meanwhile. */
static bool has_reserve(const struct cil_world *w, uint64_t bytes)
{
    const struct sandbox *s = &w->memory;
    bool is_left = s->bytes + s->upper_bytes + bytes + CIL_STACK_RESERVE <= s->max &&
                   budget_charge(w->budget, bytes + CIL_STACK_RESERVE);
    if (is_left) {
        budget_uncharge(w->budget, bytes + CIL_STACK_RESERVE);
    }
    return is_left;
}

static const struct cil_large_object *place_stack(struct cil_runtime *r, uint64_t bytes)
{
    return has_reserve(r->world, bytes) ? place(r, bytes, true) : NULL;
}

uint32_t cil_stack_place(struct cil_runtime *r, uint64_t bytes)
{
    struct cil_large *l = &r->world->heap.large;
    const struct cil_large_object *o = place_stack(r, bytes);
    if (o == NULL) {
        cil_collect_short(r);
        o = place_stack(r, bytes);
    }
    if (o == NULL) {
        return 0;
    }
    l->used_to = MAX(l->used_to, end_of(o));
    return o->at;
}

/* The memory stays committed: C code of another thread may be at any address of the part that its
 * program has made up, and only a collection stops the others. */
void cil_stack_remove(struct cil_world *w, uint32_t at)
{
    struct cil_large *l = &w->heap.large;
    uint32_t n = find(l, at);
    l->count--;
    memmove(&l->all[n], &l->all[n + 1], (l->count - n) * sizeof *l->all);
    l->hint = MIN(l->hint, n);
}

/* ---- After marking ---- */

static void drop_dead(struct cil_runtime *r)
{
    struct cil_heap *h = &r->world->heap;
    struct cil_large *l = &h->large;
    uint32_t kept = 0;
    l->used = 0;
    for (uint32_t n = 0; n < l->count; n++) {
        struct cil_large_object o = l->all[n];
        cil_poll(r, 1);
        if (o.is_stack) {
            l->all[kept++] = o;
        } else if (o.is_live || (is_minor(h) && o.is_old)) {
            l->all[kept++] = o;
            l->used += o.bytes;
        } else if ((h->checks & CIL_GC_POISON) != 0) {
            fill(r, o.at, end_of(&o), POISON);
        }
    }
    l->count = kept;
}

/* Downwards only: what is pinned ends below the next object. */
static void find_places(struct cil_large *l, bool moves)
{
    uint64_t place = l->part.start;
    for (uint32_t n = 0; n < l->count; n++) {
        struct cil_large_object *o = &l->all[n];
        o->to = moves && !o->is_pinned && !o->is_stack ? (uint32_t)place : o->at;
        o->is_live = o->is_pinned = false;
        o->is_old = true;
        place = (uint64_t)o->to + o->bytes;
    }
}

void cil_large_sweep(struct cil_runtime *r, bool moves)
{
    struct cil_heap *h = &r->world->heap;
    drop_dead(r);
    find_places(&h->large, moves);
    h->large.old = h->large.used;
    h->figures.allocated += h->large.fresh;
    h->large.fresh = h->large.hint = 0;
}

uint32_t cil_large_place_of(const struct cil_heap *h, uint32_t address)
{
    uint32_t n = find(&h->large, address);
    return n == NONE ? address : h->large.all[n].to + (address - h->large.all[n].at);
}

void cil_large_move(struct cil_runtime *r)
{
    struct cil_large *l = &r->world->heap.large;
    for (uint32_t n = 0; n < l->count; n++) {
        struct cil_large_object *o = &l->all[n];
        if (o->to != o->at) {
            cil_copy_down(r, o->to, o->at, o->bytes);
            r->world->heap.figures.moved += o->bytes;
            o->at = o->to;
        }
    }
}

/* Calls of WASI read and write the window while their threads are away. The one that is in such a
 * call checked its buffers before, so no memory may go meanwhile. */
void cil_large_shrink(struct cil_runtime *r)
{
    struct cil_large *l = &r->world->heap.large;
    uint64_t end = l->count == 0 ? l->part.start : end_of(&l->all[l->count - 1]);
    if (end < l->part.end && __atomic_load_n(&r->world->in_calls, __ATOMIC_SEQ_CST) == 0) {
        (void)sandbox_set_upper(&r->world->memory, l->part.start,
                                ALIGN_UP(end - l->part.start, UNIT));
        publish(r);
    }
}
