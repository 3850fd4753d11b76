// SPDX-License-Identifier: MIT
//
// The trace rings. A CPU writes its own ring with interrupts masked, so its writes never
// interleave. Readers may read at any time from any CPU, and detect if a copy was overwritten
// meanwhile. Rings are never freed or moved, because a writer that saw tracing on may come late.
#include "kernel/trace/trace.h"

#include "hal/cpu.h"
#include "kernel/lib/string.h"

#define WORDS        4u /* of a record in the ring */
#define EVENT_BITS   8u
#define THREAD_SHIFT 32u
#define EXTRA_MASK   ((uint64_t)0xffffff)

STATIC_ASSERT(TRACE_EVENT_COUNT <= 1u << EVENT_BITS, "every event fits in EVENT_BITS");

/*
 * Field protection: [o] written by the owning CPU only, interrupts masked   [s] the lock of
 * report/trace_control.c
 *
 * Record n is stored at n & mask. It is valid while n < head < n + size: at head == n + size - 1
 * the owner may be overwriting it. Memory orders:
 * - head, release, after the words: pairs with the acquire in trace_read(). A reader that sees the
 *   number sees the record.
 * - the fence before the words: pairs with the fence in copy(). A reader that copied a word of a
 *   later record also sees that head, and discards the copy.
 * - words, release when the ring is created, and acquire: publishes its memory and `mask`.
 */
struct ALIGNED(64) ring {
    _Atomic uint64_t head;             /* [o] records ever written; the next one has this number */
    _Atomic(_Atomic uint64_t *) words; /* [s] NULL: the CPU has no ring */
    uint64_t mask;                     /* [s] before words: records - 1 */
    uint64_t first;                    /* [s] number of the first record since trace_start() */
};

_Atomic bool trace_flag; /* relaxed: it does not matter if a record near a change is lost */

static struct ring rings[CPU_MAX];
static uint32_t (*thread_id)(const struct thread *t); /* [I] */

/* --- writing --- */

void trace_record(enum trace_event event, uint32_t extra, uint64_t a, uint64_t b)
{
    irq_state_t state = hal_irq_save();
    const struct hal_cpu *cpu = hal_this_cpu();
    struct ring *r = &rings[cpu->id];
    _Atomic uint64_t *words = atomic_load_explicit(&r->words, memory_order_acquire);
    if (words != NULL) {
        uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
        uint64_t thread = cpu->current == NULL ? 0 : thread_id(cpu->current);
        uint64_t what = thread << THREAD_SHIFT | (extra & EXTRA_MASK) << EVENT_BITS | event;
        _Atomic uint64_t *to = words + (head & r->mask) * WORDS;
        atomic_thread_fence(memory_order_release);
        atomic_store_explicit(&to[0], hal_counter_read(), memory_order_relaxed);
        atomic_store_explicit(&to[1], what, memory_order_relaxed);
        atomic_store_explicit(&to[2], a, memory_order_relaxed);
        atomic_store_explicit(&to[3], b, memory_order_relaxed);
        atomic_store_explicit(&r->head, head + 1, memory_order_release);
    }
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
static void get_range(const struct ring *r, uint64_t *first, uint64_t *end)
{
    *end = atomic_load_explicit(&r->head, memory_order_acquire);
    *first = *end - r->first > r->mask ? *end - r->mask : r->first;
}

static void copy(const _Atomic uint64_t *from, uint64_t to[WORDS])
{
    for (unsigned i = 0; i < WORDS; i++) {
        to[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
    }
    atomic_thread_fence(memory_order_acquire);
}

bool trace_read(cpu_t cpu, uint64_t at, struct trace_record *out)
{
    const struct ring *r = &rings[cpu];
    _Atomic uint64_t *words = atomic_load_explicit(&r->words, memory_order_acquire);
    uint64_t first, end, w[WORDS];
    if (words == NULL) {
        return false;
    }
    get_range(r, &first, &end);
    if (at < first || at >= end) {
        return false;
    }
    copy(words + (at & r->mask) * WORDS, w);
    get_range(r, &first, &end);
    if (at < first) {
        return false;
    }
    *out = (struct trace_record){.counter = w[0],
                                 .event = (enum trace_event)(w[1] & ((1u << EVENT_BITS) - 1)),
                                 .thread = (uint32_t)(w[1] >> THREAD_SHIFT),
                                 .extra = (uint32_t)(w[1] >> EVENT_BITS & EXTRA_MASK),
                                 .a = w[2],
                                 .b = w[3]};
    return true;
}

bool trace_get_info(cpu_t cpu, struct trace_info *out)
{
    if (cpu >= CPU_MAX) {
        return false;
    }
    const struct ring *r = &rings[cpu];
    if (atomic_load_explicit(&r->words, memory_order_acquire) == NULL) {
        return false;
    }
    get_range(r, &out->first, &out->end);
    out->lost = out->first - r->first;
    out->capacity = r->mask;
    return true;
}

/* --- for report/trace_control.c --- */

void trace_install_thread_id(uint32_t (*id)(const struct thread *t))
{
    thread_id = id;
}

bool trace_has_ring(cpu_t cpu)
{
    return atomic_load_explicit(&rings[cpu].words, memory_order_relaxed) != NULL;
}

void trace_give_ring(cpu_t cpu, void *memory, uint64_t records)
{
    rings[cpu].mask = records - 1;
    atomic_store_explicit(&rings[cpu].words, (_Atomic uint64_t *)memory, memory_order_release);
}

void trace_empty_ring(cpu_t cpu)
{
    rings[cpu].first = atomic_load_explicit(&rings[cpu].head, memory_order_relaxed);
}
