// SPDX-License-Identifier: MIT
//
// Reader-writer lock: several threads read, or one writes; a thread that must wait sleeps.
//
// Phase-fair: while a writer waits, later readers wait too; when a writer leaves, all readers
// that wait by then go before the next writer. So a writer waits for the current readers only,
// and a reader for one writer at most. Among writers the best priority is first, and among
// equals the first to come. No priority is inherited: if the lock is held long, or its holder
// may be preempted, use a mutex.
//
// Not recursive, not even for reading: a writer that comes between two read locks of one
// thread would wait for the first, and the second for the writer. Debug builds check that, and
// the order with other locks.
//
// It is for what is read often and changed seldom: ext2 holds it for reading while a file's blocks
// are read, and for writing while some are freed.
#pragma once

#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"

/* Field protection:  [q] queue.lock */
struct LOCKABLE rwlock {
    /* Bit 0: threads may wait; then only the holder of the queue's lock changes the word. Bit
     * 1: a writer holds it. Above: number of readers that hold it. Acquire pairs with the
     * release of the last holder. */
    _Atomic uint32_t word;
    struct wait_queue queue;
#ifdef HALYARD_DEBUG
    _Atomic
        /* The lock checker's class; 0: not looked up yet. Relaxed: every lookup finds the same. */
        uint8_t class;
#endif
};

/** A static, free lock. @param label As rwlock_init()'s name. */
#define RWLOCK_INIT(self, label)                                                                   \
    {                                                                                              \
        .queue = WAIT_QUEUE_INIT((self).queue, label)                                              \
    }

/** @param name  Static string; `ps` shows it. @context{any} */
void rwlock_init(struct rwlock *l, const char *name);

/** @brief Lock for reading; waits without limit and cannot be cancelled, because its holders
 *     finish.
 * @context{thread, may sleep} */
void rwlock_read(struct rwlock *l) ACQUIRES_SHARED(*l);

/**
 * @brief The same, but wait no longer than until a deadline or until the thread is cancelled. Only
 *     tests call this and rwlock_write_until() yet: they are for system calls that look up mounts
 *     and names while the calling program may be ended.
 * @param deadline_ns Monotonic time, or WAIT_FOREVER.
 * @param why If false: E_TIMEDOUT or E_CANCELLED; untouched otherwise. NULL: not wanted.
 * @return true: the caller holds it.
 * @context{thread, may sleep}
 */
bool rwlock_read_until(struct rwlock *l, uint64_t deadline_ns, enum status *why)
    TRY_ACQUIRES_SHARED(true, *l);

/** @brief Release it. It may be freed once no thread holds it and every thread that it was handed
 *     to has released it too. @context{thread} */
void rwlock_end_read(struct rwlock *l) RELEASES_SHARED(*l);

/** @brief Lock for writing. @context{as rwlock_read()} */
void rwlock_write(struct rwlock *l) ACQUIRES(*l);
/** @context{as rwlock_read_until()} */
bool rwlock_write_until(struct rwlock *l, uint64_t deadline_ns, enum status *why)
    TRY_ACQUIRES(true, *l);
/** @context{as rwlock_end_read()} */
void rwlock_end_write(struct rwlock *l) RELEASES(*l);
