// SPDX-License-Identifier: MIT
//
// What the files of kernel/sched share: the per-CPU scheduler state and the transitions of a
// thread. Everybody else sees thread.h, wait.h, timer.h.
#pragma once

#include "kernel/base/spinlock.h"
#include "kernel/sched/runqueue.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/work.h"

#define MASK_CPUS 64 /* bits of a cpu_mask_t: those behind it are in no mask */

/* Field protection:  [t] lock, interrupts masked   [o] the owning CPU, interrupts masked */
struct timer_queue {
    struct spinlock lock;
    struct timer *first;             /* [t] root of the heap: the earliest */
    _Atomic(struct timer *) running; /* [t] its fire function runs now, without the lock. Release
                                        when it is done, acquire by who waits for that */
    uint64_t armed; /* [o] counter value the hardware is armed for; UINT64_MAX = not armed */
};

/* Field protection:  [q] queue.lock */
struct worker {
    struct wait_queue queue;         /* the work thread waits here for work */
    struct wait_queue idle;          /* who waits in work_cancel() */
    struct list pending;             /* [q] */
    struct work *running;            /* [q] */
    _Atomic(struct thread *) thread; /* NULL: not started; relaxed: only its being there counts */
};

/** One CPU's scheduler state; hal_this_cpu()->run_queue points to it. */
struct sched_cpu {
    struct run_queue rq;
    struct timer_queue timers;
    struct worker worker;
    struct list late; /* [o] struct late_wake that are due */
    cpu_mask_t kicks; /* [o] CPUs to have look, once no lock is held: sched_kick() */
    bool has_errands; /* [o] one of these two is not empty */
    /* [o] dead threads with their stacks, for the next thread_create(): a stack, through
     * run_link.next alone */
    struct list_node *spare;
    uint32_t spare_count; /* [o] */
    cpu_mask_t bit;       /* [I] of this CPU in masks; 0: it is in none */
    /* Threads that belong here and live, but for the idle one. Relaxed: a hint for placing. */
    _Atomic uint32_t threads;
    /* Set by who wants this CPU to take a better thread, before an interrupt tells it to look,
     * which orders the two (hal_ipi_send()); exchanged by the CPU itself. Relaxed therefore. */
    _Atomic bool must_pull;
    _Atomic uint64_t moves; /* threads that this CPU took from others. Relaxed: a statistic */
    /* [o] of several CPUs: counter value at which its idle thread found nothing to do; 0: another
     * thread runs */
    uint64_t idle_since;
    bool was_asked; /* [o] to look, since then */
    bool watches;   /* [o] idle, it first looks for a while whether it is asked (switch.c) */
};

/** This CPU's state. The answer is stable while preemption is off or interrupts are masked. */
static inline struct sched_cpu *sched_this_cpu(void)
{
    return hal_this_run_queue();
}

/** Another CPU's. @pre it has been started. */
extern struct sched_cpu *sched_cpus[CPU_MAX]; /* [I] NULL: not started */
static inline struct sched_cpu *sched_cpu_of(cpu_t cpu)
{
    return sched_cpus[cpu];
}

/* switch.c: a thread's transitions. */

/** Lock the run queue of the CPU that a thread is on. */
struct run_queue *sched_lock_thread(struct thread *t, irq_state_t *state);
void sched_unlock_thread(struct run_queue *rq, irq_state_t state);

/**
 * Have another CPU look at its run queue (sched_look()), which is changed already. Nothing is sent
 * under a run queue's lock: whoever comes would wait for it, and where CPUs are virtual, to send is
 * slow and may give the host's CPU to who comes. It leaves at the next preempt_check(), or at the
 * end of the interrupt; at once if preemption is off, which may last.
 * @context{interrupts masked}
 */
void sched_kick(cpu_t cpu);

/** Count what the running thread has run up to now. */
void sched_account(void);

/** The running thread leaves its program: what it ran so far is the program's, and `ps`, which
 * looks under the run queue's lock, finds none, for it may be gone soon. */
void sched_forget_program(struct thread *t);

/** A slice, in counter ticks. */
extern int64_t sched_slice_ticks; /* [I] */

/* balance.c */
/** A thread that may move is READY in the queue's list, and is not about to run: see that a CPU
 * that has nothing better to do takes it. */
SELDOM_CALLED void balance_offer_locked(struct run_queue *rq, const struct thread *t)
    REQUIRES(rq->lock);
/** Its slice is over and it waits, with others that are as good: if none of them has been here for
 * longer, it is its turn to be one more elsewhere. */
void balance_turn_locked(struct run_queue *rq, const struct thread *t, uint64_t now)
    REQUIRES(rq->lock);
/** Threads that could move wait here: have the timer look at them in a while. */
void balance_watch_locked(struct run_queue *rq, uint64_t now) REQUIRES(rq->lock);
/** At a tick: tell others of threads that could move and wait here, and look again in a while. */
void balance_tick_locked(struct run_queue *rq, uint64_t now) REQUIRES(rq->lock);
/** Take a thread from another CPU that is better than all there is on this one.
 * @return true: it is ready here. @pre interrupts are masked, no run queue is locked */
bool balance_pull(struct sched_cpu *self);
/** The same for a CPU with nothing to do, which others tell of threads from here on, until
 * balance_leave_idle(). */
bool balance_pull_idle(struct sched_cpu *self);
extern _Atomic cpu_mask_t balance_idle_cpus; /* private: see balance.c */
static inline void balance_leave_idle(struct sched_cpu *self)
{
    if ((atomic_load_explicit(&balance_idle_cpus, memory_order_relaxed) & self->bit) != 0) {
        atomic_fetch_and_explicit(&balance_idle_cpus, ~self->bit, memory_order_relaxed);
    }
}
/** Have a CPU look for a thread better than what it runs. @context{any} */
void balance_ask(cpu_t cpu);
/** Threads that were taken, by all CPUs. */
uint64_t balance_moves(void);

/* place.c */
/**
 * Move a dead unit, which is to become a thread, to this CPU's run queue. As for any thread, the
 * queue changes under the lock of the old one: a kill or `ps` that found the unit may hold that
 * lock, and must not see the new thread's state under it.
 * @pre interrupts are masked, no run queue is locked
 */
SELDOM_CALLED void place_unit(struct thread *t, struct sched_cpu *sc);
/** For a place other than THREAD_HERE: its CPU and its affinity. */
SELDOM_CALLED void balance_place(struct thread *t, const struct thread_options *options);
/** A thread that may not stay where it is has left the CPU; its registers are saved.
 * @pre it is MOVING, its queue is locked */
void balance_send_off_locked(struct run_queue *rq, struct thread *t) REQUIRES(rq->lock);
/** It goes into the list of the queue that it was sent to. @pre interrupts are masked, no run queue
 * is locked; the caller made it MOVING */
void balance_arrive(struct thread *t);
/** thread.can_move follows from its affinity and the CPUs that there are. */
void balance_cover(struct thread *t);

/** The running thread is dead: `ended` is signalled, and it never comes back. Who waits for that
 * runs once it has left, not before, if that is on its CPU. @pre interrupts are masked. */
_Noreturn void sched_leave(struct completion *ended);

/** End a thread's wait with this result. @return false: it does not wait (somebody else ended the
 * wait). @pre interrupts are masked */
bool sched_wake(struct thread *t, enum status result);

/** Change the priority that a thread is scheduled with. */
void sched_apply_priority(struct thread *t, uint8_t priority);

/** The event timer fired: is the running thread's slice over? Arms the timer for what the scheduler
 * needs. */
void sched_tick(void);

/* wait.c */
/** Do the late wake-ups of this CPU. Interrupts are masked, no lock is held. */
void wait_do_late(struct sched_cpu *sc);

/* work.c */
void worker_init(struct worker *w);

/* timer.c */
void timer_queue_init(struct timer_queue *q);
/** The part of timer_arm() that is seldom needed. */
SELDOM_CALLED void timer_arm_earlier(struct timer_queue *q, uint64_t deadline);
/** Have upcall_timer() called on this CPU when the counter reaches `deadline`, or earlier.
 * Interrupts masked. */
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

/** Wait until the function of a timer that is not queued has returned. @pre not called from it. */
static inline void timer_wait_fired(const struct timer *t)
{
    const struct timer_queue *q = &sched_cpu_of(t->cpu)->timers;
    /* It left the heap before its function was called. Acquire pairs with the release store in
     * run_expired(): what the function did is visible here. */
    while (UNLIKELY(atomic_load_explicit(&q->running, memory_order_acquire) == t)) {
        hal_cpu_relax();
    }
}

/* thread.c */
/** Nobody has a reference: its unit is there for another thread. */
NOINLINE void thread_recycle(struct thread *t);
/** Reference dropped; the last one recycles. @context{any, interrupts masked or not} */
static inline void thread_put(struct thread *t)
{
    /* Release: what this holder did to the thread comes before its next life. Acquire pairs with
     * it. */
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) {
        thread_recycle(t);
    }
}
/** A thread struct with a stack; not listed as ready, no reference counted. NULL: no memory. */
struct thread *thread_take(const struct thread_options *options);
/** The boot code's thread becomes known to `ps` and gets its id. */
void thread_adopt(struct thread *t);
/** A thread that will never run becomes DEAD and leaves its run queue. On return no CPU uses that
 * queue on its behalf. @context{thread} */
void thread_leave_queue(struct thread *t);
/** Threads that have not been taken apart. */
uint32_t thread_count(void);
/** Switches so far, those to threads that are no more included. */
uint64_t thread_switches(void);

/* program.c */
/** Count a new thread of a program: program_kill() cancels it from then on, before it has started,
 * too. @return OK; E_CANCELLED: the program is being ended. */
enum status program_add_thread(struct program *p, struct thread *t);
/** The running thread of a program leaves it for good; the last one hands the program to the
 * reaper. Returns with preemption off, until it runs no more: once the program is gone,
 * rcu_synchronize() waits for that. */
void program_remove_thread(struct program *p, struct thread *t);
