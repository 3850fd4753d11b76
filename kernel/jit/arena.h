// SPDX-License-Identifier: MIT
//
// Memory that is allocated in small pieces and freed all at once: one arena for each compilation.
#pragma once

#include "kernel/jit/budget.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

/** Not to be shared between threads. */
struct arena {
    struct arena_chunk *chunks; /* list, newest first */
    uint8_t *next, *end;        /* free part of the newest chunk */
    size_t used, limit;         /* bytes allocated from the heap, and their limit */
    struct budget *budget;      /* charged for the memory; NULL: not charged */
    uint8_t *lent, *lent_end;   /* memory of another arena that this one started with; NULL: none */
};

/** @brief Initialise an empty arena. @param limit  Most bytes that it may allocate from the heap.
 * @context{any} */
void arena_init(struct arena *a, size_t limit);
/** @brief The same with a budget. @param budget  Charged for the memory; must live as long as the
 * arena; or NULL. @context{any} */
void arena_init_paid(struct arena *a, size_t limit, struct budget *budget);

/** @brief Free all memory; the arena is empty again. @context{thread} */
void arena_free_all(struct arena *a);

/** @brief Forget all allocations, but keep the first chunk for later ones. No other arena may have
 * borrowed a part of it. @context{thread} */
void arena_empty(struct arena *a);

/**
 * @brief Make an arena for temporary memory. It starts with half of the free part of another
 * arena's chunk, so neither needs the heap for small allocations.
 * @param a Has a limit and a budget, and allocates its first chunk if it has none yet. May be used
 * meanwhile, but neither freed nor released to an earlier mark.
 * @param out  To be freed with arena_return(). If there is no memory, it starts empty.
 * @context{thread}
 */
void arena_borrow(struct arena *a, struct arena *out);
/** @brief Free an arena that arena_borrow() took from `a`. @context{thread} */
void arena_return(struct arena *a, struct arena *borrowed);

/** How much of an arena was in use at some time. */
struct arena_mark {
    struct arena_chunk *chunk;
    uint8_t *next, *end;
};

/** @brief Note how much is in use now. @context{any} */
struct arena_mark arena_mark(const struct arena *a);

/** @brief Free everything that was allocated after the mark. That includes arrays which
 * arena_grow() has moved since then. @context{thread} */
void arena_release(struct arena *a, struct arena_mark mark);

/** @brief Allocate zeroed memory, aligned to 16. @return NULL: the limit or the heap is exhausted,
 * and nothing has changed. @context{thread} */
void *arena_alloc(struct arena *a, size_t bytes);

/** @brief The same without zeroing, for memory that is written before it is read.
 * @context{thread} */
void *arena_take(struct arena *a, size_t bytes);

/** @brief The slow path of arena_grow(), and of arena_grow_list() if `clears` is false: the array
 * is full. */
void *arena_grow_full(struct arena *a, void *array, uint32_t *capacity, uint64_t needed,
                      size_t element, bool clears);

/**
 * @brief Make room in an array in the arena. Its capacity at least doubles, so adding n elements
 * one by one costs O(n). The old array remains allocated; new elements are zeroed.
 * @param array The array, or NULL.
 * @param capacity  Capacity in elements; becomes at least `needed`.
 * @param element Size of an element in bytes; less than 4 GiB.
 * @return the array, perhaps at another address; NULL: as arena_alloc(), or more than 2^32
 * elements. @context{thread}
 */
static inline void *arena_grow(struct arena *a, void *array, uint32_t *capacity, uint64_t needed,
                               size_t element)
{
    return needed <= *capacity ? array : arena_grow_full(a, array, capacity, needed, element, true);
}

/** @brief The same for a list whose elements are written when they are added: new ones are not
 * zeroed. @context{thread} */
static inline void *arena_grow_list(struct arena *a, void *array, uint32_t *capacity,
                                    uint64_t needed, size_t element)
{
    return needed <= *capacity ? array
                               : arena_grow_full(a, array, capacity, needed, element, false);
}
