// SPDX-License-Identifier: MIT
//
// `trace`: turns the rings of kernel/trace/trace.h on and off, and prints them. Each record is one
// line: `trace`, CPU, nanoseconds since boot, thread, event, and the event's data, with names last.
// scripts/trace reads it.
#include "hal/irq.h"
#include "kernel/base/clock.h"
#include "kernel/base/symbols.h"
#include "kernel/io/block.h"
#include "kernel/io/irq.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/trace/report/trace_control.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/trace_calls.h"
#include "kernel/tty/console.h"

#define DETAIL_MAX 96u

/* A word for a number; "other" for numbers without one. */
static const char *word(const char *const *words, size_t count, uint64_t i)
{
    return i < count && words[i] != NULL ? words[i] : "other";
}

static const char *state_word(uint64_t state)
{
    static const char *const words[] = {[THREAD_READY] = "ready",
                                        [THREAD_RUNNING] = "running",
                                        [THREAD_BLOCKED] = "blocked",
                                        [THREAD_DEAD] = "dead",
                                        [THREAD_MOVING] = "moving"};
    return word(words, ARRAY_COUNT(words), state);
}

static const char *op_word(uint64_t op)
{
    static const char *const words[] = {
        [BLOCK_READ] = "read", [BLOCK_WRITE] = "write", [BLOCK_FLUSH] = "flush"};
    return word(words, ARRAY_COUNT(words), op);
}

static const char *end_word(uint64_t end)
{
    static const char *const words[] = {[PROGRAM_EXITED] = "exited",
                                        [PROGRAM_FAULTED] = "faulted",
                                        [PROGRAM_KILLED] = "killed",
                                        [PROGRAM_OUT_OF_TIME] = "out-of-time"};
    return word(words, ARRAY_COUNT(words), end);
}

/* Names come from files, and may be cut. A name is stored in the two words of a record, 16 bytes at
 * most, without a zero if it fills them. */
static void read_name(const struct trace_record *r, char name[TRACE_NAME_MAX + 1])
{
    memcpy(name, &r->a, sizeof r->a);
    memcpy(name + sizeof r->a, &r->b, sizeof r->b);
    name[TRACE_NAME_MAX] = '\0';
    str_make_printable(name);
}

static void describe_thread(const struct trace_record *r, char *buf, size_t len)
{
    unsigned long long a = r->a, b = r->b;
    char name[TRACE_NAME_MAX + 1];
    switch (r->event) {
    case TRACE_SWITCH:
        fmt_print(buf, len, "switch %llu %llu %s", a, b, state_word(r->extra));
        break;
    case TRACE_EXIT:
        read_name(r, name);
        fmt_print(buf, len, "exit %s", name);
        break;
    default:
        fmt_print(buf, len, "%s %llu %u", r->event == TRACE_WAKE ? "wake" : "start", a, r->extra);
        break;
    }
}

static void describe_io(const struct trace_record *r, char *buf, size_t len)
{
    unsigned long long a = r->a;
    const char *irq = r->event == TRACE_IRQ ? "irq" : "irq-end";
    switch (r->event) {
    case TRACE_IRQ:
    case TRACE_IRQ_END:
        if (a == IRQ_LINE_IPI) {
            fmt_print(buf, len, "%s ipi", irq);
        } else {
            fmt_print(buf, len, "%s %llu", irq, a);
        }
        break;
    case TRACE_BLOCK:
        fmt_print(buf, len, "block 0x%llx %s %u %llu %llu", a, op_word(r->extra & 0xff),
                  r->extra >> 8,
                  (unsigned long long)(r->b & (((uint64_t)1 << TRACE_SECTOR_BITS) - 1)),
                  (unsigned long long)(r->b >> TRACE_SECTOR_BITS));
        break;
    default:
        fmt_print(buf, len, "block-end 0x%llx %d", a, (int)r->b);
        break;
    }
}

static void describe_program(const struct trace_record *r, char *buf, size_t len)
{
    char name[TRACE_NAME_MAX + 1];
    read_name(r, name);
    switch (r->event) {
    case TRACE_LOAD:
        fmt_print(buf, len, "load %s", name);
        break;
    case TRACE_LOAD_END:
        fmt_print(buf, len, "load-end %d", (int)r->a);
        break;
    case TRACE_PROGRAM:
        fmt_print(buf, len, "program %u %s", r->extra, name);
        break;
    case TRACE_COMPILE:
        fmt_print(buf, len, "compile %u %llu", r->extra, (unsigned long long)r->a);
        break;
    case TRACE_COMPILE_END:
        fmt_print(buf, len, "compile-end %u %d", r->extra, (int)r->a);
        break;
    case TRACE_RUN:
        fmt_print(buf, len, "run %u", r->extra);
        break;
    default:
        fmt_print(buf, len, "program-end %u %s %d", r->extra, end_word(r->a), (int)r->b);
        break;
    }
}

/* Acquire pairs with the release in `trace func`: if records of programs can exist, the function
 * that knows their names is visible. */
static void describe_call(const struct trace_record *r, char *buf, size_t len)
{
    char name[SYMBOL_NAME_MAX] = "?";
    const char *(*more)(uint64_t) = atomic_load_explicit(&trace_call_name, memory_order_acquire);
    const char *other = more == NULL ? NULL : more(r->a);
    if (other != NULL) {
        (void)str_copy(name, sizeof name, other);
    } else {
        (void)symbols_find_name(r->a, name, sizeof name);
    }
    fmt_print(buf, len, "call %llu %s", (unsigned long long)clock_counter_to_ns(r->b), name);
}

/* The kinds of records are in four groups, in the order of enum trace_event. The words printed
 * here are read by scripts/trace. */
static void describe(const struct trace_record *r, char *buf, size_t len)
{
    if (r->event == TRACE_CALL) {
        describe_call(r, buf, len);
    } else if (r->event >= TRACE_LOAD) {
        describe_program(r, buf, len);
    } else if (r->event >= TRACE_IRQ) {
        describe_io(r, buf, len);
    } else {
        describe_thread(r, buf, len);
    }
}

static void print_record(cpu_t cpu, const struct trace_record *r)
{
    char detail[DETAIL_MAX];
    describe(r, detail, sizeof detail);
    console_printf("trace %u %llu %u %s\n", cpu,
                   (unsigned long long)clock_counter_at_ns(r->counter), r->thread, detail);
}

/* Prints up to the records that existed at the start: printing creates more. */
static void print_rings(void)
{
    struct trace_info info;
    for (cpu_t cpu = 0; trace_get_info(cpu, &info); cpu++) {
        struct trace_record r;
        for (uint64_t at = info.first; at < info.end; at++) {
            if (trace_read(cpu, at, &r)) {
                print_record(cpu, &r);
            }
        }
    }
}

static void print_totals(const char *title)
{
    struct trace_info info;
    for (cpu_t cpu = 0; trace_get_info(cpu, &info); cpu++) {
        console_printf("trace %s cpu %u, %llu records, %llu lost, %llu fit\n", title, cpu,
                       (unsigned long long)(info.end - info.first), (unsigned long long)info.lost,
                       (unsigned long long)info.capacity);
    }
}

/* Live threads. Ended ones have left their names in the ring. */
static void print_threads(void)
{
    struct thread_info t;
    for (uint32_t i = 0; thread_get_info(i, &t); i++) {
        str_make_printable(t.name);
        console_printf("trace thread %u %s\n", t.id, t.name);
    }
}

/* The drivers of each interrupt line. */
static void print_lines(void)
{
    struct irq_info irq;
    for (uint32_t i = 0; irq_get_info(i, &irq); i++) {
        console_printf("trace line %u", irq.line);
        for (unsigned n = 0; n < IRQ_INFO_NAMES && irq.names[n][0] != '\0'; n++) {
            str_make_printable(irq.names[n]);
            console_printf("%s%s", n == 0 ? " " : "+", irq.names[n]);
        }
        console_printf("\n");
    }
}

/* The totals come first: printing makes new records, and a full ring loses old ones meanwhile.
 * Threads and lines come before the records that refer to them. */
static void dump(void)
{
    bool is_on = trace_is_on();
    console_hold_log(); /* no log line between two of these lines */
    print_totals("ring");
    print_threads();
    print_lines();
    print_rings();
    console_printf("trace end%s\n", is_on ? ", recording continues" : "");
    console_release_log();
}

static void start(void)
{
    enum status s = trace_start();
    if (s != OK) {
        shell_error("trace: %s\n", s == E_BUSY ? "already on" : status_text(s));
    }
}

static void show_state(void)
{
    struct trace_info info;
    if (!trace_get_info(0, &info)) {
        shell_error("trace: no records\n");
        return;
    }
    print_totals(trace_is_on() ? "on" : "off");
}

bool tools_trace(int argc, char **argv)
{
    if (argc == 1) {
        show_state();
    } else if (argc == 2 && strcmp(argv[1], "start") == 0) {
        start();
    } else if (argc == 2 && strcmp(argv[1], "stop") == 0) {
        trace_stop();
    } else if (argc == 2 && strcmp(argv[1], "dump") == 0) {
        dump();
    } else if (argc >= 2 && strcmp(argv[1], "func") == 0) {
        const struct shell_command *func = shell_load_command("livepatch.ko", "func");
        return func == NULL || func->run(argc - 1, argv + 1);
    } else {
        return false;
    }
    return true;
}
