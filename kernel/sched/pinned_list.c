// SPDX-License-Identifier: MIT
//
// Lists whose members are pinned. A member that is being removed stays linked until the last walk
// has moved on from it, because the walk needs its link.
#include "kernel/sched/pinned_list.h"

/* Only the removing thread waits in the queue, for pins
 * to become 0; all fields are under queue.lock. */
static void unpin_locked(struct pinned_list *list, struct pinned_node *n) REQUIRES(list->queue.lock)
{
    ASSERT(n->pins > 0);
    if (--n->pins == 0 && n->leaving) {
        wait_wake_all_locked(&list->queue);
    }
}

void pinned_add(struct pinned_list *list, struct pinned_node *n)
{
    *n = (struct pinned_node){.pins = 0};
    irq_state_t state = spin_lock_irq(&list->queue.lock);
    list_push_back(&list->members, &n->link);
    spin_unlock_irq(&list->queue.lock, state);
}

struct pinned_node *pinned_next(struct pinned_list *list, struct pinned_node *from)
{
    struct pinned_node *found = NULL;
    irq_state_t state = spin_lock_irq(&list->queue.lock);
    struct list_node *at = from == NULL ? list->members.head.next : from->link.next;
    for (; at != &list->members.head && found == NULL; at = at->next) {
        struct pinned_node *n = CONTAINER_OF(at, struct pinned_node, link);
        found = n->leaving ? NULL : n;
    }
    if (found != NULL) {
        found->pins++;
    }
    if (from != NULL) {
        unpin_locked(list, from);
    }
    spin_unlock_irq(&list->queue.lock, state);
    return found;
}

void pinned_put(struct pinned_list *list, struct pinned_node *n)
{
    irq_state_t state = spin_lock_irq(&list->queue.lock);
    unpin_locked(list, n);
    spin_unlock_irq(&list->queue.lock, state);
}

void pinned_remove(struct pinned_list *list, struct pinned_node *n)
{
    irq_state_t state = spin_lock_irq(&list->queue.lock);
    n->leaving = true;
    while (n->pins > 0) {
        /* Neither a deadline nor cancellation can end this wait, so the result is always OK. */
        (void)!wait_uncancellable_locked(&list->queue, &state, WAIT_FOREVER);
    }
    list_remove(&n->link);
    spin_unlock_irq(&list->queue.lock, state);
}
