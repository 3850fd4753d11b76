// SPDX-License-Identifier: MIT
//
// Physical frames: a buddy allocator over the real memory map. vm.h allocates virtual ranges,
// heap.h small objects.
#pragma once

#include "hal/layout.h"
#include "hal/types.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"

struct boot_info;

#define PAGE_ORDER_MAX 10 /* largest run: 2^10 pages = 4 MiB */

/** Each CPU keeps a few free runs of up to this order, which it allocates and frees fast and
 * without a lock. They count as free. */
#define PAGE_KEPT_ORDER_MAX 4

/** The purpose of an allocated page: `mem` accounts for all memory by these. */
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

/** @brief Take over the frames of the memory map. Takes time in the number of ranges, for the
 *     metadata of split blocks, and for clearing 40 bytes for each 4 MiB.
 * @context{early, once, after hal_mmu_init()} */
void page_init(const struct boot_info *info);

/** @brief Start the early allocator, used before page_init(): it allocates from [early_base,
 *     early_base + early_len) in ascending order.
 * @context{early, once, before hal_mmu_init()} */
void page_early_init(const struct boot_info *info);

/**
 * @brief Allocate 2^order consecutive frames, aligned to their size, in the direct map. The
 *     contents are undefined.
 * @param order 0 to PAGE_ORDER_MAX.
 * @param out First frame.
 * @return OK; E_NOMEM: no run that large is free; E_INVAL: order out of range.
 * @context{thread or IRQ-masked; does not sleep} @locks page
 */
static ALWAYS_INLINE enum status page_alloc(unsigned order, enum page_owner owner, paddr_t *out);

/** @brief As page_alloc(), below `limit` (physical, exclusive): for devices that
 *     cannot address more. */
enum status page_alloc_below(unsigned order, uint64_t limit, enum page_owner owner, paddr_t *out);

/** Order of a page table's largest leaf, 1 GiB: allocate it with page_alloc_blocks(). */
#define PAGE_HUGE_ORDER 18u

/**
 * @brief Allocate consecutive blocks of 2^PAGE_ORDER_MAX pages (4 MiB): more than page_alloc() can
 *     allocate at once. Free each block separately with page_free(block, PAGE_ORDER_MAX).
 * @param count Blocks, at least 1.
 * @param align Alignment of the first byte: a power of two; at least a block's size is used.
 * @param limit All bytes lie below it: for devices that cannot address more. UINT64_MAX: anywhere.
 * @return OK; E_NOMEM: no such run is free; E_INVAL: count is 0 or more than the address space
 *     holds, or align is not a power of two.
 * @context{as page_alloc; tries each possible address, 64 at a time with interrupts
 *     masked} @locks page
 */
enum status page_alloc_blocks(size_t count, uint64_t align, uint64_t limit, enum page_owner owner,
                              paddr_t *out);

/** @brief Allocate one frame, zeroed. */
enum status page_alloc_zeroed(enum page_owner owner, paddr_t *out);

/**
 * @brief Allocate up to `most` consecutive frames at once, as many as are adjacent, contents
 *     undefined. Free each one separately with page_free(frame, 0).
 * @param most At least 1.
 * @param got How many: 1 to `most`.
 * @return OK; E_NOMEM: no frame is free. @context{as page_alloc} @locks page
 */
enum status page_alloc_frames(size_t most, enum page_owner owner, paddr_t *first, size_t *got);

/** @brief True if `pages` pages may be free; false if they certainly are not. Lets a large request
 *     fail before it allocates anything. @context{as page_alloc} @locks page */
bool page_can_alloc(uint64_t pages);

/** @brief Free a run exactly as it was allocated. Panics if no such run was allocated.
 * @context{as page_alloc} */
static ALWAYS_INLINE void page_free(paddr_t base, unsigned order);

/** The numbers that `mem` prints, in pages of PAGE_SIZE. The sum over all owners is the total. */
struct page_stats {
    uint64_t total_pages;
    uint64_t by_owner[PAGE_OWNER_COUNT];
    uint64_t largest_free_order;
};
void page_get_stats(struct page_stats *out);

/** @brief Short name of an owner ("heap"). */
const char *page_owner_name(enum page_owner owner);

/** @brief A list link that the owner of an allocated run may use while it holds the run (vm uses it
 *     for frames to free).
 * @param base First frame of the run. @context{any} */
struct list_node *page_link(paddr_t base);
/** @brief The run to which a link returned by page_link() belongs. @context{any} */
paddr_t page_of_link(struct list_node *link);

/** @brief True if any byte of [base, base + len) is RAM according to the firmware: free, allocated,
 *     or the kernel's own image and tables; len > 0, without wrap-around. @context{any} */
bool page_is_any_ram(uint64_t base, uint64_t len);

/** @brief Order of the allocated run that begins at base, or -1: none does. @context{any; stable
 *     for the owner of the run} */
int page_allocated_order(paddr_t base);
/** @brief The same, for a run allocated for that owner. */
int page_owned_order(paddr_t base, enum page_owner owner);

#include "kernel/mm/page_inline.h"
