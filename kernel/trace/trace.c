// SPDX-License-Identifier: MIT
//
// The trace rings. A CPU writes its own ring with interrupts masked, so its writes never
// interleave. Readers may read at any time from any CPU, and detect if a copy was overwritten
// meanwhile. Rings are never freed or moved, because a writer that saw tracing on may come late.
#include "kernel/trace/trace.h"

#include "hal/cpu.h"
#include "kernel/lib/string.h"
#include "kernel/trace/trace_ring.h"

_Atomic bool trace_flag; /* relaxed: it does not matter if a record near a change is lost */

struct trace_ring trace_rings[CPU_MAX];
size_t trace_thread_id; /* [I] */

/* --- writing --- */

void trace_record(enum trace_event event, uint32_t extra, uint64_t a, uint64_t b)
{
    irq_state_t state = hal_irq_save();
    trace_write(hal_counter_read(), event, extra, a, b);
    hal_irq_restore(state);
}

void trace_record_name(enum trace_event event, uint32_t extra, const char *name)
{
    uint64_t text[TRACE_NAME_MAX / sizeof(uint64_t)] = {0};
    memcpy(text, name, strnlen(name, sizeof text));
    trace_record(event, extra, text[0], text[1]);
}

/* --- reading --- */

/* Numbers of the records that are valid now: [*first, *end). */
static void get_range(const struct trace_ring *r, uint64_t *first, uint64_t *end)
{
    *end = atomic_load_explicit(&r->head, memory_order_acquire);
    *first = *end - r->first > r->mask ? *end - r->mask : r->first;
}

static void copy(const _Atomic uint64_t *from, uint64_t to[TRACE_WORDS])
{
    for (unsigned i = 0; i < TRACE_WORDS; i++) {
        to[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
    }
    atomic_thread_fence(memory_order_acquire);
}

bool trace_read(cpu_t cpu, uint64_t at, struct trace_record *out)
{
    const struct trace_ring *r = &trace_rings[cpu];
    _Atomic uint64_t *words = atomic_load_explicit(&r->words, memory_order_acquire);
    uint64_t first, end, w[TRACE_WORDS];
    if (words == NULL) {
        return false;
    }
    get_range(r, &first, &end);
    if (at < first || at >= end) {
        return false;
    }
    copy(words + (at & r->mask) * TRACE_WORDS, w);
    get_range(r, &first, &end);
    if (at < first) {
        return false;
    }
    *out = (struct trace_record){.counter = w[0],
                                 .event = (enum trace_event)(w[1] & ((1u << TRACE_EVENT_BITS) - 1)),
                                 .thread = (uint32_t)(w[1] >> TRACE_THREAD_SHIFT),
                                 .extra = (uint32_t)(w[1] >> TRACE_EVENT_BITS & TRACE_EXTRA_MASK),
                                 .a = w[2],
                                 .b = w[3]};
    return true;
}

bool trace_get_info(cpu_t cpu, struct trace_info *out)
{
    if (cpu >= CPU_MAX) {
        return false;
    }
    const struct trace_ring *r = &trace_rings[cpu];
    if (atomic_load_explicit(&r->words, memory_order_acquire) == NULL) {
        return false;
    }
    get_range(r, &out->first, &out->end);
    out->lost = out->first - r->first;
    out->capacity = r->mask;
    return true;
}

/* --- for report/trace_control.c --- */

void trace_install_thread_id(size_t offset)
{
    trace_thread_id = offset;
}

bool trace_has_ring(cpu_t cpu)
{
    return atomic_load_explicit(&trace_rings[cpu].words, memory_order_relaxed) != NULL;
}

void trace_set_ring(cpu_t cpu, void *memory, uint64_t records)
{
    trace_rings[cpu].mask = records - 1;
    atomic_store_explicit(&trace_rings[cpu].words, (_Atomic uint64_t *)memory,
                          memory_order_release);
}

void trace_empty_ring(cpu_t cpu)
{
    trace_rings[cpu].first = atomic_load_explicit(&trace_rings[cpu].head, memory_order_relaxed);
}
