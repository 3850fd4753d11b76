// SPDX-License-Identifier: MIT
//
// Between balance.c, which moves threads to whom has time for them, and place.c, which moves them
// to where they may run.
#pragma once

#include "hal/smp.h"
#include "kernel/sched/switch_internal.h"

static inline cpu_mask_t online(void)
{
    cpu_t count = hal_cpu_count();
    return count >= MASK_CPUS ? CPU_MASK_ALL : ((cpu_mask_t)1 << count) - 1;
}

static inline struct sched_cpu *owner_of(struct run_queue *rq)
{
    return CONTAINER_OF(rq, struct sched_cpu, rq);
}

static inline bool may_run_on(const struct thread *t, const struct sched_cpu *sc)
{
    return (t->affinity & sc->bit) != 0;
}

/** It is in no list, and belongs to `to` from here on: then, if it waits, it is anybody's to wake,
 * and if it is MOVING the caller's. */
static inline void set_off_locked(struct run_queue *rq, struct thread *t, struct sched_cpu *to)
    REQUIRES(rq->lock)
{
    atomic_fetch_sub_explicit(&owner_of(rq)->threads, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&to->threads, 1, memory_order_relaxed);
    atomic_store_explicit(&t->rq, &to->rq, memory_order_release);
}
