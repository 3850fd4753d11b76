// SPDX-License-Identifier: MIT
//
// Mutex: one compare-and-swap each way while nobody waits. Counting semaphores are semaphore.c's.
//
// The owner word is NULL (free), T (held by T), or T with bit 0 set (held, somebody may wait).
// Invariant: while the queue is not empty, either bit 0 is set, so that unlock takes the slow path
// and wakes one, or a waiter that was woken has not tried again yet, and sets the bit itself when
// it does. So a thread that takes a free mutex past woken waiters (which saves a switch each time)
// cannot strand the others.

#include "kernel/sched/mutex.h"

#include "kernel/sched/thread.h"

#define WAITED_FOR ((uintptr_t)1)

STATIC_ASSERT(_Alignof(struct thread) >= 2, "bit 0 of a thread's address is free");

static struct thread *with_waiters(struct thread *t)
{
    return (struct thread *)((uintptr_t)t | WAITED_FOR);
}

static struct thread *owner_of(struct thread *word)
{
    return (struct thread *)((uintptr_t)word & ~WAITED_FOR);
}

void mutex_init(struct mutex *m, const char *name)
{
    atomic_init(&m->owner, NULL);
    wait_queue_init(&m->queue, name);
}

/** Acquire pairs with the release in mutex_unlock(): what the last holder wrote is visible. */
static bool swap_owner(struct mutex *m, struct thread **expected, struct thread *desired)
{
    return atomic_compare_exchange_strong_explicit(&m->owner, expected, desired,
                                                   memory_order_acquire, memory_order_relaxed);
}

static NOINLINE void lock_slowly(struct mutex *m, struct thread *self)
{
    irq_state_t state = spin_lock_irq(&m->queue.lock);
    for (;;) {
        struct thread *word = atomic_load_explicit(&m->owner, memory_order_relaxed);
        ASSERT(owner_of(word) != self);
        if (word == NULL) {
            bool others = !list_is_empty(&m->queue.waiters);
            if (swap_owner(m, &word, others ? with_waiters(self) : self)) {
                break;
            }
        } else if (word == with_waiters(word) || swap_owner(m, &word, with_waiters(word))) {
            /* The holder now comes through release_slowly(), whose lock is held until this thread
             * waits. */
            (void)!wait_uncancellable_locked(&m->queue, &state, WAIT_FOREVER);
        }
    }
    spin_unlock_irq(&m->queue.lock, state);
}

static NOINLINE void unlock_slowly(struct mutex *m)
{
    irq_state_t state = spin_lock_irq(&m->queue.lock);
    atomic_store_explicit(&m->owner, NULL, memory_order_release);
    wait_wake_one_locked(&m->queue);
    spin_unlock_irq(&m->queue.lock, state);
}

void mutex_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = NULL;
    DASSERT(hal_this_cpu()->irq_depth == 0);
    if (UNLIKELY(!swap_owner(m, &expected, self))) {
        lock_slowly(m, self);
    }
    self->locks_held++;
}

bool mutex_try_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = NULL;
    if (!swap_owner(m, &expected, self)) {
        return false;
    }
    self->locks_held++;
    return true;
}

void mutex_unlock(struct mutex *m) NO_LOCK_ANALYSIS
{
    struct thread *self = thread_current();
    struct thread *expected = self;
    /* Release pairs with the acquire in swap_owner(). */
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &m->owner, &expected, NULL, memory_order_release, memory_order_relaxed))) {
        ASSERT(owner_of(expected) == self);
        unlock_slowly(m);
    }
    self->locks_held--;
}

bool mutex_is_held(const struct mutex *m)
{
    return owner_of(atomic_load_explicit(&m->owner, memory_order_relaxed)) == thread_current();
}
