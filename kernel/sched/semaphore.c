// SPDX-License-Identifier: MIT
//
// Counting semaphore; declared beside the mutex in mutex.h.

#include "kernel/sched/mutex.h"

void semaphore_init(struct semaphore *s, uint32_t count, const char *name)
{
    wait_queue_init(&s->queue, name);
    s->count = count;
}

enum status semaphore_down(struct semaphore *s, uint64_t deadline_ns)
{
    enum status st = OK;
    irq_state_t state = spin_lock_irq(&s->queue.lock);
    while (s->count == 0 && st == OK) {
        st = wait_on_locked(&s->queue, &state, deadline_ns);
    }
    /* A count that arrived together with the time-out or the cancellation is taken: it would be
     * lost on nobody, but the caller got what it asked for. */
    if (s->count > 0) {
        s->count--;
        st = OK;
    }
    spin_unlock_irq(&s->queue.lock, state);
    return st;
}

void semaphore_up(struct semaphore *s)
{
    irq_state_t state = spin_lock_irq(&s->queue.lock);
    ASSERT(s->count < UINT32_MAX);
    s->count++;
    wait_wake_one_locked(&s->queue);
    spin_unlock_irq(&s->queue.lock, state);
}
