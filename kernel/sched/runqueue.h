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
    uint64_t ready_mask;           /* [r] bit i set iff ready[i] is not empty */
    struct list ready[PRIO_COUNT]; /* [r] by run_link, next to run first */
    struct thread *idle;           /* [I] runs when nothing is ready; never in a list */
    struct thread *left;  /* [r] died in the switch that is going on; put by who runs next */
    uint64_t switched_at; /* [r] counter value of the last switch */
    uint64_t slice_end;   /* [r] counter value at which the running thread's slice ends */
    uint64_t switches;    /* [r] */
};

void rq_init(struct run_queue *rq);
void rq_push_back_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock);
void rq_push_front_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock);
void rq_remove_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock);
/** Priority of the best ready thread, or -1. */
int rq_best_locked(const struct run_queue *rq) REQUIRES(rq->lock);
/** Take out the best ready thread, or NULL. */
struct thread *rq_pop_locked(struct run_queue *rq) REQUIRES(rq->lock);
