// SPDX-License-Identifier: MIT
//
// Threads of a program, and how a collection stops them.
#include "kernel/cil/run/runtime.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* A thread is running or away. A running thread may touch objects anywhere, and it comes to a safe
 * point soon: the code looks at context.poll at the ends of loops and where a method begins. One
 * that is away waits in the kernel, or is about to. It touches no object until cil_back(), which
 * waits until no thread collects. So a collection may begin when no other thread is running, and
 * need not wait for those that are away.
 *
 * All words here change with the lock. Two of them are also waited for without it: `running` by the
 * thread that wants to collect, `pauses` by those that want to run. Each wait is for a value that
 * was read with the lock (park_wait() compares it again), so no change is missed. A thread holds
 * the lock for all of a collection. A running thread may wait for the lock: its holder, if it waits
 * for running threads, has released it.
 *
 * The program ends as a whole. A thread that is killed while it waits leaves with cil_end(), and so
 * do all others, because the reason is the same for them. So no thread needs the lock that it may
 * have had, nor the words that it would have changed. */

/* ---- Stopping ---- */

void cil_lock(struct cil_runtime *r)
{
    if (r->world->has_threads && !park_lock(&r->world->lock)) {
        cil_end(r, CIL_GOES_ON);
    }
}

void cil_unlock(struct cil_runtime *r)
{
    if (r->world->has_threads) {
        park_unlock(&r->world->lock);
    }
}

static void set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* Release the lock until a word has another value. Others may have changed it back by then. */
static void wait_for_change(struct cil_runtime *r, const uint32_t *word)
{
    uint32_t seen = *word;
    park_unlock(&r->world->lock);
    if (park_wait(word, sizeof *word, seen, -1) == PARK_CANCELLED) {
        cil_end(r, CIL_GOES_ON);
    }
    cil_lock(r);
}

static void stop_running(struct cil_world *w)
{
    set(&w->running, w->running - 1);
    if (w->pauses % 2 != 0) {
        (void)park_notify(&w->running, 1);
    }
}

/* With the lock. */
static void start_running(struct cil_runtime *r)
{
    struct cil_world *w = r->world;
    while (w->pauses % 2 != 0) {
        wait_for_change(r, &w->pauses);
    }
    set(&w->running, w->running + 1);
}

void cil_away(struct cil_runtime *r)
{
    if (r->world->has_threads) {
        cil_lock(r);
        stop_running(r->world);
        cil_unlock(r);
    }
}

void cil_back(struct cil_runtime *r)
{
    if (r->world->has_threads) {
        cil_lock(r);
        start_running(r);
        cil_unlock(r);
    }
}

static void poll_all(struct cil_world *w, uint32_t value)
{
    for (struct cil_runtime *t = w->threads; t != NULL; t = t->next) {
        set(&t->context.poll, value);
    }
}

/* Of two threads that want to collect, the second waits like all others, and collects after it. */
bool cil_stop_others(struct cil_runtime *r)
{
    struct cil_world *w = r->world;
    if (!w->has_threads) {
        return false;
    }
    bool is_late = w->pauses % 2 != 0;
    stop_running(w);
    while (w->pauses % 2 != 0) {
        wait_for_change(r, &w->pauses);
    }
    set(&w->pauses, w->pauses + 1);
    poll_all(w, 1);
    while (w->running != 0) {
        wait_for_change(r, &w->running);
    }
    return is_late;
}

void cil_resume_others(struct cil_runtime *r)
{
    struct cil_world *w = r->world;
    if (w->has_threads) {
        poll_all(w, 0);
        set(&w->pauses, w->pauses + 1);
        set(&w->running, w->running + 1);
        (void)park_notify(&w->pauses, UINT32_MAX);
    }
}

void cil_wait_locked(struct cil_runtime *r, const uint32_t *word, int64_t ns)
{
    uint32_t seen = *word;
    stop_running(r->world);
    park_unlock(&r->world->lock);
    if (park_wait(word, sizeof *word, seen, ns) == PARK_CANCELLED) {
        cil_end(r, CIL_GOES_ON);
    }
    cil_lock(r);
    start_running(r);
}

/* ---- Initialisers of types ---- */

static struct cil_initialiser *find_initialiser(const struct cil_world *w, uint32_t flag)
{
    struct cil_initialiser *i = w->initialisers;
    while (i != NULL && i->flag != flag) {
        i = i->next;
    }
    return i;
}

/* Whether the thread that runs an initialiser waits, perhaps through others, for one of r's. */
static bool is_circle(const struct cil_runtime *r, const struct cil_initialiser *i)
{
    while (i != NULL && i->by != r) {
        i = i->by->waits_for;
    }
    return i != NULL;
}

/* A thread that would wait for itself sees the type as it is so far (ECMA-335 II.10.5.3.3). */
static bool begin(struct cil_runtime *r, uint32_t flag)
{
    struct cil_world *w = r->world;
    const uint32_t *cell = cil_memory(r, flag, 4);
    struct cil_initialiser *i;
    while (*cell == 0 && (i = find_initialiser(w, flag)) != NULL) {
        if (is_circle(r, i)) {
            return false;
        }
        r->waits_for = i;
        cil_wait_locked(r, &w->initialised, -1);
        r->waits_for = NULL;
    }
    if (*cell != 0) {
        return false;
    }
    i = budget_zalloc(w->budget, sizeof *i);
    if (i == NULL) {
        cil_end(r, CIL_NO_MEMORY);
    }
    *i = (struct cil_initialiser){.next = w->initialisers, .by = r, .flag = flag};
    w->initialisers = i;
    return true;
}

bool cil_initialiser_begin(struct cil_runtime *r, uint32_t flag)
{
    cil_lock(r);
    bool runs = begin(r, flag);
    cil_unlock(r);
    return runs;
}

void cil_initialiser_done(struct cil_runtime *r, uint32_t flag, uint32_t value)
{
    struct cil_world *w = r->world;
    cil_lock(r);
    struct cil_initialiser **at = &w->initialisers;
    while (*at != NULL && (*at)->flag != flag) {
        at = &(*at)->next;
    }
    struct cil_initialiser *i = *at;
    if (i != NULL) {
        *at = i->next;
        for (struct cil_runtime *t = w->threads; t != NULL; t = t->next) {
            t->waits_for = t->waits_for == i ? NULL : t->waits_for;
        }
        budget_free(w->budget, i);
    }
    __atomic_store_n((uint32_t *)cil_memory(r, flag, 4), value, __ATOMIC_RELEASE);
    set(&w->initialised, w->initialised + 1);
    (void)park_notify(&w->initialised, UINT32_MAX);
    cil_unlock(r);
}

/* ---- Making and ending ---- */

/* Hundreds of threads are to fit into the limit, and all of a stack is committed from the start. */
static uint32_t stack_bytes(const struct cil_world *w)
{
    uint64_t share = ALIGN_UP(w->memory.max / CIL_STACK_SHARE, CIL_LARGE_UNIT);
    return (uint32_t)MIN(MAX(share, (uint64_t)CIL_MORE_STACK_LEAST),
                         (uint64_t)CIL_MORE_STACK_BYTES);
}

/* With the lock. All static fields of threads are at the upper end of the stack, so a program with
 * many of them needs a larger one. */
static bool take_stack(struct cil_runtime *t, struct cil_runtime *from)
{
    uint64_t bytes = stack_bytes(t->world) + ALIGN_UP((uint64_t)t->unit->own_bytes, CIL_LARGE_UNIT);
    uint32_t low = cil_stack_place(from, bytes);
    if (low != 0) {
        cil_runtime_set_stack(t, low, low + (uint32_t)bytes);
    }
    return low != 0;
}

/* The static fields that a thread has for itself are at the upper end of its stack. */
void cil_runtime_set_stack(struct cil_runtime *t, uint32_t low, uint32_t high)
{
    uint32_t bytes = t->unit->own_bytes;
    t->stack_low = t->context.limit = low;
    t->stack_high = t->context.stack = t->context.statics = high - bytes;
    memset(t->world->memory.base + t->context.statics, 0, bytes);
}

/* With the lock: a budget has none. */
static bool make_own(struct cil_runtime *t, struct cil_runtime *from)
{
    uint32_t count = from->unit->count;
    t->records = budget_alloc(t->world->budget, (count + (size_t)1) * sizeof *t->records);
    t->methods = budget_zalloc(t->world->budget, (count + (size_t)1) * sizeof *t->methods);
    if (t->records == NULL || t->methods == NULL || !take_stack(t, from)) {
        budget_free(t->world->budget, t->records);
        budget_free(t->world->budget, t->methods);
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        t->records[n] = from->records[n];
        t->records[n].context = (uintptr_t)&t->context;
        t->methods[n + 1] = (uintptr_t)&t->records[n];
    }
    return true;
}

/* It is in the list from the end on, so that a collection finds `self`; until then the other thread
 * holds it. It counts as running: a collection waits until it has started. */
bool cil_runtime_fork(struct cil_runtime *t, struct cil_runtime *from, uint32_t self,
                      bool is_background)
{
    *t = *from;
    t->held_count = 0;
    t->waits_for = NULL;
    (void)cil_hold(from, self);
    t->part = t->part_end = 0;
    t->context.next = t->context.full = t->context.thrown = t->context.chain = 0;
    t->context.target = 0;
    cil_lock(from);
    bool is_ok = make_own(t, from);
    t->self = cil_drop(from);
    if (is_ok) {
        t->context.methods = (uintptr_t)t->methods;
        t->context.poll = t->world->pauses % 2;
        t->next = t->world->threads;
        t->world->threads = t;
        t->is_background = is_background;
        set(&t->world->running, t->world->running + 1);
        set(&t->world->foreground, t->world->foreground + (is_background ? 0 : 1));
    }
    cil_unlock(from);
    return is_ok;
}

static void take_out(struct cil_runtime *t)
{
    struct cil_runtime **at = &t->world->threads;
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
}

/* Outside of compiled code nothing may end the program with cil_end(). */
void cil_runtime_join(struct cil_runtime *t)
{
    struct cil_world *w = t->world;
    if (!park_lock(&w->lock)) {
        return;
    }
    (void)cil_heap_try_return(t);
    take_out(t);
    cil_stack_remove(w, t->stack_low);
    budget_free(w->budget, t->records);
    budget_free(w->budget, t->methods);
    if (!t->is_background) {
        set(&w->foreground, w->foreground - 1);
        (void)park_notify(&w->foreground, UINT32_MAX);
    }
    stop_running(w);
    budget_free(w->budget, t);
    park_unlock(&w->lock);
}

void cil_runtime_wait(struct cil_runtime *r)
{
    struct cil_world *w = r->world;
    if (!w->has_threads || !park_lock(&w->lock)) {
        return;
    }
    stop_running(w);
    uint32_t left = w->foreground;
    park_unlock(&w->lock);
    while (left != 0 && park_wait(&w->foreground, sizeof left, left, -1) != PARK_CANCELLED) {
        left = __atomic_load_n(&w->foreground, __ATOMIC_SEQ_CST);
    }
    if (park_lock(&w->lock)) { /* the last one has finished with the world */
        park_unlock(&w->lock);
    }
}
