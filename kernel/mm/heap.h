// SPDX-License-Identifier: MIT
//
// The kernel heap: small objects from size classes, large ones from pages. 16-byte aligned at
// least.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** @brief Open the heap. @context{early, once, after page_init() and vm_init()} */
void heap_init(void);

/**
 * @brief Take memory, contents undefined.
 * @param size  Bytes; 0 gives a unique pointer.
 * @return NULL: memory ran out, or size is absurd.
 * @context{thread or interrupts masked; does not sleep}
 */
void *heap_alloc(size_t size) __attribute__((malloc));
/** @brief As heap_alloc(), zeroed. */
void *heap_zalloc(size_t size) __attribute__((malloc));
/** @brief Zeroed array; NULL if count * size overflows. */
void *heap_calloc(size_t count, size_t size) __attribute__((malloc));
/** @brief Aligned memory; align a power of two up to PAGE_SIZE. */
void *heap_alloc_aligned(size_t size, size_t align) __attribute__((malloc));
/** @brief Grow or shrink; on NULL the old block is untouched. p NULL = heap_alloc(). Where it moves
 * it is aligned to 16, and not to what heap_alloc_aligned() was asked for. */
void *heap_realloc(void *p, size_t size);
/**
 * @brief Give back; NULL does nothing.
 *
 * Anything else that was not taken, or is not any more, is a bug of the caller's. Debug builds
 * panic at once. Others do for what begins no page run or range of the heap's and lies in none of
 * its slabs, for what is not aligned to 16, and for the object of its size that this CPU was given
 * last. A pointer into an object, and an object given back twice with others between, end in a
 * panic when they leave the CPU's magazine for their slab; until then the magazine may hand them
 * out.
 * @context{as heap_alloc}
 */
void heap_free(void *p);
/** @brief Copy of a string, or NULL. */
char *heap_strdup(const char *s);

/** @brief Debug builds keep what is given back in quarantine for a while: end it, for who compares
 * what is in use. A panic if something in it was written to. @context{as heap_alloc} */
void heap_drain(void);

struct heap_stats {
    uint64_t live_objects, live_bytes; /* bytes as rounded up to size classes */
    uint64_t page_bytes;               /* taken from the page allocator */
};
void heap_get_stats(struct heap_stats *out);

#ifdef HALYARD_DEBUG
/** @brief Write what is known of the object at, or around, an address that nobody may use, in whole
 * lines. @context{any, of a panic too} */
void heap_debug_explain(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t at);
#endif
