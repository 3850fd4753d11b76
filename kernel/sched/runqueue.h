// SPDX-License-Identifier: MIT
//
// The run queue of one CPU, as a pure data structure. switch.c is its only user in the kernel.
#pragma once

#include "kernel/base/spinlock.h"
#include "kernel/sched/thread.h"

/* Field protection:  [r] lock, interrupts masked   [I] set before the CPU runs threads   [o] the
 * owning CPU */
struct run_queue {
    struct spinlock lock;
    /* [r] to write: bit i is set iff ready[i] is not empty. Relaxed: other CPUs read it as a hint
     *     and lock before they act. Fences in balance.c ensure that a hint is seen in time. */
    _Atomic uint64_t ready_mask;
    /* [r] to write: bit i is set if ready[i] may hold threads that may move. Set late for a thread
     *     that yields, cleared by a search that finds none. Relaxed, as ready_mask. */
    _Atomic uint64_t offered;
    /* [r] to write: priority of the running thread. Relaxed, as ready_mask. */
    _Atomic uint8_t running;
    uint64_t switched_at; /* [r] counter value of the last switch */
    uint64_t slice_end;   /* [r] counter value at which the running thread's slice ends */
    cpu_t cpu;            /* [I] the CPU that owns it */
    struct thread *idle;  /* [I] runs when nothing is ready; never in a list */
    /* [r] The thread that leaves this CPU for good in the current switch, DEAD or MOVING. The next
     *     thread handles it in finish_switch(). */
    struct thread *left;
    /* [r] The thread that the CPU turn_cpu may pull although it brings no better balance
     *     (balance.c). Only compared, never followed: the thread may have ended. turn_cpu
     *     stays as the last CPU chosen. */
    const struct thread *turn;
    cpu_t turn_cpu;
    struct list ready[PRIO_COUNT]; /* [r] by run_link, next to run first */
};

void rq_init(struct run_queue *rq, cpu_t cpu);

/* Inline: each is a few instructions of a switch. */

static ALWAYS_INLINE uint64_t rq_ready(const struct run_queue *rq)
{
    return atomic_load_explicit(&rq->ready_mask, memory_order_relaxed);
}

static ALWAYS_INLINE void rq_set_ready_locked(struct run_queue *rq, uint64_t mask)
    REQUIRES(rq->lock)
{
    atomic_store_explicit(&rq->ready_mask, mask, memory_order_relaxed);
}

static ALWAYS_INLINE uint8_t rq_running(const struct run_queue *rq)
{
    return atomic_load_explicit(&rq->running, memory_order_relaxed);
}

static ALWAYS_INLINE void rq_set_running_locked(struct run_queue *rq, uint8_t priority)
    REQUIRES(rq->lock)
{
    atomic_store_explicit(&rq->running, priority, memory_order_relaxed);
}

/** @return the priority, which is read only once. */
static ALWAYS_INLINE uint8_t rq_push_back_locked(struct run_queue *rq, struct thread *t)
    REQUIRES(rq->lock)
{
    uint8_t priority = t->priority;
    list_push_back(&rq->ready[priority], &t->run_link);
    rq_set_ready_locked(rq, rq_ready(rq) | 1ull << priority);
    return priority;
}

static inline void rq_push_front_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock)
{
    list_push_front(&rq->ready[t->priority], &t->run_link);
    rq_set_ready_locked(rq, rq_ready(rq) | 1ull << t->priority);
}

static inline void rq_remove_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock)
{
    list_remove(&t->run_link);
    if (list_is_empty(&rq->ready[t->priority])) {
        rq_set_ready_locked(rq, rq_ready(rq) & ~(1ull << t->priority));
    }
}

/** Priority of the best ready thread, or -1. */
static inline int rq_best_locked(const struct run_queue *rq) REQUIRES(rq->lock)
{
    uint64_t mask = rq_ready(rq);
    return mask == 0 ? -1 : 63 - __builtin_clzll(mask);
}

/** Remove and return the best ready thread, which is to run now, or NULL.
 * @param has_equal Set to whether another thread of its priority is ready; not set for NULL. */
static ALWAYS_INLINE struct thread *rq_pop_locked(struct run_queue *rq, bool *has_equal)
    REQUIRES(rq->lock)
{
    uint64_t mask = rq_ready(rq);
    if (UNLIKELY(mask == 0)) {
        return NULL;
    }
    /* as wide as an index, so that it needs no extension */
    uint64_t best = 63 - (uint64_t)__builtin_clzll(mask);
    rq_set_running_locked(rq, (uint8_t)best);
    struct list *ready = &rq->ready[best];
    struct list_node *n = list_take_front(ready);
    *has_equal = !list_is_empty(ready);
    if (!*has_equal) {
        rq_set_ready_locked(rq, mask & ~(1ull << best));
    }
    return CONTAINER_OF(n, struct thread, run_link);
}
