// SPDX-License-Identifier: MIT
//
// Timers: a leftist heap a CPU, linked through the timers themselves, and the event timer
// underneath.
//
// Leftist: the rank of a node is the length of its shortest way down to a missing child, and no
// right child has a higher rank than its left sibling. So the right spine of a heap of n timers has
// at most log2(n + 1) nodes, and merging two heaps walks nothing but right spines.
//
// The hardware may be armed for something that no longer matters (a timer taken back, a slice that
// ended early). Re-arming would cost more than the one idle interrupt that comes of it, at most
// one, since the next upcall_timer() arms for what is then needed, or for nothing.

#include "kernel/sched/timer.h"

#include "hal/timer.h"
#include "hal/upcall.h"
#include "kernel/clock.h"
#include "kernel/sched/sched_internal.h"

static uint32_t rank_of(const struct timer *t)
{
    return t == NULL ? 0 : t->rank;
}

/** Restore the leftist rule at `t` and above it, after its right subtree changed. */
static void fix_ranks(struct timer *t)
{
    for (; t != NULL; t = t->parent) {
        if (rank_of(t->left) < rank_of(t->right)) {
            struct timer *right = t->right;
            t->right = t->left;
            t->left = right;
        }
        uint32_t rank = rank_of(t->right) + 1;
        if (rank == t->rank) {
            return; /* nothing above depends on more than the rank */
        }
        t->rank = rank;
    }
}

/** Merge two heaps, either may be NULL. The result's parent is NULL. */
static struct timer *merge(struct timer *a, struct timer *b)
{
    struct timer *root = NULL, *last = NULL;
    while (a != NULL && b != NULL) {
        if (b->deadline_ns < a->deadline_ns) {
            struct timer *earlier = b;
            b = a;
            a = earlier;
        }
        a->parent = last;
        if (last == NULL) {
            root = a;
        } else {
            last->right = a;
        }
        last = a;
        a = a->right;
    }
    struct timer *rest = a != NULL ? a : b;
    if (last == NULL) {
        root = rest;
    } else {
        last->right = rest;
    }
    if (rest != NULL) {
        rest->parent = last;
    }
    /* Every node on the merged spine may need its children swapped: do not stop where a rank is
     * unchanged. */
    for (struct timer *t = last; t != NULL; t = t->parent) {
        if (rank_of(t->left) < rank_of(t->right)) {
            struct timer *right = t->right;
            t->right = t->left;
            t->left = right;
        }
        t->rank = rank_of(t->right) + 1;
    }
    return root;
}

static void queue_insert_locked(struct timer_queue *q, struct timer *t) REQUIRES(q->lock)
{
    t->left = t->right = t->parent = NULL;
    t->rank = 1;
    q->first = merge(q->first, t);
}

static void queue_remove_locked(struct timer_queue *q, struct timer *t) REQUIRES(q->lock)
{
    struct timer *parent = t->parent;
    struct timer *rest = merge(t->left, t->right);
    if (rest != NULL) {
        rest->parent = parent;
    }
    if (parent == NULL) {
        q->first = rest;
    } else {
        if (parent->left == t) {
            parent->left = rest;
        } else {
            parent->right = rest;
        }
        fix_ranks(parent);
    }
    t->left = t->right = t->parent = NULL;
    t->rank = 0;
}

void timer_queue_init(struct timer_queue *q)
{
    *q = (struct timer_queue){.lock = SPINLOCK_INIT, .armed = UINT64_MAX};
}

SELDOM_CALLED void timer_arm_earlier(struct timer_queue *q, uint64_t deadline)
{
    q->armed = deadline;
    hal_timer()->arm(deadline);
}

/* Its function runs. Acquire pairs with the release store in run_expired(): what the function did
 * is visible once it does no longer. */
static bool is_running(const struct timer_queue *q, const struct timer *t)
{
    return atomic_load_explicit(&q->running, memory_order_acquire) == t;
}

/* The function may still run on the CPU where the timer was, and have told that it is over, so that
 * somebody else starts it here. It is waited for: timer_cancel() looks at one CPU, and must find it
 * there. */
static void leave_last_cpu(const struct timer *t, const struct timer_queue *here)
{
    const struct timer_queue *last = &sched_cpu_of(t->cpu)->timers;
    while (last != here && is_running(last, t)) {
        hal_cpu_relax();
    }
}

void timer_start(struct timer *t)
{
    ASSERT(t->rank == 0);
    irq_state_t state = hal_irq_save(); /* before asking which CPU this is */
    struct timer_queue *q = &sched_this_cpu()->timers;
    leave_last_cpu(t, q);
    irq_state_t masked = spin_lock_irq(&q->lock);
    t->cpu = hal_this_cpu()->id;
    queue_insert_locked(q, t);
    if (q->first == t) {
        timer_arm(clock_ns_to_counter(t->deadline_ns));
    }
    spin_unlock_irq(&q->lock, masked);
    hal_irq_restore(state);
}

bool timer_cancel(struct timer *t)
{
    struct timer_queue *q = &sched_cpu_of(t->cpu)->timers;
    irq_state_t state = spin_lock_irq(&q->lock);
    bool was_queued = t->rank != 0;
    if (was_queued) {
        queue_remove_locked(q, t);
    }
    spin_unlock_irq(&q->lock, state);
    /* It left the heap before its function was called, and that may still run on another CPU. */
    while (is_running(q, t)) {
        hal_cpu_relax();
    }
    return was_queued;
}

/** Call what is due. Without the lock, because a timer's function takes locks that come before it.
 */
static void run_expired(struct timer_queue *q)
{
    irq_state_t state = spin_lock_irq(&q->lock);
    uint64_t now = clock_now_ns();
    while (q->first != NULL && q->first->deadline_ns <= now) {
        struct timer *t = q->first;
        queue_remove_locked(q, t);
        atomic_store_explicit(&q->running, t, memory_order_relaxed);
        spin_unlock_irq(&q->lock, state);
        t->fire(t);
        state = spin_lock_irq(&q->lock);
        atomic_store_explicit(&q->running, NULL, memory_order_release);
    }
    if (q->first != NULL) {
        timer_arm(clock_ns_to_counter(q->first->deadline_ns));
    }
    spin_unlock_irq(&q->lock, state);
}

void upcall_timer(void)
{
    struct timer_queue *q = &sched_this_cpu()->timers;
    q->armed = UINT64_MAX;
    run_expired(q);
    sched_tick();
}
