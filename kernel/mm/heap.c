// SPDX-License-Identifier: MIT
//
// The kernel heap. Small objects: from the CPU's magazines, which heap_slab.c fills. Large ones:
// runs of pages, or a range of their own. No call walks a list: O(1) but for a new slab.
#include "kernel/mm/heap_internal.h"

#include "hal/layout.h"
#include "kernel/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/spinlock.h"

#define RUN_MAX (PAGE_SIZE << 4) /* 64 KiB: above it a power of two of pages wastes too much */

static struct spinlock large_lock = SPINLOCK_INIT;
static uint64_t large_objects, large_bytes; /* [large_lock] */

void heap_init(void)
{
    heap_slab_init();
    heap_debug_init();
}

void heap_drain(void)
{
    heap_debug_drain();
}

/* Above SMALL_MAX. Page aligned, and the first frame of a taken run says so: heap_free() tells by
 * that. */
static void *large_alloc(size_t size)
{
    size_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
    void *p;
    if (size <= RUN_MAX) {
        unsigned order = 0;
        while (((size_t)1 << order) < pages) {
            order++;
        }
        paddr_t frames;
        if (page_alloc(order, PAGE_HEAP, &frames) != OK) {
            return NULL;
        }
        p = hal_direct(frames);
        pages = (size_t)1 << order;
    } else {
        p = vm_alloc(size, PAGE_HEAP, "heap");
        if (p == NULL) {
            return NULL;
        }
    }
    irq_state_t state = spin_lock_irq(&large_lock);
    large_objects++;
    large_bytes += pages * PAGE_SIZE;
    spin_unlock_irq(&large_lock, state);
    return p;
}

/* Not from 1 to SMALL_MAX bytes. */
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

/* Pages of a large object: how it was taken. */
static size_t large_pages(const void *p, unsigned *order)
{
    if ((uintptr_t)p - HAL_DIRECT_BASE < HAL_DIRECT_SIZE) {
        int taken = page_taken_order(hal_direct_to_phys(p));
        *order = (unsigned)taken;
        return taken < 0 ? 0 : (size_t)1 << taken;
    }
    const struct vm_range *range = vm_find((uintptr_t)p);
    return range != NULL && range->base == (uintptr_t)p ? range->pages : 0;
}

/* A page-aligned pointer is a large object exactly if its frame starts a taken run: an object
 * inside a slab never does. */
static bool is_large(const void *p, size_t *pages, unsigned *order)
{
    *pages = IS_ALIGNED((uintptr_t)p, PAGE_SIZE) ? large_pages(p, order) : 0;
    return *pages != 0;
}

static void large_free(void *p, size_t pages, unsigned order)
{
    irq_state_t state = spin_lock_irq(&large_lock);
    large_objects--;
    large_bytes -= pages * PAGE_SIZE;
    spin_unlock_irq(&large_lock, state);
    if ((uintptr_t)p - HAL_DIRECT_BASE < HAL_DIRECT_SIZE) {
        page_free(hal_direct_to_phys(p), order);
    } else {
        vm_free(p);
    }
}

static ALWAYS_INLINE void small_free(struct slab *s, void *p)
{
    if (UNLIKELY(s->self != s)) {
        heap_bad_free(p);
        return;
    }
    hal_magazine_push(p, s->magazine);
}

/* At the start of a page: NULL, a large object, or a small one that lies so. */
static NOINLINE void free_other(void *p)
{
    size_t pages;
    unsigned order = 0;
    if (p == NULL) {
        return;
    }
    if (is_large(p, &pages, &order)) {
        large_free(p, pages, order);
    } else if (heap_slab_of(p) == NULL) {
        heap_bad_free(p);
    } else {
        small_free(heap_slab_at(p), p);
    }
}

void PLAIN(heap_free)(void *p)
{
    if (UNLIKELY(IS_ALIGNED((uintptr_t)p, PAGE_SIZE))) {
        free_other(p);
        return;
    }
    small_free(heap_slab_at(p), p);
}

void *heap_zalloc(size_t size)
{
    void *p = heap_alloc(size);
    if (p != NULL) {
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
        /* A class whose size is a multiple of the alignment keeps it for every object. */
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
    const struct slab *s = heap_slab_of(p);
    if (s == NULL) {
        panic("heap: %p, which it did not hand out", p);
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
    irq_state_t state = spin_lock_irq(&large_lock);
    *out = (struct heap_stats){
        .live_objects = large_objects, .live_bytes = large_bytes, .page_bytes = large_bytes};
    spin_unlock_irq(&large_lock, state);
    heap_add_slab_stats(out);
    heap_debug_stats(out);
}
