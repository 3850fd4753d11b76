// SPDX-License-Identifier: MIT
//
// The heap of debug builds, on top of the plain one: each object records its allocation's call
// chain and lies between two fences. Freed objects stay in quarantine for a while, where no code
// may write to them. An error panics with the call chains of the allocation and the free.
//
//   | padding for alignment | tag, which ends with a fence | object | fence |

#include "kernel/mm/heap_internal.h"

#ifdef HEAP_DEBUG

#include "hal/layout.h"
#include "hal/trap.h"
#include "kernel/base/assert.h"
#include "kernel/base/panic.h"
#include "kernel/base/spinlock.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/asan.h"
#include "kernel/mm/heap_quarantine.h"
#include "kernel/mm/heap_site.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

#include <stdatomic.h>

#define TAKEN    UINT64_C(0x6b1f0c93a7d25e84) /* a tag's state, xored with the tag's address */
#define GIVEN    UINT64_C(0x94e2537c18ab06fd)
#define FRESH    0xa5u /* fills memory that has not been written to */
#define STALE    0xdfu /* fills freed memory; as an address it is invalid on both machines */
#define FENCE    0xfbu
#define TAIL_MIN 16u

/** Larger objects are not filled: they have pages of their own, with guards. When freed they are
 * unmapped, and their addresses stay unused for a while (heap_quarantine.h). */
#define QUARANTINE_LARGEST (64u << 10)
#define QUARANTINE_BYTES   (256u << 10) /* of objects, tags and fences together */

struct tag {
    uint64_t state;   /* first: heap_debug_explain() searches for it */
    struct tag *next; /* [quarantine_lock] while in quarantine */
    size_t size;      /* as requested */
    uint32_t offset;  /* of the object, from the start of the plain heap's block */
    heap_site_t taken_by, given_by;
    uint32_t padding;
    uint8_t fence[24];
};

STATIC_ASSERT(sizeof(struct tag) == 64, "objects keep the alignment of cache lines");

static struct spinlock quarantine_lock = SPINLOCK_INIT;
static struct tag *oldest, *youngest; /* [quarantine_lock] */
static size_t quarantined;            /* [quarantine_lock] bytes */

static _Atomic uint64_t live_objects, live_bytes; /* relaxed: counts */

static struct tag *tag_of(const void *p)
{
    return (struct tag *)((uintptr_t)p - sizeof(struct tag));
}

static uint8_t *object_of(struct tag *t)
{
    return (uint8_t *)(t + 1);
}

static uint8_t *base_of(struct tag *t)
{
    return object_of(t) - t->offset;
}

static size_t tail_of(size_t size)
{
    return ALIGN_UP(size, (size_t)16) - size + TAIL_MIN;
}

static size_t whole_of(const struct tag *t)
{
    return t->offset + t->size + tail_of(t->size);
}

static uint64_t state_of(const struct tag *t, uint64_t state)
{
    return state ^ (uint64_t)(uintptr_t)t;
}

/* --- reports --- */

static void explain(void (*write)(void *ctx, const char *line), void *ctx, const void *arg)
{
    const struct tag *t = arg;
    heap_site_print(write, ctx, "allocated by:", t->taken_by);
    if (t->state != state_of(t, TAKEN)) {
        heap_site_print(write, ctx, "freed by:", t->given_by);
    }
}

static void explain_quarantined(void (*write)(void *ctx, const char *line), void *ctx,
                                const void *arg)
{
    const struct quarantined_object *g = arg;
    heap_site_print(write, ctx, "allocated by:", g->taken_by);
    heap_site_print(write, ctx, "freed by:", g->given_by);
}

static void print_offset(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t at,
                         const void *object, size_t size)
{
    char line[80];
    uintptr_t begin = (uintptr_t)object;
    fmt_print(line, sizeof(line), "at %s%zu of an object of %zu bytes", at < begin ? "-" : "+",
              at < begin ? begin - at : at - begin, size);
    write(ctx, line);
}

#define LOOKED_BACK 4096u /* bytes searched for the tag of an object around an address */

void heap_debug_explain(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t at)
{
    uint64_t state, last;
    struct quarantined_object entry;
    if (heap_quarantine_at(at, &entry)) {
        print_offset(write, ctx, at, entry.object, entry.size);
        explain_quarantined(write, ctx, &entry);
        return;
    }
    for (uintptr_t tag = ALIGN_DOWN(at, 16); at - tag < LOOKED_BACK; tag -= 16) {
        const struct tag *t = (const struct tag *)tag;
        /* stop at missing memory: another fault must not happen here */
        if (!hal_mmu_peek(tag, &state)) {
            return;
        }
        if ((state == state_of(t, TAKEN) || state == state_of(t, GIVEN)) &&
            hal_mmu_peek((uintptr_t)(t + 1) - sizeof(last), &last)) {
            print_offset(write, ctx, at, t + 1, t->size);
            explain(write, ctx, t);
            return;
        }
    }
}

static _Noreturn void accuse(struct tag *t, const char *what, const uint8_t *at)
{
    ptrdiff_t where = at - object_of(t);
    panic_explained(explain, t, "heap: %s %p, %zu bytes: 0x%02x at %s%zu", what,
                    (void *)object_of(t), t->size, *at, where < 0 ? "-" : "+",
                    (size_t)(where < 0 ? -where : where));
}

/** The first byte that differs from `fill`, or NULL. */
static const uint8_t *first_other(const uint8_t *p, size_t len, uint8_t fill)
{
    for (; len > 0; p++, len--) {
        if (*p != fill) {
            return p;
        }
    }
    return NULL;
}

static void check_fences(struct tag *t)
{
    const uint8_t *at = first_other(t->fence, sizeof(t->fence), FENCE);
    if (at != NULL) {
        accuse(t, "a write before the beginning of", at);
    }
    at = first_other(object_of(t) + t->size, tail_of(t->size), FENCE);
    if (at != NULL) {
        accuse(t, "a write past the end of", at);
    }
}

/** True if the frame is in an allocated run of a size that the plain heap uses. */
static bool is_in_run(paddr_t at)
{
    for (unsigned order = 0; PAGE_SIZE << order <= QUARANTINE_LARGEST; order++) {
        paddr_t first = paddr(at.raw & ~((uint64_t)(PAGE_SIZE << order) - 1));
        if (page_allocated_order(first) == (int)order) {
            return true;
        }
    }
    return false;
}

static bool is_direct(const void *p)
{
    return (uintptr_t)p - HAL_DIRECT_BASE < HAL_DIRECT_SIZE;
}

/** True if the memory before `p` exists, so that a tag can be read there. */
static bool can_have_tag(const void *p)
{
    uintptr_t at = (uintptr_t)p - sizeof(struct tag);
    if (!IS_ALIGNED(at, 16)) {
        return false;
    }
    if (is_direct((void *)at)) {
        return is_in_run(hal_direct_to_phys((void *)at));
    }
    const struct vm_range *range = vm_find(at);
    return range != NULL && at >= range->base &&
           (uintptr_t)p - range->base < (uint64_t)range->pages * PAGE_SIZE;
}

static _Noreturn void freed_twice(const struct tag *t, const void *p)
{
    panic_explained(explain, t, "heap: %p, %zu bytes, freed twice", p, t->size);
}

/** The tag of an allocated object; panics for any other pointer. */
static struct tag *taken(const void *p)
{
    struct tag *t = tag_of(p);
    struct quarantined_object entry;
    if (!is_direct(p) && heap_quarantine_at((uintptr_t)p, &entry) && entry.object == p) {
        panic_explained(explain_quarantined, &entry, "heap: %p, %zu bytes, freed twice", p,
                        entry.size);
    }
    if (!can_have_tag(p)) {
        panic("heap: free of %p, which is not a heap object", p);
    }
    if (t->state == state_of(t, GIVEN)) {
        freed_twice(t, p);
    }
    if (t->state != state_of(t, TAKEN)) {
        panic("heap: free of %p, which is not a heap object, or whose header was overwritten", p);
    }
    return t;
}

/* A queue of freed objects, oldest first, bounded by QUARANTINE_BYTES. heap_free() appends one and
 * then frees the oldest ones beyond the limit. An object is checked for writes when it leaves. An
 * object in the queue belongs to the quarantine: its tag's `next` is under quarantine_lock, and
 * only the thread that removed it (leave()) touches it afterwards, without the lock. */
/* --- quarantine --- */

/** Remove and return the oldest object, if the quarantine holds more than `limit` bytes. */
static struct tag *leave(size_t limit)
{
    irq_state_t state = spin_lock_irq(&quarantine_lock);
    struct tag *t = quarantined > limit ? oldest : NULL;
    if (t != NULL) {
        oldest = t->next;
        quarantined -= whole_of(t);
    }
    spin_unlock_irq(&quarantine_lock, state);
    return t;
}

static void enter(struct tag *t)
{
    t->next = NULL;
    irq_state_t state = spin_lock_irq(&quarantine_lock);
    if (oldest == NULL) {
        oldest = t;
    } else {
        youngest->next = t;
    }
    youngest = t;
    quarantined += whole_of(t);
    spin_unlock_irq(&quarantine_lock, state);
}

static void drain(size_t limit)
{
    for (struct tag *t; (t = leave(limit)) != NULL;) {
        const uint8_t *at = first_other(object_of(t), t->size, STALE);
        if (at != NULL) {
            accuse(t, "a write after the free of", at);
        }
        check_fences(t);
        t->state = 0;
        asan_unpoison(base_of(t), whole_of(t));
        heap_free_plain(base_of(t));
    }
}

void heap_debug_drain(void)
{
    heap_quarantine_open(); /* first: their records are heap objects and enter the quarantine */
    drain(0);
}

/* --- the public calls --- */

/** Plain memory for `size` bytes with tag and fences;
 * *lead is the distance from its start to the object. */
static uint8_t *alloc_with_room(size_t size, size_t align, size_t *lead)
{
    size_t whole;
    *lead = ALIGN_UP(sizeof(struct tag), align);
    if (ADD_OVERFLOWS(size, *lead + tail_of(size), &whole)) {
        return NULL;
    }
    uint8_t *base = heap_alloc_aligned_plain(whole, align);
    if (base == NULL && oldest != NULL) {
        drain(0);
        base = heap_alloc_aligned_plain(whole, align);
    }
    return base;
}

static void *alloc_guarded(size_t size, size_t align, const void *frame)
{
    size_t lead;
    uint8_t *base =
        size > SIZE_MAX / 2 || failure_is_due() ? NULL : alloc_with_room(size, align, &lead);
    if (base == NULL) {
        return NULL;
    }
    asan_unpoison(base, lead + size + tail_of(size));
    uint8_t *p = base + lead;
    struct tag *t = tag_of(p);
    *t = (struct tag){.state = state_of(t, TAKEN),
                      .size = size,
                      .offset = (uint32_t)lead,
                      .taken_by = heap_site_at(frame)};
    memset(t->fence, FENCE, sizeof(t->fence));
    memset(p, FRESH, MIN(size, (size_t)QUARANTINE_LARGEST));
    memset(p + size, FENCE, tail_of(size));
    asan_poison(base, lead, ASAN_HEAP_FENCE);
    asan_poison(p + size, tail_of(size), ASAN_HEAP_FENCE);
    heap_site_count_alloc(t->taken_by, size);
    atomic_fetch_add_explicit(&live_objects, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&live_bytes, size, memory_order_relaxed);
    return p;
}

void *heap_alloc(size_t size)
{
    return alloc_guarded(size, 16, __builtin_frame_address(0));
}

void *heap_alloc_aligned(size_t size, size_t align)
{
    ASSERT(align != 0 && (align & (align - 1)) == 0 && align <= PAGE_SIZE);
    return alloc_guarded(size, MAX(align, (size_t)16), __builtin_frame_address(0));
}

/** Change TAKEN to GIVEN with one compare-and-swap: of two CPUs that free the same object at the
 * same time, the second one fails and panics. */
static struct tag *claim(const void *p)
{
    struct tag *t = taken(p);
    uint64_t is = state_of(t, TAKEN);
    check_fences(t);
    if (!__atomic_compare_exchange_n(&t->state, &is, state_of(t, GIVEN), false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED)) {
        freed_twice(t, p);
    }
    return t;
}

static void quarantine_large(struct tag *t)
{
    const struct quarantined_object entry = {.base = base_of(t),
                                             .object = object_of(t),
                                             .size = t->size,
                                             .taken_by = t->taken_by,
                                             .given_by = t->given_by};
    asan_unpoison(base_of(t), whole_of(t));
    heap_retire_plain(base_of(t));
    heap_quarantine(&entry);
}

static void free_guarded(void *p, const void *frame)
{
    struct tag *t = claim(p);
    heap_site_count_free(t->taken_by, t->size);
    atomic_fetch_sub_explicit(&live_objects, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&live_bytes, t->size, memory_order_relaxed);
    t->given_by = heap_site_at(frame);
    if (whole_of(t) > QUARANTINE_LARGEST) {
        quarantine_large(t);
        return;
    }
    memset(p, STALE, t->size);
    asan_poison(p, ALIGN_UP(t->size, (size_t)8), ASAN_HEAP_FREED);
    enter(t);
    drain(QUARANTINE_BYTES);
}

void heap_free(void *p)
{
    if (p != NULL) {
        free_guarded(p, __builtin_frame_address(0));
    }
}

/** Always moves the object, so that stale pointers to the old place are found. */
void *heap_realloc(void *p, size_t size)
{
    const void *frame = __builtin_frame_address(0);
    size_t had = p == NULL ? 0 : taken(p)->size;
    void *q = alloc_guarded(size, 16, frame);
    if (q != NULL && p != NULL) {
        memcpy(q, p, MIN(had, size));
        free_guarded(p, frame);
    }
    return q;
}

void heap_debug_stats(struct heap_stats *out)
{
    struct heap_stats in_quarantine;
    heap_quarantine_stats(&in_quarantine);
    out->live_objects =
        atomic_load_explicit(&live_objects, memory_order_relaxed) - in_quarantine.live_objects;
    out->live_bytes =
        atomic_load_explicit(&live_bytes, memory_order_relaxed) - in_quarantine.live_bytes;
}

void heap_debug_init(void)
{
    oldest = youngest = NULL;
    quarantined = 0;
    heap_quarantine_init();
    panic_explain_faults(heap_debug_explain);
    atomic_store_explicit(&live_objects, 0, memory_order_relaxed);
    atomic_store_explicit(&live_bytes, 0, memory_order_relaxed);
}

#endif
