// SPDX-License-Identifier: MIT
//
// Grace periods. A CPU that takes an interrupt which did not interrupt code with preemption off
// is in no read section, so all read sections that had begun on it have ended. Otherwise ask it
// again a little later. Readers therefore keep no record, and a CPU does no work until
// rcu_synchronize() asks it.

#include "kernel/sched/rcu.h"

#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"

#define ASK_AGAIN_NS (100 * NS_PER_US)

/* A grace period interrupts every CPU, so it has to serve many callbacks: the first one waits
 * GATHER_NS for others. GATHER_MAX of them do not wait, because each keeps memory allocated. */
#define GATHER_NS  (10 * NS_PER_MS)
#define GATHER_MAX 1000u

/* rcu_call_later() collects callbacks in later.calls. The work thread waits for one grace period
 * for all that it finds, then runs them. A callback added meanwhile waits for the next one. */
static void run_calls(struct work *work);
static void end_gathering(struct timer *timer);

/* Field protection:  [l] lock, interrupts masked */
static struct {
    struct spinlock lock;
    struct list calls; /* [l] by rcu_call.link */
    uint32_t count;    /* [l] calls in the list */
    bool is_timed;     /* [l] the timer was started and has not fired */
    struct timer timer;
    struct work work;
} later = {.lock = SPINLOCK_INIT,
           .calls = LIST_INIT(later.calls),
           .timer = {.fire = end_gathering},
           .work = {.run = run_calls}};

/** Bit i is set if CPU i may be in a read section. */
struct busy {
    _Atomic uint64_t cpus[CPU_MAX / 64]; /* relaxed: smp_call() orders the accesses */
};

/** Runs in an interrupt, or, on the CPU that asks, as a plain call with preemption off once. */
static void look(void *arg)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    struct busy *busy = arg;
    if (cpu->preempt_off != (cpu->irq_depth == 0 ? 1 : 0)) {
        atomic_fetch_or_explicit(&busy->cpus[cpu->id / 64], (uint64_t)1 << cpu->id % 64,
                                 memory_order_relaxed);
    }
}

static bool is_busy(struct busy *busy, cpu_t cpu)
{
    return (atomic_load_explicit(&busy->cpus[cpu / 64], memory_order_relaxed) >> cpu % 64 & 1) != 0;
}

/** Ask one CPU again. The CPU that runs this is in no read section, because preemption is on. The
 * thread may move to another CPU meanwhile. */
static bool is_quiet(cpu_t cpu)
{
    struct busy busy = {0};
    if (cpu == hal_this_cpu()->id) {
        return true;
    }
    smp_call(cpu, look, &busy);
    return !is_busy(&busy, cpu);
}

static void sleep_a_little(void)
{
    struct completion never;
    completion_init(&never, "read sections");
    (void)!completion_wait_uncancellable(&never, clock_now_ns() + ASK_AGAIN_NS);
}

/* Why this is enough: a pointer removed before the call is removed before any CPU answers,
 * and smp_call() acts as a release and an acquire in both directions. A reader that starts
 * after its CPU's answer does not see the pointer; what a reader did before its CPU's answer
 * is visible to the caller. */
void rcu_synchronize(void)
{
    lockcheck_may_sleep("rcu_synchronize");
    cpu_t count = cpus_count();
    struct busy busy = {0};
    if (count > 1) { /* with one CPU there is no other reader: the caller is in no read section */
        smp_call_all(look, &busy);
    }
    for (cpu_t cpu = 0; cpu < count; cpu++) {
        while (is_busy(&busy, cpu) && !is_quiet(cpu)) {
            sleep_a_little();
        }
    }
}

static void run_calls(struct work *work)
{
    (void)work;
    struct list due;
    list_init(&due);
    irq_state_t state = spin_lock_irq(&later.lock);
    for (struct list_node *n; (n = list_pop_front(&later.calls)) != NULL;) {
        list_push_back(&due, n);
    }
    later.count = 0;
    spin_unlock_irq(&later.lock, state);
    if (list_is_empty(&due)) {
        return; /* the timer fired, and rcu_hurry() had been faster */
    }
    rcu_synchronize();
    for (struct list_node *n; (n = list_pop_front(&due)) != NULL;) {
        struct rcu_call *c = CONTAINER_OF(n, struct rcu_call, link);
        c->run(c);
    }
}

static void end_gathering(struct timer *timer)
{
    (void)timer;
    irq_state_t state = spin_lock_irq(&later.lock);
    later.is_timed = false;
    spin_unlock_irq(&later.lock, state);
    (void)work_queue(&later.work);
}

/* The timer goes on when run_calls() empties the list early, so it may end the next gathering
 * before its time. That costs a grace period, and saves cancelling the timer. */
void rcu_call_later(struct rcu_call *c)
{
    irq_state_t state = spin_lock_irq(&later.lock);
    list_push_back(&later.calls, &c->link);
    bool is_full = ++later.count == GATHER_MAX;
    if (!later.is_timed) {
        later.is_timed = true;
        later.timer.deadline_ns = clock_now_ns() + GATHER_NS;
        timer_start(&later.timer);
    }
    spin_unlock_irq(&later.lock, state);
    if (is_full) {
        rcu_hurry();
    }
}

void rcu_hurry(void)
{
    (void)work_queue(&later.work);
}

/** The last of the calls that are waited for. */
struct last_call {
    struct rcu_call call;
    struct completion done;
};

static void signal_last(struct rcu_call *c)
{
    completion_signal(&CONTAINER_OF(c, struct last_call, call)->done);
}

/* Calls run in the order in which they were put off. */
void rcu_barrier(void)
{
    struct last_call last = {.call.run = signal_last};
    completion_init(&last.done, "freed objects");
    rcu_call_later(&last.call);
    rcu_hurry();
    (void)!completion_wait_uncancellable(&last.done, WAIT_FOREVER);
}
