// SPDX-License-Identifier: MIT
//
// A ring of records, and how its CPU writes one: for the files of this folder. trace.c says who may
// do what.
#pragma once

#include "hal/cpu.h"
#include "kernel/trace/trace.h"

#define TRACE_WORDS        4u /* of a record in the ring */
#define TRACE_EVENT_BITS   8u
#define TRACE_THREAD_SHIFT 32u
#define TRACE_EXTRA_MASK   ((uint64_t)0xffffff)

STATIC_ASSERT(TRACE_EVENT_COUNT <= 1u << TRACE_EVENT_BITS, "every event fits in TRACE_EVENT_BITS");

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
struct ALIGNED(64) trace_ring {
    _Atomic uint64_t head;             /* [o] records ever written; the next one has this number */
    _Atomic(_Atomic uint64_t *) words; /* [s] NULL: the CPU has no ring */
    uint64_t mask;                     /* [s] before words: records - 1 */
    uint64_t first;                    /* [s] number of the first record since trace_start() */
};

extern struct trace_ring trace_rings[CPU_MAX];
extern size_t trace_thread_id; /* [I] offset of the number in struct thread */

/** @brief The second word of a record. @context{any} Pure. */
static ALWAYS_INLINE uint64_t trace_what(uint32_t thread, uint32_t extra, enum trace_event event)
{
    return (uint64_t)thread << TRACE_THREAD_SHIFT | (extra & TRACE_EXTRA_MASK) << TRACE_EVENT_BITS |
           event;
}

/** @brief Write a record to a ring. @context{interrupts masked, on the ring's CPU} */
static ALWAYS_INLINE void trace_put_in(struct trace_ring *r, uint64_t counter, uint64_t what,
                                       uint64_t a, uint64_t b)
{
    _Atomic uint64_t *words = atomic_load_explicit(&r->words, memory_order_acquire);
    if (words == NULL) {
        return;
    }
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    _Atomic uint64_t *to = words + (head & r->mask) * TRACE_WORDS;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&to[0], counter, memory_order_relaxed);
    atomic_store_explicit(&to[1], what, memory_order_relaxed);
    atomic_store_explicit(&to[2], a, memory_order_relaxed);
    atomic_store_explicit(&to[3], b, memory_order_relaxed);
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

/** @brief Write a record of any thread to this CPU's ring. @param what  Of trace_what().
 * @context{interrupts masked} */
static ALWAYS_INLINE void trace_put(uint64_t counter, uint64_t what, uint64_t a, uint64_t b)
{
    trace_put_in(&trace_rings[hal_this_cpu()->id], counter, what, a, b);
}

/** @brief Write a record of the running thread to this CPU's ring. @context{interrupts masked} */
static ALWAYS_INLINE void trace_write(uint64_t counter, enum trace_event event, uint32_t extra,
                                      uint64_t a, uint64_t b)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    uint32_t thread = 0;
    if (cpu->current != NULL) {
        thread = *(const uint32_t *)((uintptr_t)cpu->current + trace_thread_id);
    }
    trace_put_in(&trace_rings[cpu->id], counter, trace_what(thread, extra, event), a, b);
}
