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

SELDOM_CALLED void mutex_lock_slowly(struct mutex *m) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    irq_state_t state = spin_lock_irq(&m->queue.lock);
    for (;;) {
        struct thread *word = atomic_load_explicit(&m->owner, memory_order_relaxed);
        ASSERT(owner_of(word) != self);
        if (owner_of(word) == NULL) {
            if (take_locked(m, word, self)) {
                break;
            }
        } else if (word == with_waiters(word) || swap_owner(m, &word, with_waiters(word))) {
            /* The holder now comes through the queue, whose lock is held until this thread waits.
             */
            inherit_wait(m, self);
            (void)!wait_uncancellable_locked(&m->queue, &state, WAIT_FOREVER);
        }
    }
    spin_unlock_irq(&m->queue.lock, state);
}

/** The best waiter, the first among equals: it is moved to the front of the queue. NULL: nobody
 * waits. */
static struct thread *choose_locked(struct mutex *m) REQUIRES(m->queue.lock)
{
    struct thread *best = NULL;
    LIST_FOR_EACH (&m->queue.waiters, n) {
        struct thread *t = CONTAINER_OF(n, struct thread, wait_link);
        best = best == NULL || t->priority > best->priority ? t : best;
    }
    if (best != NULL) {
        list_remove(&best->wait_link);
        list_push_front(&m->queue.waiters, &best->wait_link);
    }
    return best;
}

SELDOM_CALLED void mutex_unlock_slowly(struct mutex *m) NO_LOCK_ANALYSIS
{
    ASSERT(mutex_is_held(m));
    irq_state_t state = spin_lock_irq(&m->queue.lock);
    struct thread *woken = choose_locked(m);
    inherit_release(m, thread_current(), with_waiters(NULL), woken);
    (void)wait_wake_one_locked(&m->queue);
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
    self->locks_held++;
    return true;
}

bool mutex_is_held(const struct mutex *m)
{
    return mutex_owner(m) == thread_current();
}
