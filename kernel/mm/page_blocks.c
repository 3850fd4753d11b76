// SPDX-License-Identifier: MIT
//
// Whole blocks: spans of blocks that were never allocated since start-up, and allocations of
// several consecutive blocks, which the buddy allocator cannot join.
//
// A span of any length is one record, that of its first block, so start-up writes one record for
// each range of memory. Blocks leave a span at its lower end, one at a time as page_buddy.c needs
// them, or from the middle in page_alloc_blocks().

#include "kernel/mm/page_internal.h"

#include "kernel/debug/fault_injection.h"
#include "kernel/mm/reclaim.h"

#define LOOKED_AT_ONCE 64u /* addresses tried at once with interrupts masked */

static uint64_t first_of(const struct page_block *span)
{
    return page_block_number(span);
}

/** Make a span of the blocks [first, first + count), which are in no list. No
 * effect if count is 0. */
static void make_span(struct page_zone *z, uint64_t first, uint64_t count)
{
    if (count > 0) {
        struct page_block *b = page_find_block(first);
        b->state = BLOCK_SPAN;
        b->span = count;
        list_push_back(&z->spans, &b->link);
    }
}

void page_add_span(uint64_t first, uint64_t count)
{
    page_free_count += count * BLOCK_PAGES;
    /* A span must not cross zones: split it at each boundary. */
    for (uint64_t n; count > 0; first += n, count -= n) {
        n = MIN(count, page_zone_end(first) - first);
        make_span(page_zone_of(first), first, n);
    }
}

/** The span that contains a block, or NULL. There are few spans: one for each range of memory, and
 * one more for each large run that was allocated from the middle of one. */
static struct page_block *span_over(uint64_t number, struct page_zone **zone)
{
    for (unsigned i = 0; i < PAGE_ZONES; i++) {
        LIST_FOR_EACH (&page_zones[i].spans, n) {
            struct page_block *span = CONTAINER_OF(n, struct page_block, link);
            if (number - first_of(span) < span->span) {
                *zone = &page_zones[i];
                return span;
            }
        }
    }
    return NULL;
}

/** Remove [first, first + count) from the span that contains them. The parts before and after
 * become spans of their own. */
static void leave_span(struct page_zone *z, struct page_block *span, uint64_t first, uint64_t count)
{
    uint64_t begin = first_of(span), end = begin + span->span;
    list_remove(&span->link);
    span->state = BLOCK_NONE;
    span->span = 0;
    make_span(z, begin, first - begin);
    make_span(z, first + count, end - (first + count));
}

bool page_carve_locked(struct page_zone *z, uint64_t highest)
{
    struct page_block *block = NULL;
    LIST_FOR_EACH (&z->spans, n) {
        block = CONTAINER_OF(n, struct page_block, link);
        if (first_of(block) <= highest) {
            break;
        }
        block = NULL;
    }
    if (block == NULL) {
        return false;
    }
    uint64_t count = block->span;
    list_remove(&block->link);
    block->span = 0;
    block->state = BLOCK_FREE;
    if (count > 1) { /* the rest stays the zone's first span */
        block[1].state = BLOCK_SPAN;
        block[1].span = count - 1;
        list_push_front(&z->spans, &block[1].link);
    }
    page_list_block(z, block);
    return true;
}

/* --- several consecutive blocks --- */

/** Number of free blocks from `first` on, up to the first one that is not free; at most `count`. */
static uint64_t free_from(uint64_t first, uint64_t count)
{
    uint64_t n = 0;
    while (n < count) {
        const struct page_block *block = page_find_block(first + n);
        struct page_zone *z;
        if (block == NULL) {
            break;
        }
        if (block->state == BLOCK_FREE) {
            n++;
            continue;
        }
        const struct page_block *span = block->state == BLOCK_NONE || block->state == BLOCK_SPAN
                                            ? span_over(first + n, &z)
                                            : NULL;
        if (span == NULL) {
            break;
        }
        n = first_of(span) + span->span - first;
    }
    return MIN(n, count);
}

/** Allocate blocks that are all free. */
static void take_blocks(uint64_t first, uint64_t count, enum page_owner owner)
{
    page_free_count -= count * BLOCK_PAGES;
    for (uint64_t at = first; at < first + count; at++) {
        struct page_block *block = page_find_block(at);
        struct page_zone *z;
        if (block->state == BLOCK_FREE) {
            page_unlist_block(page_zone_of(at), block);
        } else if (block->state != BLOCK_TAKEN) { /* not removed together with an earlier one */
            struct page_block *span = span_over(at, &z);
            uint64_t in_it = MIN(first + count, first_of(span) + span->span) - at;
            leave_span(z, span, at, in_it);
            for (uint64_t i = 0; i < in_it; i++) {
                block[i].state = BLOCK_TAKEN;
            }
        }
        block->state = BLOCK_TAKEN;
        block->owner = (uint8_t)owner;
    }
}

/** Try some of the possible starts from `at` downwards. *at becomes the next one to try, or less
 * than `lowest` if there are none. Releases the lock after LOOKED_AT_ONCE tries, so the caller must
 * start from *at again, and the free blocks may change in between. */
static bool search_down(uint64_t *at, uint64_t lowest, uint64_t count, uint64_t step,
                        enum page_owner owner)
{
    bool found = false;
    irq_state_t state = spin_lock_irq(&page_lock);
    for (unsigned i = 0; i < LOOKED_AT_ONCE && *at >= lowest && !found; i++) {
        found = free_from(*at, count) == count;
        if (found) {
            take_blocks(*at, count, owner);
        } else if (*at < step) {
            *at = 0;
            break;
        } else {
            *at -= step;
        }
    }
    spin_unlock_irq(&page_lock, state);
    return found;
}

/** Search from the highest address down, which leaves low memory for callers that need it. */
static bool find_blocks(uint64_t count, uint64_t step, uint64_t limit, enum page_owner owner,
                        uint64_t *first)
{
    for (unsigned i = page_map.area_count; i-- > 0;) {
        const struct page_area *a = &page_map.areas[i];
        uint64_t end = MIN(a->first + a->count, limit);
        /* Block 0 contains memory that is never allocated, so no run begins there. */
        uint64_t lowest = MAX(ALIGN_UP(a->first, step), (uint64_t)1);
        if (end < count) {
            continue;
        }
        for (uint64_t at = ALIGN_DOWN(end - count, step); at >= lowest;) {
            if (search_down(&at, lowest, count, step, owner)) {
                *first = at;
                return true;
            }
        }
    }
    return false;
}

enum status page_alloc_blocks(size_t count, uint64_t align, uint64_t limit, enum page_owner owner,
                              paddr_t *out)
{
    ASSERT(owner != PAGE_FREE && owner < PAGE_OWNER_COUNT);
    uint64_t step = MAX(align >> BLOCK_SHIFT, (uint64_t)1), first;
    if (count == 0 || count > HAL_DIRECT_SIZE >> BLOCK_SHIFT || (align & (align - 1)) != 0) {
        return E_INVAL;
    }
    if (failure_is_due()) {
        return E_NOMEM;
    }
    bool found = find_blocks(count, step, limit >> BLOCK_SHIFT, owner, &first);
    if (!found) {
        page_drain_all();
        found =
            find_blocks(count, step, limit >> BLOCK_SHIFT, owner, &first) ||
            (memory_try_reclaim() && find_blocks(count, step, limit >> BLOCK_SHIFT, owner, &first));
    }
    if (!found) {
        return E_NOMEM;
    }
    *out = paddr(first << BLOCK_SHIFT);
    page_poison_taken(*out, count << PAGE_ORDER_MAX);
    return OK;
}
