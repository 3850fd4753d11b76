// SPDX-License-Identifier: MIT
//
// Ticket spinlocks. Which lock may be taken under which is written at the top of spinlock.h.

#include "kernel/spinlock.h"

/* Seconds: nobody holds a lock that long, so its holder waits for us, or is us. */
#define SPINS_MAX ((uint32_t)1 << 27)

static NOINLINE void wait_for(const struct spinlock *lock, uint16_t ticket)
{
    for (uint32_t spins = 0; atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket;
         spins++) {
        if (spins == SPINS_MAX) {
            panic("spinlock: %p is never given up: taken twice, or in the wrong order",
                  (const void *)lock);
        }
        hal_cpu_relax();
    }
}

static void acquire(struct spinlock *lock)
{
    uint16_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    if (UNLIKELY(atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket)) {
        wait_for(lock, ticket);
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

void spin_lock_masked(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    DASSERT(!hal_irqs_enabled());
    acquire(lock);
}

void spin_unlock_masked(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    release(lock);
}

bool spin_is_locked(const struct spinlock *lock)
{
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) !=
           atomic_load_explicit(&lock->next, memory_order_relaxed);
}
