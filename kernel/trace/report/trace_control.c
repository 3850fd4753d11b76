// SPDX-License-Identifier: MIT
//
// Switches tracing on and off, and allocates the rings: one part in MEMORY_SHARE of memory, for
// ever.
#include "kernel/trace/report/trace_control.h"

#include "hal/cpu.h"
#include "hal/smp.h"
#include "kernel/base/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"

#define MEMORY_SHARE 256u /* all rings together use one part in this many of memory */
#define RECORDS_MIN  ((uint64_t)1 << 10)
#define RECORDS_MAX  ((uint64_t)1 << 18)

static struct mutex start_lock = MUTEX_INIT(start_lock, "trace");

static uint64_t records_for_each(uint32_t cpu_count)
{
    struct page_stats stats;
    page_get_stats(&stats);
    uint64_t bytes = stats.total_pages * PAGE_SIZE / MEMORY_SHARE / cpu_count;
    uint64_t records = RECORDS_MIN;
    while (records < RECORDS_MAX && records * 2 * TRACE_RECORD_BYTES <= bytes) {
        records *= 2;
    }
    return records;
}

static bool make_ring(cpu_t cpu, uint64_t records)
{
    if (trace_has_ring(cpu)) {
        return true;
    }
    void *memory = heap_calloc(records, TRACE_RECORD_BYTES);
    if (memory == NULL) {
        return false;
    }
    trace_set_ring(cpu, memory, records);
    return true;
}

static enum status make_rings_locked(void) REQUIRES(start_lock)
{
    uint32_t cpu_count = sched_cpu_count();
    uint64_t records = records_for_each(cpu_count);
    for (cpu_t cpu = 0; cpu < cpu_count; cpu++) {
        if (!make_ring(cpu, records)) {
            return E_NOMEM;
        }
    }
    return OK;
}

/** The switch tests its own CPU's flag together with others, in one load. */
static void set_flags(bool is_on)
{
    for (cpu_t cpu = 0; cpu < sched_cpu_count(); cpu++) {
        cpus_at(cpu)->is_traced = is_on;
    }
    atomic_store_explicit(&trace_flag, is_on, memory_order_relaxed);
}

static enum status start_locked(void) REQUIRES(start_lock)
{
    if (atomic_load_explicit(&trace_flag, memory_order_relaxed)) {
        return E_BUSY;
    }
    enum status s = make_rings_locked();
    if (s != OK) {
        return s;
    }
    for (cpu_t cpu = 0; cpu < sched_cpu_count(); cpu++) {
        trace_empty_ring(cpu);
    }
    set_flags(true);
    return OK;
}

enum status trace_start(void)
{
    mutex_lock(&start_lock);
    enum status s = start_locked();
    mutex_unlock(&start_lock);
    return s;
}

void trace_cover_cpus(void)
{
    mutex_lock(&start_lock);
    if (trace_is_on()) {
        if (make_rings_locked() != OK) {
            log_warn("trace", "no memory for a ring on every CPU: some are not recorded");
        }
        set_flags(true);
    }
    mutex_unlock(&start_lock);
}

void trace_stop(void)
{
    mutex_lock(&start_lock);
    set_flags(false);
    mutex_unlock(&start_lock);
}
