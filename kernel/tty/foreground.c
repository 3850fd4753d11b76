// SPDX-License-Identifier: MIT
//
// Foreground groups: which jobs the keys Ctrl-C, Ctrl-\ and Ctrl-Z are for.
#include "kernel/tty/foreground.h"

#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/sched/mutex.h"

/* A key may come at any time, from an interrupt, while the shell starts or clears a group of jobs.
 * Each group has a turn number. foreground_signal() records the number of the turn that the user
 * saw; the work thread passes the key to the group only if that is still the current turn. So a
 * late Ctrl-C never hits the next command, and one that comes between two programs of a pipeline
 * also ends those that are added later. */

/* Of all groups: they change when a command starts or ends. A leaf, except for the job's get(). */
static struct mutex lock = MUTEX_INIT(lock, "foreground");

/* [I] set at boot; NULL: no thread has a job */
static struct foreground_job *(*current_job)(void);

/* Copy the group with a reference for each job, if the key was pressed in its turn. */
static unsigned copy_meant(struct foreground *f, enum foreground_key key,
                           struct foreground_job *out[FOREGROUND_MAX])
{
    mutex_lock(&lock);
    bool is_meant = atomic_load_explicit(&f->pressed[key], memory_order_relaxed) == f->turns;
    unsigned count = is_meant ? f->count : 0;
    for (unsigned i = 0; i < count; i++) {
        out[i] = f->jobs[i];
        out[i]->ops->get(out[i]);
    }
    mutex_unlock(&lock);
    return count;
}

static void deliver_to(struct foreground_job *j, enum foreground_key key)
{
    switch (key) {
    case FOREGROUND_INTERRUPT:
        j->ops->interrupt(j);
        break;
    case FOREGROUND_QUIT:
        j->ops->quit(j);
        break;
    default:
        j->ops->suspend(j);
        break;
    }
}

static void deliver(struct work *work)
{
    struct foreground *f = CONTAINER_OF(work, struct foreground, deliver);
    struct foreground_job *group[FOREGROUND_MAX];
    for (enum foreground_key key = 0; key < FOREGROUND_KEY_COUNT; key++) {
        unsigned count = copy_meant(f, key, group);
        for (unsigned i = 0; i < count; i++) {
            deliver_to(group[i], key);
            group[i]->ops->put(group[i]);
        }
    }
}

static bool was_pressed_in(const struct foreground *f, uint64_t turn)
{
    bool was = false;
    for (unsigned key = 0; key < FOREGROUND_KEY_COUNT; key++) {
        was |= atomic_load_explicit(&f->pressed[key], memory_order_relaxed) == turn;
    }
    return was;
}

/* After the jobs or a mode of theirs changed; with the lock. */
static void update_mode(struct foreground *f)
{
    enum foreground_mode mode = FOREGROUND_LINES;
    for (unsigned i = 0; i < f->count; i++) {
        mode = MAX(mode, atomic_load_explicit(&f->jobs[i]->mode, memory_order_relaxed));
    }
    atomic_store_explicit(&f->mode, mode, memory_order_relaxed);
}

void foreground_add(struct foreground *f, struct foreground_job *j)
{
    mutex_lock(&lock);
    ASSERT(f->count < FOREGROUND_MAX);
    /* same value each time: the work may be queued already */
    f->deliver.run = deliver;
    uint64_t turn = f->count == 0 ? ++f->turns : f->turns;
    j->ops->get(j);
    f->jobs[f->count++] = j;
    update_mode(f);
    bool was_pressed = was_pressed_in(f, turn);
    /* Release: a reader that sees the turn also sees `run`. */
    atomic_store_explicit(&f->turn, turn, memory_order_release);
    mutex_unlock(&lock);
    if (was_pressed) {
        (void)work_queue(&f->deliver); /* the key came between two jobs of a group */
    }
}

void foreground_remove(struct foreground *f, struct foreground_job *j)
{
    bool was_there = false;
    mutex_lock(&lock);
    for (unsigned i = 0; i < f->count && !was_there; i++) {
        was_there = f->jobs[i] == j;
        if (was_there) {
            f->jobs[i] = f->jobs[--f->count];
        }
    }
    ASSERT(f->count > 0);
    update_mode(f);
    mutex_unlock(&lock);
    if (was_there) {
        j->ops->put(j);
    }
}

void foreground_clear(struct foreground *f)
{
    struct foreground_job *old[FOREGROUND_MAX];
    mutex_lock(&lock);
    unsigned count = f->count;
    memcpy(old, f->jobs, count * sizeof old[0]);
    f->count = 0;
    update_mode(f);
    atomic_store_explicit(&f->turn, 0, memory_order_release);
    mutex_unlock(&lock);
    for (unsigned i = 0; i < count; i++) {
        old[i]->ops->put(old[i]);
    }
}

bool foreground_signal(struct foreground *f, enum foreground_key key)
{
    uint64_t turn = atomic_load_explicit(&f->turn, memory_order_acquire);
    if (turn == 0 || atomic_load_explicit(&f->mode, memory_order_relaxed) == FOREGROUND_RAW) {
        return false;
    }
    /* Another CPU may have recorded a later turn: never go back. work_queue() orders
     * the store before the work. */
    uint64_t before = atomic_load_explicit(&f->pressed[key], memory_order_relaxed);
    while (before < turn &&
           !atomic_compare_exchange_weak_explicit(&f->pressed[key], &before, turn,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    (void)work_queue(&f->deliver);
    return true;
}

bool foreground_has(struct foreground *f, const struct foreground_job *j)
{
    bool has = false;
    mutex_lock(&lock);
    for (unsigned i = 0; i < f->count; i++) {
        has |= f->jobs[i] == j;
    }
    mutex_unlock(&lock);
    return has;
}

enum foreground_mode foreground_set_mode(struct foreground *f, struct foreground_job *j,
                                         enum foreground_mode mode)
{
    mutex_lock(&lock);
    enum foreground_mode before = atomic_exchange_explicit(&j->mode, mode, memory_order_relaxed);
    update_mode(f);
    mutex_unlock(&lock);
    return before;
}

void foreground_set_current(struct foreground_job *(*current)(void))
{
    current_job = current;
}

struct foreground_job *foreground_current(void)
{
    return current_job != NULL ? current_job() : NULL;
}
