// SPDX-License-Identifier: MIT
//
// An arena: chunks from the heap, each twice as large as the one before, up to a limit, and a
// pointer that only advances.
#include "kernel/jit/arena.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define ALIGN       ((size_t)16)
#define CHUNK_FIRST ((size_t)2048)  /* a size that the heap usually has available */
#define CHUNK_NEXT  ((size_t)16384) /* least size of a later chunk, and of a lent one */
#define CHUNK_MAX   ((size_t)1 << 20)
/* clearing fewer bytes inline is cheaper than a call of memset() */
#define CLEAR_SMALL ((size_t)256)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* in bytes, including this header */
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

/* A mark is a position: releasing to it frees everything that was allocated since, in any chunk.
 * Marks must be released in the reverse order. */
struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->chunks, a->next, a->end};
}

/* Bytes of a chunk that the budget uses for its own header. */
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

/* Keep the oldest chunk for the next use, so that small functions need no heap at all. */
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

/* Allocate a chunk with room for `bytes`, and return its first bytes. It is larger than the last
 * one if the limit allows that. */
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

/* The slow path: the newest chunk has no room, or `bytes` is 0. Not cleared. */
static NOINLINE void *take_slow(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGN) {
        return NULL;
    }
    bool has_room = bytes == 0 && a->next != NULL;
    return has_room ? a->next : take_from_new(a, ALIGN_UP(bytes, ALIGN));
}

/* Lend the upper half of the free part of the newest chunk, so that a short-lived arena usually
 * needs no chunk of its own. Until arena_return() `a` allocates below that half; if it needs
 * more, it takes a new chunk. */
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
    if (a->end == borrowed->lent) { /* otherwise the borrower has moved on to chunks of its own */
        a->end = borrowed->lent_end;
    }
}

static NOINLINE void *alloc_rarely(struct arena *a, size_t bytes)
{
    void *p = take_slow(a, bytes);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    uint8_t *p = a->next;
    size_t units = ALIGN_UP(bytes, ALIGN); /* 0 if `bytes` is 0 or too large */
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

/* Test builds fill the memory, so that code which relies on zeros here fails. */
static void *leave_unset(void *p, size_t bytes)
{
#ifdef HALYARD_DEBUG
    memset(p, 0xa5, bytes);
#endif
    (void)bytes;
    return p;
}

/* As arena_alloc(), but the memory is not cleared: for arrays that the caller fills completely. */
void *arena_take(struct arena *a, size_t bytes)
{
    uint8_t *p = a->next;
    size_t units = ALIGN_UP(bytes, ALIGN); /* 0 if `bytes` is 0 or too large */
    if (UNLIKELY(units - 1 >= (size_t)(a->end - p))) {
        p = take_slow(a, bytes);
    } else {
        a->next = p + units;
    }
    return p == NULL ? NULL : leave_unset(p, bytes);
}

#define FIRST_ELEMENTS 16u /* so that any array of them ends at ALIGN */

/* Copy an array to a larger place. The old place is lost until the arena is released, so capacities
 * double: all old places together are then no larger than the new one. */
static NOINLINE void *grow(struct arena *a, void *array, uint32_t *capacity, uint64_t needed,
                           size_t element, bool clears)
{
    uint64_t wanted = MAX(needed, MAX(2 * (uint64_t)*capacity, (uint64_t)FIRST_ELEMENTS));
    if (wanted > UINT32_MAX) {
        return NULL;
    }
    size_t bytes = ALIGN_UP((size_t)wanted * element, ALIGN);
    uint8_t *grown = a->next;
    if (bytes - 1 >= (size_t)(a->end - grown)) {
        grown = take_slow(a, bytes);
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

/* Compiling a small function begins some twenty arrays, and most of them never outgrow their first
 * place. */
void *arena_grow_full(struct arena *a, void *array, uint32_t *capacity, uint64_t needed,
                      size_t element, bool clears)
{
    uint8_t *first = a->next;
    size_t bytes = FIRST_ELEMENTS * element;
    if (*capacity != 0 || needed > FIRST_ELEMENTS || bytes - 1 >= (size_t)(a->end - first)) {
        return grow(a, array, capacity, needed, element, clears);
    }
    *capacity = FIRST_ELEMENTS;
    a->next = first + bytes;
    return clears ? memset(first, 0, bytes) : leave_unset(first, bytes);
}
