// SPDX-License-Identifier: MIT
//
// The slow path of queued spinlocks: the lock is held, or other CPUs wait for it. The lock order is
// at the top of spinlock.h.

#include "kernel/base/spinlock.h"

/* This is an MCS lock squeezed into 32 bits. Byte 0 of the word is 1 while the lock is held; the
 * upper half is the tail: the number of the last node in the queue, or 0. Each waiting CPU has a
 * node, and another one for each interrupt that waits for a lock while it waits.
 *
 * 1. enter() swaps the own node in as the tail. The previous tail is the node before it.
 * 2. If there is one, link to it (before->next) and spin on the own node's `turn`. Only the
 *    first in the queue spins on the lock's word, so a contended lock causes no traffic between
 *    all its waiters.
 * 3. The first one waits until byte 0 is 0, then sets it (acquire_as_first()). If its node is still
 *    the tail, it clears the tail in the same operation, and the queue is empty. Otherwise it
 *    passes the turn to the next node.
 *
 * While the tail is not 0, no CPU takes the lock outside the queue: the fast path compares the
 * whole word with 0. Unlock stores 0 to byte 0 only, so it cannot overwrite a tail that another CPU
 * has just set. */

/* Seconds. No lock is held that long: the holder waits for this CPU, or is this CPU. */
#define SPINS_MAX ((uint32_t)1 << 27)

#define HELD       UINT32_C(1)
#define HELD_MASK  UINT32_C(0xff)
#define TAIL_SHIFT 16

#define DEPTH_MAX 4u /* thread, interrupt, non-maskable interrupt, fault in one of them */

/* Field protection: [o] the CPU that waits on it   [p] the CPU after it in the queue, once */
struct node {
    /* [p] the node after this one. Release pairs with the acquire in pass_turn(): the node that is
     *     linked has been initialised. */
    _Atomic(struct node *) next;
    /* [o] cleared before the node is queued. Set to 1 by the CPU before it; release pairs with the
     *     acquire in wait_for_turn(), so the earlier critical sections are visible. */
    _Atomic uint32_t turn;
};

STATIC_ASSERT(CPU_MAX *DEPTH_MAX < UINT32_C(1) << (32 - TAIL_SHIFT), "a tail has 16 bits");

static struct {
    struct node nodes[DEPTH_MAX];
    uint32_t depth; /* [o] nodes in use; an interrupt restores it before it returns */
} ALIGNED(64) waiting[CPU_MAX];

static struct node *node_of(uint32_t tail)
{
    return &waiting[(tail - 1) / DEPTH_MAX].nodes[(tail - 1) % DEPTH_MAX];
}

static void spin_once(const struct spinlock *lock, uint32_t *spins)
{
    if (++*spins == SPINS_MAX) {
        panic("spinlock: %p stays locked: locked twice by one CPU, or a deadlock",
              (const void *)lock);
    }
    hal_cpu_relax();
}

/** Append the node to the queue. @return the previous tail; 0: the node is the first. */
static uint32_t enter(struct spinlock *lock, uint32_t tail)
{
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    /* Release: the next CPU writes to the node, which was initialised before. */
    while (!atomic_compare_exchange_weak_explicit(&lock->word, &word,
                                                  (word & HELD_MASK) | tail << TAIL_SHIFT,
                                                  memory_order_acq_rel, memory_order_relaxed)) {
    }
    return word >> TAIL_SHIFT;
}

/** The node is the first: take the lock once it is free. @return true: no other CPU is queued. */
static bool acquire_as_first(struct spinlock *lock, uint32_t tail)
{
    uint32_t spins = 0;
    for (;;) {
        uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
        if ((word & HELD_MASK) != 0) {
            spin_once(lock, &spins);
        } else if (word == tail << TAIL_SHIFT) {
            if (atomic_compare_exchange_weak_explicit(&lock->word, &word, HELD,
                                                      memory_order_acquire, memory_order_relaxed)) {
                return true;
            }
        } else {
            /* No CPU sets byte 0 in between: while there is a queue, only its first node may. */
            (void)atomic_fetch_or_explicit(&lock->word, HELD, memory_order_acquire);
            return false;
        }
    }
}

static void wait_for_turn(const struct spinlock *lock, struct node *n, struct node *before)
{
    uint32_t spins = 0;
    atomic_store_explicit(&before->next, n, memory_order_release);
    while (atomic_load_explicit(&n->turn, memory_order_acquire) == 0) {
        spin_once(lock, &spins);
    }
}

static void pass_turn(const struct spinlock *lock, struct node *n)
{
    uint32_t spins = 0;
    struct node *next;
    /* The next CPU is in the queue, but may not have linked its node yet. */
    while ((next = atomic_load_explicit(&n->next, memory_order_acquire)) == NULL) {
        spin_once(lock, &spins);
    }
    atomic_store_explicit(&next->turn, 1, memory_order_release);
}

COLD_CALL void spin_lock_queued(struct spinlock *lock)
{
    cpu_t cpu = hal_this_cpu()->id;
    uint32_t depth = waiting[cpu].depth++;
    ASSERT(depth < DEPTH_MAX);
    atomic_signal_fence(memory_order_seq_cst); /* an interrupt from here on uses the next node */
    struct node *n = &waiting[cpu].nodes[depth];
    atomic_store_explicit(&n->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&n->turn, 0, memory_order_relaxed);
    uint32_t tail = cpu * DEPTH_MAX + depth + 1;
    uint32_t before = enter(lock, tail);
    if (before != 0) {
        wait_for_turn(lock, n, node_of(before));
    }
    if (!acquire_as_first(lock, tail)) {
        pass_turn(lock, n);
    }
    atomic_signal_fence(memory_order_seq_cst);
    waiting[cpu].depth = depth;
}

/* As spin_lock_masked(), with preemption off instead of interrupts masked. */
static void acquire(struct spinlock *lock)
{
    lockcheck_spin_acquiring(lock);
    uint32_t free = 0;
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &lock->word, &free, HELD, memory_order_acquire, memory_order_relaxed))) {
        spin_lock_queued(lock);
    }
    lockcheck_spin_acquired(lock);
}

void spin_lock(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    preempt_point(PREEMPT_LOCK);
    preempt_disable();
    acquire(lock);
    preempt_point(PREEMPT_LOCKED);
}

void spin_unlock(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    spin_unlock_masked(lock);
    preempt_enable();
}

irq_state_t spin_lock_irq(struct spinlock *lock) NO_LOCK_ANALYSIS
{
    preempt_point(PREEMPT_LOCK); /* while a switch is still possible */
    irq_state_t state = hal_irq_save();
    spin_lock_masked(lock);
    return state;
}

void spin_unlock_irq(struct spinlock *lock, irq_state_t state) NO_LOCK_ANALYSIS
{
    spin_unlock_masked(lock);
    hal_irq_restore(state);
    preempt_check();
}

/* [I] the scheduler's, before it can be needed */
static void (*preempt)(void);

void preempt_install(void (*fn)(void))
{
    preempt = fn;
}

COLD_CALL void preempt_if_possible(void)
{
    /* The thread may migrate between the checks, to a CPU on which no switch is due; that is
     * harmless, because preempt() checks again. */
    if (hal_this_cpu()->preempt_off == 0 && hal_irqs_enabled()) {
        preempt();
    }
}

bool spin_is_locked(const struct spinlock *lock)
{
    return atomic_load_explicit(&lock->held, memory_order_relaxed) != 0;
}
