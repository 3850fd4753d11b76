// SPDX-License-Identifier: MIT
//
// What is mapped in ranges: frames in, frames out, and what other CPUs must forget. Who has which
// addresses is vm.c's.
#include "hal/cache.h"
#include "kernel/base/assert.h"
#include "kernel/base/spinlock.h"
#include "kernel/debug/asan.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/reclaim.h"
#include "kernel/mm/vm_internal.h"

/* Frames that wait for one flush at most, when a large range is unmapped: 32 MiB. */
#define GATHERED_MAX ((size_t)8192)

static struct spinlock map_lock = SPINLOCK_INIT; /* the kernel's page tables: ranges share tables */

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

/* Inline, like those that undo it: one page is mapped and unmapped in a few hundred instructions,
 * of which calls of spin_lock_irq() and of a function for all cases would be a fifth. */
static ALWAYS_INLINE enum status map(vaddr_t va, paddr_t base, size_t count, unsigned prot,
                                     enum mem_type type)
{
    if (is_in(HAL_REGION_VM, va) && !asan_cover(va, count * PAGE_SIZE)) {
        return E_NOMEM;
    }
    enum status st = map_once(va, base, count, prot, type);
    /* A table was missing: with the lock held no other CPU gives back what it keeps. */
    if (UNLIKELY(st == E_NOMEM) && memory_try_reclaim()) {
        st = map_once(va, base, count, prot, type);
    }
    return st;
}

/* No frame of them is in the direct map, through which it could be written. */
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
        return E_INVAL; /* whoever else writes to it is not known here */
    }
    return map(range->base, base, range->pages, prot, type);
}

/* What one unmapping took out of the tables, until the flush: runs as they were taken, by
 * page_link(). A frame inside of a run goes with the run's first, which is in the same batch. */
static void gather(void *frames, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    (void)kind;
    for (size_t i = 0; i < pages;) {
        paddr_t frame = paddr_add(base, i * PAGE_SIZE);
        int order = page_taken_order(frame);
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
        int order = page_taken_order(base);
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

/* Where the piece that begins here ends: never inside a large leaf, whose splitting needs memory.
 */
static vaddr_t piece_end(vaddr_t va, vaddr_t end)
{
    struct hal_mapping m;
    uint64_t span = hal_mmu_query(va, &m) ? MAX(m.size, VM_PIECE_BYTES) : VM_PIECE_BYTES;
    vaddr_t next = ALIGN_DOWN(va, span) + span;
    return next - va < end - va ? next : end;
}

/* Interrupts are masked for a piece at a time; what is absent is passed over, a table's whole span
 * at once. Other CPUs are told once for many pieces. That is never between two pieces that may be
 * of one run: runs are of 4 MiB at most, or all of a larger leaf. */
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
    /* Frames of a range are unmapped as they were mapped: no leaf is split. */
    enum status s = unmap(va, count, owned);
    if (UNLIKELY(s != OK)) {
        cannot_unmap(range, s);
    }
}

/** A run for the largest leaf that fits here. @return false: there is none of more than a page. */
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

/** What vm_populate() is about. */
struct filling {
    struct vm_range *range;
    unsigned prot;
    enum page_owner owner;
    bool tries_large; /* not after it failed: each try has all CPUs give back what they keep */
};

/* Frames that lie together, up to `most`, for the pages from va on. */
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

static void give_frames(paddr_t base, size_t count)
{
    for (size_t i = 0; i < count;) {
        paddr_t run = paddr_add(base, i * PAGE_SIZE);
        int order = page_taken_order(run);
        ASSERT(order >= 0);
        page_free(run, (unsigned)order);
        i += (size_t)1 << order;
    }
}

/* Up to `most` frames, from a page of the range on, zeroed now or when they are touched; *got: how
 * many. */
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
        give_frames(base, *got);
    }
    return s;
}

enum status vm_populate(struct vm_range *range, size_t first, size_t count, unsigned prot,
                        enum page_owner owner)
{
    assert_inside(range, first, count);
    if (count > VM_PIECE_BYTES / PAGE_SIZE && !page_may_have(count) &&
        !(memory_try_reclaim() && page_may_have(count))) {
        return E_NOMEM;
    }
    /* What is lazy has leaves of one page, each a frame of its own. */
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
    hal_mmu_batch_open(&batch, NULL, NULL); /* nothing leaves the tables */
    irq_state_t s = spin_lock_irq(&map_lock);
    enum status st = hal_mmu_protect(va, pages, prot, &batch);
    spin_unlock_irq(&map_lock, s);
    if (st == OK) {
        flush(&batch);
    }
    return st;
}

/* What is mapped there may become executable. */
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

/* Here, and below, a large leaf may have to be split: as in map(). */
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
    /* Nothing was mapped, so that no CPU has to forget anything but tables. */
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
