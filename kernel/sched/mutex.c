// SPDX-License-Identifier: MIT
//
// Mutex: one compare-and-swap each way while no thread waits, inline in mutex.h. semaphore.c has
// counting semaphores, inherit.c priority inheritance.

#define MUTEX_BODIES
#include "kernel/sched/mutex.h"

#include "hal/smp.h"
#include "kernel/sched/inherit_internal.h"
#include "kernel/sched/switch_internal.h"

/* The owner word:
 *   NULL            free; the first thread to swap it in owns it
 *   T               held by T
 *   T, bit 0        held by T, threads may wait: release through the queue
 *   bit 0 alone     free; take it through the queue
 *
 * Invariant: while the queue is not empty, bit 0 is set. So mutex_unlock() takes the slow path and
 * wakes a waiter. A thread may take the mutex past a woken waiter, which saves a switch each time.
 * It cannot strand the other waiters: it takes the mutex under the queue's lock, finds them in the
 * queue and leaves bit 0 set.
 *
 * Bit 0 stays set when the holder releases through the queue, because it still holds the queue's
 * lock then. If another CPU could take the mutex without that lock, it could lock, unlock and free
 * the mutex before the first CPU has released the lock inside it.
 *
 * Only a waiter sets bit 0, under the queue's lock (wait_for()). Only a thread that takes the mutex
 * under that lock and finds the queue empty clears it (take_locked()). */

#define WAITED_FOR ((uintptr_t)1)

STATIC_ASSERT(_Alignof(struct thread) >= 2, "bit 0 of a thread's address is free");

extern inline void mutex_lock(struct mutex *m);
extern inline void mutex_unlock(struct mutex *m);

static struct thread *with_waiters(struct thread *t)
{
    return (struct thread *)((uintptr_t)t | WAITED_FOR);
}

static struct thread *owner_of(struct thread *word)
{
    return (struct thread *)((uintptr_t)word & ~WAITED_FOR);
}

struct thread *mutex_owner(const struct mutex *m)
{
    return owner_of(atomic_load_explicit(&m->owner, memory_order_relaxed));
}

void mutex_init(struct mutex *m, const char *name)
{
    atomic_init(&m->owner, NULL);
    wait_queue_init(&m->queue, name);
    m->held_link = (struct list_node){NULL, NULL};
    m->inherited = PRIO_IDLE;
#ifdef HALYARD_DEBUG
    atomic_init(&m->class, 0);
#endif
}

/** Acquire pairs with the release of the last holder. */
static bool swap_owner(struct mutex *m, struct thread **expected, struct thread *desired)
{
    return atomic_compare_exchange_strong_explicit(&m->owner, expected, desired,
                                                   memory_order_acquire, memory_order_relaxed);
}

/** The owner word shows that the mutex is free; lock it under the queue's lock. */
static bool take_locked(struct mutex *m, struct thread *word, struct thread *self)
    REQUIRES(m->queue.lock)
{
    bool others = !list_is_empty(&m->queue.waiters);
    if (!swap_owner(m, &word, others ? with_waiters(self) : self)) {
        return false; /* it was free without bit 0, and another thread took it on the fast path */
    }
    if (others) {
        inherit_take(m);
    }
    return true;
}

/* --- spinning for a moment --- */

/* Iterations: about as long as a sleep and a wake-up take, a few microseconds. */
#define LOOKS_MAX 1000u

/** The CPU that a thread runs on, if it is not this one. The thread may have been freed: only its
 * address is compared. */
static const struct hal_cpu *other_cpu_of(const struct thread *t)
{
    cpu_t count = cpus_count();
    for (cpu_t i = 0; count > 1 && i < count; i++) {
        const struct hal_cpu *cpu = cpus_at(i);
        if (cpu != hal_this_cpu() && hal_cpu_thread(cpu) == t) {
            return cpu;
        }
    }
    return NULL;
}

/**
 * Spin until a holder that runs on another CPU releases the mutex. It is running, so it need not
 * inherit a priority. Stop when it no longer runs, when this CPU has a better thread to run, or
 * after LOOKS_MAX iterations. Stop also if threads are queued: they came first.
 * @return true: the caller owns the mutex.
 */
static bool spin_on_holder(struct mutex *m, struct thread *self)
{
    struct thread *holder = NULL;
    const struct hal_cpu *cpu = NULL;
    for (unsigned i = 0; i < LOOKS_MAX && !hal_is_switch_due(); i++) {
        struct thread *word = atomic_load_explicit(&m->owner, memory_order_relaxed);
        if (word == NULL) {
            if (swap_owner(m, &word, self)) {
                return true;
            }
        } else if (word == with_waiters(word)) {
            return false;
        } else if (word != holder) {
            holder = word;
            cpu = other_cpu_of(holder);
        }
        if (holder != NULL && (cpu == NULL || hal_cpu_thread(cpu) != holder)) {
            return false;
        }
        hal_cpu_relax();
    }
    return false;
}

/* --- waiting --- */

/** Wait in the queue until the mutex is taken.
 *
 * The loop tests the word under the queue's lock. If the mutex is held, bit 0 is set before the
 * wait, and the holder's slow path needs the queue's lock, which is held until this thread is
 * BLOCKED: the wake-up cannot be missed. After a time-out or cancellation the word is tested once
 * more, so that a mutex that was freed for this thread is not left without an owner.
 * @return OK; E_TIMEDOUT and E_CANCELLED only if `cancellable`. */
static NOINLINE enum status wait_for(struct mutex *m, struct thread *self, uint64_t deadline_ns,
                                     bool cancellable) NO_LOCK_ANALYSIS
{
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&m->queue.lock);
    for (;;) {
        struct thread *word = atomic_load_explicit(&m->owner, memory_order_relaxed);
        ASSERT(owner_of(word) != self);
        if (owner_of(word) == NULL) {
            if (take_locked(m, word, self)) {
                s = OK; /* at the last moment */
                break;
            }
        } else if (s != OK) {
            break;
        } else if (word == with_waiters(word) || swap_owner(m, &word, with_waiters(word))) {
            /* The holder now has to release through the queue, whose lock is held
             * until this thread waits. */
            inherit_wait(m, self);
            s = cancellable ? wait_on_locked(&m->queue, &state, deadline_ns)
                            : wait_uncancellable_locked(&m->queue, &state, WAIT_FOREVER);
            if (s != OK) {
                inherit_abandon(m, self);
            }
        }
    }
    spin_unlock_irq(&m->queue.lock, state);
    return s;
}

COLD_CALL void mutex_lock_slow(struct mutex *m)
{
    struct thread *self = thread_current();
    if (!spin_on_holder(m, self)) {
        (void)!wait_for(m, self, WAIT_FOREVER, false);
    }
}

bool mutex_lock_until(struct mutex *m, uint64_t deadline_ns, enum status *why) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = NULL;
    lockcheck_mutex_acquiring(m);
    if (!swap_owner(m, &expected, self) && !spin_on_holder(m, self)) {
        enum status s = wait_for(m, self, deadline_ns, true);
        if (s != OK) {
            if (why != NULL) {
                *why = s;
            }
            return false;
        }
    }
    lockcheck_mutex_acquired(m);
    self->locks_held++;
    atomic_signal_fence(memory_order_seq_cst);
    return true;
}

/** The waiter of the best priority; among equals, the
 * one that has waited longest. NULL: no thread waits. */
static struct thread *best_locked(struct mutex *m) REQUIRES(m->queue.lock)
{
    struct thread *best = NULL;
    LIST_FOR_EACH (&m->queue.waiters, n) {
        struct thread *t = CONTAINER_OF(n, struct thread, wait_link);
        best = best == NULL || t->priority > best->priority ? t : best;
    }
    return best;
}

/** @return false: the wait has just ended by its deadline or cancellation. */
static bool wake_waiter_locked(struct mutex *m, struct thread *t) REQUIRES(m->queue.lock)
{
    (void)m;
    list_remove(&t->wait_link);
    return switch_wake(t, OK);
}

/* The owner word becomes "free, bit 0" first and the waiter is woken second, both under the queue's
 * lock. If the chosen waiter has just timed out, try the next one: the wake-up must reach a thread
 * that still waits, or all of them would sleep although the mutex is free. */
COLD_CALL void mutex_unlock_slow(struct mutex *m) NO_LOCK_ANALYSIS
{
    ASSERT(mutex_is_held(m));
    irq_state_t state = spin_lock_irq(&m->queue.lock);
    struct thread *woken = best_locked(m);
    inherit_release(m, thread_current(), with_waiters(NULL), woken);
    while (woken != NULL && !wake_waiter_locked(m, woken)) {
        woken = best_locked(m);
        inherit_wake(woken);
    }
    spin_unlock_irq(&m->queue.lock, state);
}

bool mutex_try_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = NULL;
    if (!swap_owner(m, &expected, self)) {
        if (owner_of(expected) != NULL) {
            return false;
        }
        irq_state_t state = spin_lock_irq(&m->queue.lock);
        struct thread *word = atomic_load_explicit(&m->owner, memory_order_relaxed);
        bool taken = owner_of(word) == NULL && take_locked(m, word, self);
        spin_unlock_irq(&m->queue.lock, state);
        if (!taken) {
            return false;
        }
    }
    lockcheck_mutex_acquired(m);
    self->locks_held++;
    return true;
}

bool mutex_is_held(const struct mutex *m)
{
    return mutex_owner(m) == thread_current();
}
