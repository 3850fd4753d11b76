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
// sched_prepare_wait(), which makes it BLOCKED; who makes the condition true takes the queue's lock
// before it looks for waiters. So it either comes before the test, which then succeeds, or it finds
// the waiter BLOCKED. It may find it so before the waiter has left the CPU: then the waiter is in a
// ready list while it still runs, and sched_switch(), which the waiter has not reached or is in,
// picks it again.

#include "hal/smp.h"
#include "hal/timer.h"
#include "kernel/clock.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/program.h"
#include "kernel/sched/sched_internal.h"
#include "kernel/trace.h"

#define SLICES_PER_SECOND 100 /* between threads of equal priority */
/* How often a cancelled thread is interrupted, to be found in its program's code. See
 * sched_cancelled(). */
#define KILL_CHECKS_PER_SECOND 1000

static struct sched_cpu boot_cpu;
static struct sched_cpu *cpus[CPU_MAX];
static struct thread boot_thread;
static uint64_t slice_ticks;
static uint64_t kill_check_ticks;

struct sched_cpu *sched_cpu_of(cpu_t cpu)
{
    return cpus[cpu];
}

static void request_switch(void)
{
    hal_this_cpu()->need_resched = true;
}

static NOINLINE void record_switch(const struct thread *prev, const struct thread *next)
{
    trace_record(TRACE_SWITCH, prev->state, next->id, next->priority);
}

static NOINLINE void record_ready(enum trace_event event, const struct thread *t)
{
    trace_record(event, atomic_load_explicit(&t->cpu, memory_order_relaxed), t->id, 0);
}

/** A better thread takes the CPU at the next chance; an equal one when the running one's slice
 * ends. */
static void make_ready_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock)
{
    const struct thread *running = thread_current();
    t->state = THREAD_READY;
    rq_push_back_locked(rq, t);
    if (t->priority > running->priority) {
        request_switch();
    } else if (t->priority == running->priority) {
        timer_arm(rq->slice_end);
    }
}

struct run_queue *sched_lock_thread(struct thread *t, irq_state_t *state) NO_LOCK_ANALYSIS
{
    for (;;) {
        cpu_t cpu = atomic_load_explicit(&t->cpu, memory_order_relaxed);
        struct run_queue *rq = &cpus[cpu]->rq;
        *state = spin_lock_irq(&rq->lock);
        if (atomic_load_explicit(&t->cpu, memory_order_relaxed) == cpu) {
            return rq;
        }
        spin_unlock_irq(&rq->lock, *state);
    }
}

void sched_unlock_thread(struct run_queue *rq, irq_state_t state) NO_LOCK_ANALYSIS
{
    spin_unlock_irq(&rq->lock, state);
}

void sched_start(struct thread *t)
{
    irq_state_t state = hal_irq_save();
    struct run_queue *rq = &sched_this_cpu()->rq;
    irq_state_t masked = spin_lock_irq(&rq->lock);
    atomic_store_explicit(&t->cpu, hal_this_cpu()->id, memory_order_relaxed);
    t->slice_left = slice_ticks;
    make_ready_locked(rq, t);
    if (trace_is_on()) {
        record_ready(TRACE_START, t);
    }
    spin_unlock_irq(&rq->lock, masked);
    hal_irq_restore(state);
    preempt_check();
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
    t->run_ticks += now - rq->switched_at;
    if (UNLIKELY(t->program != NULL)) {
        program_account(t->program, now - rq->switched_at);
    }
    rq->switched_at = now;
}

/** A program with a limit is looked at when that is used up, and killed then. @return it is. */
static bool watch_time_locked(const struct thread *t, uint64_t now)
{
    uint64_t left = LIKELY(t->program == NULL) ? UINT64_MAX : program_time_left(t->program);
    if (UNLIKELY(left != UINT64_MAX)) {
        timer_arm(now + MAX(left, 1));
    }
    return left == 0;
}

/** What an idle thread leaves of its slice matters to nobody; the rest go on where they stopped. */
static void keep_slice_locked(struct run_queue *rq, struct thread *t, uint64_t now)
    REQUIRES(rq->lock)
{
    t->slice_left = rq->slice_end > now ? rq->slice_end - now : slice_ticks;
}

static void begin_running_locked(struct run_queue *rq, struct thread *t, uint64_t now)
    REQUIRES(rq->lock)
{
    t->state = THREAD_RUNNING;
    rq->slice_end = now + t->slice_left;
    if (!list_is_empty(&rq->ready[t->priority])) {
        timer_arm(rq->slice_end);
    }
    arm_kill_check(t, now);
    (void)watch_time_locked(t, now);
}

void sched_finish_switch(void) NO_LOCK_ANALYSIS
{
    struct run_queue *rq = &sched_this_cpu()->rq;
    struct thread *left = rq->left;
    rq->left = NULL;
    irq_state_t masked = hal_irq_save();
    spin_unlock_irq(&rq->lock, masked);
    if (UNLIKELY(left != NULL)) {
        thread_put(left);
    }
}

/**
 * Run the best ready thread. The running one is in a ready list already, or BLOCKED or DEAD.
 * Entered with the lock held and interrupts masked; returns with the lock released, interrupts
 * masked.
 */
static void switch_locked(struct run_queue *rq) NO_LOCK_ANALYSIS
{
    struct hal_cpu *cpu = hal_this_cpu();
    struct thread *prev = cpu->current;
    struct thread *next = rq_pop_locked(rq);
    if (next == NULL) {
        next = rq->idle;
    }
    uint64_t now = hal_counter_read();
    cpu->need_resched = !list_is_empty(&sched_this_cpu()->late);
    account_locked(rq, prev, now);
    begin_running_locked(rq, next, now);
    if (next == prev) {
        sched_finish_switch();
        return;
    }
    if (trace_is_on()) {
        record_switch(prev, next);
    }
    cpu->current = next;
    next->switches++;
    rq->switches++;
    if (prev->fp_area != NULL) {
        hal_fp_save(prev->fp_area);
    }
    if (next->fp_area != NULL) {
        hal_fp_restore(next->fp_area);
    }
    hal_context_switch(&prev->context, &next->context);
    sched_finish_switch();
}

/** The running thread can go on, but another one is better, or equal and its turn. */
static void preempt_locked(struct run_queue *rq) NO_LOCK_ANALYSIS
{
    struct thread *t = thread_current();
    uint64_t now = hal_counter_read();
    int best = rq_best_locked(rq);
    bool slice_over = now >= rq->slice_end;
    if (best < t->priority || (best == t->priority && !slice_over)) {
        hal_this_cpu()->need_resched = false;
        irq_state_t masked = hal_irq_save();
        spin_unlock_irq(&rq->lock, masked);
        return;
    }
    keep_slice_locked(rq, t, now);
    t->state = THREAD_READY;
    if (t != rq->idle) {
        if (slice_over) {
            rq_push_back_locked(rq, t);
        } else {
            rq_push_front_locked(rq, t);
        }
    }
    switch_locked(rq);
}

/** Ending a switch may make another thread ready (sched_finish_switch()), hence the loop. */
static void preempt_while_due(void) NO_LOCK_ANALYSIS
{
    while (hal_this_cpu()->need_resched) {
        struct sched_cpu *sc = sched_this_cpu();
        struct run_queue *rq = &sc->rq;
        wait_do_late(sc);
        (void)spin_lock_irq(&rq->lock);
        preempt_locked(rq);
    }
}

void sched_preempt(void)
{
    irq_state_t state = hal_irq_save();
    preempt_while_due();
    hal_irq_restore(state);
}

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
    arm_kill_check(t, now);
    account_locked(rq, t, now);
    bool is_over = !thread_is_cancelled(t) && watch_time_locked(t, now);
    spin_unlock_irq(&rq->lock, state);
    if (UNLIKELY(is_over)) {
        program_end_of_time(t->program);
    }
}

void thread_yield(void) NO_LOCK_ANALYSIS
{
    irq_state_t state = hal_irq_save();
    struct run_queue *rq = &sched_this_cpu()->rq;
    struct thread *t = thread_current();
    (void)spin_lock_irq(&rq->lock);
    t->slice_left = slice_ticks;
    t->state = THREAD_READY;
    rq_push_back_locked(rq, t);
    switch_locked(rq);
    hal_irq_restore(state);
    preempt_check();
}

bool sched_prepare_wait(const char *on, bool cancellable)
{
    struct thread *t = thread_current();
    struct run_queue *rq = &sched_this_cpu()->rq;
    irq_state_t masked = spin_lock_irq(&rq->lock);
    /* thread_cancel() sets the flag, then takes this lock: either it is seen here, or it sees
     * BLOCKED. */
    bool waits = !(cancellable && thread_is_cancelled(t));
    if (waits) {
        t->state = THREAD_BLOCKED;
        t->waiting_on = on;
        t->wait_cancellable = cancellable;
    }
    spin_unlock_irq(&rq->lock, masked);
    return waits;
}

void sched_switch(void) NO_LOCK_ANALYSIS
{
    ASSERT(!hal_irqs_enabled());
    ASSERT(hal_this_cpu()->preempt_off == 0); /* a spinlock is held, or the caller may not sleep */
    ASSERT(hal_this_cpu()->irq_depth == 0);
    struct run_queue *rq = &sched_this_cpu()->rq;
    (void)spin_lock_irq(&rq->lock);
    keep_slice_locked(rq, thread_current(), hal_counter_read());
    switch_locked(rq);
}

_Noreturn void sched_leave(void) NO_LOCK_ANALYSIS
{
    ASSERT(hal_this_cpu()->preempt_off == 0);
    struct run_queue *rq = &sched_this_cpu()->rq;
    (void)spin_lock_irq(&rq->lock);
    struct thread *t = thread_current();
    t->state = THREAD_DEAD;
    rq->left = t; /* its stack is free once another thread runs */
    switch_locked(rq);
    panic("sched: dead thread %u runs", t->id);
}

static bool wake_locked(struct run_queue *rq, struct thread *t, enum status result)
    REQUIRES(rq->lock)
{
    if (t->state != THREAD_BLOCKED) {
        return false;
    }
    t->wait_result = result;
    t->waiting_on = NULL;
    make_ready_locked(rq, t);
    if (trace_is_on()) {
        record_ready(TRACE_WAKE, t);
    }
    return true;
}

bool sched_wake(struct thread *t, enum status result) NO_LOCK_ANALYSIS
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    bool woken = wake_locked(rq, t, result);
    sched_unlock_thread(rq, state);
    return woken;
}

void thread_cancel(struct thread *t) NO_LOCK_ANALYSIS
{
    /* Release pairs with thread_is_cancelled(): who sees the flag sees why (the program's
     * `ending`). */
    atomic_store_explicit(&t->cancelled, true, memory_order_release);
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    if (t->state == THREAD_BLOCKED && t->wait_cancellable) {
        (void)wake_locked(rq, t, E_CANCELLED);
    } else if (t->state == THREAD_RUNNING) {
        arm_kill_check(t, hal_counter_read());
    }
    sched_unlock_thread(rq, state);
}

void thread_set_priority(struct thread *t, uint8_t priority) NO_LOCK_ANALYSIS
{
    ASSERT(priority > PRIO_IDLE && priority < PRIO_COUNT);
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    if (t->state == THREAD_READY) {
        rq_remove_locked(rq, t);
        t->priority = priority;
        make_ready_locked(rq, t);
    } else {
        t->priority = priority;
        if (t->state == THREAD_RUNNING && rq_best_locked(rq) >= priority) {
            timer_arm(rq->slice_end);
            request_switch(); /* preempt_locked() decides */
        }
    }
    sched_unlock_thread(rq, state);
}

/** Runs when nothing else does. Whatever becomes ready does so in an interrupt, which switches on
 * its way out. */
static _Noreturn void idle(void *arg)
{
    (void)arg;
    for (;;) {
        hal_irq_disable();
        if (hal_this_cpu()->need_resched) {
            hal_irq_enable();
            sched_preempt();
        } else {
            hal_cpu_wait();
        }
    }
}

static void init_queues(struct sched_cpu *sc)
{
    *sc = (struct sched_cpu){.spare_count = 0};
    rq_init(&sc->rq);
    timer_queue_init(&sc->timers);
    worker_init(&sc->worker);
    list_init(&sc->late);
    list_init(&sc->spare);
}

static bool take_idle_thread(struct sched_cpu *sc, cpu_t cpu)
{
    sc->rq.idle = thread_take(&(struct thread_options){.name = "idle", .entry = idle});
    if (sc->rq.idle == NULL) {
        return false;
    }
    sc->rq.idle->state = THREAD_READY;
    atomic_store_explicit(&sc->rq.idle->cpu, cpu, memory_order_relaxed);
    atomic_store_explicit(&sc->rq.idle->refs, 1, memory_order_relaxed);
    return true;
}

bool sched_add_cpu(struct hal_cpu *cpu, vaddr_t *stack_top)
{
    struct sched_cpu *sc = heap_zalloc(sizeof(*sc));
    if (sc == NULL) {
        return false;
    }
    init_queues(sc);
    if (!take_idle_thread(sc, cpu->id)) {
        heap_free(sc);
        return false;
    }
    cpus[cpu->id] = sc;
    cpu->run_queue = sc;
    cpu->current = sc->rq.idle;
    *stack_top = sc->rq.idle->context.stack_hi;
    return true;
}

_Noreturn void sched_run_cpu(void)
{
    struct run_queue *rq = &sched_this_cpu()->rq;
    rq->switched_at = hal_counter_read();
    rq->slice_end = rq->switched_at + slice_ticks;
    rq->idle->state = THREAD_RUNNING;
    if (!hal_cpu_set_online()) {
        hal_cpu_halt();
    }
    idle(NULL);
}

void sched_init(void)
{
    struct hal_cpu *cpu = hal_this_cpu();
    struct sched_cpu *sc = &boot_cpu;
    slice_ticks = hal_counter_hz() / SLICES_PER_SECOND;
    kill_check_ticks = hal_counter_hz() / KILL_CHECKS_PER_SECOND;
    init_queues(sc);
    cpus[cpu->id] = sc;

    uintptr_t lo = (uintptr_t)__boot_stack_start, hi = (uintptr_t)__boot_stack_end;
    boot_thread = (struct thread){.context = {.stack_lo = lo, .stack_hi = hi},
                                  .state = THREAD_RUNNING,
                                  .priority = PRIO_NORMAL,
                                  .cpu = cpu->id,
                                  .slice_left = slice_ticks,
                                  .refs = 2, /* itself, and one more: it is nobody's to recycle */
                                  .name = "main"};
    completion_init(&boot_thread.ended, "join");
    sc->rq.switched_at = hal_counter_read();
    sc->rq.slice_end = sc->rq.switched_at + slice_ticks;
    cpu->current = &boot_thread;
    cpu->run_queue = sc;
    thread_adopt(&boot_thread);

    if (!take_idle_thread(sc, cpu->id)) {
        panic("sched: no memory for the idle thread");
    }
    (void)hal_cpu_set_online(); /* nobody gives this one up */
}

uint32_t sched_cpu_count(void)
{
    return hal_cpu_count(); /* one that was left out has its queues, too */
}

void sched_get_stats(struct sched_stats *out)
{
    irq_state_t state = hal_irq_save();
    const struct run_queue *rq = &sched_this_cpu()->rq;
    uint64_t idle_ticks = rq->idle->run_ticks;
    if (thread_current() == rq->idle) {
        idle_ticks += hal_counter_read() - rq->switched_at;
    }
    uint64_t switches = rq->switches;
    hal_irq_restore(state);
    *out = (struct sched_stats){.switches = switches,
                                .idle_ns = clock_counter_to_ns(idle_ticks),
                                .threads = thread_count()};
}
