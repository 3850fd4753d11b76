// SPDX-License-Identifier: MIT
//
// Queued spinlocks: what happens when somebody is there already. Which lock may be taken under
// which is written at the top of spinlock.h.
//
// The queue is a list of nodes, one a waiting CPU (and one more for each interrupt that came while
// it waited), with its end in the upper half of the lock's word. The first in the queue waits for
// the holder's byte to become 0; each other waits on its own node, until the one before it has the
// lock. As long as the upper half is not 0 nobody takes the lock from outside of the queue.

#include "kernel/base/spinlock.h"

/* Seconds: nobody holds a lock that long, so its holder waits for us, or is us. */
#define SPINS_MAX ((uint32_t)1 << 27)

#define HELD       UINT32_C(1)
#define HELD_MASK  UINT32_C(0xff)
#define TAIL_SHIFT 16

#define DEPTH_MAX 4u /* thread, interrupt, non-maskable interrupt, fault in one of them */

/* Field protection:  [o] the CPU that waits on it   [p] the CPU behind it in the queue, once */
struct node {
    /* [p] who waits behind; release pairs with the acquire of who passes the turn on */
    _Atomic(struct node *) next;
    /* [o] cleared before the node is in a queue. Set by the CPU before it: release, pairs with the
     * acquire of the wait: what was done under the lock up to then is seen */
    _Atomic uint32_t turn;
};

STATIC_ASSERT(CPU_MAX *DEPTH_MAX < UINT32_C(1) << (32 - TAIL_SHIFT), "a tail has 16 bits");

static struct {
    struct node nodes[DEPTH_MAX];
    uint32_t depth; /* [o] nodes in use; an interrupt puts it back before it returns */
} ALIGNED(64) waiting[CPU_MAX];

static struct node *node_of(uint32_t tail)
{
    return &waiting[(tail - 1) / DEPTH_MAX].nodes[(tail - 1) % DEPTH_MAX];
}

static void spin_once(const struct spinlock *lock, uint32_t *spins)
{
    if (++*spins == SPINS_MAX) {
        panic("spinlock: %p is never given up: taken twice, or in the wrong order",
              (const void *)lock);
    }
    hal_cpu_relax();
}

/** Put the node at the end. @return the tail before it; 0: it is the first. */
static uint32_t enter(struct spinlock *lock, uint32_t tail)
{
    uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
    /* Release: who follows writes into the node, which was cleared before. */
    while (!atomic_compare_exchange_weak_explicit(&lock->word, &word,
                                                  (word & HELD_MASK) | tail << TAIL_SHIFT,
                                                  memory_order_acq_rel, memory_order_relaxed)) {
    }
    return word >> TAIL_SHIFT;
}

/** The node is the first. Take the lock once it is free. @return nobody waits behind it. */
static bool take(struct spinlock *lock, uint32_t tail)
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
            /* The byte stays 0: only the first in the queue sets it while there is one. */
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
    /* It is in the queue, and about to say where. */
    while ((next = atomic_load_explicit(&n->next, memory_order_acquire)) == NULL) {
        spin_once(lock, &spins);
    }
    atomic_store_explicit(&next->turn, 1, memory_order_release);
}

SELDOM_CALLED void spin_lock_queued(struct spinlock *lock)
{
    cpu_t cpu = hal_this_cpu()->id;
    uint32_t depth = waiting[cpu].depth++;
    ASSERT(depth < DEPTH_MAX);
    atomic_signal_fence(memory_order_seq_cst); /* an interrupt from here on takes the next node */
    struct node *n = &waiting[cpu].nodes[depth];
    atomic_store_explicit(&n->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&n->turn, 0, memory_order_relaxed);
    uint32_t tail = cpu * DEPTH_MAX + depth + 1;
    uint32_t before = enter(lock, tail);
    if (before != 0) {
        wait_for_turn(lock, n, node_of(before));
    }
    if (!take(lock, tail)) {
        pass_turn(lock, n);
    }
    atomic_signal_fence(memory_order_seq_cst);
    waiting[cpu].depth = depth;
}

/* With preemption off instead of interrupts masked: the same words. */
static void acquire(struct spinlock *lock)
{
    lockcheck_spin_wants(lock);
    uint32_t free = 0;
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &lock->word, &free, HELD, memory_order_acquire, memory_order_relaxed))) {
        spin_lock_queued(lock);
    }
    lockcheck_spin_has(lock);
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
    preempt_point(PREEMPT_LOCK); /* where a switch is possible, still */
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

SELDOM_CALLED void preempt_if_possible(void)
{
    /* The CPU may be another at each look, and then no switch is due any more. */
    if (hal_this_cpu()->preempt_off == 0 && hal_irqs_enabled()) {
        sched_preempt();
    }
}

bool spin_is_locked(const struct spinlock *lock)
{
    return atomic_load_explicit(&lock->held, memory_order_relaxed) != 0;
}
