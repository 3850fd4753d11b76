// SPDX-License-Identifier: MIT
//
// The kernel heap: small objects from size classes, large ones from pages. Everything is at least
// 16-byte aligned.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** @brief Initialise the heap. @context{early, once, after page_init() and vm_init()} */
void heap_init(void);

/**
 * @brief Allocate memory, contents undefined.
 * @param size Bytes; 0 returns a unique pointer.
 * @return NULL: out of memory, or size is absurd.
 * @context{thread or interrupts masked; does not sleep}
 */
void *heap_alloc(size_t size) __attribute__((malloc));
/** @brief As heap_alloc(), zeroed. */
void *heap_zalloc(size_t size) __attribute__((malloc));
/** @brief Allocate a zeroed array; NULL if count * size overflows. */
void *heap_calloc(size_t count, size_t size) __attribute__((malloc));
/** @brief Allocate aligned memory; align is a power of two up to PAGE_SIZE. */
void *heap_alloc_aligned(size_t size, size_t align) __attribute__((malloc));
/** @brief Grow or shrink; if it returns NULL, the old block is untouched. p NULL = heap_alloc(). A
 *     block that moves is aligned to 16 only, even if heap_alloc_aligned() allocated it. */
void *heap_realloc(void *p, size_t size);
/**
 * @brief Free memory; NULL does nothing.
 *
 * Freeing anything that is not currently allocated is a bug of the caller. Debug builds panic at
 * once. Release builds panic at once if the pointer does not start a page run or range of the heap
 * and is in none of its slabs, if it is not aligned to 16, and if it is the object of its size
 * that this CPU freed last. A pointer into an object, and an object freed twice with others in
 * between, panic when they move from the CPU's magazine to their slab; until then the magazine may
 * hand them out.
 * @context{as heap_alloc}
 */
void heap_free(void *p);
/** @brief Allocate a copy of a string, or return NULL. */
char *heap_strdup(const char *s);

/** @brief Free what debug builds keep in quarantine, for tests that compare memory in use. Panics
 *     if any of it was written to. @context{as heap_alloc} */
void heap_drain(void);

struct heap_stats {
    uint64_t live_objects, live_bytes; /* bytes are rounded up to size classes */
    uint64_t page_bytes;               /* allocated from the page allocator */
};
void heap_get_stats(struct heap_stats *out);

#ifdef HALYARD_DEBUG
/** @brief Describe the object at or around an invalid address, in whole lines. @context{any, a
 *     panic too} */
void heap_debug_explain(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t at);
#endif
