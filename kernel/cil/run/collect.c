// SPDX-License-Identifier: MIT
//
// A collection: mark the objects that are reachable, calculate their places, change all references,
// move.
//
// Live objects slide to the start of the heap and keep their order. No second heap is needed, and
// old objects soon stay where they are. A bitmap has one bit for each 8 bytes of the heap, set if
// they are live. The new address of an object is the new address of its block, plus the live bytes
// before it in that block. The objects up to the end of the last pinned one do not move.
//
// A minor collection does the same with the young objects, which lie after the old ones. cards.c
// finds the old objects that may lead to them.
//
// Each phase takes time linear in the size of the heap or in the number of references, for any
// shape of object graph, and polls the flag that ends the program.
#include "kernel/cil/run/heap.h"

#include "kernel/cil/run/runtime.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#include <stdatomic.h>

#define SLIDE_BYTES     4096u
#define POISON          0xdb
#define PIECE_BYTES     (1u << 20) /* moved or cleared at once */
#define PIECE_STEPS     1024u
#define CARD_BYTES      (UINT32_C(1) << CIL_CARD_SHIFT)
#define OLD_BYTES_LEAST (UINT64_C(4) << 20)

/** Visits each root, and each reference in an object. */
typedef void visitor(struct cil_runtime *r, uint32_t at, unsigned kind, uint32_t next);

static uint32_t load(const struct cil_runtime *r, uint32_t at)
{
    return load_le32(r->world->memory.base + at);
}

/* ---- Live bits ---- */

static uint32_t block_of(const struct cil_heap *h, uint32_t at)
{
    return (at - h->start) >> CIL_BLOCK_SHIFT;
}

/* The blocks up to an address; one that starts there is one, too, unless it is the end. */
static size_t blocks_to(const struct cil_heap *h, uint32_t at)
{
    return MIN(block_of(h, at) + (size_t)1, (size_t)h->block_count);
}

static bool is_in_heap(const struct cil_heap *h, uint32_t address, uint32_t next)
{
    return address >= h->bottom && address < next;
}

/* Whether this collection decides if the object lives. */
static bool is_examined(const struct cil_heap *h, uint32_t address, uint32_t next)
{
    return address >= h->from && address < next;
}

static bool is_live(const struct cil_heap *h, uint32_t at)
{
    uint32_t grain = (at - h->start) >> CIL_GRAIN_SHIFT;
    return (h->live[grain / 64] >> grain % 64 & 1) != 0;
}

/* @return false: some of it is live already. */
static bool set_live(struct cil_heap *h, uint32_t at, uint32_t end)
{
    uint32_t first = (at - h->start) >> CIL_GRAIN_SHIFT,
             last = (end - 1 - h->start) >> CIL_GRAIN_SHIFT;
    uint64_t bits = UINT64_MAX << first % 64, before = 0;
    for (uint32_t n = first / 64; n <= last / 64; n++) {
        bits &= n == last / 64 ? UINT64_MAX >> (63 - last % 64) : UINT64_MAX;
        before |= h->live[n] & bits;
        h->live[n] |= bits;
        bits = UINT64_MAX;
    }
    return before == 0;
}

/* The first grain from one on that is live or not; `end`: none is. */
static uint32_t seek(const struct cil_heap *h, uint32_t grain, uint32_t end, bool is_live)
{
    while (grain < end) {
        uint64_t bits = is_live ? h->live[grain / 64] : ~h->live[grain / 64];
        bits &= UINT64_MAX << grain % 64;
        if (bits != 0) {
            return MIN(grain / 64 * 64 + (uint32_t)__builtin_ctzll(bits), end);
        }
        grain = (grain / 64 + 1) * 64;
    }
    return end;
}

/* ---- Marking ---- */

/* Objects whose references are to be followed are a list through the objects themselves: the upper
 * half of a reference's cell is zero (docs/dotnet.md), so the one of an object's first reference
 * can hold the next object until then. The list needs no memory, and each object is in it at most
 * once: marking is linear in the number of references. No two objects that are marked overlap, so
 * nothing else changes the list. */
static uint32_t link_of(uint32_t object, const struct cil_gc_type *t)
{
    return object + (t->shape == CIL_SHAPE_ARRAY ? t->start : 0) + t->ref_base + t->refs[0] + 4;
}

static void push(struct cil_runtime *r, uint32_t object, const struct cil_gc_type *t)
{
    if (t->shape != CIL_SHAPE_ARRAY || load(r, object + CIL_LENGTH_AT) != 0) {
        store_le32(r->world->memory.base + link_of(object, t), r->world->heap.waiting);
        r->world->heap.waiting = object;
    }
}

/* @return the object that was pushed last; 0: none. */
static uint32_t pop(struct cil_runtime *r, uint32_t next)
{
    const struct cil_gc_type *t;
    uint32_t object = r->world->heap.waiting;
    if (object != 0) {
        (void)cil_heap_size(r, object, next, &t);
        r->world->heap.waiting = load(r, link_of(object, t));
        store_le32(r->world->memory.base + link_of(object, t), 0);
    }
    return object;
}

static void mark_object(struct cil_runtime *r, uint32_t object, unsigned kind, uint32_t next)
{
    struct cil_heap *h = &r->world->heap;
    const struct cil_gc_type *type;
    if (kind == CIL_ROOT_OBJECT && object % 8 != 0) {
        cil_end(r, CIL_DAMAGED);
    }
    if (is_live(h, object) && kind != CIL_ROOT_PINNED) {
        return;
    }
    uint32_t end = object + cil_heap_size(r, object, next, &type);
    if (kind == CIL_ROOT_PINNED) {
        h->pinned = MAX(h->pinned, end);
        if (is_live(h, object)) {
            return;
        }
    }
    if (!set_live(h, object, end)) {
        cil_end(r, CIL_DAMAGED); /* it overlaps another one */
    }
    if (type->ref_count != 0) {
        push(r, object, type);
    }
}

static void mark(struct cil_runtime *r, uint32_t at, unsigned kind, uint32_t next)
{
    uint32_t object = load(r, at);
    if (is_examined(&r->world->heap, object, next)) {
        mark_object(r, kind == CIL_ROOT_OBJECT ? object : cil_start_of(r, object, next), kind,
                    next);
    } else if (cil_is_large(&r->world->heap, object)) {
        cil_large_mark(r, object, kind);
    }
}

/* The first reference of an object, or of an element, whose cell is not below an address. Offsets
 * ascend. A large object has many dirty cards, so this must not walk over all references before. */
static uint32_t first_from(const struct cil_gc_type *t, uint32_t base, uint32_t low)
{
    uint32_t first = 0, end = low <= base ? 0 : t->ref_count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (base + t->refs[middle] < low) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

/* The references of an object whose cells are in a part of the window. */
static void each_reference_in(struct cil_runtime *r, uint32_t object, uint32_t low, uint32_t high,
                              uint32_t next, visitor *visit)
{
    const struct cil_gc_type *t;
    uint32_t end = object + cil_heap_size(r, object, next, &t), at = object, step = t->bytes;
    if (t->shape == CIL_SHAPE_ARRAY) {
        at = object + t->start;
        end = at + load(r, object + CIL_LENGTH_AT) * step;
        at += low > at && t->ref_count != 0 ? (low - at) / step * step : 0;
    } else {
        step = end - object;
    }
    for (; t->ref_count != 0 && at < end && at < high; at += step) {
        uint32_t base = at + t->ref_base, first = first_from(t, base, low), n = first;
        for (; n < t->ref_count && base + t->refs[n] < high; n++) {
            visit(r, base + t->refs[n], CIL_ROOT_OBJECT, next);
        }
        r->world->heap.figures.visited += n - first;
        cil_poll(r, 1 + n - first);
    }
}

static void each_reference(struct cil_runtime *r, uint32_t object, uint32_t next, visitor *visit)
{
    each_reference_in(r, object, object, next, next, visit);
}

static void drain(struct cil_runtime *r, uint32_t next)
{
    for (uint32_t object; (object = pop(r, next)) != 0;) {
        each_reference(r, object, next, mark);
    }
}

/* Old objects that may lead to young ones. Each reference is visited at most once, because the
 * parts do not overlap and it belongs to the part in which its cell begins. The cards may become
 * clean before update() makes those dirty again whose objects still lead to young ones. */
static void each_old(struct cil_runtime *r, uint32_t next, bool cleans, visitor *visit)
{
    const struct cil_heap *h = &r->world->heap;
    const struct cil_gc_type *type;
    for (uint32_t at = h->bottom, end; (end = cil_cards_next(r, &at)) != 0; at = end) {
        if (cleans) {
            cil_cards_clean(r, at, end);
        }
        uint32_t object = cil_start_of(r, at, next);
        for (; object < end; object += cil_heap_size(r, object, next, &type)) {
            each_reference_in(r, object, at, end, next, visit);
        }
    }
}

/* All objects that live and are examined, in their order. */
static void visit_live(struct cil_runtime *r, uint32_t next, visitor *visit)
{
    struct cil_heap *h = &r->world->heap;
    const struct cil_gc_type *type;
    uint32_t end = (next - h->start) >> CIL_GRAIN_SHIFT;
    uint32_t grain = seek(h, (h->from - h->start) >> CIL_GRAIN_SHIFT, end, true);
    while (grain < end) {
        uint32_t object = h->start + (grain << CIL_GRAIN_SHIFT);
        uint32_t bytes = cil_heap_size(r, object, next, &type);
        if (type->ref_count != 0) {
            each_reference(r, object, next, visit);
        }
        cil_poll(r, 1);
        grain = seek(h, grain + (bytes >> CIL_GRAIN_SHIFT), end, true);
    }
}

/* ---- Roots ---- */

static void each_root_of(struct cil_runtime *r, const struct cil_root *roots, uint32_t count,
                         uint32_t frame, uint32_t next, visitor *visit)
{
    for (uint32_t n = 0; n < count; n++) {
        visit(r, frame + roots[n].at, roots[n].kind, next);
    }
}

/* The frame at an address. @return its size. */
static uint32_t visit_frame(struct cil_runtime *r, uint32_t at, uint32_t room, uint32_t next,
                            visitor *visit)
{
    const struct cil_unit *u = r->unit;
    uint32_t number = load(r, at);
    if (number == CIL_FRAME_SKIP) {
        uint32_t bytes = load(r, at + 4);
        return bytes < CIL_FRAME_HEADER || bytes % 8 != 0 || bytes > room ? 0 : bytes;
    }
    if (number >= u->point_count) {
        return 0;
    }
    const struct cil_unit_point *p = &u->points[number];
    const struct cil_unit_frame *f = &u->frames[p->frame];
    if (f->bytes > room) {
        return 0;
    }
    each_root_of(r, u->roots.all + f->first, f->count, at, next, visit);
    each_root_of(r, u->roots.all + p->first, p->count, at, next, visit);
    return f->bytes;
}

static void each_frame(struct cil_runtime *r, const struct cil_runtime *of, uint32_t next,
                       visitor *visit)
{
    uint32_t at = of->context.stack, bytes;
    if (at < of->stack_low || at > of->stack_high || at % 8 != 0) {
        cil_end(r, CIL_DAMAGED);
    }
    for (; at < of->stack_high; at += bytes) {
        bytes = visit_frame(r, at, of->stack_high - at, next, visit);
        if (bytes == 0) {
            cil_end(r, CIL_DAMAGED);
        }
    }
}

/* A reference of C is visited through a cell of the window that nothing else uses. */
static void visit_outside(struct cil_runtime *r, uint32_t *object, unsigned kind, uint32_t next,
                          visitor *visit)
{
    store_le32(r->world->memory.base + CIL_CELL_HANDLE, *object);
    visit(r, CIL_CELL_HANDLE, kind, next);
    *object = load(r, CIL_CELL_HANDLE);
}

static void each_root(struct cil_runtime *r, uint32_t next, visitor *visit)
{
    each_root_of(r, r->unit->statics.all, r->unit->statics.count, 0, next, visit);
    for (struct cil_runtime *of = r->world->threads; of != NULL; of = of->next) {
        visit_outside(r, &of->context.thrown, CIL_ROOT_OBJECT, next, visit);
        each_root_of(r, r->unit->own.all, r->unit->own.count, of->context.statics, next, visit);
        each_frame(r, of, next, visit);
    }
}

static void each_monitor(struct cil_runtime *r, uint32_t next, visitor *visit)
{
    for (uint32_t n = 0; r->world->has_threads && n < CIL_MONITOR_LISTS; n++) {
        for (struct cil_monitor *m = r->world->monitors[n]; m != NULL; m = m->next) {
            visit_outside(r, &m->object, CIL_ROOT_OBJECT, next, visit);
        }
    }
}

static void each_handle(struct cil_runtime *r, uint32_t next, visitor *visit)
{
    each_monitor(r, next, visit);
    for (struct cil_runtime *of = r->world->threads; of != NULL; of = of->next) {
        visit_outside(r, &of->self, CIL_ROOT_OBJECT, next, visit);
        for (uint32_t n = 0; n < of->held_count; n++) {
            visit_outside(r, &of->held[n], CIL_ROOT_OBJECT, next, visit);
        }
    }
}

#define KEEPING (1u << CIL_SLOT_NORMAL | 1u << CIL_SLOT_PINNED)
#define ALL_SLOTS                                                                                  \
    (KEEPING | 1u << CIL_SLOT_WEAK | 1u << CIL_SLOT_TRACKING | 1u << CIL_SLOT_FINAL |              \
     1u << CIL_SLOT_READY)
#define AND_OWNERS (1u << CIL_SLOT_FREE)

/* Slots whose kind is one of a mask, and owners if AND_OWNERS is in it. */
static void each_slot(struct cil_runtime *r, unsigned kinds, uint32_t next, visitor *visit)
{
    for (uint32_t n = 0; n < r->world->heap.slot_count; n++) {
        struct cil_slot *s = &r->world->heap.slots[n];
        cil_poll(r, 1);
        if (s->kind != CIL_SLOT_FREE && (kinds >> s->kind & 1) != 0) {
            unsigned kind = s->kind == CIL_SLOT_PINNED ? CIL_ROOT_PINNED : CIL_ROOT_OBJECT;
            visit_outside(r, &s->object, kind, next, visit);
        }
        if (s->owner != 0 && (kinds & AND_OWNERS) != 0) {
            visit_outside(r, &s->owner, CIL_ROOT_OBJECT, next, visit);
        }
    }
}

/* Nothing leads to an object that this collection examines. */
static bool is_dead(const struct cil_heap *h, uint32_t object, uint32_t next)
{
    return cil_is_large(h, object) ? cil_large_is_dead(h, object)
                                   : is_examined(h, object, next) && !is_live(h, object);
}

static void drop_dead(struct cil_runtime *r, uint32_t at, unsigned kind, uint32_t next)
{
    uint32_t object = load(r, at);
    (void)kind;
    if (is_dead(&r->world->heap, object, next)) {
        store_le32(r->world->memory.base + at, 0);
    }
}

/* After all that the program reaches has been marked. All finalizers of dead objects become ready
 * before the first of these objects is marked, since one may lead to another. They keep all that
 * they lead to until their finalizers have run. */
static void settle_slots(struct cil_runtime *r, uint32_t next)
{
    struct cil_heap *h = &r->world->heap;
    each_slot(r, 1u << CIL_SLOT_WEAK, next, drop_dead);
    for (uint32_t n = 0; n < h->slot_count; n++) {
        struct cil_slot *s = &h->slots[n];
        if (s->kind == CIL_SLOT_FINAL && is_dead(h, s->object, next)) {
            s->kind = CIL_SLOT_READY;
        }
    }
    each_slot(r, 1u << CIL_SLOT_READY, next, mark);
    drain(r, next);
    each_slot(r, 1u << CIL_SLOT_TRACKING, next, drop_dead);
    for (uint32_t n = 0; n < h->slot_count; n++) {
        struct cil_slot *s = &h->slots[n];
        if (is_dead(h, s->owner, next)) {
            cil_slot_release(h, s);
        }
    }
    h->ready_from = 0;
}

/* ---- Moving ---- */

/* Where the first live object goes. */
static uint32_t first_place(const struct cil_heap *h)
{
    return h->from > h->bottom ? h->from : h->start + h->slide;
}

/* @return bytes that live. */
static uint32_t find_places(struct cil_runtime *r, uint32_t next)
{
    struct cil_heap *h = &r->world->heap;
    uint32_t place = first_place(h), from = place;
    for (size_t n = block_of(h, h->from); n < blocks_to(h, next); n++) {
        h->place[n] = place;
        place += (uint32_t)__builtin_popcountll(h->live[n]) << CIL_GRAIN_SHIFT;
        cil_poll(r, 1);
    }
    return place - from;
}

static uint32_t place_of(const struct cil_heap *h, uint32_t object)
{
    uint32_t grain = (object - h->start) >> CIL_GRAIN_SHIFT;
    uint64_t before = h->live[grain / 64] & ~(UINT64_MAX << grain % 64);
    return h->place[grain / 64] + ((uint32_t)__builtin_popcountll(before) << CIL_GRAIN_SHIFT);
}

/* Where the cell of a reference will be. Cells outside of the examined objects stay. */
static uint32_t cell_place(const struct cil_heap *h, uint32_t at, uint32_t next)
{
    return is_examined(h, at, next) ? place_of(h, at & ~7u) + at % 8 : at;
}

/* Only garbage that stays, below a pinned object, leads to what goes. */
static void update(struct cil_runtime *r, uint32_t at, unsigned kind, uint32_t next)
{
    struct cil_heap *h = &r->world->heap;
    uint32_t address = load(r, at);
    if (cil_is_large(h, address)) {
        store_le32(r->world->memory.base + at, cil_large_place_of(h, address));
    }
    if (!is_examined(h, address, next)) {
        return;
    }
    uint32_t object = kind == CIL_ROOT_OBJECT ? address : cil_start_of(r, address, next);
    uint32_t place = is_live(h, object) ? place_of(h, object) + (address - object) : 0;
    store_le32(r->world->memory.base + at, place);
    if (place >= h->next_old) { /* it stays young */
        uint32_t cell = cell_place(h, at, next);
        if (cell < h->next_old) {
            cil_note_stores(r, cell, 1);
        }
    }
}

void cil_copy_down(struct cil_runtime *r, uint32_t to, uint32_t from, uint32_t bytes)
{
    for (uint32_t at = 0, piece; at < bytes; at += piece) {
        piece = MIN(bytes - at, PIECE_BYTES);
        memmove(r->world->memory.base + to + at, r->world->memory.base + from + at, piece);
        cil_poll(r, 1 + piece / (PIECE_BYTES / PIECE_STEPS));
    }
}

/* Lower first, so that nothing is overwritten before it has moved; then all higher at once. */
static void move(struct cil_runtime *r, uint32_t next, uint32_t live)
{
    struct cil_heap *h = &r->world->heap;
    uint32_t end = (next - h->start) >> CIL_GRAIN_SHIFT;
    uint32_t grain = (h->from - h->start) >> CIL_GRAIN_SHIFT;
    while ((grain = seek(h, grain, end, true)) < end) {
        uint32_t stop = seek(h, grain, end, false);
        uint32_t from = h->start + (grain << CIL_GRAIN_SHIFT), bytes = (stop - grain)
                                                                       << CIL_GRAIN_SHIFT;
        uint32_t to = place_of(h, from) - h->slide;
        if (to != from) {
            cil_copy_down(r, to, from, bytes);
            h->figures.moved += bytes;
        }
        grain = stop;
    }
    if (h->slide != 0) {
        memmove(r->world->memory.base + h->start + h->slide, r->world->memory.base + h->start,
                live);
    }
}

static void fill(struct cil_runtime *r, uint32_t from, uint32_t to, int byte)
{
    for (uint32_t at = from, piece; at < to; at += piece) {
        piece = MIN(to - at, PIECE_BYTES);
        memset(r->world->memory.base + at, byte, piece);
        cil_poll(r, PIECE_STEPS);
    }
}

/* What follows the objects is zero. */
static void clear(struct cil_runtime *r, uint32_t bottom, uint32_t from, uint32_t to)
{
    struct cil_heap *h = &r->world->heap;
    bool poisons = (h->checks & CIL_GC_POISON) != 0;
    fill(r, from, to, poisons ? POISON : 0);
    if (poisons) {
        fill(r, h->start, bottom, POISON);
    }
}

/* ---- Verifying ---- */

static void check(struct cil_runtime *r, uint32_t at, unsigned kind, uint32_t next)
{
    const struct cil_heap *h = &r->world->heap;
    uint32_t object = load(r, at);
    const struct cil_gc_type *type;
    bool is_inside = is_in_heap(h, object, next);
    if (is_inside && kind == CIL_ROOT_OBJECT && cil_start_of(r, object, next) != object) {
        cil_end(r, CIL_DAMAGED);
    }
    if (is_inside && object >= h->old && is_in_heap(h, at, h->old) && !cil_card_is_dirty(r, at)) {
        cil_end(r, CIL_DAMAGED);
    }
    if (cil_is_large(h, object)) {
        if (kind == CIL_ROOT_OBJECT && !cil_large_starts_at(h, object)) {
            cil_end(r, CIL_DAMAGED);
        }
    } else if (!is_inside && kind == CIL_ROOT_OBJECT && object != 0) { /* a literal */
        if (object >= r->world->heap.types_end) {
            cil_end(r, CIL_DAMAGED);
        }
        (void)cil_heap_size(r, object, r->world->heap.types_end, &type);
    }
}

static void verify(struct cil_runtime *r, uint32_t next)
{
    const struct cil_gc_type *type;
    cil_starts_forget(&r->world->heap, false);
    r->world->heap.from = r->world->heap.bottom;
    for (uint32_t at = r->world->heap.bottom; at < next; at += cil_heap_size(r, at, next, &type)) {
        each_reference(r, at, next, check);
    }
    each_root(r, next, check);
    each_slot(r, ALL_SLOTS | AND_OWNERS, next, check);
    cil_starts_forget(&r->world->heap, false); /* young objects are among those that were found */
}

/* ---- All ---- */

static void start(struct cil_heap *h, uint32_t next, bool is_minor)
{
    h->from = is_minor ? h->old : h->bottom;
    memset(h->live + block_of(h, h->from), 0,
           (blocks_to(h, next) - block_of(h, h->from)) * sizeof *h->live);
    h->waiting = 0;
    h->kept_end = h->starts_end;
    h->kept_last = h->starts_last;
    h->pinned = h->from;
}

/* With CIL_GC_MOVE, every second time all objects lie higher, if there is room. With a pinned
 * object the slide is the distance that the heap has already: then the first live object, and with
 * it all up to the last pinned one, whose bits settle_pinned() has set without a gap, keep their
 * places. */
static uint32_t choose_slide(const struct cil_heap *h, uint32_t next)
{
    bool is_minor = h->from != h->bottom, is_pinned = h->pinned != h->from;
    bool moves = (h->checks & CIL_GC_MOVE) != 0 && !is_minor;
    bool has_room = next + UINT64_C(2) * SLIDE_BYTES <= h->limit;
    if (is_pinned && !is_minor) {
        return h->bottom - h->start;
    }
    return moves && has_room && h->bottom == h->start ? SLIDE_BYTES : 0;
}

/* Garbage below the last pinned object stays, too; nothing leads to it. */
static void settle_pinned(struct cil_heap *h)
{
    if (h->pinned > h->from) {
        (void)set_live(h, h->from, h->pinned);
    }
}

/* After a collection of all objects: the next one is due when the old objects have doubled. */
static uint64_t most_old(uint64_t live)
{
    return live + MAX(live, OLD_BYTES_LEAST);
}

static void find_live(struct cil_runtime *r, uint32_t next, bool is_minor)
{
    each_root(r, next, mark);
    each_handle(r, next, mark);
    each_slot(r, KEEPING, next, mark);
    if (is_minor) {
        each_old(r, next, false, mark);
    }
    drain(r, next);
}

/* The cards of objects that become old belong to the objects that lay there before, until
 * visit_live() has changed the references. The first of these cards may also cover older objects.
 * each_old() has made it right already, so it is not cleaned again. */
static void update_all(struct cil_runtime *r, uint32_t next, bool is_minor)
{
    struct cil_heap *h = &r->world->heap;
    each_root(r, next, update);
    each_handle(r, next, update);
    each_slot(r, ALL_SLOTS | AND_OWNERS, next, update);
    if (is_minor) {
        each_old(r, next, true, update);
    }
    cil_cards_clean(r, is_minor ? ALIGN_UP(h->from, CARD_BYTES) : h->bottom, h->next_old);
    visit_live(r, next, update);
}

/* @param live Bytes of the examined objects that live. @param next The end before. */
static void count(struct cil_heap *h, enum cil_gc_cause cause, bool is_minor, uint32_t live,
                  uint32_t next)
{
    uint32_t all = (uint32_t)(h->next - h->bottom + h->large.used);
    h->figures.allocated += next - h->figures.end;
    h->figures.end = h->next;
    h->figures.collections++;
    h->figures.minor += is_minor;
    h->figures.causes[cause]++;
    h->figures.survived += live;
    h->figures.live = all;
    h->old_most = is_minor ? h->old_most : most_old(all);
}

/* The order of the phases is fixed. settle_pinned() comes before find_places(), which counts live
 * bits. Each root and each reference in a live object is changed exactly once, and all of them
 * before the first object moves: update() computes places from old addresses, live bits and starts
 * of objects, which are true only until move(). Memory after the last object is zero at the end,
 * which allocation in compiled code relies on (new_small() in build_object.c).
 *
 * A program that is ended in the middle (cil_poll()) leaves a heap that is half changed. That is
 * allowed, because no code of it runs any more, and cil_heap_free() reads nothing from the
 * window. */
void cil_collect_stopped(struct cil_runtime *r, enum cil_gc_cause cause, bool is_minor)
{
    struct cil_heap *h = &r->world->heap;
    uint64_t begin = h->now_ns == NULL ? 0 : h->now_ns();
    for (struct cil_runtime *of = r->world->threads; of != NULL; of = of->next) {
        cil_heap_return(r, of);
    }
    uint32_t next = h->next;
    start(h, next, is_minor);
    is_minor = h->from != h->bottom; /* else there are no old objects */
    find_live(r, next, is_minor);
    settle_slots(r, next);
    cil_large_sweep(r, !is_minor && (cause == CIL_GC_SHORT || (h->checks & CIL_GC_MOVE) != 0));
    settle_pinned(h);
    h->slide = choose_slide(h, next);
    uint32_t live = find_places(r, next), place = first_place(h);
    h->next_old = is_minor && h->aged < next ? place_of(h, h->aged) : place + live;
    update_all(r, next, is_minor);
    move(r, next, live);
    cil_large_move(r);
    h->bottom = is_minor ? h->bottom : place;
    clear(r, h->bottom, place + live, next);
    cil_starts_forget(h, is_minor);
    h->next = h->aged = place + live;
    h->old = h->next_old;
    if (!is_minor) {
        cil_large_shrink(r);
    }
    count(h, cause, is_minor, live, next);
    if ((h->checks & CIL_GC_VERIFY) != 0) {
        verify(r, h->next);
    }
    uint64_t pause = h->now_ns == NULL ? 0 : h->now_ns() - begin;
    h->figures.pause_ns += pause;
    h->figures.longest_ns = MAX(h->figures.longest_ns, pause);
}

void cil_collect(struct cil_runtime *r, enum cil_gc_cause cause, bool is_minor)
{
    cil_lock(r);
    (void)cil_stop_others(r);
    cil_collect_stopped(r, cause, is_minor);
    cil_resume_others(r);
    cil_unlock(r);
}
