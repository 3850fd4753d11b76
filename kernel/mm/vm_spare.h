// SPDX-License-Identifier: MIT
//
// Addresses that were given back and stay in a region's tree, as nobody's, for who wants as many:
// he takes the place over where it is, and nothing is searched or balanced. Pure: no lock, no
// tables.
#pragma once

#include "kernel/mm/vm_tree.h"

#define VM_SPARES      32u /* at most; their places are missing to who wants more pages */
#define VM_SPARE_LISTS 16u

/* Larger ranges have page tables of their own: the lowest gap is better for them, where one table
 * may be that of the last one. */
#define VM_SPARE_PAGES_MAX ((size_t)512)

struct vm_spares {
    struct vm_range nodes[VM_SPARES]; /* of the tree, or unused; `ctx` is the next one in a list */
    struct vm_range *unused;
    struct vm_range *lists[VM_SPARE_LISTS]; /* by span, modulo; given back last first */
    unsigned next;                          /* in turn: whose place goes when all are used */
};

/** @brief None is kept yet. */
void vm_spares_open(struct vm_spares *s);

/**
 * @brief Put a range, whose base is not known yet, where a spare one of its span is.
 * @param align  Of its first page, in bytes: a power of two.
 * @return false: there is none that fits.
 */
bool vm_spares_take(struct vm_spares *s, struct vm_tree *t, struct vm_range *range, uint64_t align);

/** @brief A range leaves the tree; if it is small, its place is kept. */
void vm_spares_give(struct vm_spares *s, struct vm_tree *t, struct vm_range *range);

/** @brief Keep none any more: their gaps close up. @return false: none was kept. */
bool vm_spares_drop(struct vm_spares *s, struct vm_tree *t);
