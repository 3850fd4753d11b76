// SPDX-License-Identifier: MIT
//
// Snapshots of what another CPU is doing. The queried CPU copies its registers and call chain into
// memory of its own, in an NMI if the machine has one: it may have been interrupted anywhere,
// holding any lock. The CPU that asked resolves names and prints.
#include "kernel/sched/cpu_snapshot.h"

#include "hal/console.h"
#include "hal/mmu.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/ipi.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/symbols.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* The protocol has one struct answer for each CPU and these states:
 *
 *   FREE -> ASKED        by the asking CPU, before it sends HAL_IPI_SHOW
 *   ASKED -> ANSWERING   by the queried CPU, in its interrupt; only then may it write `look`
 *   ANSWERING -> ANSWERED -> FREE    the asking CPU copies `look` in between
 *   ASKED -> FREE        by the asking CPU after a time-out: the interrupt never came
 *   ANSWERING -> GIVEN_UP -> FREE    after a time-out in the middle of the answer; the
 *                        queried CPU frees it when it is done
 *
 * Each step is one acq_rel exchange, so each side knows from its result
 * whether it owns `look`. The queried CPU takes no lock and never waits,
 * and it reads memory that may be invalid with hal_mmu_peek(). */

#define COLUMNS 4u

/* A CPU that can be interrupted answers within microseconds, unless its host is busy. */
#define ANSWER_NS NS_PER_S

/* States of an answer; see above. */
enum {
    FREE,
    ASKED,     /* set by the asking CPU, the only one that may undo it */
    ANSWERING, /* the queried CPU is writing */
    ANSWERED,
    GIVEN_UP, /* it is still writing, but no CPU waits for the answer */
};

static struct answer {
    _Atomic uint32_t state;   /* acq_rel: hands `look` over with each step */
    struct cpu_snapshot look; /* owned according to `state` */
} answers[CPU_MAX];

/* Register names, equal on all CPUs. Relaxed: static strings. */
static _Atomic(const char *) names[LOOK_REGISTERS];

static bool change(struct answer *a, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong_explicit(&a->state, &from, to, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* --- the queried CPU --- */

/* Bounds of the running thread's stack. In the middle of a switch they may be the other thread's;
 * then no frame of the chain lies inside. */
static bool find_stack(uint64_t *lo, uint64_t *hi)
{
    const struct thread *t = hal_this_cpu()->current;
    return t != NULL && hal_mmu_peek((uintptr_t)&t->context.stack_lo, lo) &&
           hal_mmu_peek((uintptr_t)&t->context.stack_hi, hi);
}

static uint32_t follow(const struct hal_frame *frame, uintptr_t *chain)
{
    uint64_t lo, hi, word;
    uintptr_t fp = hal_frame_fp(frame);
    uint32_t depth = 0;
    if (!find_stack(&lo, &hi)) {
        return 0;
    }
    while (depth < LOOK_CHAIN && fp >= lo && fp < hi && hal_mmu_peek(fp, &word) &&
           hal_mmu_peek(fp + sizeof(word), &word) && hal_frame_step(&fp, &chain[depth], lo, hi)) {
        depth++;
    }
    return depth;
}

static void fill(struct cpu_snapshot *look, const struct hal_frame *frame)
{
    look->pc = hal_frame_pc(frame);
    look->irqs_enabled = hal_frame_irqs_enabled(frame);
    look->caller = hal_frame_caller(frame);
    look->link = hal_frame_link(frame);
    look->depth = follow(frame, look->chain);
    for (unsigned i = 0; i < MIN(hal_frame_register_count(), LOOK_REGISTERS); i++) {
        const char *name = "";
        look->registers[i] = hal_frame_register(frame, i, &name);
        atomic_store_explicit(&names[i], name, memory_order_relaxed);
    }
}

static void show(const struct hal_frame *frame)
{
    struct answer *a = &answers[hal_this_cpu()->id];
    if (change(a, ASKED, ANSWERING)) {
        fill(&a->look, frame);
        if (!change(a, ANSWERING, ANSWERED)) {
            atomic_store_explicit(&a->state, FREE, memory_order_release);
        }
    }
}

/* --- the asking CPU --- */

static bool wait(const struct answer *a, uint64_t limit_ns)
{
    uint64_t begin = clock_now_ns();
    while (atomic_load_explicit(&a->state, memory_order_acquire) != ANSWERED) {
        if (clock_now_ns() - begin >= limit_ns) {
            return false;
        }
        hal_cpu_relax();
    }
    return true;
}

enum status cpu_snapshot(cpu_t cpu, uint64_t limit_ns, struct cpu_snapshot *out)
{
    struct answer *a = &answers[cpu];
    if (!change(a, FREE, ASKED)) {
        return E_BUSY;
    }
    ipi_send(cpus_at(cpu), HAL_IPI_SHOW);
    if (!wait(a, limit_ns) && (change(a, ASKED, FREE) || change(a, ANSWERING, GIVEN_UP))) {
        return E_TIMEDOUT;
    }
    *out = a->look;
    atomic_store_explicit(&a->state, FREE, memory_order_release);
    return OK;
}

/** 0: unknown. */
static uintptr_t function_of(uintptr_t pc)
{
    uintptr_t start = symbols_find_function(pc);
    return start != 0 ? start : symbols_find_loaded(pc);
}

/* A function that has just begun, or that calls no other, has no frame, so its caller is missing
 * from the chain. Take the place where a call leaves the return address, unless that is the first
 * address of the chain, or the function itself has made a call before. */
static uintptr_t missing_caller(const struct cpu_snapshot *look)
{
    uintptr_t at = function_of(look->pc);
    if (at == 0) {
        return 0;
    }
    uintptr_t caller = at == look->pc ? look->caller : look->link;
    uintptr_t from = caller != 0 ? function_of(caller - 1) : 0;
    return from != 0 && from != at && (look->depth == 0 || caller != look->chain[0]) ? caller : 0;
}

static void print_chain(const struct cpu_snapshot *look, void (*write)(void *ctx, const char *line),
                        void *ctx)
{
    uintptr_t chain[LOOK_CHAIN + 1], caller = missing_caller(look);
    uint32_t count = 0;
    if (caller != 0) {
        chain[count++] = caller;
    }
    for (uint32_t i = 0; i < look->depth; i++) {
        chain[count++] = look->chain[i];
    }
    backtrace_print_chain(write, ctx, look->pc, chain, count);
}

void cpu_snapshot_print(const struct cpu_snapshot *look, void (*write)(void *ctx, const char *line),
                        void *ctx)
{
    char line[128];
    size_t used = 0;
    print_chain(look, write, ctx);
    unsigned count = MIN(hal_frame_register_count(), LOOK_REGISTERS);
    for (unsigned i = 0; i < count; i++) {
        used += fmt_print(line + used, sizeof(line) - used, "%s%6s %016llx", used == 0 ? "" : " ",
                          atomic_load_explicit(&names[i], memory_order_relaxed),
                          (unsigned long long)look->registers[i]);
        if (i % COLUMNS == COLUMNS - 1 || i == count - 1) {
            write(ctx, line);
            used = 0;
        }
    }
}

struct sink {
    const char *area;
};

static void log_one(void *ctx, const char *line)
{
    log_warn(((const struct sink *)ctx)->area, "%s", line);
}

void cpu_snapshot_log(const char *area, cpu_t cpu)
{
    struct sink sink = {area};
    struct cpu_snapshot look;
    enum status s = cpu_snapshot(cpu, ANSWER_NS, &look);
    if (s == OK) {
        log_warn(area, "cpu %u, interrupts %s, is at", cpu,
                 look.irqs_enabled ? "enabled" : "masked");
        cpu_snapshot_print(&look, log_one, &sink);
    } else {
        log_warn(area, "cpu %u %s", cpu,
                 s == E_BUSY ? "is answering the snapshot request of another CPU"
                             : "does not answer the snapshot request");
    }
}

/* --- a report of all CPUs --- */

enum { NO_REPORT, REPORT_WANTED, REPORTING };

/* Which CPU prints. Acquire and release: one report ends before the next begins. */
static _Atomic uint32_t report;

/* This CPU has asked for a report since the last one. Relaxed: only the CPU itself tests it. */
static _Atomic bool has_wanted[CPU_MAX];

static bool begin_report(void)
{
    uint32_t wanted = REPORT_WANTED;
    return atomic_compare_exchange_strong_explicit(&report, &wanted, REPORTING,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void end_report(void)
{
    for (cpu_t cpu = 0; cpu < CPU_MAX; cpu++) {
        atomic_store_explicit(&has_wanted[cpu], false, memory_order_relaxed);
    }
    atomic_store_explicit(&report, NO_REPORT, memory_order_release);
}

static void report_all(void)
{
    if (!begin_report()) {
        return; /* another CPU was faster */
    }
    log_warn("nmi", "an interrupt that cannot be masked came, and no CPU sent it");
    for (cpu_t cpu = 0; cpu < cpus_count(); cpu++) {
        const struct thread *t = hal_cpu_thread(cpus_at(cpu));
        log_warn("nmi", "cpu %u runs thread %u \"%.*s\"", cpu, t->id, THREAD_NAME_MAX, t->name);
        cpu_snapshot_log("nmi", cpu);
    }
    end_report();
}

static void write_early(void *ctx, const char *line)
{
    (void)ctx;
    hal_early_write("nmi: ", 5);
    hal_early_write(line, strlen(line));
    hal_early_write("\n", 1);
}

/* Print without locks, as in a panic, but continue afterwards. */
static void report_at_once(const struct hal_frame *frame)
{
    static struct cpu_snapshot look; /* protected by `report` */
    struct hal_cpu *cpu = hal_this_cpu();
    if (begin_report()) {
        cpu->in_panic = true;
        fill(&look, frame);
        write_early(NULL, "interrupts have been masked for too long here");
        cpu_snapshot_print(&look, write_early, NULL);
        cpu->in_panic = false;
        end_report();
    }
}

static void want_report(const struct hal_frame *frame)
{
    struct hal_cpu *cpu = hal_this_cpu();
    uint32_t none = NO_REPORT;
    (void)atomic_compare_exchange_strong_explicit(&report, &none, REPORT_WANTED,
                                                  memory_order_relaxed, memory_order_relaxed);
    bool is_second = atomic_exchange_explicit(&has_wanted[cpu->id], true, memory_order_relaxed) &&
                     !hal_frame_irqs_enabled(frame);
    if (is_second) {
        report_at_once(frame); /* no CPU has taken an interrupt since the first request */
    } else {
        ipi_send(cpu, HAL_IPI_REPORT);
    }
}

void cpu_snapshot_init(void)
{
    static const struct ipi_snapshot_ops ops = {show, report_all, want_report};
    ipi_install_snapshots(&ops);
}
