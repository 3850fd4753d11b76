// SPDX-License-Identifier: MIT
//
// The watchdog detects a thread that does not release its CPU, and
// names the function that it is in.
#include "hal/irq.h"
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/watchdog.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

#define LIMIT_NS   (100 * NS_PER_MS)
#define PATIENCE_S 60u /* a busy host may suspend a CPU for seconds */

static NOINLINE void hog_the_cpu(uint64_t reports)
{
    uint64_t end = clock_now_ns() + PATIENCE_S * NS_PER_S;
    while (watchdog_reports() == reports && clock_now_ns() < end) {
        hal_cpu_relax();
    }
}

static volatile bool has_hogged; /* set after the call, so that the call has a frame */

static void hog(void *arg)
{
    bool is_preemptible = arg != NULL;
    if (!is_preemptible) {
        preempt_disable();
    }
    hog_the_cpu(watchdog_reports());
    has_hogged = true;
    if (!is_preemptible) {
        preempt_enable();
    }
}

/* True: a line from `sequence` on contains the text. */
static bool log_has(uint64_t sequence, const char *text)
{
    struct log_record r;
    while (log_read(&sequence, &r)) {
        if (str_contains(r.text, text)) {
            return true;
        }
    }
    return false;
}

static uint64_t end_of_log(void)
{
    struct log_record r;
    uint64_t sequence = 0;
    while (log_read(&sequence, &r)) {
    }
    return sequence;
}

static void check_report(uint8_t priority, void *arg, const char *text)
{
    struct thread *t = NULL;
    uint64_t before = watchdog_reports(), line = end_of_log();
    const struct thread_options options = {
        .name = "hog", .entry = hog, .arg = arg, .priority = priority};
    watchdog_start(LIMIT_NS);
    TEST_EQUAL(thread_create(&options, &t), OK);
    thread_yield(); /* and this one waits */
    TEST_EQUAL(test_join(t, NULL), OK);
    watchdog_start(10 * NS_PER_S);
    TEST_CHECK(watchdog_reports() > before);
    TEST_CHECK(log_has(line, "\"hog\" has run for "));
    TEST_CHECK(log_has(line, text));
    /* A function that hog() calls may be at its first instruction,
     * where the chain omits its caller. */
    TEST_CHECK(log_has(line, " hog+0x"));
}

static void a_thread_above_the_others_is_found(void)
{
    check_report(PRIO_HIGH, &(int){1}, "s; a thread of priority 32 waits, its own is 48");
}

static void a_thread_with_preemption_off_is_found(void)
{
    check_report(PRIO_NORMAL, NULL, "s with preemption off; a thread of priority 32 waits");
}

/* --- a mutex --- */

static struct mutex stuck = MUTEX_INIT(stuck, "stuck");
static struct completion is_seen;

/* Something is left to do after the call, so the function has a frame. */
static NOINLINE void hold_it(void)
{
    mutex_lock(&stuck);
    TEST_EQUAL(completion_wait(&is_seen, WAIT_FOREVER), OK);
    mutex_unlock(&stuck);
    has_hogged = true;
}

static void hold(void *arg)
{
    (void)arg;
    hold_it();
    has_hogged = true;
}

static void want(void *arg)
{
    (void)arg;
    mutex_lock(&stuck);
    mutex_unlock(&stuck);
}

static void wait_for_report(uint64_t reports)
{
    uint64_t end = clock_now_ns() + PATIENCE_S * NS_PER_S;
    while (watchdog_reports() == reports && clock_now_ns() < end) {
        TEST_EQUAL(thread_sleep(NS_PER_MS), OK);
    }
}

static void a_mutex_that_is_held_for_long_is_found(void)
{
    struct thread *holder = NULL, *waiter = NULL;
    uint64_t before = watchdog_reports(), line = end_of_log();
    completion_init(&is_seen, "may go");
    watchdog_start(LIMIT_NS);
    const struct thread_options hold_options = {
        .name = "holder", .entry = hold, .priority = PRIO_HIGH};
    const struct thread_options want_options = {
        .name = "waiter", .entry = want, .priority = PRIO_HIGH};
    TEST_EQUAL(thread_create(&hold_options, &holder), OK); /* each runs until it blocks */
    TEST_EQUAL(thread_create(&want_options, &waiter), OK);
    if (holder != NULL && waiter != NULL) {
        wait_for_report(before);
    }
    watchdog_start(10 * NS_PER_S);
    completion_signal(&is_seen);
    TEST_EQUAL(test_join(holder, NULL), OK);
    TEST_EQUAL(test_join(waiter, NULL), OK);
    TEST_CHECK(watchdog_reports() > before);
    TEST_CHECK(log_has(line, "\"waiter\" has waited for "));
    TEST_CHECK(log_has(line, " s for mutex \"stuck\"; thread "));
    TEST_CHECK(log_has(line, "\"holder\" holds it, blocked on cpu 0"));
    TEST_CHECK(log_has(line, " hold_it+0x"));
}

/* --- interrupts masked: the last CPU of the ring reports it --- */

static void set_limit(void *arg)
{
    watchdog_start(*(uint64_t *)arg);
}

static void set_limits(uint64_t limit_ns)
{
    for (cpu_t cpu = 0; cpu < cpus_count(); cpu++) {
        smp_call(cpu, set_limit, &limit_ns);
    }
}

/* No other CPU could report the only CPU, and it must not report itself. */
static void stand_still_alone(uint64_t before)
{
    uint64_t end = clock_now_ns() + 3 * LIMIT_NS;
    irq_state_t state = hal_irq_save();
    while (clock_now_ns() < end) {
        hal_cpu_relax();
    }
    TEST_EQUAL(watchdog_reports(), before);
    hal_irq_restore(state);
}

/* A GICv2 has no interrupt for our use that hal_irq_save() does not mask. */
static bool has_nmi(void)
{
    return strcmp(machine_irq_controller()->name, "gicv2") != 0;
}

static _Atomic bool may_go;

/* Without polling for requests of other CPUs, which would count as a sign of life. */
static NOINLINE void stand_still(void)
{
    irq_state_t state = hal_irq_save();
    while (!atomic_load(&may_go)) {
    }
    hal_irq_restore(state);
}

static void be_stuck(void *arg)
{
    stand_still();
    *(volatile bool *)arg = true; /* keeps the line above from being a tail call */
}

static bool log_has_of(uint64_t line, cpu_t cpu, const char *what)
{
    char text[96];
    fmt_print(text, sizeof text, "cpu %u%s", cpu, what);
    return log_has(line, text);
}

/* What a report prints about a CPU that was asked for its state. */
static const char *answer(void)
{
    return has_nmi() ? ", interrupts masked, is at" : " does not answer";
}

/* Block CPUs 1 to `count`; the CPU before them reports it. */
static void find_silent_cpus(cpu_t count)
{
    struct thread *threads[2] = {NULL};
    bool done[2];
    uint64_t line = end_of_log(), end = clock_now_ns() + PATIENCE_S * NS_PER_S;
    atomic_store(&may_go, false);
    for (cpu_t i = 0; i < count; i++) {
        const struct thread_options options = {.name = "stuck",
                                               .entry = be_stuck,
                                               .arg = &done[i],
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ON,
                                               .cpu = 1 + i};
        TEST_EQUAL(thread_create(&options, &threads[i]), OK);
        end = threads[i] != NULL ? end : 0; /* the report cannot come */
    }
    /* Wait for any report of each: the first may come because a busy host has suspended a CPU. */
    for (cpu_t i = 0; i < count; i++) {
        while (!log_has_of(line, 1 + i, answer()) && clock_now_ns() < end) {
            thread_yield();
        }
    }
    TEST_EQUAL(log_has(line, " stand_still+0x"), has_nmi());
    TEST_CHECK(log_has(line, " s, in thread ") && log_has(line, " \"stuck\""));
    atomic_store(&may_go, true);
    for (cpu_t i = 0; i < count; i++) {
        TEST_CHECK(log_has_of(line, 1 + i, " has taken no interrupt for "));
        TEST_CHECK(log_has_of(line, 1 + i, answer()));
        TEST_EQUAL(test_join(threads[i], NULL), OK);
    }
}

static void a_cpu_without_interrupts_is_found(void)
{
    uint64_t before = watchdog_reports();
    set_limits(LIMIT_NS);
    if (cpus_count() < 2) {
        stand_still_alone(before);
    } else {
        find_silent_cpus(1);
        TEST_CHECK(watchdog_reports() > before);
    }
    set_limits(10 * NS_PER_S);
}

/* Neighbouring CPUs: the one that checks the first must check the second, too. */
static void two_cpus_without_interrupts_are_found(void)
{
    if (cpus_count() > 2) { /* otherwise the test above covers it */
        set_limits(LIMIT_NS);
        find_silent_cpus(2);
        set_limits(10 * NS_PER_S);
    }
}

#ifdef HALYARD_DEBUG

static struct spinlock held_long = SPINLOCK_INIT_NAMED("held long");

static NOINLINE void hold_spinlock(uint64_t reports)
{
    spin_lock(&held_long);
    hog_the_cpu(reports);
    spin_unlock(&held_long);
}

static void a_spinlock_that_is_held_too_long_is_found(void)
{
    uint64_t before = watchdog_reports(), line = end_of_log();
    watchdog_start(LIMIT_NS);
    hold_spinlock(before);
    watchdog_start(10 * NS_PER_S);
    TEST_CHECK(watchdog_reports() > before);
    TEST_CHECK(log_has(line, " has held a spinlock for "));
    TEST_CHECK(log_has(line, " holds spinlock \"held long\", taken at"));
    TEST_CHECK(log_has(line, " hold_spinlock+0x"));
}

#endif

const struct kernel_test watchdog_tests[] = {
    {"watchdog.a_cpu_without_interrupts_is_found", a_cpu_without_interrupts_is_found,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"watchdog.a_thread_above_the_others_is_found", a_thread_above_the_others_is_found,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"watchdog.a_thread_with_preemption_off_is_found", a_thread_with_preemption_off_is_found,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"watchdog.a_mutex_that_is_held_for_long_is_found", a_mutex_that_is_held_for_long_is_found,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
#ifdef HALYARD_DEBUG
    {"watchdog.a_spinlock_that_is_held_too_long_is_found",
     a_spinlock_that_is_held_too_long_is_found, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
#endif
    {"watchdog.two_cpus_without_interrupts_are_found", two_cpus_without_interrupts_are_found,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
