// SPDX-License-Identifier: MIT
//
// Memory that is taken piece by piece and given back at once: one arena a compilation.
#pragma once

#include "kernel/jit/budget.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

/** Not shared between threads. */
struct arena {
    struct arena_chunk *chunks; /* the newest first */
    uint8_t *next, *end;        /* what is left of the newest */
    size_t used, limit;         /* bytes taken from the heap, and how many that may become */
    struct budget *budget;      /* who pays; NULL: nobody counts */
    uint8_t *lent, *lent_end;   /* what it began with, of another arena; NULL: nothing */
};

/** @brief An empty arena. @param limit  Bytes that it may take from the heap in all. @context{any}
 */
void arena_init(struct arena *a, size_t limit);
/** @brief The same. @param budget  Pays, and lives as long as the arena; or NULL. @context{any} */
void arena_init_paid(struct arena *a, size_t limit, struct budget *budget);

/** @brief Give everything back; the arena is empty again. @context{thread} */
void arena_free_all(struct arena *a);

/** @brief Forget everything that was allocated; the first piece of memory from the heap is kept for
 * what comes next. No arena may have a part of it. @context{thread} */
void arena_empty(struct arena *a);

/**
 * @brief Make an arena for what is gone before another arena is. It begins with half of the room
 * that the other one has at hand, so that neither needs the heap for something small.
 * @param a    Has a limit and a budget; pays for the first piece if it has none yet. May be used
 *             meanwhile, but neither freed nor given back to a mark from before.
 * @param out  For arena_return(). If there is no memory it begins empty. @context{thread}
 */
void arena_borrow(struct arena *a, struct arena *out);
/** @brief Free an arena that arena_borrow() made of `a`. @context{thread} */
void arena_return(struct arena *a, struct arena *borrowed);

/** How much of an arena was in use. */
struct arena_mark {
    struct arena_chunk *chunk;
    uint8_t *next, *end;
};

/** @brief Note what is in use now. @context{any} */
struct arena_mark arena_mark(const struct arena *a);

/** @brief Give back all that was allocated since the mark was taken; arrays that arena_grow() has
 * moved since then are gone too. @context{thread} */
void arena_release(struct arena *a, struct arena_mark mark);

/** @brief Zeroed memory, aligned to 16. @return NULL: the limit or the heap is exhausted, nothing
 * has changed. @context{thread} */
void *arena_alloc(struct arena *a, size_t bytes);

/** @brief The same, not zeroed: for what is written before it is read. @context{thread} */
void *arena_take(struct arena *a, size_t bytes);

/** @brief arena_grow() or, if nothing is cleared, arena_grow_list() of an array that has no room.
 */
void *arena_grow_full(struct arena *a, void *array, uint32_t *capacity, uint64_t needed,
                      size_t element, bool clears);

/**
 * @brief Make room in an array that lives in the arena: at least doubles, so that adding n elements
 * one by one costs O(n). The old array stays where it is, unused; what is new is zeroed.
 * @param array     The array, or NULL.
 * @param capacity  Elements it has room for; becomes at least `needed`.
 * @param element   Bytes; less than 4 GiB.
 * @return the array, perhaps elsewhere; NULL: as arena_alloc(), or 2^32 elements. @context{thread}
 */
static inline void *arena_grow(struct arena *a, void *array, uint32_t *capacity, uint64_t needed,
                               size_t element)
{
    return needed <= *capacity ? array : arena_grow_full(a, array, capacity, needed, element, true);
}

/** @brief The same for a list, whose elements are written when they are added: new ones are not
 * zeroed. @context{thread} */
static inline void *arena_grow_list(struct arena *a, void *array, uint32_t *capacity,
                                    uint64_t needed, size_t element)
{
    return needed <= *capacity ? array
                               : arena_grow_full(a, array, capacity, needed, element, false);
}
