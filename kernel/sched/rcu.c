// SPDX-License-Identifier: MIT
//
// Grace periods. Each has a number. rcu_synchronize() interrupts every CPU. A CPU whose interrupted
// code has preemption on is in no read section, so all read sections that had begun on it have
// ended: it stores the number of the latest period. Those that have not are interrupted again a
// little later. Readers therefore keep no record, and a CPU does no work until it is interrupted.
// The caller sleeps in between: a CPU that masks interrupts for long holds up no other CPU.

#include "kernel/sched/rcu.h"

#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/sched/sched_internal.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"

#define ASK_AGAIN_NS (100 * NS_PER_US)
#define ANSWER_NS    (20 * NS_PER_US) /* an idle CPU answers within a few microseconds */

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

/* Number of the latest grace period. Release by its caller, after the removal; acquire by the CPUs
 * that answer. */
static _Atomic uint64_t latest;

void rcu_answer(void)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    uint64_t period = atomic_load_explicit(&latest, memory_order_acquire);
    if (cpu->preempt_off == 0) {
        atomic_store_explicit(&sched_this_cpu()->quiet, period, memory_order_release);
    }
}

static bool has_answered(cpu_t cpu, uint64_t period)
{
    return atomic_load_explicit(&sched_cpu_of(cpu)->quiet, memory_order_acquire) >= period;
}

/** Ask the CPUs that have not answered. The caller is in no read section, so its CPU is in none. */
static void request_answers(uint64_t period)
{
    preempt_disable();
    atomic_store_explicit(&sched_this_cpu()->quiet, period, memory_order_release);
    for (cpu_t cpu = 0; cpu < cpus_count(); cpu++) {
        if (!has_answered(cpu, period)) {
            ipi_send(cpus_at(cpu), HAL_IPI_CALL);
        }
    }
    preempt_enable();
}

static bool have_all_answered(uint64_t period)
{
    for (cpu_t cpu = 0; cpu < cpus_count(); cpu++) {
        if (!has_answered(cpu, period)) {
            return false;
        }
    }
    return true;
}

static bool is_over_soon(uint64_t period)
{
    request_answers(period);
    uint64_t end = clock_now_ns() + ANSWER_NS;
    while (!have_all_answered(period)) {
        if (clock_now_ns() >= end) {
            return false;
        }
        hal_cpu_relax();
    }
    return true;
}

static void sleep_a_little(void)
{
    struct completion never;
    completion_init(&never, "read sections");
    (void)!completion_wait_uncancellable(&never, clock_now_ns() + ASK_AGAIN_NS);
}

/* Why this is enough: a pointer is removed before the period gets its number. A CPU that reads this
 * number (acquire) sees the removal, so a reader that starts after its CPU's answer does not see
 * the pointer. What a reader did before its CPU's answer (release) is visible to the caller. */
void rcu_synchronize(void)
{
    lockcheck_may_sleep("rcu_synchronize");
    if (cpus_count() <= 1) {
        return; /* the only CPU runs the caller, which is in no read section */
    }
    uint64_t period = atomic_fetch_add_explicit(&latest, 1, memory_order_acq_rel) + 1;
    while (!is_over_soon(period)) {
        sleep_a_little();
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
