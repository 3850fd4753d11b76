// SPDX-License-Identifier: MIT
//
// Wait queues and completions.

#include "kernel/sched/wait.h"

#include "kernel/base/clock.h"
#include "kernel/sched/switch_internal.h"

/* A wait ends exactly once: in switch_wake(), under the run queue's lock, for the first of three to
 * come: a waker under the queue's lock, the timer (time_out()), or thread_cancel(). The top of
 * switch.c argues why no wake-up is lost.
 *
 * Only wakers find a waiter through the queue, and they unlink it first. The timer and
 * thread_cancel() know the thread itself and leave it linked; the thread unlinks itself under the
 * queue's lock when it runs again (leave_queue_locked()). A waker that meets such a thread gets
 * false from switch_wake() and continues with the next waiter, so its wake-up is not wasted on a
 * thread that has stopped waiting. The waker sets wait_link.next to NULL, which tells the thread
 * that it is unlinked already.
 *
 * No code follows a pointer from a thread to its queue: the queue may be freed as soon as the
 * waiter is awake. `waiting_on` is a copy of the name for `ps`.
 *
 * Interrupts stay masked from before the lock is taken until after the switch back. So a wait never
 * returns on another CPU with the wrong interrupt state, and a timer that this CPU starts cannot
 * fire before the thread is BLOCKED. */

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
        list_remove(link); /* no waker of this queue ended the wait */
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

/* The timer belongs to this CPU, whose interrupts are masked until the thread has left it, so it
 * cannot fire before the thread is BLOCKED. The struct is on the waiter's stack: end_timeout() must
 * run before the function returns. */
static void start_timeout(struct timeout *t, uint64_t deadline_ns)
{
    *t = (struct timeout){.timer = {.deadline_ns = deadline_ns, .fire = time_out},
                          .thread = thread_current()};
    timer_start(&t->timer);
}

/* time_out() takes no queue's lock, so this may be called with q->lock held. If the timer ended the
 * wait, it is no longer queued; wait only until its function has returned. */
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

NOINLINE enum status wait_abandon(struct wait_queue *q, enum status s)
{
    spin_lock_masked(&q->lock);
    leave_queue_locked(q);
    spin_unlock_masked(&q->lock);
    hal_irq_enable();
    preempt_check();
    return s;
}

/* spin_wait_released() waits until the waker has released q->lock: from then on the
 * caller may free the queue. */
NOINLINE enum status wait_for_handoff_until_locked(struct wait_queue *q, uint64_t deadline_ns,
                                                   bool cancellable)
    RELEASES(q->lock) NO_LOCK_ANALYSIS
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
        return wait_abandon(q, s);
    }
    spin_wait_released(&q->lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}

enum status wait_on_locked(struct wait_queue *q, irq_state_t *state, uint64_t deadline_ns)
{
    (void)state; /* interrupts stay masked throughout, so the caller's state is still right */
    return wait_until_locked(q, deadline_ns, true);
}

enum status wait_uncancellable_locked(struct wait_queue *q, irq_state_t *state,
                                      uint64_t deadline_ns)
{
    (void)state;
    return wait_until_locked(q, deadline_ns, false);
}

/* Waits in no queue, so only the deadline or cancellation ends it. */
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
    if (UNLIKELY(q->watches != NULL)) {
        wait_set_wake_locked(q);
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

/* Only the CPU that changes is_queued from false to true links the struct, so it is in one CPU's
 * list at most. A caller that finds it true relies on wait_run_deferred() running later: the
 * acq_rel exchanges make the caller's condition visible to the threads woken there. */
void wait_wake_deferred(struct deferred_wake *w)
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

void wait_run_deferred(struct sched_cpu *sc)
{
    while (!list_is_empty(&sc->late)) {
        struct deferred_wake *w =
            CONTAINER_OF(list_pop_front(&sc->late), struct deferred_wake, link);
        /* Clear before waking: a call that comes later queues it again. */
        (void)atomic_exchange_explicit(&w->is_queued, false, memory_order_acq_rel);
        wait_wake_all(w->queue);
    }
}

void completion_init(struct completion *c, const char *name)
{
    wait_queue_init(&c->queue, name);
    c->done = false;
}

/* The waiters are woken under the lock, and a waiter may free the completion as soon as it is awake
 * and the lock is free, so `c` must not be used after the unlock. */
void completion_signal(struct completion *c)
{
    irq_state_t state = hal_irq_save();
    spin_lock_masked(&c->queue.lock);
    c->done = true;
    while (wait_wake_first_locked(&c->queue)) {
    }
    spin_unlock_masked(&c->queue.lock); /* a waiter may free `c` from here on */
    hal_irq_restore(state);
    preempt_check();
}

/* The signal may have come between the time-out and now; a done completion counts as success. */
NOINLINE enum status completion_recheck(struct completion *c, enum status s)
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
