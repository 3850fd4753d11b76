// SPDX-License-Identifier: MIT
//
// The heap's small objects: slabs of 16 KiB, each of one size class, with free objects linked
// through their first word. A CPU fills half a magazine from slabs at a time and returns a few
// objects at a time.
#include "kernel/mm/heap_internal.h"

#include "hal/layout.h"
#include "hal/smp.h"
#include "kernel/base/assert.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"

/* Locking. Each class has a lock, which protects its lists, its counts and the headers and free
 * objects of its slabs. An object that is allocated, or in a magazine, is not touched under that
 * lock. The magazine belongs to its CPU and is accessed with interrupts masked; refill and spill
 * read it under the class's lock only because spin_lock_irq() masks interrupts. Pages are allocated
 * and freed with at most this lock held (page_lock is taken under it).
 *
 * A slab is in c->partial if it has free and allocated objects, in c->idle if all its objects are
 * free, and in no list if it is full. One idle slab is kept for each class; further ones are freed,
 * one for each call, so that no call takes long.
 *
 * Cheap hardening. Links are stored xored with a secret and their own address, so an
 * overwritten link decodes to an address that the slab check refuses. An object that
 * is free in its slab has a mark in its second word, so freeing it twice is detected.
 * Objects in magazines have neither: freeing the same object twice in a row is
 * detected when the magazine is full (heap_spill()), other double frees when the
 * objects return to their slab. Debug builds detect all of them (heap_debug.c). */

#define GIVEN_AT_ONCE   4u /* objects moved from a magazine to their slabs */
#define TAKEN_WITH_SLAB 4u /* objects moved from a new slab to a magazine */

#define KEPT_BYTES 8192u /* kept in a magazine, but four objects at least */

/* Four classes for each doubling: rounding wastes at most a quarter. Sizes are multiples of 16;
 * objects of sizes that are multiples of 64 are 64-aligned. */
static const uint16_t class_size[] = {16,  32,  48,  64,   80,   96,   112,  128,
                                      160, 192, 224, 256,  320,  384,  448,  512,
                                      640, 768, 896, 1024, 1280, 1536, 1792, 2048};
STATIC_ASSERT(ARRAY_COUNT(class_size) == HEAP_CLASSES, "a size a class");

/* A free object. */
struct hole {
    uint64_t next; /* encoded */
    uint64_t mark; /* secret ^ ~address */
};

struct class
{
    struct spinlock lock;
    struct list partial; /* slabs with both free and allocated objects */
    /* slabs without allocated objects; one is kept, others are freed one a call */
    struct list idle;
    /* 2^32 / size, rounded up: index = offset * reciprocal >> 32, exact for offsets below 2^16 */
    uint32_t reciprocal;
    uint16_t capacity;
    uint32_t idle_count;
    uint64_t taken, given, slabs; /* objects allocated and freed, including those for magazines */
};

static struct class classes[HEAP_CLASSES];
hal_magazine_t heap_magazine_of_16[SMALL_MAX / 16];
static uint64_t secret;

void heap_slab_init(void)
{
    /* Unpredictable enough against stray writes; it is not a cryptographic key. */
    secret = (hal_counter_read() * UINT64_C(0x9e3779b97f4a7c15)) | 1;
    unsigned class = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(heap_magazine_of_16); i++) {
        if ((i + 1) * 16 > class_size[class]) {
            class ++;
        }
        heap_magazine_of_16[i] = (hal_magazine_t)HAL_MAGAZINE(class);
    }
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        struct class *c = &classes[i];
        *c = (struct class){.lock = SPINLOCK_INIT,
                            .reciprocal = UINT32_MAX / class_size[i] + 1,
                            .capacity = (uint16_t)((SLAB_SIZE - SLAB_FIRST) / class_size[i])};
        list_init(&c->partial);
        list_init(&c->idle);
    }
}

size_t heap_class_size(unsigned class)
{
    return class_size[class];
}

unsigned heap_magazine_limit(unsigned class)
{
    return MIN(MAX(KEPT_BYTES / class_size[class], 4u), HAL_MAGAZINE_ROUNDS);
}

static uint64_t encode(const void *at, const void *to)
{
    return (uint64_t)(uintptr_t)to ^ (uint64_t)(uintptr_t)at ^ secret;
}

static uint64_t mark_of(const struct hole *h)
{
    return secret ^ ~(uint64_t)(uintptr_t)h;
}

static uint64_t seal_of(const struct slab *s)
{
    return secret ^ ((uint64_t)(uintptr_t)s + 1);
}

static _Noreturn void written_to(const struct slab *s)
{
    panic("heap: a free object of %u bytes near %p was written to", class_size[s->class],
          (const void *)s);
}

static _Noreturn void freed_twice(const void *p)
{
    panic("heap: %p freed twice", p);
}

void heap_bad_free(void *p)
{
    panic("heap: free of %p, which is not a heap object", p);
}

/* --- slabs, under the class's lock --- */

static bool grow_locked(struct class *c, unsigned class) REQUIRES(c->lock)
{
    paddr_t frames;
    if (page_alloc(SLAB_ORDER, PAGE_HEAP, &frames) != OK) {
        return false;
    }
    struct slab *s = hal_direct(frames);
    *s = (struct slab){.self = s,
                       .class = (uint16_t) class,
                       .magazine = (hal_magazine_t)HAL_MAGAZINE(class),
                       .capacity = c->capacity,
                       .free_count = c->capacity,
                       .seal = seal_of(s)};
    s->free_first = encode(&s->free_first, NULL);
    list_push_front(&c->idle, &s->link);
    c->slabs++;
    c->idle_count++;
    return true;
}

/* The object that was freed last, or the next one that was never allocated. */
static void *take_from(struct slab *s)
{
    struct hole *h =
        (struct hole *)(uintptr_t)(s->free_first ^ (uint64_t)(uintptr_t)&s->free_first ^ secret);
    s->free_count--;
    if (h == NULL) {
        h = (struct hole *)((char *)s + SLAB_FIRST + (size_t)s->fresh++ * class_size[s->class]);
    } else {
        if (heap_slab_at(h) != s || h->mark != mark_of(h)) {
            written_to(s);
        }
        void *next = (void *)(uintptr_t)(h->next ^ (uint64_t)(uintptr_t)&h->next ^ secret);
        s->free_first = encode(&s->free_first, next);
    }
    h->mark = 0; /* the page may contain a mark from an earlier slab */
    return h;
}

/** Allocate an object from a slab. NULL: no slab has room. */
static void *take_locked(struct class *c) REQUIRES(c->lock)
{
    struct list_node *first = list_first(&c->partial);
    if (first == NULL) {
        first = list_pop_front(&c->idle);
        if (first == NULL) {
            return NULL;
        }
        c->idle_count--;
        list_push_front(&c->partial, first);
    }
    struct slab *s = CONTAINER_OF(first, struct slab, link);
    void *p = take_from(s);
    if (s->free_count == 0) {
        list_remove(&s->link);
    }
    c->taken++;
    return p;
}

/* All checks come before any change. h->mark still has the mark if the object is free in the slab,
 * and take_from() clears it, so a set mark means a double free. */
static void free_locked(struct class *c, struct hole *h) REQUIRES(c->lock)
{
    struct slab *s = heap_slab_of(h);
    if (s == NULL) {
        heap_bad_free(h);
        return;
    }
    if (h->mark == mark_of(h)) {
        freed_twice(h);
    }
    h->next = s->free_first ^ (uint64_t)(uintptr_t)&s->free_first ^ (uint64_t)(uintptr_t)&h->next;
    h->mark = mark_of(h);
    s->free_first = encode(&s->free_first, h);
    if (s->free_count++ == 0) {
        list_push_front(&c->partial, &s->link);
    }
    c->given++;
    if (s->free_count == s->capacity) {
        list_remove(&s->link);
        list_push_front(&c->idle, &s->link);
        c->idle_count++;
    }
}

/** Remove an empty slab for freeing, if there are more than `keep`. NULL: there are not. Clearing
 * `self` and `seal` makes heap_is_slab() false before the pages can have another owner. */
static struct slab *drop_locked(struct class *c, uint32_t keep) REQUIRES(c->lock)
{
    if (LIKELY(c->idle_count <= keep)) {
        return NULL;
    }
    struct slab *s = CONTAINER_OF(list_pop_front(&c->idle), struct slab, link);
    c->idle_count--;
    c->slabs--;
    s->self = NULL;
    s->seal = 0;
    return s;
}

static void free_pages(struct slab *s)
{
    if (UNLIKELY(s != NULL)) {
        page_free(hal_direct_to_phys(s), SLAB_ORDER);
    }
}

void heap_trim(void)
{
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        struct slab *s;
        do {
            irq_state_t state = spin_lock_irq(&classes[i].lock);
            s = drop_locked(&classes[i], 0);
            spin_unlock_irq(&classes[i].lock, state);
            free_pages(s);
        } while (s != NULL);
    }
}

bool heap_is_slab(const struct slab *s)
{
    return s->self == s && s->seal == seal_of(s);
}

struct slab *heap_slab_of(const void *p)
{
    struct slab *s = heap_slab_at(p);
    if ((uintptr_t)p - HAL_DIRECT_BASE >= HAL_DIRECT_SIZE || !heap_is_slab(s)) {
        return NULL;
    }
    uint64_t offset = (uintptr_t)p - (uintptr_t)s - SLAB_FIRST; /* huge if p is inside the header */
    if (offset >= SLAB_SIZE) {
        return NULL;
    }
    uint64_t index = offset * classes[s->class].reciprocal >> 32;
    return index * class_size[s->class] == offset && index < s->fresh ? s : NULL;
}

/* --- magazines --- */

bool heap_is_free(const struct slab *s, const void *p)
{
    const struct hole *h = p;
    irq_state_t state = hal_irq_save();
    const struct hal_magazine *m = &hal_this_cpu()->magazines[s->class];
    void *const *at = m->rounds;
    while (at < m->top && *at != p) {
        at++;
    }
    bool is_kept = at < m->top;
    hal_irq_restore(state);
    return is_kept || h->mark == mark_of(h);
}

static void *refill(unsigned class)
{
    struct class *c = &classes[class];
    irq_state_t state = spin_lock_irq(&c->lock);
    struct hal_magazine *m = &hal_this_cpu()->magazines[class];
    void **half = m->rounds + (m->end - m->rounds) / 2;
    void *p = take_locked(c);
    if (UNLIKELY(p == NULL) && grow_locked(c, class)) {
        p = take_locked(c);
        half = MIN(half, m->rounds + TAKEN_WITH_SLAB); /* a new slab is enough work for one call */
    }
    if (LIKELY(p != NULL)) {
        for (void *more; m->top < half && (more = take_locked(c)) != NULL; m->top++) {
            *m->top = more;
        }
    }
    spin_unlock_irq(&c->lock, state);
    return p;
}

void *heap_refill(unsigned class)
{
    void *p = refill(class);
    /* Other CPUs can be asked to empty their magazines only if this CPU holds no lock. */
    if (UNLIKELY(p == NULL) && memory_try_reclaim()) {
        p = refill(class);
    }
    return p;
}

/* Frees few objects, and the pages of one slab at most: if objects are freed in random order, each
 * may be the last of its slab, and no caller should wait for many of them. A slab has at least
 * seven objects, so one slab for each call keeps up with the slabs that become empty. */
void heap_spill(unsigned class, void *object)
{
    struct class *c = &classes[class];
    irq_state_t state = spin_lock_irq(&c->lock);
    struct hal_magazine *m = &hal_this_cpu()->magazines[class];
    if (m->top > m->rounds && m->top[-1] == object) {
        freed_twice(object);
    }
    for (unsigned i = 0; i < GIVEN_AT_ONCE && m->top > m->rounds; i++) {
        free_locked(c, *--m->top);
    }
    if (m->top < m->end) {
        *m->top++ = object;
    } else { /* magazines are off */
        free_locked(c, object);
    }
    struct slab *unused = drop_locked(c, 1);
    spin_unlock_irq(&c->lock, state);
    free_pages(unused);
}

void heap_empty_magazine(unsigned class)
{
    struct class *c = &classes[class];
    struct slab *unused;
    bool has_more;
    do {
        irq_state_t state = spin_lock_irq(&c->lock);
        struct hal_magazine *m = &hal_this_cpu()->magazines[class];
        for (unsigned i = 0; i < GIVEN_AT_ONCE && m->top > m->rounds; i++) {
            free_locked(c, *--m->top);
        }
        has_more = m->top > m->rounds;
        unused = drop_locked(c, 1);
        spin_unlock_irq(&c->lock, state);
        free_pages(unused);
    } while (has_more || unused != NULL);
}

/** Objects in magazines; the values of other CPUs may be slightly stale. */
static uint64_t kept(unsigned class)
{
    uint64_t sum = 0;
    for (cpu_t i = 0; i < MAX(cpus_count(), (cpu_t)1); i++) {
        const struct hal_cpu *cpu = cpus_count() == 0 ? hal_this_cpu() : cpus_at(i);
        const struct hal_magazine *m = &cpu->magazines[class];
        sum += (uint64_t)(__atomic_load_n(&m->top, __ATOMIC_RELAXED) - m->rounds);
    }
    return sum;
}

void heap_add_slab_stats(struct heap_stats *out)
{
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        struct class *c = &classes[i];
        irq_state_t state = spin_lock_irq(&c->lock);
        uint64_t in_use = c->taken - c->given, in_magazines = kept(i);
        /* An object that moves between CPUs may be counted twice. */
        uint64_t live = in_use > in_magazines ? in_use - in_magazines : 0;
        out->live_objects += live;
        out->live_bytes += live * class_size[i];
        out->page_bytes += c->slabs * SLAB_SIZE;
        spin_unlock_irq(&c->lock, state);
    }
}
