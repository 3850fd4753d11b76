// SPDX-License-Identifier: MIT
//
// Ticket spinlocks. Which lock may be taken under which is written at the top of spinlock.h.

#include "kernel/spinlock.h"

static void acquire(struct spinlock *lock)
{
    uint16_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    while (UNLIKELY(atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket)) {
        hal_cpu_relax();
    }
}

static void release(struct spinlock *lock)
{
    uint16_t owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    DASSERT(owner != atomic_load_explicit(&lock->next, memory_order_relaxed));
    atomic_store_explicit(&lock->owner, (uint16_t)(owner + 1), memory_order_release);
}

void spin_lock(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    preempt_disable();
    acquire(lock);
}

void spin_unlock(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    release(lock);
    preempt_enable();
}

irq_state_t spin_lock_irq(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    irq_state_t state = hal_irq_save();
    acquire(lock);
    return state;
}

void spin_unlock_irq(struct spinlock *lock, irq_state_t state) NO_LOCK_ANALYSIS
{
    release(lock);
    hal_irq_restore(state);
    preempt_check();
}

bool spin_is_locked(const struct spinlock *lock)
{
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) !=
           atomic_load_explicit(&lock->next, memory_order_relaxed);
}
