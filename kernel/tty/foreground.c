// SPDX-License-Identifier: MIT
//
// Foreground groups: which jobs a Ctrl-C ends.
#include "kernel/tty/foreground.h"

#include "kernel/base/assert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/sched/mutex.h"

/* Ctrl-C may come at any time, from an interrupt, while the shell starts or clears a group of jobs.
 * Each group has a turn number. foreground_interrupt() records the number of the turn that the user
 * saw; the work thread interrupts the group only if that is still the current turn. So a late
 * Ctrl-C never hits the next command, and one that comes between two programs of a pipeline also
 * ends those that are added later. */

/* Of all groups: they change when a command starts or ends. A leaf, except for the job's get(). */
static struct mutex lock = MUTEX_INIT(lock, "foreground");

/* Copy the group with a reference for each job, if its turn is the one that was interrupted. */
static unsigned copy_interrupted(struct foreground *f, struct foreground_job *out[FOREGROUND_MAX])
{
    mutex_lock(&lock);
    bool is_meant = atomic_load_explicit(&f->interrupted, memory_order_relaxed) == f->turns;
    unsigned count = is_meant ? f->count : 0;
    for (unsigned i = 0; i < count; i++) {
        out[i] = f->jobs[i];
        out[i]->ops->get(out[i]);
    }
    mutex_unlock(&lock);
    return count;
}

static void interrupt_jobs(struct work *work)
{
    struct foreground *f = CONTAINER_OF(work, struct foreground, interrupt);
    struct foreground_job *group[FOREGROUND_MAX];
    unsigned count = copy_interrupted(f, group);
    for (unsigned i = 0; i < count; i++) {
        group[i]->ops->interrupt(group[i]);
        group[i]->ops->put(group[i]);
    }
}

void foreground_add(struct foreground *f, struct foreground_job *j)
{
    mutex_lock(&lock);
    ASSERT(f->count < FOREGROUND_MAX);
    /* same value each time: the work may be queued already */
    f->interrupt.run = interrupt_jobs;
    uint64_t turn = f->count == 0 ? ++f->turns : f->turns;
    j->ops->get(j);
    f->jobs[f->count++] = j;
    bool is_over = atomic_load_explicit(&f->interrupted, memory_order_relaxed) == turn;
    /* Release: a reader that sees the turn also sees `run`. */
    atomic_store_explicit(&f->turn, turn, memory_order_release);
    mutex_unlock(&lock);
    if (is_over) {
        (void)work_queue(&f->interrupt); /* Ctrl-C came between two jobs of a group */
    }
}

void foreground_clear(struct foreground *f)
{
    struct foreground_job *old[FOREGROUND_MAX];
    mutex_lock(&lock);
    unsigned count = f->count;
    memcpy(old, f->jobs, count * sizeof old[0]);
    f->count = 0;
    atomic_store_explicit(&f->turn, 0, memory_order_release);
    mutex_unlock(&lock);
    for (unsigned i = 0; i < count; i++) {
        old[i]->ops->put(old[i]);
    }
}

bool foreground_interrupt(struct foreground *f)
{
    uint64_t turn = atomic_load_explicit(&f->turn, memory_order_acquire);
    if (turn == 0) {
        return false;
    }
    /* Another CPU may have recorded a later turn: never go back. work_queue() orders
     * the store before the work. */
    uint64_t before = atomic_load_explicit(&f->interrupted, memory_order_relaxed);
    while (before < turn &&
           !atomic_compare_exchange_weak_explicit(&f->interrupted, &before, turn,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    (void)work_queue(&f->interrupt);
    return true;
}
