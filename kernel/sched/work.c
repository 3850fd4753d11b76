// SPDX-License-Identifier: MIT
//
// Work items: each CPU has a list and a thread at PRIO_HIGH that runs its items in order. An item
// runs on the CPU that queued it, where its data is in the cache, usually right after the
// interrupt that found it.

#include "kernel/sched/work.h"

#include "kernel/sched/sched_internal.h"

/* `work.home` is the worker that the item was queued with last. Its queue.lock protects the item:
 * `queued`, `is_cancelled`, `link`. Readers load `home`, lock that worker and check `home` again
 * (lock_home()). The home changes only under the old home's lock, while the item is neither queued,
 * running, nor being cancelled. So an item never runs on two CPUs at the same time, and
 * work_cancel() has one worker to wait for.
 *
 * An item may be freed by its own run(): after the call the worker uses its address only, in
 * `running`, and not its contents. */

void worker_init(struct worker *w)
{
    *w = (struct worker){.running = NULL};
    wait_queue_init(&w->queue, "work");
    wait_queue_init(&w->idle, "work end");
    list_init(&w->pending);
}

static struct work *next_work(struct worker *w)
{
    irq_state_t state = spin_lock_irq(&w->queue.lock);
    while (list_is_empty(&w->pending)) {
        (void)!wait_uncancellable_locked(&w->queue, &state, WAIT_FOREVER);
    }
    struct work *work = CONTAINER_OF(list_pop_front(&w->pending), struct work, link);
    work->queued = false; /* from here on it may be queued again, also by its own run() */
    w->running = work;
    spin_unlock_irq(&w->queue.lock, state);
    return work;
}

static void worker_thread(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        struct work *work = next_work(w);
        work->run(work);
        /* `work` may be freed by now: its owner may free it in run(). */
        irq_state_t state = spin_lock_irq(&w->queue.lock);
        w->running = NULL;
        spin_unlock_irq(&w->queue.lock, state);
        wait_wake_all(&w->idle);
    }
}

enum status work_start(cpu_t cpu)
{
    struct worker *w = &sched_cpu_of(cpu)->worker;
    const struct thread_options options = {.name = "work",
                                           .entry = worker_thread,
                                           .arg = w,
                                           .priority = PRIO_HIGH,
                                           .placement = THREAD_ON,
                                           .cpu = cpu};
    struct thread *t;
    enum status s = thread_create(&options, &t);
    if (s == OK) {
        atomic_store_explicit(&w->thread, t, memory_order_relaxed);
    }
    return s;
}

/* This CPU's worker, or the boot CPU's if this one has no work thread yet.
 * Interrupts are masked. */
static struct worker *worker_here(void)
{
    struct worker *w = &sched_this_cpu()->worker;
    bool has_thread = atomic_load_explicit(&w->thread, memory_order_relaxed) != NULL;
    return LIKELY(has_thread) ? w : &sched_cpu_of(0)->worker;
}

/* Acquire pairs with the release store in lock_here(); only the pointer is used
 * before the lock is taken. */
static struct worker *home_of(const struct work *work)
{
    struct worker *w = atomic_load_explicit(&work->home, memory_order_acquire);
    return w != NULL ? w : &sched_cpu_of(0)->worker;
}

static struct worker *lock_home(struct work *work) NO_LOCK_ANALYSIS
{
    for (;;) {
        struct worker *w = home_of(work);
        spin_lock_masked(&w->queue.lock);
        if (LIKELY(home_of(work) == w)) {
            return w;
        }
        spin_unlock_masked(&w->queue.lock); /* it moved to another worker meanwhile */
    }
}

/* Lock the item's home, after making this CPU's worker its home unless the item is in use. */
static struct worker *lock_here(struct work *work) NO_LOCK_ANALYSIS
{
    struct worker *here = worker_here();
    for (;;) {
        struct worker *w = lock_home(work);
        if (w == here || work->queued || work->is_cancelled || w->running == work) {
            return w;
        }
        atomic_store_explicit(&work->home, here, memory_order_release);
        spin_unlock_masked(&w->queue.lock);
    }
}

bool work_queue(struct work *work) NO_LOCK_ANALYSIS
{
    irq_state_t state = hal_irq_save();
    struct worker *w = lock_here(work);
    bool queue = !work->queued && !work->is_cancelled;
    if (queue) {
        work->queued = true;
        list_push_back(&w->pending, &work->link);
        wait_wake_one_locked(&w->queue);
    }
    spin_unlock_masked(&w->queue.lock);
    hal_irq_restore(state);
    preempt_check();
    return queue;
}

void work_queue_by_timer(struct timer *t)
{
    (void)work_queue(t->ctx);
}

/* Remove the item from the queue. Returns its home, which cannot change while
 * is_cancelled is set. */
static struct worker *dequeue(struct work *work) NO_LOCK_ANALYSIS
{
    irq_state_t state = hal_irq_save();
    struct worker *w = lock_home(work);
    work->is_cancelled = true;
    if (work->queued) {
        list_remove(&work->link);
        work->queued = false;
    }
    spin_unlock_masked(&w->queue.lock);
    hal_irq_restore(state);
    return w;
}

static bool is_running(struct worker *w, const struct work *work)
{
    irq_state_t state = spin_lock_irq(&w->queue.lock);
    bool running = w->running == work;
    spin_unlock_irq(&w->queue.lock, state);
    return running;
}

void work_cancel(struct work *work)
{
    struct worker *w = dequeue(work);
    ASSERT(thread_current() != atomic_load_explicit(&w->thread, memory_order_relaxed));
    /* The work thread clears `running`, then takes idle.lock to wake the waiters, so testing
     * `running` under idle.lock cannot miss the wake-up. */
    irq_state_t state = spin_lock_irq(&w->idle.lock);
    while (is_running(w, work)) {
        (void)!wait_uncancellable_locked(&w->idle, &state, WAIT_FOREVER);
    }
    spin_unlock_irq(&w->idle.lock, state);
    state = spin_lock_irq(&w->queue.lock);
    work->is_cancelled = false;
    spin_unlock_irq(&w->queue.lock, state);
}
