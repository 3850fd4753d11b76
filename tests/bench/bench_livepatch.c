// SPDX-License-Identifier: MIT
//
// Replacing a function while the other CPUs call it (kernel/module/livepatch.h). The file is
// compiled with patchable entries.
#include "hal/cpu.h"
#include "hal/smp.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/module/livepatch.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/report/trace_control.h"
#include "tests/bench/benches.h"

#define REPLACEMENTS 100u
#define CPUS         4u
#define CALLS        1000u

/* The barrier keeps callers from knowing the results. */
static NOINLINE unsigned own(unsigned x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 1;
}

static NOINLINE unsigned other(unsigned x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 2;
}

static const struct livepatch to_other[] = {LIVEPATCH(own, other), {0}};
static uint64_t ns_milli[REPLACEMENTS];
static _Atomic bool is_over;
static _Atomic unsigned begun; /* CPUs that call it */

static void replace(void)
{
    struct loader_error err;
    while (atomic_load(&begun) + 1 < MIN(cpus_count(), CPUS)) {
        hal_cpu_relax();
    }
    for (unsigned i = 0; i < REPLACEMENTS; i++) {
        uint64_t begin = clock_now_ns();
        enum status s =
            i % 2 == 0 ? livepatch_apply("bench", to_other, &err) : livepatch_undo("bench", &err);
        ns_milli[i] = (clock_now_ns() - begin) * 1000;
        if (s != OK) {
            panic("bench: %s", err.text);
        }
    }
    atomic_store(&is_over, true);
}

static void work(void *arg)
{
    if (arg == NULL) {
        replace();
    }
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        unsigned added = own(i) - i;
        if (added != 1 && added != 2) {
            panic("bench: a call was lost");
        }
        atomic_fetch_add(&begun, i == 0);
        hal_cpu_relax(); /* CPUs take turns with icount; this ends a turn */
    }
}

static void bench_replace(void)
{
    struct thread *threads[CPUS];
    cpu_t count = MIN(cpus_count(), CPUS);
    atomic_store(&is_over, false);
    atomic_store(&begun, 0);
    for (cpu_t i = 0; i < count; i++) {
        const struct thread_options options = {.name = "bench",
                                               .entry = work,
                                               .arg = (void *)(uintptr_t)i,
                                               .priority = PRIO_NORMAL,
                                               .placement = THREAD_ON,
                                               .cpu = i};
        if (thread_create(&options, &threads[i]) != OK) {
            panic("bench: out of memory");
        }
    }
    for (cpu_t i = 0; i < count; i++) {
        (void)thread_join(threads[i], NULL);
    }
    bench_report("livepatch.replace_ns", bench_median(ns_milli, REPLACEMENTS), "ns"); /* sorts */
    bench_report("livepatch.replace_max_ns", ns_milli[REPLACEMENTS - 1], "ns");
}

static uint64_t call_milli(void)
{
    uint64_t begin = clock_now_ns();
    for (unsigned i = 0; i < CALLS; i++) {
        (void)own(i);
    }
    return (clock_now_ns() - begin) * 1000 / CALLS;
}

/* What a record of each call costs; the first calls allocate. */
static void bench_trace(void)
{
    uint64_t untraced = call_milli();
    if (trace_prepare_calls() != OK || trace_start() != OK || livepatch_trace((vaddr_t)own) != OK) {
        panic("bench: cannot trace");
    }
    (void)own(0);
    uint64_t traced = call_milli();
    livepatch_untrace((vaddr_t)own);
    trace_stop();
    bench_report("livepatch.traced_call_ns", traced - untraced, "ns");
}

const struct kernel_bench livepatch_benches[] = {
    {"livepatch.replace_ns livepatch.replace_max_ns", bench_replace},
    {"livepatch.traced_call_ns", bench_trace},
    {0},
};
