// SPDX-License-Identifier: MIT
//
// Radix page tables; see pagetable.h. Invariants:
//   - an entry changes by one 64-bit store; a table is filled before the release store that links
//     it;
//   - map allocates every table that it needs before its first store, so it cannot fail half way;
//   - recursion is bounded by PT_LEVELS.
//
// Most calls concern a few pages in an existing table, or one entry of 2 MiB. Each function checks
// for these cases first (page_slots(), block_slot()), and only then uses the general algorithm.
#include "hal/pagetable.h"

#include "hal/cpu.h"
#include "hal/pagetable_internal.h"
#include "kernel/lib/compiler.h"

#define PAGES_MAX ((uint64_t)1 << 36) /* 48 bits of address: more bytes than a range can have */

static ALWAYS_INLINE bool range_is_sane(vaddr_t va, size_t pages)
{
    return (uint64_t)pages - 1 < PAGES_MAX && IS_ALIGNED(va, PAGE_SIZE) &&
           va <= va + ((uint64_t)pages * PAGE_SIZE - 1);
}

/* One bit for each valid combination. */
#define SANE(prot) (UINT32_C(1) << (PROT_R | (prot)))
#define SANE_PROTS                                                                                 \
    (SANE(0) | SANE(PROT_W) | SANE(PROT_X) | SANE(PROT_X | PROT_GUARDED) | SANE(PROT_LAZY) |       \
     SANE(PROT_W | PROT_LAZY))

static ALWAYS_INLINE bool prot_is_sane(unsigned prot)
{
    return prot < 32 && (SANE_PROTS >> prot & 1) != 0;
}

static NOINLINE pte_t *look_for_slot(const struct pagetable *pt, vaddr_t va)
{
    pte_t *slot = slot_at(pt, va, 0);
    if (slot != NULL && pt->recent != NULL) {
        pt->recent->base = va & ~(PT_SPAN(1) - 1);
        pt->recent->table = slot - index_of(va, 0);
    }
    return slot;
}

static void forget_recent(const struct pagetable *pt)
{
    if (pt->recent != NULL) {
        pt->recent->base = PAGETABLE_NOWHERE;
    }
}

/** The first of this many entries, if they are in one existing table. */
static ALWAYS_INLINE pte_t *page_slots(const struct pagetable *pt, vaddr_t va, size_t pages)
{
    const struct pagetable_recent *r = pt->recent;
    if (pages >= PT_ENTRIES || pages > PT_ENTRIES - index_of(va, 0)) {
        return NULL;
    }
    return LIKELY(r != NULL && va - r->base < PT_SPAN(1)) ? &r->table[index_of(va, 0)]
                                                          : look_for_slot(pt, va);
}

/** The entry of one page, if its table is the one that was used last. */
static ALWAYS_INLINE pte_t *recent_slot(const struct pagetable *pt, vaddr_t va, size_t pages)
{
    const struct pagetable_recent *r = pt->recent;
    return LIKELY(pages == 1 && r != NULL && va - r->base < PT_SPAN(1) && IS_ALIGNED(va, PAGE_SIZE))
               ? &r->table[index_of(va, 0)]
               : NULL;
}

/** The entry of 2 MiB that exactly covers the range, unless it is a table. */
static pte_t *block_slot(const struct pagetable *pt, vaddr_t va, size_t pages)
{
    if (pages != PT_ENTRIES || !IS_ALIGNED(va, PT_SPAN(1))) {
        return NULL;
    }
    pte_t *slot = slot_at(pt, va, 1);
    return slot != NULL && (hal_pte_is_none(load(slot)) || hal_pte_is_leaf(load(slot), 1)) ? slot
                                                                                           : NULL;
}

/* The largest leaf that can start at va and pa with `left` bytes to go. */
static unsigned leaf_level(const struct pagetable *pt, vaddr_t va, uint64_t pa, uint64_t left)
{
    unsigned level = pt->leaf_max;
    while (level > 0 && (!IS_ALIGNED(va | pa, PT_SPAN(level)) || left < PT_SPAN(level))) {
        level--;
    }
    return level;
}

/* Unused tables, linked through the bytes of their first entry. */
struct pool {
    paddr_t first;
    size_t count;
};

static void pool_put(const struct pagetable *pt, struct pool *pool, paddr_t table)
{
    entries(pt, table)[0].raw = pool->first.raw;
    pool->first = table;
    pool->count++;
}

static paddr_t pool_take(const struct pagetable *pt, struct pool *pool)
{
    paddr_t table = pool->first;
    pool->first = paddr(entries(pt, table)[0].raw);
    entries(pt, table)[0] = hal_pte_none();
    pool->count--;
    return table;
}

static void pool_free(const struct pagetable *pt, struct pool *pool)
{
    while (pool->count > 0) {
        pt->free(pool_take(pt, pool));
    }
}

static bool pool_fill(const struct pagetable *pt, struct pool *pool, size_t count)
{
    while (pool->count < count) {
        paddr_t table;
        if (!pt->alloc(&table)) {
            pool_free(pt, pool);
            return false;
        }
        pool_put(pt, pool, table);
    }
    return true;
}

/*
 * Walk the chunks that map will make and count the missing tables. A missing table is counted at
 * the first chunk below it: the previous chunk shares all tables above the highest address bit in
 * which the two differ.
 */
static enum status plan_map(const struct pagetable *pt, vaddr_t va, uint64_t pa, uint64_t left,
                            size_t *missing)
{
    vaddr_t before = 0;
    bool is_first = true;
    *missing = 0;
    while (left > 0) {
        unsigned leaf = leaf_level(pt, va, pa, left);
        unsigned level = PT_LEVELS - 1;
        paddr_t table = pt->root;
        pte_t e = load(&entries(pt, table)[index_of(va, level)]);
        while (level > leaf && hal_pte_is_present(e) && !hal_pte_is_leaf(e, level)) {
            table = hal_pte_addr(e, level);
            level--;
            e = load(&entries(pt, table)[index_of(va, level)]);
        }
        size_t run = 1; /* chunks in the same table, existing or missing */
        if (!hal_pte_is_none(e)) {
            /* A leaf; or, at the level of the chunk, a table
             * that may be empty: use smaller leaves. */
            if (hal_pte_is_leaf(e, level) || leaf == 0) {
                return E_EXIST;
            }
            struct pagetable finer = *pt;
            finer.leaf_max = leaf - 1;
            size_t below;
            enum status s = plan_map(&finer, va, pa, PT_SPAN(leaf), &below);
            if (s != OK) {
                return s;
            }
            *missing += below;
        } else {
            size_t most = MIN(PT_ENTRIES - index_of(va, leaf), left >> PT_SHIFT(leaf));
            const pte_t *slot = &entries(pt, table)[index_of(va, level)];
            if (level > leaf) {
                run = most;
            }
            while (run < most && hal_pte_is_none(load(&slot[run]))) {
                run++;
            }
            for (; level > leaf; level--) {
                *missing += is_first || ((va ^ before) >> PT_SHIFT(level)) != 0;
            }
        }
        uint64_t done = run << PT_SHIFT(leaf);
        before = va + (done - PT_SPAN(leaf));
        is_first = false;
        va += done;
        pa += done;
        left -= done;
    }
    return OK;
}

/* The slot for a leaf of this level at va. Links tables from the pool; NULL if there is a table in
 * its place. */
static pte_t *make_slot(const struct pagetable *pt, vaddr_t va, unsigned leaf, struct pool *pool)
{
    paddr_t table = pt->root;
    for (unsigned level = PT_LEVELS - 1; level > leaf; level--) {
        pte_t *slot = &entries(pt, table)[index_of(va, level)];
        pte_t e = load(slot);
        if (!hal_pte_is_present(e)) {
            paddr_t fresh = pool_take(pt, pool);
            store(slot, hal_pte_table(fresh));
            table = fresh;
        } else {
            table = hal_pte_addr(e, level);
        }
    }
    pte_t *slot = &entries(pt, table)[index_of(va, leaf)];
    return hal_pte_is_none(load(slot)) ? slot : NULL;
}

/* @param are_free  So are all entries; otherwise stops before one in use. @return the number of
 * entries filled, at least one. */
static ALWAYS_INLINE size_t fill_slots(pte_t *slot, size_t most, pte_t leaf, unsigned level,
                                       bool is_lazy, bool are_free)
{
    size_t n = 0;
    do {
        store(&slot[n++], is_lazy ? hal_pte_lazy(leaf) : leaf);
        leaf = hal_pte_next(leaf, level);
    } while (n < most && (are_free || hal_pte_is_none(load(&slot[n]))));
    return n;
}

/* As above. 64 GiB can be 32,768 entries, so their common bits are computed once. */
static ALWAYS_INLINE size_t map_run(pte_t *slot, size_t most, paddr_t pa, unsigned level,
                                    unsigned prot, enum mem_type type, bool are_free)
{
    pte_t leaf = hal_pte_leaf(pa, level, prot, type);
    return (prot & PROT_LAZY) != 0 ? fill_slots(slot, most, leaf, level, true, are_free)
                                   : fill_slots(slot, most, leaf, level, false, are_free);
}

/* Map leaves of one size in entries of one table. */
static ALWAYS_INLINE enum status map_slots(pte_t *first, size_t count, unsigned level, paddr_t pa,
                                           unsigned prot, enum mem_type type)
{
    for (size_t i = 0; i < count; i++) {
        if (!hal_pte_is_none(load(&first[i]))) {
            return E_EXIST;
        }
    }
    (void)map_run(first, count, pa, level, prot, type, true);
    return OK;
}

/* The general case: tables may be missing, leaves may have any size. */
static enum status map_anywhere(const struct pagetable *pt, vaddr_t va, paddr_t pa, uint64_t left,
                                unsigned prot, enum mem_type type)
{
    size_t missing;
    enum status s = plan_map(pt, va, pa.raw, left, &missing);
    if (s != OK) {
        return s;
    }
    struct pool pool = {.first = {0}, .count = 0};
    if (!pool_fill(pt, &pool, missing)) {
        return E_NOMEM;
    }

    while (left > 0) {
        unsigned leaf = leaf_level(pt, va, pa.raw, left);
        pte_t *slot = make_slot(pt, va, leaf, &pool);
        while (slot == NULL) { /* an empty table exists already: use it */
            slot = make_slot(pt, va, --leaf, &pool);
        }
        /* To the end of the table, or as far as leaves of this size can be used. */
        size_t most = MIN(PT_ENTRIES - index_of(va, leaf), left >> PT_SHIFT(leaf));
        uint64_t done = map_run(slot, most, pa, leaf, prot, type, false) << PT_SHIFT(leaf);
        va += done;
        pa = paddr_add(pa, done);
        left -= done;
    }
    pool_free(pt, &pool);
    return OK;
}

/* The range is valid, and is more than one page or in another table than the last one. */
static NOINLINE enum status map_range(const struct pagetable *pt, vaddr_t va, paddr_t pa,
                                      size_t pages, unsigned prot, enum mem_type type)
{
    bool is_lazy = (prot & PROT_LAZY) != 0;
    pte_t *slot = page_slots(pt, va, pages);
    if (slot != NULL) {
        return map_slots(slot, pages, 0, pa, prot, type);
    }
    if (!is_lazy && pt->leaf_max > 0 && IS_ALIGNED(pa.raw, PT_SPAN(1)) &&
        (slot = block_slot(pt, va, pages)) != NULL) {
        return map_slots(slot, 1, 1, pa, prot, type);
    }
    struct pagetable flat = *pt;
    flat.leaf_max = is_lazy ? 0 : pt->leaf_max;
    return map_anywhere(&flat, va, pa, (uint64_t)pages * PAGE_SIZE, prot, type);
}

static NOINLINE enum status map_checked(const struct pagetable *pt, vaddr_t va, paddr_t pa,
                                        size_t pages, unsigned prot, enum mem_type type)
{
    if (!range_is_sane(va, pages) || !IS_ALIGNED(pa.raw, PAGE_SIZE) || !prot_is_sane(prot) ||
        pa.raw > pt->phys_max || (uint64_t)pages * PAGE_SIZE - 1 > pt->phys_max - pa.raw ||
        ((prot & PROT_LAZY) != 0 && type != MEM_NORMAL)) {
        return E_INVAL;
    }
    return map_range(pt, va, pa, pages, prot, type);
}

enum status pagetable_map(const struct pagetable *pt, vaddr_t va, paddr_t pa, size_t pages,
                          unsigned prot, enum mem_type type)
{
    pte_t *slot = recent_slot(pt, va, pages);
    /* The end of the physical address space is page
     * aligned, so an aligned address below it is enough. */
    if (UNLIKELY(slot == NULL || (pa.raw & (PAGE_SIZE - 1)) != 0 || pa.raw > pt->phys_max ||
                 !prot_is_sane(prot) || (prot & PROT_LAZY) != 0)) {
        return map_checked(pt, va, pa, pages, prot, type);
    }
    if (UNLIKELY(!hal_pte_is_none(load(slot)))) {
        return E_EXIST;
    }
    store(slot, hal_pte_leaf(pa, 0, prot, type));
    return OK;
}

/* Replace a leaf by a table. @return false: no memory. */
static bool replace_leaf(const struct pagetable *pt, paddr_t table, unsigned index, pte_t made,
                         vaddr_t va)
{
    if (!HAL_PTE_BREAK_BEFORE_MAKE) {
        store(&entries(pt, table)[index], made);
        return true;
    }
    irq_state_t state = hal_irq_save();
    pte_t *e = pt->open(table);
    if (e != NULL) {
        store(&e[index], hal_pte_none());
        pt->forget(va);
        store(&e[index], made);
        pt->close();
    }
    hal_irq_restore(state);
    return e != NULL;
}

/* Replace the leaf over va in this table by a table of smaller leaves with the same mapping. */
static bool split(const struct pagetable *pt, paddr_t table, unsigned level, vaddr_t va)
{
    paddr_t fresh;
    if (!pt->alloc(&fresh)) {
        return false;
    }
    pte_t old = load(&entries(pt, table)[index_of(va, level)]);
    paddr_t pa = hal_pte_addr(old, level);
    pte_t *e = entries(pt, fresh);
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        e[i] = hal_pte_leaf(paddr_add(pa, i * PT_SPAN(level - 1)), level - 1, hal_pte_prot(old),
                            hal_pte_type(old, level));
    }
    if (!replace_leaf(pt, table, index_of(va, level), hal_pte_table(fresh), va)) {
        pt->free(fresh);
        return false;
    }
    return true;
}

/* Split any leaf that crosses va, so that a range can start or end there. */
static bool cut_at(const struct pagetable *pt, vaddr_t va)
{
    paddr_t table = pt->root;
    for (unsigned level = PT_LEVELS - 1; level > 0; level--) {
        if (IS_ALIGNED(va, PT_SPAN(level))) {
            return true;
        }
        pte_t *slot = &entries(pt, table)[index_of(va, level)];
        pte_t e = load(slot);
        if (!hal_pte_is_present(e)) {
            return true;
        }
        if (hal_pte_is_leaf(e, level) && !split(pt, table, level, va)) {
            return false;
        }
        table = hal_pte_addr(load(slot), level);
    }
    return true;
}

static enum status cut_range(const struct pagetable *pt, vaddr_t va, size_t pages)
{
    vaddr_t end = va + pages * PAGE_SIZE; /* 0 if the range ends with the address space */
    return cut_at(pt, va) && (end == 0 || cut_at(pt, end)) ? OK : E_NOMEM;
}

static ALWAYS_INLINE void gather_leaf(pte_t leaf, unsigned level, struct hal_mmu_batch *batch)
{
    if (!batch->tables_only) {
        batch->gather(batch->ctx, HAL_GATHER_LEAF, hal_pte_addr(leaf, level),
                      PT_SPAN(level) >> PAGE_SHIFT);
    }
}

/* An entry that is not present: empty, or lazy. If a CPU is clearing its frame (pagetable_lazy.c),
 * wait for it, because the frame must not be freed before. Interrupts are masked on both sides, so
 * that takes only as long as clearing a page. */
static NOINLINE void clear_absent(pte_t *slot, unsigned level, struct hal_mmu_batch *batch)
{
    for (;;) {
        pte_t e = load(slot);
        if (hal_pte_is_none(e)) {
            return;
        }
        if (hal_pte_is_present(e)) {
            store(slot, hal_pte_none());
            gather_leaf(e, level, batch);
            return;
        }
        if (!hal_pte_is_busy(e) && exchange(slot, e, hal_pte_none())) {
            gather_leaf(hal_pte_touched(e), level, batch);
            return;
        }
    }
}

static ALWAYS_INLINE void clear_slot(pte_t *slot, unsigned level, struct hal_mmu_batch *batch)
{
    pte_t e = load(slot);
    if (UNLIKELY(!hal_pte_is_present(e))) {
        clear_absent(slot, level, batch);
        return;
    }
    store(slot, hal_pte_none());
    gather_leaf(e, level, batch);
}

static ALWAYS_INLINE void unmap_slots(pte_t *first, size_t count, unsigned level,
                                      struct hal_mmu_batch *batch)
{
    for (size_t i = 0; i < count; i++) {
        clear_slot(&first[i], level, batch);
    }
}

/* Clear everything in [va, last] under one table. Leaves do not cross the ends, because cut_range()
 * has split them. */
static void unmap_under(const struct pagetable *pt, paddr_t table, unsigned level, vaddr_t va,
                        vaddr_t last, struct hal_mmu_batch *batch)
{
    for (;;) {
        pte_t *slot = &entries(pt, table)[index_of(va, level)];
        pte_t e = load(slot);
        vaddr_t entry_last = va | (PT_SPAN(level) - 1);
        vaddr_t stop = MIN(entry_last, last);
        if (!hal_pte_is_none(e)) {
            if (hal_pte_is_leaf(e, level)) {
                clear_slot(slot, level, batch);
            } else {
                paddr_t below = hal_pte_addr(e, level);
                unmap_under(pt, below, level - 1, va, stop, batch);
                /* Tables directly under the root stay: other
                 * address spaces may share them in future. */
                if (level < PT_LEVELS - 1 && IS_ALIGNED(va, PT_SPAN(level)) && stop == entry_last) {
                    store(slot, hal_pte_none());
                    batch->has_tables = true;
                    batch->gather(batch->ctx, HAL_GATHER_TABLE, below, 1);
                }
            }
        }
        if (stop == last) {
            return;
        }
        va = stop + 1;
    }
}

static NOINLINE enum status unmap_range(const struct pagetable *pt, vaddr_t va, size_t pages,
                                        struct hal_mmu_batch *batch)
{
    enum status s = OK;
    pte_t *slot;
    if ((slot = page_slots(pt, va, pages)) != NULL) {
        unmap_slots(slot, pages, 0, batch);
    } else if ((slot = block_slot(pt, va, pages)) != NULL) {
        unmap_slots(slot, 1, 1, batch);
    } else if ((s = cut_range(pt, va, pages)) == OK) {
        forget_recent(pt);
        unmap_under(pt, pt->root, PT_LEVELS - 1, va, va + (pages * PAGE_SIZE - 1), batch);
    }
    if (s == OK) {
        hal_mmu_batch_add(batch, va, pages);
    }
    return s;
}

enum status pagetable_unmap(const struct pagetable *pt, vaddr_t va, size_t pages,
                            struct hal_mmu_batch *batch)
{
    pte_t *slot = recent_slot(pt, va, pages);
    if (UNLIKELY(slot == NULL)) {
        return range_is_sane(va, pages) ? unmap_range(pt, va, pages, batch) : E_INVAL;
    }
    hal_mmu_batch_add(batch, va, 1);
    unmap_slots(slot, 1, 0, batch);
    return OK;
}

static bool is_all_mapped(const struct pagetable *pt, vaddr_t va, vaddr_t last)
{
    for (;;) {
        pte_t *slot;
        unsigned level = find_leaf(pt, va, &slot);
        if (level == PT_LEVELS) {
            return false;
        }
        vaddr_t leaf_last = va | (PT_SPAN(level) - 1);
        if (leaf_last >= last) {
            return true;
        }
        va = leaf_last + 1;
    }
}

static ALWAYS_INLINE enum status protect_slots(pte_t *first, size_t count, unsigned level,
                                               unsigned prot)
{
    for (size_t i = 0; i < count; i++) {
        if (!hal_pte_is_present(load(&first[i]))) {
            return E_INVAL;
        }
    }
    for (size_t i = 0; i < count; i++) {
        pte_t e = load(&first[i]);
        store(&first[i], hal_pte_leaf(hal_pte_addr(e, level), level, prot, hal_pte_type(e, level)));
    }
    return OK;
}

static enum status protect_large(const struct pagetable *pt, vaddr_t va, size_t pages,
                                 unsigned prot)
{
    pte_t *slot = block_slot(pt, va, pages);
    if (slot != NULL) {
        return protect_slots(slot, 1, 1, prot);
    }
    vaddr_t last = va + (pages * PAGE_SIZE - 1);
    if (!is_all_mapped(pt, va, last)) {
        return E_INVAL;
    }
    enum status s = cut_range(pt, va, pages);
    if (s != OK) {
        return s;
    }
    for (vaddr_t at = va;;) {
        unsigned level = find_leaf(pt, at, &slot);
        pte_t e = load(slot);
        store(slot, hal_pte_leaf(hal_pte_addr(e, level), level, prot, hal_pte_type(e, level)));
        vaddr_t leaf_last = at | (PT_SPAN(level) - 1);
        if (leaf_last >= last) {
            break;
        }
        at = leaf_last + 1;
    }
    return OK;
}

enum status pagetable_protect(const struct pagetable *pt, vaddr_t va, size_t pages, unsigned prot,
                              struct hal_mmu_batch *batch)
{
    if (!range_is_sane(va, pages) || !prot_is_sane(prot) || (prot & PROT_LAZY) != 0) {
        return E_INVAL;
    }
    pte_t *slot = page_slots(pt, va, pages);
    enum status s =
        slot != NULL ? protect_slots(slot, pages, 0, prot) : protect_large(pt, va, pages, prot);
    if (s == OK) {
        hal_mmu_batch_add(batch, va, pages);
    }
    return s;
}
