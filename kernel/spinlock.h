// SPDX-License-Identifier: MIT
//
// Spinlocks, and the lock order of the whole kernel:
//
//   1 vfs mount and directory locks (mutex)      5 block queue, interrupt line, thread list
//   2 device binding, then loader registry,      6 wait queues, then console input, then keyboard,
//     random seed, programs, types (mutexes)       then the work list, then run queue
//   3 vm range tree, then message lines          7 timer queue, ITS commands, PCI ports
//   4 heap, page allocator                       8 console output, then its device, then log (leaf:
//                                                  taken under anything)
//
// A lock is taken only while locks of smaller numbers are held. A lock that an interrupt handler
// takes is always taken with interrupts masked: spin_lock_irq(). Never hold a spinlock across what
// may sleep.
#pragma once

#include "hal/cpu.h"
#include "kernel/assert.h"

#include <stdatomic.h>

/** A ticket lock: CPUs enter in the order they asked. */
struct LOCKABLE spinlock {
    _Atomic uint16_t next; /* ticket to draw; relaxed, the wait on `owner` orders */
    _Atomic uint16_t
        owner; /* ticket being served; release store pairs with the waiter's acquire load */
};

#define SPINLOCK_INIT                                                                              \
    {                                                                                              \
        0, 0                                                                                       \
    }

/** @brief Take the lock with preemption off. For locks that no interrupt handler takes.
 * @context{thread} */
void spin_lock(struct spinlock *lock) ACQUIRES(*lock);
void spin_unlock(struct spinlock *lock) RELEASES(*lock);

/** @brief Take the lock with interrupts masked; give the result to spin_unlock_irq(). @context{any}
 */
irq_state_t spin_lock_irq(struct spinlock *lock) ACQUIRES(*lock);
/** Switches threads if that unmasks interrupts and a switch is due (preempt_check()). */
void spin_unlock_irq(struct spinlock *lock, irq_state_t state) RELEASES(*lock);

/** @brief As spin_lock_irq(), where interrupts are masked anyway: nothing to remember, and nothing
 * is switched when it is given up. @context{IRQ, or interrupts masked} */
void spin_lock_masked(struct spinlock *lock) ACQUIRES(*lock);
void spin_unlock_masked(struct spinlock *lock) RELEASES(*lock);

/** @brief True if somebody holds the lock. For assertions. @context{any} */
bool spin_is_locked(const struct spinlock *lock);

/** The scheduler's: switch to the best ready thread if it is better. Interrupts are enabled,
 * preemption is on. */
void sched_preempt(void);

/** @brief Switch now if a switch is due, preemption is on and interrupts are enabled. For the
 * unlock functions: a thread that was made ready under a lock runs as soon as the lock is free.
 * @context{any} */
static inline void preempt_check(void)
{
    struct hal_cpu *cpu = hal_this_cpu();
    if (UNLIKELY(cpu->need_resched) && cpu->preempt_off == 0 && hal_irqs_enabled()) {
        sched_preempt();
    }
}

/** @brief No involuntary switch until preempt_enable(), which switches if one is due. Nests.
 * @context{any} */
static inline void preempt_disable(void)
{
    hal_this_cpu()->preempt_off++;
    /* What follows must not move above the count; an interrupt on this CPU is who looks. */
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void preempt_enable(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    hal_this_cpu()->preempt_off--;
    preempt_check();
}
