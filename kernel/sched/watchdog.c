// SPDX-License-Identifier: MIT
//
// A timer on each CPU checks what runs there. Elapsed time alone says little in a virtual
// machine, which may stop for seconds between two instructions. Several checks in a row,
// each in a timer interrupt of its own, that find the same thread in the same turn show that
// it does not yield the CPU.
#include "kernel/sched/watchdog.h"

#include "hal/smp.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/debug/lockcheck.h"
#include "kernel/sched/cpu_snapshot.h"
#include "kernel/sched/inherit_internal.h"
#include "kernel/sched/sched_internal.h"

/* Field protection:  [o] the owning CPU, interrupts masked */
struct watch {
    struct timer timer;         /* [o] */
    _Atomic uint64_t period_ns; /* 0: off. Relaxed: seeing a change a little late is harmless */
    _Atomic uint64_t beats; /* checks so far. Relaxed: other CPUs only test whether it changes */
    /* id of the thread at the last check; its struct may be another thread's by now */
    uint32_t thread;
    uint64_t switches;  /* number of its switches at that check */
    uint64_t since_ns;  /* time of the first check that found both unchanged */
    uint32_t looks;     /* such checks in a row, while other threads were waiting */
    uint32_t report_at; /* report at this many checks; doubles with each report */
    /* [o] The same for a spinlock held with interrupts enabled; only debug builds know of those. */
    uint32_t turn; /* identifies one acquisition of a spinlock; 0: none */
    uint64_t turn_since_ns;
    uint32_t turn_looks, turn_report_at;
};

static struct watch watches[CPU_MAX];

/** What the other CPUs have seen of a CPU's beats. Owned by the holder of `is_looking`. */
struct beats {
    uint64_t beats;     /* at the last check */
    uint64_t since_ns;  /* time of the first check that found this value */
    uint32_t looks;     /* checks in a row that found it unchanged */
    uint32_t report_at; /* as in struct watch */
};

static struct beats seen[CPU_MAX];
static atomic_flag is_looking = ATOMIC_FLAG_INIT; /* acquire and release: protects `seen` */
static _Atomic uint64_t reports;                  /* relaxed: a count */

static uint64_t period_of(const struct watch *w)
{
    return atomic_load_explicit(&w->period_ns, memory_order_relaxed);
}

static void write_line(void *ctx, const char *line)
{
    (void)ctx;
    log_warn("watchdog", "%s", line);
}

static void print_chain(const struct hal_frame *frame)
{
    uintptr_t lo, hi;
    upcall_stack_bounds(&lo, &hi);
    backtrace_print(write_line, NULL, hal_frame_pc(frame), hal_frame_fp(frame), lo, hi);
}

static void report(const struct watch *w, const struct thread *t, int waiting)
{
    uint64_t ms = (clock_now_ns() - w->since_ns) / NS_PER_MS;
    log_warn("watchdog",
             "cpu %u: thread %u \"%s\" has run for %llu.%03llu s%s; a thread of priority %d waits, "
             "its own is %u",
             hal_this_cpu()->id, t->id, t->name, (unsigned long long)(ms / 1000),
             (unsigned long long)(ms % 1000),
             hal_this_cpu()->preempt_off != 0 ? " with preemption off" : "", waiting, t->priority);
    print_chain(timer_frame());
    (void)atomic_fetch_add_explicit(&reports, 1, memory_order_relaxed);
}

static void report_turn(const struct watch *w)
{
    cpu_t cpu = hal_this_cpu()->id;
    uint64_t ms = (clock_now_ns() - w->turn_since_ns) / NS_PER_MS;
    log_warn("watchdog", "cpu %u has held a spinlock for %llu.%03llu s", cpu,
             (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
    lockcheck_print_held(cpu, write_line, NULL);
    log_warn("watchdog", "cpu %u is at", cpu);
    print_chain(timer_frame());
    (void)atomic_fetch_add_explicit(&reports, 1, memory_order_relaxed);
}

/** A spinlock held too long is reported whether or not other CPUs wait for it. */
static void check_locks(struct watch *w)
{
    uint32_t turn = lockcheck_turn(hal_this_cpu()->id);
    if (turn == 0 || turn != w->turn) {
        w->turn = turn;
        w->turn_since_ns = clock_now_ns();
        w->turn_looks = 0;
        w->turn_report_at = WATCHDOG_LOOKS;
        return;
    }
    if (++w->turn_looks == w->turn_report_at) {
        w->turn_report_at *= 2;
        report_turn(w);
    }
}

static void report_wait(const struct mutex_wait *m)
{
    static const char *const states[] = {
        [THREAD_READY] = "ready", [THREAD_RUNNING] = "running", [THREAD_BLOCKED] = "blocked"};
    uint64_t ms = clock_counter_to_ns(hal_counter_read() - m->since) / NS_PER_MS;
    log_warn(
        "watchdog",
        "thread %u \"%s\" has waited for %llu.%03llu s for mutex \"%s\"; thread %u \"%s\" holds "
        "it, %s on cpu %u",
        m->waiter, m->waiter_name, (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000),
        m->mutex_name, m->owner, m->owner_name,
        m->owner_state < ARRAY_COUNT(states) ? states[m->owner_state] : "dead", m->cpu);
    if (m->depth == 0) {
        cpu_snapshot_log("watchdog", m->cpu);
    } else {
        backtrace_print_chain(write_line, NULL, 0, m->chain, m->depth);
    }
    (void)atomic_fetch_add_explicit(&reports, 1, memory_order_relaxed);
}

/** Only the boot CPU checks mutexes: a waiting thread is on no CPU. */
static void check_mutexes(const struct watch *w)
{
    struct mutex_wait m;
    uint64_t limit = clock_ns_to_counter(period_of(w) * WATCHDOG_LOOKS), now = hal_counter_read();
    uint64_t looks = watchdog_checks();
    if (hal_this_cpu()->id == 0 && now > limit && looks > WATCHDOG_LOOKS &&
        inherit_find_wait(now - limit, looks - WATCHDOG_LOOKS, &m)) {
        report_wait(&m);
    }
}

/* Priority of the best thread that waits for this CPU; -1: none. */
static int best_waiting(void)
{
    struct run_queue *rq = &sched_this_cpu()->rq;
    spin_lock_masked(&rq->lock);
    int best = rq_best_locked(rq);
    spin_unlock_masked(&rq->lock);
    return best;
}

static void check_thread(struct watch *w)
{
    const struct thread *t = thread_current();
    int waiting = best_waiting();
    if (t->priority == PRIO_IDLE || t->id != w->thread || t->switches != w->switches ||
        waiting < 0) {
        w->thread = t->id;
        w->switches = t->switches;
        w->since_ns = clock_now_ns();
        w->looks = 0;
        w->report_at = WATCHDOG_LOOKS;
        return;
    }
    if (++w->looks == w->report_at) {
        w->report_at *= 2;
        report(w, t, waiting);
    }
}

/** The silent CPU has not entered its scheduler for long, so it still runs that thread. */
static void report_silence(const struct beats *b, cpu_t cpu)
{
    uint64_t ms = (clock_now_ns() - b->since_ns) / NS_PER_MS;
    const struct thread *t = hal_cpu_thread(cpus_at(cpu));
    log_warn("watchdog", "cpu %u has taken no interrupt for %llu.%03llu s, in thread %u \"%.*s\"",
             cpu, (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000), t->id,
             THREAD_NAME_MAX, t->name);
    lockcheck_print_held(cpu, write_line, NULL);
    cpu_snapshot_log("watchdog", cpu);
    (void)atomic_fetch_add_explicit(&reports, 1, memory_order_relaxed);
}

static bool is_silent(cpu_t cpu)
{
    const struct watch *w = &watches[cpu];
    struct beats *b = &seen[cpu];
    uint64_t beats = atomic_load_explicit(&w->beats, memory_order_relaxed);
    if (period_of(w) == 0 || beats != b->beats) {
        *b =
            (struct beats){.beats = beats, .since_ns = clock_now_ns(), .report_at = WATCHDOG_LOOKS};
        return false;
    }
    if (++b->looks < WATCHDOG_LOOKS ||
        clock_now_ns() - b->since_ns < period_of(w) * WATCHDOG_LOOKS) {
        return false;
    }
    if (b->looks >= b->report_at) {
        b->report_at = b->looks * 2;
        report_silence(b, cpu);
    }
    return true;
}

/** The CPUs check each other in a ring, because what masks interrupts
 * on one CPU does not mask them on its predecessor. A CPU also checks
 * the successor of a silent one, which no other CPU would check. */
/* `is_looking` is only tried: if another CPU checks now, its result is as good, and waiting in the
 * timer interrupt could deadlock with a CPU that is silent. */
static void check_next(void)
{
    cpu_t self = hal_this_cpu()->id;
    if (atomic_flag_test_and_set_explicit(&is_looking, memory_order_acquire)) {
        return; /* try again next time */
    }
    cpu_t cpu = self;
    do {
        cpu = (cpu + 1) % sched_cpu_count();
    } while (cpu != self && is_silent(cpu));
    atomic_flag_clear_explicit(&is_looking, memory_order_release);
}

static void fire(struct timer *timer)
{
    struct watch *w = CONTAINER_OF(timer, struct watch, timer);
    (void)atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
    check_thread(w);
    check_locks(w);
    check_mutexes(w);
    check_next();
    /* from now: checks never follow each other closely */
    timer->deadline_ns = clock_now_ns() + period_of(w);
    timer_start(timer);
}

void watchdog_start(uint64_t limit_ns)
{
    irq_state_t state = hal_irq_save();
    struct watch *w = &watches[hal_this_cpu()->id];
    if (period_of(w) != 0) {
        (void)timer_cancel(&w->timer); /* cannot be firing: this is its CPU */
    }
    atomic_store_explicit(&w->period_ns, limit_ns / WATCHDOG_LOOKS, memory_order_relaxed);
    w->thread = 0; /* no thread has this id: the next check starts afresh */
    w->turn = 0;
    w->looks = 0;
    w->report_at = WATCHDOG_LOOKS;
    /* the checking CPU starts afresh */
    (void)atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
    if (period_of(w) != 0) {
        w->timer.fire = fire;
        w->timer.deadline_ns = clock_now_ns() + period_of(w);
        timer_start(&w->timer);
    }
    hal_irq_restore(state);
}

void watchdog_follow(void)
{
    watchdog_start(period_of(&watches[0]) * WATCHDOG_LOOKS);
}

uint64_t watchdog_checks(void)
{
    return atomic_load_explicit(&watches[0].beats, memory_order_relaxed);
}

uint64_t watchdog_reports(void)
{
    return atomic_load_explicit(&reports, memory_order_relaxed);
}
