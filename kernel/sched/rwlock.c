// SPDX-License-Identifier: MIT
//
// Reader-writer lock. While nobody waits: one compare-and-swap each way.
//
// Bit 0 of the word sends everybody through the queue's lock, and stays set when somebody leaves
// that way, for the reason that is given at the top of mutex.c: who comes next must not be through
// with the lock, and its memory, before the queue's lock has been given up. Who takes the lock
// through the queue and sees nobody waiting clears it.
//
// The lock is handed over: who leaves last makes those that go next its holders, and wakes them. It
// counts only those whose wait it has ended; one whose time is over at the same moment is not
// among them, and takes itself out of the queue.

#include "kernel/sched/rwlock.h"

#include "kernel/sched/switch_internal.h"

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

/* --- under the queue's lock, with bit 0 set: the word is the holder's of the lock --- */

/** From here on all come this way. Who has come because bit 0 was set says so again: who was before
 * it in the queue's lock may have cleared it. Acquire: who left until now did so without that lock.
 */
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
    /* Release: of who clears bit 0, what it knows of the last holders. */
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

/** @return how many now have it. */
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

/** The best one, the first among equals. */
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

static bool may_enter_locked(struct rwlock *l, bool writes) REQUIRES(l->queue.lock)
{
    uint32_t word = word_locked(l);
    return writes ? (word & ~QUEUED) == 0 : (word & WRITER) == 0 && next_writer_locked(l) == NULL;
}

/* --- taking --- */

/** A writer that waits no more may have kept readers out. */
static void give_up_waiting(struct rwlock *l)
{
    irq_state_t state = spin_lock_irq(&l->queue.lock);
    stop_others_locked(l);
    if (may_enter_locked(l, false)) {
        (void)hand_to_readers_locked(l);
    }
    spin_unlock_irq(&l->queue.lock, state);
}

static NOINLINE enum status take_slowly(struct rwlock *l, bool writes, uint64_t deadline_ns,
                                        bool cancellable) NO_LOCK_ANALYSIS
{
    DASSERT(hal_irqs_enabled());
    hal_irq_disable();
    spin_lock_masked(&l->queue.lock);
    stop_others_locked(l);
    if (!may_enter_locked(l, writes)) {
        thread_current()->wait_exclusive = writes;
        enum status s = wait_handed_locked(&l->queue, deadline_ns, cancellable);
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

static ALWAYS_INLINE bool take_at_once(struct rwlock *l, bool writes)
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

static ALWAYS_INLINE enum status take(struct rwlock *l, bool writes, uint64_t deadline_ns,
                                      bool cancellable)
{
    lockcheck_rwlock_wants(l);
    if (UNLIKELY(!take_at_once(l, writes))) {
        enum status s = take_slowly(l, writes, deadline_ns, cancellable);
        if (UNLIKELY(s != OK)) {
            return s;
        }
    }
    lockcheck_rwlock_has(l);
    thread_current()->locks_held++;
    atomic_signal_fence(memory_order_seq_cst); /* faults and interrupts look at it */
    return OK;
}

static bool take_until(struct rwlock *l, bool writes, uint64_t deadline_ns, enum status *why)
{
    enum status s = take(l, writes, deadline_ns, true);
    if (s != OK && why != NULL) {
        *why = s;
    }
    return s == OK;
}

void rwlock_read(struct rwlock *l) NO_LOCK_ANALYSIS
{
    (void)!take(l, false, WAIT_FOREVER, false);
}

bool rwlock_read_until(struct rwlock *l, uint64_t deadline_ns, enum status *why) NO_LOCK_ANALYSIS
{
    return take_until(l, false, deadline_ns, why);
}

void rwlock_write(struct rwlock *l) NO_LOCK_ANALYSIS
{
    (void)!take(l, true, WAIT_FOREVER, false);
}

bool rwlock_write_until(struct rwlock *l, uint64_t deadline_ns, enum status *why) NO_LOCK_ANALYSIS
{
    return take_until(l, true, deadline_ns, why);
}

/* --- giving up --- */

static void leave(struct rwlock *l)
{
    atomic_signal_fence(memory_order_seq_cst);
    thread_current()->locks_held--;
    lockcheck_rwlock_gives(l);
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
