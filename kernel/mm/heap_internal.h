// SPDX-License-Identifier: MIT
//
// Shared by heap.c, which has the public calls, and heap_slab.c, which allocates small objects.
#pragma once

#include "hal/cpu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/mm/heap.h"

#define SLAB_ORDER   2u
#define SLAB_SIZE    (PAGE_SIZE << SLAB_ORDER)
#define SLAB_FIRST   64u /* offset of a slab's first object: 64-aligned */
#define SMALL_MAX    2048u
#define HEAP_CLASSES 24u

/** The header of a slab. */
struct slab {
    uint64_t free_first; /* [c] first free object, encoded: see encode() */
    uint64_t seal; /* [I] its address mixed with a secret: an object's contents cannot imitate it */
    /* [I] Its own address: this is a slab. NULL once it is freed. Not the first field: an empty
     *     list head, which begins with its own address, would look like a slab. */
    struct slab *self;
    uint16_t class;    /* [I] */
    uint16_t capacity; /* [I] */
    /* [c] free objects; those from index `fresh` on were never allocated */
    uint16_t free_count, fresh;
    hal_magazine_t magazine; /* [I] its class's magazine, as HAL_MAGAZINE() */
    /* [c] in the class's list of slabs with room, or in the one of empty slabs; not
     *     linked when full */
    struct list_node link;
};
/* Field protection: [I] set before the first object is allocated   [c] its class's lock */

STATIC_ASSERT(sizeof(struct slab) <= SLAB_FIRST, "objects start after the header");

/** Maps (size - 1) / 16, for sizes from 1 to SMALL_MAX, to the magazine of the class. */
extern hal_magazine_t heap_magazine_of_16[SMALL_MAX / 16];

void heap_slab_init(void);

/** Object size of a class. */
size_t heap_class_size(unsigned class);

/** Class for a size from 1 to SMALL_MAX. */
static inline unsigned heap_class_of(size_t size)
{
    return heap_magazine_of_16[(size - 1) / 16] / (unsigned)HAL_MAGAZINE(1);
}

/** Address of the slab that would contain `p`. Not checked: it may not be a slab. */
static inline struct slab *heap_slab_at(const void *p)
{
    return (struct slab *)((uintptr_t)p & ~(uintptr_t)(SLAB_SIZE - 1));
}

/** True if it is a slab. @pre the memory can be read */
bool heap_is_slab(const struct slab *s);
/** The slab to which object `p` belongs. NULL: none, or `p` is inside an object. @pre the memory
 * can be read, and `p` is not freed meanwhile */
struct slab *heap_slab_of(const void *p);
/** True if an object of a slab is free: in the slab, or in this CPU's magazine. Other CPUs'
 * magazines are not searched. */
bool heap_is_free(const struct slab *s, const void *p);

/** Number of objects that a CPU's magazine may keep. */
unsigned heap_magazine_limit(unsigned class);
/** Allocate an object and refill this CPU's empty magazine. NULL: out of memory. */
void *heap_refill(unsigned class);
/** Free an object for which this CPU's magazine has no room, with a few others to make room. */
void heap_spill(unsigned class, void *object);
/** Free everything in this CPU's magazine. */
void heap_empty_magazine(unsigned class);

/** Free the slabs that have no objects. */
void heap_trim(void);

/** Panics. Not declared _Noreturn, because heap_free() would have to save registers. */
void heap_bad_free(void *p);

/** Add the small objects to `out`. */
void heap_add_slab_stats(struct heap_stats *out);

/* --- the plain heap --- */

/** Debug builds put another heap on top of this one: heap_debug.c defines heap_alloc(), which calls
 * heap_alloc_plain(). In release builds this heap is the only one and its function is heap_alloc()
 * itself, without a call in between. PLAIN(heap_alloc) is the name in either build.
 * HALYARD_HEAP_PLAIN: a test of this heap alone. */
#if defined(HALYARD_DEBUG) && !defined(HALYARD_HEAP_PLAIN)
#define HEAP_DEBUG  1
#define IS_FILLED   true /* allocated memory is filled with a pattern */
#define PLAIN(name) name##_plain
void *heap_alloc_plain(size_t size);
void *heap_alloc_aligned_plain(size_t size, size_t align);
void heap_free_plain(void *p);
/** The heap stops counting an object that has a range of its own; vm_free() frees it. */
void heap_retire_plain(void *p);
void heap_debug_init(void);
/** Check and free everything in quarantine. */
void heap_debug_drain(void);
/** Replace the plain heap's objects and bytes by those that callers allocated. */
void heap_debug_stats(struct heap_stats *out);
#else
#define IS_FILLED   false
#define PLAIN(name) name
static inline void heap_debug_init(void)
{
}
static inline void heap_debug_drain(void)
{
}
static inline void heap_debug_stats(struct heap_stats *out)
{
    (void)out;
}
#endif
