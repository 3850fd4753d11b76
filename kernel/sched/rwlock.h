// SPDX-License-Identifier: MIT
//
// Reader-writer lock: several threads read, or one writes; who cannot sleeps.
//
// Phase-fair: while a writer waits, readers that come later wait, too; when a writer leaves, all
// readers that wait by then go before the next writer. So a writer waits for the readers that are
// in, and a reader for one writer, however many come. Among writers the best priority is first, and
// the first among equals. Nobody inherits a priority: for what is held long, or by who is
// preempted, a mutex is the better lock.
//
// Not recursive, not for reading either: a writer that comes between the two would wait for the
// first, and the second for the writer. Debug builds check that, and the order with other locks.
#pragma once

#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

/* Field protection:  [q] queue.lock */
struct LOCKABLE rwlock {
    /* Bit 0: somebody may wait: from then on it changes under the queue's lock only, by all. Bit 1:
     * a writer has it. Above: how many readers have it. Taken with acquire, which pairs with the
     * release of who had it. */
    _Atomic uint32_t word;
    struct wait_queue queue;
#ifdef HALYARD_DEBUG
    _Atomic
        uint8_t class; /* the lock checker's; 0: not looked up yet. Relaxed: all find the same */
#endif
};

/** A static lock, free. @param label  As rwlock_init()'s name. */
#define RWLOCK_INIT(self, label)                                                                   \
    {                                                                                              \
        .queue = WAIT_QUEUE_INIT((self).queue, label)                                              \
    }

/** @param name  Static string; `ps` shows it. @context{any} */
void rwlock_init(struct rwlock *l, const char *name);

/** @brief Take it to read; waits as long as it takes, and is not cancelled: its holders finish.
 * @context{thread, may sleep} */
void rwlock_read(struct rwlock *l) ACQUIRES_SHARED(*l);

/**
 * @brief The same for no longer than until a deadline, or until the thread is cancelled.
 * @param deadline_ns  Monotonic time, or WAIT_FOREVER.
 * @param why          If false: E_TIMEDOUT or E_CANCELLED; untouched otherwise. NULL: not wanted.
 * @return true: the caller has it.
 * @context{thread, may sleep}
 */
bool rwlock_read_until(struct rwlock *l, uint64_t deadline_ns, enum status *why)
    TRY_ACQUIRES_SHARED(true, *l);

/** @brief Give it up; once nobody has it, and whoever was handed it has given it up in turn, its
 * memory may go. @context{thread} */
void rwlock_end_read(struct rwlock *l) RELEASES_SHARED(*l);

/** @brief Take it to write. @context{as rwlock_read()} */
void rwlock_write(struct rwlock *l) ACQUIRES(*l);
/** @context{as rwlock_read_until()} */
bool rwlock_write_until(struct rwlock *l, uint64_t deadline_ns, enum status *why)
    TRY_ACQUIRES(true, *l);
/** @context{as rwlock_end_read()} */
void rwlock_end_write(struct rwlock *l) RELEASES(*l);
