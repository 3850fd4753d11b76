// SPDX-License-Identifier: MIT
//
// Records which locks each CPU and each thread holds. lockcheck_graph.c draws the conclusions.

#include "kernel/debug/report/lockcheck_internal.h"

#ifdef HALYARD_DEBUG

#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/panic.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/format.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rwlock.h"
#include "kernel/sched/thread.h"

/* The locks call these functions. Each has a list of the spinlocks that the CPU holds (struct
 * cpu_locks, written with interrupts masked by its owner only) or of the mutexes and reader-writer
 * locks that the running thread holds (thread.mutexes, written by the thread itself). So no lock is
 * needed here.
 *
 * A spinlock is recorded before it is waited for, with turn 0 (spin_acquiring()), and gets a
 * turn number when it is held. For each lock that is held already, the pair is added to the graph;
 * that happens before the wait, so that a deadlock is reported before it occurs.
 *
 * Reporting takes the log's lock, which the checker must not record while it reports, and which may
 * not be taken under other locks. So a report is stored first (lock_report()) and logged when the
 * CPU holds no spinlock (end()); is_quiet suppresses recording meanwhile. */

#define SLEEPS_SAID 64u

/* Field protection: [o] the owning CPU, interrupts masked; others may read stale values */
static struct cpu_locks {
    struct lock_list spin; /* [o] */
    uint32_t turn;         /* [o] number of the last acquisition */
    uintptr_t fp;          /* [o] frame of the lock function: call chains begin above it */
    bool is_quiet;         /* [o] it is logging reports: do not record the log's own locks */
} ALIGNED(64) cpus[CPU_MAX];

/* Call sites that may sleep and were reported, in the form of is_news(). Relaxed: at worst one is
 * reported twice. */
static _Atomic uintptr_t sleeps_said[SLEEPS_SAID];

void lock_chain(uintptr_t *out, unsigned max)
{
    uintptr_t fp = cpus[hal_this_cpu()->id].fp, pc, lo, hi;
    unsigned n = 0;
    upcall_stack_bounds(&lo, &hi);
    while (n < max && hal_frame_step(&fp, &pc, lo, hi)) {
        out[n++] = pc;
    }
    while (n < max) {
        out[n++] = 0;
    }
}

/** This CPU's record, with interrupts masked; NULL:
 * checking is off now. @param frame The caller's frame. */
static struct cpu_locks *begin(irq_state_t *state, const void *frame)
{
    *state = hal_irq_save();
    struct hal_cpu *cpu = hal_this_cpu();
    struct cpu_locks *c = &cpus[cpu->id];
    if (cpu->in_panic || c->is_quiet) {
        hal_irq_restore(*state);
        return NULL;
    }
    c->fp = (uintptr_t)frame;
    return c;
}

/** Undo begin(). Logs pending reports if the CPU holds no spinlock. */
static void end(struct cpu_locks *c, irq_state_t state)
{
    if (UNLIKELY(lock_report_is_due()) && c->spin.count == 0) {
        c->is_quiet = true;
        lock_report_print();
        c->is_quiet = false;
    }
    hal_irq_restore(state);
}

static struct lock_held *find(struct lock_list *list, const void *lock)
{
    for (uint32_t i = list->count; i-- > 0;) {
        if (list->held[i].lock == lock) {
            return &list->held[i];
        }
    }
    return NULL;
}

static void push(struct lock_list *list, const struct lock_held *h)
{
    if (list->count == LOCKS_HELD_MAX) {
        lock_report(&(struct lock_report){.kind = LOCK_ROOM, .what = "held locks"});
        return;
    }
    list->held[list->count] = *h;
    list->count++;
}

/** No effect if there was no room to record it. */
static void drop(struct lock_list *list, const void *lock)
{
    struct lock_held *h = find(list, lock);
    if (h != NULL) {
        list->count--;
        for (; h < &list->held[list->count]; h++) {
            *h = h[1];
        }
    }
}

static void add_orders(const struct lock_list *list, const struct lock_held *inner)
{
    for (uint32_t i = 0; i < list->count; i++) {
        lock_graph_add(&list->held[i], inner);
    }
}

static uint8_t class_of(_Atomic uint8_t *cache, const char *name, bool is_mutex)
{
    uint8_t class = atomic_load_explicit(cache, memory_order_relaxed);
    if (LIKELY(class != 0)) {
        return class;
    }
    if (name == NULL) {
        static _Atomic bool is_said; /* relaxed: reporting it about once is enough */
        if (!atomic_exchange_explicit(&is_said, true, memory_order_relaxed)) {
            lock_report(&(struct lock_report){.kind = LOCK_UNNAMED});
        }
        return 0;
    }
    class = lock_class_find(name, is_mutex);
    /* another CPU would store the same value */
    atomic_store_explicit(cache, class, memory_order_relaxed);
    return class;
}

/* --- spinlocks --- */

static const char *lock_name(const struct spinlock *lock)
{
    return lock->site == NULL ? "(no name)" : lock->site;
}

static void spin_acquiring(struct spinlock *lock)
{
    irq_state_t state;
    bool irqs_on = hal_irqs_enabled();
    struct cpu_locks *c = begin(&state, __builtin_frame_address(0));
    if (c == NULL) {
        return;
    }
    /* not earlier: the thread could move to another CPU */
    bool in_irq = hal_this_cpu()->irq_depth != 0;
    if (find(&c->spin, lock) != NULL && !spin_is_locked(lock)) {
        drop(&c->spin, lock); /* it was re-initialised while held */
    }
    if (find(&c->spin, lock) != NULL) {
        panic("spinlock: \"%s\" is taken twice by one CPU", lock_name(lock));
    }
    struct lock_held h = {.lock = lock, .class = class_of(&lock->class, lock->site, false)};
    lock_chain(h.chain, LOCK_CHAIN);
    lock_graph_use(h.class, in_irq, irqs_on && !in_irq);
    add_orders(&c->spin, &h);
    if (!in_irq && thread_current() != NULL) {
        add_orders(&thread_current()->mutexes, &h);
    }
    push(&c->spin, &h);
    hal_irq_restore(state);
}

static uint32_t next_turn(struct cpu_locks *c)
{
    c->turn += c->turn == UINT32_MAX ? 2 : 1;
    return c->turn;
}

static void spin_acquired(struct spinlock *lock)
{
    irq_state_t state;
    struct cpu_locks *c = begin(&state, __builtin_frame_address(0));
    if (c == NULL) {
        return;
    }
    struct lock_held *h = find(&c->spin, lock);
    if (h != NULL) {
        h->turn = next_turn(c);
    }
    hal_irq_restore(state);
}

/* Trying does not wait, so it creates no order with the locks held; locks taken while
 * it is held do. */
static void spin_try_acquired(struct spinlock *lock)
{
    irq_state_t state;
    struct cpu_locks *c = begin(&state, __builtin_frame_address(0));
    if (c == NULL) {
        return;
    }
    struct lock_held h = {.lock = lock, .class = class_of(&lock->class, lock->site, false)};
    h.turn = next_turn(c);
    lock_chain(h.chain, LOCK_CHAIN);
    drop(&c->spin, lock); /* it may have been re-initialised while held */
    push(&c->spin, &h);
    hal_irq_restore(state);
}

static void spin_releasing(struct spinlock *lock)
{
    irq_state_t state;
    struct cpu_locks *c = begin(&state, __builtin_frame_address(0));
    if (c != NULL) {
        drop(&c->spin, lock);
        hal_irq_restore(state);
    }
}

static void released(void)
{
    irq_state_t state;
    if (LIKELY(!lock_report_is_due())) {
        return;
    }
    struct cpu_locks *c = begin(&state, __builtin_frame_address(0));
    if (c != NULL) {
        end(c, state);
    }
}

static uint32_t turn(cpu_t cpu)
{
    const struct lock_list *l = &cpus[cpu].spin;
    return l->count == 0 ? 0 : l->held[0].turn;
}

static void print_held(cpu_t cpu, void (*write)(void *ctx, const char *line), void *ctx)
{
    struct lock_list l = cpus[cpu].spin;
    char line[128];
    for (uint32_t i = 0; i < MIN(l.count, LOCKS_HELD_MAX); i++) {
        const struct lock_held *h = &l.held[i];
        fmt_print(line, sizeof line, "cpu %u %s spinlock \"%s\", taken at", cpu,
                  h->turn == 0 ? "waits for" : "holds", lock_classes[h->class].name);
        write(ctx, line);
        backtrace_print_list(write, ctx, h->chain, LOCK_CHAIN);
    }
}

/* --- sleeping --- */

/** @param pc The xor of two addresses: in the function that called the sleeping function, and in
 *     its caller. */
static bool is_news(uintptr_t pc)
{
    _Atomic uintptr_t *slot = &sleeps_said[(pc >> 2) % SLEEPS_SAID];
    return pc == 0 || atomic_exchange_explicit(slot, pc, memory_order_relaxed) != pc;
}

static void report_sleep(const char *what, const char *why, const struct lock_list *spin,
                         uint32_t allowed)
{
    struct lock_report r = {.kind = LOCK_SLEEP, .what = what, .why = why};
    if (spin->count > allowed) {
        r.outer = spin->held[0].class;
        COPY_SMALL(r.outer_chain, spin->held[0].chain, sizeof r.outer_chain);
    }
    uintptr_t chain[2];
    lock_chain(chain, ARRAY_COUNT(chain));
    if (is_news(chain[0] ^ chain[1])) {
        lock_report(&r);
    }
}

/** `allowed`: number of spinlocks that may be held. */
static void check_sleep(const char *what, uint32_t allowed, bool irqs_on, const void *frame)
{
    irq_state_t state;
    struct cpu_locks *c = thread_current() == NULL ? NULL : begin(&state, frame);
    if (c == NULL) {
        return;
    }
    /* not earlier: the thread could move to another CPU */
    const struct hal_cpu *cpu = hal_this_cpu();
    const char *why = cpu->irq_depth != 0       ? "in an interrupt"
                      : c->spin.count > allowed ? "with a spinlock held"
                      : cpu->preempt_off != 0   ? "with preemption off"
                      : !irqs_on                ? "with interrupts masked"
                                                : NULL;
    if (UNLIKELY(why != NULL)) {
        report_sleep(what, why, &c->spin, allowed);
    }
    end(c, state);
}

static void may_sleep(const char *what)
{
    check_sleep(what, 0, hal_irqs_enabled(), __builtin_frame_address(0));
}

static void sleeps(unsigned locks)
{
    check_sleep("waiting", locks, true, __builtin_frame_address(0));
}

/* --- mutexes and reader-writer locks --- */

/** What mutexes and reader-writer locks have in common. */
struct sleeping_lock {
    const void *lock;
    const char *name, *taker;
    _Atomic uint8_t *class;
};

static struct sleeping_lock of_mutex(struct mutex *m)
{
    return (struct sleeping_lock){m, m->queue.name, "mutex_lock", &m->class};
}

static struct sleeping_lock of_rwlock(struct rwlock *l)
{
    return (struct sleeping_lock){l, l->queue.name, "rwlock", &l->class};
}

/** The running thread's list, which only it uses; NULL: checking is off now. */
static struct lock_list *begin_sleeping(struct cpu_locks **c, irq_state_t *state, const void *frame)
{
    struct thread *t = thread_current();
    *c = t == NULL ? NULL : begin(state, frame);
    return *c == NULL ? NULL : &t->mutexes;
}

static void wants(struct sleeping_lock l, const void *frame)
{
    check_sleep(l.taker, 0, hal_irqs_enabled(), frame);
    irq_state_t state;
    struct cpu_locks *c;
    struct lock_list *list = begin_sleeping(&c, &state, frame);
    if (list == NULL) {
        return;
    }
    if (find(list, l.lock) != NULL) {
        panic("mutex: \"%s\" is taken twice by thread %u \"%s\"", l.name, thread_current()->id,
              thread_current()->name);
    }
    struct lock_held h = {.lock = l.lock, .class = class_of(l.class, l.name, true)};
    lock_chain(h.chain, LOCK_CHAIN);
    add_orders(list, &h);
    end(c, state);
}

static void has(struct sleeping_lock l, const void *frame)
{
    irq_state_t state;
    struct cpu_locks *c;
    struct lock_list *list = begin_sleeping(&c, &state, frame);
    if (list != NULL) {
        struct lock_held h = {.lock = l.lock, .class = class_of(l.class, l.name, true), .turn = 1};
        lock_chain(h.chain, LOCK_CHAIN);
        push(list, &h);
        hal_irq_restore(state);
    }
}

static void releasing(const void *lock, const void *frame)
{
    irq_state_t state;
    struct cpu_locks *c;
    struct lock_list *list = begin_sleeping(&c, &state, frame);
    if (list != NULL) {
        drop(list, lock);
        hal_irq_restore(state);
    }
}

static void mutex_acquiring(struct mutex *m)
{
    wants(of_mutex(m), __builtin_frame_address(0));
}

static void mutex_acquired(struct mutex *m)
{
    has(of_mutex(m), __builtin_frame_address(0));
}

static void mutex_releasing(struct mutex *m)
{
    releasing(m, __builtin_frame_address(0));
}

static void rwlock_acquiring(struct rwlock *l)
{
    wants(of_rwlock(l), __builtin_frame_address(0));
}

static void rwlock_acquired(struct rwlock *l)
{
    has(of_rwlock(l), __builtin_frame_address(0));
}

static void rwlock_releasing(struct rwlock *l)
{
    releasing(l, __builtin_frame_address(0));
}

static void ends(const struct thread *t)
{
    if (t->mutexes.count != 0) {
        panic("thread %u \"%s\" ends and holds mutex \"%s\"", t->id, t->name,
              lock_classes[t->mutexes.held[0].class].name);
    }
}

void lockcheck_install(void)
{
    static const struct lockcheck_ops ops = {
        .may_sleep = may_sleep,
        .sleeps = sleeps,
        .ends = ends,
        .turn = turn,
        .print_held = print_held,
        .spin_acquiring = spin_acquiring,
        .spin_acquired = spin_acquired,
        .spin_try_acquired = spin_try_acquired,
        .spin_releasing = spin_releasing,
        .released = released,
        .mutex_acquiring = mutex_acquiring,
        .mutex_acquired = mutex_acquired,
        .mutex_releasing = mutex_releasing,
        .rwlock_acquiring = rwlock_acquiring,
        .rwlock_acquired = rwlock_acquired,
        .rwlock_releasing = rwlock_releasing,
    };
    lockcheck = &ops;
}

#endif
