// SPDX-License-Identifier: MIT
//
// The places of one region that are taken, or kept, ordered by address, with the lowest fitting gap
// in O(log n). Pure: no lock, no tables.
#pragma once

#include "kernel/mm/vm.h"

struct vm_tree {
    uint64_t base, size; /* bytes; base + size does not wrap */
    struct vm_place *root;
    uint32_t seed;     /* of the ranks */
    uint64_t used_end; /* no place was ever behind it */
};

/** @brief Insert a place whose start and end are set and overlap nothing. */
void vm_tree_insert(struct vm_tree *t, struct vm_place *p);
void vm_tree_remove(struct vm_tree *t, struct vm_place *p);

/** @brief Have another struct stand for a place: all of it but `next` is copied, and the old one is
 * out of the tree. */
void vm_tree_replace(struct vm_tree *t, const struct vm_place *old, struct vm_place *with);

/**
 * @brief Find room. q->pages is at least 1, its sum with the guards does not overflow in bytes,
 * align is a power of two.
 * @return false: no gap that surely fits.
 */
bool vm_tree_find_gap(const struct vm_tree *t, const struct vm_request *q, uint64_t *base);

/** @brief The place that holds va, or NULL. Bounded, also while the tree is being
 * changed. */
struct vm_place *vm_tree_find(const struct vm_tree *t, uint64_t va);

/**
 * @brief The next gap at or behind `from`, as far as ranges ever were, in whole units.
 * @param unit  A power of two: the gap's first byte and its length are multiples of it.
 * @param len   At most as it comes. @return false: there is none.
 */
bool vm_tree_next_gap(const struct vm_tree *t, uint64_t from, uint64_t unit, uint64_t *base,
                      uint64_t *len);

/** @brief Ascending. */
struct vm_place *vm_tree_first(const struct vm_tree *t);
struct vm_place *vm_tree_next(const struct vm_place *r);
