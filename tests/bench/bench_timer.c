// SPDX-License-Identifier: MIT
//
// Time: the lateness of a sleep of one millisecond, and the latency from
// an interrupt to its handler.
#include "hal/cpu.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "tests/bench/benches.h"

#include <stdatomic.h>

#define SLEEPS     200u
#define INTERRUPTS 101u

static void bench_sleep(void)
{
    static uint64_t late_milli[SLEEPS];
    for (unsigned i = 0; i < SLEEPS; i++) {
        uint64_t deadline = clock_now_ns() + NS_PER_MS;
        if (thread_sleep_until(deadline) != OK) {
            panic("bench: cancelled");
        }
        late_milli[i] = (clock_now_ns() - deadline) * 1000;
    }
    bench_report("timer.p50_ns", bench_median(late_milli, SLEEPS), "ns"); /* sorts them */
    bench_report("timer.p99_ns", late_milli[SLEEPS * 99 / 100], "ns");
}

/* The interrupted loop stores the time of each turn; the handler compares
 * its own time with the last one. */
static struct {
    _Atomic uint64_t last;
    _Atomic uint64_t ticks; /* 0: not yet */
} entry;

static void note_entry(struct timer *t)
{
    (void)t;
    uint64_t last = atomic_load_explicit(&entry.last, memory_order_relaxed);
    atomic_store_explicit(&entry.ticks, hal_counter_read() - last, memory_order_relaxed);
}

static uint64_t measure_entry(void)
{
    struct timer t = {.deadline_ns = clock_now_ns() + 20 * NS_PER_US, .fire = note_entry};
    atomic_store_explicit(&entry.ticks, 0, memory_order_relaxed);
    atomic_store_explicit(&entry.last, hal_counter_read(), memory_order_relaxed);
    timer_start(&t);
    uint64_t ticks;
    while ((ticks = atomic_load_explicit(&entry.ticks, memory_order_relaxed)) == 0) {
        atomic_store_explicit(&entry.last, hal_counter_read(), memory_order_relaxed);
    }
    return ticks;
}

static void bench_irq_entry(void)
{
    uint64_t milli[INTERRUPTS];
    for (unsigned i = 0; i < INTERRUPTS; i++) {
        milli[i] = clock_counter_to_ns(measure_entry() * 1000);
    }
    bench_report("irq.entry_ns", bench_median(milli, INTERRUPTS), "ns");
}

const struct kernel_bench timer_benches[] = {
    {"timer.p50_ns timer.p99_ns", bench_sleep},
    {"irq.entry_ns", bench_irq_entry},
    {0},
};
