// SPDX-License-Identifier: MIT
//
// The hot paths of switching and waking, inline for the files of this folder so that a switch saves
// registers only once. The argument why they are correct is at the top of switch.c, which also
// holds the paths that are rarely taken.
#pragma once

#include "kernel/sched/sched_internal.h"
#include "kernel/trace/trace.h"

/** What a switch does in addition if either thread has a bit set in thread.special. */
COLD_CALL void switch_special_locked(struct run_queue *rq, const struct thread *prev,
                                     const struct thread *next, uint64_t now) REQUIRES(rq->lock);
/** Finish with the thread that left the CPU for good in this switch: release the lock, then drop or
 * move it. An ordinary call: after a switch no live registers have to be preserved. */
NOINLINE void switch_put_left(struct run_queue *rq) RELEASES(rq->lock);
/** Handle struct hal_cpu.switch_extra: need_resched was set (it stays set for errands only), or
 * tracing is on. */
COLD_CALL void switch_do_extra(struct hal_cpu *cpu, const struct thread *prev,
                               const struct thread *next);

/** Called if tracing is on. */
COLD_CALL void switch_record_ready(enum trace_event event, const struct thread *t);

static ALWAYS_INLINE struct sched_cpu *sched_of(struct hal_cpu *cpu)
{
    return cpu->run_queue;
}

static inline void request_switch(void)
{
    hal_this_cpu()->need_resched = true;
}

/** A thread became READY in another CPU's queue: make
 * that CPU re-evaluate if the thread should run soon. */
COLD_CALL void switch_notify_cpu_locked(struct run_queue *rq, const struct thread *t)
    REQUIRES(rq->lock);

/** Put a READY thread into its list. If it is better than the running one, it preempts at the next
 * chance; if equal, it runs when the current slice ends. */
static ALWAYS_INLINE void make_ready_locked(struct hal_cpu *cpu, struct run_queue *rq,
                                            struct thread *t) REQUIRES(rq->lock)
{
    uint8_t priority = rq_push_back_locked(rq, t), running;
    preempt_point(PREEMPT_WAKE);
    if (UNLIKELY(rq != &sched_of(cpu)->rq)) {
        switch_notify_cpu_locked(rq, t);
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
    t->state = THREAD_READY; /* adjacent to wait_result: the compiler merges both stores */
    t->wait_result = result;
    make_ready_locked(cpu, rq, t);
    if (UNLIKELY(cpu->is_traced)) {
        switch_record_ready(TRACE_WAKE, t);
    }
    return true;
}

/** End a thread's wait with this result. @return false: the thread is not waiting, because another
 * waker, its timer or a cancellation came first. @pre interrupts are masked */
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
        spin_unlock_masked(&rq->lock); /* the thread moved to another CPU meanwhile */
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

/** Ticks of the slice that a thread continues with: the rest of its last one, or a new slice. @pre
 * it is not running, or its run time is accounted for. */
static ALWAYS_INLINE uint64_t slice_of(struct thread *next)
{
    if (UNLIKELY(next->slice_left <= 0)) {
        next->slice_left = sched_slice_ticks;
    }
    return (uint64_t)next->slice_left;
}

/** The first thing a thread does after a switch to it, a new thread too. Interrupts are masked. */
static ALWAYS_INLINE void finish_switch(void) NO_LOCK_ANALYSIS
{
    /* this CPU's queue; the thread may have left from another one */
    struct run_queue *rq = &sched_this_cpu()->rq;
    if (UNLIKELY(rq->left != NULL)) {
        switch_put_left(rq);
    } else {
        spin_unlock_masked(&rq->lock);
    }
}

/**
 * Switch to `next`, which is already out of the ready lists. The running thread, `prev`, is in a
 * ready list already, or is BLOCKED, DEAD or MOVING. Entered with the lock held and interrupts
 * masked; returns with the lock released and interrupts masked.
 *
 * Inline, so that registers are saved only once and a caller can pass values that it already has:
 * `slice` is slice_of(next); `is_other` means that the two threads differ; `yields` gives `prev` a
 * new slice. The caller that chose `next` has armed the timer for the end of its slice.
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
        /* mutex.c reads it on other CPUs */
        __atomic_store_n(&cpu->current, next, __ATOMIC_RELAXED);
        next->switches++;
        hal_context_switch(&prev->context, &next->context);
    }
    finish_switch();
}

/**
 * Remove and return the best ready thread, or return the idle thread. If another thread of equal
 * priority is ready, arm the timer for the end of the slice.
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
 * Wait without a deadline. Only the entry in the queue's list records the wait. Interrupts are
 * masked.
 *
 * The run queue is locked from before the thread is BLOCKED until it has left the CPU.
 * @param q NULL: wait in no queue; no lock is released.
 * @return With q->lock released. OK: a waker removed the thread from the queue. Any other value: it
 *     may still be in the queue.
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
    /* Fails if a spinlock is held or the caller must not sleep. */
    ASSERT(cpu->depths == 0);
    spin_lock_masked(&rq->lock);
    /* thread_cancel() sets the flag, then takes this lock: either the flag is seen here, or
     * thread_cancel() sees BLOCKED. */
    if (UNLIKELY(cancellable && atomic_load_explicit(&self->cancelled, memory_order_relaxed))) {
        self->wait_link.next = NULL; /* the last waker left it unchanged; NULL means "not linked" */
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
    uint64_t now = hal_counter_read_early();
    struct thread *next = best_or_idle_locked(sc, now);
    self->stopped_at = now;
    switch_locked(cpu, sc, self, next, now, slice_of(next), true, false);
    self = thread_current(); /* reading it again is cheaper than keeping it across the switch */
    if (!cancellable) {
        self->wait_uncancellable = false; /* only read while the thread is BLOCKED */
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
        n->next = NULL; /* unlinked: leave_queue_locked() checks this under q->lock */
    }
    return false;
}

/** wait_for_handoff_locked() with a deadline. */
enum status wait_for_handoff_until_locked(struct wait_queue *q, uint64_t deadline_ns,
                                          bool cancellable) RELEASES(q->lock);

/** The end of wait_for_handoff_locked() if no waker handed anything over: leave the queue, enable
 * interrupts, return `s`. */
NOINLINE enum status wait_abandon(struct wait_queue *q, enum status s);

/**
 * Sleep until a waker hands over the awaited thing; return without the lock.
 *
 * For conditions that stay true for the woken thread: a unit of a semaphore that only this
 * thread gets, or a completion that stays done. The thread need not test the condition
 * again. When this returns, the waker no longer uses the queue or its lock, so the queue may
 * be on this thread's stack.
 *
 * The lock is released and interrupts are enabled in every case: a caller that
 * may sleep had them enabled.
 * @return OK: woken by a waker of the queue, and by nothing else; E_TIMEDOUT; E_CANCELLED
 *     (only if `cancellable`).
 */
static ALWAYS_INLINE enum status wait_for_handoff_locked(struct wait_queue *q, uint64_t deadline_ns,
                                                         bool cancellable)
    RELEASES(q->lock) NO_LOCK_ANALYSIS
{
    if (UNLIKELY(deadline_ns != WAIT_FOREVER)) {
        return wait_for_handoff_until_locked(q, deadline_ns, cancellable);
    }
    enum status s = wait_sleep_locked(q, cancellable);
    if (UNLIKELY(s != OK)) {
        return wait_abandon(q, s);
    }
    spin_wait_released(&q->lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}

/** Return OK instead of `s` if the completion was signalled just after the wait ended. */
NOINLINE enum status completion_recheck(struct completion *c, enum status s);

/** completion_wait(), inline. A woken waiter knows that the completion is done for good, so it does
 * not take the lock again. */
static ALWAYS_INLINE enum status wait_done(struct completion *c, uint64_t deadline_ns,
                                           bool cancellable) NO_LOCK_ANALYSIS
{
    lockcheck_may_sleep("completion_wait");
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    spin_lock_masked(&c->queue.lock);
    if (!c->done) {
        enum status s = wait_for_handoff_locked(&c->queue, deadline_ns, cancellable);
        return LIKELY(s == OK) ? OK : completion_recheck(c, s);
    }
    spin_unlock_masked(&c->queue.lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}
