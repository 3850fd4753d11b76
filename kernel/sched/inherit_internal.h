// SPDX-License-Identifier: MIT
//
// Priority inheritance: who holds a mutex runs with at least the priority of who waits for it, and
// so does whom the holder waits for. Only a mutex that somebody waits for comes here.
#pragma once

#include "kernel/sched/mutex.h"

/** A wait for a mutex that has gone on for long. */
struct mutex_wait {
    uint32_t waiter, owner; /* threads' numbers */
    char waiter_name[THREAD_NAME_MAX], owner_name[THREAD_NAME_MAX], mutex_name[THREAD_NAME_MAX];
    uint64_t since; /* counter value */
    enum thread_state owner_state;
    cpu_t cpu;           /* of the owner */
    uint32_t depth;      /* of chain[]; 0: the owner runs */
    uintptr_t chain[16]; /* return addresses, innermost first */
};

/** @brief The longest wait that nobody was told of, if it began by `since` (counter value) and by
 * `looks` (watchdog_looks()). O(1). @return false: none did. @context{any, no run queue is locked}
 */
bool inherit_find_wait(uint64_t since, uint64_t looks, struct mutex_wait *out);

/** mutex.c: who holds it, or NULL. */
struct thread *mutex_owner(const struct mutex *m);

/** `self` is about to wait for `m`, whose holder can leave it only through the queue.
 * @pre m->queue.lock is held, as for all of these */
void inherit_wait(struct mutex *m, struct thread *self);

/** `self` has waited for `m` and does not get it: it is out of the queue, and whoever holds `m` has
 * no more of it. */
void inherit_give_up(struct mutex *m, struct thread *self);

/** `woken` (NULL: nobody) waits for it no longer. */
void inherit_wake(struct thread *woken);

/** `m` has an owner again, and others wait for it. */
void inherit_take(struct mutex *m);

/** `self` gives `m` up: its owner word becomes `free`, and what was inherited for it is given back.
 * `woken` (NULL: nobody) waits for it no longer. */
void inherit_release(struct mutex *m, struct thread *self, struct thread *free,
                     struct thread *woken);
