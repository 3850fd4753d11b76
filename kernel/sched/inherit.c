// SPDX-License-Identifier: MIT
//
// Priority inheritance. A thread's priority is the best of its own (`base_priority`) and of those
// for which it inherits: each mutex that it holds and that others wait for is in its list, with the
// best priority among these.
//
// One lock for all of it, because a chain of holders that wait for each other goes through any
// number of mutexes. It is taken only where a thread is about to wait, or has kept one waiting.
// Whoever is found as the owner of a mutex that is waited for stays so for as long as the lock is
// held: its word becomes free only under it.

#include "kernel/sched/inherit_internal.h"

#include "kernel/sched/sched_internal.h"

/* Taken under wait queues' locks; run queues' locks are taken under it. Interrupts masked. */
static struct spinlock lock = SPINLOCK_INIT;

static uint8_t best_inherited(const struct thread *t)
{
    uint8_t best = t->base_priority;
    LIST_FOR_EACH (&t->inherits, n) {
        best = MAX(best, CONTAINER_OF(n, struct mutex, held_link)->inherited);
    }
    return best;
}

/** Whoever holds `m` inherits, and whom that one waits for, and so on. Ends where nobody gets a
 * better priority by it: in a circle of threads, after one round. */
static void inherit_along_locked(struct mutex *m, uint8_t priority)
{
    while (m != NULL) {
        struct thread *owner = mutex_owner(m);
        if (owner == NULL) {
            return; /* who is woken for it asks again, of who has it then */
        }
        m->inherited = MAX(m->inherited, priority);
        if (!list_is_linked(&m->held_link)) {
            list_push_back(&owner->inherits, &m->held_link);
        }
        if (owner->priority >= priority) {
            return;
        }
        sched_apply_priority(owner, priority);
        m = owner->waits_for;
    }
}

void inherit_wait(struct mutex *m, struct thread *self)
{
    spin_lock_masked(&lock);
    self->waits_for = m;
    inherit_along_locked(m, self->priority);
    spin_unlock_masked(&lock);
}

/* Whom the holder waits for in turn keeps what came along the chain until it gives its own mutex
 * up: the waiters of that one are under another queue's lock. */
void inherit_give_up(struct mutex *m, struct thread *self)
{
    spin_lock_masked(&lock);
    self->waits_for = NULL;
    struct thread *owner = mutex_owner(m);
    if (owner != NULL) {
        m->inherited = PRIO_IDLE;
        LIST_FOR_EACH (&m->queue.waiters, n) {
            uint8_t priority = CONTAINER_OF(n, struct thread, wait_link)->priority;
            m->inherited = MAX(m->inherited, priority);
        }
        uint8_t priority = best_inherited(owner);
        if (priority != owner->priority) {
            sched_apply_priority(owner, priority);
        }
    }
    spin_unlock_masked(&lock);
}

void inherit_wake(struct thread *woken)
{
    spin_lock_masked(&lock);
    if (woken != NULL) {
        woken->waits_for = NULL;
    }
    spin_unlock_masked(&lock);
}

void inherit_take(struct mutex *m)
{
    spin_lock_masked(&lock);
    LIST_FOR_EACH (&m->queue.waiters, n) {
        inherit_along_locked(m, CONTAINER_OF(n, struct thread, wait_link)->priority);
    }
    spin_unlock_masked(&lock);
}

/* Who waits for a mutex is in its queue, and bit 0 of the owner word is set: whoever takes it next
 * cannot give it up but through here. A woken thread is in no queue. If it still counted as waiting
 * until it runs, a chain that ends in it would go on to whoever took the mutex past it, who gives
 * it up without a look: with a priority that nobody takes back, and in its list a mutex that may be
 * gone. */
void inherit_release(struct mutex *m, struct thread *self, struct thread *free,
                     struct thread *woken)
{
    spin_lock_masked(&lock);
    if (woken != NULL) {
        woken->waits_for = NULL;
    }
    if (list_is_linked(&m->held_link)) {
        list_remove(&m->held_link);
    }
    m->inherited = PRIO_IDLE;
    /* Pairs with the acquire of who takes it. */
    atomic_store_explicit(&m->owner, free, memory_order_release);
    uint8_t priority = best_inherited(self);
    if (priority != self->priority) {
        sched_apply_priority(self, priority);
    }
    spin_unlock_masked(&lock);
}

void thread_set_priority(struct thread *t, uint8_t priority)
{
    ASSERT(priority > PRIO_IDLE && priority < PRIO_COUNT);
    irq_state_t state = spin_lock_irq(&lock);
    t->base_priority = priority;
    uint8_t effective = best_inherited(t);
    sched_apply_priority(t, effective);
    inherit_along_locked(t->waits_for, effective);
    spin_unlock_irq(&lock, state);
}
