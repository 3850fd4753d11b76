// SPDX-License-Identifier: MIT
//
// Mutex and counting semaphore over wait queues.
#pragma once

#include "kernel/sched/wait.h"

struct thread;

struct LOCKABLE mutex {
    _Atomic(struct thread *)
        owner; /* NULL = free; bit 0 set = somebody waits. acquire/release pair lock and unlock */
    struct wait_queue queue;
};

void mutex_init(struct mutex *m, const char *name);
/** @brief Take the mutex; not cancellable, because its holders finish. Not recursive (asserted).
 *  @context{thread, may sleep} */
void mutex_lock(struct mutex *m) ACQUIRES(*m);
/** @return false: somebody holds it. @context{thread} */
bool mutex_try_lock(struct mutex *m) TRY_ACQUIRES(true, *m);
void mutex_unlock(struct mutex *m) RELEASES(*m);
/** @return true: the running thread holds it. @context{thread} */
bool mutex_is_held(const struct mutex *m);

struct semaphore {
    struct wait_queue queue;
    uint32_t count; /* [q] */
};

void semaphore_init(struct semaphore *s, uint32_t count, const char *name);
/** @return OK, E_TIMEDOUT, E_CANCELLED. @context{thread, may sleep} */
enum status semaphore_down(struct semaphore *s, uint64_t deadline_ns);
/** @context{any, IRQ-safe} */
void semaphore_up(struct semaphore *s);
