// SPDX-License-Identifier: MIT
//
// Shared by balance.c, which moves threads to CPUs that have time for them, and placement.c, which
// moves threads to CPUs where they may run.
#pragma once

#include "hal/smp.h"
#include "kernel/sched/switch_internal.h"

static inline cpu_mask_t online(void)
{
    cpu_t count = cpus_count();
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

/** Change the queue of a thread that is in no list. From the release
 * store on, if the thread is BLOCKED any waker may use it with the
 * new queue's lock; if it is MOVING, it belongs to the caller. */
static inline void begin_migration_locked(struct run_queue *rq, struct thread *t,
                                          struct sched_cpu *to) REQUIRES(rq->lock)
{
    atomic_fetch_sub_explicit(&owner_of(rq)->threads, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&to->threads, 1, memory_order_relaxed);
    atomic_store_explicit(&t->rq, &to->rq, memory_order_release);
}
