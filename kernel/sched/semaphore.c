// SPDX-License-Identifier: MIT
//
// Counting semaphore; declared beside the mutex in mutex.h.

#include "kernel/sched/mutex.h"
#include "kernel/sched/switch_internal.h"

void semaphore_init(struct semaphore *s, uint32_t count, const char *name)
{
    wait_queue_init(&s->queue, name);
    s->count = count;
}

/** A unit may have become free together with the time-out
 * or cancellation; take it and report success. */
static NOINLINE enum status retry_down(struct semaphore *s, enum status st)
{
    irq_state_t state = spin_lock_irq(&s->queue.lock);
    if (s->count > 0) {
        s->count--;
        st = OK;
    }
    spin_unlock_irq(&s->queue.lock, state);
    return st;
}

/* semaphore_up() gives a unit to the first waiter without adding it to `count`. So a thread that
 * comes later cannot take it first, and the woken waiter need not test `count` again. */
enum status semaphore_down(struct semaphore *s, uint64_t deadline_ns) NO_LOCK_ANALYSIS
{
    lockcheck_may_sleep("semaphore_down");
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    spin_lock_masked(&s->queue.lock);
    if (s->count == 0) {
        enum status st = wait_for_handoff_locked(&s->queue, deadline_ns, true);
        return LIKELY(st == OK) ? OK : retry_down(s, st);
    }
    s->count--;
    spin_unlock_masked(&s->queue.lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}

void semaphore_up(struct semaphore *s)
{
    irq_state_t state = hal_irq_save();
    spin_lock_masked(&s->queue.lock);
    if (!wait_wake_first_locked(&s->queue)) {
        ASSERT(s->count < UINT32_MAX);
        s->count++;
    }
    spin_unlock_masked(&s->queue.lock);
    hal_irq_restore(state);
    preempt_check();
}
