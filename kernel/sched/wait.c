// SPDX-License-Identifier: MIT
//
// Wait queues and completions. How a wait ends exactly once, and why no wake-up is lost, is argued
// at the top of switch.c; here is who ends it: a waker under the queue's lock, the timer, or
// thread_cancel().
//
// Only wakers find a waiter through the queue. The other two know the thread itself, and leave it
// in the queue until it runs and takes itself out; a waker that meets such a thread is told so by
// switch_wake() and goes on to the next. Nobody ever follows a pointer to a queue from a thread:
// the queue may be gone by then.

#include "kernel/sched/wait.h"

#include "kernel/base/clock.h"
#include "kernel/sched/switch_internal.h"

struct timeout {
    struct timer timer;
    struct thread *thread;
};

void wait_queue_init(struct wait_queue *q, const char *name)
{
    *q = (struct wait_queue){.lock = SPINLOCK_INIT_NAMED(name), .name = name};
    list_init(&q->waiters);
}

static void time_out(struct timer *timer)
{
    (void)switch_wake(CONTAINER_OF(timer, struct timeout, timer)->thread, E_TIMEDOUT);
}

static void leave_queue_locked(struct wait_queue *q) REQUIRES(q->lock)
{
    (void)q;
    struct list_node *link = &thread_current()->wait_link;
    if (list_is_linked(link)) {
        list_remove(link); /* it was not a waker of this queue */
    }
}

static enum status wait_once_locked(struct wait_queue *q, bool cancellable)
    REQUIRES(q->lock) NO_LOCK_ANALYSIS
{
    enum status s = wait_sleep_locked(q, cancellable);
    spin_lock_masked(&q->lock);
    if (UNLIKELY(s != OK)) {
        leave_queue_locked(q);
    }
    return s;
}

/* The timer is this CPU's, whose interrupts are masked until the thread has left it: it cannot fire
 * before the thread waits. */
static void start_timeout(struct timeout *t, uint64_t deadline_ns)
{
    *t = (struct timeout){.timer = {.deadline_ns = deadline_ns, .fire = time_out},
                          .thread = thread_current()};
    timer_start(&t->timer);
}

/* time_out() takes no queue's lock. If it ended the wait, the timer is not queued any more. */
static void end_timeout(struct timeout *t, enum status s)
{
    if (LIKELY(s == E_TIMEDOUT)) {
        timer_wait_fired(&t->timer);
    } else {
        (void)timer_cancel(&t->timer);
    }
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
    struct timeout t;
    start_timeout(&t, deadline_ns);
    enum status s = wait_once_locked(q, cancellable);
    end_timeout(&t, s);
    return s;
}

NOINLINE enum status wait_end_in_vain(struct wait_queue *q, enum status s)
{
    spin_lock_masked(&q->lock);
    leave_queue_locked(q);
    spin_unlock_masked(&q->lock);
    hal_irq_enable();
    preempt_check();
    return s;
}

NOINLINE enum status wait_handed_until_locked(struct wait_queue *q, uint64_t deadline_ns,
                                              bool cancellable) RELEASES(q->lock) NO_LOCK_ANALYSIS
{
    if (clock_now_ns() >= deadline_ns) {
        spin_unlock_masked(&q->lock);
        hal_irq_enable();
        preempt_check();
        return E_TIMEDOUT;
    }
    struct timeout t;
    start_timeout(&t, deadline_ns);
    enum status s = wait_sleep_locked(q, cancellable);
    end_timeout(&t, s);
    if (s != OK) {
        return wait_end_in_vain(q, s);
    }
    spin_wait_released(&q->lock);
    hal_irq_enable();
    preempt_check();
    return OK;
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

/* In no queue: only time and cancellation end it. */
enum status thread_sleep_until(uint64_t deadline_ns) NO_LOCK_ANALYSIS
{
    DASSERT(hal_irqs_enabled());
    if (clock_now_ns() >= deadline_ns) {
        return OK;
    }
    hal_irq_disable();
    struct timeout t;
    if (deadline_ns != WAIT_FOREVER) {
        start_timeout(&t, deadline_ns);
    }
    enum status s = wait_sleep_locked(NULL, true);
    if (deadline_ns != WAIT_FOREVER) {
        end_timeout(&t, s);
    }
    hal_irq_enable();
    preempt_check();
    return s == E_TIMEDOUT ? OK : s;
}

bool wait_wake_one_locked(struct wait_queue *q)
{
    return wait_wake_first_locked(q);
}

void wait_wake_all_locked(struct wait_queue *q)
{
    while (wait_wake_first_locked(q)) {
    }
}

void wait_wake_one(struct wait_queue *q)
{
    irq_state_t state = spin_lock_irq(&q->lock);
    (void)wait_wake_one_locked(q);
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
        struct sched_cpu *sc = sched_this_cpu();
        list_push_back(&sc->late, &w->link);
        sc->has_errands = true;
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
    irq_state_t state = hal_irq_save();
    spin_lock_masked(&c->queue.lock);
    c->done = true;
    while (wait_wake_first_locked(&c->queue)) {
    }
    spin_unlock_masked(&c->queue.lock); /* from here on a waiter may free it */
    hal_irq_restore(state);
    preempt_check();
}

NOINLINE enum status completion_look_again(struct completion *c, enum status s)
{
    irq_state_t state = spin_lock_irq(&c->queue.lock);
    bool done = c->done;
    spin_unlock_irq(&c->queue.lock, state);
    return done ? OK : s;
}

enum status completion_wait(struct completion *c, uint64_t deadline_ns)
{
    return wait_done(c, deadline_ns, true);
}

enum status completion_wait_uncancellable(struct completion *c, uint64_t deadline_ns)
{
    return wait_done(c, deadline_ns, false);
}
