// SPDX-License-Identifier: MIT
//
// A timer on each CPU takes the samples, of what its interrupt interrupted. Names are taken at
// once, since a program may be gone when somebody asks. That is done under one lock, so CPUs take
// turns: looked at at once, many of them would do nothing else.
#include "kernel/trace/profile.h"

#include "hal/smp.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/symbols.h"
#include "kernel/fault/fault.h"
#include "kernel/io/irq.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/program.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/trace/calltree.h"

#define FRAMES  64u  /* innermost ones of a chain; those above them are left out */
#define KNOWN   256u /* a power of two */
#define ENTRIES 256u /* functions that are counted by name */

STATIC_ASSERT(PROFILE_NAME_MAX <= CALLTREE_NAME_MAX, "a name is cut once");

/* The name of an instruction that was found before. Code of a driver may go and other code come
 * there: it is not remembered. A program's number is its own for ever. */
struct known {
    uintptr_t pc;
    uint32_t program; /* 0: the kernel's code */
    uint16_t name;    /* 0: nothing is known here */
};

/* Field protection:  [p] lock; under it only what finding a name takes (fault.c) */
struct profile {
    struct calltree tree;                  /* [p] */
    struct known known[KNOWN];             /* [p] by pc */
    uint64_t total;                        /* [p] */
    uint32_t count;                        /* [p] */
    struct profile_entry entries[ENTRIES]; /* [p] by count, the largest first */
};

static struct spinlock lock = SPINLOCK_INIT;
static struct profile *profile; /* lock; NULL: none runs */
/* A CPU's own: its function starts it again, so it stays there. Started by who sets is_running. */
static struct timer timers[CPU_MAX];
static uint64_t round_ns; /* between two looks at one CPU; set before the timers are started */
static _Atomic uint64_t left_out; /* looks that found another CPU's in their way; relaxed */
static _Atomic bool is_running;   /* acquire and release: whoever sets it owns the timers */

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

uint32_t profile_get_stack(uint32_t *at, char *buf, size_t len)
{
    irq_state_t state = spin_lock_irq(&lock);
    uint32_t count = profile == NULL ? 0 : calltree_next(&profile->tree, at, buf, len);
    spin_unlock_irq(&lock, state);
    return count;
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

/* When all entries are taken a new function gets that of the one that was found least often: what
 * is found again and again moves away from there, whenever it began. */
static struct profile_entry *find_locked(struct profile *p, const char *name) REQUIRES(lock)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (strcmp(p->entries[i].name, name) == 0) {
            return &p->entries[i];
        }
    }
    if (p->count < ENTRIES) {
        p->count++;
    }
    struct profile_entry *e = &p->entries[p->count - 1];
    e->count = 0;
    (void)str_copy(e->name, sizeof(e->name), name);
    return e;
}

static void count_locked(struct profile *p, const char *name) REQUIRES(lock)
{
    struct profile_entry *e = find_locked(p, name);
    e->count++;
    p->total++;
    for (; e > p->entries && e[-1].count < e->count; e--) {
        struct profile_entry more = *e;
        *e = e[-1];
        e[-1] = more;
    }
}

/* ---- Call chains ---- */

/* What stands between names in a chain is in none. */
static uint16_t intern(struct calltree *t, char *name)
{
    for (char *semicolon = name; (semicolon = strchr(semicolon, ';')) != NULL;) {
        *semicolon = ':';
    }
    str_make_printable(name);
    return calltree_name(t, name);
}

static uint16_t name_locked(struct profile *p, uintptr_t pc) REQUIRES(lock)
{
    const struct thread *t = thread_current();
    char name[PROFILE_NAME_MAX];
    struct symbol_info info;
    uint32_t program = t != NULL && t->program != NULL ? t->program->id : 0;
    struct known *k = &p->known[(pc ^ pc >> 8) % KNOWN];
    if (k->name != 0 && k->pc == pc && (k->program == 0 || k->program == program)) {
        return k->name;
    }
    bool is_kernel = symbols_find(pc, &info);
    name_code(pc, name, sizeof(name));
    uint16_t number = intern(&p->tree, name);
    if (is_kernel || (program != 0 && fault_code_is_program(pc))) {
        *k = (struct known){.pc = pc, .program = is_kernel ? 0 : program, .name = number};
    }
    return number;
}

/* From the innermost function on. A return address may be the first of the next function. */
static unsigned walk(const struct hal_frame *frame, uintptr_t pcs[FRAMES])
{
    uintptr_t lo, hi, fp = hal_frame_fp(frame);
    unsigned count = 0;
    pcs[count++] = hal_frame_pc(frame);
    upcall_stack_bounds(&lo, &hi);
    for (uintptr_t pc; count < FRAMES && hal_frame_step(&fp, &pc, lo, hi);) {
        pcs[count++] = pc - 1;
    }
    return count;
}

static void count_chain_locked(struct profile *p, const uintptr_t *pcs, unsigned count)
    REQUIRES(lock)
{
    const struct thread *t = thread_current();
    char thread[PROFILE_NAME_MAX];
    (void)str_copy(thread, sizeof(thread), t == NULL ? "boot" : t->name);
    uint16_t node = calltree_enter(&p->tree, 0, intern(&p->tree, thread));
    while (count > 0) {
        node = calltree_enter(&p->tree, node, name_locked(p, pcs[--count]));
    }
    calltree_count(&p->tree, node);
}

static void take_sample(const struct hal_frame *frame)
{
    char name[PROFILE_NAME_MAX];
    uintptr_t pcs[FRAMES];
    unsigned count = walk(frame, pcs);
    name_code(pcs[0], name, sizeof(name));
    /* Not waited for: with many CPUs, and fewer behind them, all would do nothing but queue here.
     */
    if (!spin_try_lock_masked(&lock)) {
        (void)atomic_fetch_add_explicit(&left_out, 1, memory_order_relaxed);
        return;
    }
    if (profile != NULL) {
        count_locked(profile, name);
        count_chain_locked(profile, pcs, count);
    }
    spin_unlock_masked(&lock);
}

/* ---- Control ---- */

static void fire(struct timer *t)
{
    take_sample(irq_frame());
    /* One that comes late leaves its CPU time to be late with something else. */
    t->deadline_ns = MAX(t->deadline_ns + round_ns, clock_now_ns() + round_ns / 2);
    timer_start(t);
}

/* In an interrupt on the CPU whose timer it is. */
static void start_timer(void *arg)
{
    timer_start(arg);
}

static void start_timers(void)
{
    uint64_t next = clock_now_ns();
    cpu_t count = hal_cpu_count();
    round_ns = PROFILE_PERIOD_NS * count;
    for (cpu_t cpu = 0; cpu < count; cpu++) {
        next += PROFILE_PERIOD_NS;
        timers[cpu] = (struct timer){.deadline_ns = next, .fire = fire};
        smp_call(cpu, start_timer, &timers[cpu]);
    }
}

static void stop_timers(void)
{
    for (cpu_t cpu = 0; cpu < hal_cpu_count(); cpu++) {
        (void)timer_cancel(&timers[cpu]);
    }
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
    start_timers();
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
    stop_timers();
    uint64_t lost = atomic_exchange_explicit(&left_out, 0, memory_order_relaxed);
    if (lost > 0) {
        log_info("profile", "%llu looks beside %llu were left out: another CPU was being looked at",
                 (unsigned long long)lost, (unsigned long long)p->total);
    }
    heap_free(p);
    atomic_store_explicit(&is_running, false, memory_order_release);
}
