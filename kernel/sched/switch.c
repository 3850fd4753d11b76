// SPDX-License-Identifier: MIT
//
// Who runs: the transitions of a thread between running, ready and blocked, and the switch itself.
// What the ready lists look like is runqueue.c's; why a thread waits is wait.c's.
//
// Every transition happens under the lock of the run queue that the thread belongs to. That is what
// makes "woken, timed out or cancelled" one decision: sched_wake() moves a thread from BLOCKED to
// READY with the reason, and whoever finds it not BLOCKED came too late.
//
// The run queue's lock is held across the switch: taken by the thread that leaves, released by the
// one that arrives, in sched_finish_switch(). Until then nobody can pick the leaving thread, whose
// registers are not saved yet.
//
// No wake-up is lost. A waiter holds the queue's lock from testing its condition to
// sched_prepare_wait(), which takes the run queue's lock and makes it BLOCKED; who makes the
// condition true takes the queue's lock before it looks for waiters. So it either comes before the
// test, which then succeeds, or it finds the waiter BLOCKED, and waits for the run queue's lock
// until the waiter has left the CPU.

#include "hal/smp.h"
#include "hal/timer.h"
#include "kernel/base/clock.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/program.h"
#include "kernel/sched/switch_internal.h"
#include "kernel/trace/trace.h"

#define SLICES_PER_SECOND 100 /* between threads of equal priority */
/* How often a cancelled thread is interrupted, to be found in its program's code. See
 * sched_cancelled(). */
#define KILL_CHECKS_PER_SECOND 1000
/* A CPU that others ask for something within a fifth of a millisecond after it found nothing to do
 * looks for so long by itself, the next time: to wait for an interrupt, and to be woken, takes
 * long, above all in a virtual machine. */
#define WATCHES_PER_SECOND 5000

static struct sched_cpu boot_cpu;
struct sched_cpu *sched_cpus[CPU_MAX];
static struct thread boot_thread;
int64_t sched_slice_ticks;
static uint64_t kill_check_ticks, watch_ticks;

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

void sched_kick(cpu_t cpu)
{
    struct hal_cpu *self = hal_this_cpu();
    if (cpu >= MASK_CPUS || self->preempt_off != 0) {
        hal_ipi_send(hal_cpu_at(cpu), HAL_IPI_LOOK);
        return;
    }
    struct sched_cpu *sc = sched_of(self);
    sc->kicks |= (cpu_mask_t)1 << cpu;
    sc->has_errands = true;
    self->need_resched = true;
}

/** What was left for a moment when no lock is held. It may leave more of it. */
static NOINLINE void do_errands(struct sched_cpu *sc)
{
    sc->has_errands = false;
    wait_do_late(sc);
    cpu_mask_t cpus = sc->kicks;
    sc->kicks = 0;
    for (; cpus != 0; cpus &= cpus - 1) {
        hal_ipi_send(hal_cpu_at((cpu_t)__builtin_ctzll(cpus)), HAL_IPI_LOOK);
    }
}

SELDOM_CALLED void switch_tell_cpu_locked(struct run_queue *rq, const struct thread *t)
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
 * A cancelled thread of a program dies when an interrupt finds it in the program's code. It may be
 * in kernel code now, or alone on a CPU where no interrupt is due: look again soon, for as long as
 * it runs.
 */
static void arm_kill_check(const struct thread *running, uint64_t now)
{
    if (UNLIKELY(running->program != NULL && thread_is_cancelled(running))) {
        timer_arm(now + kill_check_ticks);
    }
}

static void account_locked(struct run_queue *rq, struct thread *t, uint64_t now) REQUIRES(rq->lock)
{
    if (t->program != NULL) {
        program_account(t->program, now - rq->switched_at);
    }
    account_thread_locked(rq, t, now);
}

/**
 * A program with a limit is looked at when that is used up, and killed then. Its threads may use it
 * up on all CPUs at once, each of which counts when it looks: so each looks when its share is over,
 * and again at what is left then.
 * @return it is used up
 */
static bool watch_time_locked(const struct thread *t, uint64_t now)
{
    uint64_t left = LIKELY(t->program == NULL) ? UINT64_MAX : program_time_left(t->program);
    if (UNLIKELY(left != UINT64_MAX)) {
        uint64_t share = MAX(left / hal_cpu_count(), kill_check_ticks);
        timer_arm(now + MAX(MIN(left, share), 1));
    }
    return left == 0;
}

static void switch_special_class(const struct thread *prev, const struct thread *next)
{
    struct sched_cpu *sc = sched_this_cpu();
    if ((next->special & SPECIAL_MUST_MOVE) != 0) {
        request_switch(); /* it was switched out before the CPU had seen that: it leaves at once */
    }
    if ((prev->special & SPECIAL_REALTIME) != 0 && next->priority < prev->priority) {
        /* One of its class may wait elsewhere because this CPU ran something better. */
        atomic_store_explicit(&sc->must_pull, true, memory_order_relaxed);
        request_switch();
    }
}

SELDOM_CALLED void switch_special_locked(struct run_queue *rq, const struct thread *prev,
                                         const struct thread *next, uint64_t now)
{
    if (UNLIKELY(((prev->special | next->special) & ~SPECIAL_STATE) != 0)) {
        switch_special_class(prev, next);
    }
    if (prev->program != NULL) {
        program_account(prev->program, now - rq->switched_at);
    }
    if (next->program != NULL) {
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

SELDOM_CALLED void switch_record_ready(enum trace_event event, const struct thread *t)
{
    trace_record(event, atomic_load_explicit(&t->rq, memory_order_relaxed)->cpu, t->id, 0);
}

NOINLINE void switch_put_left(struct run_queue *rq) NO_LOCK_ANALYSIS
{
    struct thread *left = rq->left;
    rq->left = NULL;
    if (left->state == THREAD_DEAD) {
        spin_unlock_masked(&rq->lock);
        thread_put(left);
    } else {
        balance_send_off_locked(rq, left);
        spin_unlock_masked(&rq->lock);
        balance_arrive(left);
    }
}

SELDOM_CALLED void switch_do_extra(struct hal_cpu *cpu, const struct thread *prev,
                                   const struct thread *next)
{
    const struct sched_cpu *sc = sched_of(cpu);
    cpu->need_resched = sc->has_errands;
    if (cpu->is_traced && next != prev) {
        trace_record(TRACE_SWITCH, prev->state, next->id, next->priority);
    }
}

/** The running thread may not run here any more. */
static void leave_cpu_locked(struct hal_cpu *cpu, struct sched_cpu *sc) NO_LOCK_ANALYSIS
{
    struct thread *t = cpu->current;
    uint64_t now = hal_counter_read();
    t->stopped_at = now;
    t->state = THREAD_MOVING;
    sc->rq.left = t; /* on its way once another thread runs */
    struct thread *next = best_or_idle_locked(sc, now);
    switch_locked(cpu, sc, t, next, now, slice_of(next), true, false);
}

/** The idle thread of one of several CPUs is left. */
static NOINLINE void leave_idle(struct sched_cpu *sc, uint64_t now)
{
    balance_leave_idle(sc);
    sc->watches = sc->was_asked && now - sc->idle_since < watch_ticks;
    sc->idle_since = 0;
}

/** The running thread can go on, but another one is better, or equal and its turn. */
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
        account_locked(rq, t, now); /* it may be who runs next */
        t->stopped_at = now;
        if (slice_over) {
            rq_push_back_locked(rq, t);
        } else {
            rq_push_front_locked(rq, t);
        }
        if (t->can_move) {
            balance_offer_locked(rq, t); /* nobody takes it before it has left: the lock is held */
            if (slice_over && t->priority < PRIO_REALTIME) {
                balance_turn_locked(rq, t, now);
            }
        }
    } else if (UNLIKELY(sc->idle_since != 0)) {
        leave_idle(sc, now); /* by this way only: it neither waits nor yields */
    }
    struct thread *next = best_or_idle_locked(sc, now);
    if (UNLIKELY(rq_best_locked(rq) > t->priority)) {
        /* Several became ready before one of them ran: each seemed about to, and was not offered.
         */
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

/** Ending a switch may make another thread ready (sched_finish_switch()), and so may errands, hence
 * the loop. */
static void preempt_while_due(void) NO_LOCK_ANALYSIS
{
    struct hal_cpu *cpu;
    while ((cpu = hal_this_cpu())->need_resched) {
        struct sched_cpu *sc = sched_of(cpu);
        cpu->need_resched =
            false; /* first: an errand that leaves another sets it, and is come back to */
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
    DASSERT(!sched_of(cpu)->has_errands); /* nothing would come back here for them */
}

void sched_preempt(void)
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
        program_end_of_time(t->program);
    }
}

void sched_account(void) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct thread *t = thread_current();
    struct run_queue *rq = sched_lock_thread(t, &state);
    account_locked(rq, t, hal_counter_read());
    sched_unlock_thread(rq, state);
}

void sched_forget_program(struct thread *t) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    account_locked(rq, t, hal_counter_read());
    t->program = NULL;
    sched_unlock_thread(rq, state);
}

/** A better thread is ready (its interrupt has not switched yet), or none that is as good. */
static SELDOM_CALLED void yield_to_other_locked(struct hal_cpu *cpu) NO_LOCK_ANALYSIS
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
    /* Under the lock, as everywhere here: where that synchronises the CPU's instruction fetch, a
     * thread from another CPU finds the code that it has made there. */
    uint64_t now = hal_counter_read();
    t->state = THREAD_READY;
    if (LIKELY(rq_ready(rq) >> t->priority == 1)) { /* equals are ready, and nobody better */
        struct list *ready = &rq->ready[t->priority];
        struct list_node *n = list_take_front(ready);
        list_push_back(ready, &t->run_link);
        struct thread *next = CONTAINER_OF(n, struct thread, run_link);
        uint64_t slice = slice_of(next);
        timer_arm_on(sc, now + slice); /* this one is as good */
        switch_locked(cpu, sc, t, next, now, slice, true, true);
    } else {
        yield_to_other_locked(cpu);
    }
    hal_irq_enable();
    preempt_check();
}

/**
 * Who joins the running thread waits here, and would be the next to run if it were woken: it is
 * woken without a way through the ready list. @return NULL: not so, nothing was done.
 */
static ALWAYS_INLINE struct thread *take_joiner_locked(struct hal_cpu *cpu, struct run_queue *rq,
                                                       struct wait_queue *q)
    REQUIRES(rq->lock, q->lock)
{
    struct list_node *n = q->waiters.head.next;
    if (UNLIKELY(n->next != &q->waiters.head || n == &q->waiters.head)) {
        return NULL; /* nobody, or several */
    }
    struct thread *t = CONTAINER_OF(n, struct thread, wait_link);
    /* Relaxed: if it is this queue, then only who has its lock changes that. */
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

/** The same for any waiters: they become ready. @return with the run queue locked again */
static SELDOM_CALLED void wake_joiners_locked(struct run_queue *rq, struct wait_queue *q)
    REQUIRES(rq->lock, q->lock) NO_LOCK_ANALYSIS
{
    spin_unlock_masked(&rq->lock);
    wait_wake_all_locked(q);
    spin_lock_masked(&rq->lock);
}

_Noreturn void sched_leave(struct completion *ended) NO_LOCK_ANALYSIS
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
    spin_unlock_masked(&q->lock); /* the unit stays until its own reference is dropped */
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

bool sched_wake(struct thread *t, enum status result)
{
    return switch_wake(t, result);
}

void thread_cancel(struct thread *t) NO_LOCK_ANALYSIS
{
    /* Release pairs with thread_is_cancelled(): who sees the flag sees why (the program's
     * `ending`). */
    atomic_store_explicit(&t->cancelled, true, memory_order_release);
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    if (t->state == THREAD_BLOCKED && !t->wait_uncancellable) {
        (void)wake_locked(rq, t, E_CANCELLED);
    } else if (t->state == THREAD_RUNNING && rq == &sched_this_cpu()->rq) {
        arm_kill_check(t, hal_counter_read());
    } else if (t->state == THREAD_RUNNING) {
        sched_kick(rq->cpu);
    }
    sched_unlock_thread(rq, state);
}

/* Whatever was changed from elsewhere: what is ready here or there, the running thread's priority,
 * where it may run, its end. */
void sched_look(void) NO_LOCK_ANALYSIS
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

/** It runs, and may have become worse than others, here or elsewhere. */
static void follow_priority_locked(struct run_queue *rq, uint8_t before, uint8_t priority)
    REQUIRES(rq->lock)
{
    rq_set_running_locked(rq, priority);
    if (priority < before && before >= PRIO_REALTIME) {
        balance_ask(rq->cpu);
    }
    if (rq != &sched_this_cpu()->rq) {
        sched_kick(rq->cpu);
    } else if (rq_best_locked(rq) >= priority) {
        timer_arm(rq->slice_end);
        request_switch(); /* preempt_locked() decides */
    }
}

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
 * Look for a while whether others ask for something, awake, with interrupts enabled but for those
 * that ask to look. Interrupts are masked before and after.
 * @return false: nothing came of it.
 */
static bool watch_a_while(struct sched_cpu *sc)
{
    hal_preempt_count(1); /* an interrupt that makes a thread ready leaves the switch to idle() */
    hal_ipi_watch();
    hal_irq_enable();
    uint64_t begin = hal_counter_read();
    while (!hal_ipi_is_look_asked() && !hal_is_switch_due() &&
           hal_counter_read() - begin < watch_ticks) {
        hal_cpu_relax();
    }
    hal_irq_disable();
    bool is_asked = hal_ipi_end_watch() != 0;
    if (is_asked) {
        sched_look();
    }
    hal_preempt_count(-1);
    sc->watches = is_asked || hal_is_switch_due();
    return sc->watches;
}

/** Runs when nothing else does. Whatever becomes ready does so in an interrupt, which switches on
 * its way out, or is fetched from another CPU. */
static _Noreturn void idle(void *arg)
{
    (void)arg;
    for (;;) {
        hal_irq_disable();
        struct sched_cpu *sc = sched_this_cpu();
        if (hal_is_switch_due() || balance_pull_idle(sc) || (sc->watches && watch_a_while(sc))) {
            hal_irq_enable();
            sched_preempt();
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
    sc->rq.idle = thread_take(&(struct thread_options){.name = "idle", .entry = idle});
    if (sc->rq.idle == NULL) {
        return false;
    }
    irq_state_t state = hal_irq_save();
    place_unit(sc->rq.idle, sc);
    hal_irq_restore(state);
    sc->rq.idle->state = THREAD_READY;
    /* Release: `ps` finds it from here on. */
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
    rq->switched_at = hal_counter_read();
    rq->slice_end = rq->switched_at + (uint64_t)sched_slice_ticks;
    rq->idle->state = THREAD_RUNNING;
    if (!hal_cpu_set_online()) {
        hal_cpu_halt();
    }
    hal_mmu_arrive();
    idle(NULL);
}

void sched_init(void)
{
    struct hal_cpu *cpu = hal_this_cpu();
    struct sched_cpu *sc = &boot_cpu;
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
                                  .refs = 2, /* itself, and one more: it is nobody's to recycle */
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
    (void)hal_cpu_set_online(); /* nobody gives this one up */
}

uint32_t sched_cpu_count(void)
{
    return hal_cpu_count(); /* one that was left out has its queues, too */
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
    for (cpu_t cpu = 0; cpu < hal_cpu_count(); cpu++) {
        idle_ticks += idle_ticks_of(cpu);
    }
    *out = (struct sched_stats){.switches = thread_switches(),
                                .idle_ns = clock_counter_to_ns(idle_ticks),
                                .boot_idle_ns = clock_counter_to_ns(idle_ticks_of(0)),
                                .moves = balance_moves(),
                                .threads = thread_count()};
}
