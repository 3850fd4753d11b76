// SPDX-License-Identifier: MIT
//
// Allocates and frees runs of frames. Small runs come from the CPU's magazines and return to them;
// larger ones, and whole batches for a magazine, come from the buddy allocator.

#include "kernel/mm/page_internal.h"

#include "hal/cache.h"
#include "hal/smp.h"
#include "kernel/mm/magazine.h"
#include "kernel/mm/reclaim.h"

/* Three layers hold free runs of small orders (0 to PAGE_KEPT_ORDER_MAX):
 *
 * 1. A magazine for each CPU and order: an array of runs that only its CPU touches. An allocation
 *    pops a run and a free pushes one, without a lock and with interrupts enabled: if an interrupt
 *    arrives in between, the pop or push starts again (hal/magazine.h). Only code that moves
 *    several runs masks interrupts, by taking page_lock: page_refill(), page_spill() and
 *    page_drain_some_locked(). A run in a magazine has the state FRAME_KEPT.
 * 2. A depot for each order, shared by all CPUs, under page_lock: a list of runs, also FRAME_KEPT.
 *    A burst of frees on one CPU fills it, a burst of allocations empties it, and no run is joined
 *    or split on the way.
 * 3. The buddy allocator (page_buddy.c), under page_lock.
 *
 * An empty magazine is refilled to its half from 2 and 3 (page_refill()); a full one moves its
 * older half to 2 and 3 (page_spill()). Half, so that neither an allocation nor a free follows
 * immediately with another trip to the lock.
 *
 * Kept runs count as free for callers. Before an allocation fails, alloc_run() moves them to the
 * buddy allocator, where they may join into a larger run: first those of this CPU and the depots,
 * then those of all CPUs (memory_try_reclaim()).
 *
 * The state word of a run changes without the lock while its owner holds the run: from
 * FRAME_ALLOCATED to FRAME_KEPT before a push, and back after a pop. That is safe because code
 * under page_lock only looks for FRAME_FREE there, and such a run is not FRAME_FREE before, during
 * or after the change. */

/* frames of a run that page_alloc_frames() splits: bounds the time with the lock held */
#define PARTED_MAX ((size_t)1 << 8)

/** Split an allocated or kept run into runs of a smaller order, which are freed one by one. */
static void part_run(paddr_t base, unsigned order, unsigned into, uint16_t state)
{
    struct page_meta *meta = page_find_block(base.raw >> BLOCK_SHIFT)->meta;
    unsigned index = page_index(base);
    for (unsigned end = index + (1u << order); index < end; index += 1u << into) {
        page_set_state(&meta->state[index], state);
    }
}

/* Runs that a full magazine passes to the buddy allocator because the depot is full: bounds the
 * time of one call. */
#define JOINED_AT_ONCE 3u

/* --- magazines and depots --- */

/* Runs for which magazines had no room, linked by page_meta.link. A burst of frees and allocations
 * reuses them without joining and splitting. */
static struct depot {
    struct list_node *first; /* by `next` */
    uint32_t count;
} depots[PAGE_KEPT_ORDER_MAX + 1]; /* [page_lock] */

void page_open_depots(void)
{
    for (unsigned i = 0; i < ARRAY_COUNT(depots); i++) {
        depots[i] = (struct depot){0};
    }
}

static struct hal_magazine *magazine_of(unsigned order)
{
    return &hal_this_cpu()->magazines[MAGAZINE_PAGES + order];
}

static void *as_round(paddr_t base)
{
    return (void *)(uintptr_t)base.raw;
}

static paddr_t of_round(const void *round)
{
    return paddr((uintptr_t)round);
}

static bool depot_put(paddr_t base, unsigned order) REQUIRES(page_lock)
{
    struct depot *d = &depots[order];
    /* For larger orders a quarter as many pages: they are rarer. */
    if (d->count >= (order == 0 ? page_map.depot_pages : page_map.depot_pages >> (order + 2))) {
        return false;
    }
    struct list_node *link =
        &page_find_block(base.raw >> BLOCK_SHIFT)->meta->link[page_index(base)];
    link->next = d->first;
    d->first = link;
    d->count++;
    return true;
}

static paddr_t depot_take(unsigned order) REQUIRES(page_lock)
{
    struct depot *d = &depots[order];
    struct list_node *link = d->first;
    d->first = link->next;
    d->count--;
    return page_of_node(link);
}

/** Fill a magazine up to its half: from the depot, then with runs split from larger ones, so that
 * they are adjacent as far as possible. An interrupt may have filled it since it was found empty,
 * so count again. */
static void fill_locked(struct hal_magazine *m, unsigned order) REQUIRES(page_lock)
{
    ptrdiff_t half = MAX((m->end - m->rounds) / 2, 1), kept = m->top - m->rounds;
    size_t wanted = (size_t)MAX(half - kept, 0);
    for (; wanted > 0 && depots[order].count > 0; wanted--) {
        *m->top++ = as_round(depot_take(order));
    }
    while (wanted > 0) {
        paddr_t base;
        /* The largest order that is needed at once, falling back to smaller ones. Only frames that
         * page_states reaches: the inline paths find a state through it. */
        unsigned of =
            MIN(order + 31u - (unsigned)__builtin_clz((unsigned)wanted), PAGE_ORDER_MAX - 1u);
        while (!page_alloc_near_locked(of, PAGE_OTHER, &base)) {
            if (of-- == order) {
                return;
            }
        }
        part_run(base, of, order, frame_state(FRAME_KEPT, order, PAGE_FREE));
        for (size_t i = (size_t)1 << (of - order); i-- > 0; wanted--) {
            *m->top++ = as_round(paddr_add(base, (uint64_t)i << (PAGE_SHIFT + order)));
        }
    }
}

#define GIVEN_AT_ONCE 64u /* runs freed at once with interrupts masked */

bool page_drain_some_locked(void)
{
    unsigned given = 0;
    for (unsigned i = 0; i <= PAGE_KEPT_ORDER_MAX; i++) {
        struct hal_magazine *m = magazine_of(i);
        for (; m->top > m->rounds; given++) {
            page_free_locked(of_round(*--m->top), i);
        }
        for (; depots[i].count > 0 && given < GIVEN_AT_ONCE; given++) {
            page_free_locked(depot_take(i), i);
        }
    }
    return given > 0;
}

void page_drain_all(void)
{
    bool has_given;
    do {
        irq_state_t state = spin_lock_irq(&page_lock);
        has_given = page_drain_some_locked();
        if (!has_given) {
            page_join_spare_locked();
        }
        spin_unlock_irq(&page_lock, state);
    } while (has_given);
}

void *page_refill(unsigned order)
{
    irq_state_t state = spin_lock_irq(&page_lock);
    struct hal_magazine *m = magazine_of(order);
    fill_locked(m, order);
    void *run = m->top == m->rounds ? NULL : *--m->top;
    spin_unlock_irq(&page_lock, state);
    return run;
}

void page_spill(unsigned order, void *run)
{
    irq_state_t state = spin_lock_irq(&page_lock);
    struct hal_magazine *m = magazine_of(order);
    ptrdiff_t half = (m->top - m->rounds + 1) / 2, count = 0;
    for (unsigned joined = 0; count < half && joined < JOINED_AT_ONCE; count++) {
        paddr_t base = of_round(m->rounds[count]);
        if (!depot_put(base, order)) {
            page_free_locked(base, order);
            joined++;
        }
    }
    /* The oldest runs were moved out; the younger half, whose frames are more likely in the
     * cache, stays. */
    magazine_drop(m, count);
    if (m->top < m->end) {
        *m->top++ = run;
    } else { /* this CPU keeps none */
        page_free_locked(of_round(run), order);
    }
    spin_unlock_irq(&page_lock, state);
}

unsigned page_magazine_limit(unsigned order)
{
    static const uint8_t plenty[PAGE_KEPT_ORDER_MAX + 1] = {24, 6, 4, 2, 2}, little[] = {8};
    return page_map.has_plenty ? plenty[order] : order < ARRAY_COUNT(little) ? little[order] : 0;
}

/* An upper bound: magazines are not counted but assumed full, because counting them would mean
 * asking each CPU. So false is certain, and true is a guess. */
bool page_can_alloc(uint64_t pages)
{
    uint64_t kept = 0;
    for (unsigned i = 0; i <= PAGE_KEPT_ORDER_MAX; i++) {
        kept += (uint64_t)page_magazine_limit(i) << i;
    }
    kept *= MAX(cpus_count(), (cpu_t)1);
    irq_state_t state = spin_lock_irq(&page_lock);
    for (unsigned i = 0; i <= PAGE_KEPT_ORDER_MAX; i++) {
        kept += (uint64_t)depots[i].count << i;
    }
    bool may = pages <= page_free_count + kept;
    spin_unlock_irq(&page_lock, state);
    return may;
}

/* --- runs --- */

/* Allocate from the buddy allocator. If that fails, move the kept runs there, since they may join
 * into a larger run: first this CPU's and the depots', at last all CPUs'. Each round either frees
 * something or is the last, so the loop ends. */
static enum status alloc_run(unsigned order, enum page_owner owner, paddr_t *out)
{
    /* has_asked: try to reclaim only once, or two CPUs short of memory could
     * keep each other busy. */
    bool found, has_given = false, has_asked = false;
    do {
        irq_state_t state = spin_lock_irq(&page_lock);
        found = page_alloc_locked(order, owner, out);
        if (UNLIKELY(!found)) {
            has_given = page_drain_some_locked();
            if (!has_given && order == PAGE_ORDER_MAX) {
                page_join_spare_locked();
                found = page_alloc_locked(order, owner, out);
            }
        }
        spin_unlock_irq(&page_lock, state);
        if (UNLIKELY(!found && !has_given && !has_asked)) {
            has_asked = true;
            has_given = memory_try_reclaim();
        }
    } while (!found && has_given);
    if (!found) {
        return E_NOMEM;
    }
    page_poison_taken(*out, (size_t)1 << order);
    return OK;
}

enum status page_alloc_any(unsigned order, enum page_owner owner, paddr_t *out)
{
    DASSERT(owner != PAGE_FREE && owner < PAGE_OWNER_COUNT);
    if (order > PAGE_ORDER_MAX) {
        return E_INVAL;
    }
    paddr_t base = {0};
    if (order <= PAGE_KEPT_ORDER_MAX) {
        base = of_round(hal_magazine_pop(0, PAGE_MAGAZINE(order)));
    }
    if (base.raw == 0) {
        return alloc_run(order, owner, out);
    }
    /* No lock: the run came out of this CPU's magazine, so its state belongs to the caller. */
    uint64_t frame = base.raw >> PAGE_SHIFT;
    page_set_state(page_state(*page_states_of(frame >> PAGE_ORDER_MAX), frame),
                   frame_state(FRAME_ALLOCATED, order, owner));
    page_poison_taken(base, (size_t)1 << order);
    *out = base;
    return OK;
}

enum status page_alloc_frames(size_t most, enum page_owner owner, paddr_t *first, size_t *got)
{
    ASSERT(most > 0 && owner != PAGE_FREE && owner < PAGE_OWNER_COUNT);
    *got = 1;
    if (failure_is_due()) {
        return E_NOMEM;
    }
    if (most == 1) {
        return page_alloc(0, owner, first);
    }
    unsigned order = 31u - (unsigned)__builtin_clz((uint32_t)MIN(most, PARTED_MAX));
    irq_state_t state = spin_lock_irq(&page_lock);
    while (order > 0 && !page_alloc_locked(order, owner, first)) {
        order--;
    }
    if (order > 0) {
        part_run(*first, order, 0, frame_state(FRAME_ALLOCATED, 0, owner));
    }
    spin_unlock_irq(&page_lock, state);
    *got = (size_t)1 << order;
    if (order == 0) {
        return page_alloc(0, owner, first);
    }
    page_poison_taken(*first, *got);
    return OK;
}

enum status page_alloc_zeroed(enum page_owner owner, paddr_t *out)
{
    paddr_t frame;
    enum status s = page_alloc(0, owner, &frame);
    if (s != OK) {
        return s;
    }
    hal_zero_pages(hal_direct(frame), 1);
    *out = frame;
    return OK;
}

/* Reached if the order is not a constant, is too large for a magazine, or the state did not match.
 * page_allocated_order() detects a wrong free, page_bad_free() reports it. */
void page_free_any(paddr_t base, unsigned order)
{
    uint16_t *taken = order <= PAGE_KEPT_ORDER_MAX ? page_allocated_state(base, order) : NULL;
    if (taken != NULL) {
        page_keep(base, taken, order);
        return;
    }
    if (page_allocated_order(base) != (int)order || !IS_ALIGNED(base.raw, PAGE_SIZE)) {
        page_bad_free(base, order);
        return;
    }
    page_poison_given(base, order);
    irq_state_t state = spin_lock_irq(&page_lock);
    page_free_locked(base, order);
    spin_unlock_irq(&page_lock, state);
}
