// SPDX-License-Identifier: MIT
//
// Places of released ranges that stay in a region's tree without an owner. The next range of the
// same length reuses one as it is, without searching, balancing or copying. Pure data structure: no
// lock, no page tables.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/mm/vm_tree.h"

/* Nodes for extents that outlive their first range; at most this many are spare. */
#define VM_SPARES      32u
#define VM_SPARE_LISTS 16u /* a power of two */

/* Larger ranges have page tables of their own. For them the lowest gap is better, since it may
 * share a table with its neighbour. */
#define VM_SPARE_BYTES_MAX ((uint64_t)512 * PAGE_SIZE)

struct vm_spares {
    struct vm_extent *lists[VM_SPARE_LISTS]; /* by length in pages, modulo; last released first */
    struct vm_extent *unused; /* those of `nodes` that are not in the tree, by `next` */
    unsigned next;            /* round robin: the list from which forget_one() takes */
    struct vm_extent nodes[VM_SPARES];
};

/** @brief Initialise; no extent is kept yet. */
void vm_spares_open(struct vm_spares *s);

/** Position in a list of the first spare extent of that length and alignment, or the list's end. */
struct vm_extent **vm_spares_search_list(struct vm_extent **at, uint64_t bytes, uint64_t below,
                                         uint64_t align);

static ALWAYS_INLINE struct vm_extent **vm_spares_list(struct vm_spares *s, uint64_t bytes)
{
    return &s->lists[(bytes >> PAGE_SHIFT) & (VM_SPARE_LISTS - 1)];
}

/**
 * @brief Take a spare extent. It stays in the tree; the caller sets its owner.
 * @param bytes Its length, including guards.
 * @param below Bytes of guard at its start.
 * @param align Alignment of the byte after them: a power of two.
 * @return NULL: none fits.
 */
static ALWAYS_INLINE struct vm_extent *vm_spares_get(struct vm_spares *s, uint64_t bytes,
                                                     uint64_t below, uint64_t align)
{
    struct vm_extent **at = vm_spares_list(s, bytes), *extent = *at;
    /* Usually the first of a list fits. */
    if (UNLIKELY(extent != NULL && (extent->end - extent->start != bytes ||
                                    ((extent->start + below) & (align - 1)) != 0))) {
        at = vm_spares_search_list(at, bytes, below, align);
        extent = *at;
    }
    if (LIKELY(extent != NULL)) {
        *at = extent->next;
    }
    return extent;
}

/** @brief As vm_spares_put(), for an extent in its range's own struct. */
void vm_spares_adopt(struct vm_spares *s, struct vm_tree *t, struct vm_extent *extent);

/** @brief Release a range's extent: keep it if it is small, else remove it from the tree. */
static ALWAYS_INLINE void vm_spares_put(struct vm_spares *s, struct vm_tree *t,
                                        struct vm_extent *extent)
{
    if (UNLIKELY(extent == &extent->owner->own)) {
        vm_spares_adopt(s, t, extent);
        return;
    }
    struct vm_extent **list = vm_spares_list(s, extent->end - extent->start);
    extent->owner = NULL;
    extent->next = *list;
    *list = extent;
}

/** @brief Remove all spare extents, which closes their gaps. @return false: there were none. */
bool vm_spares_drop(struct vm_spares *s, struct vm_tree *t);
