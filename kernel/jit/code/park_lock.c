// SPDX-License-Identifier: MIT
//
// A lock whose waiters are parked at it. It costs one atomic operation if no other thread holds it.
#include "kernel/jit/code/park.h"

/* The three states are those of Drepper, "Futexes Are Tricky": CONTENDED means that a thread may be
 * parked, so the owner has to notify when it unlocks. The lock is held while a shared memory grows
 * (runtime.c), which maps pages: too long for a spinlock. A thread of a program that is killed gets
 * false and does not own the lock. */
enum { FREE, HELD, CONTENDED };

/* A thread that has waited marks the lock as contended, because others may wait, too: the worst
 * that follows is a notification that no thread needs. */
bool park_lock(struct park_lock *l)
{
    uint32_t seen = FREE;
    if (__atomic_compare_exchange_n(&l->state, &seen, HELD, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        return true;
    }
    while (__atomic_exchange_n(&l->state, CONTENDED, __ATOMIC_ACQUIRE) != FREE) {
        if (park_wait(&l->state, sizeof l->state, CONTENDED, -1) == PARK_CANCELLED) {
            return false;
        }
    }
    return true;
}

void park_unlock(struct park_lock *l)
{
    if (__atomic_exchange_n(&l->state, FREE, __ATOMIC_RELEASE) == CONTENDED) {
        (void)park_notify(&l->state, 1);
    }
}
