// SPDX-License-Identifier: MIT
//
// Queries on the page allocator's records: how much each owner has, what an address belongs to.

#include "kernel/mm/page_internal.h"

#include "kernel/lib/string.h"

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

/** Record of an allocated frame. */
static struct page_block *allocated_block(paddr_t frame)
{
    struct page_block *block = page_find_block(frame.raw >> BLOCK_SHIFT);
    ASSERT(block != NULL && (block->state == BLOCK_CUT || block->state == BLOCK_TAKEN));
    return block;
}

struct list_node *page_link(paddr_t frame)
{
    unsigned index = page_index(frame);
    struct page_block *block = allocated_block(frame);
    if (block->state == BLOCK_TAKEN) {
        ASSERT(index == 0);
        return &block->link;
    }
    ASSERT((block->meta->state[index] & 15) == FRAME_ALLOCATED);
    return &block->meta->link[index];
}

paddr_t page_of_link(struct list_node *link)
{
    /* A link is part of a block record, or of the metadata of the split block that it describes. */
    for (unsigned i = 0; i < page_map.area_count; i++) {
        const struct page_area *a = &page_map.areas[i];
        if ((uintptr_t)link - (uintptr_t)a->blocks < a->count * sizeof(*a->blocks)) {
            return paddr(page_block_number(CONTAINER_OF(link, struct page_block, link))
                         << BLOCK_SHIFT);
        }
    }
    return page_of_node(link);
}

/** State of the first frame of an allocated run; 0: no allocated run begins there. */
static uint16_t taken_state(paddr_t base)
{
    struct page_block *block = page_find_block(base.raw >> BLOCK_SHIFT);
    if (block == NULL) {
        return 0;
    }
    if (block->state == BLOCK_TAKEN) {
        return IS_ALIGNED(base.raw, 1ull << BLOCK_SHIFT)
                   ? frame_state(FRAME_ALLOCATED, PAGE_ORDER_MAX, block->owner)
                   : 0;
    }
    if (block->state != BLOCK_CUT) {
        return 0;
    }
    uint16_t state = page_get_state(&block->meta->state[page_index(base)]);
    return (state & 15) == FRAME_ALLOCATED ? state : 0;
}

int page_allocated_order(paddr_t base)
{
    uint16_t state = taken_state(base);
    return state != 0 ? state >> 4 & 15 : -1;
}

int page_owned_order(paddr_t base, enum page_owner owner)
{
    uint16_t state = taken_state(base);
    return state != 0 && state >> 8 == owner ? state >> 4 & 15 : -1;
}

bool page_is_any_ram(uint64_t base, uint64_t len)
{
    uint64_t last = base + (len - 1);
    for (uint32_t i = 0; i < page_map.boot->range_count; i++) {
        const struct boot_range *r = &page_map.boot->ranges[i];
        if (r->kind == BOOT_RAM && r->len > 0 && r->base <= last &&
            base <= r->base + (r->len - 1)) {
            return true;
        }
    }
    return false;
}

/** Count the runs of a split block by owner. Runs that CPUs keep count as free. States may change
 * meanwhile without the lock, hence the atomic load; the order in them does not. */
static void count_runs(const struct page_meta *meta, uint64_t *by_owner)
{
    for (unsigned i = 0; i < BLOCK_PAGES;) {
        uint16_t state = __atomic_load_n(&meta->state[i], __ATOMIC_RELAXED);
        unsigned owner = state >> 8, kind = state & 15;
        if (kind == FRAME_FIXED) {
            by_owner[PAGE_META] += owner == PAGE_META;
            i++;
        } else {
            by_owner[owner] += 1u << (state >> 4 & 15);
            i += 1u << (state >> 4 & 15);
        }
    }
}

/** @return the number of blocks counted. */
static uint64_t count_block(const struct page_block *block, uint64_t *by_owner)
{
    uint64_t count = 1;
    irq_state_t state = spin_lock_irq(&page_lock);
    if (block->state == BLOCK_FREE) {
        by_owner[PAGE_FREE] += BLOCK_PAGES;
    } else if (block->state == BLOCK_SPAN) {
        count = block->span;
        by_owner[PAGE_FREE] += count * BLOCK_PAGES;
    } else if (block->state == BLOCK_TAKEN) {
        by_owner[block->owner] += BLOCK_PAGES;
    } else if (block->state == BLOCK_CUT) {
        count_runs(block->meta, by_owner);
    }
    spin_unlock_irq(&page_lock, state);
    return count;
}

/* Locks once for each block, so that interrupts are not masked for long. Whenever a block is
 * counted, each of its frames has exactly one owner: the sum is right, although the system never
 * was in exactly this state. */
void page_get_stats(struct page_stats *out)
{
    struct page_stats stats = {0};
    memcpy(stats.by_owner, page_map.fixed_by_owner, sizeof(stats.by_owner));
    for (unsigned i = 0; i < page_map.area_count; i++) {
        for (uint64_t n = 0; n < page_map.areas[i].count;) {
            n += count_block(&page_map.areas[i].blocks[n], stats.by_owner);
        }
    }
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        stats.total_pages += stats.by_owner[i];
    }

    irq_state_t state = spin_lock_irq(&page_lock);
    stats.largest_free_order = page_largest_locked();
    spin_unlock_irq(&page_lock, state);
    *out = stats;
}
