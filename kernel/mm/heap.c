// SPDX-License-Identifier: MIT
//
// The kernel heap. Small objects: slabs of 16 KiB, one size class each, free objects linked through
// their own first word. Large ones: runs of pages, or a range of their own. No call walks a list:
// O(1) but for a new slab.
//
// Hardening that costs next to nothing: links are stored xored with a secret and their own address,
// so that an overwritten one leads to an address that the slab check refuses; a free object carries
// a mark in its second word, so that freeing it twice is seen.
#include "kernel/mm/heap.h"

#include "hal/cpu.h"
#include "hal/layout.h"
#include "kernel/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/spinlock.h"

#define SLAB_ORDER  2u
#define SLAB_SIZE   (PAGE_SIZE << SLAB_ORDER)
#define SMALL_MAX   2048u
#define RUN_MAX     (PAGE_SIZE << 4) /* 64 KiB: above it a power of two of pages wastes too much */
#define CLASS_COUNT ARRAY_COUNT(class_size)

/* Four classes a doubling: at most a quarter is lost to rounding. Multiples of 16; those of 64 are
 * 64-aligned. */
static const uint16_t class_size[] = {16,  32,  48,  64,   80,   96,   112,  128,
                                      160, 192, 224, 256,  320,  384,  448,  512,
                                      640, 768, 896, 1024, 1280, 1536, 1792, 2048};

/* At the start of a slab. Its objects follow, SLAB_FIRST bytes in. All fields by the class's lock.
 */
struct slab {
    struct list_node link;      /* among the class's slabs with room; not linked when full */
    uint64_t magic;             /* secret ^ address: this is a slab */
    uint64_t free_first;        /* encoded, see encode() */
    uint16_t free_count, fresh; /* free objects; objects from `fresh` on were never handed out */
    uint16_t capacity, class;
};

#define SLAB_FIRST 64u
STATIC_ASSERT(sizeof(struct slab) <= SLAB_FIRST, "objects start 64-aligned");

/* A free object. */
struct hole {
    uint64_t next; /* encoded */
    uint64_t mark; /* secret ^ ~address */
};

struct class
{
    struct spinlock lock;
    struct list partial; /* slabs with room */
    uint32_t reciprocal; /* 2^32 / size, rounded up: index = offset * reciprocal >> 32, exact below
                            2^16 */
    uint16_t capacity;
    uint32_t empty; /* slabs in `partial` without an object: one is kept, more go back */
    uint64_t allocs, frees, slabs;
};

static struct class classes[CLASS_COUNT];
static uint8_t class_of_16[SMALL_MAX / 16 + 1]; /* [(size + 15) / 16] */
static uint64_t secret;

static struct spinlock large_lock = SPINLOCK_INIT;
static uint64_t large_objects, large_bytes, large_allocs, large_frees;

void heap_init(void)
{
    /* Unpredictable enough against stray writes; a heap secret is no key. */
    secret = (hal_counter_read() * UINT64_C(0x9e3779b97f4a7c15)) | 1;
    unsigned class = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(class_of_16); i++) {
        if (i * 16 > class_size[class]) {
            class ++;
        }
        class_of_16[i] = (uint8_t) class;
    }
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        struct class *c = &classes[i];
        *c = (struct class){.lock = SPINLOCK_INIT,
                            .reciprocal = UINT32_MAX / class_size[i] + 1,
                            .capacity = (uint16_t)((SLAB_SIZE - SLAB_FIRST) / class_size[i])};
        list_init(&c->partial);
    }
}

static uint64_t encode(const void *at, const void *to)
{
    return (uint64_t)(uintptr_t)to ^ (uint64_t)(uintptr_t)at ^ secret;
}

static uint64_t mark_of(const struct hole *h)
{
    return secret ^ ~(uint64_t)(uintptr_t)h;
}

static struct slab *slab_new(unsigned class)
{
    paddr_t frames;
    if (page_alloc(SLAB_ORDER, PAGE_HEAP, &frames) != OK) {
        return NULL;
    }
    struct slab *s = hal_direct(frames);
    *s = (struct slab){.magic = secret ^ (uint64_t)(uintptr_t)s,
                       .free_count = classes[class].capacity,
                       .capacity = classes[class].capacity,
                       .class = (uint16_t) class};
    s->free_first = encode(&s->free_first, NULL);
    return s;
}

/* Take an object out of a slab that has room. */
static void *slab_take(struct slab *s)
{
    struct hole *h =
        (struct hole *)(uintptr_t)(s->free_first ^ (uint64_t)(uintptr_t)&s->free_first ^ secret);
    s->free_count--;
    if (h == NULL) { /* nothing was given back: the next that was never used */
        h = (struct hole *)((char *)s + SLAB_FIRST + (size_t)s->fresh++ * class_size[s->class]);
        h->mark = 0; /* the page may remember a mark from an earlier slab */
        return h;
    }
    if (((uintptr_t)h & ~(SLAB_SIZE - 1)) != (uintptr_t)s || h->mark != mark_of(h)) {
        panic("heap: a free object of %u bytes near %p was written to", class_size[s->class],
              (void *)s);
    }
    void *next = (void *)(uintptr_t)(h->next ^ (uint64_t)(uintptr_t)&h->next ^ secret);
    s->free_first = encode(&s->free_first, next);
    h->mark = 0;
    return h;
}

static void *small_alloc(unsigned class)
{
    struct class *c = &classes[class];
    irq_state_t state = spin_lock_irq(&c->lock);
    struct list_node *first = list_first(&c->partial);
    if (UNLIKELY(first == NULL)) {
        struct slab *fresh = slab_new(class);
        if (fresh == NULL) {
            spin_unlock_irq(&c->lock, state);
            return NULL;
        }
        list_push_front(&c->partial, &fresh->link);
        first = &fresh->link;
        c->slabs++;
        c->empty++;
    }
    struct slab *s = CONTAINER_OF(first, struct slab, link);
    c->empty -= s->free_count == s->capacity;
    void *p = slab_take(s);
    if (s->free_count == 0) {
        list_remove(&s->link);
    }
    c->allocs++;
    spin_unlock_irq(&c->lock, state);
    return p;
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
    large_allocs++;
    large_bytes += pages * PAGE_SIZE;
    spin_unlock_irq(&large_lock, state);
    return p;
}

void *heap_alloc(size_t size)
{
    if (LIKELY(size <= SMALL_MAX)) {
        return small_alloc(class_of_16[(size + 15) / 16]);
    }
    return size > SIZE_MAX / 2 ? NULL : large_alloc(size);
}

/* The slab that holds p as an object it handed out, or NULL. The class's lock is held, or p is not
 * freed meanwhile. */
static struct slab *slab_of(const void *p)
{
    struct slab *s = (struct slab *)((uintptr_t)p & ~(SLAB_SIZE - 1));
    if ((uintptr_t)p - HAL_DIRECT_BASE >= HAL_DIRECT_SIZE ||
        s->magic != (secret ^ (uint64_t)(uintptr_t)s)) {
        return NULL;
    }
    uint64_t offset = (uintptr_t)p - (uintptr_t)s - SLAB_FIRST; /* huge if p is inside the header */
    if (offset >= SLAB_SIZE) {
        return NULL;
    }
    uint64_t index = offset * classes[s->class].reciprocal >> 32;
    return index * class_size[s->class] == offset && index < s->fresh ? s : NULL;
}

static void small_free(struct slab *s, void *p)
{
    struct class *c = &classes[s->class];
    struct hole *h = p;
    bool gives_back = false;
    irq_state_t state = spin_lock_irq(&c->lock);
    if (UNLIKELY(h->mark == mark_of(h))) {
        panic("heap: %p freed twice", p);
    }
    h->next = s->free_first ^ (uint64_t)(uintptr_t)&s->free_first ^ (uint64_t)(uintptr_t)&h->next;
    h->mark = mark_of(h);
    s->free_first = encode(&s->free_first, h);
    if (s->free_count++ == 0) {
        list_push_front(&c->partial, &s->link);
    }
    c->frees++;
    if (UNLIKELY(s->free_count == s->capacity)) {
        gives_back = c->empty > 0;
        if (gives_back) {
            list_remove(&s->link);
            s->magic = 0;
            c->slabs--;
        } else {
            c->empty++;
        }
    }
    spin_unlock_irq(&c->lock, state);
    if (gives_back) {
        page_free(hal_direct_to_phys(s), SLAB_ORDER);
    }
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
    large_frees++;
    large_bytes -= pages * PAGE_SIZE;
    spin_unlock_irq(&large_lock, state);
    if ((uintptr_t)p - HAL_DIRECT_BASE < HAL_DIRECT_SIZE) {
        page_free(hal_direct_to_phys(p), order);
    } else {
        vm_free(p);
    }
}

void heap_free(void *p)
{
    if (p == NULL) {
        return;
    }
    size_t pages;
    unsigned order = 0;
    if (UNLIKELY(is_large(p, &pages, &order))) {
        large_free(p, pages, order);
        return;
    }
    struct slab *s = slab_of(p);
    if (UNLIKELY(s == NULL)) {
        panic("heap: free of %p, which it did not hand out", p);
    }
    small_free(s, p);
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

void *heap_alloc_aligned(size_t size, size_t align)
{
    ASSERT(align != 0 && (align & (align - 1)) == 0 && align <= PAGE_SIZE);
    if (align <= 16) {
        return heap_alloc(size);
    }
    if (align <= SLAB_FIRST && size <= SMALL_MAX) {
        /* A class whose size is a multiple of the alignment keeps it for every object. */
        unsigned class = class_of_16[(size + 15) / 16];
        while (!IS_ALIGNED(class_size[class], align)) {
            class ++;
        }
        return small_alloc(class);
    }
    return size > SIZE_MAX / 2 ? NULL : large_alloc(MAX(size, (size_t)1));
}

static size_t usable_size(const void *p)
{
    size_t pages;
    unsigned order;
    if (is_large(p, &pages, &order)) {
        return pages * PAGE_SIZE;
    }
    const struct slab *s = slab_of(p);
    if (s == NULL) {
        panic("heap: %p, which it did not hand out", p);
    }
    return class_size[s->class];
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
    *out = (struct heap_stats){.live_objects = large_objects,
                               .live_bytes = large_bytes,
                               .page_bytes = large_bytes,
                               .allocs = large_allocs,
                               .frees = large_frees};
    spin_unlock_irq(&large_lock, state);
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        struct class *c = &classes[i];
        state = spin_lock_irq(&c->lock);
        out->allocs += c->allocs;
        out->frees += c->frees;
        out->live_objects += c->allocs - c->frees;
        out->live_bytes += (c->allocs - c->frees) * class_size[i];
        out->page_bytes += c->slabs * SLAB_SIZE;
        spin_unlock_irq(&c->lock, state);
    }
}
