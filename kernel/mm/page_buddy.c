// SPDX-License-Identifier: MIT
//
// The buddy allocator over the blocks that page_init.c set up. A frame's owner is recorded for the
// accounts only.

#include "kernel/mm/page_internal.h"
#include "kernel/mm/reclaim.h"

#include "kernel/lib/string.h"

/* Invariants, under page_lock:
 * - A free run is aligned to its size, starts with FRAME_FREE (or is a BLOCK_FREE) and is
 *   in exactly one free list. Two buddies of the same order are never both free:
 *   free_run() joins them.
 * - zone.mask has bit i set iff zone.free[i] is not empty.
 * - A block is split (BLOCK_CUT) while a part of it is allocated. It becomes whole again when its
 *   last run is freed, except that the last such block stays split as `spare`: otherwise a single
 *   page that is allocated and freed over and over would split and join a block each time.
 * - page_free_count counts the runs in free lists and the blocks in spans, but neither the kept
 *   runs (page.c) nor the META_PAGES of a split block.
 *
 * A split block keeps its metadata in its own first META_PAGES frames. So splitting needs no memory
 * from elsewhere, and joining must remove every run from its list before the
 * block becomes whole. */

#define ORDER_COUNT  (PAGE_ORDER_MAX + 1)
#define ZONE_LOW_END ((uint64_t)1 << 32)

struct spinlock page_lock = SPINLOCK_INIT;
uint64_t page_free_count;
struct page_map page_map;
struct page_states page_states;

/* [page_lock] */
struct page_zone page_zones[PAGE_ZONES];
static struct page_block *spare;

static bool has_states(uint64_t number)
{
    return (number << PAGE_ORDER_MAX) - page_states.first < page_states.count;
}

struct page_zone *page_zone_of(uint64_t number)
{
    return &page_zones[!has_states(number)                    ? ZONE_FAR
                       : number < ZONE_LOW_END >> BLOCK_SHIFT ? ZONE_LOW
                                                              : ZONE_HIGH];
}

uint64_t page_zone_end(uint64_t number)
{
    uint64_t low_end = ZONE_LOW_END >> BLOCK_SHIFT;
    uint64_t states_end = (page_states.first + page_states.count) >> PAGE_ORDER_MAX;
    uint64_t end = has_states(number) ? states_end : UINT64_MAX;
    return number < low_end ? MIN(low_end, end) : end;
}

/** Record the metadata of a block that becomes split; NULL: it is whole again. */
static void set_meta(struct page_block *block, uint64_t number, struct page_meta *meta)
{
    block->meta = meta;
    if (has_states(number)) {
        uintptr_t begin = number << PAGE_ORDER_MAX;
        *page_states_of(number) =
            meta == NULL ? 0 : (uintptr_t)meta->state - begin * sizeof(meta->state[0]);
    }
}

static void list_free(struct page_zone *z, struct list_node *n, unsigned order)
{
    list_push_front(&z->free[order], n);
    z->mask |= 1u << order;
}

static void unlist_free(struct page_zone *z, struct list_node *n, unsigned order)
{
    list_remove(n);
    if (list_is_empty(&z->free[order])) {
        z->mask &= ~(1u << order);
    }
}

void page_list_block(struct page_zone *z, struct page_block *block)
{
    list_push_back(&z->free[PAGE_ORDER_MAX], &block->link);
    z->mask |= 1u << PAGE_ORDER_MAX;
}

void page_unlist_block(struct page_zone *z, struct page_block *block)
{
    unlist_free(z, &block->link, PAGE_ORDER_MAX);
}

static void put_run(struct page_zone *z, struct page_meta *meta, unsigned index, unsigned order)
{
    meta->state[index] = frame_state(FRAME_FREE, order, PAGE_FREE);
    list_free(z, &meta->link[index], order);
}

/** Make the frames [first, end) free, in runs as large as alignment and length allow. */
static void put_frames(struct page_zone *z, struct page_meta *meta, unsigned first, unsigned end)
{
    while (first < end) {
        unsigned order = 31u - (unsigned)__builtin_clz(end - first);
        if (first != 0) {
            order = MIN(order, (unsigned)__builtin_ctz(first));
        }
        put_run(z, meta, first, order);
        first += 1u << order;
    }
}

/** Split a whole free block that is in no list. Its first frames hold the metadata. */
static void cut_free_block(struct page_zone *z, struct page_block *block, uint64_t number)
{
    struct page_meta *meta = hal_direct(paddr(number << BLOCK_SHIFT));
    page_poison_taken(paddr(number << BLOCK_SHIFT), META_PAGES);
    memset(meta->state, 0, sizeof(meta->state));
    for (unsigned i = 0; i < META_PAGES; i++) {
        meta->state[i] = frame_state(FRAME_FIXED, 0, PAGE_META);
    }
    set_meta(block, number, meta);
    block->state = BLOCK_CUT;
    block->free_pages = (uint16_t)(BLOCK_PAGES - META_PAGES);
    page_free_count -= META_PAGES;
    put_frames(z, meta, META_PAGES, BLOCK_PAGES);
}

/** True for a split block that is entirely RAM and of which nothing is allocated or fixed, except
 * the metadata at its start. */
static bool is_all_free(const struct page_block *block)
{
    return block->free_pages == BLOCK_PAGES - META_PAGES;
}

static void join_block(struct page_block *block)
{
    uint64_t number = page_block_number(block);
    struct page_zone *z = page_zone_of(number);
    struct page_meta *meta = block->meta;
    for (unsigned i = META_PAGES; i < BLOCK_PAGES;) {
        unsigned order = meta->state[i] >> 4 & 15;
        unlist_free(z, &meta->link[i], order);
        i += 1u << order;
    }
    set_meta(block, number, NULL);
    block->state = BLOCK_FREE;
    page_free_count += META_PAGES;
    list_free(z, &block->link, PAGE_ORDER_MAX);
}

/** The split block that holds a free run, given by its list node, and the run's index in it. */
static struct page_block *block_of_node(const struct list_node *n, uint64_t *number,
                                        unsigned *index)
{
    *number = hal_direct_to_phys(n).raw >> BLOCK_SHIFT;
    struct page_block *block = page_find_block(*number);
    *index = (unsigned)(n - block->meta->link);
    return block;
}

/** Allocate 2^order frames from a free run of a split block; list the rest again, as one run of
 * each order in between. */
static paddr_t take_run(struct page_zone *z, struct list_node *n, unsigned run_order,
                        unsigned order, enum page_owner owner)
{
    uint64_t number;
    unsigned index;
    struct page_block *block = block_of_node(n, &number, &index);
    unlist_free(z, n, run_order);
    while (run_order > order) {
        run_order--;
        put_run(z, block->meta, index + (1u << run_order), run_order);
    }
    block->meta->state[index] = frame_state(FRAME_ALLOCATED, order, owner);
    block->free_pages -= (uint16_t)(1u << order);
    page_free_count -= 1u << order;
    if (block == spare) {
        spare = NULL;
    }
    return paddr((number << BLOCK_SHIFT) + ((uint64_t)index << PAGE_SHIFT));
}

static paddr_t take_block(struct page_zone *z, struct list_node *n, enum page_owner owner)
{
    struct page_block *block = CONTAINER_OF(n, struct page_block, link);
    unlist_free(z, n, PAGE_ORDER_MAX);
    block->state = BLOCK_TAKEN;
    block->owner = (uint8_t)owner;
    page_free_count -= BLOCK_PAGES;
    return paddr(page_block_number(block) << BLOCK_SHIFT);
}

static void cut_listed_block(struct page_zone *z, struct list_node *n)
{
    struct page_block *block = CONTAINER_OF(n, struct page_block, link);
    unlist_free(z, n, PAGE_ORDER_MAX);
    cut_free_block(z, block, page_block_number(block));
}

static bool take_from_zone(struct page_zone *z, unsigned order, enum page_owner owner, paddr_t *out)
    REQUIRES(page_lock)
{
    uint32_t fits = z->mask >> order << order;
    if (UNLIKELY(fits == 0)) {
        if (!page_carve_locked(z, UINT64_MAX)) {
            return false;
        }
        fits = 1u << PAGE_ORDER_MAX;
    }
    unsigned run_order = (unsigned)__builtin_ctz(fits);
    struct list_node *n = list_first(&z->free[run_order]);
    if (order == PAGE_ORDER_MAX) {
        *out = take_block(z, n, owner);
        return true;
    }
    if (run_order == PAGE_ORDER_MAX) {
        cut_listed_block(z, n);
        run_order = (unsigned)__builtin_ctz(z->mask >> order << order);
        n = list_first(&z->free[run_order]);
    }
    *out = take_run(z, n, run_order, order, owner);
    return true;
}

bool page_alloc_near_locked(unsigned order, enum page_owner owner, paddr_t *out)
{
    return take_from_zone(&page_zones[ZONE_HIGH], order, owner, out) ||
           take_from_zone(&page_zones[ZONE_LOW], order, owner, out);
}

bool page_alloc_locked(unsigned order, enum page_owner owner, paddr_t *out)
{
    return take_from_zone(&page_zones[ZONE_FAR], order, owner, out) ||
           page_alloc_near_locked(order, owner, out);
}

/** If a whole block is split, the offset in bytes where the lowest run of that order ends. */
static uint64_t lowest_end(unsigned order)
{
    uint64_t size = (uint64_t)PAGE_SIZE << order;
    return order == PAGE_ORDER_MAX ? size : ALIGN_UP((uint64_t)META_PAGES * PAGE_SIZE, size) + size;
}

/** Search all lists from the beginning: they are not sorted, and only the few callers with a limit
 * pay for the search. */
static bool take_below(struct page_zone *z, unsigned order, uint64_t limit, enum page_owner owner,
                       paddr_t *out) REQUIRES(page_lock)
{
    for (unsigned run_order = order; run_order < PAGE_ORDER_MAX; run_order++) {
        LIST_FOR_EACH (&z->free[run_order], n) {
            uint64_t number;
            unsigned index;
            block_of_node(n, &number, &index);
            uint64_t base = (number << BLOCK_SHIFT) + ((uint64_t)index << PAGE_SHIFT);
            if (base + ((uint64_t)PAGE_SIZE << order) <= limit) {
                *out = take_run(z, n, run_order, order, owner);
                return true;
            }
        }
    }
    LIST_FOR_EACH (&z->free[PAGE_ORDER_MAX], n) {
        uint64_t base = page_block_number(CONTAINER_OF(n, struct page_block, link)) << BLOCK_SHIFT;
        if (base + lowest_end(order) > limit) {
            continue;
        }
        if (order == PAGE_ORDER_MAX) {
            *out = take_block(z, n, owner);
            return true;
        }
        cut_listed_block(z, n);
        return take_below(z, order, limit, owner,
                          out); /* recurses once: the run that fits is listed now */
    }
    /* Recurses once, too: the block that fits is listed now. */
    return limit >= lowest_end(order) &&
           page_carve_locked(z, (limit - lowest_end(order)) >> BLOCK_SHIFT) &&
           take_below(z, order, limit, owner, out);
}

/** The lowest address that a frame of the zone can have. */
static uint64_t zone_start(unsigned zone)
{
    uint64_t states_end = (page_states.first + page_states.count) << PAGE_SHIFT;
    return zone == ZONE_LOW ? 0 : zone == ZONE_HIGH ? ZONE_LOW_END : states_end;
}

static bool take_below_locked(unsigned order, uint64_t limit, enum page_owner owner, paddr_t *out)
    REQUIRES(page_lock)
{
    /* With a limit of 4 GiB or more every frame of ZONE_LOW fits, so take any; the other zones
     * need the search. */
    unsigned zone = ZONE_LOW;
    if (limit >= ZONE_LOW_END) {
        if (take_from_zone(&page_zones[zone++], order, owner, out)) {
            return true;
        }
    }
    for (; zone < PAGE_ZONES && zone_start(zone) < limit; zone++) {
        if (take_below(&page_zones[zone], order, limit, owner, out)) {
            return true;
        }
    }
    return false;
}

enum status page_alloc_below(unsigned order, uint64_t limit, enum page_owner owner, paddr_t *out)
{
    if (order > PAGE_ORDER_MAX) {
        return E_INVAL;
    }
    if (failure_is_due()) {
        return E_NOMEM;
    }
    bool found, has_given = false, has_asked = false;
    do {
        irq_state_t state = spin_lock_irq(&page_lock);
        found = take_below_locked(order, limit, owner, out);
        has_given = !found && page_drain_some_locked();
        if (!found && !has_given && order == PAGE_ORDER_MAX) {
            page_join_spare_locked();
            found = take_below_locked(order, limit, owner, out);
        }
        spin_unlock_irq(&page_lock, state);
        if (!found && !has_given && !has_asked) {
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

static const char *what_is_wrong(paddr_t base, unsigned order)
{
    const struct page_block *block = page_find_block(base.raw >> BLOCK_SHIFT);
    if (order > PAGE_ORDER_MAX || block == NULL || !IS_ALIGNED(base.raw, PAGE_SIZE)) {
        return "this is not a run of RAM";
    }
    if (block->state != BLOCK_CUT || order == PAGE_ORDER_MAX) {
        return "no run of that order was allocated there";
    }
    switch (block->meta->state[page_index(base)] & 15) {
    case FRAME_INSIDE:
        return "the frame is inside another run";
    case FRAME_KEPT:
    case FRAME_FREE:
        return "they are already free";
    case FRAME_ALLOCATED:
        return "the run was allocated with another order";
    default:
        return "the frame was never allocated";
    }
}

void page_bad_free(paddr_t base, unsigned order)
{
    panic("page: 2^%u pages at 0x%llx freed, but %s", order, (unsigned long long)base.raw,
          what_is_wrong(base, order));
}

/** @return false: no such run is allocated or kept. */
static bool is_held(const struct page_block *block, paddr_t base, unsigned order)
{
    if (order > PAGE_ORDER_MAX || block == NULL || !IS_ALIGNED(base.raw, PAGE_SIZE)) {
        return false;
    }
    if (order == PAGE_ORDER_MAX) {
        return block->state == BLOCK_TAKEN && IS_ALIGNED(base.raw, 1ull << BLOCK_SHIFT);
    }
    if (block->state != BLOCK_CUT) {
        return false;
    }
    uint16_t state = page_get_state(&block->meta->state[page_index(base)]);
    return state == frame_state(FRAME_KEPT, order, PAGE_FREE) || page_is_allocated(state, order);
}

/* Join with the free buddy for as long as there is one. The buddy's state is read with a relaxed
 * load, because a kept run's state may change without the lock; such a run never equals FRAME_FREE,
 * so the comparison is safe. */
static void free_run(struct page_block *block, struct page_zone *z, unsigned index, unsigned order)
{
    struct page_meta *meta = block->meta;
    block->free_pages += (uint16_t)(1u << order);
    page_free_count += 1u << order;
    while (order < PAGE_ORDER_MAX - 1) {
        unsigned buddy = index ^ 1u << order;
        if (page_get_state(&meta->state[buddy]) != frame_state(FRAME_FREE, order, PAGE_FREE)) {
            break;
        }
        unlist_free(z, &meta->link[buddy], order);
        meta->state[index | 1u << order] = frame_state(FRAME_INSIDE, 0, PAGE_FREE);
        index &= ~(1u << order);
        order++;
    }
    put_run(z, meta, index, order);

    if (is_all_free(block)) {
        if (spare == NULL) {
            spare = block;
        } else {
            join_block(block);
        }
    }
}

/* Checks before it changes anything, so a wrong free panics with the lists intact. */
void page_free_locked(paddr_t base, unsigned order)
{
    uint64_t number = base.raw >> BLOCK_SHIFT;
    struct page_block *block = page_find_block(number);
    if (UNLIKELY(!is_held(block, base, order))) {
        page_bad_free(base, order);
    } else if (order == PAGE_ORDER_MAX) {
        block->state = BLOCK_FREE;
        page_free_count += BLOCK_PAGES;
        list_free(page_zone_of(number), &block->link, PAGE_ORDER_MAX);
    } else {
        free_run(block, page_zone_of(number), page_index(base), order);
    }
}

void page_join_spare_locked(void)
{
    if (spare != NULL) {
        join_block(spare);
        spare = NULL;
    }
}

unsigned page_largest_locked(void)
{
    uint32_t mask = spare != NULL ? 1u << PAGE_ORDER_MAX : 1;
    for (unsigned i = 0; i < PAGE_ZONES; i++) {
        mask |= page_zones[i].mask;
        mask |= list_is_empty(&page_zones[i].spans) ? 0 : 1u << PAGE_ORDER_MAX;
    }
    return 31u - (unsigned)__builtin_clz(mask);
}

paddr_t page_of_node(const struct list_node *n)
{
    uint64_t number;
    unsigned index;
    (void)block_of_node(n, &number, &index);
    return paddr((number << BLOCK_SHIFT) + ((uint64_t)index << PAGE_SHIFT));
}

void page_set_areas(const struct page_area *list, unsigned count)
{
    page_lock = (struct spinlock)SPINLOCK_INIT;
    page_map = (struct page_map){.areas = list, .area_count = count};
    page_open_depots();
    page_free_count = 0;
    spare = NULL;
    for (unsigned i = 0; i < PAGE_ZONES; i++) {
        page_zones[i].mask = 0;
        list_init(&page_zones[i].spans);
        for (unsigned order = 0; order < ORDER_COUNT; order++) {
            list_init(&page_zones[i].free[order]);
        }
    }
}

void page_add_fixed(enum page_owner owner, uint64_t pages)
{
    page_map.fixed_by_owner[owner] += pages;
}

void page_cut_block(uint64_t number, unsigned meta_index)
{
    struct page_block *block = page_find_block(number);
    uint64_t meta = (number << BLOCK_SHIFT) + ((uint64_t)meta_index << PAGE_SHIFT);
    set_meta(block, number, hal_direct(paddr(meta)));
    block->state = BLOCK_CUT;
    for (unsigned i = 0; i < BLOCK_PAGES; i++) {
        block->meta->state[i] = frame_state(FRAME_FIXED, 0, PAGE_OTHER);
    }
}

void page_add_frames(uint64_t number, unsigned first, unsigned end)
{
    struct page_block *block = page_find_block(number);
    memset(&block->meta->state[first], 0, (end - first) * sizeof(block->meta->state[0]));
    put_frames(page_zone_of(number), block->meta, first, end);
    block->free_pages += (uint16_t)(end - first);
    page_free_count += end - first;
}
