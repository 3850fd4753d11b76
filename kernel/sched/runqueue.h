// SPDX-License-Identifier: MIT
//
// The run queue of a CPU as a data structure, pure; switch.c is its only user in the kernel.
#pragma once

#include "kernel/sched/thread.h"
#include "kernel/spinlock.h"

/* Field protection:  [r] lock, interrupts masked   [I] set before the CPU runs threads   [o] the
 * owning CPU */
struct run_queue {
    struct spinlock lock;
    uint64_t ready_mask;  /* [r] bit i set iff ready[i] is not empty */
    uint64_t switched_at; /* [r] counter value of the last switch */
    uint64_t slice_end;   /* [r] counter value at which the running thread's slice ends */
    cpu_t cpu;            /* [I] whose it is */
    struct thread *idle;  /* [I] runs when nothing is ready; never in a list */
    struct thread *left;  /* [r] died in the switch that is going on; put by who runs next */
    struct list ready[PRIO_COUNT]; /* [r] by run_link, next to run first */
};

void rq_init(struct run_queue *rq, cpu_t cpu);

/* Inline: each is a few instructions of a switch. */

static inline void rq_push_back_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock)
{
    list_push_back(&rq->ready[t->priority], &t->run_link);
    rq->ready_mask |= 1ull << t->priority;
}

static inline void rq_push_front_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock)
{
    list_push_front(&rq->ready[t->priority], &t->run_link);
    rq->ready_mask |= 1ull << t->priority;
}

static inline void rq_remove_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock)
{
    list_remove(&t->run_link);
    if (list_is_empty(&rq->ready[t->priority])) {
        rq->ready_mask &= ~(1ull << t->priority);
    }
}

/** Priority of the best ready thread, or -1. */
static inline int rq_best_locked(const struct run_queue *rq) REQUIRES(rq->lock)
{
    return rq->ready_mask == 0 ? -1 : 63 - __builtin_clzll(rq->ready_mask);
}

/** Take out the best ready thread, or NULL.
 * @param has_equal  Set to whether another of its priority is ready; unset for NULL. */
static ALWAYS_INLINE struct thread *rq_pop_locked(struct run_queue *rq, bool *has_equal)
    REQUIRES(rq->lock)
{
    uint64_t mask = rq->ready_mask;
    if (UNLIKELY(mask == 0)) {
        return NULL;
    }
    unsigned best = 63 - (unsigned)__builtin_clzll(mask);
    struct list *ready = &rq->ready[best];
    struct list_node *n = list_take_front(ready);
    *has_equal = !list_is_empty(ready);
    if (!*has_equal) {
        rq->ready_mask = mask & ~(1ull << best);
    }
    return CONTAINER_OF(n, struct thread, run_link);
}
