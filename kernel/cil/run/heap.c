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
#define INTERVAL_BYTES (UINT64_C(4) << 20) /* least that is allocated between collections */
#define TABLE_BYTES    (sizeof(uint64_t) + sizeof(uint32_t) + 1) /* for a block */

uint32_t cil_heap_next(struct cil_runtime *r)
{
    uint32_t next = load_le32(r->memory.base + CIL_CELL_NEXT);
    if (next < r->heap.bottom || next > r->heap.limit || next % 8 != 0) {
        cil_end(r, CIL_DAMAGED);
    }
    return next;
}

void cil_heap_set_next(struct cil_runtime *r, uint32_t next)
{
    store_le32(r->memory.base + CIL_CELL_NEXT, next);
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
    struct cil_heap *h = &r->heap;
    h->types_end = MAX(u->data_bytes, CIL_DATA_START);
    h->types = budget_calloc(r->budget, u->runtime_type_count + (size_t)1, sizeof *h->types);
    h->type_at =
        budget_calloc(r->budget, (h->types_end - CIL_DATA_START) / 8 + (size_t)1, sizeof(uint32_t));
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
    const uint8_t *at = r->memory.base + object;
    const struct cil_gc_type *t = find_type(&r->heap, load_le32(at));
    uint64_t room = next - object, bytes = t == NULL ? 0 : t->bytes;
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
    struct cil_heap *h = &r->heap;
    h->steps += steps;
    if (h->steps >= POLL_STEPS) {
        h->steps = 0;
        if (r->stop != NULL && atomic_load_explicit(r->stop, memory_order_relaxed) != 0) {
            cil_end(r, CIL_GOES_ON);
        }
    }
}

/* ---- Memory ---- */

/* `limit` is the end of what both the window and the tables cover; r->length may be larger if there
 * was no memory for tables. Compiled code stops at CIL_CELL_FULL, which is never above `limit`, so
 * no object exists that the tables do not cover. The tables have no contents between collections,
 * so fit_tables() may replace them; inside of a collection it must not run. */

/* Tables for the committed memory. They keep nothing from one collection to the next. */
static bool fit_tables(struct cil_runtime *r)
{
    struct cil_heap *h = &r->heap;
    uint64_t blocks = (r->length - h->start + BLOCK_BYTES - 1) / BLOCK_BYTES;
    if (blocks > h->block_count) {
        uint8_t *all = budget_alloc(r->budget, (size_t)(blocks * TABLE_BYTES));
        if (all == NULL) {
            return false;
        }
        budget_free(r->budget, h->live);
        h->live = (uint64_t *)(void *)all;
        h->place = (uint32_t *)(void *)(all + blocks * sizeof *h->live);
        h->starts = all + blocks * (sizeof *h->live + sizeof *h->place);
        h->block_count = blocks;
    }
    h->limit = r->length;
    return true;
}

/* As much more as is worth while, or as is needed. */
static enum status grow(struct cil_runtime *r, uint64_t end)
{
    uint64_t wanted = ALIGN_UP(MAX(end, r->length + GROWTH_BYTES), UNIT);
    uint64_t needed = ALIGN_UP(end, UNIT);
    enum status s = sandbox_grow(&r->memory, MIN(wanted, MAX(r->memory.max, needed)));
    if (s == E_NOMEM) {
        s = sandbox_grow(&r->memory, needed);
    }
    r->length = r->memory.bytes;
    return s;
}

/* Commit the window up to an offset. @return OK; E_NOMEM; E_CANCELLED: the program is ending. */
static enum status commit(struct cil_runtime *r, uint64_t end)
{
    enum status s = end > UINT32_MAX ? E_NOMEM : end > r->length ? grow(r, end) : OK;
    if (s == OK && r->length != r->heap.limit && !fit_tables(r)) {
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

/* Where compiled code has to stop. */
static void publish_full(struct cil_runtime *r)
{
    struct cil_heap *h = &r->heap;
    uint32_t full = (uint32_t)MIN(MIN((uint64_t)h->full, h->limit), (uint64_t)CIL_FULL_MAX);
    bool is_checked = (h->checks & (CIL_GC_STRESS | CIL_GC_POISON)) != 0;
    store_le32(r->memory.base + CIL_CELL_FULL, is_checked ? 0 : full);
}

/* The next collection: when as much has been allocated as has survived this one. */
static void collect(struct cil_runtime *r, enum cil_gc_cause cause)
{
    cil_collect(r, cause);
    uint64_t next = cil_heap_next(r), live = next - r->heap.bottom;
    r->heap.full = (uint32_t)MIN(next + MAX(live, INTERVAL_BYTES), (uint64_t)CIL_FULL_MAX);
}

/* The first collection comes after the least interval: a small program never has one. */
bool cil_heap_make(struct cil_runtime *r, uint32_t stack, uint32_t start)
{
    struct cil_heap *h = &r->heap;
    h->stack = stack;
    h->start = h->bottom = start;
    h->full = (uint32_t)MIN(start + INTERVAL_BYTES, (uint64_t)CIL_FULL_MAX);
    if (!make_types(r) || !fit_tables(r)) {
        return false;
    }
    cil_heap_set_next(r, start);
    publish_full(r);
    return true;
}

void cil_heap_check(struct cil_runtime *r, unsigned checks)
{
    r->heap.checks = checks;
    publish_full(r);
}

void cil_heap_free(struct cil_runtime *r)
{
    budget_free(r->budget, r->heap.live);
    budget_free(r->budget, r->heap.types);
    budget_free(r->budget, r->heap.type_at);
    budget_free(r->budget, r->heap.slots);
    r->heap = (struct cil_heap){.start = 0};
}

enum status cil_heap_reserve(struct cil_runtime *r, uint64_t bytes)
{
    return commit(r, cil_heap_next(r) + bytes);
}

/* ---- Objects ---- */

/* Collect when it is due, then grow; collect also when growing fails, and then try to grow once
 * more, because less is needed after a collection. */
uint32_t cil_heap_allocate(struct cil_runtime *r, uint64_t bytes)
{
    struct cil_heap *h = &r->heap;
    uint32_t next = cil_heap_next(r);
    uint64_t size = ALIGN_UP(bytes, UINT64_C(8));
    if (bytes > UINT32_MAX) {
        cil_end(r, CIL_NO_MEMORY);
    }
    bool collects = next + size > h->full || (h->checks & CIL_GC_STRESS) != 0;
    if (collects) {
        collect(r, CIL_GC_DUE);
        next = cil_heap_next(r);
    }
    if (!commit_for_code(r, next + size)) {
        if (!collects) {
            collect(r, CIL_GC_SHORT);
            next = cil_heap_next(r);
        }
        if (next + size > h->limit && !commit_for_code(r, next + size)) {
            cil_end(r, CIL_NO_MEMORY);
        }
    }
    h->full = (uint32_t)MIN(MAX((uint64_t)h->full, next + size), (uint64_t)UINT32_MAX);
    publish_full(r);
    cil_heap_set_next(r, (uint32_t)(next + size));
    if ((h->checks & CIL_GC_POISON) != 0) {
        memset(r->memory.base + next, 0, (size_t)size);
    }
    return next;
}

void cil_hold(struct cil_runtime *r, struct cil_handle *h, uint32_t object)
{
    *h = (struct cil_handle){object, r->heap.handles};
    r->heap.handles = h;
}

void cil_drop(struct cil_runtime *r)
{
    r->heap.handles = r->heap.handles->next;
}
