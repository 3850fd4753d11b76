// SPDX-License-Identifier: MIT
//
// Mapping in ranges: adding and removing frames, and invalidating other CPUs' TLBs. vm.c manages
// the addresses.
#include "hal/cache.h"
#include "kernel/base/assert.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/asan.h"
#include "kernel/mm/reclaim.h"
#include "kernel/mm/vm_internal.h"

/* Removing a mapping has three steps, in this order:
 * 1. Under map_lock, hal_mmu_unmap() clears the entries and hands the frames, and tables that
 *    became empty, to gather(), which links them in a list of this call.
 * 2. Without the lock, hal_mmu_flush() invalidates the range in this CPU's TLB and makes the other
 *    CPUs do so; it waits for them.
 * 3. Only then free_gathered() frees the frames.
 * Until step 2 is over, another CPU may still read and write the frames through its TLB, and its
 * page-table walker may read the tables. If a frame were freed earlier, its next owner's data would
 * be exposed. The flush is outside the lock because the other CPUs may be waiting for map_lock with
 * interrupts masked.
 *
 * A batch collects several pieces before one flush, since interrupting all CPUs is the expensive
 * part. A piece is at most one table's span, so interrupts are not masked for long.
 *
 * map_lock protects the page tables of all ranges: adjacent ranges share tables. Which CPU may
 * change the mappings of one range is up to the range's owner; the lock does not prevent two
 * threads from unmapping the same page, and the second one would not find it.
 *
 * Adding a mapping needs no flush: an entry that was invalid is in no TLB (hal_mmu_map() documents
 * what a machine does about that). */

/* Most frames that wait for one flush when a large range is unmapped: 32 MiB. */
#define GATHERED_MAX ((size_t)8192)

static struct spinlock map_lock = SPINLOCK_INIT; /* the kernel's page tables, which ranges share */

static ALWAYS_INLINE vaddr_t address_of(const struct vm_range *range, size_t page)
{
    return range->base + (uint64_t)page * PAGE_SIZE;
}

static ALWAYS_INLINE void assert_inside(const struct vm_range *range, size_t first, size_t count)
{
    ASSERT(count > 0 && first < range->pages && count <= range->pages - first);
}

static bool is_in(enum hal_region region, vaddr_t va)
{
    const struct hal_region_range *r = &hal_layout.region[region];
    return va - r->base < r->size;
}

static ALWAYS_INLINE enum status map_once(vaddr_t va, paddr_t base, size_t count, unsigned prot,
                                          enum mem_type type)
{
    irq_state_t s = hal_irq_save();
    spin_lock_masked(&map_lock);
    enum status st = hal_mmu_map(va, base, count, prot, type);
    spin_unlock_masked(&map_lock);
    hal_irq_restore(s);
    preempt_check();
    return st;
}

/* Inline, like the functions that undo it: one page is mapped and unmapped in a few hundred
 * instructions, a fifth of which would be calls. */
static ALWAYS_INLINE enum status map(vaddr_t va, paddr_t base, size_t count, unsigned prot,
                                     enum mem_type type)
{
    if (is_in(HAL_REGION_VM, va) && !asan_cover(va, count * PAGE_SIZE)) {
        return E_NOMEM;
    }
    enum status st = map_once(va, base, count, prot, type);
    /* A table could not be allocated. Other CPUs can be asked to free memory
     * only without the lock. */
    if (UNLIKELY(st == E_NOMEM) && memory_try_reclaim()) {
        st = map_once(va, base, count, prot, type);
    }
    return st;
}

/* True if none of the frames is in the direct map, where they could be written. */
static bool is_hidden(paddr_t base, size_t count)
{
    for (size_t i = 0; i < count;) {
        vaddr_t at = (uintptr_t)hal_direct(paddr_add(base, i * PAGE_SIZE));
        uint64_t absent = hal_mmu_absent(at);
        struct hal_mapping m;
        if (absent == 0 && hal_mmu_query(at, &m)) {
            return false;
        }
        i += MAX(absent / PAGE_SIZE, 1);
    }
    return true;
}

enum status vm_map_frames(struct vm_range *range, size_t first, paddr_t base, size_t count,
                          unsigned prot)
{
    assert_inside(range, first, count);
    if (UNLIKELY((prot & PROT_X) != 0) && !is_hidden(base, count)) {
        return E_INVAL;
    }
    return map(address_of(range, first), base, count, prot, MEM_NORMAL);
}

enum status vm_map_physical(struct vm_range *range, paddr_t base, unsigned prot, enum mem_type type)
{
    if ((prot & PROT_X) != 0) {
        return E_INVAL; /* other writers of it are unknown here */
    }
    return map(range->base, base, range->pages, prot, type);
}

/* Collects what an unmapping removed from the tables until the flush: whole runs, linked by
 * page_link(). A frame inside a run is skipped, because the run's first frame
 * is in the same batch. */
static void gather(void *frames, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    (void)kind;
    for (size_t i = 0; i < pages;) {
        paddr_t frame = paddr_add(base, i * PAGE_SIZE);
        int order = page_allocated_order(frame);
        if (order >= 0) {
            list_push_back(frames, page_link(frame));
        }
        i += order < 0 ? 1 : (size_t)1 << order;
    }
}

static NOINLINE void free_frames(struct list *frames)
{
    for (struct list_node *n; (n = list_pop_front(frames)) != NULL;) {
        paddr_t base = page_of_link(n);
        int order = page_allocated_order(base);
        if (LIKELY(order == 0)) {
            page_free(base, 0);
        } else {
            page_free(base, (unsigned)order);
        }
    }
}

static ALWAYS_INLINE void free_gathered(struct list *frames)
{
    if (UNLIKELY(!list_is_empty(frames))) {
        free_frames(frames);
    }
}

static ALWAYS_INLINE enum status take_out_masked(vaddr_t va, size_t pages,
                                                 struct hal_mmu_batch *batch)
{
    spin_lock_masked(&map_lock);
    enum status st = hal_mmu_unmap(va, pages, batch);
    spin_unlock_masked(&map_lock);
    return st;
}

static enum status take_out(vaddr_t va, size_t pages, struct hal_mmu_batch *batch)
{
    irq_state_t s = hal_irq_save();
    enum status st = take_out_masked(va, pages, batch);
    hal_irq_restore(s);
    preempt_check();
    return st;
}

static void flush(struct hal_mmu_batch *batch)
{
    irq_state_t s = hal_irq_save();
    hal_mmu_flush(batch);
    hal_irq_restore(s);
    preempt_check();
}

/* Unmap, flush, and only then free. */
static ALWAYS_INLINE enum status unmap(vaddr_t va, size_t pages, bool owned)
{
    struct list frames;
    struct hal_mmu_batch batch;
    list_init(&frames);
    hal_mmu_batch_open(&batch, gather, &frames);
    batch.tables_only = !owned;
    irq_state_t s = hal_irq_save();
    enum status st = take_out_masked(va, pages, &batch);
    if (LIKELY(st == OK)) {
        hal_mmu_flush(&batch);
    }
    hal_irq_restore(s);
    preempt_check();
    free_gathered(&frames);
    return st;
}

static NOINLINE void cannot_unmap(const struct vm_range *range, enum status s)
{
    panic("vm: %s: unmap: %s", range->name, status_text(s));
}

/* End of the piece that begins at `va`. Never inside a large leaf, since splitting one
 * needs memory. */
static vaddr_t piece_end(vaddr_t va, vaddr_t end)
{
    struct hal_mapping m;
    uint64_t span = hal_mmu_query(va, &m) ? MAX(m.size, VM_PIECE_BYTES) : VM_PIECE_BYTES;
    vaddr_t next = ALIGN_DOWN(va, span) + span;
    return next - va < end - va ? next : end;
}

/* Interrupts are masked for one piece at a time; absent addresses are skipped a whole table at
 * once. One flush covers many pieces, but never ends between two pieces that may share a run: a run
 * has 4 MiB at most, or is exactly a larger leaf. */
static NOINLINE void unmap_large(const struct vm_range *range, vaddr_t va, vaddr_t end, bool owned)
{
    struct list frames;
    struct hal_mmu_batch batch;
    list_init(&frames);
    hal_mmu_batch_open(&batch, gather, &frames);
    batch.tables_only = !owned;
    for (vaddr_t next; va != end; va = next) {
        uint64_t absent = hal_mmu_absent(va);
        if (absent != 0) {
            next = absent < end - va ? va + absent : end;
            continue;
        }
        next = piece_end(va, end);
        enum status s = take_out(va, (size_t)((next - va) / PAGE_SIZE), &batch);
        if (UNLIKELY(s != OK)) {
            cannot_unmap(range, s);
        }
        if (batch.pages >= GATHERED_MAX && IS_ALIGNED(next, 2 * VM_PIECE_BYTES)) {
            flush(&batch);
            free_gathered(&frames);
        }
    }
    flush(&batch);
    free_gathered(&frames);
}

void vm_unmap(struct vm_range *range, size_t first, size_t count, bool owned)
{
    assert_inside(range, first, count);
    vaddr_t va = address_of(range, first);
    if (UNLIKELY(count > VM_PIECE_BYTES / PAGE_SIZE)) {
        unmap_large(range, va, va + count * PAGE_SIZE, owned);
        return;
    }
    /* Frames of a range are unmapped as they were mapped, so no leaf is split. */
    enum status s = unmap(va, count, owned);
    if (UNLIKELY(s != OK)) {
        cannot_unmap(range, s);
    }
}

/** Allocate a run for the largest leaf that fits. @return false: no run above a page is free. */
static bool take_large(vaddr_t va, size_t left, enum page_owner owner, paddr_t *base, size_t *got)
{
    static const unsigned orders[] = {PAGE_HUGE_ORDER, PAGE_ORDER_MAX, 9}; /* 1 GiB, 4 and 2 MiB */
    for (unsigned i = 0; i < ARRAY_COUNT(orders); i++) {
        size_t pages = (size_t)1 << orders[i];
        if (left < pages || !IS_ALIGNED(va, pages * PAGE_SIZE)) {
            continue;
        }
        *got = pages;
        enum status s = orders[i] == PAGE_HUGE_ORDER
                            ? page_alloc_blocks(pages >> PAGE_ORDER_MAX, pages * PAGE_SIZE,
                                                UINT64_MAX, owner, base)
                            : page_alloc(orders[i], owner, base);
        if (s == OK) {
            return true;
        }
    }
    return false;
}

/** The parameters of vm_populate(). */
struct filling {
    struct vm_range *range;
    unsigned prot;
    enum page_owner owner;
    bool tries_large; /* cleared after a failure: each attempt makes all CPUs empty their caches */
};

/* Allocate up to `most` consecutive frames for the pages from va on. */
static enum status take_frames(struct filling *f, vaddr_t va, size_t most, paddr_t *base,
                               size_t *got)
{
    if (f->tries_large && most * PAGE_SIZE >= VM_PIECE_BYTES) {
        if (take_large(va, most, f->owner, base, got)) {
            return OK;
        }
        f->tries_large = !IS_ALIGNED(va, VM_PIECE_BYTES);
        most = MIN(most, (VM_PIECE_BYTES - va % VM_PIECE_BYTES) / PAGE_SIZE);
    }
    return page_alloc_frames(most, f->owner, base, got);
}

static void free_runs(paddr_t base, size_t count)
{
    for (size_t i = 0; i < count;) {
        paddr_t run = paddr_add(base, i * PAGE_SIZE);
        int order = page_allocated_order(run);
        ASSERT(order >= 0);
        page_free(run, (unsigned)order);
        i += (size_t)1 << order;
    }
}

/* Map up to `most` new frames from a page of the range on, zeroed now or when touched.
 * *got: how many. */
static enum status map_fresh(struct filling *f, size_t page, size_t most, size_t *got)
{
    paddr_t base;
    enum status s = take_frames(f, address_of(f->range, page), most, &base, got);
    if (s != OK) {
        return s;
    }
    if ((f->prot & PROT_LAZY) == 0) {
        hal_zero_pages(hal_direct(base), *got);
    }
    s = vm_map_frames(f->range, page, base, *got, f->prot);
    if (s != OK) {
        free_runs(base, *got);
    }
    return s;
}

enum status vm_populate(struct vm_range *range, size_t first, size_t count, unsigned prot,
                        enum page_owner owner)
{
    assert_inside(range, first, count);
    if (count > VM_PIECE_BYTES / PAGE_SIZE && !page_can_alloc(count) &&
        !(memory_try_reclaim() && page_can_alloc(count))) {
        return E_NOMEM;
    }
    /* Lazy pages have leaves of one page, each a frame of its own. */
    struct filling f = {
        .range = range, .prot = prot, .owner = owner, .tries_large = (prot & PROT_LAZY) == 0};
    for (size_t i = 0, got; i < count; i += got) {
        enum status s = map_fresh(&f, first + i, count - i, &got);
        if (s != OK) {
            if (i > 0) {
                vm_unmap(range, first, i, true);
            }
            return s;
        }
    }
    return OK;
}

enum status vm_commit(struct vm_range *range, size_t first, size_t count, enum page_owner owner)
{
    ASSERT(range->region == HAL_REGION_PROGRAM);
    return vm_populate(range, first, count, PROT_R | PROT_W | PROT_LAZY, owner);
}

bool vm_touch(vaddr_t va)
{
    return is_in(HAL_REGION_PROGRAM, va) && hal_mmu_touch(va, VM_TOUCHED_BYTES / PAGE_SIZE);
}

static enum status protect_once(vaddr_t va, size_t pages, unsigned prot)
{
    struct hal_mmu_batch batch;
    hal_mmu_batch_open(&batch, NULL, NULL); /* no frames leave the tables */
    irq_state_t s = spin_lock_irq(&map_lock);
    enum status st = hal_mmu_protect(va, pages, prot, &batch);
    spin_unlock_irq(&map_lock, s);
    if (st == OK) {
        flush(&batch);
    }
    return st;
}

/* True if the frames mapped there may become executable. */
static bool may_run(vaddr_t va, size_t pages)
{
    struct hal_mapping m;
    for (size_t i = 0; i < pages; i++) {
        vaddr_t at = va + i * PAGE_SIZE;
        if (hal_mmu_query(at, &m) && !is_hidden(paddr_add(m.base, at & (m.size - 1)), 1)) {
            return false;
        }
    }
    return true;
}

/* Here and below, splitting a large leaf may need a table: handled as in map(). */
enum status vm_protect(struct vm_range *range, size_t first, size_t count, unsigned prot)
{
    assert_inside(range, first, count);
    if ((prot & PROT_X) != 0 && !may_run(address_of(range, first), count)) {
        return E_INVAL;
    }
    enum status st = protect_once(address_of(range, first), count, prot);
    if (UNLIKELY(st == E_NOMEM) && memory_try_reclaim()) {
        st = protect_once(address_of(range, first), count, prot);
    }
    return st;
}

enum status vm_hide_direct(paddr_t base, size_t pages)
{
    vaddr_t va = (uintptr_t)hal_direct(base);
    enum status st = unmap(va, pages, false);
    if (UNLIKELY(st == E_NOMEM) && memory_try_reclaim()) {
        st = unmap(va, pages, false);
    }
    return st;
}

enum status vm_show_direct(paddr_t base, size_t pages)
{
    return map((vaddr_t)(uintptr_t)hal_direct(base), base, pages, PROT_R | PROT_W, MEM_NORMAL);
}

enum status vm_map_shadow(vaddr_t va, paddr_t base, size_t pages)
{
    ASSERT(is_in(HAL_REGION_SHADOW, va));
    return map(va, base, pages, PROT_R | PROT_W, MEM_NORMAL);
}

void vm_unmap_tables(vaddr_t va, size_t pages)
{
    struct list tables;
    struct hal_mmu_batch batch;
    list_init(&tables);
    hal_mmu_batch_open(&batch, gather, &tables);
    batch.tables_only = true;
    enum status st = take_out(va, pages, &batch);
    ASSERT(st == OK);
    /* Nothing was mapped, so CPUs need to forget only tables. */
    if (batch.has_tables) {
        flush(&batch);
        free_gathered(&tables);
    }
}

bool vm_to_phys(const void *p, paddr_t *out)
{
    vaddr_t va = (uintptr_t)p;
    if (is_in(HAL_REGION_DIRECT, va)) {
        *out = hal_direct_to_phys(p);
        return true;
    }
    struct hal_mapping m;
    if (!hal_mmu_query(va, &m) && !(vm_touch(va) && hal_mmu_query(va, &m))) {
        return false;
    }
    *out = paddr_add(m.base, va & (m.size - 1));
    return true;
}
