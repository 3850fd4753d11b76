// SPDX-License-Identifier: MIT
//
// Where a thread may run: its first CPU, its affinity, and how it leaves a CPU where it may not
// stay. The protocol for moving a thread is described in balance.c.

#include "hal/smp.h"
#include "kernel/sched/balance_internal.h"

/* Three fields of a thread decide where it runs, all under the lock of its run queue:
 * - `affinity`: the CPUs where it may run, at least one of them online. It is empty for idle
 *   threads, and for threads pinned to a CPU without a bit in masks (MASK_CPUS); these never move.
 * - `rq`: the queue where it runs, is ready, or will be made ready when it wakes.
 * - `can_move`: whether `affinity` has several online CPUs. Only such a thread is offered to other
 *   CPUs. It is recomputed when `affinity` changes, and by sched_cover_cpus() once all CPUs run.
 *
 * `rq` names a CPU outside `affinity` in three cases, and each of them ends:
 * - the thread has SPECIAL_MUST_MOVE: its CPU makes it leave (leave_cpu_locked()). If the thread
 *   left by itself before its CPU saw the flag, because it waits or yields,
 *   switch_special_class() requests the same when it next runs there;
 * - it is MOVING: balance_finish_migration() checks `affinity` under the new queue's lock, and
 *   moves it on if it may not run there;
 * - for a moment inside thread_set_affinity(), with the queue locked.
 * So code that changes `affinity` must use the lock of the queue that the thread is in
 * (sched_lock_thread()), and must call evict_locked() under the same lock.
 *
 * Choosing a CPU (least_loaded()) reads the counts of threads of all CPUs without a lock. The
 * choice may be bad by the time the thread arrives, but never wrong: the mask of allowed CPUs is
 * read under the lock, or belongs to a thread that no other CPU knows yet. CPUs only come online,
 * so a CPU of the mask cannot disappear. An idle CPU that pulls the thread corrects a bad
 * choice. */

static bool is_several(cpu_mask_t mask)
{
    return (mask & (mask - 1)) != 0;
}

static uint32_t threads_on(cpu_t cpu)
{
    return atomic_load_explicit(&sched_cpu_of(cpu)->threads, memory_order_relaxed);
}

/** An idle CPU, or else the one with the fewest threads; this CPU if it is as good. The counts may
 * be stale: only the balance depends on them. @pre mask & online() */
static struct sched_cpu *least_loaded(cpu_mask_t mask)
{
    cpu_mask_t allowed = mask & online();
    cpu_mask_t idle = atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) & allowed;
    cpu_mask_t among = idle != 0 ? idle : allowed;
    cpu_t here = hal_this_cpu()->id;
    cpu_t best =
        here < MASK_CPUS && (among >> here & 1) != 0 ? here : (cpu_t)__builtin_ctzll(among);
    for (; among != 0; among &= among - 1) {
        cpu_t cpu = (cpu_t)__builtin_ctzll(among);
        best = threads_on(cpu) < threads_on(best) ? cpu : best;
    }
    return sched_cpu_of(best);
}

/* The unit of a dead thread is used again. A kill or `ps` that found the dead thread may still hold
 * the lock of its queue, so change `rq` under that lock. Release pairs with the acquire in
 * sched_lock_thread(). */
COLD_CALL void sched_assign_cpu(struct thread *t, struct sched_cpu *sc)
{
    struct run_queue *from =
        atomic_load_explicit(&t->rq, memory_order_relaxed); /* only this thread may change it now */
    spin_lock_masked(&from->lock);
    atomic_store_explicit(&t->rq, &sc->rq, memory_order_release);
    spin_unlock_masked(&from->lock);
}

COLD_CALL void balance_choose_cpu(struct thread *t, const struct thread_options *options)
{
    struct sched_cpu *sc;
    if (options->placement == THREAD_ON) {
        ASSERT(options->cpu < cpus_count());
        sc = sched_cpu_of(options->cpu);
        t->affinity = sc->bit;
    } else {
        t->affinity = options->affinity == 0 ? CPU_MASK_ALL : options->affinity;
        ASSERT((t->affinity & online()) != 0);
        t->can_move = is_several(t->affinity & online());
        sc = least_loaded(t->affinity);
    }
    sched_assign_cpu(t, sc);
    atomic_fetch_add_explicit(&sc->threads, 1, memory_order_relaxed);
}

void balance_migrate_locked(struct run_queue *rq, struct thread *t)
{
    begin_migration_locked(rq, t, least_loaded(t->affinity));
}

/* The affinity may change while the thread is MOVING; thread_set_affinity() leaves such a thread
 * alone and relies on this check under the new queue's lock. */
void balance_finish_migration(struct thread *t) NO_LOCK_ANALYSIS
{
    for (;;) {
        struct run_queue *rq =
            /* only this thread may change it now */
            atomic_load_explicit(&t->rq, memory_order_relaxed);
        spin_lock_masked(&rq->lock);
        if (LIKELY(may_run_on(t, owner_of(rq)))) {
            t->special = (uint8_t)(t->special & ~SPECIAL_MUST_MOVE);
            t->state = THREAD_READY;
            make_ready_locked(hal_this_cpu(), rq, t);
            spin_unlock_masked(&rq->lock);
            return;
        }
        balance_migrate_locked(rq, t); /* its affinity changed while it was on its way */
        spin_unlock_masked(&rq->lock);
    }
}

/** The thread may not stay where it is; its queue is locked.
 * - READY: remove it; the caller must call balance_finish_migration() once the lock is released.
 * - BLOCKED: only change its queue; it becomes ready there when it is woken.
 * - RUNNING: mark it. Its CPU moves it in preempt_while_due().
 * @return true: it is MOVING, and the caller calls balance_finish_migration(). */
static bool evict_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock)
{
    switch (t->state) {
    case THREAD_READY:
        rq_remove_locked(rq, t);
        t->state = THREAD_MOVING;
        balance_migrate_locked(rq, t);
        return true;
    case THREAD_BLOCKED:
        balance_migrate_locked(rq, t);
        return false;
    case THREAD_RUNNING:
        t->special |= SPECIAL_MUST_MOVE;
        if (rq == &sched_this_cpu()->rq) {
            request_switch();
        } else {
            sched_kick(rq->cpu);
        }
        return false;
    default:
        return false; /* MOVING: balance_finish_migration() checks it; DEAD: nothing to do */
    }
}

enum status thread_set_affinity(struct thread *t, cpu_mask_t mask) NO_LOCK_ANALYSIS
{
    if ((mask & online()) == 0) {
        return E_INVAL;
    }
    irq_state_t state, masked = hal_irq_save();
    struct run_queue *rq = sched_lock_thread(t, &state);
    t->affinity = mask;
    t->can_move = is_several(mask & online());
    t->special = (uint8_t)(t->special & ~SPECIAL_MUST_MOVE);
    bool is_mine = !may_run_on(t, owner_of(rq)) && evict_locked(rq, t);
    if (t->state == THREAD_READY && t->can_move) {
        /* it may have been pinned until now and wait here without an offer */
        balance_offer_locked(rq, t);
    }
    spin_unlock_masked(&rq->lock);
    if (is_mine) {
        balance_finish_migration(t);
    }
    hal_irq_restore(masked);
    preempt_check();
    return OK;
}

cpu_mask_t thread_get_affinity(struct thread *t)
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    cpu_mask_t mask = t->affinity & online();
    sched_unlock_thread(rq, state);
    return mask;
}

void balance_cpus_changed(struct thread *t)
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(t, &state);
    t->can_move = is_several(t->affinity & online());
    sched_unlock_thread(rq, state);
}
