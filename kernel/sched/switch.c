// SPDX-License-Identifier: MIT
//
// A thread's transitions between running, ready and blocked, and the context switch itself.
// runqueue.c implements the ready lists; wait.c implements the reasons to wait.

#include "hal/smp.h"
#include "hal/timer.h"
#include "kernel/base/clock.h"
#include "kernel/base/panic.h"
#include "kernel/lib/format.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/switch_internal.h"
#include "kernel/trace/trace.h"

/* How a thread changes state.
 *
 * Every transition happens under the lock of the run queue that the thread belongs to
 * (thread.rq). That makes "woken, timed out or cancelled" one decision: switch_wake() moves a
 * thread from BLOCKED to READY and stores the reason; a second waker finds the thread no longer
 * BLOCKED and does nothing.
 *
 * The CPU holds its run queue's lock across hal_context_switch(): the outgoing thread takes it, the
 * incoming thread releases it in finish_switch(). Until then no other CPU can pick the outgoing
 * thread, whose registers are not saved yet. So code that holds a run queue's lock and sees a
 * thread that is not RUNNING may use its saved context.
 *
 * No wake-up is lost. A waiter holds the wait queue's lock from the test of its condition until
 * wait_sleep_locked() has taken the run queue's lock, made the thread BLOCKED and linked it into
 * the queue. A waker makes the condition true, then takes the queue's lock before it looks for
 * waiters. Either it gets that lock before the waiter tests the condition, and the test succeeds;
 * or it finds the waiter linked and BLOCKED, and switch_wake() waits for the run queue's lock until
 * the waiter has left its CPU. The order in wait_sleep_locked() therefore matters: run queue lock,
 * state, link, and only then the release of the queue's lock.
 *
 * Lock order: wait queue, inherit.c's lock, run queue. No path locks two run queues at once; a
 * thread that changes its run queue is MOVING in between (balance.c).
 *
 * need_resched asks for a pass through preempt_while_due(). Any code on this CPU may set it with
 * interrupts masked. Work that must not happen under a spinlock (IPIs to send, deferred wake-ups)
 * is recorded in sched_cpu.kicks and .late, has_errands is set, and the same pass does it. */

#define SLICES_PER_SECOND 100 /* slice length when threads of equal priority compete */
/* Interrupts per second that a cancelled thread gets, so that one of them finds it in its program's
 * code. See arm_kill_check(). */
#define KILL_CHECKS_PER_SECOND 1000
/* An idle CPU polls for this long before it halts, if the last time it went idle another
 * CPU needed it within that time. Halting and being woken by an interrupt takes long, above
 * all in a virtual machine. */
#define WATCHES_PER_SECOND 5000

static struct sched_cpu boot_cpu;
struct sched_cpu *sched_cpus[CPU_MAX];
static struct thread boot_thread;
int64_t sched_slice_ticks;
static uint64_t kill_check_ticks, watch_ticks;

/* The thread may move to another CPU between the load of t->rq and the lock, so check again under
 * the lock. Acquire pairs with the release in begin_migration_locked(): it makes the state
 * that the thread got before the move visible. */
struct run_queue *sched_lock_thread(struct thread *t, irq_state_t *state) NO_LOCK_ANALYSIS
{
    for (;;) {
        struct run_queue *rq = atomic_load_explicit(&t->rq, memory_order_relaxed);
        *state = spin_lock_irq(&rq->lock);
        if (LIKELY(atomic_load_explicit(&t->rq, memory_order_acquire) == rq)) {
            return rq;
        }
        spin_unlock_irq(&rq->lock, *state);
    }
}

void sched_unlock_thread(struct run_queue *rq, irq_state_t state) NO_LOCK_ANALYSIS
{
    spin_unlock_irq(&rq->lock, state);
}

/* Usually defers the IPI: callers hold a run queue's lock, for which the interrupted CPU would
 * have to wait. `kicks` and `has_errands` belong to this CPU and change with interrupts masked
 * only. With preemption off nothing would run the errands soon, so send at once. CPUs from
 * MASK_CPUS on have no bit in `kicks`. */
void sched_kick(cpu_t cpu)
{
    struct hal_cpu *self = hal_this_cpu();
    if (cpu >= MASK_CPUS || self->preempt_off != 0) {
        ipi_send(cpus_at(cpu), HAL_IPI_REEVALUATE);
        return;
    }
    struct sched_cpu *sc = sched_of(self);
    sc->kicks |= (cpu_mask_t)1 << cpu;
    sc->has_errands = true;
    self->need_resched = true;
}

/** Work put off until no lock is held. An errand may leave a new one. */
static NOINLINE void do_errands(struct sched_cpu *sc)
{
    /* Clear first: whatever wait_run_deferred() adds from here on sets the flag again. */
    sc->has_errands = false;
    wait_run_deferred(sc);
    cpu_mask_t cpus = sc->kicks;
    sc->kicks = 0;
    for (; cpus != 0; cpus &= cpus - 1) {
        ipi_send(cpus_at((cpu_t)__builtin_ctzll(cpus)), HAL_IPI_REEVALUATE);
    }
}

/* The target CPU re-evaluates for a thread of equal priority too: it has to arm its timer
 * for the end of the running slice. A thread that will not run at once and may move is
 * offered to other CPUs as well. */
COLD_CALL void switch_notify_cpu_locked(struct run_queue *rq, const struct thread *t)
{
    uint8_t running = rq_running(rq);
    if (t->priority >= running) {
        sched_kick(rq->cpu);
    }
    if (t->priority <= running && t->can_move) {
        balance_offer_locked(rq, t);
    }
}

/**
 * A cancelled thread of a program ends when an interrupt finds it in the program's code. At this
 * moment it may be in kernel code, or run on a CPU where no interrupt is due, so arm the timer to
 * check again for as long as it runs.
 */
static void arm_kill_check(const struct thread *running, uint64_t now)
{
    if (UNLIKELY(running->owner != NULL &&
                 (thread_is_cancelled(running) || thread_owner_is_suspended(running->owner)))) {
        timer_arm(now + kill_check_ticks);
    }
}

static void account_locked(struct run_queue *rq, struct thread *t, uint64_t now) REQUIRES(rq->lock)
{
    if (t->owner != NULL) {
        t->owner->ops->account(t->owner, now - rq->switched_at);
    }
    account_thread_locked(rq, t, now);
}

/**
 * Enforce a program's CPU time limit: arm the timer for the moment when it may be used up.
 *
 * The program's threads consume the time on all CPUs at once, and each CPU accounts its
 * own part only at switches and ticks. So check after this CPU's share of the rest, then again.
 * @return true: the limit is reached.
 */
static bool watch_time_locked(const struct thread *t, uint64_t now)
{
    uint64_t left = LIKELY(t->owner == NULL) ? UINT64_MAX : t->owner->ops->time_left(t->owner);
    if (UNLIKELY(left != UINT64_MAX)) {
        uint64_t share = MAX(left / cpus_count(), kill_check_ticks);
        timer_arm(now + MAX(MIN(left, share), 1));
    }
    return left == 0;
}

static void switch_special_class(const struct thread *prev, const struct thread *next)
{
    struct sched_cpu *sc = sched_this_cpu();
    if ((next->special & SPECIAL_MUST_MOVE) != 0) {
        request_switch(); /* preempted before its CPU saw the flag: make it leave at once */
    }
    if ((prev->special & SPECIAL_REALTIME) != 0 && next->priority < prev->priority) {
        /* This CPU ran something better until now; a real-time thread that was kept waiting may
         * be ready on another CPU. */
        atomic_store_explicit(&sc->must_pull, true, memory_order_relaxed);
        request_switch();
    }
}

COLD_CALL void switch_special_locked(struct run_queue *rq, const struct thread *prev,
                                     const struct thread *next, uint64_t now)
{
    if (UNLIKELY(((prev->special | next->special) & ~SPECIAL_STATE) != 0)) {
        switch_special_class(prev, next);
    }
    if (prev->owner != NULL) {
        prev->owner->ops->account(prev->owner, now - rq->switched_at);
    }
    if (next->owner != NULL) {
        arm_kill_check(next, now);
        (void)watch_time_locked(next, now);
    }
    if (next == prev) {
        return;
    }
    if (prev->fp_area != NULL) {
        hal_fp_save(prev->fp_area);
    }
    if (next->fp_area != NULL) {
        hal_fp_restore(next->fp_area);
    }
}

COLD_CALL void switch_record_ready(enum trace_event event, const struct thread *t)
{
    trace_record(event, atomic_load_explicit(&t->rq, memory_order_relaxed)->cpu, t->id, 0);
}

/* rq->left is set by a thread that leaves this CPU for good. It cannot finish that itself, because
 * it still runs on its own stack: the next thread does, here. thread_put() may queue work and
 * balance_finish_migration() locks another run queue, so both run after this queue's lock is
 * released. */
NOINLINE void switch_put_left(struct run_queue *rq) NO_LOCK_ANALYSIS
{
    struct thread *left = rq->left;
    rq->left = NULL;
    if (left->state == THREAD_DEAD) {
        spin_unlock_masked(&rq->lock);
        thread_put(left);
    } else {
        balance_migrate_locked(rq, left);
        spin_unlock_masked(&rq->lock);
        balance_finish_migration(left);
    }
}

COLD_CALL void switch_do_extra(struct hal_cpu *cpu, const struct thread *prev,
                               const struct thread *next)
{
    const struct sched_cpu *sc = sched_of(cpu);
    cpu->need_resched = sc->has_errands;
    if (cpu->is_traced && next != prev) {
        trace_record(TRACE_SWITCH, prev->state, next->id, next->priority);
    }
}

/** The running thread may no longer run on this CPU: switch away and send it to another one. */
static void leave_cpu_locked(struct hal_cpu *cpu, struct sched_cpu *sc) NO_LOCK_ANALYSIS
{
    struct thread *t = cpu->current;
    uint64_t now = hal_counter_read();
    t->stopped_at = now;
    t->state = THREAD_MOVING;
    sc->rq.left = t; /* switch_put_left() sends it once another thread runs */
    struct thread *next = best_or_idle_locked(sc, now);
    switch_locked(cpu, sc, t, next, now, slice_of(next), true, false);
}

/** This CPU's idle thread is preempted. Remember whether polling would have paid off. */
static NOINLINE void leave_idle(struct sched_cpu *sc, uint64_t now)
{
    balance_leave_idle(sc);
    sc->watches = sc->was_asked && now - sc->idle_since < watch_ticks;
    sc->idle_since = 0;
}

/** The running thread can continue, but a better one
 * is ready, or an equal one and the slice is over. */
static void preempt_locked(struct hal_cpu *cpu, struct sched_cpu *sc) NO_LOCK_ANALYSIS
{
    struct run_queue *rq = &sc->rq;
    struct thread *t = cpu->current;
    uint64_t now = hal_counter_read();
    int best = rq_best_locked(rq);
    bool slice_over = now >= rq->slice_end;
    if (best < t->priority || (best == t->priority && !slice_over)) {
        spin_unlock_masked(&rq->lock);
        return;
    }
    t->state = THREAD_READY;
    if (t != rq->idle) {
        account_locked(rq, t, now); /* `t` may be the next to run again */
        t->stopped_at = now;
        if (slice_over) {
            rq_push_back_locked(rq, t);
        } else {
            rq_push_front_locked(rq, t);
        }
        if (t->can_move) {
            /* the lock is held until the switch is over, so no CPU takes it earlier */
            balance_offer_locked(rq, t);
            if (slice_over && t->priority < PRIO_REALTIME) {
                balance_rotate_locked(rq, t, now);
            }
        }
    } else if (UNLIKELY(sc->idle_since != 0)) {
        leave_idle(sc, now); /* the only way out of the idle thread: it neither waits nor yields */
    }
    struct thread *next = best_or_idle_locked(sc, now);
    if (UNLIKELY(rq_best_locked(rq) > t->priority)) {
        /* Several threads became ready before one of them ran. Each looked as if it would run at
         * once, so none was offered. */
        balance_tick_locked(rq, now);
    }
    switch_locked(cpu, sc, t, next, now, slice_of(next), false, false);
}

static void pull_if_asked(struct sched_cpu *sc)
{
    if (UNLIKELY(atomic_load_explicit(&sc->must_pull, memory_order_relaxed))) {
        atomic_store_explicit(&sc->must_pull, false, memory_order_relaxed);
        (void)balance_pull(sc);
    }
}

/** Finishing a switch may make another thread ready (switch_put_left()), and so may an errand,
 * hence the loop. */
static void preempt_while_due(void) NO_LOCK_ANALYSIS
{
    struct hal_cpu *cpu;
    while ((cpu = hal_this_cpu())->need_resched) {
        struct sched_cpu *sc = sched_of(cpu);
        cpu->need_resched = false; /* Clear first: an errand that adds another one sets it again. */
        if (UNLIKELY(sc->has_errands)) {
            do_errands(sc);
        }
        pull_if_asked(sc);
        spin_lock_masked(&sc->rq.lock);
        if (UNLIKELY((cpu->current->special & SPECIAL_MUST_MOVE) != 0)) {
            leave_cpu_locked(cpu, sc);
        } else {
            preempt_locked(cpu, sc);
        }
    }
    DASSERT(!sched_of(cpu)->has_errands); /* no later pass would come for them */
}

/* Switch to the best ready thread if it is better. Interrupts are enabled, preemption is on. */
static void preempt(void)
{
    irq_state_t state = hal_irq_save();
    preempt_while_due();
    hal_irq_restore(state);
}

#ifdef HALYARD_DEBUG
void sched_end_slice(void)
{
    irq_state_t state = hal_irq_save();
    struct run_queue *rq = &sched_this_cpu()->rq;
    spin_lock_masked(&rq->lock);
    rq->slice_end = hal_counter_read();
    thread_current()->slice_left = 0;
    spin_unlock_masked(&rq->lock);
    request_switch();
    preempt_while_due();
    hal_irq_restore(state);
}
#endif

void sched_preempt_from_irq(void)
{
    if (hal_this_cpu()->preempt_off == 0) {
        preempt_while_due();
    }
}

/* Runs in the timer interrupt. The timer is armed for the earliest of several needs and may fire
 * early for each, so every step checks its own condition and arms the timer again if it is still
 * needed. The owner's end_of_time() queues work and must not run under the run queue's lock. */
void sched_tick(void) NO_LOCK_ANALYSIS
{
    struct run_queue *rq = &sched_this_cpu()->rq;
    struct thread *t = thread_current();
    irq_state_t state = spin_lock_irq(&rq->lock);
    uint64_t now = hal_counter_read();
    if (!list_is_empty(&rq->ready[t->priority])) {
        if (now >= rq->slice_end) {
            request_switch();
        } else {
            timer_arm(rq->slice_end);
        }
    }
    balance_tick_locked(rq, now);
    arm_kill_check(t, now);
    account_locked(rq, t, now);
    bool is_over = !thread_is_cancelled(t) && watch_time_locked(t, now);
    spin_unlock_irq(&rq->lock, state);
    if (UNLIKELY(is_over)) {
        t->owner->ops->end_of_time(t->owner);
    }
}

void sched_account(struct thread *t) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    if (t->state == THREAD_RUNNING) {
        account_locked(rq, t, hal_counter_read());
    }
    sched_unlock_thread(rq, state);
}

/* describe() in thread.c reads t->owner under the run queue's lock, so clear it under that lock:
 * the owner may be freed right after. */
void sched_forget_owner(struct thread *t) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    account_locked(rq, t, hal_counter_read());
    t->owner = NULL;
    sched_unlock_thread(rq, state);
}

/** Yield where the fast path does not apply: a better thread is ready and its interrupt has not
 * switched yet, or no equal thread is ready. */
static COLD_CALL void yield_to_other_locked(struct hal_cpu *cpu) NO_LOCK_ANALYSIS
{
    struct sched_cpu *sc = sched_of(cpu);
    struct thread *t = cpu->current;
    rq_push_back_locked(&sc->rq, t);
    uint64_t now = hal_counter_read();
    account_locked(&sc->rq, t, now);
    t->slice_left = sched_slice_ticks;
    struct thread *next = best_or_idle_locked(sc, now);
    switch_locked(cpu, sc, t, next, now, slice_of(next), false, false);
}

void thread_yield(void) NO_LOCK_ANALYSIS
{
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    struct hal_cpu *cpu = hal_this_cpu();
    struct sched_cpu *sc = sched_of(cpu);
    struct run_queue *rq = &sc->rq;
    struct thread *t = cpu->current;
    spin_lock_masked(&rq->lock);
    /* Read the counter under the lock, as everywhere in this file. Where taking the lock
     * also synchronises instruction fetch, a thread that arrives from another CPU finds the
     * code that it wrote there. */
    uint64_t now = hal_counter_read();
    t->state = THREAD_READY;
    /* an equal thread is ready, and no better one */
    if (LIKELY(rq_ready(rq) >> t->priority == 1)) {
        struct list *ready = &rq->ready[t->priority];
        struct list_node *n = list_take_front(ready);
        list_push_back(ready, &t->run_link);
        struct thread *next = CONTAINER_OF(n, struct thread, run_link);
        uint64_t slice = slice_of(next);
        timer_arm_on(sc, now + slice); /* `t` is of equal priority and now ready */
        switch_locked(cpu, sc, t, next, now, slice, true, true);
    } else {
        yield_to_other_locked(cpu);
    }
    hal_irq_enable();
    preempt_check();
}

/**
 * Fast path of thread exit: exactly one thread waits in the exiting thread's `ended` queue, it
 * is BLOCKED on this CPU, and it would be the next to run if it were woken. Switch to it
 * directly, without the ready list.
 * @return NULL: the conditions do not hold and nothing was changed.
 */
static ALWAYS_INLINE struct thread *take_joiner_locked(struct hal_cpu *cpu, struct run_queue *rq,
                                                       struct wait_queue *q)
    REQUIRES(rq->lock, q->lock)
{
    struct list_node *n = q->waiters.head.next;
    if (UNLIKELY(n->next != &q->waiters.head || n == &q->waiters.head)) {
        return NULL; /* no waiter, or several */
    }
    struct thread *t = CONTAINER_OF(n, struct thread, wait_link);
    /* Relaxed: if t->rq is this queue, only the holder of its lock can change it. */
    if (UNLIKELY(atomic_load_explicit(&t->rq, memory_order_relaxed) != rq ||
                 t->state != THREAD_BLOCKED || rq_ready(rq) >> t->priority != 0)) {
        return NULL;
    }
    (void)list_take_front(&q->waiters);
    t->wait_result = OK;
    rq_set_running_locked(rq, t->priority);
    if (UNLIKELY(cpu->is_traced)) {
        switch_record_ready(TRACE_WAKE, t);
    }
    return t;
}

/** Slow path: make all joiners ready. @return with the run queue locked again. */
static COLD_CALL void wake_joiners_locked(struct run_queue *rq, struct wait_queue *q)
    REQUIRES(rq->lock, q->lock) NO_LOCK_ANALYSIS
{
    spin_unlock_masked(&rq->lock);
    wait_wake_all_locked(q);
    spin_lock_masked(&rq->lock);
}

/* Locks the queue of `ended`, then the run queue. take_joiner_locked() needs both;
 * wake_joiners_locked() has to release the run queue because switch_wake() locks one itself. The
 * thread stays RUNNING and cannot be preempted in between, since interrupts are masked. After the
 * queue's lock is released a joiner may drop its reference, but the thread's own reference keeps
 * the unit until switch_put_left(). */
_Noreturn void sched_exit_current(struct completion *ended) NO_LOCK_ANALYSIS
{
    struct hal_cpu *cpu = hal_this_cpu();
    ASSERT(cpu->preempt_off == 0);
    struct sched_cpu *sc = sched_of(cpu);
    struct wait_queue *q = &ended->queue;
    struct thread *t = cpu->current;
    spin_lock_masked(&q->lock);
    ended->done = true;
    spin_lock_masked(&sc->rq.lock);
    struct thread *next = take_joiner_locked(cpu, &sc->rq, q);
    if (UNLIKELY(next == NULL)) {
        wake_joiners_locked(&sc->rq, q);
    }
    spin_unlock_masked(&q->lock); /* the thread's own reference keeps `ended` */
    t->state = THREAD_DEAD;
    sc->rq.left = t; /* its stack is free once another thread runs */
    atomic_fetch_sub_explicit(&sc->threads, 1, memory_order_relaxed);
    uint64_t now = hal_counter_read();
    if (UNLIKELY(next == NULL)) {
        next = best_or_idle_locked(sc, now);
    }
    switch_locked(cpu, sc, t, next, now, slice_of(next), true, false);
    panic("sched: dead thread %u runs", t->id);
}

/* Wake a thread if it is cancelled and waits, or let an interrupt find it if it runs. */
void thread_interrupt(struct thread *t) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    if (t->state == THREAD_BLOCKED && !t->wait_uncancellable && thread_is_cancelled(t)) {
        (void)wake_locked(rq, t, E_CANCELLED);
    } else if (t->state == THREAD_RUNNING && rq == &sched_this_cpu()->rq) {
        arm_kill_check(t, hal_counter_read());
    } else if (t->state == THREAD_RUNNING) {
        sched_kick(rq->cpu);
    }
    sched_unlock_thread(rq, state);
}

bool thread_is_waiting(struct thread *t) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    bool is_waiting = t->state == THREAD_BLOCKED;
    sched_unlock_thread(rq, state);
    return is_waiting;
}

void thread_cancel(struct thread *t)
{
    /* Release pairs with thread_is_cancelled(): a thread that sees the flag also sees the reason
     * (the program's `ending`). */
    atomic_store_explicit(&t->cancelled, true, memory_order_release);
    thread_interrupt(t);
}

/* React to any change that another CPU made and kicked this one for: the ready threads here or
 * there, the running thread's priority, affinity or cancellation. Runs in the interrupt, and in
 * poll_before_halt() with interrupts masked. */
void sched_reevaluate(void) NO_LOCK_ANALYSIS
{
    struct sched_cpu *sc = sched_this_cpu();
    struct thread *t = thread_current();
    sc->was_asked = true;
    pull_if_asked(sc);
    irq_state_t state = spin_lock_irq(&sc->rq.lock);
    int best = rq_best_locked(&sc->rq);
    if (best > t->priority || (t->special & SPECIAL_MUST_MOVE) != 0) {
        request_switch();
    } else if (best == t->priority) {
        timer_arm_on(sc, sc->rq.slice_end);
    }
    uint64_t now = hal_counter_read();
    balance_watch_locked(&sc->rq, now);
    arm_kill_check(t, now);
    spin_unlock_irq(&sc->rq.lock, state);
}

static void set_priority_locked(struct thread *t, uint8_t priority)
{
    t->priority = priority;
    t->special = (uint8_t)(priority >= PRIO_REALTIME ? t->special | SPECIAL_REALTIME
                                                     : t->special & ~SPECIAL_REALTIME);
}

/** The running thread's priority changed. It may now be lower than that of a ready thread, here or
 * on another CPU. */
static void follow_priority_locked(struct run_queue *rq, uint8_t before, uint8_t priority)
    REQUIRES(rq->lock)
{
    rq_set_running_locked(rq, priority);
    if (priority < before && before >= PRIO_REALTIME) {
        balance_request(rq->cpu);
    }
    if (rq != &sched_this_cpu()->rq) {
        sched_kick(rq->cpu);
    } else if (rq_best_locked(rq) >= priority) {
        timer_arm(rq->slice_end);
        request_switch(); /* preempt_locked() decides */
    }
}

/* A READY thread moves to the list of its new priority, so remove it before the change:
 * rq_remove_locked() finds the list by t->priority. A BLOCKED, DEAD or MOVING thread is in no ready
 * list and only gets the new value. */
void sched_apply_priority(struct thread *t, uint8_t priority) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    uint8_t before = t->priority;
    if (t->state == THREAD_READY) {
        rq_remove_locked(rq, t);
        set_priority_locked(t, priority);
        make_ready_locked(hal_this_cpu(), rq, t);
    } else {
        set_priority_locked(t, priority);
        if (t->state == THREAD_RUNNING) {
            follow_priority_locked(rq, before, priority);
        }
    }
    sched_unlock_thread(rq, state);
}

/**
 * Poll for requests of other CPUs for up to watch_ticks, before the CPU halts. Interrupts are
 * enabled, except that other CPUs set a flag instead of sending HAL_IPI_REEVALUATE. Interrupts are
 * masked on entry and return.
 * @return false: no request came.
 */
static bool poll_before_halt(struct sched_cpu *sc)
{
    hal_preempt_count(1); /* an interrupt that makes a thread ready leaves the switch to idle() */
    ipi_begin_polling();
    hal_irq_enable();
    uint64_t begin = hal_counter_read();
    while (!ipi_is_reevaluation_requested() && !hal_is_switch_due() &&
           hal_counter_read() - begin < watch_ticks) {
        hal_cpu_relax();
    }
    hal_irq_disable();
    bool is_asked = ipi_end_polling() != 0;
    if (is_asked) {
        sched_reevaluate();
    }
    hal_preempt_count(-1);
    sc->watches = is_asked || hal_is_switch_due();
    return sc->watches;
}

/** Runs when no other thread is ready. A thread becomes ready on this CPU in an interrupt, which
 * switches on its way out, or is pulled from another CPU. hal_cpu_wait() takes interrupts masked
 * and returns once one is pending, so no interrupt is lost between the checks and the halt. */
static _Noreturn void idle(void *arg)
{
    (void)arg;
    for (;;) {
        hal_irq_disable();
        struct sched_cpu *sc = sched_this_cpu();
        if (hal_is_switch_due() || balance_pull_idle(sc) || (sc->watches && poll_before_halt(sc))) {
            hal_irq_enable();
            preempt();
        } else {
            hal_cpu_wait();
        }
    }
}

static void init_queues(struct sched_cpu *sc, cpu_t cpu)
{
    *sc = (struct sched_cpu){.spare_count = 0};
    sc->bit = cpu < 64 ? (cpu_mask_t)1 << cpu : 0;
    rq_init(&sc->rq, cpu);
    timer_queue_init(&sc->timers);
    worker_init(&sc->worker);
    list_init(&sc->late);
}

static bool take_idle_thread(struct sched_cpu *sc)
{
    sc->rq.idle = thread_alloc(&(struct thread_options){.name = "idle", .entry = idle});
    if (sc->rq.idle == NULL) {
        return false;
    }
    irq_state_t state = hal_irq_save();
    sched_assign_cpu(sc->rq.idle, sc);
    hal_irq_restore(state);
    sc->rq.idle->state = THREAD_READY;
    /* Release: `ps` can find the thread from here on. */
    atomic_store_explicit(&sc->rq.idle->refs, 1, memory_order_release);
    return true;
}

bool sched_add_cpu(struct hal_cpu *cpu, vaddr_t *stack_top)
{
    struct sched_cpu *sc = heap_zalloc(sizeof(*sc));
    if (sc == NULL) {
        return false;
    }
    init_queues(sc, cpu->id);
    if (!take_idle_thread(sc)) {
        heap_free(sc);
        return false;
    }
    sched_cpus[cpu->id] = sc;
    cpu->run_queue = sc;
    cpu->current = sc->rq.idle;
    *stack_top = sc->rq.idle->context.stack_hi;
    return true;
}

void sched_remove_cpu(struct hal_cpu *cpu)
{
    struct sched_cpu *sc = sched_cpus[cpu->id];
    struct thread *idle_thread = sc->rq.idle;
    sched_cpus[cpu->id] = NULL;
    thread_leave_queue(idle_thread);
    thread_put(idle_thread);
    heap_free(sc);
}

_Noreturn void sched_run_cpu(void)
{
    struct run_queue *rq = &sched_this_cpu()->rq;
    /* The idle thread's time counts from here. */
    rq->switched_at = hal_counter_read();
    rq->slice_end = rq->switched_at + (uint64_t)sched_slice_ticks;
    rq->idle->state = THREAD_RUNNING;
    if (!cpus_set_online()) {
        hal_cpu_halt();
    }
    hal_mmu_arrive();
    idle(NULL);
}

static void describe_thread(const struct thread *t, char *buf, size_t len)
{
    fmt_print(buf, len, "thread %u \"%.*s\"", t->id, THREAD_NAME_MAX, t->name);
}

static bool is_idle(const struct thread *t)
{
    return t->priority == PRIO_IDLE;
}

static const struct panic_thread_ops panic_ops = {describe_thread, is_idle};

void sched_init(void)
{
    struct hal_cpu *cpu = hal_this_cpu();
    struct sched_cpu *sc = &boot_cpu;
    preempt_install(preempt);
    trace_install_thread_id(offsetof(struct thread, id));
    panic_install_threads(&panic_ops);
    sched_slice_ticks = (int64_t)(hal_counter_hz() / SLICES_PER_SECOND);
    kill_check_ticks = hal_counter_hz() / KILL_CHECKS_PER_SECOND;
    watch_ticks = hal_counter_hz() / WATCHES_PER_SECOND;
    init_queues(sc, cpu->id);
    sched_cpus[cpu->id] = sc;

    uintptr_t lo = (uintptr_t)__boot_stack_start, hi = (uintptr_t)__boot_stack_end;
    boot_thread = (struct thread){.context = {.stack_lo = lo, .stack_hi = hi},
                                  .state = THREAD_RUNNING,
                                  .priority = PRIO_NORMAL,
                                  .base_priority = PRIO_NORMAL,
                                  .inherits = LIST_INIT(boot_thread.inherits),
                                  .rq = &sc->rq,
                                  .affinity = sc->bit,
                                  .slice_left = sched_slice_ticks,
                                  .refs = 2, /* its own and one more: it is never recycled */
                                  .name = "main"};
    completion_init(&boot_thread.ended, "join");
    sc->rq.switched_at = hal_counter_read();
    sc->rq.slice_end = sc->rq.switched_at + (uint64_t)sched_slice_ticks;
    hal_become_thread(&boot_thread);
    cpu->run_queue = sc;
    atomic_store_explicit(&sc->rq.running, PRIO_NORMAL, memory_order_relaxed);
    thread_adopt(&boot_thread);

    if (!take_idle_thread(sc)) {
        panic("sched: no memory for the idle thread");
    }
    (void)cpus_set_online(); /* cannot fail for the boot CPU */
}

uint32_t sched_cpu_count(void)
{
    return cpus_count(); /* a CPU that did not start still has its queues */
}

static uint64_t idle_ticks_of(cpu_t cpu)
{
    struct run_queue *rq = &sched_cpu_of(cpu)->rq;
    irq_state_t state = spin_lock_irq(&rq->lock);
    uint64_t ticks = rq->idle->run_ticks;
    if (rq->idle->state == THREAD_RUNNING) {
        ticks += hal_counter_read() - rq->switched_at;
    }
    spin_unlock_irq(&rq->lock, state);
    return ticks;
}

void sched_get_stats(struct sched_stats *out)
{
    uint64_t idle_ticks = 0;
    for (cpu_t cpu = 0; cpu < cpus_count(); cpu++) {
        idle_ticks += idle_ticks_of(cpu);
    }
    *out = (struct sched_stats){.switches = thread_switches(),
                                .idle_ns = clock_counter_to_ns(idle_ticks),
                                .boot_idle_ns = clock_counter_to_ns(idle_ticks_of(0)),
                                .moves = balance_moves(),
                                .threads = thread_count()};
}
