// SPDX-License-Identifier: MIT
//
// Wait queues and completions. How a wait ends exactly once, and why no wake-up is lost, is argued
// at the top of switch.c; here is who ends it: a waker under the queue's lock, the timer, or
// thread_cancel().
//
// Only wakers find a waiter through the queue. The other two know the thread itself, and leave it
// in the queue until it runs and takes itself out; a waker that meets such a thread is told so by
// sched_wake() and goes on to the next. Nobody ever follows a pointer to a queue from a thread: the
// queue may be gone by then.

#include "kernel/sched/wait.h"

#include "kernel/clock.h"
#include "kernel/sched/sched_internal.h"

struct timeout {
    struct timer timer;
    struct thread *thread;
};

void wait_queue_init(struct wait_queue *q, const char *name)
{
    *q = (struct wait_queue){.lock = SPINLOCK_INIT, .name = name};
    list_init(&q->waiters);
}

static void time_out(struct timer *timer)
{
    (void)sched_wake(CONTAINER_OF(timer, struct timeout, timer)->thread, E_TIMEDOUT);
}

/** Wait without a time limit: the list entry is the only trace of it. Interrupts are masked. */
static enum status wait_once_locked(struct wait_queue *q, bool cancellable) REQUIRES(q->lock)
{
    struct thread *self = thread_current();
    if (!sched_prepare_wait(q->name, cancellable)) {
        return E_CANCELLED;
    }
    list_push_back(&q->waiters, &self->wait_link);
    irq_state_t masked = hal_irq_save();
    spin_unlock_irq(&q->lock, masked);
    sched_switch();
    (void)spin_lock_irq(&q->lock);
    if (list_is_linked(&self->wait_link)) {
        list_remove(&self->wait_link); /* it was not a waker of this queue */
    }
    return self->wait_result;
}

static enum status wait_until_locked(struct wait_queue *q, uint64_t deadline_ns, bool cancellable)
    REQUIRES(q->lock)
{
    if (deadline_ns == WAIT_FOREVER) {
        return wait_once_locked(q, cancellable);
    }
    if (clock_now_ns() >= deadline_ns) {
        return E_TIMEDOUT;
    }
    /* Interrupts are masked until the thread has left the CPU: the timer cannot fire before it
     * waits. */
    struct timeout t = {.timer = {.deadline_ns = deadline_ns, .fire = time_out},
                        .thread = thread_current()};
    timer_start(&t.timer);
    enum status s = wait_once_locked(q, cancellable);
    (void)timer_cancel(&t.timer); /* time_out() takes no queue's lock */
    return s;
}

enum status wait_on_locked(struct wait_queue *q, irq_state_t *state, uint64_t deadline_ns)
{
    (void)state; /* interrupts stay masked from before to after: what they were is still right */
    return wait_until_locked(q, deadline_ns, true);
}

enum status wait_uncancellable_locked(struct wait_queue *q, irq_state_t *state,
                                      uint64_t deadline_ns)
{
    (void)state;
    return wait_until_locked(q, deadline_ns, false);
}

void wait_wake_one_locked(struct wait_queue *q)
{
    struct list_node *n;
    while ((n = list_pop_front(&q->waiters)) != NULL) {
        if (sched_wake(CONTAINER_OF(n, struct thread, wait_link), OK)) {
            return;
        }
    }
}

void wait_wake_all_locked(struct wait_queue *q)
{
    struct list_node *n;
    while ((n = list_pop_front(&q->waiters)) != NULL) {
        (void)sched_wake(CONTAINER_OF(n, struct thread, wait_link), OK);
    }
}

void wait_wake_one(struct wait_queue *q)
{
    irq_state_t state = spin_lock_irq(&q->lock);
    wait_wake_one_locked(q);
    spin_unlock_irq(&q->lock, state);
}

void wait_wake_all(struct wait_queue *q)
{
    irq_state_t state = spin_lock_irq(&q->lock);
    wait_wake_all_locked(q);
    spin_unlock_irq(&q->lock, state);
}

void wait_wake_late(struct late_wake *w)
{
    irq_state_t state = hal_irq_save();
    if (!atomic_exchange_explicit(&w->is_queued, true, memory_order_acq_rel)) {
        list_push_back(&sched_this_cpu()->late, &w->link);
        hal_this_cpu()->need_resched = true;
    }
    hal_irq_restore(state);
}

void wait_do_late(struct sched_cpu *sc)
{
    while (!list_is_empty(&sc->late)) {
        struct late_wake *w = CONTAINER_OF(list_pop_front(&sc->late), struct late_wake, link);
        (void)atomic_exchange_explicit(&w->is_queued, false, memory_order_acq_rel);
        wait_wake_all(w->queue);
    }
}

void completion_init(struct completion *c, const char *name)
{
    wait_queue_init(&c->queue, name);
    c->done = false;
}

void completion_signal(struct completion *c)
{
    irq_state_t state = spin_lock_irq(&c->queue.lock);
    c->done = true;
    wait_wake_all_locked(&c->queue);
    spin_unlock_irq(&c->queue.lock, state);
}

enum status completion_wait(struct completion *c, uint64_t deadline_ns)
{
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&c->queue.lock);
    while (!c->done && s == OK) {
        s = wait_on_locked(&c->queue, &state, deadline_ns);
    }
    bool done = c->done;
    spin_unlock_irq(&c->queue.lock, state);
    return done ? OK : s;
}

enum status completion_wait_uncancellable(struct completion *c, uint64_t deadline_ns)
{
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&c->queue.lock);
    while (!c->done && s == OK) {
        s = wait_uncancellable_locked(&c->queue, &state, deadline_ns);
    }
    bool done = c->done;
    spin_unlock_irq(&c->queue.lock, state);
    return done ? OK : s;
}
