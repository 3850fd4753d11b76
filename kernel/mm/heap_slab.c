// SPDX-License-Identifier: MIT
//
// The heap's small objects: slabs of 16 KiB, one size class each, free objects linked through their
// own first word. A CPU takes half a magazine from slabs at a time, and gives back a few objects.
//
// Hardening that costs next to nothing: links are stored xored with a secret and their own address,
// so that an overwritten one leads to an address that the slab check refuses; an object that is
// free in its slab carries a mark in its second word, so that giving it back twice is seen. What is
// in a magazine has neither: of what is given back twice at once the magazine takes the second for
// one too many, and of the rest is seen what comes from a magazine to its slab. (Debug builds see
// all of it: heap_debug.c.)
#include "kernel/mm/heap_internal.h"

#include "hal/layout.h"
#include "hal/smp.h"
#include "kernel/base/assert.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"

#define GIVEN_AT_ONCE   4u /* objects, from a magazine to their slabs */
#define TAKEN_WITH_SLAB 4u /* objects, of one that is new, to a magazine */

#define KEPT_BYTES 8192u /* in a magazine, as far as that is four objects */

/* Four classes a doubling: at most a quarter is lost to rounding. Multiples of 16; those of 64 are
 * 64-aligned. */
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
    struct list partial; /* slabs with room, and with objects */
    struct list idle;    /* slabs without an object: one is kept, more go back, one a call */
    uint32_t reciprocal; /* 2^32 / size, rounded up: index = offset * reciprocal >> 32, exact below
                            2^16 */
    uint16_t capacity;
    uint32_t idle_count;
    uint64_t taken, given, slabs; /* objects, by callers and for magazines */
};

static struct class classes[HEAP_CLASSES];
hal_magazine_t heap_magazine_of_16[SMALL_MAX / 16];
static uint64_t secret;

void heap_slab_init(void)
{
    /* Unpredictable enough against stray writes; a heap secret is no key. */
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
    panic("heap: free of %p, which it did not hand out", p);
}

/* --- slabs, by the class's lock --- */

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

/* The object given back last, or else the next that was never handed out. */
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
    h->mark = 0; /* the page may remember a mark from an earlier slab */
    return h;
}

/** NULL: no slab has room. */
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

static void give_locked(struct class *c, struct hole *h) REQUIRES(c->lock)
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

/** A slab that is none any more, if more than `keep` have no object. NULL: there is none. */
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

static void give_pages(struct slab *s)
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
            give_pages(s);
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
        half = MIN(half, m->rounds + TAKEN_WITH_SLAB); /* that was work enough for one call */
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
    /* Others give back what they keep only while this CPU holds no lock. */
    if (UNLIKELY(p == NULL) && memory_try_reclaim()) {
        p = refill(class);
    }
    return p;
}

/* Few at a time, and one slab's pages: of objects that are freed in any order each may be the last
 * of its slab, and no caller waits for many of them. A slab has seven objects at least, so that
 * those without any do not become more. */
void heap_spill(unsigned class, void *object)
{
    struct class *c = &classes[class];
    irq_state_t state = spin_lock_irq(&c->lock);
    struct hal_magazine *m = &hal_this_cpu()->magazines[class];
    if (m->top > m->rounds && m->top[-1] == object) {
        freed_twice(object);
    }
    for (unsigned i = 0; i < GIVEN_AT_ONCE && m->top > m->rounds; i++) {
        give_locked(c, *--m->top);
    }
    if (m->top < m->end) {
        *m->top++ = object;
    } else { /* this CPU keeps none */
        give_locked(c, object);
    }
    struct slab *unused = drop_locked(c, 1);
    spin_unlock_irq(&c->lock, state);
    give_pages(unused);
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
            give_locked(c, *--m->top);
        }
        has_more = m->top > m->rounds;
        unused = drop_locked(c, 1);
        spin_unlock_irq(&c->lock, state);
        give_pages(unused);
    } while (has_more || unused != NULL);
}

/** Objects that lie in magazines; those of other CPUs may be a little late. */
static uint64_t kept(unsigned class)
{
    uint64_t sum = 0;
    for (cpu_t i = 0; i < MAX(hal_cpu_count(), (cpu_t)1); i++) {
        const struct hal_cpu *cpu = hal_cpu_count() == 0 ? hal_this_cpu() : hal_cpu_at(i);
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
        /* One that is on its way from a CPU to another may be counted for both. */
        uint64_t live = in_use > in_magazines ? in_use - in_magazines : 0;
        out->live_objects += live;
        out->live_bytes += live * class_size[i];
        out->page_bytes += c->slabs * SLAB_SIZE;
        spin_unlock_irq(&c->lock, state);
    }
}
