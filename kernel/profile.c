// SPDX-License-Identifier: MIT
//
// The timer says that a sample is due, and the interrupt that it fired in takes it: that one has
// the interrupted registers. Names are taken at once, since a program may be gone when somebody
// asks.
#include "kernel/profile.h"

#include "kernel/clock.h"
#include "kernel/fault.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/program.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/symbols.h"

#define ENTRIES 256u /* functions; the last one is for those that came too late */

/* Field protection:  [p] lock, a leaf */
struct profile {
    uint64_t total;                        /* [p] */
    uint32_t count;                        /* [p] */
    struct profile_entry entries[ENTRIES]; /* [p] by count, the largest first */
};

static struct spinlock lock = SPINLOCK_INIT;
static struct profile *profile; /* lock; NULL: none runs */
static struct timer timer;      /* started by who sets is_running, and by itself */
static _Atomic bool is_running; /* whoever sets it owns timer and profile_start() */
static _Atomic bool is_due;     /* set by the timer, taken by the interrupt that it fired in */

static void fire(struct timer *t)
{
    atomic_store_explicit(&is_due, true, memory_order_relaxed);
    t->deadline_ns += PROFILE_PERIOD_NS;
    timer_start(t);
}

enum status profile_start(void)
{
    struct profile *p = heap_zalloc(sizeof(*p));
    if (p == NULL) {
        return E_NOMEM;
    }
    if (atomic_exchange_explicit(&is_running, true, memory_order_acquire)) {
        heap_free(p);
        return E_BUSY;
    }
    timer = (struct timer){.deadline_ns = clock_now_ns() + PROFILE_PERIOD_NS, .fire = fire};
    timer_start(&timer);
    irq_state_t state = spin_lock_irq(&lock);
    profile = p; /* from here on somebody may stop it */
    spin_unlock_irq(&lock, state);
    return OK;
}

void profile_stop(void)
{
    irq_state_t state = spin_lock_irq(&lock);
    struct profile *p = profile;
    profile = NULL; /* of several who stop it one goes on */
    spin_unlock_irq(&lock, state);
    if (p == NULL) {
        return;
    }
    while (!timer_cancel(&timer)) { /* it fired, and has started itself again */
        hal_cpu_relax();
    }
    heap_free(p);
    atomic_store_explicit(&is_running, false, memory_order_release);
}

bool profile_get(uint32_t i, struct profile_entry *out, uint64_t *total)
{
    irq_state_t state = spin_lock_irq(&lock);
    bool is_there = profile != NULL && i < profile->count;
    if (is_there) {
        *out = profile->entries[i];
    }
    *total = profile == NULL ? 0 : profile->total;
    spin_unlock_irq(&lock, state);
    return is_there;
}

/* ---- Samples ---- */

/* "main+0x1c (file:line)" is main. */
static void cut_offset(char *name)
{
    char *plus = strrchr(name, '+');
    if (plus != NULL) {
        *plus = '\0';
    }
}

static void name_code(uintptr_t pc, char *out, size_t len)
{
    struct symbol_info info;
    char function[96];
    if (symbols_find(pc, &info)) {
        (void)str_copy(out, len, info.name);
        return;
    }
    if (!fault_describe_code(pc, function, sizeof(function))) {
        (void)str_copy(out, len, "(code without a name)");
        return;
    }
    cut_offset(function);
    const struct thread *t = thread_current();
    if (t != NULL && t->program != NULL && fault_code_is_program(pc)) {
        fmt_print(out, len, "%s!%s", t->program->name, function);
    } else {
        (void)str_copy(out, len, function);
    }
}

static struct profile_entry *find_locked(struct profile *p, const char *name) REQUIRES(lock)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (strcmp(p->entries[i].name, name) == 0) {
            return &p->entries[i];
        }
    }
    if (p->count == ENTRIES) {
        return &p->entries[ENTRIES - 1];
    }
    struct profile_entry *e = &p->entries[p->count++];
    (void)str_copy(e->name, sizeof(e->name), p->count == ENTRIES ? "(others)" : name);
    return e;
}

static void count_locked(struct profile *p, const char *name) REQUIRES(lock)
{
    struct profile_entry *e = find_locked(p, name);
    e->count++;
    p->total++;
    for (; e > p->entries && e[-1].count < e->count && p->count < ENTRIES; e--) {
        struct profile_entry more = *e;
        *e = e[-1];
        e[-1] = more;
    }
}

void profile_interrupt(const struct hal_frame *frame)
{
    if (LIKELY(!atomic_load_explicit(&is_due, memory_order_relaxed))) {
        return;
    }
    atomic_store_explicit(&is_due, false, memory_order_relaxed);
    char name[sizeof(((struct profile_entry *)NULL)->name)];
    name_code(hal_frame_pc(frame), name, sizeof(name));
    irq_state_t state = spin_lock_irq(&lock);
    if (profile != NULL) {
        count_locked(profile, name);
    }
    spin_unlock_irq(&lock, state);
}
