// SPDX-License-Identifier: MIT
//
// Spinlocks, and the lock order of the whole kernel:
//
//   1 vfs mount and directory locks (mutex)      5 block queue, interrupt line, thread lists
//   2 device binding, then loader registry,      6 wait queues, then wait sets, then console
//     random seed, programs, types (mutexes)       input, then keyboard, then the work list, then
//                                                  inherited priorities, then run queue
//   3 vm range tree, then message lines,         7 timer queue, ITS commands, PCI ports
//     pages of disks (page_cache.c), shared
//     libraries (cil/run/library.c)
//   4 heap, page allocator                       8 console output, then its device, then log (leaf:
//                                                  taken under anything)
//
// A lock is taken only while locks of smaller numbers are held. A lock that an interrupt handler
// takes is always taken with interrupts masked: spin_lock_irq(). Never hold a spinlock across what
// may sleep. Debug builds see orders, contexts and sleeps as they run: lockcheck.h.
#pragma once

#include "hal/cpu.h"
#include "kernel/base/assert.h"
#include "kernel/debug/lockcheck.h"
#include "kernel/debug/preempt_points.h"

#include <stdatomic.h>

/**
 * A queued lock: CPUs get it in the order in which they asked, and each waits on a word of its own,
 * so that waiters do not all read the lock at each hand-over. An uncontended lock takes one
 * compare-and-swap, an unlock one store.
 */
struct LOCKABLE spinlock {
    union {
        /* 0: free. Byte 0: 1 while held. Upper half: the last waiter in the queue, 0: none. Acquire
         * pairs with the release store of the unlock. */
        _Atomic uint32_t word;
        /* byte 0 of `word`, for the release of the unlock: both machines are little-endian */
        _Atomic uint8_t held;
    };
#ifdef HALYARD_DEBUG
    const char *site; /* set before use: the lock checker's name for this lock and all like it */
    /* the checker's; 0: not looked up yet. Relaxed: every lookup finds the same */
    _Atomic uint8_t class;
#endif
};

/** A free lock. The lock checker groups locks by `name`, a static string. */
#ifdef HALYARD_DEBUG
#define SPINLOCK_INIT_NAMED(name)                                                                  \
    {                                                                                              \
        {0}, (name), 0                                                                             \
    }
#else
#define SPINLOCK_INIT_NAMED(name)                                                                  \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#endif
#define SPINLOCK_LINE_TEXT(line)  #line
#define SPINLOCK_SITE(file, line) file ":" SPINLOCK_LINE_TEXT(line)

/** A free lock, named after the place where this is written. */
#define SPINLOCK_INIT SPINLOCK_INIT_NAMED(SPINLOCK_SITE(__FILE__, __LINE__))

/** @brief Lock with preemption off. For locks that no interrupt handler takes.
 * @context{thread} */
void spin_lock(struct spinlock *lock) ACQUIRES(*lock);
void spin_unlock(struct spinlock *lock) RELEASES(*lock);

/** @brief Lock with interrupts masked; pass the result to spin_unlock_irq(). @context{any} */
irq_state_t spin_lock_irq(struct spinlock *lock) ACQUIRES(*lock);
/** Unlock; switches threads if that unmasks interrupts and a switch is due (preempt_check()). */
void spin_unlock_irq(struct spinlock *lock, irq_state_t state) RELEASES(*lock);

/** Private: the lock is held or has waiters: enter the queue. Interrupts or preemption are off. */
COLD_CALL void spin_lock_queued(struct spinlock *lock);

/** @brief As spin_lock_irq(), where interrupts are masked already: there is no state to restore,
 *     and the unlock does not switch threads. Inline: the scheduler's hot paths use it.
 * @context{IRQ, or interrupts masked} */
static ALWAYS_INLINE void spin_lock_masked(struct spinlock *lock) ACQUIRES(*lock) NO_LOCK_ANALYSIS
{
    DASSERT(!hal_irqs_enabled());
    lockcheck_spin_acquiring(lock);
    preempt_point(PREEMPT_LOCK);
    uint32_t free = 0;
    /* Weak: if it fails spuriously, the queue works, too. */
    if (UNLIKELY(!atomic_compare_exchange_weak_explicit(&lock->word, &free, 1, memory_order_acquire,
                                                        memory_order_relaxed))) {
        spin_lock_queued(lock);
    }
    lockcheck_spin_acquired(lock);
    preempt_point(PREEMPT_LOCKED);
}

/** @brief Take the lock if it is free now. @return false: it is not.
 *     @context{IRQ, or interrupts masked} */
static inline bool spin_try_lock_masked(struct spinlock *lock)
    TRY_ACQUIRES(true, *lock) NO_LOCK_ANALYSIS
{
    DASSERT(!hal_irqs_enabled());
    uint32_t free = 0;
    bool taken = atomic_compare_exchange_strong_explicit(
        &lock->word, &free, 1, memory_order_acquire, memory_order_relaxed);
    if (taken) {
        lockcheck_spin_try_acquired(lock);
    }
    return taken;
}

static ALWAYS_INLINE void spin_unlock_masked(struct spinlock *lock) RELEASES(*lock) NO_LOCK_ANALYSIS
{
    DASSERT(atomic_load_explicit(&lock->held, memory_order_relaxed) != 0);
    lockcheck_spin_releasing(lock);
    /* Only the byte: other CPUs may change the upper half meanwhile. This is the last
     * access; another CPU may free the lock's memory from here on. Pairs with the acquire of
     * the next holder. */
    atomic_store_explicit(&lock->held, 0, memory_order_release);
    lockcheck_released();
    preempt_point(PREEMPT_UNLOCK);
}

/**
 * @brief Wait until the current holder of the lock, if there is one, has released it.
 *
 * For a thread that a holder woke and that goes on without the lock: after this, that holder no
 * longer accesses the lock, whose memory may be freed.
 * @context{interrupts masked; the caller does not hold the lock}
 */
static ALWAYS_INLINE void spin_wait_released(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    /* Acquire pairs with the release store of the unlock. */
    if (UNLIKELY(atomic_load_explicit(&lock->word, memory_order_acquire) != 0)) {
        spin_lock_masked(lock);
        spin_unlock_masked(lock);
    }
}

/** @brief True if the lock is held. For assertions. @context{any} */
bool spin_is_locked(const struct spinlock *lock);

/** @brief Install the function that switches to a better thread. It is called with interrupts
 *     enabled and preemption on, when a switch is due. @context{early, before one can be due} */
void preempt_install(void (*preempt)(void));

/** Private: a switch is due; do it if preemption is on and interrupts are enabled. */
COLD_CALL void preempt_if_possible(void);

/** @brief Switch now if a switch is due, preemption is on and interrupts are enabled. For unlock
 *     functions: a thread that became ready under a lock runs as soon as the lock is released.
 * @context{any} */
static ALWAYS_INLINE void preempt_check(void)
{
    preempt_point(PREEMPT_ENABLED);
    if (UNLIKELY(hal_is_switch_due())) {
        preempt_if_possible();
    }
}

/** @brief Prevent involuntary switches until preempt_enable(), which switches if one is due. Nests.
 * @context{any} */
static inline void preempt_disable(void)
{
    hal_preempt_count(1);
    /* Keeps later accesses after the count; only interrupts on this CPU read it. */
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void preempt_enable(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    hal_preempt_count(-1);
    preempt_check();
}
