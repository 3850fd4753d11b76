// SPDX-License-Identifier: MIT
//
// Sets of wait queues.
#include "kernel/sched/wait_set.h"

#include "kernel/sched/sched_internal.h"

/* A thread is in one queue at most: that of the set. A watched queue knows the sets that watch it.
 * Waking it marks each set as woken and wakes the set's own queue, under both locks. So a set may
 * be freed as soon as its watches are removed, and a wake-up between the test of the conditions
 * and the sleep is not lost. */

void wait_set_init(struct wait_set *set)
{
    wait_queue_init(&set->queue, "wait set");
    set->is_woken = false;
}

void wait_set_add(struct wait_set *set, struct wait_watch *w, struct wait_queue *q)
{
    irq_state_t state = spin_lock_irq(&q->lock);
    *w = (struct wait_watch){.watched = q, .set = set, .next = q->watches};
    q->watches = w;
    spin_unlock_irq(&q->lock, state);
}

void wait_set_remove(struct wait_watch *w)
{
    struct wait_queue *q = w->watched;
    irq_state_t state = spin_lock_irq(&q->lock);
    struct wait_watch **at = &q->watches;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    spin_unlock_irq(&q->lock, state);
}

enum status wait_set_wait(struct wait_set *set, uint64_t deadline_ns)
{
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&set->queue.lock);
    while (s == OK && !set->is_woken) {
        s = wait_on_locked(&set->queue, &state, deadline_ns);
    }
    if (set->is_woken) {
        set->is_woken = false;
        s = s == E_CANCELLED ? s : OK;
    }
    spin_unlock_irq(&set->queue.lock, state);
    return s;
}

void wait_set_wake_locked(struct wait_queue *q)
{
    for (struct wait_watch *w = q->watches; w != NULL; w = w->next) {
        spin_lock_masked(&w->set->queue.lock);
        w->set->is_woken = true;
        (void)wait_wake_one_locked(&w->set->queue);
        spin_unlock_masked(&w->set->queue.lock);
    }
}
