// SPDX-License-Identifier: MIT
//
// Priority inheritance: the holder of a mutex runs with at least the priority of its
// waiters, and so does the holder of the mutex that this holder waits for. Only mutexes
// that have waiters come here.
#pragma once

#include "kernel/sched/mutex.h"

/** A wait for a mutex that has lasted long. */
struct mutex_wait {
    uint32_t waiter, owner; /* thread ids */
    char waiter_name[THREAD_NAME_MAX], owner_name[THREAD_NAME_MAX], mutex_name[THREAD_NAME_MAX];
    uint64_t since; /* counter value */
    enum thread_state owner_state;
    cpu_t cpu;           /* of the owner */
    uint32_t depth;      /* of chain[]; 0: the owner runs */
    uintptr_t chain[16]; /* return addresses, innermost first */
};

/** @brief The longest wait that was not reported yet, if it began by `since` (counter value) and by
 *     `looks` (watchdog_checks()). O(1). @return false: there is none.
 *     @context{any, no run queue is locked} */
bool inherit_find_wait(uint64_t since, uint64_t looks, struct mutex_wait *out);

/** mutex.c: the owner, or NULL. */
struct thread *mutex_owner(const struct mutex *m);

/** `self` is about to wait for `m`, whose holder can release it only through the queue.
 * @pre m->queue.lock is held, as for all of these */
void inherit_wait(struct mutex *m, struct thread *self);

/** `self` has stopped waiting for `m` without getting it and is out of the queue: the owner of `m`
 * no longer inherits from it. */
void inherit_abandon(struct mutex *m, struct thread *self);

/** `woken` (NULL: none) no longer waits. */
void inherit_wake(struct thread *woken);

/** `m` has an owner again, and other threads wait for it. */
void inherit_take(struct mutex *m);

/** `self` releases `m`: the owner word becomes `free`, and `self` loses the priority inherited
 * through it. `woken` (NULL: none) no longer waits. */
void inherit_release(struct mutex *m, struct thread *self, struct thread *free,
                     struct thread *woken);
