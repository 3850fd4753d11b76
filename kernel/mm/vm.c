// SPDX-License-Identifier: MIT
//
// Ranges of kernel address space: which addresses are reserved. vm_map.c maps frames in them,
// vm_tree.c orders them.
#include "kernel/base/assert.h"
#include "kernel/base/spinlock.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/aslr.h"
#include "kernel/mm/layout.h"
#include "kernel/mm/vm_internal.h"
#include "kernel/mm/vm_spare.h"

/* Each region has a tree of extents by address (vm_tree.h) and a set of spare extents (vm_spare.h).
 * tree_lock protects all of them and `fault` and `name` of each range in a tree. An extent is in
 * the tree from vm_reserve() to vm_release(); the struct that represents it may be the range's own
 * or a spare node.
 *
 * A thread that finds a range with vm_find() may use it only if it owns it, because the owner may
 * release it at any time. vm_pin() pins a range for the fault handler: it counts `answering` up
 * under tree_lock, and the owner first clears `fault` under the lock (vm_stop_faults()) and then
 * waits until `answering` is 0.
 *
 * Page tables outlive the mappings in them. vm_trim() frees tables that map nothing: it claims the
 * gap in the tree first, so that no range can be reserved in it while its tables are removed. A
 * thread that finds no room while a gap is claimed waits (insert_extent()). */

/* Tables examined at a time for vm_trim(), with interrupts masked: 64 of 2 MiB each, then
 * of 1 GiB each. */
#define TRIMMED_AT_ONCE 64u
#define LARGE_PIECE     (512 * VM_PIECE_BYTES)

/* Regions whose addresses are allocated here. */
static const enum hal_region managed[] = {HAL_REGION_VM, HAL_REGION_PROGRAM, HAL_REGION_CODE};

static struct spinlock tree_lock = SPINLOCK_INIT; /* protects everything below */
static struct vm_tree trees[HAL_REGION_COUNT];
static struct vm_spares spares[HAL_REGION_COUNT];
static uint32_t claims[HAL_REGION_COUNT]; /* gaps hidden by claim_gap() at the moment */

/* The extent of released ranges. It has no owner, so a second release fails its ASSERT. */
static struct vm_extent no_extent;

void vm_init(void)
{
    const char *why = layout_check(&hal_layout);
    if (why != NULL) {
        panic("vm: address map: %s", why);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(managed); i++) {
        const struct hal_region_range *r = &hal_layout.region[managed[i]];
        uint64_t offset = aslr_offset(managed[i]);
        trees[managed[i]] =
            (struct vm_tree){.base = r->base + offset, .size = r->size - offset, .seed = 1};
        vm_spares_open(&spares[managed[i]]);
    }
}

/* Larger requests exceed the address space; below the limit no sum in bytes overflows. */
#define PAGES_MAX ((uint64_t)1 << 40)
#define ALIGN_MAX ((uint64_t)1 << 52)
#define MANAGED   (1u << HAL_REGION_VM | 1u << HAL_REGION_PROGRAM | 1u << HAL_REGION_CODE)

static bool align_is_sane(size_t align)
{
    return (align & (align - 1)) == 0 && align >= PAGE_SIZE && align <= ALIGN_MAX;
}

static ALWAYS_INLINE bool request_is_sane(const struct vm_request *q)
{
    return q->pages - 1 < PAGES_MAX && (unsigned)q->region < HAL_REGION_COUNT &&
           (MANAGED >> q->region & 1) != 0 && (LIKELY(q->align == 0) || align_is_sane(q->align));
}

static uint64_t bytes_below(const struct vm_request *q)
{
    return (uint64_t)q->guard_below * PAGE_SIZE;
}

static uint64_t bytes_in_all(const struct vm_request *q)
{
    return (q->pages + q->guard_below + q->guard_above) * PAGE_SIZE;
}

/** Find room for a request, dropping spare extents if necessary. */
static bool find_room(const struct vm_request *q, uint64_t *base) REQUIRES(tree_lock)
{
    struct vm_request aligned = *q;
    if (q->region == HAL_REGION_PROGRAM) {
        /* vm_touch() maps this many pages around the address; they must all belong to one range. */
        aligned.align = MAX(q->align, VM_TOUCHED_BYTES);
    }
    while (!vm_tree_find_gap(&trees[q->region], &aligned, base)) {
        if (!vm_spares_drop(&spares[q->region], &trees[q->region])) {
            return false;
        }
    }
    return true;
}

/** Insert the range's own extent. NULL: there is no room. */
static NOINLINE struct vm_extent *insert_extent(struct vm_range *range, const struct vm_request *q)
    REQUIRES(tree_lock)
{
    uint64_t base;
    while (!find_room(q, &base)) {
        if (claims[q->region] == 0) {
            return NULL;
        }
        /* Not for long: the thread that claims runs on another CPU with preemption off, and nothing
         * is mapped in a claimed gap. */
        spin_unlock_masked(&tree_lock);
        hal_cpu_relax();
        spin_lock_masked(&tree_lock);
    }
    range->own.start = base - bytes_below(q);
    range->own.end = range->own.start + bytes_in_all(q);
    vm_tree_insert(&trees[q->region], &range->own);
    return &range->own;
}

enum status vm_reserve(struct vm_range *range, const struct vm_request *request)
{
    if (!request_is_sane(request)) {
        return E_INVAL;
    }
    if (failure_is_due()) {
        return E_NOMEM;
    }
    /* Field by field, to skip `own`, which is most of the struct. */
    range->pages = request->pages;
    range->guard_below = request->guard_below;
    range->guard_above = request->guard_above;
    range->region = request->region;
    range->name = request->name;
    range->fault = NULL;
    range->ctx = NULL;
    atomic_init(&range->answering, 0);
    irq_state_t s = hal_irq_save();
    spin_lock_masked(&tree_lock);
    struct vm_extent *extent =
        vm_spares_get(&spares[request->region], bytes_in_all(request), bytes_below(request),
                      request->align != 0 ? request->align : 1);
    if (UNLIKELY(extent == NULL)) {
        extent = insert_extent(range, request);
    }
    if (LIKELY(extent != NULL)) {
        extent->owner = range;
        range->extent = extent;
        range->base = extent->start + bytes_below(request);
    }
    spin_unlock_masked(&tree_lock);
    hal_irq_restore(s);
    preempt_check();
    return extent != NULL ? OK : E_NOMEM;
}

void vm_release(struct vm_range *range)
{
    struct hal_mapping m;
    DASSERT(range->fault == NULL); /* a fault being handled would find the range gone */
    DASSERT(!hal_mmu_query(range->base, &m));
    (void)m;
    struct vm_tree *tree = &trees[range->region];
    irq_state_t s = hal_irq_save();
    spin_lock_masked(&tree_lock);
    ASSERT(range->extent->owner == range); /* not released twice */
    if (range->region == HAL_REGION_PROGRAM) {
        /* no spare extent: the large neighbours need the lowest gap */
        vm_tree_remove(tree, range->extent);
    } else {
        vm_spares_put(&spares[range->region], tree, range->extent);
    }
    range->extent = &no_extent;
    spin_unlock_masked(&tree_lock);
    hal_irq_restore(s);
    preempt_check();
}

/** Reserve the next gap after `from` in which whole tables, each for `span` bytes, map nothing. */
static bool claim_gap(enum hal_region region, vaddr_t from, uint64_t span, struct vm_extent *claim)
{
    uint64_t len = TRIMMED_AT_ONCE * span;
    irq_state_t s = spin_lock_irq(&tree_lock);
    (void)vm_spares_drop(&spares[region], &trees[region]);
    bool found = vm_tree_next_gap(&trees[region], from, span, &claim->start, &len);
    if (found) {
        claim->end = claim->start + len;
        vm_tree_insert(&trees[region], claim);
        claims[region]++;
    }
    spin_unlock_irq(&tree_lock, s);
    return found;
}

/** Free the tables of one gap after `from`. @return where to continue; 0:
 * there is no further gap. */
static vaddr_t trim_gap(enum hal_region region, vaddr_t from, uint64_t span)
{
    struct vm_extent claim = {.owner = NULL};
    if (!claim_gap(region, from, span, &claim)) {
        return 0;
    }
    /* Where nothing was ever mapped there are no tables; skip as far as that extends. */
    uint64_t absent = hal_mmu_absent(claim.start);
    if (absent < claim.end - claim.start) {
        vm_unmap_tables(claim.start, (claim.end - claim.start) / PAGE_SIZE);
    }
    irq_state_t s = spin_lock_irq(&tree_lock);
    vm_tree_remove(&trees[region], &claim);
    claims[region]--;
    spin_unlock_irq(&tree_lock, s);
    return MAX(claim.end, claim.start + absent);
}

static void trim_region(enum hal_region region, uint64_t span)
{
    vaddr_t from = 0;
    do {
        preempt_disable(); /* insert_extent() spins until a claim ends */
        from = trim_gap(region, from, span);
        preempt_enable();
    } while (from != 0);
}

void vm_trim(void)
{
    for (unsigned i = 0; i < ARRAY_COUNT(managed); i++) {
        trim_region(managed[i], VM_PIECE_BYTES);
        trim_region(managed[i], LARGE_PIECE);
    }
}

static struct vm_tree *tree_of(vaddr_t va)
{
    for (unsigned i = 0; i < ARRAY_COUNT(managed); i++) {
        struct vm_tree *t = &trees[managed[i]];
        if (va - t->base < t->size) {
            return t;
        }
    }
    return NULL;
}

static struct vm_range *find(const struct vm_tree *t, vaddr_t va)
{
    const struct vm_extent *extent = vm_tree_find(t, va);
    return extent == NULL ? NULL : extent->owner;
}

struct vm_range *vm_find(vaddr_t va)
{
    const struct vm_tree *t = tree_of(va);
    if (t == NULL) {
        return NULL;
    }
    /* The lock's holder may have been interrupted by the panic; the walk is bounded, so a tree in
     * the middle of a change cannot hang it. */
    if (hal_this_cpu()->in_panic) {
        return find(t, va);
    }
    irq_state_t s = spin_lock_irq(&tree_lock);
    struct vm_range *range = find(t, va);
    spin_unlock_irq(&tree_lock, s);
    return range;
}

struct vm_range *vm_pin(vaddr_t va, vm_fault_fn **fault)
{
    const struct vm_tree *t = tree_of(va);
    if (t == NULL) {
        return NULL;
    }
    irq_state_t s = spin_lock_irq(&tree_lock);
    struct vm_range *range = find(t, va);
    if (range != NULL && range->fault != NULL) {
        *fault = range->fault;
        /* Relaxed: the owner calls vm_stop_faults() under this lock before it reads the count. */
        atomic_fetch_add_explicit(&range->answering, 1, memory_order_relaxed);
    } else {
        range = NULL;
    }
    spin_unlock_irq(&tree_lock, s);
    return range;
}

void vm_stop_faults(struct vm_range *range)
{
    irq_state_t s = spin_lock_irq(&tree_lock);
    range->fault = NULL;
    spin_unlock_irq(&tree_lock, s);
}

bool vm_copy_name(vaddr_t va, char *buf, size_t len)
{
    const struct vm_tree *t = tree_of(va);
    if (t == NULL) {
        return false;
    }
    irq_state_t s = spin_lock_irq(&tree_lock);
    const struct vm_range *range = find(t, va);
    if (range != NULL) {
        (void)str_copy(buf, len, range->name);
    }
    spin_unlock_irq(&tree_lock, s);
    return range != NULL;
}

bool vm_is_guard(const struct vm_range *range, vaddr_t va)
{
    return va < range->base || va - range->base >= range->pages * PAGE_SIZE;
}

void vm_for_each(void (*fn)(void *ctx, const struct vm_range *range), void *ctx)
{
    for (unsigned i = 0; i < ARRAY_COUNT(managed); i++) {
        irq_state_t s = spin_lock_irq(&tree_lock);
        for (const struct vm_extent *p = vm_tree_first(&trees[managed[i]]); p != NULL;
             p = vm_tree_next(p)) {
            if (p->owner != NULL) {
                fn(ctx, p->owner);
            }
        }
        spin_unlock_irq(&tree_lock, s);
    }
}
