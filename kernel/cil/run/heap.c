// SPDX-License-Identifier: MIT
//
// Allocation: compiled code takes memory up to `full` by itself. What ends beyond it comes here.
#include "kernel/cil/run/heap.h"

#include "kernel/cil/run/runtime.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define POLL_STEPS     65536u
#define BLOCK_BYTES    512u
#define UNIT           UINT64_C(0x10000) /* the window grows by multiples of it */
#define GROWTH_BYTES   (UINT64_C(1) << 20)
#define INTERVAL_BYTES (UINT64_C(4) << 20) /* that are allocated between collections */
#define TABLE_BYTES    (sizeof(uint64_t) + sizeof(uint32_t) + 1) /* for a block */

/* ---- Parts of threads ---- */

/* Each thread allocates in a part of its own, without a lock: from context.next to context.full.
 * The only thread of a program has all of the heap up to the next collection. What a thread leaves
 * unused of a part is zero. It becomes a gap, unless no other thread has taken memory after it. */

#define PART_BYTES (UINT64_C(32) << 10)

bool cil_heap_try_return(struct cil_runtime *of)
{
    struct cil_heap *h = &of->world->heap;
    uint32_t next = of->context.next;
    if (of->part_end == 0) {
        return true;
    }
    if (next < of->part || next > of->part_end || next % 8 != 0) {
        return false;
    }
    if (of->part_end == h->next) {
        h->next = next;
    } else if (next != of->part_end) {
        store_le32(of->world->memory.base + next, CIL_GAP);
        store_le32(of->world->memory.base + next + 4, of->part_end - next);
    }
    of->part = of->part_end = of->context.next = of->context.full = 0;
    return true;
}

void cil_heap_return(struct cil_runtime *r, struct cil_runtime *of)
{
    if (!cil_heap_try_return(of)) {
        cil_end(r, CIL_DAMAGED);
    }
}

/* From the end of all parts on, at least so many bytes. Compiled code may use it unless each
 * allocation is to come to the runtime. */
static uint32_t take_part(struct cil_runtime *r, uint64_t bytes)
{
    struct cil_heap *h = &r->world->heap;
    bool is_checked = (h->checks & (CIL_GC_STRESS | CIL_GC_POISON)) != 0;
    uint64_t most = MIN(MIN((uint64_t)h->full, h->limit), (uint64_t)CIL_FULL_MAX) & ~UINT64_C(7);
    uint64_t end = h->next + bytes;
    uint64_t wanted = r->world->has_threads ? MAX(end, h->next + PART_BYTES) : most;
    r->part = h->next;
    r->part_end = (uint32_t)(is_checked ? end : MAX(end, MIN(wanted, most)));
    r->context.next = (uint32_t)end;
    r->context.full = is_checked ? 0 : MIN(r->part_end, CIL_FULL_MAX);
    h->next = r->part_end;
    return r->part;
}

uint32_t cil_heap_used(struct cil_runtime *r)
{
    const struct cil_heap *h = &r->world->heap;
    uint32_t next = r->part_end == h->next && r->part_end != 0 ? r->context.next : h->next;
    return (uint32_t)(next - h->bottom + h->large.used);
}

/* ---- Types ---- */

static bool describe(const struct cil_unit *u, const struct cil_unit_type *k,
                     struct cil_gc_type *out)
{
    static const uint32_t none = 0;
    const uint8_t *at = u->data + k->at;
    struct cil_type *t = k->type;
    out->bytes = load_le32(at + CIL_TYPE_BYTES);
    out->start = load_le32(at + CIL_TYPE_START);
    out->shape = (uint8_t)load_le32(at + CIL_TYPE_SHAPE);
    out->refs = &none;
    if (out->shape == CIL_SHAPE_STRING) {
        return true;
    }
    if (out->shape == CIL_SHAPE_ARRAY) {
        t = cil_underlying(u->d, cil_plain(t->element));
        if (t == NULL || cil_is_reference(t)) {
            out->ref_count = t == NULL ? 0 : 1;
            return t != NULL;
        }
    } else {
        out->ref_base = cil_is_reference(t) ? 0 : CIL_HEADER_BYTES;
        t = cil_is_reference(t) ? t : cil_underlying(u->d, t);
    }
    const struct cil_layout *l =
        t == NULL || !(cil_is_reference(t) || cil_is_struct(t)) ? NULL : cil_type_layout(u->d, t);
    if (l != NULL) {
        out->ref_count = l->ref_count;
        out->refs = l->refs;
    }
    return u->d->status == OK;
}

/* Once, from the unit's own memory: what a program writes into the window's copy of the
 * descriptions changes neither what the collector takes for references nor how many bytes it
 * moves. */
static bool make_types(struct cil_runtime *r)
{
    const struct cil_unit *u = r->unit;
    struct cil_heap *h = &r->world->heap;
    h->types_end = MAX(u->data_bytes, CIL_DATA_START);
    h->types = budget_calloc(r->world->budget, u->runtime_type_count + (size_t)1, sizeof *h->types);
    h->type_at = budget_calloc(r->world->budget, (h->types_end - CIL_DATA_START) / 8 + (size_t)1,
                               sizeof(uint32_t));
    if (h->types == NULL || h->type_at == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < u->runtime_type_count; n++) {
        const struct cil_unit_type *k = &u->runtime_types[n];
        if (k->at != 0) {
            h->type_at[(k->at - CIL_DATA_START) / 8] = n + 1;
            if (!describe(u, k, &h->types[n])) {
                return false;
            }
        }
    }
    return true;
}

/* Any 32 bits may be asked for: an object's type is in the window, where code can write. */
static const struct cil_gc_type *find_type(const struct cil_heap *h, uint32_t at)
{
    if (at < CIL_DATA_START || at >= h->types_end || at % 8 != 0) {
        return NULL;
    }
    uint32_t n = h->type_at[(at - CIL_DATA_START) / 8];
    return n == 0 ? NULL : &h->types[n - 1];
}

/* The one place that reads a type or a length. Everything that walks over objects comes through
 * here, so that no walk leaves the heap, and each makes progress (a size is never 0). */
uint32_t cil_heap_size(struct cil_runtime *r, uint32_t object, uint32_t next,
                       const struct cil_gc_type **type)
{
    static const struct cil_gc_type gap = {.shape = CIL_SHAPE_OBJECT};
    const uint8_t *at = r->world->memory.base + object;
    uint32_t number = load_le32(at);
    const struct cil_gc_type *t = number == CIL_GAP ? &gap : find_type(&r->world->heap, number);
    uint64_t room = next - object, bytes = t == NULL ? 0 : t == &gap ? load_le32(at + 4) : t->bytes;
    if (t != NULL && t->shape != CIL_SHAPE_OBJECT) {
        uint64_t length = room < 16 ? UINT32_MAX : load_le32(at + CIL_LENGTH_AT);
        bytes =
            t->shape == CIL_SHAPE_ARRAY ? t->start + length * bytes : CIL_CHARS_AT + length * 2 + 2;
    }
    bytes = ALIGN_UP(bytes, UINT64_C(8));
    if (t == NULL || bytes == 0 || bytes > room) {
        cil_end(r, CIL_DAMAGED);
    }
    *type = t;
    return (uint32_t)bytes;
}

/* ---- The program is to end ---- */

/* The heap may be unusable then, but nothing of the program runs any more. */
void cil_poll(struct cil_runtime *r, uint64_t steps)
{
    r->steps += steps;
    if (r->steps >= POLL_STEPS) {
        r->steps = 0;
        if (r->world->stop != NULL &&
            atomic_load_explicit(r->world->stop, memory_order_relaxed) != 0) {
            cil_end(r, CIL_GOES_ON);
        }
    }
}

/* ---- Memory ---- */

/* `limit` is the end of what both the window and the tables cover; r->world->length may be larger
 * if there was no memory for tables. Compiled code stops at context.full, which is never above
 * `limit`, so no object exists that the tables do not cover. fit_tables()
 * replaces the tables between collections; inside of one it must not run. */

/* Tables for the committed memory. Only the starts of old objects are kept from one collection to
 * the next. */
static bool fit_tables(struct cil_runtime *r)
{
    struct cil_heap *h = &r->world->heap;
    uint64_t blocks = (r->world->length - h->start + BLOCK_BYTES - 1) / BLOCK_BYTES;
    if (blocks > h->block_count) {
        uint8_t *all = budget_alloc(r->world->budget, (size_t)(blocks * TABLE_BYTES));
        if (all == NULL) {
            return false;
        }
        uint8_t *starts = all + blocks * (sizeof *h->live + sizeof *h->place);
        if (h->block_count != 0) {
            memcpy(starts, h->starts, (size_t)h->block_count);
        }
        budget_free(r->world->budget, h->live);
        h->live = (uint64_t *)(void *)all;
        h->place = (uint32_t *)(void *)(all + blocks * sizeof *h->live);
        h->starts = starts;
        h->block_count = blocks;
    }
    h->limit = r->world->length;
    return true;
}

/* As much more as is worth while, or as is needed. */
static enum status grow(struct cil_runtime *r, uint64_t end)
{
    uint64_t wanted = ALIGN_UP(MAX(end, r->world->length + GROWTH_BYTES), UNIT);
    uint64_t needed = ALIGN_UP(end, UNIT);
    enum status s = sandbox_grow(&r->world->memory, MIN(wanted, MAX(r->world->memory.max, needed)));
    if (s == E_NOMEM) {
        s = sandbox_grow(&r->world->memory, needed);
    }
    __atomic_store_n(&r->world->length, r->world->memory.bytes, __ATOMIC_RELAXED);
    return s;
}

/* Commit the window up to an offset. @return OK; E_NOMEM; E_CANCELLED: the program is ending. */
static enum status commit(struct cil_runtime *r, uint64_t end)
{
    enum status s = end > UINT32_MAX ? E_NOMEM : end > r->world->length ? grow(r, end) : OK;
    if (s == OK && r->world->length != r->world->heap.limit && !fit_tables(r)) {
        s = E_NOMEM;
    }
    return s;
}

/* @return false: no memory. Does not return to a program that is ending. */
static bool commit_for_code(struct cil_runtime *r, uint64_t end)
{
    enum status s = commit(r, end);
    if (s == E_CANCELLED) {
        cil_end(r, CIL_GOES_ON);
    }
    return s == OK;
}

/* Whether it is enough to collect the young objects. Under CIL_GC_STRESS about every second time:
 * the bits of a multiplicative hash do not repeat with the program's allocations. */
static bool is_minor_enough(const struct cil_heap *h)
{
    if ((h->checks & CIL_GC_STRESS) != 0) {
        return ((uint32_t)h->figures.collections * UINT32_C(2654435761) >> 31) != 0;
    }
    return h->old - h->bottom + h->large.old < h->old_most;
}

/* If another thread has collected while this one waited, there may be room. If memory is short, the
 * other one may have collected young objects only. */
static void collect(struct cil_runtime *r, enum cil_gc_cause cause, uint64_t size)
{
    struct cil_heap *h = &r->world->heap;
    bool is_late = cil_stop_others(r);
    if (!is_late || cause == CIL_GC_SHORT || h->next + size > h->full ||
        (h->checks & CIL_GC_STRESS) != 0) {
        cil_collect_stopped(r, cause, cause == CIL_GC_DUE && is_minor_enough(h));
        h->full = (uint32_t)MIN(h->next + INTERVAL_BYTES, (uint64_t)CIL_FULL_MAX);
    }
    cil_resume_others(r);
}

void cil_collect_short(struct cil_runtime *r)
{
    collect(r, CIL_GC_SHORT, 0);
}

/* The first collection comes after the least interval: a small program never has one. */
bool cil_heap_make(struct cil_runtime *r, uint32_t start)
{
    struct cil_heap *h = &r->world->heap;
    h->start = h->bottom = h->next = h->old = h->aged = h->from = start;
    h->starts_end = h->figures.end = start;
    h->starts_last = UINT32_MAX;
    h->large.part = (struct wasi_memory_part){CIL_LARGE_CLOSED, CIL_LARGE_CLOSED};
    h->cards = r->context.cards;
    h->full = (uint32_t)MIN(start + INTERVAL_BYTES, (uint64_t)CIL_FULL_MAX);
    return make_types(r) && fit_tables(r);
}

void cil_heap_check(struct cil_runtime *r, unsigned checks)
{
    r->world->heap.checks = checks;
    cil_heap_return(r, r);
}

void cil_heap_free(struct cil_runtime *r)
{
    budget_free(r->world->budget, r->world->heap.live);
    budget_free(r->world->budget, r->world->heap.types);
    budget_free(r->world->budget, r->world->heap.type_at);
    budget_free(r->world->budget, r->world->heap.slots);
    budget_free(r->world->budget, r->world->heap.large.all);
    r->world->heap = (struct cil_heap){.start = 0};
}

enum status cil_heap_reserve(struct cil_runtime *r, uint64_t bytes)
{
    return commit(r, r->world->heap.next + bytes);
}

/* ---- Objects ---- */

/* Collect when it is due, then grow; collect all when growing fails, and then try to grow once
 * more, because less is needed after a collection. */
static uint32_t allocate(struct cil_runtime *r, uint64_t size)
{
    struct cil_heap *h = &r->world->heap;
    cil_heap_return(r, r);
    bool collects = h->next + size > h->full || (h->checks & CIL_GC_STRESS) != 0;
    if (collects) {
        collect(r, CIL_GC_DUE, size);
    }
    if (!commit_for_code(r, h->next + size)) {
        collect(r, CIL_GC_SHORT, size);
        if (h->next + size > h->limit && !commit_for_code(r, h->next + size)) {
            cil_end(r, CIL_NO_MEMORY);
        }
    }
    h->full = (uint32_t)MIN(MAX((uint64_t)h->full, h->next + size), (uint64_t)UINT32_MAX);
    return take_part(r, size);
}

/* The more large objects are old, the more may be allocated between two collections: each looks at
 * all of them. @return 0: there is no room, or they do not lie apart. */
static uint32_t allocate_large(struct cil_runtime *r, uint64_t size)
{
    struct cil_heap *h = &r->world->heap;
    bool is_due = h->large.fresh + size > INTERVAL_BYTES + h->large.old / 4;
    if (h->large.part.start == CIL_LARGE_CLOSED) {
        return 0;
    }
    if (is_due || (h->checks & CIL_GC_STRESS) != 0) {
        collect(r, CIL_GC_DUE, 0);
    }
    uint32_t at = cil_large_place(r, size);
    if (at == 0) {
        collect(r, CIL_GC_SHORT, 0);
        at = cil_large_place(r, size);
    }
    return at;
}

uint32_t cil_heap_allocate(struct cil_runtime *r, uint32_t type, uint64_t bytes)
{
    uint64_t size = ALIGN_UP(bytes, UINT64_C(8));
    const struct cil_gc_type *t = bytes < CIL_LARGE_BYTES ? NULL : find_type(&r->world->heap, type);
    uint32_t at = 0;
    if (bytes > UINT32_MAX) {
        cil_end(r, CIL_NO_MEMORY);
    }
    cil_lock(r);
    if (t != NULL && t->ref_count == 0) {
        at = allocate_large(r, size);
    }
    bool is_apart = at != 0;
    at = is_apart ? at : allocate(r, size);
    cil_unlock(r);
    if (!is_apart && (r->world->heap.checks & CIL_GC_POISON) != 0) {
        memset(r->world->memory.base + at, 0, (size_t)size);
    }
    return at;
}

const uint32_t *cil_hold(struct cil_runtime *r, uint32_t object)
{
    if (r->held_count == CIL_HELD_MAX) {
        cil_end(r, CIL_DAMAGED);
    }
    r->held[r->held_count] = object;
    return &r->held[r->held_count++];
}

uint32_t cil_drop(struct cil_runtime *r)
{
    return r->held[--r->held_count];
}
