// SPDX-License-Identifier: MIT
//
// Priority inheritance. A thread runs with the best of its own priority (`base_priority`) and those
// that it inherits: each mutex that it holds and that others wait for is in its list `inherits`,
// with the best priority among the waiters.

#include "kernel/sched/inherit_internal.h"

#include "hal/context.h"
#include "hal/timer.h"
#include "hal/trap.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched_internal.h"
#include "kernel/sched/watchdog.h"

/* One lock covers the inheritance of all mutexes, because a chain of holders that wait for each
 * other passes through any number of mutexes. It is taken only when a thread is about to wait for a
 * mutex, or releases one that others wait for, so it is off the fast path.
 *
 * While this lock is held, the owner of a mutex that has waiters cannot change: bit 0 of its owner
 * word is set, so the holder has to come through inherit_release(), which stores the free word
 * under this lock. Hence inherit_along_locked() may follow owner pointers without references.
 *
 * Invariant: for each mutex with waiters, `inherited` is at least the best priority of its
 * waiters, and the mutex is in its owner's list. inherit_wait() and inherit_take() establish
 * it, inherit_release() ends it. After a waiter gives up, inherit_abandon() recomputes it for
 * that mutex only; see there. */

/* Taken under wait queues' locks; run queues' locks are taken under it. Interrupts are masked. */
static struct spinlock lock = SPINLOCK_INIT;

/* Threads that wait for a mutex, in the order in which they began; a wait that was
 * reported is no longer listed. */
static struct list waiting = LIST_INIT(waiting); /* [lock] */

static void begin_locked(struct thread *t, struct mutex *m)
{
    t->waits_for = m;
    if (!list_is_linked(&t->mutex_link)) {
        t->mutex_since = hal_counter_read();
        t->mutex_looks = watchdog_checks();
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

/** Let the holder of `m` inherit, then the holder of the mutex that it waits for, and so on. Stops
 * when a holder already has that priority, so a cycle of threads ends after one round. */
static void inherit_along_locked(struct mutex *m, uint8_t priority)
{
    while (m != NULL) {
        struct thread *owner = mutex_owner(m);
        if (owner == NULL) {
            return; /* the thread woken for it calls inherit_take() when it gets it */
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

/* If the holder itself waits for another mutex, the holders along that chain keep the priority
 * until they release their own mutexes: the waiters of those are under other queues' locks. */
void inherit_abandon(struct mutex *m, struct thread *self)
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

/* A thread took the mutex while others wait: it inherits from all of them. The caller holds the
 * queue's lock, so the list is stable. */
void inherit_take(struct mutex *m)
{
    spin_lock_masked(&lock);
    LIST_FOR_EACH (&m->queue.waiters, n) {
        inherit_along_locked(m, CONTAINER_OF(n, struct thread, wait_link)->priority);
    }
    spin_unlock_masked(&lock);
}

/* While a thread waits for a mutex it is in the mutex's queue and bit 0 of the owner word is set,
 * so the next owner has to release it through here. A woken thread is in no queue. If it still
 * counted as waiting until it runs, a chain ending in it would continue to a thread that took the
 * mutex past it. That thread may release the mutex on the fast path and would keep a priority that
 * nothing takes away, and in its list a mutex that may be freed. */
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
    /* Pairs with the acquire of the next owner. */
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
    hal_context_backtrace_start(ctx, &out->chain[0], &fp);
    out->depth = 1;
    while (out->depth < ARRAY_COUNT(out->chain) &&
           hal_frame_step(&fp, &out->chain[out->depth], ctx->stack_lo, ctx->stack_hi)) {
        out->depth++;
    }
}

/* The owner's saved context is stable while its run queue is locked: a thread that is switched out
 * has saved its registers before that lock is released. */
static void describe_owner(struct thread *owner, struct mutex_wait *out)
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

/* A waiter comes here, or is woken, with its mutex's queue locked, and then takes this lock. So
 * while it is listed and this lock is held, it keeps waiting, and its mutex has an owner or is
 * about to be taken by the thread that was woken for it. */
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
        describe_owner(owner, out);
    }
    spin_unlock_irq(&lock, state);
    return owner != NULL;
}

/* t->waits_for is stable under this lock, so a thread that waits passes its new priority on at
 * once. It is never lowered along the chain; see inherit_abandon(). */
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
