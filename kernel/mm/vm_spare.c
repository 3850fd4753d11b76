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

struct vm_place **vm_spares_look_on(struct vm_place **at, uint64_t bytes, uint64_t below,
                                    uint64_t align)
{
    while (*at != NULL &&
           ((*at)->end - (*at)->start != bytes || !IS_ALIGNED((*at)->start + below, align))) {
        at = &(*at)->next;
    }
    return at;
}

/* The first of a list is nobody's and nothing any more. */
static void forget(struct vm_spares *s, struct vm_tree *t, struct vm_place **list)
{
    struct vm_place *place = *list;
    *list = place->next;
    vm_tree_remove(t, place);
    place->next = s->unused;
    s->unused = place;
}

/* Of another list each time. @return false: none is spare, all are ranges' now. */
static bool forget_one(struct vm_spares *s, struct vm_tree *t)
{
    for (unsigned i = 0; i < VM_SPARE_LISTS; i++) {
        struct vm_place **list = &s->lists[s->next++ % VM_SPARE_LISTS];
        if (*list != NULL) {
            forget(s, t, list);
            return true;
        }
    }
    return false;
}

void vm_spares_adopt(struct vm_spares *s, struct vm_tree *t, struct vm_place *place)
{
    if (place->end - place->start > VM_SPARE_BYTES_MAX ||
        (s->unused == NULL && !forget_one(s, t))) {
        vm_tree_remove(t, place);
        return;
    }
    struct vm_place *kept = s->unused;
    s->unused = kept->next;
    vm_tree_replace(t, place, kept);
    struct vm_place **list = vm_spares_list(s, kept->end - kept->start);
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
