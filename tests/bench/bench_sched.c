// SPDX-License-Identifier: MIT
//
// Threads: yield, a wake through a wait queue, create and join, an uncontended mutex. With two CPUs
// also a wake from one to the other, and the speed-up of a job on both. Those two use wall-clock
// time; with one CPU they print nothing.
#include "hal/smp.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rwlock.h"
#include "kernel/sched/thread.h"
#include "tests/bench/benches.h"

#define ROUNDS     11 /* the median is reported; the first rounds also warm up */
#define PER_ROUND  1000u
#define CREATIONS  100u
#define PER_REMOTE 200u

/** Thousandths of a nanosecond for one of `count` operations. */
static uint64_t each_milli(uint64_t ticks, uint64_t count)
{
    return clock_counter_to_ns(ticks * 1000) / count;
}

static struct thread *create(const struct thread_options *options)
{
    struct thread *t;
    if (thread_create(options, &t) != OK) {
        panic("bench: no memory for a thread");
    }
    return t;
}

static struct thread *start(void (*entry)(void *arg), void *arg)
{
    const struct thread_options options = {
        .name = "bench", .entry = entry, .arg = arg, .priority = thread_current()->priority};
    return create(&options);
}

static void join(struct thread *t)
{
    if (thread_join(t, NULL) != OK) {
        panic("bench: cancelled");
    }
}

/* --- yield: two threads of one priority, so each yield is one switch --- */

static _Atomic bool stop;

static void yield_until_stopped(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        thread_yield();
    }
}

static void bench_yield(void)
{
    uint64_t values[ROUNDS];
    atomic_store_explicit(&stop, false, memory_order_relaxed);
    struct thread *other = start(yield_until_stopped, NULL);
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            thread_yield();
        }
        values[r] = each_milli(hal_counter_read() - begin, 2 * PER_ROUND);
    }
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    join(other);
    bench_report("sched.yield_ns", bench_median(values, ROUNDS), "ns");
}

/* --- switch: two semaphores; each up wakes the other thread, each down switches to it --- */

struct ping_pong {
    struct semaphore ping, pong;
    unsigned rounds; /* in all */
};

static void down(struct semaphore *s)
{
    if (semaphore_down(s, WAIT_FOREVER) != OK) {
        panic("bench: cancelled");
    }
}

static void answer(void *arg)
{
    struct ping_pong *p = arg;
    for (unsigned left = p->rounds; left != 0; left--) {
        down(&p->ping);
        semaphore_up(&p->pong);
    }
}

static void bench_switch(void)
{
    uint64_t values[ROUNDS];
    struct ping_pong p = {.rounds = ROUNDS * PER_ROUND};
    semaphore_init(&p.ping, 0, "ping");
    semaphore_init(&p.pong, 0, "pong");
    struct thread *other = start(answer, &p);
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            semaphore_up(&p.ping);
            down(&p.pong);
        }
        values[r] = each_milli(hal_counter_read() - begin, 2 * PER_ROUND);
    }
    join(other);
    bench_report("sched.switch_ns", bench_median(values, ROUNDS), "ns");
}

/* --- the same between CPUs 0 and 1 --- */

static uint64_t remote_milli[ROUNDS];

static struct thread *start_on(cpu_t cpu, void (*entry)(void *arg), void *arg)
{
    const struct thread_options options = {.name = "bench",
                                           .entry = entry,
                                           .arg = arg,
                                           .priority = thread_current()->priority,
                                           .placement = THREAD_ON,
                                           .cpu = cpu};
    return create(&options);
}

static void call(void *arg)
{
    struct ping_pong *p = arg;
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_REMOTE; i++) {
            semaphore_up(&p->ping);
            down(&p->pong);
        }
        remote_milli[r] = each_milli(hal_counter_read() - begin, 2 * PER_REMOTE);
    }
}

static void bench_remote_wake(void)
{
    if (cpus_count() < 2) {
        return;
    }
    struct ping_pong p = {.rounds = ROUNDS * PER_REMOTE};
    semaphore_init(&p.ping, 0, "ping");
    semaphore_init(&p.pong, 0, "pong");
    struct thread *there = start_on(1, answer, &p), *here = start_on(0, call, &p);
    join(here);
    join(there);
    bench_report("sched.remote_wake_ns", bench_median(remote_milli, ROUNDS), "ns"); /* sorts them */
    bench_report("sched.remote_wake_min_ns", remote_milli[0], "ns");
}

/* --- a job done by one thread, and by two that may run on any CPU --- */

#define JOB_STEPS  20000000u
#define JOB_ROUNDS 5

struct share {
    uint32_t steps;
    uint64_t result;
};

static void compute(void *arg)
{
    struct share *share = arg;
    uint64_t x = 88172645463325252u;
    for (uint32_t left = share->steps; left != 0; left--) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    share->result = x;
}

/** @return counter ticks until `count` threads have each done their share. */
static uint64_t do_job(unsigned count)
{
    struct share shares[2];
    struct thread *t[2];
    struct thread_options options = {.name = "bench",
                                     .entry = compute,
                                     .priority = thread_current()->priority,
                                     .placement = THREAD_ANYWHERE};
    uint64_t begin = hal_counter_read();
    for (unsigned i = 0; i < count; i++) {
        shares[i] = (struct share){.steps = JOB_STEPS / count};
        options.arg = &shares[i];
        t[i] = create(&options);
    }
    for (unsigned i = 0; i < count; i++) {
        join(t[i]);
        ASSERT(shares[i].result != 0); /* always true; keeps the compiler from omitting the job */
    }
    return hal_counter_read() - begin;
}

/* The host may be busy: the best of several runs, alternating. */
static void bench_parallel(void)
{
    if (cpus_count() < 2) {
        return;
    }
    uint64_t alone = UINT64_MAX, together = UINT64_MAX;
    for (unsigned r = 0; r < JOB_ROUNDS; r++) {
        uint64_t one = do_job(1), two = do_job(2);
        alone = one < alone ? one : alone;
        together = two < together ? two : together;
    }
    bench_report("sched.parallel_x", alone * 1000 / together, "times");
}

/* --- create, run, join --- */

static void nothing(void *arg)
{
    (void)arg;
}

static void bench_create_join(void)
{
    uint64_t values[ROUNDS];
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < CREATIONS; i++) {
            join(start(nothing, NULL));
        }
        values[r] = each_milli(hal_counter_read() - begin, CREATIONS);
    }
    bench_report("sched.create_join_ns", bench_median(values, ROUNDS), "ns");
}

/* --- mutex --- */

static void bench_mutex(void)
{
    uint64_t values[ROUNDS];
    struct mutex m;
    mutex_init(&m, "bench");
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            mutex_lock(&m);
            mutex_unlock(&m);
        }
        values[r] = each_milli(hal_counter_read() - begin, PER_ROUND);
    }
    bench_report("lock.uncontended_ns", bench_median(values, ROUNDS), "ns");
}

/* --- reader-writer lock --- */

static void bench_read(void)
{
    uint64_t values[ROUNDS];
    struct rwlock l;
    rwlock_init(&l, "bench");
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            rwlock_read(&l);
            rwlock_end_read(&l);
        }
        values[r] = each_milli(hal_counter_read() - begin, PER_ROUND);
    }
    bench_report("lock.read_ns", bench_median(values, ROUNDS), "ns");
}

const struct kernel_bench sched_benches[] = {
    {"sched.yield_ns", bench_yield},
    {"sched.switch_ns", bench_switch},
    {"sched.create_join_ns", bench_create_join},
    {"sched.remote_wake_ns sched.remote_wake_min_ns", bench_remote_wake},
    {"sched.parallel_x", bench_parallel},
    {"lock.uncontended_ns", bench_mutex},
    {"lock.read_ns", bench_read},
    {0},
};
