// SPDX-License-Identifier: MIT
//
// Chunks from the heap, each twice as large as the one before up to a limit, and a bump pointer.
#include "kernel/jit/arena.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define ALIGN       ((size_t)16)
#define CHUNK_FIRST ((size_t)2048)  /* what the heap has at hand */
#define CHUNK_NEXT  ((size_t)16384) /* at least, as is one that is shared */
#define CHUNK_MAX   ((size_t)1 << 20)
#define CLEAR_SMALL ((size_t)256) /* bytes that a call of memset() does not pay for */

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* bytes, this header included */
    _Alignas(16) uint8_t bytes[];
};

void arena_init_paid(struct arena *a, size_t limit, struct budget *budget)
{
    *a = (struct arena){.chunks = NULL, .limit = limit, .budget = budget};
}

void arena_init(struct arena *a, size_t limit)
{
    arena_init_paid(a, limit, NULL);
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->chunks, a->next, a->end};
}

/* Bytes of a chunk that the budget has for itself. */
static size_t overhead(const struct arena *a)
{
    return a->budget == NULL ? 0 : BUDGET_OVERHEAD;
}

static void free_newest(struct arena *a)
{
    struct arena_chunk *older = a->chunks->older;
    a->used -= a->chunks->size + overhead(a);
    budget_free(a->budget, a->chunks);
    a->chunks = older;
}

void arena_release(struct arena *a, struct arena_mark mark)
{
    while (a->chunks != mark.chunk) {
        free_newest(a);
    }
    a->next = mark.next;
    a->end = mark.end;
}

void arena_free_all(struct arena *a)
{
    arena_release(a, (struct arena_mark){NULL, NULL, NULL});
}

void arena_empty(struct arena *a)
{
    if (a->chunks == NULL) {
        return;
    }
    while (a->chunks->older != NULL) {
        free_newest(a);
    }
    a->next = a->chunks->bytes;
    a->end = (uint8_t *)a->chunks + a->chunks->size;
}

/* A chunk with room for this much, and its first bytes; larger than the last if the limit lets it.
 */
static NOINLINE void *take_from_new(struct arena *a, size_t bytes)
{
    size_t least = overhead(a) + sizeof(struct arena_chunk) + bytes, left = a->limit - a->used;
    size_t wanted = CHUNK_FIRST;
    if (a->chunks != NULL) {
        wanted = MAX(MIN(2 * (a->chunks->size + overhead(a)), CHUNK_MAX), CHUNK_NEXT);
    }
    size_t size = MAX(MIN(wanted, left), least);
    if (least < bytes || size > left) {
        return NULL;
    }
    struct arena_chunk *chunk = budget_alloc(a->budget, size - overhead(a));
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct arena_chunk){.older = a->chunks, .size = size - overhead(a)};
    a->chunks = chunk;
    a->used += size;
    a->next = chunk->bytes + bytes;
    a->end = (uint8_t *)chunk + chunk->size;
    return chunk->bytes;
}

/* Not cleared; what the newest chunk has no room for, or is nothing. */
static NOINLINE void *take_rarely(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGN) {
        return NULL;
    }
    bool has_room = bytes == 0 && a->next != NULL;
    return has_room ? a->next : take_from_new(a, ALIGN_UP(bytes, ALIGN));
}

void arena_borrow(struct arena *a, struct arena *out)
{
    arena_init_paid(out, a->limit, a->budget);
    if (a->chunks == NULL) {
        void *all = take_from_new(a, CHUNK_NEXT - overhead(a) - sizeof(struct arena_chunk));
        if (all == NULL) {
            return;
        }
        a->next = all;
    }
    size_t half = ALIGN_DOWN((size_t)(a->end - a->next) / 2, ALIGN);
    out->lent_end = out->end = a->end;
    out->lent = out->next = a->end -= half;
}

void arena_return(struct arena *a, struct arena *borrowed)
{
    arena_free_all(borrowed);
    if (a->end == borrowed->lent) { /* otherwise it has left that piece behind */
        a->end = borrowed->lent_end;
    }
}

static NOINLINE void *alloc_rarely(struct arena *a, size_t bytes)
{
    void *p = take_rarely(a, bytes);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    uint8_t *p = a->next;
    size_t units = ALIGN_UP(bytes, ALIGN); /* 0 if there are none, or too many */
    if (UNLIKELY(units - 1 >= (size_t)(a->end - p))) {
        return alloc_rarely(a, bytes);
    }
    uint8_t *end = a->next = p + units;
    if (units > CLEAR_SMALL) {
        return memset(p, 0, units);
    }
    for (uint64_t *at = (uint64_t *)p; at < (uint64_t *)end; at += 2) {
        at[0] = at[1] = 0;
    }
    return p;
}

/* In the builds for tests nobody reads zeroes from it by chance. */
static void *leave_unset(void *p, size_t bytes)
{
#ifdef HALYARD_DEBUG
    memset(p, 0xa5, bytes);
#endif
    (void)bytes;
    return p;
}

void *arena_take(struct arena *a, size_t bytes)
{
    uint8_t *p = a->next;
    size_t units = ALIGN_UP(bytes, ALIGN); /* 0 if there are none, or too many */
    if (UNLIKELY(units - 1 >= (size_t)(a->end - p))) {
        p = take_rarely(a, bytes);
    } else {
        a->next = p + units;
    }
    return p == NULL ? NULL : leave_unset(p, bytes);
}

void *arena_grow_full(struct arena *a, void *array, uint32_t *capacity, uint64_t needed,
                      size_t element, bool clears)
{
    uint64_t wanted = MAX(needed, MAX(2 * (uint64_t)*capacity, (uint64_t)16));
    if (wanted > UINT32_MAX) {
        return NULL;
    }
    size_t bytes = ALIGN_UP((size_t)wanted * element, ALIGN);
    uint8_t *grown = a->next;
    if (bytes - 1 >= (size_t)(a->end - grown)) {
        grown = take_rarely(a, bytes);
    } else {
        a->next += bytes;
    }
    if (grown == NULL) {
        return NULL;
    }
    size_t old = array == NULL ? 0 : *capacity * element;
    if (old > 0) {
        memcpy(grown, array, old);
    }
    if (clears) {
        memset(grown + old, 0, bytes - old);
    } else {
        leave_unset(grown + old, bytes - old);
    }
    *capacity = (uint32_t)wanted;
    return grown;
}
