// SPDX-License-Identifier: MIT
//
// Timers: one leftist heap for each CPU, linked through the timers
// themselves, over one-shot hardware.

#include "kernel/sched/timer.h"

#include "hal/timer.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/sched/sched_internal.h"

/* The heap is ordered by `latest`, the last moment at which a timer may fire, and the hardware is
 * armed for the root's `latest`. When the interrupt comes, run_expired() fires timers from the root
 * for as long as the root's `due` has passed; that is how timers with slack share an interrupt.
 *
 * Leftist heap: a node's rank is the length of the shortest path down to a missing child, and no
 * right child has a higher rank than its left sibling. So the right spine of a heap of n timers has
 * at most log2(n + 1) nodes, and merging two heaps walks only right spines.
 *
 * The hardware may be armed for a moment that no longer matters: a cancelled timer, a
 * slice that ended early. Re-arming on each cancellation would cost more than the one
 * spurious interrupt; there is at most one, because the next upcall_timer() arms for the next need
 * then, or not at all.
 *
 * A timer belongs to the CPU that started it; t->cpu names it and changes only while the timer is
 * not queued. Its links and rank change under that CPU's queue lock. rank == 0 means "not queued".
 *
 * The fire function runs without the lock, with interrupts masked. q->running names the timer
 * meanwhile. timer_cancel() promises that the function does not run after it returns: it
 * removes the timer under the lock and then waits for q->running. The timer leaves the heap
 * before `running` is set, and both happen under the lock, so under the lock a timer is in the
 * heap, in `running`, or done. */

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
            return; /* nodes above depend on the rank only */
        }
        t->rank = rank;
    }
}

/** Merge two heaps, either may be NULL. The result's parent is NULL. */
static struct timer *merge(struct timer *a, struct timer *b)
{
    struct timer *root = NULL, *last = NULL;
    while (a != NULL && b != NULL) {
        if (b->latest < a->latest) {
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
    /* Every node on the merged spine may need its children swapped, so do not stop
     * where a rank is unchanged. */
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

static struct timer *pop_first_locked(struct timer_queue *q) REQUIRES(q->lock)
{
    struct timer *t = q->first;
    q->first = t->right == NULL ? t->left : merge(t->left, t->right);
    if (q->first != NULL) {
        q->first->parent = NULL;
    }
    t->left = t->right = NULL;
    t->rank = 0;
    return t;
}

static void queue_remove_locked(struct timer_queue *q, struct timer *t) REQUIRES(q->lock)
{
    struct timer *parent = t->parent;
    /* Without a right child no merge is needed. This is the case for most nodes of a
     * heap and for small heaps. */
    struct timer *rest = t->right == NULL ? t->left : merge(t->left, t->right);
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

static void arm(struct timer_queue *q, uint64_t deadline)
{
    if (deadline < q->armed) {
        q->armed = deadline;
        machine_timer()->arm(deadline);
    }
}

COLD_CALL void timer_arm_earlier(struct timer_queue *q, uint64_t deadline)
{
    arm(q, deadline);
}

static void start_locked(struct timer_queue *q, struct timer *t) REQUIRES(q->lock)
{
    t->due = t->latest = clock_ns_to_counter(t->deadline_ns);
    uint64_t latest_ns;
    if (UNLIKELY(t->slack_ns != 0)) {
        bool is_never = ADD_OVERFLOWS(t->deadline_ns, t->slack_ns, &latest_ns);
        t->latest = clock_ns_to_counter(is_never ? UINT64_MAX : latest_ns);
    }
    queue_insert_locked(q, t);
}

/* The function may still be running on the CPU where the timer was queued last, after it has told
 * another thread, which starts the timer here. Wait for it: timer_cancel() checks one CPU only,
 * t->cpu, and has to find the function there. */
static void leave_last_cpu(const struct timer *t, const struct timer_queue *here)
{
    if (UNLIKELY(&sched_cpu_of(t->cpu)->timers != here)) {
        timer_wait_fired(t);
    }
}

void timer_start(struct timer *t)
{
    ASSERT(t->rank == 0);
    irq_state_t state = hal_irq_save(); /* from here on the thread stays on this CPU */
    struct timer_queue *q = &sched_this_cpu()->timers;
    leave_last_cpu(t, q);
    spin_lock_masked(&q->lock);
    t->cpu = hal_this_cpu()->id;
    start_locked(q, t);
    if (q->first == t) {
        arm(q, t->latest);
    }
    spin_unlock_masked(&q->lock);
    hal_irq_restore(state);
}

/** Remove the timer from its queue if it is queued. @return its function runs on another CPU. */
static bool dequeue(struct timer *t, bool *was_queued)
{
    struct timer_queue *q = &sched_cpu_of(t->cpu)->timers;
    irq_state_t state = hal_irq_save();
    spin_lock_masked(&q->lock);
    if (t->rank != 0) {
        queue_remove_locked(q, t);
        *was_queued = true;
    }
    /* Interrupts are masked here: if the function runs on this CPU, this code was called from it.
     * Relaxed: only the lock's holder changes `running`, and the effects of the function that ran
     * last came before it released the lock. */
    bool runs_elsewhere = q != &sched_this_cpu()->timers &&
                          atomic_load_explicit(&q->running, memory_order_relaxed) == t;
    spin_unlock_masked(&q->lock);
    hal_irq_restore(state);
    return runs_elsewhere;
}

bool timer_cancel(struct timer *t)
{
    bool was_queued = false;
    /* A function that runs now may start the timer again before it returns, so try again
     * afterwards. */
    while (UNLIKELY(dequeue(t, &was_queued))) {
        timer_wait_fired(t);
    }
    return was_queued;
}

/** Queue the next call of a periodic timer, skipping those whose time has passed. */
static void start_next_locked(struct timer_queue *q, struct timer *t) REQUIRES(q->lock)
{
    uint64_t now = clock_now_ns();
    if (ADD_OVERFLOWS(t->deadline_ns, t->period_ns, &t->deadline_ns)) {
        return;
    }
    if (t->deadline_ns <= now) {
        t->deadline_ns += ((now - t->deadline_ns) / t->period_ns + 1) * t->period_ns;
    }
    start_locked(q, t);
}

/** Call the timers that are due, without the lock: a timer's function takes locks that come before
 * it in the lock order. */
static void run_expired(struct timer_queue *q)
{
    spin_lock_masked(&q->lock);
    uint64_t now = hal_counter_read();
    while (q->first != NULL && q->first->due <= now) {
        struct timer *t = pop_first_locked(q);
        if (UNLIKELY(t->period_ns != 0)) {
            start_next_locked(q, t);
        }
        atomic_store_explicit(&q->running, t, memory_order_relaxed);
        spin_unlock_masked(&q->lock);
        t->fire(t);
        spin_lock_masked(&q->lock);
        atomic_store_explicit(&q->running, NULL, memory_order_release);
    }
    if (q->first != NULL) {
        arm(q, q->first->latest);
    }
    spin_unlock_masked(&q->lock);
}

/* The hardware is one-shot and has just fired, so nothing is armed: everything that still needs an
 * interrupt arms it again below. */
void upcall_timer(void)
{
    struct timer_queue *q = &sched_this_cpu()->timers;
    q->armed = UINT64_MAX;
    run_expired(q);
    /* the idle thread has no slice, program or limit */
    if (thread_current() != sched_this_cpu()->rq.idle) {
        sched_tick();
    }
}
