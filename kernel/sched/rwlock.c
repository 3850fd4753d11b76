// SPDX-License-Identifier: MIT
//
// Reader-writer lock. While no thread waits: one compare-and-swap each way.

#include "kernel/sched/rwlock.h"

#include "kernel/sched/switch_internal.h"

/* Bit 0 (QUEUED) sends every thread through the queue's lock. It stays set when a thread releases
 * the lock that way, for the reason given at the top of mutex.c: the next holder must not be able
 * to release and free the lock before the queue's lock inside it is released. A thread that takes
 * the lock through the queue and finds the queue empty clears it.
 *
 * The lock is handed over: the last holder to leave makes the next ones holders and wakes them. It
 * counts only those whose wait it has ended (switch_wake() returned true). A waiter that timed out
 * at the same moment is not counted and removes itself from the queue.
 *
 * While bit 0 is set, only the holder of the queue's lock changes the word. stop_others_locked()
 * sets it first, so the word cannot change between a test and the store that follows. */

#define QUEUED 1u
#define WRITER 2u
#define READER 4u

void rwlock_init(struct rwlock *l, const char *name)
{
    atomic_init(&l->word, 0);
    wait_queue_init(&l->queue, name);
#ifdef HALYARD_DEBUG
    atomic_init(&l->class, 0);
#endif
}

/* --- under the queue's lock, with bit 0 set: only the lock's holder changes the word --- */

/** From here on every thread takes the slow path. Needed even if bit 0 was the reason to come here:
 * the previous holder of the queue's lock may have cleared it. Acquire: threads that released the
 * lock before this did so without the queue's lock. */
static void stop_others_locked(struct rwlock *l) REQUIRES(l->queue.lock)
{
    (void)atomic_fetch_or_explicit(&l->word, QUEUED, memory_order_acquire);
}

static uint32_t word_locked(const struct rwlock *l) REQUIRES(l->queue.lock)
{
    return atomic_load_explicit(&l->word, memory_order_relaxed);
}

static void set_word_locked(struct rwlock *l, uint32_t word) REQUIRES(l->queue.lock)
{
    /* Release: if bit 0 is cleared, the fast path's acquire has to see what the last holders
     * wrote. */
    atomic_store_explicit(&l->word, word, memory_order_release);
}

static struct thread *waiter(struct list_node *n)
{
    return CONTAINER_OF(n, struct thread, wait_link);
}

static bool wake_locked_one(struct thread *t)
{
    list_remove(&t->wait_link);
    return switch_wake(t, OK);
}

/** @return how many readers hold it now. */
static uint32_t hand_to_readers_locked(struct rwlock *l) REQUIRES(l->queue.lock)
{
    uint32_t count = 0;
    LIST_FOR_EACH_SAFE (&l->queue.waiters, n) {
        struct thread *t = waiter(n);
        count += !t->wait_exclusive && wake_locked_one(t) ? 1 : 0;
    }
    set_word_locked(l, word_locked(l) + count * READER);
    return count;
}

/** The waiting writer of the best priority; among equals, the first. */
static struct thread *next_writer_locked(struct rwlock *l) REQUIRES(l->queue.lock)
{
    struct thread *best = NULL;
    LIST_FOR_EACH (&l->queue.waiters, n) {
        struct thread *t = waiter(n);
        if (t->wait_exclusive && (best == NULL || t->priority > best->priority)) {
            best = t;
        }
    }
    return best;
}

static bool hand_to_writer_locked(struct rwlock *l) REQUIRES(l->queue.lock)
{
    struct thread *t;
    while ((t = next_writer_locked(l)) != NULL) {
        if (wake_locked_one(t)) {
            set_word_locked(l, word_locked(l) | WRITER);
            return true;
        }
    }
    return false;
}

/* Phase-fair: a reader waits if a writer waits, so a stream of readers cannot starve it.
 * hand_to_readers_locked() runs when a writer leaves, so writers cannot starve readers. */
static bool may_enter_locked(struct rwlock *l, bool writes) REQUIRES(l->queue.lock)
{
    uint32_t word = word_locked(l);
    return writes ? (word & ~QUEUED) == 0 : (word & WRITER) == 0 && next_writer_locked(l) == NULL;
}

/* --- locking --- */

/** A writer that stops waiting may have kept readers out; let them in. */
static void give_up_waiting(struct rwlock *l)
{
    irq_state_t state = spin_lock_irq(&l->queue.lock);
    stop_others_locked(l);
    if (may_enter_locked(l, false)) {
        (void)hand_to_readers_locked(l);
    }
    spin_unlock_irq(&l->queue.lock, state);
}

static NOINLINE enum status acquire_slowly(struct rwlock *l, bool writes, uint64_t deadline_ns,
                                           bool cancellable) NO_LOCK_ANALYSIS
{
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    spin_lock_masked(&l->queue.lock);
    stop_others_locked(l);
    if (!may_enter_locked(l, writes)) {
        thread_current()->wait_exclusive = writes;
        enum status s = wait_for_handoff_locked(&l->queue, deadline_ns, cancellable);
        if (UNLIKELY(s != OK)) {
            give_up_waiting(l);
        }
        return s;
    }
    uint32_t mine = writes ? WRITER : READER;
    uint32_t queued = list_is_empty(&l->queue.waiters) ? 0 : QUEUED;
    set_word_locked(l, ((word_locked(l) + mine) & ~QUEUED) | queued);
    spin_unlock_masked(&l->queue.lock);
    hal_irq_enable();
    preempt_check();
    return OK;
}

static ALWAYS_INLINE bool acquire_at_once(struct rwlock *l, bool writes)
{
    uint32_t word = 0;
    if (writes) {
        return LIKELY(atomic_compare_exchange_strong_explicit(
            &l->word, &word, WRITER, memory_order_acquire, memory_order_relaxed));
    }
    word = atomic_load_explicit(&l->word, memory_order_relaxed);
    while (LIKELY((word & (WRITER | QUEUED)) == 0)) {
        if (LIKELY(atomic_compare_exchange_weak_explicit(
                &l->word, &word, word + READER, memory_order_acquire, memory_order_relaxed))) {
            return true;
        }
    }
    return false;
}

static ALWAYS_INLINE enum status acquire(struct rwlock *l, bool writes, uint64_t deadline_ns,
                                         bool cancellable)
{
    lockcheck_rwlock_acquiring(l);
    if (UNLIKELY(!acquire_at_once(l, writes))) {
        enum status s = acquire_slowly(l, writes, deadline_ns, cancellable);
        if (UNLIKELY(s != OK)) {
            return s;
        }
    }
    lockcheck_rwlock_acquired(l);
    thread_current()->locks_held++;
    atomic_signal_fence(memory_order_seq_cst); /* fault and interrupt handlers read it */
    return OK;
}

static bool acquire_until(struct rwlock *l, bool writes, uint64_t deadline_ns, enum status *why)
{
    enum status s = acquire(l, writes, deadline_ns, true);
    if (s != OK && why != NULL) {
        *why = s;
    }
    return s == OK;
}

void rwlock_read(struct rwlock *l) NO_LOCK_ANALYSIS
{
    (void)!acquire(l, false, WAIT_FOREVER, false);
}

bool rwlock_read_until(struct rwlock *l, uint64_t deadline_ns, enum status *why) NO_LOCK_ANALYSIS
{
    return acquire_until(l, false, deadline_ns, why);
}

void rwlock_write(struct rwlock *l) NO_LOCK_ANALYSIS
{
    (void)!acquire(l, true, WAIT_FOREVER, false);
}

bool rwlock_write_until(struct rwlock *l, uint64_t deadline_ns, enum status *why) NO_LOCK_ANALYSIS
{
    return acquire_until(l, true, deadline_ns, why);
}

/* --- releasing --- */

static void leave(struct rwlock *l)
{
    atomic_signal_fence(memory_order_seq_cst);
    thread_current()->locks_held--;
    lockcheck_rwlock_releasing(l);
}

static NOINLINE void end_read_slowly(struct rwlock *l)
{
    irq_state_t state = spin_lock_irq(&l->queue.lock);
    stop_others_locked(l);
    set_word_locked(l, word_locked(l) - READER);
    if (word_locked(l) == QUEUED && !hand_to_writer_locked(l)) {
        (void)hand_to_readers_locked(l);
    }
    spin_unlock_irq(&l->queue.lock, state);
}

void rwlock_end_read(struct rwlock *l) NO_LOCK_ANALYSIS
{
    leave(l);
    uint32_t word = atomic_load_explicit(&l->word, memory_order_relaxed);
    DASSERT(word >= READER);
    while (LIKELY((word & QUEUED) == 0)) {
        if (LIKELY(atomic_compare_exchange_weak_explicit(
                &l->word, &word, word - READER, memory_order_release, memory_order_relaxed))) {
            return;
        }
    }
    end_read_slowly(l);
}

static NOINLINE void end_write_slowly(struct rwlock *l)
{
    irq_state_t state = spin_lock_irq(&l->queue.lock);
    set_word_locked(l, word_locked(l) - WRITER);
    if (hand_to_readers_locked(l) == 0) {
        (void)hand_to_writer_locked(l);
    }
    spin_unlock_irq(&l->queue.lock, state);
}

void rwlock_end_write(struct rwlock *l) NO_LOCK_ANALYSIS
{
    leave(l);
    uint32_t word = WRITER;
    DASSERT((atomic_load_explicit(&l->word, memory_order_relaxed) & WRITER) != 0);
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(&l->word, &word, 0, memory_order_release,
                                                          memory_order_relaxed))) {
        end_write_slowly(l);
    }
}
