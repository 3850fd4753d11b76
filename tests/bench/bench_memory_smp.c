// SPDX-License-Identifier: MIT
//
// The heap on all CPUs at once, in wall-clock time: needs as many CPUs as
// the host has, and an idle host.
#include "hal/cpu.h"
#include "hal/smp.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "tests/bench/benches.h"

#include <stdatomic.h>

#define ROUNDS    11
#define PER_ROUND 20000u
#define CPUS_MANY 64u

/* The compiler can neither inline the call nor specialize it by size. */
static void *(*volatile opaque_alloc)(size_t size) = heap_alloc;
static void (*volatile opaque_free)(void *p) = heap_free;

/** A barrier: each round starts when all CPUs have arrived. */
static _Atomic uint32_t arrived; /* acq_rel: orders everything before the round */

static void wait_for(uint32_t count)
{
    (void)atomic_fetch_add_explicit(&arrived, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&arrived, memory_order_acquire) < count) {
        hal_cpu_relax();
    }
}

struct worker {
    uint32_t count;         /* of workers */
    uint64_t ticks[ROUNDS]; /* of a round */
};

static void take_and_give(void *arg)
{
    struct worker *w = arg;
    void *(*alloc)(size_t) = opaque_alloc;
    void (*release)(void *) = opaque_free;
    volatile size_t size = 64;
    for (unsigned r = 0; r < ROUNDS; r++) {
        wait_for((r + 1) * w->count);
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < PER_ROUND; i++) {
            release(alloc(size));
        }
        w->ticks[r] = hal_counter_read() - begin;
    }
}

/* The slowest CPU's time for a pair, in the best round, because the host may be busy in others. */
static void bench_heap_pair_smp(void)
{
    static struct worker workers[CPUS_MANY];
    struct thread *threads[CPUS_MANY];
    uint32_t count = MIN(cpus_count(), CPUS_MANY);
    if (count < 2) {
        return;
    }
    atomic_store_explicit(&arrived, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        workers[i].count = count;
        const struct thread_options options = {.name = "bench",
                                               .entry = take_and_give,
                                               .arg = &workers[i],
                                               .priority = thread_current()->priority,
                                               .placement = THREAD_ON,
                                               .cpu = i};
        if (thread_create(&options, &threads[i]) != OK) {
            panic("bench: no thread");
        }
    }
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        (void)thread_join(threads[i], NULL);
    }
    for (unsigned r = 0; r < ROUNDS; r++) {
        uint64_t slowest = 0;
        for (uint32_t i = 0; i < count; i++) {
            slowest = MAX(slowest, workers[i].ticks[r]);
        }
        best = MIN(best, slowest);
    }
    bench_report("heap.pair64_smp_ns", clock_counter_to_ns(best * 1000) / PER_ROUND, "ns");
}

#define REMOTE 5000u /* objects: more than the magazines hold */

static void *remote[REMOTE];

static void take_remote(void *arg)
{
    (void)arg;
    void *(*alloc)(size_t) = opaque_alloc;
    volatile size_t size = 64;
    for (unsigned i = 0; i < REMOTE; i++) {
        remote[i] = alloc(size);
    }
}

/* In instructions, if they are counted: the CPU that allocated the objects is idle. */
static void bench_heap_remote_free(void)
{
    void (*release)(void *) = opaque_free;
    const struct thread_options options = {.name = "bench",
                                           .entry = take_remote,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ON,
                                           .cpu = 1};
    uint64_t best = UINT64_MAX;
    if (cpus_count() < 2) {
        return;
    }
    for (unsigned r = 0; r < ROUNDS; r++) {
        struct thread *t;
        if (thread_create(&options, &t) != OK || thread_join(t, NULL) != OK) {
            panic("bench: no thread");
        }
        uint64_t begin = hal_counter_read();
        for (unsigned i = 0; i < REMOTE; i++) {
            release(remote[i]);
        }
        best = MIN(best, hal_counter_read() - begin);
    }
    bench_report("heap.remote_free_ns", clock_counter_to_ns(best * 1000) / REMOTE, "ns");
}

const struct kernel_bench memory_smp_benches[] = {
    {"heap.remote_free_ns", bench_heap_remote_free},
    {"heap.pair64_smp_ns", bench_heap_pair_smp},
    {0},
};
