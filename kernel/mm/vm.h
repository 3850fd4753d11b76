// SPDX-License-Identifier: MIT
//
// Ranges of kernel address space: who owns which addresses, guards, mapping and unmapping of
// frames. Page tables are hal/mmu.h's; frames are page.h's.
#pragma once

#include "hal/io.h"
#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal/types.h"
#include "kernel/lib/status.h"
#include "kernel/mm/page.h"

struct fault;
struct vm_range;

/** Answers a fault inside a range; false: it does not. */
typedef bool vm_fault_fn(struct vm_range *range, struct fault *fault);

/** Where a range lies, its guards included: a node of the region's tree (vm_tree.h). Private to
 * kernel/mm. */
struct vm_place {
    uint64_t start, end;    /* bytes */
    struct vm_range *owner; /* NULL: nobody's, but kept for the next one of its size: vm_spare.h */
    struct vm_place *left, *right, *parent;
    struct vm_place *next; /* of a list of spare ones */
    uint64_t gap, gap_max; /* free bytes before it, and the largest such in its subtree */
    uint32_t rank;         /* random: parents have the larger one */
};

/** A reserved range. The struct belongs to the caller, who keeps it until vm_release(). */
struct vm_range {
    vaddr_t base;                      /* first usable page */
    size_t pages;                      /* usable pages; guards lie outside */
    uint32_t guard_below, guard_above; /* pages that are never mapped */
    enum hal_region region;
    const char *name; /* static; printed by `mem map` and in faults */
    /** Answer a fault inside the range, or NULL: not mapped means a bug. May sleep if
     * fault->may_sleep. Set before anybody touches the range; who set it calls fault_leave_range()
     * before he unmaps what came, and releases it. */
    vm_fault_fn *fault;
    void *ctx; /* the owner's */
    /* Private: faults that `fault` is answering, vm_hold(). Counted up under vm's lock (relaxed),
     * down and looked at as fault.c's `running` (sequentially consistent). */
    _Atomic uint32_t answering;
    struct vm_place *place; /* private: `own`, or one that was spare */
    struct vm_place own;    /* private */
};

struct vm_request {
    size_t pages; /* at least 1 */
    size_t align; /* bytes, power of two, at least PAGE_SIZE; 0 = PAGE_SIZE */
    uint32_t guard_below, guard_above;
    enum hal_region region; /* HAL_REGION_VM, _PROGRAM or _CODE */
    const char *name;
};

/** @brief Check the machine's layout table and open the regions. @context{early, once} */
void vm_init(void);

/**
 * @brief Reserve addresses; nothing is mapped.
 * @param range  Filled; owned by the caller.
 * @return OK; E_NOMEM: no gap that large; E_INVAL: pages 0 or size overflow.
 * @context{thread; does not sleep} @locks vm
 */
enum status vm_reserve(struct vm_range *range, const struct vm_request *request);

/** @brief Give addresses back. Everything in it must be unmapped. @context{thread} @locks vm */
void vm_release(struct vm_range *range);

/** @brief Map fresh zeroed frames into pages [first, first + count) of the range. All or nothing.
 *  @return OK; E_NOMEM; E_EXIST. @context{thread} */
enum status vm_populate(struct vm_range *range, size_t first, size_t count, unsigned prot,
                        enum page_owner owner);

/**
 * @brief Take frames for pages of a range of HAL_REGION_PROGRAM, read and write; they are cleared
 * and mapped, 64 KiB at a time, when they are touched. All or nothing: a touch cannot fail.
 * @return as vm_populate(). @context{thread}
 */
enum status vm_commit(struct vm_range *range, size_t first, size_t count, enum page_owner owner);

/** How the pages of a range come. Belongs to the range's owner, for as long as the range. */
struct vm_pager {
    unsigned prot; /* PROT_R, perhaps with PROT_W */
    enum page_owner owner;
    /**
     * @brief Put a page's contents into its frame, before anybody sees it. NULL: pages are zeroes.
     * @param page   Of the range. @param bytes  PAGE_SIZE of them, zero.
     * @return anything but OK: the page does not come, the touch is a fault like any other.
     * @context{thread that touched; may sleep. For one page it may run in several threads at once:
     * one of them is used}
     */
    enum status (*fill)(struct vm_pager *pager, size_t page, void *bytes);
};

/**
 * @brief Have each page of a range come when it is touched first; vm_unmap(range, .., true) gives
 * back what came. Uses the range's `fault` and `ctx`.
 *
 * Code that touches may hold what is not memory management's own where pages are zeroes, and
 * nothing that it may not sleep with where they are filled. Memory may be short then: the touch is
 * a fault that nobody answers, for the kernel's own code the end. A device does not fault:
 * vm_to_phys() has pages that came. fault_leave_range() ends it.
 * @context{thread, before anybody touches the range}
 */
void vm_page_on_touch(struct vm_range *range, struct vm_pager *pager);

/**
 * @brief Map what vm_commit() has at an address, for who does not touch it himself: a fault
 * handler, or a device.
 * @return false: nothing is committed there. @context{any; takes no lock}
 */
bool vm_touch(vaddr_t va);

/** @brief Unmap pages and, if `owned`, free their frames after the TLB flush. In pieces: interrupts
 * are masked for 2 MiB at a time, other CPUs are told once for 32 MiB; addresses at which nothing
 * ever was cost nothing. What vm_populate() took as a run of 2 MiB or more goes with its first
 * page: who unmaps owned pages in parts begins and ends where a call of that began or ended.
 * @context{thread} */
void vm_unmap(struct vm_range *range, size_t first, size_t count, bool owned);

/** @brief Change protection of mapped pages; to X as vm_map_frames(). @return OK; E_INVAL; E_NOMEM.
 *  On failure nothing has changed. @context{thread} */
enum status vm_protect(struct vm_range *range, size_t first, size_t count, unsigned prot);

/**
 * @brief Map consecutive frames that the caller owns into pages of the range; vm_unmap(.., false)
 * takes them out.
 * @param base   First frame.
 * @param count  Pages, at least 1; [first, first + count) lies in the range.
 * @param prot   As hal_mmu_map()'s: never W with X. With X no frame may be in the direct map, where
 *               it can be written: vm_hide_direct() comes first.
 * @return OK; E_EXIST; E_NOMEM; E_INVAL. On failure nothing has changed. @context{thread} @locks vm
 */
enum status vm_map_frames(struct vm_range *range, size_t first, paddr_t base, size_t count,
                          unsigned prot);

/** @brief Map physical memory of any type, which is nobody's frames, over the whole range; never to
 * be executed. @return as vm_map_frames(). */
enum status vm_map_physical(struct vm_range *range, paddr_t base, unsigned prot,
                            enum mem_type type);

/**
 * @brief Take frames out of the direct map, flushed: code memory has no writable mapping there.
 * @param base   First frame of a run that the caller took with page_alloc(); hal_direct() of it is
 * then invalid.
 * @return OK; E_NOMEM: a table was needed to split a large block, nothing has changed.
 * @context{thread} @locks vm
 */
enum status vm_hide_direct(paddr_t base, size_t pages);

/** @brief Put back what vm_hide_direct() took out, before page_free(). @return OK; E_NOMEM: still
 * hidden.
 *  @context{thread} @locks vm */
enum status vm_show_direct(paddr_t base, size_t pages);

/**
 * @brief Zeroed memory in a range of its own with guard pages on both sides; for large or exposed
 * buffers.
 * @return NULL if memory or addresses ran out.
 * @context{thread}
 */
void *vm_alloc(size_t size, enum page_owner owner, const char *name);
/** @brief Give back what vm_alloc() returned; NULL does nothing. @context{thread} */
void vm_free(void *p);
/** @brief Give back the memory of what vm_alloc() returned, and keep its addresses, which nobody
 * can use, until vm_free(). @context{thread} */
void vm_free_frames(void *p);

/** @brief Map device registers, uncached. base need not be page aligned.
 *  @return OK; E_NOMEM; E_INVAL: wraps around, or part of it is RAM (with a line in the log).
 *  @context{thread or early} */
enum status vm_map_device(uint64_t base, uint64_t len, struct io_region *out);
void vm_unmap_device(const struct io_region *region);

/** @brief As vm_map_device(), for memory that a screen shows: writes may merge and overtake each
 * other. @return NULL on failure, RAM among them; for ever otherwise. */
void *vm_map_framebuffer(uint64_t base, uint64_t len);

/** @brief Map RAM of a boot module (any alignment) read-only, cached. @return NULL on failure. */
const void *vm_map_module(uint64_t base, uint64_t len);
/** @brief Give back what vm_map_module() returned. @context{thread} */
void vm_unmap_module(const void *bytes);

/** @brief For asan.c: map frames, which stay there for good, in the region of shadow memory.
 *  @return as hal_mmu_map(). @context{as page_alloc} @locks vm */
enum status vm_map_shadow(vaddr_t va, paddr_t base, size_t pages);

/**
 * @brief For the fault handler: the range at an address whose faults are answered, and by whom. It
 * stays until `answering` is counted down.
 * @return NULL: there is none. @context{any, but no panic} @locks vm
 */
struct vm_range *vm_hold(vaddr_t va, vm_fault_fn **fault);

/** @brief No vm_hold() finds it any more. fault_leave_range() then waits. @context{thread} @locks
 * vm */
void vm_stop_faults(struct vm_range *range);

/** @brief The range that owns an address, or NULL. It may be gone at once, unless the caller owns
 * it.
 *  @context{any, panic included (without the lock there)} @locks vm */
struct vm_range *vm_find(vaddr_t va);

/** @brief Copy the name of the range that owns an address, cut to fit: for who does not own the
 * range, which may be released any time, and its name with it.
 * @param len  Bytes at buf, at least 1. @return false: no range, buf is unchanged.
 * @context{thread} @locks vm */
bool vm_copy_name(vaddr_t va, char *buf, size_t len);

/** @brief Is va in a guard of this range? */
bool vm_is_guard(const struct vm_range *range, vaddr_t va);

/** @brief Physical address behind a mapped kernel address, direct map, image or range; what was
 *  committed is mapped by it.
 *  @return false: not mapped. @context{any} */
bool vm_to_phys(const void *p, paddr_t *out);

/** @brief Page tables that map nothing any more are given back: those whose addresses are nobody's.
 * @context{thread, interrupts enabled} */
void vm_trim(void);

/** @brief Call fn for each range ascending. @context{thread} */
void vm_for_each(void (*fn)(void *ctx, const struct vm_range *range), void *ctx);
