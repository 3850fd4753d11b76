// SPDX-License-Identifier: MIT
//
// The paths that a switch and a wake-up are made of, inline for the files of this folder: what a
// thread saves on its way out is then saved once. How they work together is argued at the top of
// switch.c, which has what is seldom needed.
#pragma once

#include "kernel/sched/sched_internal.h"
#include "kernel/trace/trace.h"

/** What a switch has to do besides for `special` threads. */
SELDOM_CALLED void switch_special_locked(struct run_queue *rq, const struct thread *prev,
                                         const struct thread *next, uint64_t now)
    REQUIRES(rq->lock);
/** The thread that left the CPU for good in the switch, once the lock is free. An ordinary call:
 * after a switch there is nothing in registers that it would have to keep. */
NOINLINE void switch_put_left(struct run_queue *rq) RELEASES(rq->lock);
/** What struct hal_cpu's switch_extra says: need_resched stays only for errands; tracing. */
SELDOM_CALLED void switch_do_extra(struct hal_cpu *cpu, const struct thread *prev,
                                   const struct thread *next);

/** Tracing is on. */
SELDOM_CALLED void switch_record_ready(enum trace_event event, const struct thread *t);

static ALWAYS_INLINE struct sched_cpu *sched_of(struct hal_cpu *cpu)
{
    return cpu->run_queue;
}

static inline void request_switch(void)
{
    hal_this_cpu()->need_resched = true;
}

/** A thread became READY on another CPU: have it look, if the thread is to run soon. */
SELDOM_CALLED void switch_tell_cpu_locked(struct run_queue *rq, const struct thread *t)
    REQUIRES(rq->lock);

/** Put a thread that is READY into its list. A better one takes the CPU at the next chance, an
 * equal one when the running one's slice ends. */
static ALWAYS_INLINE void make_ready_locked(struct hal_cpu *cpu, struct run_queue *rq,
                                            struct thread *t) REQUIRES(rq->lock)
{
    uint8_t priority = rq_push_back_locked(rq, t), running;
    preempt_point(PREEMPT_WAKE);
    if (UNLIKELY(rq != &sched_of(cpu)->rq)) {
        switch_tell_cpu_locked(rq, t);
    } else if (priority > (running = rq_running(rq))) {
        cpu->need_resched = true;
    } else {
        if (priority == running) {
            timer_arm_on(CONTAINER_OF(rq, struct sched_cpu, rq), rq->slice_end);
        }
        if (UNLIKELY(t->can_move)) {
            balance_offer_locked(rq, t);
        }
    }
}

static ALWAYS_INLINE bool wake_locked(struct run_queue *rq, struct thread *t, enum status result)
    REQUIRES(rq->lock)
{
    if (UNLIKELY(t->state != THREAD_BLOCKED)) {
        return false;
    }
    struct hal_cpu *cpu = hal_this_cpu();
    t->state = THREAD_READY; /* one store with the next */
    t->wait_result = result;
    make_ready_locked(cpu, rq, t);
    if (UNLIKELY(cpu->is_traced)) {
        switch_record_ready(TRACE_WAKE, t);
    }
    return true;
}

/** End a thread's wait with this result. @return false: it does not wait (somebody else ended the
 * wait). @pre interrupts are masked */
static ALWAYS_INLINE bool switch_wake(struct thread *t, enum status result) NO_LOCK_ANALYSIS
{
    for (;;) {
        struct run_queue *rq = atomic_load_explicit(&t->rq, memory_order_relaxed);
        spin_lock_masked(&rq->lock);
        if (LIKELY(atomic_load_explicit(&t->rq, memory_order_acquire) == rq)) {
            bool woken = wake_locked(rq, t, result);
            spin_unlock_masked(&rq->lock);
            return woken;
        }
        spin_unlock_masked(&rq->lock); /* it was moved meanwhile */
    }
}

static ALWAYS_INLINE void account_thread_locked(struct run_queue *rq, struct thread *t,
                                                uint64_t now) REQUIRES(rq->lock)
{
    uint64_t ticks = now - rq->switched_at;
    rq->switched_at = now;
    t->run_ticks += ticks;
    t->slice_left -= (int64_t)ticks;
}

/** The slice that a thread goes on with: what is left of its last one, or a new one. @pre it does
 * not run, or what it ran is accounted for. */
static ALWAYS_INLINE uint64_t slice_of(struct thread *next)
{
    if (UNLIKELY(next->slice_left <= 0)) {
        next->slice_left = sched_slice_ticks;
    }
    return (uint64_t)next->slice_left;
}

/** First thing that a thread does that was switched to, a new one, too: interrupts are masked. */
static ALWAYS_INLINE void finish_switch(void) NO_LOCK_ANALYSIS
{
    struct run_queue *rq = &sched_this_cpu()->rq; /* not the one that the thread left from */
    if (UNLIKELY(rq->left != NULL)) {
        switch_put_left(rq);
    } else {
        spin_unlock_masked(&rq->lock);
    }
}

/**
 * Run `next`, which is in no list any more. The running one, `prev`, is in a ready list already, or
 * BLOCKED or DEAD. Entered with the lock held and interrupts masked; returns with the lock
 * released, interrupts masked. Inline, so that what a switch saves is saved once, and what a caller
 * knows already is not looked at: `slice` is slice_of(next), `is_other` that the two differ,
 * `yields` that `prev` gets a new slice. The timer is armed for the end of the slice by who chose
 * `next`.
 */
static ALWAYS_INLINE void switch_locked(struct hal_cpu *cpu, struct sched_cpu *sc,
                                        struct thread *prev, struct thread *next, uint64_t now,
                                        uint64_t slice, bool is_other, bool yields) NO_LOCK_ANALYSIS
{
    struct run_queue *rq = &sc->rq;
    if (UNLIKELY(cpu->switch_extra != 0)) {
        switch_do_extra(cpu, prev, next);
    }
    if (UNLIKELY(prev->special | next->special)) {
        switch_special_locked(rq, prev, next, now);
    }
    account_thread_locked(rq, prev, now);
    if (yields) {
        prev->slice_left = sched_slice_ticks;
    }
    next->state = THREAD_RUNNING;
    rq->slice_end = now + slice;
    if (is_other || LIKELY(next != prev)) {
        __atomic_store_n(&cpu->current, next, __ATOMIC_RELAXED); /* mutexes of others look */
        next->switches++;
        hal_context_switch(&prev->context, &next->context);
    }
    finish_switch();
}

/**
 * Take out the best ready thread, the idle thread if there is none; arm the timer for the end of
 * its slice if another as good is ready.
 */
static ALWAYS_INLINE struct thread *best_or_idle_locked(struct sched_cpu *sc, uint64_t now)
    REQUIRES(sc->rq.lock)
{
    bool has_equal;
    struct thread *next = rq_pop_locked(&sc->rq, &has_equal);
    if (UNLIKELY(next == NULL)) {
        rq_set_running_locked(&sc->rq, PRIO_IDLE);
        return sc->rq.idle;
    }
    if (has_equal) {
        timer_arm_on(sc, now + slice_of(next));
    }
    return next;
}

/* --- waiting --- */

/**
 * Wait without a time limit: the list entry is the only trace of it. Interrupts are masked.
 *
 * The run queue is locked from before the thread is BLOCKED until it has left the CPU.
 * @param q  NULL: in no queue, and no lock is given up.
 * @return With the lock given up. OK: a waker took the thread out of the queue. Anything else: it
 * may still be in it.
 */
static ALWAYS_INLINE enum status wait_sleep_locked(struct wait_queue *q, bool cancellable)
    RELEASES(q->lock) NO_LOCK_ANALYSIS
{
    struct hal_cpu *cpu = hal_this_cpu();
    struct sched_cpu *sc = sched_of(cpu);
    struct run_queue *rq = &sc->rq;
    struct thread *self = cpu->current;
    lockcheck_sleeps(q != NULL ? 1 : 0);
    preempt_point(PREEMPT_WAIT);
    /* A spinlock is held, or the caller may not sleep. */
    ASSERT(cpu->depths == 0);
    spin_lock_masked(&rq->lock);
    /* thread_cancel() sets the flag, then takes this lock: either it is seen here, or it sees
     * BLOCKED. */
    if (UNLIKELY(cancellable && atomic_load_explicit(&self->cancelled, memory_order_relaxed))) {
        self->wait_link.next = NULL; /* who woke it the last time left it as it was */
        spin_unlock_masked(&rq->lock);
        if (q != NULL) {
            spin_unlock_masked(&q->lock);
        }
        return E_CANCELLED;
    }
    self->state = THREAD_BLOCKED;
    self->waiting_on = q != NULL ? q->name : "sleep";
    if (!cancellable) {
        self->wait_uncancellable = true;
    }
    if (q != NULL) {
        list_push_back(&q->waiters, &self->wait_link);
        spin_unlock_masked(&q->lock);
    }
    uint64_t now = hal_counter_read();
    struct thread *next = best_or_idle_locked(sc, now);
    self->stopped_at = now;
    switch_locked(cpu, sc, self, next, now, slice_of(next), true, false);
    self = thread_current(); /* asked again: cheaper than kept across the switch */
    if (!cancellable) {
        self->wait_uncancellable = false; /* only looked at while it is BLOCKED */
    }
    return self->wait_result;
}

/** wait_wake_one_locked(), inline. */
static ALWAYS_INLINE bool wait_wake_first_locked(struct wait_queue *q) REQUIRES(q->lock)
{
    while (!list_is_empty(&q->waiters)) {
        struct list_node *n = list_take_front(&q->waiters);
        if (LIKELY(switch_wake(CONTAINER_OF(n, struct thread, wait_link), OK))) {
            return true;
        }
        n->next = NULL; /* in no queue: it will ask, and waits for the queue's lock until then */
    }
    return false;
}

/** wait_handed_locked() with a deadline. */
enum status wait_handed_until_locked(struct wait_queue *q, uint64_t deadline_ns, bool cancellable)
    RELEASES(q->lock);

/** After a sleep in which nothing was handed over: the end of wait_handed_locked(). */
NOINLINE enum status wait_end_in_vain(struct wait_queue *q, enum status s);

/**
 * Sleep until a waker hands this thread what it waits for, and go on without the lock.
 *
 * For what is true for the woken thread alone (a unit of a semaphore) or for ever (a completion):
 * there is no condition to look at again. The waker and the lock are done with each other when this
 * returns, so the queue may be on this thread's stack.
 * The lock is given up and interrupts are enabled, always: who may sleep had them enabled.
 * @return OK: woken by a waker of the queue, and by nothing else; E_TIMEDOUT; E_CANCELLED (not if
 * `cancellable` is false).
 */
static ALWAYS_INLINE enum status wait_handed_locked(struct wait_queue *q, uint64_t deadline_ns,
                                                    bool cancellable)
    RELEASES(q->lock) NO_LOCK_ANALYSIS
{
    if (UNLIKELY(deadline_ns != WAIT_FOREVER)) {
        return wait_handed_until_locked(q, deadline_ns, cancellable);
    }
    enum status s = wait_sleep_locked(q, cancellable);
    if (UNLIKELY(s != OK)) {
        return wait_end_in_vain(q, s);
    }
    spin_wait_released(&q->lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}

/** Signalled just after the wait was over: done all the same. */
NOINLINE enum status completion_look_again(struct completion *c, enum status s);

/** completion_wait(). A waiter that is woken knows that it is done, and for good: it does not come
 * back to the lock. */
static ALWAYS_INLINE enum status wait_done(struct completion *c, uint64_t deadline_ns,
                                           bool cancellable) NO_LOCK_ANALYSIS
{
    lockcheck_may_sleep("completion_wait");
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    spin_lock_masked(&c->queue.lock);
    if (!c->done) {
        enum status s = wait_handed_locked(&c->queue, deadline_ns, cancellable);
        return LIKELY(s == OK) ? OK : completion_look_again(c, s);
    }
    spin_unlock_masked(&c->queue.lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}
