// SPDX-License-Identifier: MIT
//
// A timer on each CPU samples the code that its interrupt interrupted. Names are resolved at once,
// because a program may be gone when the profile is printed.
#include "kernel/trace/report/profile.h"

#include "hal/smp.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/symbols.h"
#include "kernel/fault/fault.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/trace/report/calltree.h"

/* The names, counts and tree are under one lock, which every sample needs. With many CPUs the
 * samples would mostly wait for it, so a sample is dropped if the lock is taken (`left_out`),
 * and each CPU's timer fires only once in count * PROFILE_PERIOD_NS: on average one CPU
 * samples at a time.
 *
 * Starting and stopping. `is_running` is set by the thread that may start the timers and
 * cleared after they are cancelled. `is_counting` is true between the two; a sample checks it
 * under the lock and counts nothing if it is false. profile_stop() first clears it under the lock:
 * if two threads stop the profile, only the one that cleared it cancels the timers (timer_cancel()
 * waits for a running one). The counts stay until the next start. */

#define FRAMES  64u  /* innermost frames of a chain; outer ones are omitted */
#define KNOWN   256u /* a power of two */
#define ENTRIES 256u /* functions or lines in a list */

STATIC_ASSERT(PROFILE_NAME_MAX <= CALLTREE_NAME_MAX,
              "the call tree does not shorten names further");

/* Cache of resolved names. Code of drivers is not cached, since other code may be loaded at its
 * address. A program's id is never reused. */
struct known {
    uintptr_t pc;     /* 0: the entry is empty */
    uint32_t program; /* 0: the kernel's code */
    uint16_t name;    /* as calltree_name() */
};

struct counts {
    uint32_t count;
    struct profile_entry entries[ENTRIES]; /* by count, the largest first */
};

/* Field protection: [p] lock; the only locks taken under it are those for naming code (fault.c) */
struct profile {
    struct calltree tree;               /* [p] */
    struct known known[KNOWN];          /* [p] by pc */
    uint64_t total;                     /* [p] */
    struct counts lists[PROFILE_LISTS]; /* [p] */
};

static struct spinlock lock = SPINLOCK_INIT;
static struct profile *profile; /* lock; NULL: none was started yet */
static bool is_counting;        /* lock */
/* The CPU's own: its function restarts it, so it stays there. Started by the thread that
 * sets is_running. */
static struct timer timers[CPU_MAX];
static uint64_t round_ns; /* time between two samples of one CPU; set before the timers start */
static _Atomic uint64_t left_out; /* samples dropped because another CPU held the lock; relaxed */
static _Atomic bool is_running;   /* acquire and release: protects the timers */

bool profile_get(enum profile_list list, uint32_t i, struct profile_entry *out, uint64_t *total)
{
    irq_state_t state = spin_lock_irq(&lock);
    bool is_there = profile != NULL && i < profile->lists[list].count;
    if (is_there) {
        *out = profile->lists[list].entries[i];
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

/* --- samples --- */

/* Split "main+0x1c (file:line)" into "main" and "(file:line)". A name or a file may contain "+".
 * @return the second part; empty if there is none. */
static const char *split(char *text)
{
    char *found = NULL;
    const char *place = "";
    for (char *plus = text; (plus = strchr(plus, '+')) != NULL; plus++) {
        const char *end = plus + 1;
        while ((*end >= '0' && *end <= '9') || (*end >= 'a' && *end <= 'f') || *end == 'x') {
            end++;
        }
        if (*end == '\0' || (end[0] == ' ' && end[1] == '(')) {
            found = plus;
            place = *end == '\0' ? end : end + 1;
        }
    }
    if (found != NULL) {
        *found = '\0';
    }
    return place;
}

/* @param line Receives the name and the line, if it is known; or NULL. */
static void name_code(uintptr_t pc, char name[PROFILE_NAME_MAX], char line[PROFILE_LINE_MAX])
{
    char text[PROFILE_LINE_MAX];
    const char *place = "", *function = text, *program = "";
    bool is_kernel = symbols_find_name(pc, text, sizeof text);
    if (!is_kernel && fault_describe_code(pc, text, sizeof text)) {
        const struct thread *t = thread_current();
        place = split(text);
        program = t != NULL && t->owner != NULL && fault_code_is_program(pc) ? t->owner->name : "";
    } else if (!is_kernel) {
        function = "(code without a name)";
    }
    const char *mark = *program == '\0' ? "" : "!";
    fmt_print(name, PROFILE_NAME_MAX, "%s%s%s", program, mark, function);
    if (line != NULL) {
        fmt_print(line, PROFILE_LINE_MAX, "%s%s%s%s%s", program, mark, function,
                  *place == '\0' ? "" : " ", place);
    }
}

/* When all entries are used, a new function replaces the one with the lowest count. A function that
 * is sampled often moves up and away from that place, whenever it starts. */
static struct profile_entry *find_locked(struct counts *c, const char *name) REQUIRES(lock)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (strcmp(c->entries[i].name, name) == 0) {
            return &c->entries[i];
        }
    }
    if (c->count < ENTRIES) {
        c->count++;
    }
    struct profile_entry *e = &c->entries[c->count - 1];
    e->count = 0;
    (void)str_copy(e->name, sizeof(e->name), name);
    return e;
}

static void count_locked(struct counts *c, const char *name) REQUIRES(lock)
{
    struct profile_entry *e = find_locked(c, name);
    e->count++;
    for (; e > c->entries && e[-1].count < e->count; e--) {
        struct profile_entry more = *e;
        *e = e[-1];
        e[-1] = more;
    }
}

/* --- call chains --- */

/* A name must not contain the separator of chains. */
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
    uint32_t program = t != NULL && t->owner != NULL ? t->owner->id : 0;
    struct known *k = &p->known[(pc ^ pc >> 8) % KNOWN];
    if (k->pc == pc && pc != 0 && (k->program == 0 || k->program == program)) {
        return k->name;
    }
    bool is_kernel = symbols_find_function(pc) != 0;
    name_code(pc, name, NULL);
    uint16_t number = intern(&p->tree, name);
    if (is_kernel || (program != 0 && fault_code_is_program(pc))) {
        *k = (struct known){.pc = pc, .program = is_kernel ? 0 : program, .name = number};
    }
    return number;
}

/* From the innermost function outwards. A return address may belong to the next function,
 * hence pc - 1. */
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
    char name[PROFILE_NAME_MAX], line[PROFILE_LINE_MAX];
    uintptr_t pcs[FRAMES];
    unsigned count = walk(frame, pcs);
    name_code(pcs[0], name, line);
    /* Do not wait: with many CPUs all of them would mostly queue here. */
    if (!spin_try_lock_masked(&lock)) {
        (void)atomic_fetch_add_explicit(&left_out, 1, memory_order_relaxed);
        return;
    }
    if (is_counting) {
        profile->total++;
        count_locked(&profile->lists[PROFILE_FUNCTIONS], name);
        count_locked(&profile->lists[PROFILE_LINES], line);
        count_chain_locked(profile, pcs, count);
    }
    spin_unlock_masked(&lock);
}

/* --- control --- */

static void fire(struct timer *t)
{
    take_sample(timer_frame());
    /* A late timer skips time, so that the CPU is not sampled without a pause. */
    t->deadline_ns = MAX(t->deadline_ns + round_ns, clock_now_ns() + round_ns / 2);
    timer_start(t);
}

/* Runs in an interrupt on the CPU that owns the timer. */
static void start_timer(void *arg)
{
    timer_start(arg);
}

static void start_timers(void)
{
    uint64_t next = clock_now_ns();
    cpu_t count = cpus_count();
    round_ns = PROFILE_PERIOD_NS * count;
    for (cpu_t cpu = 0; cpu < count; cpu++) {
        next += PROFILE_PERIOD_NS;
        timers[cpu] = (struct timer){.deadline_ns = next, .fire = fire};
        smp_call(cpu, start_timer, &timers[cpu]);
    }
}

static void stop_timers(void)
{
    for (cpu_t cpu = 0; cpu < cpus_count(); cpu++) {
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
    struct profile *before = profile;
    profile = p;
    is_counting = true; /* from here on another thread may stop it */
    spin_unlock_irq(&lock, state);
    heap_free(before);
    return OK;
}

void profile_stop(void)
{
    irq_state_t state = spin_lock_irq(&lock);
    bool was_counting = is_counting;
    uint64_t total = profile == NULL ? 0 : profile->total;
    is_counting = false; /* of several threads that stop it, one continues */
    spin_unlock_irq(&lock, state);
    if (!was_counting) {
        return;
    }
    stop_timers();
    uint64_t lost = atomic_exchange_explicit(&left_out, 0, memory_order_relaxed);
    if (lost > 0) {
        log_info("profile", "%llu samples were skipped, %llu taken: another CPU was being sampled",
                 (unsigned long long)lost, (unsigned long long)total);
    }
    atomic_store_explicit(&is_running, false, memory_order_release);
}
