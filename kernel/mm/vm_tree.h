// SPDX-License-Identifier: MIT
//
// The reserved and spare extents of one region, ordered by address; finds the lowest fitting gap in
// O(log n). Pure data structure: no lock, no page tables.
#pragma once

#include "kernel/mm/vm.h"

struct vm_tree {
    uint64_t base, size; /* bytes; base + size does not wrap */
    struct vm_extent *root;
    uint32_t seed;     /* of the ranks */
    uint64_t used_end; /* highest end that any extent ever had */
};

/** @brief Insert an extent whose start and end are set; it must not overlap another. */
void vm_tree_insert(struct vm_tree *t, struct vm_extent *p);
void vm_tree_remove(struct vm_tree *t, struct vm_extent *p);

/** @brief Replace an extent by another struct: everything but `next` is copied, and the old one
 *     leaves the tree. */
void vm_tree_replace(struct vm_tree *t, const struct vm_extent *old, struct vm_extent *with);

/**
 * @brief Find room. q->pages is at least 1, its sum with the guards does not overflow in bytes,
 *     align is a power of two.
 * @return false: no gap is certain to fit it.
 */
bool vm_tree_find_gap(const struct vm_tree *t, const struct vm_request *q, uint64_t *base);

/** @brief The extent that contains va, or NULL. Bounded, even while the tree is being changed. */
struct vm_extent *vm_tree_find(const struct vm_tree *t, uint64_t va);

/**
 * @brief The next gap at or after `from`, in whole units, up to the highest address that
 *     was ever used.
 * @param unit A power of two: the gap's first byte and its length are multiples of it.
 * @param len In: the most that is wanted; out: length of the gap. @return false: there is none.
 */
bool vm_tree_next_gap(const struct vm_tree *t, uint64_t from, uint64_t unit, uint64_t *base,
                      uint64_t *len);

/** @brief Walk the extents in ascending order. */
struct vm_extent *vm_tree_first(const struct vm_tree *t);
struct vm_extent *vm_tree_next(const struct vm_extent *r);
