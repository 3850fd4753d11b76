// SPDX-License-Identifier: MIT
//
// The lock checker's reports: stored where the problem is found, logged later.

#include "kernel/debug/report/lockcheck_internal.h"

#ifdef HALYARD_DEBUG

#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/sched/thread.h"

#define REPORTS  8u
#define FREE     0u
#define FILLING  1u
#define READY    2u
#define PRINTING 3u

/* A problem is found while a lock is being taken, often with other spinlocks held. Logging takes
 * locks of its own, so a report logged there could deadlock, and would be checked itself. The
 * report is therefore copied to a slot and logged by the next checked lock operation that leaves
 * its CPU without a spinlock.
 *
 * A slot's state passes FREE, FILLING, READY, PRINTING, FREE. Only the CPU that changed it to
 * FILLING or PRINTING (compare and exchange, acquire) touches the slot's other fields, until it
 * stores the next state (release). So no lock is needed, and any CPU may print a report of any
 * other. `due` is only a hint that saves the search: it counts up after READY and down after
 * PRINTING, so it may be wrong for a moment, but not for long. */

static struct lock_report kept[REPORTS];
static _Atomic uint32_t due;                   /* relaxed: number of reports that are READY */
static _Atomic uint32_t unexpected, lost;      /* relaxed: counts */
static _Atomic uint32_t expected[LOCK_FAULTS]; /* relaxed: announced by tests */

uint32_t lockcheck_reports(void)
{
    return atomic_load_explicit(&unexpected, memory_order_relaxed);
}

void lockcheck_expect(enum lock_fault kind)
{
    atomic_store_explicit(&expected[kind], 1, memory_order_relaxed);
}

bool lockcheck_is_expected(enum lock_fault kind)
{
    return atomic_load_explicit(&expected[kind], memory_order_relaxed) != 0;
}

bool lock_report_is_due(void)
{
    return atomic_load_explicit(&due, memory_order_relaxed) != 0;
}

static void copy_report(struct lock_report *slot, const struct lock_report *r)
{
    slot->kind = r->kind;
    slot->outer = r->outer;
    slot->inner = r->inner;
    slot->descending = r->descending;
    slot->path = r->path;
    slot->what = r->what;
    slot->why = r->why;
    COPY_SMALL(slot->outer_chain, r->outer_chain, sizeof slot->outer_chain);
    slot->cpu = hal_this_cpu()->id;
    slot->thread = thread_current() == NULL ? 0 : thread_current()->id;
    lock_chain(slot->chain, LOCK_CHAIN_LONG);
    atomic_store_explicit(&slot->state, READY, memory_order_release);
    atomic_fetch_add_explicit(&due, 1, memory_order_relaxed);
}

/* A test that provokes a fault announces it; only the first report of that kind is then not counted
 * as unexpected. */
void lock_report(const struct lock_report *r)
{
    if (atomic_exchange_explicit(&expected[r->kind], 0, memory_order_relaxed) == 0) {
        atomic_fetch_add_explicit(&unexpected, 1, memory_order_relaxed);
    }
    for (unsigned i = 0; i < REPORTS; i++) {
        uint32_t before = FREE;
        if (atomic_compare_exchange_strong_explicit(&kept[i].state, &before, FILLING,
                                                    memory_order_acquire, memory_order_relaxed)) {
            copy_report(&kept[i], r);
            return;
        }
    }
    atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
}

bool lockcheck_has_unprinted(void)
{
    bool found = false;
    for (unsigned i = 0; i < REPORTS; i++) {
        found = found || atomic_load_explicit(&kept[i].state, memory_order_acquire) != FREE;
    }
    return found;
}

/* From here on: printing. The text names both locks, then where this CPU took them, then where the
 * opposite order was recorded. */
static void write_line(void *ctx, const char *line)
{
    (void)ctx;
    log_warn("locks", "  %s", line);
}

static const char *kind_of(uint8_t class)
{
    return lock_classes[class].is_mutex ? "mutex" : "spinlock";
}

static const char *name_of(uint8_t class)
{
    return lock_classes[class].name;
}

static void log_chain(const char *before, uint8_t class, const char *after, const uintptr_t *chain,
                      unsigned max)
{
    log_warn("locks", "%s%s \"%s\"%s", before, kind_of(class), name_of(class), after);
    backtrace_print_list(write_line, NULL, chain, max);
}

/** Print each order on the path. */
static void report_path(const struct lock_path *p, bool descending)
{
    for (unsigned i = 0; i + 1 < p->count; i++) {
        uint8_t outer = p->class[i], inner = p->class[i + 1];
        const struct lock_edge *e = lock_graph_edge(outer, inner, descending);
        if (e != NULL) {
            log_chain("elsewhere ", outer, " was taken at", e->outer, LOCK_CHAIN);
            log_chain("and under it ", inner, " at", e->inner, LOCK_CHAIN_LONG);
        }
    }
}

static void report_order(const struct lock_report *r)
{
    bool one_class = r->outer == r->inner;
    log_warn(
        "locks",
        "order: cpu %u, thread %u takes %s \"%s\" while it holds %s \"%s\"; elsewhere they are "
        "taken the other way round%s: each can wait for the other for ever",
        r->cpu, r->thread, kind_of(r->inner), name_of(r->inner), kind_of(r->outer),
        name_of(r->outer), one_class ? ", by address" : "");
    log_chain("here ", r->outer, " was taken at", r->outer_chain, LOCK_CHAIN);
    log_chain("and then ", r->inner, " at", r->chain, LOCK_CHAIN_LONG);
    report_path(&r->path, one_class && !r->descending);
}

/* Two forms: a class is taken both in interrupts and with interrupts enabled, or such a class (b)
 * is taken while a class used in interrupts (a) is held. */
static void report_irq(const struct lock_report *r)
{
    const struct lock_class *a = &lock_classes[r->outer], *b = &lock_classes[r->inner];
    if (r->outer == r->inner) {
        log_warn(
            "locks",
            "interrupt: spinlock \"%s\" is taken in an interrupt, and elsewhere with interrupts "
            "on: there, the interrupt waits for it for ever",
            a->name);
    } else {
        log_warn(
            "locks",
            "interrupt: spinlock \"%s\" is taken in an interrupt, and \"%s\" under it, which is "
            "also taken with interrupts on: there, the interrupt can wait for ever",
            a->name, b->name);
    }
    if ((atomic_load_explicit(&a->seen, memory_order_acquire) & LOCK_IRQ_CHAIN) != 0) {
        log_chain("in an interrupt ", r->outer, " was taken at", a->irq_chain, LOCK_CHAIN_LONG);
    }
    if ((atomic_load_explicit(&b->seen, memory_order_acquire) & LOCK_ON_CHAIN) != 0) {
        log_chain("with interrupts on ", r->inner, " was taken at", b->on_chain, LOCK_CHAIN_LONG);
    }
    report_path(&r->path, false);
}

static void report_sleep(const struct lock_report *r)
{
    log_warn("locks", "sleep: cpu %u, thread %u: %s may sleep, %s, at", r->cpu, r->thread, r->what,
             r->why);
    backtrace_print_list(write_line, NULL, r->chain, LOCK_CHAIN_LONG);
    if (r->outer != 0) {
        log_chain("", r->outer, " was taken at", r->outer_chain, LOCK_CHAIN);
    }
}

static void print(const struct lock_report *r)
{
    switch (r->kind) {
    case LOCK_ORDER:
        report_order(r);
        break;
    case LOCK_IRQ:
        report_irq(r);
        break;
    case LOCK_SLEEP:
        report_sleep(r);
        break;
    case LOCK_UNNAMED:
        log_warn("locks", "a lock that was never initialised is taken at");
        backtrace_print_list(write_line, NULL, r->chain, LOCK_CHAIN_LONG);
        break;
    case LOCK_ROOM:
    case LOCK_FAULTS:
        log_warn("locks", "no room for more %s: the rest is not checked", r->what);
        break;
    }
}

/* The caller has set is_quiet for this CPU, so the locks of the logger are not recorded. */
void lock_report_print(void)
{
    for (unsigned i = 0; i < REPORTS; i++) {
        uint32_t before = READY;
        if (atomic_compare_exchange_strong_explicit(&kept[i].state, &before, PRINTING,
                                                    memory_order_acquire, memory_order_relaxed)) {
            atomic_fetch_sub_explicit(&due, 1, memory_order_relaxed);
            print(&kept[i]);
            atomic_store_explicit(&kept[i].state, FREE, memory_order_release);
        }
    }
    uint32_t missed = atomic_exchange_explicit(&lost, 0, memory_order_relaxed);
    if (missed != 0) {
        log_warn("locks", "%u more reports came too fast to be kept", missed);
    }
}

#endif
