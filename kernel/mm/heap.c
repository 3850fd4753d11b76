// SPDX-License-Identifier: MIT
//
// The kernel heap. Small objects come from the CPU's magazines, which heap_slab.c fills; large ones
// are runs of pages, or have a range of their own. No call walks a list: all are O(1), except when
// a new slab is needed.
#include "kernel/mm/heap_internal.h"

#include "hal/layout.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

#include <stdatomic.h>

/* How heap_free() tells what a pointer is:
 * - Not page aligned: an object of a slab. The slab's header is at the start of its 16 KiB; `self`
 *   identifies it as a slab (small_free()).
 * - Page aligned, in the direct map: a large object if its frame starts a run owned by
 *   PAGE_HEAP that is not a slab (free_other()); otherwise perhaps a small object that happens
 *   to be page aligned.
 * - Page aligned, elsewhere: a large object with a range of its own whose name is range_name.
 * Any other pointer panics. Reading a header is safe only if the memory is in the direct map and
 * owned by the heap; small_slab() checks that before it reads. The fast path omits the check: a
 * wild pointer may fault there, which is a panic too.
 *
 * Small objects take no lock: the magazine belongs to the CPU and is used with interrupts masked
 * for a few instructions (hal/magazine.h). */

#define RUN_ORDER_MAX 4
/* A larger object gets a range of its own: rounding up to a power of two pages would
 * waste too much. */
#define RUN_MAX (PAGE_SIZE << RUN_ORDER_MAX)

/* Compared by address: identifies the ranges that belong to the heap. */
static const char range_name[] = "heap";

STATIC_ASSERT(RUN_ORDER_MAX <= PAGE_KEPT_ORDER_MAX,
              "a CPU's magazines accept every run of the heap");

/* Large objects: their number in the upper bits, their pages in the lower. Each CPU adds to one of
 * LARGE_COUNTS words, so that CPUs rarely share a cache line. A word may go below 0 where another
 * CPU frees; the sum is right. Relaxed: counts. */
#define LARGE_ONE    (UINT64_C(1) << 36)
#define LARGE_COUNTS 16u
static struct {
    _Atomic uint64_t count; /* relaxed: see above */
} ALIGNED(64) large[LARGE_COUNTS];

static ALWAYS_INLINE void count_large(uint64_t by)
{
    atomic_fetch_add_explicit(&large[hal_this_cpu()->id % LARGE_COUNTS].count, by,
                              memory_order_relaxed);
}

void heap_init(void)
{
    for (unsigned i = 0; i < LARGE_COUNTS; i++) {
        atomic_store_explicit(&large[i].count, 0, memory_order_relaxed);
    }
    heap_slab_init();
    heap_debug_init();
}

void heap_drain(void)
{
    heap_debug_drain();
}

/* For sizes above SMALL_MAX. The result is page aligned and its first frame starts an allocated
 * run, by which heap_free() recognises it. */
static void *large_alloc(size_t size)
{
    size_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
    void *p;
    if (size <= RUN_MAX) {
        unsigned order = pages == 1 ? 0 : 64u - (unsigned)__builtin_clzll(pages - 1);
        paddr_t frames;
        if (page_alloc(order, PAGE_HEAP, &frames) != OK) {
            return NULL;
        }
        p = hal_direct(frames);
        pages = (size_t)1 << order;
    } else {
        p = vm_alloc(size, PAGE_HEAP, range_name);
        if (p == NULL) {
            return NULL;
        }
    }
    count_large(LARGE_ONE + pages);
    return p;
}

/* Sizes that are not in 1 to SMALL_MAX. */
static NOINLINE void *alloc_other(size_t size)
{
    if (size == 0) {
        return PLAIN(heap_alloc)(1);
    }
    return size > SIZE_MAX / 2 ? NULL : large_alloc(size);
}

void *PLAIN(heap_alloc)(size_t size)
{
    size_t sixteenth = (size - 1) / 16;
    if (LIKELY(sixteenth < ARRAY_COUNT(heap_magazine_of_16))) {
        return hal_magazine_pop(size, heap_magazine_of_16[sixteenth]);
    }
    return alloc_other(size);
}

static bool is_direct(const void *p)
{
    return (uintptr_t)p - HAL_DIRECT_BASE < HAL_DIRECT_SIZE;
}

/* Pages of a large object, and the order of its run. 0: no large object begins at `p`. Only runs
 * and ranges of the heap count, and no run that is a slab. */
static size_t large_pages(const void *p, unsigned *order)
{
    if (is_direct(p)) {
        int taken = page_owned_order(hal_direct_to_phys(p), PAGE_HEAP);
        *order = (unsigned)taken;
        return taken < 0 || taken > RUN_ORDER_MAX ||
                       (taken == SLAB_ORDER && heap_is_slab(heap_slab_at(p)))
                   ? 0
                   : (size_t)1 << taken;
    }
    const struct vm_range *range = vm_find((uintptr_t)p);
    return range != NULL && range->base == (uintptr_t)p && range->name == range_name ? range->pages
                                                                                     : 0;
}

/* A page-aligned pointer is a large object exactly if its frame starts a run that the heap
 * allocated: an object inside a slab never does. */
static bool is_large(const void *p, size_t *pages, unsigned *order)
{
    *pages = IS_ALIGNED((uintptr_t)p, PAGE_SIZE) ? large_pages(p, order) : 0;
    return *pages != 0;
}

/* The slab of a small object; NULL if there is none. */
static struct slab *small_slab(const void *p)
{
    /* A page-aligned pointer that is no large object may not even point to memory. */
    bool can_be_read = is_direct(p) && (!IS_ALIGNED((uintptr_t)p, PAGE_SIZE) ||
                                        page_owned_order(hal_direct_to_phys(heap_slab_at(p)),
                                                         PAGE_HEAP) == SLAB_ORDER);
    return can_be_read ? heap_slab_of(p) : NULL;
}

static void large_free(void *p, size_t pages, unsigned order)
{
    count_large(-(LARGE_ONE + pages));
    if (is_direct(p)) {
        page_free(hal_direct_to_phys(p), order);
    } else {
        vm_free(p);
    }
}

/* The slab's `self` shows that it is one. The mask keeps bit 0 to 3 of `p`, so a pointer that is
 * not 16-aligned reads as many bytes beside `self`. In any slab the value there differs from `at`:
 * it mixes in a class, a capacity and a count, which are small numbers, while the upper bytes of an
 * address are not. */
static ALWAYS_INLINE NO_ALIGNMENT_CHECK void small_free(void *p)
{
    uintptr_t at = (uintptr_t)p & ~(uintptr_t)(SLAB_SIZE - 16);
    const struct slab *s = (const struct slab *)at;
    if (UNLIKELY((uintptr_t)s->self != at)) {
        heap_bad_free(p);
        return;
    }
    hal_magazine_push_checked(p, s->magazine);
}

/* A page-aligned pointer that is not a run which a CPU may keep. */
static NOINLINE void free_rare(void *p)
{
    size_t pages;
    unsigned order = 0;
    if (p == NULL) {
        return;
    }
    if (is_large(p, &pages, &order)) {
        large_free(p, pages, order);
    } else if (small_slab(p) == NULL) {
        heap_bad_free(p);
    } else {
        small_free(p);
    }
}

/* A page-aligned pointer: NULL, a large object, or a small one that happens to be page aligned. */
static NOINLINE void free_other(void *p)
{
    paddr_t base = hal_direct_to_phys(p);
    uint16_t *state = is_direct(p) ? page_owned_state(base, PAGE_HEAP) : NULL;
    if (LIKELY(state != NULL)) {
        unsigned order = page_get_state(state) >> 4 & 15;
        if (LIKELY(order <= RUN_ORDER_MAX) &&
            LIKELY(order != SLAB_ORDER || !heap_is_slab(heap_slab_at(p)))) {
            count_large(-(LARGE_ONE + (UINT64_C(1) << order)));
            page_keep(base, state, order);
            return;
        }
    }
    free_rare(p);
}

void PLAIN(heap_free)(void *p)
{
    if (UNLIKELY(IS_ALIGNED((uintptr_t)p, PAGE_SIZE))) {
        free_other(p);
        return;
    }
    small_free(p);
}

void *heap_zalloc(size_t size)
{
    void *p = heap_alloc(size);
    if (p != NULL && (size <= RUN_MAX || IS_FILLED)) { /* ranges are zeroed already */
        memset(p, 0, size);
    }
    return p;
}

void *heap_calloc(size_t count, size_t size)
{
    size_t bytes;
    return MUL_OVERFLOWS(count, size, &bytes) ? NULL : heap_zalloc(bytes);
}

void *PLAIN(heap_alloc_aligned)(size_t size, size_t align)
{
    ASSERT(align != 0 && (align & (align - 1)) == 0 && align <= PAGE_SIZE);
    if (align <= 16) {
        return PLAIN(heap_alloc)(size);
    }
    if (align <= SLAB_FIRST && size <= SMALL_MAX) {
        /* If a class's size is a multiple of the alignment, every object of it is aligned. */
        unsigned class = heap_class_of(MAX(size, (size_t)1));
        while (!IS_ALIGNED(heap_class_size(class), align)) {
            class ++;
        }
        return PLAIN(heap_alloc)(heap_class_size(class));
    }
    return size > SIZE_MAX / 2 ? NULL : large_alloc(MAX(size, (size_t)1));
}

#ifndef HEAP_DEBUG
static size_t usable_size(const void *p)
{
    size_t pages;
    unsigned order;
    if (is_large(p, &pages, &order)) {
        return pages * PAGE_SIZE;
    }
    const struct slab *s = small_slab(p);
    if (s == NULL) {
        panic("heap: realloc of %p, which is not a heap object", p);
    }
    if (heap_is_free(s, p)) {
        panic("heap: realloc of %p, which is free", p);
    }
    return heap_class_size(s->class);
}

void *heap_realloc(void *p, size_t size)
{
    if (p == NULL) {
        return heap_alloc(size);
    }
    size_t have = usable_size(p);
    if (size <= have && size >= have / 2) {
        return p;
    }
    void *q = heap_alloc(size);
    if (q != NULL) {
        memcpy(q, p, MIN(have, size));
        heap_free(p);
    }
    return q;
}

#endif

#ifdef HEAP_DEBUG
void heap_retire_plain(void *p)
{
    count_large(-(LARGE_ONE + vm_find((uintptr_t)p)->pages));
}
#endif

char *heap_strdup(const char *s)
{
    size_t len = strlen(s) + 1;
    char *copy = heap_alloc(len);
    if (copy != NULL) {
        memcpy(copy, s, len);
    }
    return copy;
}

void heap_get_stats(struct heap_stats *out)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LARGE_COUNTS; i++) {
        sum += atomic_load_explicit(&large[i].count, memory_order_relaxed);
    }
    /* Objects allocated and freed on other CPUs during the addition may make
     * either sum negative. */
    int64_t pages = (int64_t)(sum % LARGE_ONE);
    pages -= pages >= (int64_t)(LARGE_ONE / 2) ? (int64_t)LARGE_ONE : 0;
    int64_t objects = ((int64_t)sum - pages) / (int64_t)LARGE_ONE;
    uint64_t bytes = (uint64_t)MAX(pages, 0) * PAGE_SIZE;
    *out = (struct heap_stats){
        .live_objects = (uint64_t)MAX(objects, 0), .live_bytes = bytes, .page_bytes = bytes};
    heap_add_slab_stats(out);
    heap_debug_stats(out);
}
