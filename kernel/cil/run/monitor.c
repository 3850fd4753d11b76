// SPDX-License-Identifier: MIT
//
// Monitors of objects, for `lock` and System.Threading.Monitor.
#include "kernel/cil/run/natives.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* An object has a monitor only while a thread has entered it or waits for it. It is found by the
 * object's hash code, which does not change when the object moves; the collector keeps `object` up
 * to date. All of it changes with the world's lock. A waiting thread is a part of its struct
 * cil_runtime, because another one may want to wake it when it has been killed. A program that
 * starts no threads never comes to wait, and needs no monitors. */

static struct cil_monitor **list_of(struct cil_runtime *r, uint32_t object)
{
    return &r->world->monitors[cil_object_hash(r, object) / 2 % CIL_MONITOR_LISTS];
}

static struct cil_monitor *find(struct cil_runtime *r, uint32_t object)
{
    struct cil_monitor *m = *list_of(r, object);
    while (m != NULL && m->object != object) {
        m = m->next;
    }
    return m;
}

static struct cil_monitor *find_or_make(struct cil_runtime *r, uint32_t object)
{
    struct cil_world *w = r->world;
    struct cil_monitor *m = find(r, object), **list = list_of(r, object);
    if (m != NULL) {
        return m;
    }
    m = w->free_monitors;
    if (m != NULL) {
        w->free_monitors = m->next;
    } else {
        m = budget_zalloc(w->budget, sizeof *m);
    }
    if (m == NULL) {
        cil_end(r, CIL_NO_MEMORY);
    }
    *m = (struct cil_monitor){.next = *list, .object = object};
    *list = m;
    return m;
}

/* Its memory stays for the next monitor: a thread that was killed may still be parked at it. */
static void free_unused(struct cil_runtime *r, struct cil_monitor *m)
{
    if (m->owner != NULL || m->users != 0) {
        return;
    }
    struct cil_monitor **at = list_of(r, m->object);
    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    m->next = r->world->free_monitors;
    r->world->free_monitors = m;
}

/* ---- Time ---- */

struct limit {
    int64_t ns, since; /* ns negative: none */
};

static int64_t now(struct cil_runtime *r)
{
    struct cil_system *s = r->owner;
    return s->clock_ns(s, true);
}

static struct limit start_limit(struct cil_runtime *r, int64_t ns)
{
    return (struct limit){ns, ns <= 0 ? 0 : now(r)};
}

/* @return false: the time is over. */
static bool wait_until(struct cil_runtime *r, const uint32_t *word, const struct limit *l)
{
    int64_t left = l->ns <= 0 ? l->ns : l->ns - (now(r) - l->since);
    if (l->ns >= 0 && left <= 0) {
        return false;
    }
    cil_wait_locked(r, word, left);
    return true;
}

/* ---- Entering ---- */

static bool enter(struct cil_runtime *r, struct cil_monitor *m, int64_t ns)
{
    if (m->owner == r) {
        m->depth++;
        return true;
    }
    struct limit limit = m->owner == NULL ? (struct limit){0, 0} : start_limit(r, ns);
    m->users++;
    while (m->owner != NULL && wait_until(r, &m->released, &limit)) {
    }
    m->users--;
    if (m->owner != NULL) {
        return false;
    }
    m->owner = r;
    m->depth = 1;
    return true;
}

/* Nanoseconds; negative: for ever. @return whether it has been entered. */
uint64_t cil_monitor_enter(struct cil_runtime *r, uint64_t object, uint64_t ns, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    if (!r->world->has_threads) {
        return 1;
    }
    cil_lock(r);
    struct cil_monitor *m = find_or_make(r, (uint32_t)object);
    bool is_taken = enter(r, m, (int64_t)ns);
    free_unused(r, m);
    cil_unlock(r);
    return is_taken;
}

static void release(struct cil_monitor *m)
{
    m->owner = NULL;
    if (m->users != 0) {
        __atomic_store_n(&m->released, m->released + 1, __ATOMIC_SEQ_CST);
        (void)park_notify(&m->released, 1);
    }
}

/* @return with the lock, a monitor that the thread has entered; or NULL. */
static struct cil_monitor *lock_own(struct cil_runtime *r, uint64_t object)
{
    cil_lock(r);
    struct cil_monitor *m = find(r, (uint32_t)object);
    return m != NULL && m->owner == r ? m : NULL;
}

/* @return false: it has not been entered. */
uint64_t cil_monitor_exit(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    if (!r->world->has_threads) {
        return 1;
    }
    struct cil_monitor *m = lock_own(r, object);
    if (m != NULL && --m->depth == 0) {
        release(m);
        free_unused(r, m);
    }
    cil_unlock(r);
    return m != NULL;
}

/* ---- Waiting for a pulse ---- */

/* Oldest first. */
static void append(struct cil_monitor *m, struct cil_runtime *r)
{
    struct cil_runtime **at = &m->first;
    while (*at != NULL) {
        at = &(*at)->next_waiter;
    }
    *at = r;
    r->next_waiter = NULL;
}

static void take_out(struct cil_monitor *m, const struct cil_runtime *r)
{
    struct cil_runtime **at = &m->first;
    while (*at != r) {
        at = &(*at)->next_waiter;
    }
    *at = r->next_waiter;
}

/* It enters again as often as before, even after the time is over. */
static bool wait(struct cil_runtime *r, struct cil_monitor *m, int64_t ns)
{
    const struct limit limit = start_limit(r, ns);
    uint32_t depth = m->depth;
    r->pulsed = 0;
    append(m, r);
    m->users++;
    release(m);
    while (r->pulsed == 0 && wait_until(r, &r->pulsed, &limit)) {
    }
    bool is_pulsed = r->pulsed != 0;
    if (!is_pulsed) {
        take_out(m, r);
    }
    m->users--;
    (void)enter(r, m, -1);
    m->depth = depth;
    return is_pulsed;
}

/* @return 1: pulsed, 0: the time is over, -1: it has not been entered. */
uint64_t cil_monitor_wait(struct cil_runtime *r, uint64_t object, uint64_t ns, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    if (!r->world->has_threads) { /* nobody will pulse */
        const uint32_t word = 0;
        if (park_wait(&word, sizeof word, 0, (int64_t)ns) == PARK_CANCELLED) {
            cil_end(r, CIL_GOES_ON);
        }
        return 0;
    }
    struct cil_monitor *m = lock_own(r, object);
    bool is_pulsed = m != NULL && wait(r, m, (int64_t)ns);
    cil_unlock(r);
    return m == NULL ? UINT32_MAX : is_pulsed;
}

/* @return false: it has not been entered. */
uint64_t cil_monitor_pulse(struct cil_runtime *r, uint64_t object, uint64_t is_all, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    if (!r->world->has_threads) {
        return 1;
    }
    struct cil_monitor *m = lock_own(r, object);
    while (m != NULL && m->first != NULL) {
        struct cil_runtime *woken = m->first;
        m->first = woken->next_waiter;
        __atomic_store_n(&woken->pulsed, 1, __ATOMIC_SEQ_CST);
        (void)park_notify(&woken->pulsed, 1);
        if ((uint32_t)is_all == 0) {
            break;
        }
    }
    cil_unlock(r);
    return m != NULL;
}
