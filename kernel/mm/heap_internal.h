// SPDX-License-Identifier: MIT
//
// Between heap.c, which is what callers see, and heap_slab.c, which has the small objects.
#pragma once

#include "hal/cpu.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/mm/heap.h"

#define SLAB_ORDER   2u
#define SLAB_SIZE    (PAGE_SIZE << SLAB_ORDER)
#define SLAB_FIRST   64u /* where a slab's objects begin: 64-aligned */
#define SMALL_MAX    2048u
#define HEAP_CLASSES 24u

/** At the start of a slab. */
struct slab {
    uint64_t free_first;        /* [c] encoded, see encode() */
    uint64_t seal;              /* [I] of its address and a secret: what an object's bytes cannot
                                 * look like */
    struct slab *self;          /* [I] its own address: this is a slab. NULL once it is none. Not
                                 * in front: what begins with an empty list looks like that */
    uint16_t class;             /* [I] */
    uint16_t capacity;          /* [I] */
    uint16_t free_count, fresh; /* [c] free objects; from `fresh` on they were never handed out */
    hal_magazine_t magazine;    /* [I] of its class, by HAL_MAGAZINE() */
    struct list_node link;      /* [c] among the class's slabs with room, or those without an
                                 * object; not linked when full */
};
/* Field protection:  [I] set before the first object is handed out   [c] its class's lock */

STATIC_ASSERT(sizeof(struct slab) <= SLAB_FIRST, "objects begin behind it");

/** The class for (size - 1) / 16, and so for sizes from 1 to SMALL_MAX, by its magazine. */
extern hal_magazine_t heap_magazine_of_16[SMALL_MAX / 16];

void heap_slab_init(void);

/** Bytes of an object of a class. */
size_t heap_class_size(unsigned class);

/** The class for a size from 1 to SMALL_MAX. */
static inline unsigned heap_class_of(size_t size)
{
    return heap_magazine_of_16[(size - 1) / 16] / (unsigned)HAL_MAGAZINE(1);
}

/** The slab that a pointer lies in, which may be none's: not looked at further. */
static inline struct slab *heap_slab_at(const void *p)
{
    return (struct slab *)((uintptr_t)p & ~(uintptr_t)(SLAB_SIZE - 1));
}

/** Is it a slab? It is memory that can be read. */
bool heap_is_slab(const struct slab *s);
/** The slab that has handed p out, which lies in memory that can be read; NULL: none, or p is
 * inside an object. p is not freed meanwhile. */
struct slab *heap_slab_of(const void *p);
/** An object of a slab is free: in it, or in this CPU's magazine. (Other CPUs' are not looked at.)
 */
bool heap_is_free(const struct slab *s, const void *p);

/** What a CPU's magazine may keep. */
unsigned heap_magazine_limit(unsigned class);
/** An object, and more for this CPU's magazine, which is empty. NULL: memory ran out. */
void *heap_refill(unsigned class);
/** This CPU's magazine is full: a few of its objects make room for this one. */
void heap_spill(unsigned class, void *object);
/** All of this CPU's magazine goes back. */
void heap_empty_magazine(unsigned class);

/** Slabs without an object go back. */
void heap_trim(void);

/** A panic. It is not declared as what never returns: heap_free() would have to save registers. */
void heap_bad_free(void *p);

/** Add the small objects to `out`. */
void heap_add_slab_stats(struct heap_stats *out);

/* --- the plain heap --- */

/** Debug builds put another heap in front of this one (heap_debug.c): then its calls have other
 * names, PLAIN(heap_alloc). HALYARD_HEAP_PLAIN: a test of the plain one. */
#if defined(HALYARD_DEBUG) && !defined(HALYARD_HEAP_PLAIN)
#define HEAP_DEBUG  1
#define IS_FILLED   true /* what is taken has a pattern in it */
#define PLAIN(name) name##_plain
void *heap_alloc_plain(size_t size);
void *heap_alloc_aligned_plain(size_t size, size_t align);
void heap_free_plain(void *p);
/** An object with a range of its own is none of the heap's any more; vm_free() has the rest. */
void heap_retire_plain(void *p);
void heap_debug_init(void);
/** What lies in quarantine is looked at, and given back. */
void heap_debug_drain(void);
/** Callers' objects and bytes in place of the plain heap's. */
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
