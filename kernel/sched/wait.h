// SPDX-License-Identifier: MIT
//
// Waiting: a queue of threads that wait for a condition. All blocking in the kernel uses it.
//
//   irq_state_t s = spin_lock_irq(&q->lock);
//   while (!condition) {
//       enum status st = wait_on_locked(q, &s, deadline_ns); // releases the lock while asleep
//       if (st != OK) { break; }
//   }
//   spin_unlock_irq(&q->lock, s);
#pragma once

#include "kernel/base/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/lib/status.h"

struct thread;
struct wait_watch;

#define WAIT_FOREVER UINT64_MAX

/* Field protection:  [q] lock   [I] set before use */
struct wait_queue {
    struct spinlock lock;
    struct list waiters;        /* [q] woken in the order in which they came */
    const char *name;           /* [I] static string; `ps` shows it */
    struct wait_watch *watches; /* [q] of sets that are woken with all waiters: wait_set.h */
};

/** A static queue, empty. @param label  As wait_queue_init()'s name. */
#define WAIT_QUEUE_INIT(self, label)                                                               \
    {                                                                                              \
        .lock = SPINLOCK_INIT_NAMED(label), .waiters = LIST_INIT((self).waiters), .name = (label)  \
    }

void wait_queue_init(struct wait_queue *q, const char *name);

/**
 * @brief Sleep until woken.
 * @param state The caller's spin_lock_irq() state, updated: the lock is held again on return.
 * @param deadline_ns Monotonic time, or WAIT_FOREVER.
 * @return OK: woken (test the condition again); E_TIMEDOUT; E_CANCELLED: thread_cancel() was called
 *     on the thread. Exactly one of the three happened: a wake-up that came too late for this
 *     thread went to the next waiter.
 * @context{thread, may sleep}
 */
enum status wait_on_locked(struct wait_queue *q, irq_state_t *state, uint64_t deadline_ns)
    REQUIRES(q->lock);

/** As wait_on_locked(), but cancellation does not end the wait: for waits that must finish, e.g.
 * while a device owns our memory. */
enum status wait_uncancellable_locked(struct wait_queue *q, irq_state_t *state,
                                      uint64_t deadline_ns) REQUIRES(q->lock);

/** @brief Wake the first waiter, or all. @return wait_wake_one_locked(): false: no thread waits.
 * @context{any, interrupts masked by the lock} */
bool wait_wake_one_locked(struct wait_queue *q) REQUIRES(q->lock);
void wait_wake_all_locked(struct wait_queue *q) REQUIRES(q->lock);

/** @brief As above, but take the lock. @context{any, IRQ-safe} */
void wait_wake_one(struct wait_queue *q);
void wait_wake_all(struct wait_queue *q);

/**
 * A wake-up for code that may hold any lock, such as a write to a console. It happens when this CPU
 * next checks whether to switch threads: when it releases its last lock, or when the interrupt
 * handler returns. The owner sets `queue` and keeps the struct for ever.
 */
struct deferred_wake {
    struct wait_queue *queue; /* [I] */
    struct list_node link;    /* private: in its CPU's list; interrupts masked */
    /* Private: set when queued, cleared before the wake-up. Exchanged with acq_rel: a caller that
     * finds it set leaves its wake-up to the CPU that clears it, and that CPU must see what the
     * caller made true before. */
    _Atomic bool is_queued;
};

/** @brief Wake all waiters of w->queue soon; several calls before that wake them once.
 *     @context{any, under any lock, not in a panic} */
void wait_wake_deferred(struct deferred_wake *w);

/** A one-time event: once done, it stays done. */
struct completion {
    struct wait_queue queue;
    bool done; /* [q] */
};

void completion_init(struct completion *c, const char *name);
/** @context{any, IRQ-safe} */
void completion_signal(struct completion *c);
/** @return OK, E_TIMEDOUT, E_CANCELLED. @context{thread, may sleep} */
enum status completion_wait(struct completion *c, uint64_t deadline_ns);
/** As completion_wait(), but only the deadline ends the wait early. */
enum status completion_wait_uncancellable(struct completion *c, uint64_t deadline_ns);
