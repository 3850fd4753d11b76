// SPDX-License-Identifier: MIT
//
// How programs end, with real interrupts. A function of the kernel stands for the program's code:
// it is registered as the code of a fault owner during the test. tests/smoke runs real programs.
#include "kernel/base/clock.h"
#include "kernel/fault/fault.h"
#include "kernel/lib/string.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#include <stdatomic.h>

#define LONG_NS (10 * NS_PER_S)

static _Atomic unsigned spins;

/* Never returns and makes no call: only an interrupt ends it. */
static NOINLINE void spin_for_ever(void *arg)
{
    (void)arg;
    for (;;) {
        atomic_fetch_add_explicit(&spins, 1, memory_order_relaxed);
    }
}

static bool not_mine(struct fault_owner *self, struct fault *fault)
{
    (void)self;
    (void)fault;
    return false;
}

static struct fault_owner spin_code;

static void own_spin_code(void)
{
    spin_code = (struct fault_owner){
        .base = (uintptr_t)spin_for_ever, .size = 64, .name = "spin", .handle = not_mine};
    fault_own_code(&spin_code);
}

static struct program *create(void)
{
    struct program *p;
    if (program_create("test", &p) != OK) {
        test_fail(__FILE__, __LINE__, "no program");
        return NULL;
    }
    return p;
}

/* A program without a thread ends at once. */
static bool start(struct program *p, void (*entry)(void *arg), void *arg)
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = "of test",
                                           .entry = entry,
                                           .arg = arg,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE,
                                           .uses_fp = true,
                                           .owner = &p->owner};
    enum status s = thread_create(&options, &t);
    TEST_CHECK(s == OK || atomic_load(&p->ending)); /* its time may have run out already */
    if (s != OK) {
        program_kill(p, PROGRAM_KILLED, 0);
        return false;
    }
    thread_detach(t);
    return true;
}

static void expect_end(struct program *p, enum program_end end, int status)
{
    enum program_end got_end = PROGRAM_RUNNING;
    int got_status = -1;
    TEST_EQUAL(program_wait(p, clock_now_ns() + LONG_NS, &got_end, &got_status), OK);
    TEST_EQUAL(got_end, end);
    TEST_EQUAL(got_status, status);
    program_release(p);
}

static void wait_until_it_spins(void)
{
    unsigned before = atomic_load_explicit(&spins, memory_order_relaxed);
    while (atomic_load_explicit(&spins, memory_order_relaxed) == before) {
        thread_yield();
    }
}

/* No other thread wants the CPU and no timer is due: the kill itself must send the interrupt. */
static void a_computing_program_is_killed(void)
{
    own_spin_code();
    struct program *p = create();
    if (p != NULL) {
        if (start(p, spin_for_ever, NULL) && start(p, spin_for_ever, NULL)) {
            wait_until_it_spins();
        }
        program_kill(p, PROGRAM_KILLED, 9);
        program_kill(p, PROGRAM_EXITED, 1); /* the first reason stands */
        expect_end(p, PROGRAM_KILLED, 9);
    }
    fault_disown(&spin_code);
}

static unsigned suspended_threads(void)
{
    struct thread_info t;
    unsigned count = 0;
    for (uint32_t i = 0; thread_get_info(i, &t); i++) {
        count += strcmp(t.waiting_on, "suspended") == 0;
    }
    return count;
}

static void suspend_until_it_stops(struct program *p, unsigned threads)
{
    uint64_t deadline = clock_now_ns() + LONG_NS;
    program_suspend(p, SUSPENDED_BY_JOB);
    while (suspended_threads() != threads && clock_now_ns() < deadline) {
        thread_yield();
    }
    TEST_EQUAL(suspended_threads(), threads);
}

/* Its threads compute, on all CPUs, and call nothing. */
static void a_program_is_suspended_and_resumed_as_a_whole(void)
{
    own_spin_code();
    struct program *p = create();
    if (p != NULL) {
        if (start(p, spin_for_ever, NULL) && start(p, spin_for_ever, NULL)) {
            wait_until_it_spins();
            suspend_until_it_stops(p, 2);
            unsigned before = atomic_load_explicit(&spins, memory_order_relaxed);
            uint64_t ticks = atomic_load_explicit(&p->cpu_ticks, memory_order_relaxed);
            for (unsigned i = 0; i < 1000; i++) {
                thread_yield();
            }
            TEST_EQUAL(atomic_load_explicit(&spins, memory_order_relaxed), before);
            TEST_EQUAL(atomic_load_explicit(&p->cpu_ticks, memory_order_relaxed), ticks);
            program_resume(p, SUSPENDED_BY_JOB);
            wait_until_it_spins();
            TEST_EQUAL(suspended_threads(), 0);
            suspend_until_it_stops(p, 2);
        }
        program_kill(p, PROGRAM_KILLED, 9); /* also while it is suspended */
        expect_end(p, PROGRAM_KILLED, 9);
    }
    fault_disown(&spin_code);
}

static void sleep_for_ever(void *arg)
{
    *(enum status *)arg = thread_sleep_until(WAIT_FOREVER);
}

static void a_sleeping_program_is_killed(void)
{
    enum status result = OK;
    struct program *p = create();
    if (p != NULL) {
        (void)start(p, sleep_for_ever, &result);
        thread_yield();
        program_kill(p, PROGRAM_KILLED, 0);
        expect_end(p, PROGRAM_KILLED, 0);
        TEST_EQUAL(result, E_CANCELLED);
    }
}

static void return_at_once(void *arg)
{
    (void)arg;
}

static void exit_with_42(void *arg)
{
    (void)arg;
    program_exit(42);
}

static void a_program_ends_with_its_threads(void)
{
    struct program *p = create();
    if (p != NULL) {
        (void)start(p, return_at_once, NULL);
        expect_end(p, PROGRAM_EXITED, 0);
    }
    p = create();
    if (p != NULL) {
        (void)start(p, exit_with_42, NULL);
        expect_end(p, PROGRAM_EXITED, 42);
    }
}

struct hold {
    struct mutex lock;
    _Atomic bool held, let_go;
};

/* Kernel code that holds a lock and computes: it must finish even if the program is killed. */
static void hold_a_mutex(void *arg)
{
    struct hold *h = arg;
    mutex_lock(&h->lock);
    atomic_store(&h->held, true);
    while (!atomic_load(&h->let_go)) {
        thread_yield();
    }
    mutex_unlock(&h->lock);
    spin_for_ever(NULL); /* back in its own code */
}

static bool is_free(struct mutex *m)
{
    if (!mutex_try_lock(m)) {
        return false;
    }
    mutex_unlock(m);
    return true;
}

static void a_kill_waits_for_kernel_code(void)
{
    static struct hold h;
    h = (struct hold){.held = false};
    mutex_init(&h.lock, "hold");
    own_spin_code();
    struct program *p = create();
    if (p != NULL) {
        bool is_started = start(p, hold_a_mutex, &h);
        while (is_started && !atomic_load(&h.held)) {
            thread_yield();
        }
        program_kill(p, PROGRAM_KILLED, 3);
        enum program_end end;
        int status;
        enum status wanted = is_started ? E_TIMEDOUT : OK;
        TEST_EQUAL(program_wait(p, clock_now_ns() + 5 * NS_PER_MS, &end, &status), wanted);
        TEST_CHECK(!is_free(&h.lock));
        atomic_store(&h.let_go, true);
        expect_end(p, PROGRAM_KILLED, 3);
        TEST_CHECK(is_free(&h.lock));
    }
    fault_disown(&spin_code);
}

#define LIMIT_NS (2 * NS_PER_MS)

/* Like a thread that allocates memory at this moment: the end of the program must wait for the lock
 * and leave the CPU to its holder. */
static void hold_its_lock(void *arg)
{
    struct program *p = arg;
    mutex_lock(&p->lock);
    while (thread_run_ns() < 50 * LIMIT_NS) {
    }
    mutex_unlock(&p->lock);
    spin_for_ever(NULL); /* back in its own code */
}

static void time_ends_a_program_that_holds_its_lock(void)
{
    own_spin_code();
    struct program *p = create();
    if (p != NULL) {
        p->cpu_limit_ticks = clock_ns_to_counter(LIMIT_NS) - clock_ns_to_counter(0);
        (void)start(p, hold_its_lock, p);
        expect_end(p, PROGRAM_OUT_OF_TIME, 119);
    }
    fault_disown(&spin_code);
}

#define SHARED_NS (20 * NS_PER_MS)

/* On every CPU: the time that each thread uses counts. */
static void threads_of_a_program_share_its_time(void)
{
    own_spin_code();
    struct program *p = create();
    if (p != NULL) {
        enum program_end end;
        int status;
        p->cpu_limit_ticks = clock_ns_to_counter(SHARED_NS) - clock_ns_to_counter(0);
        for (unsigned i = 0; i < 4; i++) {
            (void)start(p, spin_for_ever, NULL);
        }
        TEST_EQUAL(program_wait(p, clock_now_ns() + LONG_NS, &end, &status), OK);
        TEST_CHECK(atomic_load(&p->cpu_ticks) >= p->cpu_limit_ticks);
        expect_end(p, PROGRAM_OUT_OF_TIME, 119);
    }
    fault_disown(&spin_code);
}

const struct kernel_test program_tests[] = {
    {"program.a_computing_program_is_killed", a_computing_program_is_killed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"program.a_program_is_suspended_and_resumed_as_a_whole",
     a_program_is_suspended_and_resumed_as_a_whole, TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"program.a_sleeping_program_is_killed", a_sleeping_program_is_killed,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"program.a_program_ends_with_its_threads", a_program_ends_with_its_threads,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"program.a_kill_waits_for_kernel_code", a_kill_waits_for_kernel_code,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"program.time_ends_a_program_that_holds_its_lock", time_ends_a_program_that_holds_its_lock,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"program.threads_of_a_program_share_its_time", threads_of_a_program_share_its_time,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {0},
};
