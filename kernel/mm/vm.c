// SPDX-License-Identifier: MIT
//
// Ranges of kernel address space and what is mapped in them. The order of ranges is vm_tree.c's.
#include "kernel/mm/vm.h"

#include "hal/cache.h"
#include "kernel/assert.h"
#include "kernel/lib/asan.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/failure.h"
#include "kernel/mm/layout.h"
#include "kernel/mm/vm_spare.h"
#include "kernel/spinlock.h"

/* Unmapped at a time, with interrupts masked: what one table maps. */
#define PIECE_BYTES ((uint64_t)512 * PAGE_SIZE)

/* Cleared at a fault. A fault costs about as much as clearing two pages with eight bytes an
 * instruction; who touches one page of 64 KiB often touches others. */
#define TOUCHED_PAGES ((size_t)16)

/* Looked through at a time, with interrupts masked, for tables that map nothing: 64 of 2 MiB; and
 * when those are gone, of 1 GiB. */
#define TRIMMED_AT_ONCE 64u
#define LARGE_PIECE     (512 * PIECE_BYTES)

/* Regions whose addresses are handed out here. */
static const enum hal_region managed[] = {HAL_REGION_VM, HAL_REGION_PROGRAM, HAL_REGION_CODE};

static struct spinlock tree_lock = SPINLOCK_INIT; /* both that follow */
static struct vm_tree trees[HAL_REGION_COUNT];
static struct vm_spares spares[HAL_REGION_COUNT];

static struct spinlock map_lock = SPINLOCK_INIT; /* the kernel's page tables: ranges share tables */

void vm_init(void)
{
    const char *why = layout_check(&hal_layout);
    if (why != NULL) {
        panic("vm: address map: %s", why);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(managed); i++) {
        const struct hal_region_range *r = &hal_layout.region[managed[i]];
        trees[managed[i]] = (struct vm_tree){.base = r->base, .size = r->size, .seed = 1};
        vm_spares_open(&spares[managed[i]]);
    }
}

/* More would be more than there are addresses; so no sum of them in bytes wraps. */
#define PAGES_MAX ((uint64_t)1 << 40)
#define ALIGN_MAX ((uint64_t)1 << 52)
#define MANAGED   (1u << HAL_REGION_VM | 1u << HAL_REGION_PROGRAM | 1u << HAL_REGION_CODE)

static ALWAYS_INLINE bool request_is_sane(const struct vm_request *q)
{
    return q->pages - 1 < PAGES_MAX && (unsigned)q->region < HAL_REGION_COUNT &&
           (MANAGED >> q->region & 1) != 0 && (q->align & (q->align - 1)) == 0 &&
           q->align - 1 >= PAGE_SIZE - 1 /* or it is 0 */ && q->align <= ALIGN_MAX;
}

static bool place(struct vm_range *range, const struct vm_request *q) REQUIRES(tree_lock)
{
    struct vm_tree *tree = &trees[q->region];
    if (LIKELY(vm_spares_take(&spares[q->region], tree, range, MAX(q->align, (size_t)1)))) {
        return true;
    }
    while (!vm_tree_find_gap(tree, q, &range->base)) {
        if (!vm_spares_drop(&spares[q->region], tree)) {
            return false;
        }
    }
    vm_tree_insert(tree, range);
    return true;
}

enum status vm_reserve(struct vm_range *range, const struct vm_request *request)
{
    if (!request_is_sane(request)) {
        return E_INVAL;
    }
    if (failure_is_due()) {
        return E_NOMEM;
    }
    /* Not the tree's fields, which are half of it. */
    range->pages = request->pages;
    range->guard_below = request->guard_below;
    range->guard_above = request->guard_above;
    range->region = request->region;
    range->name = request->name;
    range->fault = NULL;
    range->ctx = NULL;
    range->is_spare = false;
    irq_state_t s = spin_lock_irq(&tree_lock);
    bool found = place(range, request);
    spin_unlock_irq(&tree_lock, s);
    return found ? OK : E_NOMEM;
}

void vm_release(struct vm_range *range)
{
    struct hal_mapping m;
    DASSERT(!hal_mmu_query(range->base, &m));
    (void)m;
    struct vm_tree *tree = &trees[range->region];
    irq_state_t s = spin_lock_irq(&tree_lock);
    if (range->region == HAL_REGION_PROGRAM) {
        vm_tree_remove(tree, range); /* its large neighbours want the lowest gap: vm_spare.h */
    } else {
        vm_spares_give(&spares[range->region], tree, range);
    }
    spin_unlock_irq(&tree_lock, s);
}

static vaddr_t address_of(const struct vm_range *range, size_t page)
{
    return range->base + (uint64_t)page * PAGE_SIZE;
}

static void assert_inside(const struct vm_range *range, size_t first, size_t count)
{
    ASSERT(count > 0 && first < range->pages && count <= range->pages - first);
}

static enum status map(vaddr_t va, paddr_t base, size_t count, unsigned prot, enum mem_type type)
{
    if (va - trees[HAL_REGION_VM].base < trees[HAL_REGION_VM].size &&
        !asan_cover(va, count * PAGE_SIZE)) {
        return E_NOMEM;
    }
    irq_state_t s = spin_lock_irq(&map_lock);
    enum status st = hal_mmu_map(va, base, count, prot, type);
    spin_unlock_irq(&map_lock, s);
    return st;
}

enum status vm_map_frames(struct vm_range *range, size_t first, paddr_t base, size_t count,
                          unsigned prot)
{
    assert_inside(range, first, count);
    return map(address_of(range, first), base, count, prot, MEM_NORMAL);
}

enum status vm_map_physical(struct vm_range *range, paddr_t base, unsigned prot, enum mem_type type)
{
    return map(range->base, base, range->pages, prot, type);
}

/* What one unmapping took out of the tables, until the flush: by page_link(). */
static void gather(void *frames, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    (void)kind;
    for (size_t i = 0; i < pages; i++) {
        list_push_back(frames, page_link(paddr_add(base, i * PAGE_SIZE)));
    }
}

static ALWAYS_INLINE void free_gathered(struct list *frames)
{
    for (struct list_node *n; (n = list_pop_front(frames)) != NULL;) {
        page_free(page_of_link(n), 0);
    }
}

/* Unmap, flush, and only then free. */
static ALWAYS_INLINE enum status unmap(vaddr_t va, size_t pages, bool owned)
{
    struct list frames;
    struct hal_mmu_batch batch;
    list_init(&frames);
    hal_mmu_batch_open(&batch, gather, &frames);
    batch.tables_only = !owned;
    irq_state_t s = spin_lock_irq(&map_lock);
    enum status st = hal_mmu_unmap(va, pages, &batch);
    spin_unlock_irq(&map_lock, s);
    if (st != OK) {
        return st;
    }
    hal_mmu_flush(&batch);
    free_gathered(&frames);
    return OK;
}

/* Where the piece that begins here ends: never inside a large leaf, whose splitting needs memory.
 */
static vaddr_t piece_end(vaddr_t va, vaddr_t end)
{
    struct hal_mapping m;
    if (end - va <= PIECE_BYTES) {
        return end;
    }
    uint64_t span = hal_mmu_query(va, &m) ? MAX(m.size, PIECE_BYTES) : PIECE_BYTES;
    return MIN(ALIGN_DOWN(va, span) + span, end);
}

static NOINLINE void cannot_unmap(const struct vm_range *range, enum status s)
{
    panic("vm: %s: unmap: %s", range->name, status_text(s));
}

void vm_unmap(struct vm_range *range, size_t first, size_t count, bool owned)
{
    assert_inside(range, first, count);
    vaddr_t va = address_of(range, first), end = va + count * PAGE_SIZE;
    do {
        vaddr_t next = LIKELY(count * PAGE_SIZE <= PIECE_BYTES) ? end : piece_end(va, end);
        /* Frames of a range are unmapped as they were mapped: no leaf is split. */
        enum status s = unmap(va, (size_t)((next - va) / PAGE_SIZE), owned);
        if (UNLIKELY(s != OK)) {
            cannot_unmap(range, s);
        }
        va = next;
    } while (va < end);
}

/* Up to `most` frames that lie together, from a page of the range on, zeroed now or when they are
 * touched; *got: how many. */
static enum status map_fresh(struct vm_range *range, size_t page, size_t most, unsigned prot,
                             enum page_owner owner, size_t *got)
{
    paddr_t base;
    enum status s = page_alloc_frames(most, owner, &base, got);
    if (s != OK) {
        return s;
    }
    if ((prot & PROT_LAZY) == 0) {
        hal_zero_pages(hal_direct(base), *got);
    }
    s = vm_map_frames(range, page, base, *got, prot);
    for (size_t i = 0; s != OK && i < *got; i++) {
        page_free(paddr_add(base, i * PAGE_SIZE), 0);
    }
    return s;
}

enum status vm_populate(struct vm_range *range, size_t first, size_t count, unsigned prot,
                        enum page_owner owner)
{
    assert_inside(range, first, count);
    for (size_t i = 0, got; i < count; i += got) {
        enum status s = map_fresh(range, first + i, count - i, prot, owner, &got);
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
    const struct vm_tree *programs = &trees[HAL_REGION_PROGRAM];
    return va - programs->base < programs->size && hal_mmu_touch(va, TOUCHED_PAGES);
}

enum status vm_protect(struct vm_range *range, size_t first, size_t count, unsigned prot)
{
    assert_inside(range, first, count);
    struct hal_mmu_batch batch;
    hal_mmu_batch_open(&batch, NULL, NULL); /* nothing leaves the tables */
    irq_state_t s = spin_lock_irq(&map_lock);
    enum status st = hal_mmu_protect(address_of(range, first), count, prot, &batch);
    spin_unlock_irq(&map_lock, s);
    if (st == OK) {
        hal_mmu_flush(&batch);
    }
    return st;
}

enum status vm_hide_direct(paddr_t base, size_t pages)
{
    return unmap((vaddr_t)(uintptr_t)hal_direct(base), pages, false);
}

enum status vm_show_direct(paddr_t base, size_t pages)
{
    return map((vaddr_t)(uintptr_t)hal_direct(base), base, pages, PROT_R | PROT_W, MEM_NORMAL);
}

/** Take a gap that whole tables would map, each `span`: the next one behind `from`. */
static bool claim_gap(enum hal_region region, vaddr_t from, uint64_t span, struct vm_range *claim)
{
    uint64_t len = TRIMMED_AT_ONCE * span;
    irq_state_t s = spin_lock_irq(&tree_lock);
    (void)vm_spares_drop(&spares[region], &trees[region]);
    bool found = vm_tree_next_gap(&trees[region], from, span, &claim->base, &len);
    if (found) {
        claim->pages = len / PAGE_SIZE;
        vm_tree_insert(&trees[region], claim);
    }
    spin_unlock_irq(&tree_lock, s);
    return found;
}

/* Nothing is mapped in it, so that no CPU has to forget anything but tables. */
static void unmap_tables(const struct vm_range *gap)
{
    struct list tables;
    struct hal_mmu_batch batch;
    list_init(&tables);
    hal_mmu_batch_open(&batch, gather, &tables);
    batch.tables_only = true;
    irq_state_t s = spin_lock_irq(&map_lock);
    enum status st = hal_mmu_unmap(gap->base, gap->pages, &batch);
    spin_unlock_irq(&map_lock, s);
    ASSERT(st == OK);
    if (batch.has_tables) {
        hal_mmu_flush(&batch);
        free_gathered(&tables);
    }
}

static void trim_region(enum hal_region region, uint64_t span)
{
    struct vm_range claim = {.region = region, .name = "gap", .is_spare = true};
    for (vaddr_t from = 0; claim_gap(region, from, span, &claim);) {
        from = claim.base + claim.pages * PAGE_SIZE;
        unmap_tables(&claim);
        irq_state_t s = spin_lock_irq(&tree_lock);
        vm_tree_remove(&trees[region], &claim);
        spin_unlock_irq(&tree_lock, s);
    }
}

void vm_trim(void)
{
    for (unsigned i = 0; i < ARRAY_COUNT(managed); i++) {
        trim_region(managed[i], PIECE_BYTES);
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
    struct vm_range *range = vm_tree_find(t, va);
    return range == NULL || range->is_spare ? NULL : range;
}

struct vm_range *vm_find(vaddr_t va)
{
    const struct vm_tree *t = tree_of(va);
    if (t == NULL) {
        return NULL;
    }
    /* A panic may have interrupted the holder of the lock; the walk is bounded for it. */
    if (hal_this_cpu()->in_panic) {
        return find(t, va);
    }
    irq_state_t s = spin_lock_irq(&tree_lock);
    struct vm_range *range = find(t, va);
    spin_unlock_irq(&tree_lock, s);
    return range;
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

bool vm_to_phys(const void *p, paddr_t *out)
{
    vaddr_t va = (uintptr_t)p;
    if (va - HAL_DIRECT_BASE < HAL_DIRECT_SIZE) {
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

void vm_for_each(void (*fn)(void *ctx, const struct vm_range *range), void *ctx)
{
    for (unsigned i = 0; i < ARRAY_COUNT(managed); i++) {
        irq_state_t s = spin_lock_irq(&tree_lock);
        for (struct vm_range *r = vm_tree_first(&trees[managed[i]]); r != NULL;
             r = vm_tree_next(r)) {
            if (!r->is_spare) {
                fn(ctx, r);
            }
        }
        spin_unlock_irq(&tree_lock, s);
    }
}
