// SPDX-License-Identifier: MIT
//
// The run queue: one list a priority and a word that says which are not empty. O(1) everywhere, no
// policy: who runs for how long is switch.c's.

#include "kernel/sched/runqueue.h"

STATIC_ASSERT(PRIO_COUNT == 64, "ready_mask has one bit a priority");

void rq_init(struct run_queue *rq)
{
    *rq = (struct run_queue){.lock = SPINLOCK_INIT};
    for (unsigned i = 0; i < PRIO_COUNT; i++) {
        list_init(&rq->ready[i]);
    }
}

void rq_push_back_locked(struct run_queue *rq, struct thread *t)
{
    list_push_back(&rq->ready[t->priority], &t->run_link);
    rq->ready_mask |= 1ull << t->priority;
}

void rq_push_front_locked(struct run_queue *rq, struct thread *t)
{
    list_push_front(&rq->ready[t->priority], &t->run_link);
    rq->ready_mask |= 1ull << t->priority;
}

void rq_remove_locked(struct run_queue *rq, struct thread *t)
{
    list_remove(&t->run_link);
    if (list_is_empty(&rq->ready[t->priority])) {
        rq->ready_mask &= ~(1ull << t->priority);
    }
}

int rq_best_locked(const struct run_queue *rq)
{
    return rq->ready_mask == 0 ? -1 : 63 - __builtin_clzll(rq->ready_mask);
}

struct thread *rq_pop_locked(struct run_queue *rq)
{
    int best = rq_best_locked(rq);
    if (best < 0) {
        return NULL;
    }
    struct thread *t = CONTAINER_OF(list_first(&rq->ready[best]), struct thread, run_link);
    rq_remove_locked(rq, t);
    return t;
}
