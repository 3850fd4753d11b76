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

#include "hal/context.h"
#include "hal/timer.h"
#include "hal/trap.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched_internal.h"
#include "kernel/sched/watchdog.h"

/* Taken under wait queues' locks; run queues' locks are taken under it. Interrupts masked. */
static struct spinlock lock = SPINLOCK_INIT;

/* Threads that wait for a mutex, by when they began, but for those that were reported. */
static struct list waiting = LIST_INIT(waiting); /* [lock] */

static void begin_locked(struct thread *t, struct mutex *m)
{
    t->waits_for = m;
    if (!list_is_linked(&t->mutex_link)) {
        t->mutex_since = hal_counter_read();
        t->mutex_looks = watchdog_looks();
        list_push_back(&waiting, &t->mutex_link);
    }
}

static void end_locked(struct thread *t)
{
    t->waits_for = NULL;
    if (list_is_linked(&t->mutex_link)) {
        list_remove(&t->mutex_link);
    }
}

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
    begin_locked(self, m);
    inherit_along_locked(m, self->priority);
    spin_unlock_masked(&lock);
}

/* Whom the holder waits for in turn keeps what came along the chain until it gives its own mutex
 * up: the waiters of that one are under another queue's lock. */
void inherit_give_up(struct mutex *m, struct thread *self)
{
    spin_lock_masked(&lock);
    end_locked(self);
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
        end_locked(woken);
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
        end_locked(woken);
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

/* --- for the watchdog --- */

static void follow(const struct hal_context *ctx, struct mutex_wait *out)
{
    uintptr_t fp;
    hal_context_look(ctx, &out->chain[0], &fp);
    out->depth = 1;
    while (out->depth < ARRAY_COUNT(out->chain) &&
           hal_frame_step(&fp, &out->chain[out->depth], ctx->stack_lo, ctx->stack_hi)) {
        out->depth++;
    }
}

/* It stays what it is while its run queue is locked: a thread that is switched from has left its
 * registers on its stack before that is unlocked. */
static void look_at_owner(struct thread *owner, struct mutex_wait *out)
{
    irq_state_t state;
    struct run_queue *rq = sched_lock_thread(owner, &state);
    out->owner = owner->id;
    out->owner_state = owner->state;
    out->cpu = rq->cpu;
    out->depth = 0;
    (void)str_copy(out->owner_name, sizeof out->owner_name, owner->name);
    if (owner->state != THREAD_RUNNING) {
        follow(&owner->context, out);
    }
    sched_unlock_thread(rq, state);
}

/* Who waits holds its mutex's queue's lock when it comes here, or is woken under it: neither is so
 * while it is in the list and this lock is held. So it goes on waiting, and its mutex has an owner,
 * or is about to be taken by the one that was woken for it. */
bool inherit_find_wait(uint64_t since, uint64_t looks, struct mutex_wait *out)
{
    irq_state_t state = spin_lock_irq(&lock);
    struct thread *t =
        list_is_empty(&waiting) ? NULL : CONTAINER_OF(waiting.head.next, struct thread, mutex_link);
    struct thread *owner = NULL;
    if (t != NULL && t->mutex_since <= since && t->mutex_looks <= looks) {
        owner = mutex_owner(t->waits_for);
    }
    if (owner != NULL) {
        list_remove(&t->mutex_link);
        out->waiter = t->id;
        out->since = t->mutex_since;
        (void)str_copy(out->waiter_name, sizeof out->waiter_name, t->name);
        (void)str_copy(out->mutex_name, sizeof out->mutex_name, t->waits_for->queue.name);
        look_at_owner(owner, out);
    }
    spin_unlock_irq(&lock, state);
    return owner != NULL;
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
