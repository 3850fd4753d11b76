// SPDX-License-Identifier: MIT
//
// Shared by the files of kernel/sched: the per-CPU scheduler state and the transitions of a thread.
// Other folders use thread.h, wait.h and timer.h.
#pragma once

#include "kernel/base/spinlock.h"
#include "kernel/sched/runqueue.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/work.h"

#define MASK_CPUS 64 /* bits of a cpu_mask_t; a CPU with a higher number is in no mask */

/* Field protection:  [t] lock, interrupts masked   [o] the owning CPU, interrupts masked */
struct timer_queue {
    struct spinlock lock;
    struct timer *first; /* [t] root of the heap: the earliest */
    /* [t] The timer whose fire function runs now, without the lock. Release when the function has
     *     returned; acquire in timer_wait_fired(). */
    _Atomic(struct timer *) running;
    uint64_t armed; /* [o] counter value that the hardware is armed for; UINT64_MAX: not armed */
};

/* Field protection:  [q] queue.lock */
struct worker {
    struct wait_queue queue;         /* the work thread waits here for work */
    struct wait_queue idle;          /* callers of work_cancel() wait here */
    struct list pending;             /* [q] */
    struct work *running;            /* [q] */
    _Atomic(struct thread *) thread; /* NULL: not started. Relaxed: only NULL or not matters */
};

/** One CPU's scheduler state; hal_this_cpu()->run_queue points to it. */
struct sched_cpu {
    struct run_queue rq;
    struct timer_queue timers;
    struct worker worker;
    struct list late; /* [o] struct deferred_wake that are due */
    cpu_mask_t kicks; /* [o] CPUs to send HAL_IPI_REEVALUATE once no lock is held: sched_kick() */
    bool has_errands; /* [o] `late` or `kicks` is not empty */
    /* [o] Dead threads with their stacks, kept for the next thread_create(): a stack
     *     linked through run_link.next. */
    struct list_node *spare;
    uint32_t spare_count; /* [o] */
    cpu_mask_t bit;       /* [I] this CPU's bit in masks; 0: it is in no mask */
    /* Live threads that belong to this CPU, without its idle thread. Relaxed: a hint
     * for placing new threads. */
    _Atomic uint32_t threads;
    /* Set by another CPU before it sends HAL_IPI_REEVALUATE: this CPU should pull a better thread.
     * Relaxed: ipi_send() orders the store before the interrupt, and only this CPU clears it. */
    _Atomic bool must_pull;
    _Atomic uint64_t moves; /* threads that this CPU pulled from others. Relaxed: a statistic */
    /* [o] If there are several CPUs: counter value at which the idle thread found nothing to
     *     do; 0: another thread runs. */
    uint64_t idle_since;
    /* The latest grace period after whose begin this CPU was in no read section. Release by this
     * CPU, acquire by rcu_synchronize(). */
    _Atomic uint64_t quiet;
    bool was_asked; /* [o] another CPU asked this one to re-evaluate since idle_since */
    bool watches;   /* [o] when idle, poll for a while before halting (poll_before_halt()) */
};

/** This CPU's state. Stable while preemption is off or interrupts are masked. */
static inline struct sched_cpu *sched_this_cpu(void)
{
    return hal_this_run_queue();
}

/** Another CPU's state. @pre that CPU was added by sched_add_cpu(). */
extern struct sched_cpu *sched_cpus[CPU_MAX]; /* [I] NULL: not started */
static inline struct sched_cpu *sched_cpu_of(cpu_t cpu)
{
    return sched_cpus[cpu];
}

/* switch.c: a thread's transitions. */

/** Lock the run queue that a thread belongs to. */
struct run_queue *sched_lock_thread(struct thread *t, irq_state_t *state);
void sched_unlock_thread(struct run_queue *rq, irq_state_t state);

/**
 * Make another CPU re-evaluate its run queue (sched_reevaluate()) after the caller changed it.
 *
 * The IPI is not sent under a run queue's lock: the other CPU would wait for that lock, and on
 * virtual CPUs sending is slow and may hand the host's CPU to the receiver. It is sent at the
 * next preempt_check() or at the end of the interrupt. If preemption is off it is sent at
 * once, since that may last.
 * @context{interrupts masked}
 */
void sched_kick(cpu_t cpu);

/** The running thread leaves its owner: its time so far is charged to the owner, and `ps`, which
 * reads under the run queue's lock, finds no owner, because that may be freed soon. */
void sched_forget_owner(struct thread *t);

/** Length of a slice in counter ticks. */
extern int64_t sched_slice_ticks; /* [I] */

/* balance.c */
/** A thread that may move is READY in this queue and is not about to run: find a CPU with nothing
 * better to do and make it pull. */
COLD_CALL void balance_offer_locked(struct run_queue *rq, const struct thread *t)
    REQUIRES(rq->lock);
/** `t` waits because its slice is over. If no equal thread has been on this CPU for longer, let
 * another CPU pull `t`, so that all CPUs take turns at running one thread more. */
void balance_rotate_locked(struct run_queue *rq, const struct thread *t, uint64_t now)
    REQUIRES(rq->lock);
/** Threads that could move wait here: arm the timer to check them again. */
void balance_watch_locked(struct run_queue *rq, uint64_t now) REQUIRES(rq->lock);
/** At a tick: tell other CPUs about threads that wait here and could move, and arm the timer to
 * check again. */
void balance_tick_locked(struct run_queue *rq, uint64_t now) REQUIRES(rq->lock);
/** Pull a thread from another CPU if it is better than every thread on this one.
 * @return true: it is ready here. @pre interrupts are masked, no run queue is locked */
bool balance_pull(struct sched_cpu *self);
/** The same for a CPU with nothing to do. From here until balance_leave_idle() other CPUs kick it
 * when they offer a thread. */
bool balance_pull_idle(struct sched_cpu *self);
extern _Atomic cpu_mask_t balance_idle_cpus; /* private: see balance.c */
static inline void balance_leave_idle(struct sched_cpu *self)
{
    if ((atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) & self->bit) != 0) {
        atomic_fetch_and_explicit(&balance_idle_cpus, ~self->bit, memory_order_relaxed);
    }
}
/** Make a CPU look for a thread that is better than its running one. @context{any} */
void balance_request(cpu_t cpu);
/** Threads pulled so far, by all CPUs. */
uint64_t balance_moves(void);

/* placement.c */
/**
 * Move a dead unit, which is about to become a thread, to this CPU's run queue. As for any thread,
 * change `rq` under the lock of the old queue: a kill or `ps` that found the unit may hold that
 * lock and must not see the new thread's state under it.
 * @pre interrupts are masked, no run queue is locked
 */
COLD_CALL void sched_assign_cpu(struct thread *t, struct sched_cpu *sc);
/** For a placement other than THREAD_HERE: choose the CPU and set the affinity. */
COLD_CALL void balance_choose_cpu(struct thread *t, const struct thread_options *options);
/** Choose a new queue for a thread that may not stay where it is. It has left the CPU and its
 * registers are saved.
 * @pre it is MOVING or BLOCKED, its queue is locked */
void balance_migrate_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock);
/** Make a thread READY in the queue that it was sent to. @pre interrupts are masked, no run queue
 * is locked; the caller made it MOVING */
void balance_finish_migration(struct thread *t);
/** Recompute thread.can_move from its affinity and the CPUs that are online. */
void balance_cpus_changed(struct thread *t);

/** End the running thread for good and signal `ended`. A joiner on the same CPU runs only after the
 * thread has left it. @pre interrupts are masked. */
_Noreturn void sched_exit_current(struct completion *ended);

/** Change the priority that a thread is scheduled with. */
void sched_apply_priority(struct thread *t, uint8_t priority);

/** The event timer fired: check whether the running thread's slice is over. Arms the timer for the
 * scheduler's next need. */
void sched_tick(void);

/* wait.c */
/** Do this CPU's deferred wake-ups. Interrupts are masked, no lock is held. */
void wait_run_deferred(struct sched_cpu *sc);

/** @brief Wake the sets that watch a queue: wait_set.c. @context{any, interrupts masked} */
void wait_set_wake_locked(struct wait_queue *q) REQUIRES(q->lock);

/* work.c */
void worker_init(struct worker *w);

/* timer.c */
void timer_queue_init(struct timer_queue *q);
/** The rarely needed part of timer_arm(). */
COLD_CALL void timer_arm_earlier(struct timer_queue *q, uint64_t deadline);
/** Have upcall_timer() called on this CPU no later than when the counter reaches `deadline`.
 * Interrupts are masked. */
static inline void timer_arm_on(struct sched_cpu *self, uint64_t deadline)
{
    if (UNLIKELY(deadline < self->timers.armed)) {
        timer_arm_earlier(&self->timers, deadline);
    }
}
static inline void timer_arm(uint64_t deadline)
{
    timer_arm_on(sched_this_cpu(), deadline);
}

/** Wait until the function of a timer that is not queued
 * has returned. @pre not called from that function. */
static inline void timer_wait_fired(const struct timer *t)
{
    const struct timer_queue *q = &sched_cpu_of(t->cpu)->timers;
    /* run_expired() removes a timer from the heap before it calls the function. Acquire pairs with
     * its release store: the function's effects are visible here. */
    while (UNLIKELY(atomic_load_explicit(&q->running, memory_order_acquire) == t)) {
        hal_cpu_relax();
    }
}

/* thread.c */
/** No reference is left: keep the unit for another thread, or free it. */
NOINLINE void thread_recycle(struct thread *t);
/** Drop a reference; the last one recycles the unit. @context{any, interrupts masked or not} */
static inline void thread_put(struct thread *t)
{
    /* acq_rel: every holder's use of the thread comes before the unit's next life. */
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) {
        thread_recycle(t);
    }
}
/** A thread struct with a stack; not in a ready list, without references. NULL: no memory. */
struct thread *thread_alloc(const struct thread_options *options);
/** Give the boot code's thread an id and list it for `ps`. */
void thread_adopt(struct thread *t);
/** Make a thread that will never run DEAD and remove it from its run queue. On return no CPU uses
 * that queue on its behalf. @context{thread} */
void thread_leave_queue(struct thread *t);
/** Number of live threads. */
uint32_t thread_count(void);
/** Switches so far, including those to threads that were freed. */
uint64_t thread_switches(void);
