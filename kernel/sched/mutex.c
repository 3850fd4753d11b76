// SPDX-License-Identifier: MIT
//
// Mutex: one compare-and-swap each way while nobody waits, in the header. Counting semaphores are
// semaphore.c's, who inherits whose priority is inherit.c's.
//
// The owner word:
//     NULL          free, to be taken by who comes first
//     T             held by T
//     T, bit 0      held by T, somebody may wait: to be given up through the queue
//     bit 0 alone   free, to be taken through the queue
//
// Invariant: while the queue is not empty bit 0 is set, so that unlock comes to the queue and wakes
// one. A thread that takes a mutex past a woken waiter (which saves a switch each time) cannot
// strand the others: it finds them in the queue, and leaves bit 0 set.
//
// Why bit 0 stays when the holder leaves through the queue: it still has the queue's lock then. If
// another CPU could take the mutex without that lock, it could be through with it, and with the
// memory that it lies in, before the first one had given the queue's lock up.

#define MUTEX_BODIES
#include "kernel/sched/mutex.h"

#include "hal/smp.h"
#include "kernel/sched/inherit_internal.h"
#include "kernel/sched/switch_internal.h"

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

/** The word says that nobody has it. */
static bool take_locked(struct mutex *m, struct thread *word, struct thread *self)
    REQUIRES(m->queue.lock)
{
    bool others = !list_is_empty(&m->queue.waiters);
    if (!swap_owner(m, &word, others ? with_waiters(self) : self)) {
        return false; /* it was free for who comes first, and somebody did */
    }
    if (others) {
        inherit_take(m);
    }
    return true;
}

/* --- looking on for a moment --- */

/* Looks: about as long as a sleep and a wake-up take, some microseconds. */
#define LOOKS_MAX 1000u

/** The CPU that a thread runs on, if it is another than this. The thread may be gone: only its
 * address is compared. */
static const struct hal_cpu *other_cpu_of(const struct thread *t)
{
    cpu_t count = hal_cpu_count();
    for (cpu_t i = 0; count > 1 && i < count; i++) {
        const struct hal_cpu *cpu = hal_cpu_at(i);
        if (cpu != hal_this_cpu() && hal_cpu_thread(cpu) == t) {
            return cpu;
        }
    }
    return NULL;
}

/**
 * Wait until a holder that runs elsewhere gives the mutex up. It runs, so it need not inherit
 * anything; it is over when it does not, when this CPU has something better to do, or when it takes
 * too long. With others in the queue it ends there, too: they came first.
 * @return true: taken.
 */
static bool look_on(struct mutex *m, struct thread *self)
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

/** @return OK; E_TIMEDOUT, E_CANCELLED if it is `cancellable`. */
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
            /* The holder now comes through the queue, whose lock is held until this thread waits.
             */
            inherit_wait(m, self);
            s = cancellable ? wait_on_locked(&m->queue, &state, deadline_ns)
                            : wait_uncancellable_locked(&m->queue, &state, WAIT_FOREVER);
            if (s != OK) {
                inherit_give_up(m, self);
            }
        }
    }
    spin_unlock_irq(&m->queue.lock, state);
    return s;
}

SELDOM_CALLED void mutex_lock_slowly(struct mutex *m)
{
    struct thread *self = thread_current();
    if (!look_on(m, self)) {
        (void)!wait_for(m, self, WAIT_FOREVER, false);
    }
}

bool mutex_lock_until(struct mutex *m, uint64_t deadline_ns, enum status *why) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = NULL;
    lockcheck_mutex_wants(m);
    if (!swap_owner(m, &expected, self) && !look_on(m, self)) {
        enum status s = wait_for(m, self, deadline_ns, true);
        if (s != OK) {
            if (why != NULL) {
                *why = s;
            }
            return false;
        }
    }
    lockcheck_mutex_has(m);
    self->locks_held++;
    atomic_signal_fence(memory_order_seq_cst);
    return true;
}

/** The best waiter, the first among equals. NULL: nobody waits. */
static struct thread *best_locked(struct mutex *m) REQUIRES(m->queue.lock)
{
    struct thread *best = NULL;
    LIST_FOR_EACH (&m->queue.waiters, n) {
        struct thread *t = CONTAINER_OF(n, struct thread, wait_link);
        best = best == NULL || t->priority > best->priority ? t : best;
    }
    return best;
}

/** False: its time was over, or it was cancelled, at this moment. */
static bool wake_waiter_locked(struct mutex *m, struct thread *t) REQUIRES(m->queue.lock)
{
    (void)m;
    list_remove(&t->wait_link);
    return switch_wake(t, OK);
}

SELDOM_CALLED void mutex_unlock_slowly(struct mutex *m) NO_LOCK_ANALYSIS
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
    lockcheck_mutex_has(m);
    self->locks_held++;
    return true;
}

bool mutex_is_held(const struct mutex *m)
{
    return mutex_owner(m) == thread_current();
}
