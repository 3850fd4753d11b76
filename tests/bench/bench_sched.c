// SPDX-License-Identifier: MIT
//
// Threads: yield, wake through a wait queue, create and join, an uncontended mutex.
#include "hal/cpu.h"
#include "kernel/assert.h"
#include "kernel/clock.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rwlock.h"
#include "kernel/sched/thread.h"
#include "tests/bench/benches.h"

#define ROUNDS    11 /* the median counts; the first ones also warm up */
#define PER_ROUND 1000u
#define CREATIONS 100u

/** Thousandths of a nanosecond for one of `count` operations. */
static uint64_t each_milli(uint64_t ticks, uint64_t count)
{
    return clock_counter_to_ns(ticks * 1000) / count;
}

static struct thread *start(void (*entry)(void *arg), void *arg)
{
    struct thread *t;
    const struct thread_options options = {
        .name = "bench", .entry = entry, .arg = arg, .priority = thread_current()->priority};
    if (thread_create(&options, &t) != OK) {
        panic("bench: no memory for a thread");
    }
    return t;
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

/* --- switch: two semaphores, each up wakes the other thread, each down gives it the CPU --- */

struct ping_pong {
    struct semaphore ping, pong;
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
    for (unsigned i = 0; i < ROUNDS * PER_ROUND; i++) {
        down(&p->ping);
        semaphore_up(&p->pong);
    }
}

static void bench_switch(void)
{
    uint64_t values[ROUNDS];
    struct ping_pong p;
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
    {"lock.uncontended_ns", bench_mutex},
    {"lock.read_ns", bench_read},
    {0},
};
