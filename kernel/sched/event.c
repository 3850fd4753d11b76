// SPDX-License-Identifier: MIT
//
// Events and condition variables, built on wait queues. Both hand over: a woken thread continues
// without the queue's lock, and an automatic event that has a waiter is never set.

#include "kernel/sched/event.h"

#include "kernel/sched/switch_internal.h"

void event_init(struct event *e, enum event_kind kind, const char *name)
{
    wait_queue_init(&e->queue, name);
    e->kind = kind;
    e->is_set = false;
}

/* An automatic event is given to the first waiter without being set. So a thread that arrives later
 * cannot take it first, and the woken thread need not test it again. */
void event_set(struct event *e)
{
    irq_state_t state = spin_lock_irq(&e->queue.lock);
    if (e->kind == EVENT_MANUAL) {
        e->is_set = true;
        wait_wake_all_locked(&e->queue);
    } else if (!wait_wake_one_locked(&e->queue)) {
        e->is_set = true;
    }
    spin_unlock_irq(&e->queue.lock, state);
}

bool event_reset(struct event *e)
{
    irq_state_t state = spin_lock_irq(&e->queue.lock);
    bool was_set = e->is_set;
    e->is_set = false;
    spin_unlock_irq(&e->queue.lock, state);
    return was_set;
}

static bool take_locked(struct event *e) REQUIRES(e->queue.lock)
{
    bool is_set = e->is_set;
    if (e->kind == EVENT_AUTO) {
        e->is_set = false;
    }
    return is_set;
}

/** The event may have been set just after the deadline; then return OK. */
static NOINLINE enum status retry_take(struct event *e, enum status s)
{
    irq_state_t state = spin_lock_irq(&e->queue.lock);
    bool taken = take_locked(e);
    spin_unlock_irq(&e->queue.lock, state);
    return taken ? OK : s;
}

enum status event_wait(struct event *e, uint64_t deadline_ns) NO_LOCK_ANALYSIS
{
    lockcheck_may_sleep("event_wait");
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    spin_lock_masked(&e->queue.lock);
    if (!take_locked(e)) {
        enum status s = wait_for_handoff_locked(&e->queue, deadline_ns, true);
        return LIKELY(s == OK) ? OK : retry_take(e, s);
    }
    spin_unlock_masked(&e->queue.lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}

void condition_init(struct condition *c, const char *name)
{
    wait_queue_init(&c->queue, name);
}

/* The queue's lock is taken before the mutex is released. A thread that locks the mutex next and
 * signals has to take the queue's lock, and so comes after this thread is queued. */
enum status condition_wait(struct condition *c, struct mutex *m,
                           uint64_t deadline_ns) NO_LOCK_ANALYSIS
{
    ASSERT(mutex_is_held(m));
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    spin_lock_masked(&c->queue.lock);
    mutex_unlock(m);
    enum status s = wait_for_handoff_locked(&c->queue, deadline_ns, true);
    mutex_lock(m);
    return s;
}

void condition_signal(struct condition *c)
{
    wait_wake_one(&c->queue);
}

void condition_broadcast(struct condition *c)
{
    wait_wake_all(&c->queue);
}
