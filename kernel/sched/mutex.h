// SPDX-License-Identifier: MIT
//
// Mutex with priority inheritance, and counting semaphore, built on wait queues.
//
// If a mutex is held by a thread that runs on another CPU, a thread that wants it spins for a
// moment before it sleeps: most mutexes are released sooner than a sleep and a wake-up take.
#pragma once

#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

/* Field protection:  [q] queue.lock   [i] inherit.c's lock */
struct LOCKABLE mutex {
    /* NULL: free. A thread: its owner. Bit 0: change it through the queue only (mutex.c). Acquire
     * in lock pairs with release in unlock. */
    _Atomic(struct thread *) owner;
    struct wait_queue queue;
    struct list_node held_link; /* [i] among the mutexes for which its owner inherits */
    uint8_t inherited;          /* [i] best priority of its waiters */
#ifdef HALYARD_DEBUG
    _Atomic
        /* The lock checker's class; 0: not looked up yet. Relaxed: every lookup finds the same. */
        uint8_t class;
#endif
};

/** A static, free mutex. @param label As mutex_init()'s name. */
#define MUTEX_INIT(self, label)                                                                    \
    {                                                                                              \
        .queue = WAIT_QUEUE_INIT((self).queue, label)                                              \
    }

void mutex_init(struct mutex *m, const char *name);

/** Private: the mutex is held, or must be taken through the queue. */
COLD_CALL void mutex_lock_slow(struct mutex *m);
/** Private: a thread may wait. */
COLD_CALL void mutex_unlock_slow(struct mutex *m);

/* Kernel code gets the bodies: a lock that nobody holds costs one compare-and-swap and no call.
 * Modules call the functions, so that they depend on no layout of a thread or a mutex. Host tests
 * call them, too, so that a test of code above the scheduler can replace them; mutex.c, where the
 * functions to call are emitted, asks for the bodies with MUTEX_BODIES. */
#if defined(HALYARD_MODULE) || (__STDC_HOSTED__ && !defined(MUTEX_BODIES))
void mutex_lock(struct mutex *m) ACQUIRES(*m);
void mutex_unlock(struct mutex *m) RELEASES(*m);
#else
/** @brief Lock the mutex; not cancellable, because its holders finish. Not recursive (asserted).
 *     Meanwhile its holder runs with at least the caller's priority.
 * @context{thread, may sleep} */
inline void mutex_lock(struct mutex *m) ACQUIRES(*m) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = NULL;
    preempt_point(PREEMPT_LOCK);
    lockcheck_mutex_acquiring(m);
    /* Acquire pairs with the last holder's release: its writes are visible. */
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &m->owner, &expected, self, memory_order_acquire, memory_order_relaxed))) {
        mutex_lock_slow(m);
    }
    lockcheck_mutex_acquired(m);
    preempt_point(PREEMPT_LOCKED);
    self->locks_held++;
    /* Keeps the compiler from delaying the increment or merging it with the unlock's decrement:
     * fault and interrupt handlers read it. */
    atomic_signal_fence(memory_order_seq_cst);
}

/** @brief Release the mutex. Once another thread has taken it, that thread may free it.
 *     @context{thread} */
inline void mutex_unlock(struct mutex *m) RELEASES(*m) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = self;
    atomic_signal_fence(memory_order_seq_cst);
    self->locks_held--;
    lockcheck_mutex_releasing(m);
    preempt_point(PREEMPT_UNLOCK);
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &m->owner, &expected, NULL, memory_order_release, memory_order_relaxed))) {
        mutex_unlock_slow(m);
    }
    preempt_point(PREEMPT_ENABLED);
}
#endif

/**
 * @brief Lock the mutex, but wait no longer than until a deadline or until the thread is cancelled.
 *     The holder loses the priority that it inherited from a waiter that gives up. Only tests call
 *     it yet: it is for threads of drivers and extensions that must end in time, or if cancelled.
 * @param deadline_ns Monotonic time, or WAIT_FOREVER.
 * @param why If false: E_TIMEDOUT or E_CANCELLED; untouched otherwise. NULL: not wanted.
 * @return true: the caller holds it.
 * @context{thread, may sleep}
 */
bool mutex_lock_until(struct mutex *m, uint64_t deadline_ns, enum status *why)
    TRY_ACQUIRES(true, *m);
/** @return false: another thread holds it. @context{thread} */
bool mutex_try_lock(struct mutex *m) TRY_ACQUIRES(true, *m);
/** @return true: the running thread holds it. @context{thread} */
bool mutex_is_held(const struct mutex *m);

/** A counting semaphore. Only tests use it yet: it is for drivers and extensions that share a fixed
 * number of units, such as the slots of a device's queue. */
struct semaphore {
    struct wait_queue queue;
    uint32_t count; /* [q] */
};

void semaphore_init(struct semaphore *s, uint32_t count, const char *name);
/** @return OK, E_TIMEDOUT, E_CANCELLED. @context{thread, may sleep} */
enum status semaphore_down(struct semaphore *s, uint64_t deadline_ns);
/** @context{any, IRQ-safe} */
void semaphore_up(struct semaphore *s);
