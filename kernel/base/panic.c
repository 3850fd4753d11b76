// SPDX-License-Identifier: MIT
//
// A panic prints one block with everything known, to the early console and then to the others,
// without locks, memory allocation or interrupts. It relies on as little as possible: the cause
// comes first, and a second panic inside the block is reported in one line.

#include "kernel/base/panic.h"

#include "hal/console.h"
#include "hal/cpu.h"
#include "hal/power.h"
#include "hal/smp.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/base/clock.h"
#include "kernel/base/log_internal.h"
#include "kernel/base/stack.h"
#include "kernel/lib/format.h"
#include "kernel/lib/access_check.h"

#include <stdarg.h>

#define EXIT_STATUS_PANIC 120 /* as documented for scripts/run */
#define LOG_LINES_MAX     24
#define REGISTER_COLUMNS  3

/* A panic may happen anywhere: under any lock, in an interrupt, with a damaged heap or stack. So
 * this file takes no lock and allocates nothing; buffers are static.
 *
 * enter() decides which CPU reports. The first CPU sets `reporter`, stops the other CPUs and goes
 * on; another CPU that panics meanwhile stops itself. If the reporting CPU panics again,
 * end_nested() prints one line and powers off; a third time it only halts. Every step after
 * print_cause() may fail without losing the cause, so the order in vpanic() goes from certain to
 * risky: cause, CPU and thread, registers, own call chain, other CPUs, log. */
static const struct panic_sink_ops *sinks;     /* NULL: there is the early console only */
static const struct panic_thread_ops *threads; /* [I] */

void panic_install_sink(const struct panic_sink_ops *ops)
{
    sinks = ops;
}

void panic_install_threads(const struct panic_thread_ops *ops)
{
    threads = ops;
}

static void drain(void)
{
    if (sinks != NULL) {
        sinks->drain();
    }
}

static void sink(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    hal_early_write(s, len);
    if (sinks != NULL) {
        sinks->write(s, len); /* reaches terminals that the early console does not */
    }
}

static PRINTF_LIKE(1, 2) void emit(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fmt_vsink(sink, NULL, fmt, args);
    va_end(args);
}

/** The first panic's cause. No later step may lose it. */
static char cause[512];
static bool has_said_cause;
static unsigned nested_count;

static void print_cause(void)
{
    if (!has_said_cause) {
        has_said_cause = true;
        emit("\nPANIC: %s\n", cause);
    }
}

/** Power off after the consoles have sent their buffers, for as long as they make progress. */
static _Noreturn void finish(void)
{
    emit("PANIC END\n");
    hal_exit_record(EXIT_PANIC, EXIT_STATUS_PANIC);
    if (nested_count == 0) {
        drain();
    }
    hal_power_off();
}

/** A panic inside a panic: trust nothing of the first one. From the third time on not even power
 * off is trusted. */
static _Noreturn void end_nested(const char *what)
{
    if (nested_count++ > 0) {
        hal_cpu_halt();
    }
    print_cause();
    emit("\npanic inside the panic: %s\n", what);
    finish();
}

/* The first CPU to panic; another CPU that panics meanwhile is stopped. acq_rel: its output
 * comes after. */
static _Atomic(struct hal_cpu *) reporter;
static unsigned still_running; /* CPUs that did not stop in time */

/** Returns false if this CPU is in a panic already. */
static bool enter(void)
{
    hal_irq_disable();
    struct hal_cpu *cpu = hal_this_cpu();
    struct hal_cpu *first = NULL;
    if (cpu->in_panic) {
        return false;
    }
    if (!atomic_compare_exchange_strong_explicit(&reporter, &first, cpu, memory_order_acq_rel,
                                                 memory_order_acquire) &&
        first != cpu) {
        cpus_stop_this(0, hal_frame_here());
    }
    cpu->in_panic = true;
    access_check_stop();
    has_said_cause = false;
    nested_count = 0;
    still_running = cpus_stop_others();
    return true;
}

static void print_thread(const struct hal_cpu *cpu)
{
    static char text[64];
    if (cpu->current != NULL && threads != NULL) {
        threads->describe(cpu->current, text, sizeof text);
        emit("%s", text);
    } else {
        emit("before threads");
    }
}

static void print_where(void)
{
    const struct hal_cpu *cpu = hal_this_cpu();
    uint64_t us = clock_now_ns() / NS_PER_US;
    emit("  cpu %u, at %llu.%06llu s, ", cpu->id, (unsigned long long)(us / 1000000),
         (unsigned long long)(us % 1000000));
    print_thread(cpu);
    emit(", interrupt depth %u, preemption off %u\n", cpu->irq_depth, cpu->preempt_off);
}

static void print_registers(const struct hal_frame *frame)
{
    unsigned count = hal_frame_register_count();
    for (unsigned i = 0; i < count; i++) {
        const char *name = "";
        uint64_t value = hal_frame_register(frame, i, &name);
        bool ends_line = i % REGISTER_COLUMNS == REGISTER_COLUMNS - 1 || i == count - 1;
        emit("  %6s %016llx%s", name, (unsigned long long)value, ends_line ? "\n" : "");
    }
}

#ifdef HALYARD_UNDEFINED
#define UNSET 0xaaaaaaaaaaaaaaaa /* by -ftrivial-auto-var-init=pattern */

/* Such a build fills variables with this pattern. */
static void print_unset(const struct hal_frame *frame)
{
    unsigned count = hal_frame_register_count();
    for (unsigned i = 0; i < count; i++) {
        const char *name = "";
        if (hal_frame_register(frame, i, &name) == UNSET) {
            emit("  %s holds the fill pattern of uninitialised variables\n", name);
        }
    }
}
#else
static void print_unset(const struct hal_frame *frame)
{
    (void)frame;
}
#endif

static void print_frame(void *ctx, const char *line)
{
    (void)ctx;
    emit("  %s\n", line);
}

static void print_backtrace(uintptr_t pc, uintptr_t fp)
{
    uintptr_t lo, hi;
    upcall_stack_bounds(&lo, &hi);
    backtrace_print(print_frame, NULL, pc, fp, lo, hi);
}

/** Print what a stopped CPU was doing and its call chain. */
static void print_busy_cpu(const struct hal_cpu *cpu)
{
    uintptr_t lo, hi;
    emit("  cpu %u was in ", cpu->id);
    print_thread(cpu);
    emit("\n");
    stack_bounds(cpu->current, &lo, &hi);
    backtrace_print(print_frame, NULL, cpu->stopped_pc, cpu->stopped_fp, lo, hi);
}

static void print_other_cpus(void)
{
    unsigned idle = 0;
    for (cpu_t i = 0; i < cpus_count(); i++) {
        const struct hal_cpu *cpu = cpus_at(i);
        bool is_stopped =
            atomic_load_explicit(&cpu->state, memory_order_acquire) == HAL_CPU_STOPPED;
        if (cpu == hal_this_cpu() || !is_stopped) {
            continue;
        }
        if (threads != NULL && threads->is_idle(cpu->current) && cpu->irq_depth == 0) {
            idle++;
        } else {
            print_busy_cpu(cpu);
        }
    }
    if (idle > 0 || still_running > 0) {
        emit("  other CPUs: %u idle, %u that did not stop\n", idle, still_running);
    }
}

static void print_log_line(const struct log_record *r)
{
    static bool has_heading;
    if (!has_heading) {
        emit("  log lines not shown before:\n");
        has_heading = true;
    }
    emit("    [%llu.%06llu] %s\n", (unsigned long long)(r->time_ns / NS_PER_S),
         (unsigned long long)(r->time_ns % NS_PER_S / NS_PER_US), r->text);
}

/** Additional text for the block from the caller. */
struct explanation {
    void (*fn)(void (*write)(void *ctx, const char *line), void *ctx, const void *arg);
    const void *arg;
};

/** @param fp Frame where the call chain begins. */
static _Noreturn void vpanic(const struct explanation *more, uintptr_t fp, const char *fmt,
                             va_list args)
{
    if (!enter()) {
        end_nested(fmt);
    }
    fmt_vprint(cause, sizeof(cause), fmt, args);
    drain(); /* earlier output comes first */
    print_cause();
    print_where();
    hal_frame_capture(print_registers);
    print_backtrace(0, fp);
    if (more != NULL) {
        more->fn(print_frame, NULL, more->arg);
    }
    print_other_cpus();
    log_for_each_unshown(LOG_LINES_MAX, print_log_line);
    finish();
}

void panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vpanic(NULL, hal_frame_here(), fmt, args);
}

void panic_explained(void (*explain)(void (*write)(void *ctx, const char *line), void *ctx,
                                     const void *arg),
                     const void *arg, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vpanic(&(struct explanation){explain, arg}, hal_frame_here(), fmt, args);
}

static void (*explain_address)(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t at);

void panic_explain_faults(void (*explain)(void (*write)(void *ctx, const char *line), void *ctx,
                                          uintptr_t at))
{
    explain_address = explain;
}

void panic_fault(const struct fault *fault, const char *why)
{
    static char text[256];
    if (!enter()) {
        hal_fault_describe(fault, text, sizeof(text));
        end_nested(text);
    }
    hal_fault_describe(fault, text, sizeof(text));
    fmt_print(cause, sizeof(cause), "%s: %s", why, text);
    drain();
    print_cause();
    print_where();
    print_registers(fault->frame);
    print_unset(fault->frame);
    print_backtrace(fault->pc, hal_frame_fp(fault->frame));
    if (fault->has_address && explain_address != NULL) {
        explain_address(print_frame, NULL, fault->address);
    }
    print_other_cpus();
    log_for_each_unshown(LOG_LINES_MAX, print_log_line);
    finish();
}
