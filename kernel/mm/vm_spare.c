// SPDX-License-Identifier: MIT
//
// See vm_spare.h.
#include "kernel/mm/vm_spare.h"

void vm_spares_open(struct vm_spares *s)
{
    *s = (struct vm_spares){0};
    for (unsigned i = VM_SPARES; i-- > 0;) {
        s->nodes[i].next = s->unused;
        s->unused = &s->nodes[i];
    }
}

/* A spare extent stays in the tree with owner NULL, so its addresses count as used and no gap
 * search sees them. The nodes in `nodes` exist because a released range takes its own struct
 * vm_extent with it: vm_spares_adopt() copies the extent into a node (vm_tree_replace()). A node
 * that is handed to a range stays in the tree as that range's extent and returns to a list when the
 * range is released. */
struct vm_extent **vm_spares_search_list(struct vm_extent **at, uint64_t bytes, uint64_t below,
                                         uint64_t align)
{
    while (*at != NULL &&
           ((*at)->end - (*at)->start != bytes || !IS_ALIGNED((*at)->start + below, align))) {
        at = &(*at)->next;
    }
    return at;
}

/* Remove the first extent of a list from the tree; its node becomes unused. */
static void forget(struct vm_spares *s, struct vm_tree *t, struct vm_extent **list)
{
    struct vm_extent *extent = *list;
    *list = extent->next;
    vm_tree_remove(t, extent);
    extent->next = s->unused;
    s->unused = extent;
}

/* Free one node, from a different list each time. @return false: no extent is spare; all nodes are
 * in use by ranges. */
static bool forget_one(struct vm_spares *s, struct vm_tree *t)
{
    for (unsigned i = 0; i < VM_SPARE_LISTS; i++) {
        struct vm_extent **list = &s->lists[s->next++ % VM_SPARE_LISTS];
        if (*list != NULL) {
            forget(s, t, list);
            return true;
        }
    }
    return false;
}

void vm_spares_adopt(struct vm_spares *s, struct vm_tree *t, struct vm_extent *extent)
{
    if (extent->end - extent->start > VM_SPARE_BYTES_MAX ||
        (s->unused == NULL && !forget_one(s, t))) {
        vm_tree_remove(t, extent);
        return;
    }
    struct vm_extent *kept = s->unused;
    s->unused = kept->next;
    vm_tree_replace(t, extent, kept);
    struct vm_extent **list = vm_spares_list(s, kept->end - kept->start);
    kept->owner = NULL;
    kept->next = *list;
    *list = kept;
}

bool vm_spares_drop(struct vm_spares *s, struct vm_tree *t)
{
    bool had_any = false;
    for (unsigned i = 0; i < VM_SPARE_LISTS; i++) {
        while (s->lists[i] != NULL) {
            forget(s, t, &s->lists[i]);
            had_any = true;
        }
    }
    return had_any;
}
