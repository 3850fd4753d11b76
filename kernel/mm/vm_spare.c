// SPDX-License-Identifier: MIT
//
// See vm_spare.h.
#include "kernel/mm/vm_spare.h"

#include "kernel/lib/compiler.h"

static size_t span_of(const struct vm_range *r)
{
    return r->guard_below + r->pages + r->guard_above;
}

static struct vm_range **list_of(struct vm_spares *s, const struct vm_range *r)
{
    return &s->lists[span_of(r) % VM_SPARE_LISTS];
}

static void push(struct vm_range **list, struct vm_range *r)
{
    r->ctx = *list;
    *list = r;
}

void vm_spares_open(struct vm_spares *s)
{
    *s = (struct vm_spares){0};
    for (unsigned i = VM_SPARES; i-- > 0;) {
        push(&s->unused, &s->nodes[i]);
    }
}

static struct vm_range **next_of(struct vm_range *spare)
{
    return (struct vm_range **)&spare->ctx;
}

/* Where the range's pages would begin in a place of its span. */
static uint64_t base_in(const struct vm_range *spare, const struct vm_range *range)
{
    return spare->base + ((uint64_t)range->guard_below - spare->guard_below) * PAGE_SIZE;
}

/* Mostly the first of a list is the one: a new place is taken only where none is spare, or else
 * more and more page tables would be needed. */
bool vm_spares_take(struct vm_spares *s, struct vm_tree *t, struct vm_range *range, uint64_t align)
{
    for (struct vm_range **at = list_of(s, range), *spare; (spare = *at) != NULL;
         at = next_of(spare)) {
        if (span_of(spare) == span_of(range) && IS_ALIGNED(base_in(spare, range), align)) {
            range->base = base_in(spare, range);
            *at = spare->ctx;
            vm_tree_replace(t, spare, range);
            push(&s->unused, spare);
            return true;
        }
    }
    return false;
}

/* Out of its list and out of the tree. */
static void forget(struct vm_spares *s, struct vm_tree *t, struct vm_range *spare)
{
    struct vm_range **at = list_of(s, spare);
    while (*at != spare) {
        at = next_of(*at);
    }
    *at = spare->ctx;
    vm_tree_remove(t, spare);
    push(&s->unused, spare);
}

void vm_spares_give(struct vm_spares *s, struct vm_tree *t, struct vm_range *range)
{
    if (span_of(range) > VM_SPARE_PAGES_MAX) {
        vm_tree_remove(t, range);
        return;
    }
    if (s->unused == NULL) {
        forget(s, t, &s->nodes[s->next++ % VM_SPARES]);
    }
    struct vm_range *spare = s->unused;
    s->unused = spare->ctx;
    spare->base = range->base;
    spare->pages = range->pages;
    spare->guard_below = range->guard_below;
    spare->guard_above = range->guard_above;
    spare->is_spare = true;
    vm_tree_replace(t, range, spare);
    push(list_of(s, spare), spare);
}

bool vm_spares_drop(struct vm_spares *s, struct vm_tree *t)
{
    bool had_any = false;
    for (unsigned i = 0; i < VM_SPARE_LISTS; i++) {
        while (s->lists[i] != NULL) {
            forget(s, t, s->lists[i]);
            had_any = true;
        }
    }
    return had_any;
}
