// SPDX-License-Identifier: MIT
//
// Ranges of kernel address space: reserving addresses, guard pages, mapping and unmapping frames.
// hal/mmu.h has the page tables, page.h the frames.
#pragma once

#include "hal/io.h"
#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal/types.h"
#include "kernel/lib/status.h"
#include "kernel/mm/page.h"

struct fault;
struct vm_range;

/** Handles a fault inside a range; false: the fault is not handled. */
typedef bool vm_fault_fn(struct vm_range *range, struct fault *fault);

/** The addresses of a range, including its guards: a node of the region's tree (vm_tree.h). Private
 * to kernel/mm. */
struct vm_extent {
    uint64_t start, end;    /* bytes */
    struct vm_range *owner; /* NULL: no owner, kept for the next range of this size (vm_spare.h) */
    struct vm_extent *left, *right, *parent;
    struct vm_extent *next; /* in a list of spare extents */
    uint64_t gap, gap_max;  /* free bytes before it, and the largest gap in its subtree */
    uint32_t rank;          /* random: a parent's rank is larger than its children's */
};

/** A reserved range. The struct belongs to the caller, which keeps it until vm_release(). */
struct vm_range {
    vaddr_t base;                      /* first usable page */
    size_t pages;                      /* usable pages, without guards */
    uint32_t guard_below, guard_above; /* pages that are never mapped */
    enum hal_region region;
    const char *name; /* static string, shown by `mem map` and for faults */
    /** Handle a fault inside the range; NULL: a fault is a bug. May sleep if fault->may_sleep. Set
     * before any thread touches the range. Before the owner unmaps the pages and releases the
     * range, it calls pin_leave_range(). */
    vm_fault_fn *fault;
    void *ctx; /* belongs to the owner */
    /* Private: number of faults that `fault` is handling now, see vm_pin(). Incremented under
     * tree_lock (relaxed); decremented and read in pin.c (sequentially consistent). */
    _Atomic uint32_t answering;
    struct vm_extent *extent; /* private: `own` or a spare node */
    struct vm_extent own;     /* private */
};

struct vm_request {
    size_t pages; /* at least 1 */
    size_t align; /* bytes, power of two, at least PAGE_SIZE; 0 = PAGE_SIZE */
    uint32_t guard_below, guard_above;
    enum hal_region region; /* HAL_REGION_VM, _PROGRAM or _CODE */
    const char *name;
};

/** @brief Check the machine's layout table and initialise the regions. @context{early, once} */
void vm_init(void);

/**
 * @brief Reserve addresses; nothing is mapped.
 * @param range  Filled; owned by the caller.
 * @return OK; E_NOMEM: no gap that large; E_INVAL: pages 0 or size overflow.
 * @context{thread; does not sleep} @locks vm
 */
enum status vm_reserve(struct vm_range *range, const struct vm_request *request);

/** @brief Release the addresses. Everything in the range must be unmapped.
 *     @context{thread} @locks vm */
void vm_release(struct vm_range *range);

/** @brief Map new zeroed frames into pages [first, first + count) of the range. All or nothing.
 * @return OK; E_NOMEM; E_EXIST. @context{thread} */
enum status vm_populate(struct vm_range *range, size_t first, size_t count, unsigned prot,
                        enum page_owner owner);

/**
 * @brief Allocate frames for pages of a range of HAL_REGION_PROGRAM, for reading and writing. They
 *     are cleared and mapped when touched, 64 KiB at a time. All or nothing: a touch cannot fail.
 * @return as vm_populate(). @context{thread}
 */
enum status vm_commit(struct vm_range *range, size_t first, size_t count, enum page_owner owner);

/** How a range provides its pages. Belongs to the range's owner and lives as long as the range. */
struct vm_pager {
    unsigned prot; /* PROT_R, optionally with PROT_W */
    enum page_owner owner;
    /**
     * @brief Fill a page's frame before it is mapped. NULL: pages are zero.
     * @param page Page of the range.
     * @param bytes PAGE_SIZE of them, zero.
     * @return any error: the page is not mapped and the fault counts as unhandled.
     * @context{thread that touched the page; may sleep. It may run for the same page in several
     *     threads at once; one result is used}
     */
    enum status (*fill)(struct vm_pager *pager, size_t page, void *bytes);
};

/**
 * @brief Map each page of a range when it is first touched; vm_unmap(range, .., true) frees the
 *     mapped pages. Uses the range's `fault` and `ctx`.
 *
 * If the pages are zero, code that touches them may hold any lock except memory management's; if
 * they are filled, it must be allowed to sleep. If memory runs out, the touch is an unhandled
 * fault, which for kernel code is a panic. Devices do not fault: vm_to_phys() works only for pages
 * that are mapped. Ends with pin_leave_range().
 * @context{thread, before any thread touches the range}
 */
void vm_set_pager(struct vm_range *range, struct vm_pager *pager);

/**
 * @brief Map the committed frame at an address (vm_commit()) on behalf of code that does not touch
 *     it itself: a fault handler, or a device.
 * @return false: nothing is committed there. @context{any; takes no lock}
 */
bool vm_touch(vaddr_t va);

/** @brief Unmap pages and, if `owned`, free their frames after the TLB flush. Works in pieces:
 *     interrupts are masked for 2 MiB at a time, and other CPUs are interrupted once for each 32
 *     MiB; addresses where nothing was ever mapped cost nothing. A run of 2 MiB or more that
 *     vm_populate() allocated is freed with its first page, so unmapping owned pages in parts must
 *     begin and end where a call of vm_populate() began or ended.
 * @context{thread} */
void vm_unmap(struct vm_range *range, size_t first, size_t count, bool owned);

/** @brief Change the protection of mapped pages; to X as for vm_map_frames(). @return OK; E_INVAL;
 *     E_NOMEM.
 * On failure nothing has changed. @context{thread} */
enum status vm_protect(struct vm_range *range, size_t first, size_t count, unsigned prot);

/**
 * @brief Map consecutive frames that the caller owns into pages of the range; undo with
 *     vm_unmap(.., false).
 * @param base First frame.
 * @param count Pages, at least 1; [first, first + count) is inside the range.
 * @param prot As hal_mmu_map()'s: never W with X. With X no frame may be in the direct map, which
 *     is writable: call vm_hide_direct() first.
 * @return OK; E_EXIST; E_NOMEM; E_INVAL. On failure nothing has changed. @context{thread} @locks vm
 */
enum status vm_map_frames(struct vm_range *range, size_t first, paddr_t base, size_t count,
                          unsigned prot);

/** @brief Map physical memory of any type that is not an allocated frame over the whole range;
 *     never executable. @return as vm_map_frames(). */
enum status vm_map_physical(struct vm_range *range, paddr_t base, unsigned prot,
                            enum mem_type type);

/**
 * @brief Remove frames from the direct map and flush: code memory must have no writable mapping.
 * @param base First frame of a run that the caller allocated with page_alloc(); hal_direct() of it
 *     is invalid from then on.
 * @return OK; E_NOMEM: splitting a large leaf needed a table; nothing has changed.
 * @context{thread} @locks vm
 */
enum status vm_hide_direct(paddr_t base, size_t pages);

/** @brief Undo vm_hide_direct(), before page_free(). @return OK; E_NOMEM: still hidden.
 * @context{thread} @locks vm */
enum status vm_show_direct(paddr_t base, size_t pages);

/**
 * @brief Allocate zeroed memory in a range of its own with guard pages on both sides; for large or
 *     exposed buffers.
 * @return NULL: out of memory or addresses.
 * @context{thread}
 */
void *vm_alloc(size_t size, enum page_owner owner, const char *name);
/** @brief Free memory of vm_alloc(); NULL does nothing. @context{thread} */
void vm_free(void *p);
/** @brief Free the frames of vm_alloc()'s memory, but keep its addresses unusable until vm_free().
 *     @context{thread} */
void vm_free_frames(void *p);

/** @brief Map device registers, uncached. base need not be page aligned.
 * @return OK; E_NOMEM; E_INVAL: wraps around, or part of it is RAM (which is logged).
 * @context{thread or early} */
enum status vm_map_device(uint64_t base, uint64_t len, struct io_region *out);
void vm_unmap_device(const struct io_region *region);

/** @brief As vm_map_device(), for a framebuffer: writes may be merged and reordered. Mapped for
 *     ever. @return NULL on failure, also for RAM. */
void *vm_map_framebuffer(uint64_t base, uint64_t len);

/** @brief Map RAM of a boot module (any alignment) read-only, cached. @return NULL on failure. */
const void *vm_map_module(uint64_t base, uint64_t len);
/** @brief Unmap what vm_map_module() returned. @context{thread} */
void vm_unmap_module(const void *bytes);

/** @brief For asan.c: map frames in the region of shadow memory, for ever.
 * @return as hal_mmu_map(). @context{as page_alloc} @locks vm */
enum status vm_map_shadow(vaddr_t va, paddr_t base, size_t pages);

/**
 * @brief For the fault handler: pin the range at an address if it handles faults, and return its
 *     handler. The range stays until `answering` is decremented.
 * @return NULL: there is none. @context{any, but not a panic} @locks vm
 */
struct vm_range *vm_pin(vaddr_t va, vm_fault_fn **fault);

/** @brief Make vm_pin() ignore the range from now on. pin_leave_range() then waits.
 *     @context{thread} @locks vm */
void vm_stop_faults(struct vm_range *range);

/** @brief The range that owns an address, or NULL. Unless the caller owns it, it may be released at
 *     any time.
 * @context{any, panic included (without the lock there)} @locks vm */
struct vm_range *vm_find(vaddr_t va);

/** @brief Copy the name of the range that owns an address, truncated to fit, for callers that do
 *     not own the range: it may be released at any time, and its name with it.
 * @param len Bytes at buf, at least 1. @return false: no range, buf is unchanged.
 * @context{thread} @locks vm */
bool vm_copy_name(vaddr_t va, char *buf, size_t len);

/** @brief True if va is in a guard of this range. */
bool vm_is_guard(const struct vm_range *range, vaddr_t va);

/** @brief Physical address of a mapped kernel address in the direct map, the image or a range. Maps
 *     committed memory first.
 * @return false: not mapped. @context{any} */
bool vm_to_phys(const void *p, paddr_t *out);

/** @brief Free page tables that map nothing and whose addresses no range owns.
 * @context{thread, interrupts enabled} */
void vm_trim(void);

/** @brief Call fn for each range in ascending order. @context{thread} */
void vm_for_each(void (*fn)(void *ctx, const struct vm_range *range), void *ctx);
