// SPDX-License-Identifier: MIT
//
// `trace func`: which functions of the kernel and of programs are traced, and how long their calls
// took.
#include "hal/calls.h"
#include "kernel/base/clock.h"
#include "kernel/base/symbols.h"
#include "kernel/lib/string.h"
#include "kernel/livepatch/in_use.h"
#include "kernel/livepatch/livepatch_commands.h"
#include "kernel/livepatch/program_patch.h"
#include "kernel/livepatch/program_trace.h"
#include "kernel/module/livepatch_state.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/io.h"
#include "kernel/shell/expand.h"
#include "kernel/trace/report/trace_control.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/trace_calls.h"
#include "kernel/tty/console.h"

#define TRIES   10u
#define BUCKETS 40u /* powers of two of nanoseconds; the last is for all longer calls */

static void print_name(uintptr_t function)
{
    char name[SYMBOL_NAME_MAX] = "";
    const char *traced = traced_name(function);
    (void)symbols_find_name(function, name, sizeof(name));
    console_printf("%s", traced != NULL ? traced : name);
}

static void list_traced(uint32_t event)
{
    print_name(traced_id(event));
    console_printf("\n");
}

static void list_functions(void)
{
    uintptr_t function;
    for (unsigned i = 0; (function = livepatch_get_traced(&i)) != 0;) {
        print_name(function);
        console_printf("\n");
    }
    program_trace_visit(list_traced);
}

static unsigned bucket_of(uint64_t ns)
{
    unsigned bucket = ns == 0 ? 0 : 64u - (unsigned)__builtin_clzll(ns);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* Counts the calls in the rings. @return how many there are. The rings are read while CPUs write
 * them. trace_read() fails for a record that was overwritten, so each record is whole; the count is
 * that of one pass, not of one moment. `a` of a TRACE_CALL identifies the function (an address of
 * the kernel, or traced_id() of a program's), `b` is the duration in ticks of the counter. */
static uint32_t count_calls(uintptr_t function, uint32_t counts[BUCKETS])
{
    struct trace_info info;
    struct trace_record r;
    uint32_t calls = 0;
    for (cpu_t cpu = 0; trace_get_info(cpu, &info); cpu++) {
        for (uint64_t at = info.first; at < info.end; at++) {
            if (trace_read(cpu, at, &r) && r.event == TRACE_CALL && r.a == function) {
                counts[bucket_of(clock_counter_to_ns(r.b))]++;
                calls++;
            }
        }
    }
    return calls;
}

static void print_histogram(uintptr_t function)
{
    uint32_t counts[BUCKETS] = {0};
    uint32_t calls = count_calls(function, counts);
    print_name(function);
    console_printf(": %u calls\n", calls);
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (counts[i] != 0) {
            console_printf("  %s %llu ns: %u\n", i + 1 == BUCKETS ? "from" : "below",
                           1ull << (i + 1 == BUCKETS ? i - 1 : i), counts[i]);
        }
    }
}

static void print_traced(uint32_t event)
{
    print_histogram(traced_id(event));
}

static void print_histograms(void)
{
    uintptr_t function;
    for (unsigned i = 0; (function = livepatch_get_traced(&i)) != 0;) {
        print_histogram(function);
    }
    program_trace_visit(print_traced);
    uint64_t missed = atomic_load_explicit(&trace_calls_missed, memory_order_relaxed);
    if (missed != 0) {
        console_printf("not recorded: %llu calls that were too deep or in too many new threads\n",
                       (unsigned long long)missed);
    }
}

static void remove_all(void)
{
    uintptr_t function;
    for (unsigned i = 0; (function = livepatch_get_traced(&i)) != 0;) {
        livepatch_untrace(function);
    }
    program_untrace_all();
}

/* The function that follows another one; after 0 the first one. 0: there is none. The table is not
 * decoded here: symbols_find_function() says in which function an address is, and the end of a
 * function is found by that, first in steps that double, then by bisection. Between own and
 * other is the border: the first is inside the function, the second is not. */
static uintptr_t next_function(uintptr_t function)
{
    const struct symbol_table *t = &kernel_symbols;
    if (function == 0) {
        return t->count == 0 ? 0 : (uintptr_t)t->base + t->marks[0].start;
    }
    uintptr_t step = t->unit;
    while (symbols_find_function(function + step) == function) {
        step *= 2;
    }
    uintptr_t own = function + (step == t->unit ? 0 : step / 2), other = function + step;
    while (other - own > t->unit) {
        uintptr_t middle = own + (other - own) / (2 * t->unit) * t->unit;
        own = symbols_find_function(middle) == function ? middle : own;
        other = own == middle ? other : middle;
    }
    return symbols_find_function(other);
}

/* Called under the lock of livepatch.c, so that no function is traced meanwhile. No entry leads to
 * the stub of a function that is not traced any longer, but a thread that was preempted may still
 * be there. All stubs continue in common code, so a thread in any of them counts. */
static void free_stubs(void *freed)
{
    if (code_is_in_use(hal_stub_address(0), (uintptr_t)hal_call_return)) {
        return;
    }
    for (unsigned i = 0; i < livepatch_stub_count; i++) {
        if (!livepatch_stubs[i].is_traced) {
            hal_stubs[i].function = 0;
            *(bool *)freed = true;
        }
    }
}

/* If there is no stub left, those of functions that are not traced any longer are used again, once
 * no thread is in their code.
 *
 * That is polled, because nothing signals it. A thread is there only if it was preempted or
 * interrupted; when it continues, it leaves after about thirty instructions, and wakes no other
 * thread. Counting the threads inside would take an atomic increment and decrement in each traced
 * call, also of threads that are suspended or killed there. rcu_synchronize() does not wait for
 * such a thread: a preempted thread is in no read section. And each search has to look at all
 * threads anyway, since another one may have entered before its entry changed. The pause lets a
 * preempted thread run. If it does not run for TRIES pauses, because its CPU is busy with more
 * urgent ones, the command reports that there is no stub, and can be repeated. */
static enum status trace_function(uintptr_t function)
{
    enum status s = livepatch_trace(function);
    bool freed = false;
    for (unsigned n = 0; s == E_NOSPC && !freed && n < TRIES; n++) {
        livepatch_exclude(free_stubs, &freed);
        if (!freed && thread_sleep(1000000) != OK) {
            break;
        }
    }
    return freed ? livepatch_trace(function) : s;
}

/* All functions that match and have an entry. A function without a patchable entry is no error as
 * long as another one matches: patterns such as "vm_*" cover assembly, too. E_NOSPC ends the
 * search, since no later function would fit. */
static enum status add(const char *glob)
{
    char name[SYMBOL_NAME_MAX];
    enum status result = E_NOENT;
    for (uintptr_t f = 0; (f = next_function(f)) != 0;) {
        if (symbols_find_name(f, name, sizeof(name)) && glob_match(glob, strlen(glob), name)) {
            enum status s = trace_function(f);
            if (s == E_NOSPC) {
                return s;
            }
            result = s == OK || result == OK ? OK : s;
        }
    }
    return result;
}

static const char *reason(enum status s)
{
    return s == E_NOENT    ? "no function of the kernel has this name"
           : s == E_NOTSUP ? "no such function has a patchable entry"
           : s == E_NOSPC  ? "too many functions: 64 at a time"
                           : status_text(s);
}

static void add_of_program(const char *where)
{
    struct loader_error err;
    if (program_trace(where, &err) != OK) {
        shell_error("trace: %s\n", err.text);
    }
}

/* trace_prepare_calls() comes before the first function is traced: its entry uses the memory for
 * calls at once. So does trace_start(), or the first calls would be missing. The pointer to
 * traced_name() is published with release, because other CPUs may print records as soon as there
 * are some. */
static void add_all(int count, char **globs)
{
    enum status s = trace_prepare_calls();
    if (s == OK && !trace_is_on()) {
        s = trace_start();
    }
    if (s != OK) {
        shell_error("trace: %s\n", status_text(s));
        return;
    }
    atomic_store_explicit(&trace_call_name, traced_name, memory_order_release);
    for (int i = 0; i < count; i++) {
        if (strchr(globs[i], ':') != NULL) {
            add_of_program(globs[i]);
            continue;
        }
        s = add(globs[i]);
        if (s != OK) {
            shell_error("trace: %s: %s\n", globs[i], reason(s));
        }
    }
}

bool livepatch_trace_func(int argc, char **argv)
{
    bool is_option = argc > 1 && argv[1][0] == '-';
    if (argc == 1) {
        list_functions();
    } else if (!is_option) {
        add_all(argc - 1, argv + 1);
    } else if (argc == 2 && strcmp(argv[1], "--hist") == 0) {
        print_histograms();
    } else if (argc == 2 && strcmp(argv[1], "--off") == 0) {
        remove_all();
    } else {
        return false;
    }
    return true;
}
