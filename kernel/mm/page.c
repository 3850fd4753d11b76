// SPDX-License-Identifier: MIT
//
// The buddy allocator over blocks that page_init.c set up. What a frame is used for is its owner's
// business; the owner is kept for the accounts only.
//
// Invariants, under the lock:
//   - a free run is aligned to its size, begins with FRAME_FREE (or is a BLOCK_FREE) and is in
//   exactly one
//     free list; two free buddies of one order do not exist;
//   - the counts by owner add up to all RAM;
//   - a cut block that is free again becomes whole, except the last such one (`spare`), so that a
//   page
//     that is taken and given back over and over does not cut and join a block each time.

#include "kernel/mm/page_internal.h"

#include "hal/cache.h"
#include "kernel/assert.h"
#include "kernel/lib/string.h"
#include "kernel/spinlock.h"

#define ORDER_COUNT (PAGE_ORDER_MAX + 1)
#define PARTED_MAX  ((size_t)1 << 8) /* frames of a run that is parted: bounds the time locked */

/* Frames below 4 GiB are kept for who can use no others: page_alloc() takes them last. */
enum { ZONE_LOW, ZONE_HIGH, ZONE_COUNT };
#define ZONE_LOW_END ((uint64_t)1 << 32)

struct zone {
    struct list free[ORDER_COUNT];
    uint32_t mask; /* bit i set iff free[i] is not empty */
};

static struct spinlock lock = SPINLOCK_INIT;

/* All under `lock`. */
static struct zone zones[ZONE_COUNT];
static uint64_t pages_by_owner[PAGE_OWNER_COUNT];
static struct page_block *spare;

static const struct page_area *areas; /* [I] */
static unsigned area_count;           /* [I] */

static struct page_block *find_block(uint64_t number)
{
    for (unsigned i = 0; i < area_count; i++) {
        uint64_t index = number - areas[i].first;
        if (index < areas[i].count) {
            return &areas[i].blocks[index];
        }
    }
    return NULL;
}

static uint64_t block_number(const struct page_block *block)
{
    for (unsigned i = 0;; i++) {
        ASSERT(i < area_count);
        const struct page_area *a = &areas[i];
        if (block >= a->blocks && block < a->blocks + a->count) {
            return a->first + (uint64_t)(block - a->blocks);
        }
    }
}

static struct zone *zone_of(uint64_t number)
{
    return &zones[number < ZONE_LOW_END >> BLOCK_SHIFT ? ZONE_LOW : ZONE_HIGH];
}

static void count_moved(enum page_owner from, enum page_owner to, uint64_t pages)
{
    pages_by_owner[from] -= pages;
    pages_by_owner[to] += pages;
}

static void list_free(struct zone *z, struct list_node *n, unsigned order)
{
    list_push_front(&z->free[order], n);
    z->mask |= 1u << order;
}

static void unlist_free(struct zone *z, struct list_node *n, unsigned order)
{
    list_remove(n);
    if (list_is_empty(&z->free[order])) {
        z->mask &= ~(1u << order);
    }
}

static void put_run(struct zone *z, struct page_meta *meta, unsigned index, unsigned order)
{
    meta->state[index] = frame_state(FRAME_FREE, order, PAGE_FREE);
    list_free(z, &meta->link[index], order);
}

/** Make [first, end) free, in runs as large as alignment and length allow. */
static void put_frames(struct zone *z, struct page_meta *meta, unsigned first, unsigned end)
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

/** Turn a whole free block, not in a list, into runs; its first frames describe it. */
static void cut_free_block(struct zone *z, struct page_block *block, uint64_t number)
{
    struct page_meta *meta = hal_direct(paddr(number << BLOCK_SHIFT));
    memset(meta->state, 0, sizeof(meta->state));
    for (unsigned i = 0; i < META_PAGES; i++) {
        meta->state[i] = frame_state(FRAME_FIXED, 0, PAGE_META);
    }
    block->meta = meta;
    block->state = BLOCK_CUT;
    block->free_pages = (uint16_t)(BLOCK_PAGES - META_PAGES);
    put_frames(z, meta, META_PAGES, BLOCK_PAGES);
    count_moved(PAGE_FREE, PAGE_META, META_PAGES);
}

/** A cut block with no RAM missing, nothing fixed but its meta at the start, and nothing taken. */
static bool is_all_free(const struct page_block *block)
{
    return block->free_pages == BLOCK_PAGES - META_PAGES;
}

static void join_block(struct page_block *block)
{
    uint64_t number = block_number(block);
    struct zone *z = zone_of(number);
    struct page_meta *meta = block->meta;
    for (unsigned i = META_PAGES; i < BLOCK_PAGES;) {
        unsigned order = meta->state[i] >> 4 & 15;
        unlist_free(z, &meta->link[i], order);
        i += 1u << order;
    }
    block->meta = NULL;
    block->state = BLOCK_FREE;
    list_free(z, &block->link, PAGE_ORDER_MAX);
    count_moved(PAGE_META, PAGE_FREE, META_PAGES);
}

/** The cut block that holds a free run's node, and the run's frame in it. */
static struct page_block *block_of_node(const struct list_node *n, uint64_t *number,
                                        unsigned *index)
{
    *number = hal_direct_to_phys(n).raw >> BLOCK_SHIFT;
    struct page_block *block = find_block(*number);
    *index = (unsigned)(n - block->meta->link);
    return block;
}

/** Take 2^order frames from the listed free run of a cut block; what is left over is listed again.
 */
static paddr_t take_run(struct zone *z, struct list_node *n, unsigned run_order, unsigned order,
                        enum page_owner owner)
{
    uint64_t number;
    unsigned index;
    struct page_block *block = block_of_node(n, &number, &index);
    unlist_free(z, n, run_order);
    while (run_order > order) {
        run_order--;
        put_run(z, block->meta, index + (1u << run_order), run_order);
    }
    block->meta->state[index] = frame_state(FRAME_TAKEN, order, owner);
    block->free_pages -= (uint16_t)(1u << order);
    if (block == spare) {
        spare = NULL;
    }
    count_moved(PAGE_FREE, owner, 1ull << order);
    return paddr((number << BLOCK_SHIFT) + ((uint64_t)index << PAGE_SHIFT));
}

static paddr_t take_block(struct zone *z, struct list_node *n, enum page_owner owner)
{
    struct page_block *block = CONTAINER_OF(n, struct page_block, link);
    unlist_free(z, n, PAGE_ORDER_MAX);
    block->state = BLOCK_TAKEN;
    block->owner = (uint8_t)owner;
    count_moved(PAGE_FREE, owner, BLOCK_PAGES);
    return paddr(block_number(block) << BLOCK_SHIFT);
}

static void cut_listed_block(struct zone *z, struct list_node *n)
{
    struct page_block *block = CONTAINER_OF(n, struct page_block, link);
    unlist_free(z, n, PAGE_ORDER_MAX);
    cut_free_block(z, block, block_number(block));
}

static bool take_from_zone(struct zone *z, unsigned order, enum page_owner owner, paddr_t *out)
{
    uint32_t fits = z->mask >> order << order;
    if (fits == 0) {
        return false;
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

static bool take_anywhere(unsigned order, enum page_owner owner, paddr_t *out)
{
    return take_from_zone(&zones[ZONE_HIGH], order, owner, out) ||
           take_from_zone(&zones[ZONE_LOW], order, owner, out);
}

enum status page_alloc(unsigned order, enum page_owner owner, paddr_t *out)
{
    if (order > PAGE_ORDER_MAX) {
        return E_INVAL;
    }
    ASSERT(owner != PAGE_FREE && owner < PAGE_OWNER_COUNT);
    irq_state_t state = spin_lock_irq(&lock);
    bool found = take_anywhere(order, owner, out);
    if (UNLIKELY(!found) && order == PAGE_ORDER_MAX && spare != NULL) {
        join_block(spare);
        spare = NULL;
        found = take_anywhere(order, owner, out);
    }
    spin_unlock_irq(&lock, state);
    return found ? OK : E_NOMEM;
}

/** Where the lowest run of an order ends in a whole block once it is cut; bytes from the block's
 * start. */
static uint64_t lowest_end(unsigned order)
{
    uint64_t size = (uint64_t)PAGE_SIZE << order;
    return order == PAGE_ORDER_MAX ? size : ALIGN_UP((uint64_t)META_PAGES * PAGE_SIZE, size) + size;
}

/** Search the lists, which need not be sorted: whoever cannot reach all memory pays for it. */
static bool take_below(struct zone *z, unsigned order, uint64_t limit, enum page_owner owner,
                       paddr_t *out)
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
        uint64_t base = block_number(CONTAINER_OF(n, struct page_block, link)) << BLOCK_SHIFT;
        if (base + lowest_end(order) > limit) {
            continue;
        }
        if (order == PAGE_ORDER_MAX) {
            *out = take_block(z, n, owner);
            return true;
        }
        cut_listed_block(z, n);
        return take_below(z, order, limit, owner,
                          out); /* once: the run that fits is in a list now */
    }
    return false;
}

enum status page_alloc_below(unsigned order, uint64_t limit, enum page_owner owner, paddr_t *out)
{
    if (order > PAGE_ORDER_MAX) {
        return E_INVAL;
    }
    irq_state_t state = spin_lock_irq(&lock);
    bool found = limit >= ZONE_LOW_END ? take_from_zone(&zones[ZONE_LOW], order, owner, out) ||
                                             take_below(&zones[ZONE_HIGH], order, limit, owner, out)
                                       : take_below(&zones[ZONE_LOW], order, limit, owner, out);
    spin_unlock_irq(&lock, state);
    return found ? OK : E_NOMEM;
}

/* A taken run as frames that go back one by one. */
static void part_run(paddr_t base, unsigned order, enum page_owner owner)
{
    struct page_meta *meta = find_block(base.raw >> BLOCK_SHIFT)->meta;
    unsigned index = (unsigned)(base.raw >> PAGE_SHIFT) & (BLOCK_PAGES - 1);
    for (unsigned end = index + (1u << order); index < end; index++) {
        meta->state[index] = frame_state(FRAME_TAKEN, 0, owner);
    }
}

enum status page_alloc_frames(size_t most, enum page_owner owner, paddr_t *first, size_t *got)
{
    ASSERT(most > 0 && owner != PAGE_FREE && owner < PAGE_OWNER_COUNT);
    unsigned order = 31u - (unsigned)__builtin_clz((uint32_t)MIN(most, PARTED_MAX));
    irq_state_t state = spin_lock_irq(&lock);
    bool found = take_anywhere(order, owner, first);
    while (UNLIKELY(!found) && order > 0) {
        found = take_anywhere(--order, owner, first);
    }
    if (found && order > 0) {
        part_run(*first, order, owner);
    }
    spin_unlock_irq(&lock, state);
    *got = (size_t)1 << order;
    return found ? OK : E_NOMEM;
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

static _Noreturn void bad_free(paddr_t base, unsigned order, const char *why)
{
    panic("page: 2^%u pages at 0x%llx given back, but %s", order, (unsigned long long)base.raw,
          why);
}

static const char *what_frame_is(uint16_t state)
{
    switch (state & 15) {
    case FRAME_INSIDE:
        return "the frame is inside another run";
    case FRAME_FREE:
        return "they are free already";
    case FRAME_TAKEN:
        return "the run was taken with another order";
    default:
        return "the frame never was handed out";
    }
}

static void free_block(struct page_block *block, uint64_t number, paddr_t base)
{
    if (block->state != BLOCK_TAKEN || !IS_ALIGNED(base.raw, 1ull << BLOCK_SHIFT)) {
        bad_free(base, PAGE_ORDER_MAX, "no run of that size was taken there");
    }
    block->state = BLOCK_FREE;
    count_moved((enum page_owner)block->owner, PAGE_FREE, BLOCK_PAGES);
    list_free(zone_of(number), &block->link, PAGE_ORDER_MAX);
}

static void free_run(struct page_block *block, uint64_t number, paddr_t base, unsigned order)
{
    if (block->state != BLOCK_CUT) {
        bad_free(base, order, "no run of that size was taken there");
    }
    struct page_meta *meta = block->meta;
    unsigned index = (unsigned)(base.raw >> PAGE_SHIFT) & (BLOCK_PAGES - 1);
    uint16_t state = meta->state[index];
    if ((state & 0xff) != (frame_state(FRAME_TAKEN, order, 0) & 0xff)) {
        bad_free(base, order, what_frame_is(state));
    }

    count_moved((enum page_owner)(state >> 8), PAGE_FREE, 1ull << order);
    block->free_pages += (uint16_t)(1u << order);
    struct zone *z = zone_of(number);
    while (order < PAGE_ORDER_MAX - 1) {
        unsigned buddy = index ^ 1u << order;
        if (meta->state[buddy] != frame_state(FRAME_FREE, order, PAGE_FREE)) {
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

void page_free(paddr_t base, unsigned order)
{
    uint64_t number = base.raw >> BLOCK_SHIFT;
    struct page_block *block = find_block(number);
    if (order > PAGE_ORDER_MAX || block == NULL || !IS_ALIGNED(base.raw, PAGE_SIZE)) {
        bad_free(base, order, "that is no run of RAM");
    }
    irq_state_t state = spin_lock_irq(&lock);
    if (order == PAGE_ORDER_MAX) {
        free_block(block, number, base);
    } else {
        free_run(block, number, base, order);
    }
    spin_unlock_irq(&lock, state);
}

void page_get_stats(struct page_stats *out)
{
    struct page_stats stats = {0};
    irq_state_t state = spin_lock_irq(&lock);
    uint32_t mask = 0;
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        mask |= zones[i].mask;
    }
    memcpy(stats.by_owner, pages_by_owner, sizeof(stats.by_owner));
    bool can_join = spare != NULL;
    spin_unlock_irq(&lock, state);

    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        stats.total_pages += stats.by_owner[i];
    }
    if (can_join) {
        stats.largest_free_order = PAGE_ORDER_MAX;
    } else if (mask != 0) {
        stats.largest_free_order = 31u - (unsigned)__builtin_clz(mask);
    }
    *out = stats;
}

const char *page_owner_name(enum page_owner owner)
{
    static const char *const names[PAGE_OWNER_COUNT] = {
        [PAGE_FREE] = "free",    [PAGE_KERNEL] = "kernel",    [PAGE_META] = "page records",
        [PAGE_TABLE] = "tables", [PAGE_HEAP] = "heap",        [PAGE_STACK] = "stacks",
        [PAGE_CODE] = "code",    [PAGE_PROGRAM] = "programs", [PAGE_DMA] = "dma",
        [PAGE_CACHE] = "cache",  [PAGE_MODULE] = "modules",   [PAGE_OTHER] = "other",
    };
    return owner < PAGE_OWNER_COUNT ? names[owner] : "?";
}

/** Record and frame index of a frame that somebody holds. */
static struct page_block *held_block(paddr_t frame, unsigned *index)
{
    struct page_block *block = find_block(frame.raw >> BLOCK_SHIFT);
    ASSERT(block != NULL && (block->state == BLOCK_CUT || block->state == BLOCK_TAKEN));
    *index = (unsigned)(frame.raw >> PAGE_SHIFT) & (BLOCK_PAGES - 1);
    return block;
}

struct list_node *page_link(paddr_t frame)
{
    unsigned index;
    struct page_block *block = held_block(frame, &index);
    if (block->state == BLOCK_TAKEN) {
        ASSERT(index == 0);
        return &block->link;
    }
    ASSERT((block->meta->state[index] & 15) == FRAME_TAKEN);
    return &block->meta->link[index];
}

paddr_t page_of_link(struct list_node *link)
{
    /* A link lies in an array of block records, or in the meta of the block that it describes. */
    for (unsigned i = 0; i < area_count; i++) {
        const struct page_area *a = &areas[i];
        if ((uintptr_t)link - (uintptr_t)a->blocks < a->count * sizeof(*a->blocks)) {
            return paddr(block_number(CONTAINER_OF(link, struct page_block, link)) << BLOCK_SHIFT);
        }
    }
    uint64_t number;
    unsigned index;
    block_of_node(link, &number, &index);
    return paddr((number << BLOCK_SHIFT) + ((uint64_t)index << PAGE_SHIFT));
}

int page_taken_order(paddr_t base)
{
    struct page_block *block = find_block(base.raw >> BLOCK_SHIFT);
    if (block == NULL) {
        return -1;
    }
    if (block->state == BLOCK_TAKEN) {
        return IS_ALIGNED(base.raw, 1ull << BLOCK_SHIFT) ? PAGE_ORDER_MAX : -1;
    }
    if (block->state != BLOCK_CUT) {
        return -1;
    }
    uint16_t state = block->meta->state[base.raw >> PAGE_SHIFT & (BLOCK_PAGES - 1)];
    return (state & 15) == FRAME_TAKEN ? state >> 4 & 15 : -1;
}

/* Which frames are fixed never changes, so a block that is cut or freed meanwhile does not matter.
 */
static bool is_any_frame(const struct page_block *block, uint64_t first, uint64_t last)
{
    irq_state_t s = spin_lock_irq(&lock);
    bool is_ram = block->state == BLOCK_FREE || block->state == BLOCK_TAKEN;
    for (uint64_t i = first; block->state == BLOCK_CUT && i <= last && !is_ram; i++) {
        is_ram = (block->meta->state[i] & 15) != FRAME_FIXED;
    }
    spin_unlock_irq(&lock, s);
    return is_ram;
}

bool page_is_any_ram(uint64_t base, uint64_t len)
{
    uint64_t end = (base + (len - 1)) >> PAGE_SHIFT; /* the last frame */
    for (uint64_t frame = base >> PAGE_SHIFT; frame <= end;) {
        uint64_t last = MIN(frame | (BLOCK_PAGES - 1), end);
        const struct page_block *block = find_block(frame / BLOCK_PAGES);
        if (block != NULL && is_any_frame(block, frame % BLOCK_PAGES, last % BLOCK_PAGES)) {
            return true;
        }
        frame = last + 1;
    }
    return false;
}

void page_set_areas(const struct page_area *list, unsigned count)
{
    lock = (struct spinlock)SPINLOCK_INIT;
    areas = list;
    area_count = count;
    spare = NULL;
    memset(pages_by_owner, 0, sizeof(pages_by_owner));
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        zones[i].mask = 0;
        for (unsigned order = 0; order < ORDER_COUNT; order++) {
            list_init(&zones[i].free[order]);
        }
    }
}

void page_add_fixed(enum page_owner owner, uint64_t pages)
{
    pages_by_owner[owner] += pages;
}

void page_add_block(uint64_t number)
{
    struct page_block *block = find_block(number);
    block->state = BLOCK_FREE;
    pages_by_owner[PAGE_FREE] += BLOCK_PAGES;
    list_push_back(&zone_of(number)->free[PAGE_ORDER_MAX], &block->link);
    zone_of(number)->mask |= 1u << PAGE_ORDER_MAX;
}

void page_cut_block(uint64_t number, unsigned meta_index)
{
    struct page_block *block = find_block(number);
    block->meta = hal_direct(paddr((number << BLOCK_SHIFT) + ((uint64_t)meta_index << PAGE_SHIFT)));
    block->state = BLOCK_CUT;
    for (unsigned i = 0; i < BLOCK_PAGES; i++) {
        block->meta->state[i] = frame_state(FRAME_FIXED, 0, PAGE_OTHER);
    }
}

void page_add_frames(uint64_t number, unsigned first, unsigned end)
{
    struct page_block *block = find_block(number);
    memset(&block->meta->state[first], 0, (end - first) * sizeof(block->meta->state[0]));
    put_frames(zone_of(number), block->meta, first, end);
    block->free_pages += (uint16_t)(end - first);
    pages_by_owner[PAGE_FREE] += end - first;
}
