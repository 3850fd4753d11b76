// SPDX-License-Identifier: MIT
//
// The run queue: one list for each priority and a word that records which lists are not empty. All
// operations are O(1). switch.c decides which thread runs for how long.

#include "kernel/sched/runqueue.h"

STATIC_ASSERT(PRIO_COUNT == 64, "ready_mask has one bit for each priority");

void rq_init(struct run_queue *rq, cpu_t cpu)
{
    *rq = (struct run_queue){.lock = SPINLOCK_INIT, .cpu = cpu};
    for (unsigned i = 0; i < PRIO_COUNT; i++) {
        list_init(&rq->ready[i]);
    }
}
