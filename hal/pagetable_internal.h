// SPDX-License-Identifier: MIT
//
// Shared by the files of the radix page tables: finding, reading and writing an entry.
#pragma once

#include "hal/pagetable.h"

static inline pte_t *entries(const struct pagetable *pt, paddr_t table)
{
    return pt->at(table);
}

static inline unsigned index_of(vaddr_t va, unsigned level)
{
    return (unsigned)(va >> PT_SHIFT(level)) & (PT_ENTRIES - 1);
}

static inline pte_t load(const pte_t *slot)
{
    return (pte_t){.raw = __atomic_load_n(&slot->raw, __ATOMIC_RELAXED)};
}

/* Release: if another CPU's walker sees the entry, it
 * also sees the memory that the entry points to. */
static inline void store(pte_t *slot, pte_t value)
{
    __atomic_store_n(&slot->raw, value.raw, __ATOMIC_RELEASE);
}

/* Acquire: a frame is not accessed before its entry is read. Release: a CPU that sees the new entry
 * also sees everything done before. @return false: the entry has changed meanwhile. */
static inline bool exchange(pte_t *slot, pte_t old, pte_t value)
{
    return __atomic_compare_exchange_n(&slot->raw, &old.raw, value.raw, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/** @brief The entry of this level over va. NULL: a table above it is missing, or a
 * leaf is there. */
static inline pte_t *slot_at(const struct pagetable *pt, vaddr_t va, unsigned level)
{
    paddr_t table = pt->root;
    for (unsigned at = PT_LEVELS - 1; at > level; at--) {
        pte_t e = load(&entries(pt, table)[index_of(va, at)]);
        if (!hal_pte_is_present(e) || hal_pte_is_leaf(e, at)) {
            return NULL;
        }
        table = hal_pte_addr(e, at);
    }
    return &entries(pt, table)[index_of(va, level)];
}

/** @brief Find the leaf over va. @return its level, or PT_LEVELS if there is none. */
static inline unsigned find_leaf(const struct pagetable *pt, vaddr_t va, pte_t **slot)
{
    paddr_t table = pt->root;
    for (unsigned level = PT_LEVELS - 1;; level--) {
        *slot = &entries(pt, table)[index_of(va, level)];
        pte_t e = load(*slot);
        if (!hal_pte_is_present(e)) {
            return PT_LEVELS;
        }
        if (hal_pte_is_leaf(e, level)) {
            return level;
        }
        if (level == 0) {
            return PT_LEVELS;
        }
        table = hal_pte_addr(e, level);
    }
}
