// SPDX-License-Identifier: MIT
//
// Work: a list and a thread at PRIO_HIGH on the boot CPU that empties it, in order. Interrupts of
// devices arrive there, too.

#include "kernel/sched/work.h"

#include "kernel/sched/sched_internal.h"

/* One for all: whether a work is queued is decided under one lock. */
static struct worker *the_worker(void)
{
    return &sched_cpu_of(0)->worker;
}

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
    work->queued = false; /* from here on it may be queued again, also by itself */
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
        /* `work` may be gone: its owner may free it in run(). */
        irq_state_t state = spin_lock_irq(&w->queue.lock);
        w->running = NULL;
        spin_unlock_irq(&w->queue.lock, state);
        wait_wake_all(&w->idle);
    }
}

void work_init(void)
{
    struct worker *w = the_worker();
    const struct thread_options options = {
        .name = "work", .entry = worker_thread, .arg = w, .priority = PRIO_HIGH};
    if (thread_create(&options, &w->thread) != OK) {
        panic("work: no memory for the work thread");
    }
}

bool work_queue(struct work *work)
{
    struct worker *w = the_worker();
    irq_state_t state = spin_lock_irq(&w->queue.lock);
    bool queue = !work->queued && !work->is_cancelled;
    if (queue) {
        work->queued = true;
        list_push_back(&w->pending, &work->link);
        wait_wake_one_locked(&w->queue);
    }
    spin_unlock_irq(&w->queue.lock, state);
    return queue;
}

/* Returns true if it runs. */
static bool take_back(struct worker *w, struct work *work)
{
    irq_state_t state = spin_lock_irq(&w->queue.lock);
    work->is_cancelled = true;
    if (work->queued) {
        list_remove(&work->link);
        work->queued = false;
    }
    bool running = w->running == work;
    spin_unlock_irq(&w->queue.lock, state);
    return running;
}

void work_cancel(struct work *work)
{
    struct worker *w = the_worker();
    ASSERT(thread_current() != w->thread);
    /* The work thread clears `running`, then takes idle.lock to wake: a look under that lock cannot
     * miss it. */
    irq_state_t state = spin_lock_irq(&w->idle.lock);
    while (take_back(w, work)) {
        (void)!wait_uncancellable_locked(&w->idle, &state, WAIT_FOREVER);
    }
    work->is_cancelled = false;
    spin_unlock_irq(&w->idle.lock, state);
}
