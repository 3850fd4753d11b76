// SPDX-License-Identifier: MIT
//
// Physical frames: a buddy allocator over the real memory map. Virtual ranges are vm.h's, small
// objects heap.h's.
#pragma once

#include "hal/layout.h"
#include "hal/types.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"

struct boot_info;

#define PAGE_ORDER_MAX 10 /* largest run: 2^10 pages = 4 MiB */

/** Runs of up to so many pages are kept by CPUs, each a few: they come and go in no time, and
 * without a lock. They count as free. */
#define PAGE_KEPT_ORDER_MAX 4

/** Who a page was taken for: `mem` explains memory by these to the last page. */
enum page_owner {
    PAGE_FREE,
    PAGE_KERNEL, /**< image, boot stack, boot_info */
    PAGE_META,   /**< the allocator's own tables */
    PAGE_TABLE,  /**< page tables */
    PAGE_HEAP,
    PAGE_STACK,
    PAGE_CODE,    /**< loaded and compiled code */
    PAGE_PROGRAM, /**< a program's data and heap */
    PAGE_DMA,     /**< rings and bounce buffers */
    PAGE_CACHE,   /**< file data */
    PAGE_MODULE,  /**< initrd and boot modules */
    PAGE_OTHER,
    PAGE_OWNER_COUNT,
};

/** @brief Take over the frames of the memory map; O(number of ranges) plus metadata of split
 * blocks, and clearing 40 bytes for each 4 MiB.
 *  @context{early, once, after hal_mmu_init()} */
void page_init(const struct boot_info *info);

/** @brief Early frames, before page_init(): bump allocation from [early_base, early_base +
 * early_len).
 *  @context{early, once, before hal_mmu_init()} */
void page_early_init(const struct boot_info *info);

/**
 * @brief Take 2^order consecutive frames, aligned to their size, contents undefined, in the direct
 * map.
 * @param order  0 to PAGE_ORDER_MAX.
 * @param out    First frame.
 * @return OK; E_NOMEM: no run that large is free; E_INVAL: order out of range.
 * @context{thread or IRQ-masked; does not sleep} @locks page
 */
static ALWAYS_INLINE enum status page_alloc(unsigned order, enum page_owner owner, paddr_t *out);

/** @brief As page_alloc(), below `limit` (physical, exclusive): for devices that reach no higher.
 */
enum status page_alloc_below(unsigned order, uint64_t limit, enum page_owner owner, paddr_t *out);

/** Order of the largest leaf of a page table, 1 GiB: taken by page_alloc_blocks(). */
#define PAGE_HUGE_ORDER 18u

/**
 * @brief Take consecutive frames by the block of 2^PAGE_ORDER_MAX pages (4 MiB): more than
 * page_alloc() has. Each block is given back by itself, with page_free(block, PAGE_ORDER_MAX).
 * @param count  Blocks, at least 1.
 * @param align  Of the first byte: a power of two; less than a block's size is a block's size.
 * @param limit  All lie below, exclusive: for devices that reach no higher. UINT64_MAX: anywhere.
 * @return OK; E_NOMEM: so many are not free together; E_INVAL: 0, or more than there are addresses,
 *         or align. @context{as page_alloc; looks at each place there is, interrupts masked for 64
 *         of them at a time} @locks page
 */
enum status page_alloc_blocks(size_t count, uint64_t align, uint64_t limit, enum page_owner owner,
                              paddr_t *out);

/** @brief page_alloc(0) and zeroed. */
enum status page_alloc_zeroed(enum page_owner owner, paddr_t *out);

/**
 * @brief Take up to `most` consecutive frames at once, as many as lie together, contents undefined:
 * for whom each is a frame of its own, given back with page_free(frame, 0).
 * @param most  At least 1.
 * @param got   How many: 1 to `most`.
 * @return OK; E_NOMEM: not one is free. @context{as page_alloc} @locks page
 */
enum status page_alloc_frames(size_t most, enum page_owner owner, paddr_t *first, size_t *got);

/** @brief Whether so many pages may be had at all: false, if so many are not free, for who would
 * take many before he sees it. @context{as page_alloc} @locks page */
bool page_may_have(uint64_t pages);

/** @brief Give back a run exactly as it was taken. A run that was not taken so is a panic.
 * @context{as page_alloc} */
static ALWAYS_INLINE void page_free(paddr_t base, unsigned order);

/** Numbers behind `mem`; pages of PAGE_SIZE. Sum over all owners = total. */
struct page_stats {
    uint64_t total_pages;
    uint64_t by_owner[PAGE_OWNER_COUNT];
    uint64_t largest_free_order;
};
void page_get_stats(struct page_stats *out);

/** @brief Short name of an owner ("heap"). */
const char *page_owner_name(enum page_owner owner);

/** @brief A link that the owner of a taken run may use while it holds it (vm's list of frames to
 * free).
 *  @param base  First frame of the run. @context{any} */
struct list_node *page_link(paddr_t base);
/** @brief The run that a link of page_link() belongs to. @context{any} */
paddr_t page_of_link(struct list_node *link);

/** @brief Whether a byte of [base, base + len) is RAM, as firmware said: free, taken, or the
 * kernel's own image and tables; len > 0, without wrap-around. @context{any} */
bool page_is_any_ram(uint64_t base, uint64_t len);

/** @brief Order of the taken run that begins at base, or -1: none does. @context{any; stable for
 * who holds it} */
int page_taken_order(paddr_t base);
/** @brief The same, of a run that was taken for that owner. */
int page_owned_order(paddr_t base, enum page_owner owner);

#include "kernel/mm/page_inline.h"
