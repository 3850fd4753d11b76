// SPDX-License-Identifier: MIT
//
// Functions are replaced while other CPUs call them (kernel/module/livepatch.h). The file is
// compiled with patchable entries, as the kernel's own patchable rooms are.
#include "hal/calls.h"
#include "hal/cpu.h"
#include "kernel/lib/string.h"
#include "kernel/livepatch/in_use.h"
#include "kernel/module/livepatch.h"
#include "kernel/sched/thread.h"
#include "kernel/trace/trace.h"
#include "kernel/trace/trace_calls.h"
#include "kernel/tty/console.h"
#include "tests/kernel/on_cpus.h"
#include "tests/kernel/provoke.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/trace_bed.h"

#define ROUNDS      25u /* of two replacements */
#define ROUNDS_LONG 5000u
#define TURN        64u /* calls */

/* The barrier keeps callers from knowing the results. */
__attribute__((noinline)) static unsigned own(unsigned x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 1;
}

__attribute__((noinline)) static unsigned first(unsigned x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 2;
}

__attribute__((noinline)) static unsigned second(unsigned x)
{
    __asm__ volatile("" : "+r"(x));
    return x + 3;
}

static const struct livepatch to_first[] = {LIVEPATCH(own, first), {0}};
static const struct livepatch to_second[] = {LIVEPATCH(own, second), {0}};

static void apply(const char *name, const struct livepatch *functions)
{
    struct loader_error err;
    TEST_EQUAL(livepatch_apply(name, functions, &err), OK);
}

static void undo(const char *name)
{
    struct loader_error err;
    TEST_EQUAL(livepatch_undo(name, &err), OK);
}

static void the_newest_replacement_counts(void)
{
    TEST_EQUAL(own(10), 11);
    apply("first", to_first);
    TEST_EQUAL(own(10), 12);
    apply("second", to_second);
    TEST_EQUAL(own(10), 13);
    undo("second");
    TEST_EQUAL(own(10), 12);
    apply("second", to_second);
    undo("first");
    TEST_EQUAL(own(10), 13);
    apply("first", to_first);
    TEST_EQUAL(own(10), 12);
    undo("first");
    undo("second");
    TEST_EQUAL(own(10), 11);
}

static void each_refusal_changes_nothing(void)
{
    static const struct livepatch none[] = {{0}};
    static const struct livepatch no_entry[] = {
        LIVEPATCH(own, first), LIVEPATCH(memcpy, memmove), {0}};
    struct loader_error err;
    TEST_EQUAL(livepatch_apply("none", none, &err), E_CORRUPT);
    TEST_EQUAL(livepatch_apply("no_entry", no_entry, &err), E_NOTSUP);
    TEST_CHECK(strcmp(err.text, "memcpy: it has no patchable entry") == 0);
    TEST_EQUAL(livepatch_undo("no_entry", &err), E_NOENT);
    apply("first", to_first);
    TEST_EQUAL(livepatch_apply("first", to_first, &err), E_EXIST);
    TEST_EQUAL(livepatch_apply("first", to_second, &err), E_EXIST);
    undo("first");
    TEST_EQUAL(own(10), 11);
}

static unsigned meet_a_late_breakpoint(unsigned x)
{
    vaddr_t pc = provoke_late_breakpoint((vaddr_t)own);
    return pc == 0 ? 0 : ((unsigned (*)(unsigned))pc)(x);
}

/* A CPU may execute a breakpoint that is not in memory any longer (arch/x86_64/text.c). */
static void a_breakpoint_that_is_gone_is_no_fault(void)
{
    TEST_EQUAL(meet_a_late_breakpoint(10), 11);
    apply("first", to_first);
    TEST_EQUAL(meet_a_late_breakpoint(10), 12);
    undo("first");
    TEST_EQUAL(meet_a_late_breakpoint(10), 11);
}

struct callers {
    unsigned rounds; /* constant, as the next three */
    const char *name;
    const struct livepatch *functions; /* of the patch that comes and goes */
    unsigned before;                   /* what a call adds without it; with it, one more */
    _Atomic unsigned begun;            /* CPUs that have called it */
    _Atomic bool is_over;
    _Atomic uint64_t calls, results[2], wrong; /* results[i]: calls that added before + i */
};

static struct callers callers;

/* Where CPUs take turns, as under icount, this ends a turn. Not after each call: QEMU's CPUs that
 * run in parallel take one lock of the host for each PAUSE, and then mostly wait for each other. */
static void end_turn(unsigned calls)
{
    if (calls % TURN == 0) {
        hal_cpu_relax();
    }
}

static void replace_all_the_time(void)
{
    while (atomic_load(&callers.begun) + 1 < contenders()) {
        hal_cpu_relax();
    }
    for (unsigned i = 0; i < callers.rounds; i++) {
        apply(callers.name, callers.functions);
        TEST_EQUAL(own(i), i + callers.before + 1);
        undo(callers.name);
        TEST_EQUAL(own(i), i + callers.before);
    }
    atomic_store(&callers.is_over, true);
}

static void call_all_the_time(void *arg)
{
    if (arg == NULL) {
        replace_all_the_time();
    }
    for (unsigned i = 0; !atomic_load(&callers.is_over); i++) {
        unsigned more = own(i) - i - callers.before;
        atomic_fetch_add(&callers.calls, 1);
        atomic_fetch_add(more <= 1 ? &callers.results[more] : &callers.wrong, 1);
        atomic_fetch_add(&callers.begun, i == 0);
        end_turn(i);
    }
}

static void run_under_load(void)
{
    run_on_contenders("calls", call_all_the_time);
    TEST_EQUAL(callers.wrong, 0);
    TEST_EQUAL(callers.results[0] + callers.results[1], callers.calls);
    TEST_EQUAL(callers.begun, contenders() - 1);
    console_printf("# %u CPUs: %u replacements, %llu calls, %llu of them of the replacement\n",
                   contenders(), 2 * callers.rounds, (unsigned long long)callers.calls,
                   (unsigned long long)callers.results[1]);
}

static void replace_under_load(unsigned rounds)
{
    callers =
        (struct callers){.rounds = rounds, .name = "first", .functions = to_first, .before = 1};
    run_under_load();
    TEST_EQUAL(own(10), 11);
}

/* While a second patch comes and goes, each call runs it or the first one, and never the function
 * that both replace. */
static void no_call_misses_the_older_patch_under_load(void)
{
    apply("first", to_first);
    callers =
        (struct callers){.rounds = ROUNDS, .name = "second", .functions = to_second, .before = 2};
    run_under_load();
    undo("first");
    TEST_EQUAL(own(10), 11);
}

static void no_call_is_lost_under_load(void)
{
    replace_under_load(ROUNDS);
}

static void no_call_is_lost_in_10000_replacements(void)
{
    replace_under_load(ROUNDS_LONG);
}

/* The records of calls of own() since tracing began. */
static unsigned recorded_calls(void)
{
    struct trace_info info;
    struct trace_record r;
    unsigned found = 0;
    for (cpu_t cpu = 0; trace_get_info(cpu, &info); cpu++) {
        for (uint64_t at = info.first; at < info.end; at++) {
            found += trace_read(cpu, at, &r) && r.event == TRACE_CALL && r.a == (uintptr_t)own;
        }
    }
    return found;
}

/* Whichever code a call runs. The entry has its old bytes afterwards. */
static void each_call_is_recorded(void)
{
    if (!trace_bed_begin()) {
        return;
    }
    uint64_t before, after;
    memcpy(&before, (const void *)own, sizeof(before));
    TEST_EQUAL(livepatch_trace((vaddr_t)memcpy), E_NOTSUP);
    TEST_EQUAL(livepatch_trace((vaddr_t)own), OK);
    TEST_EQUAL(own(10), 11);
    apply("first", to_first);
    TEST_EQUAL(own(10), 12);
    livepatch_untrace((vaddr_t)own);
    TEST_EQUAL(own(10), 12);
    TEST_EQUAL(livepatch_trace((vaddr_t)own), OK);
    TEST_EQUAL(livepatch_trace((vaddr_t)own), OK);
    TEST_EQUAL(own(10), 12);
    undo("first");
    TEST_EQUAL(own(10), 11);
    livepatch_untrace((vaddr_t)own);
    trace_bed_end();
    TEST_EQUAL(own(10), 11);
    TEST_EQUAL(recorded_calls(), 4);
    memcpy(&after, (const void *)own, sizeof(after));
    TEST_EQUAL(after, before);
}

struct wide {
    uint64_t a, b;
};

/* Arguments in registers and on the stack, and a result of two registers. */
__attribute__((noinline)) static struct wide deep(unsigned depth, uint64_t b, uint64_t c,
                                                  uint64_t d, uint64_t e, uint64_t f, uint64_t g,
                                                  uint64_t h, uint64_t i, uint64_t j)
{
    struct wide w = {.a = b + 2 * c + 3 * d + 4 * e + 5 * f, .b = g + 2 * h + 3 * i + 4 * j};
    if (depth > 0) {
        w = deep(depth - 1, b + 1, c, d, e, f, g, h, i, j + 1);
    }
    __asm__ volatile("" : "+r"(w.a), "+r"(w.b));
    w.a++;
    return w;
}

/* A thread notes a limited number of nested calls. Deeper ones run without a record, and are
 * counted. */
static void a_traced_call_keeps_its_arguments_and_results(void)
{
    if (!trace_bed_begin()) {
        return;
    }
    struct wide before = deep(20, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    TEST_EQUAL(livepatch_trace((vaddr_t)deep), OK);
    uint64_t missed = atomic_load(&trace_calls_missed);
    struct wide traced = deep(20, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    livepatch_untrace((vaddr_t)deep);
    TEST_CHECK(atomic_load(&trace_calls_missed) >= missed + 21 - HAL_CALLS_MAX);
    trace_bed_end();
    TEST_EQUAL(traced.a, before.a);
    TEST_EQUAL(traced.b, before.b);
}

__attribute__((noinline)) static unsigned down(unsigned n);

/* Its call takes its place. */
__attribute__((noinline)) static unsigned aside(unsigned n)
{
    __asm__ volatile("" : "+r"(n));
    __attribute__((musttail)) return down(n);
}

static unsigned down(unsigned n)
{
    __asm__ volatile("" : "+r"(n));
    return n == 0 ? 0 : aside(n - 1) + 1;
}

/* Two calls share one slot at each level, and there are more than a thread can note. */
static void a_traced_tail_call_returns_twice(void)
{
    if (!trace_bed_begin()) {
        return;
    }
    for (unsigned depth = 1; depth <= 2 * HAL_CALLS_MAX; depth++) {
        TEST_EQUAL(livepatch_trace((vaddr_t)aside), OK);
        TEST_EQUAL(livepatch_trace((vaddr_t)down), OK);
        TEST_EQUAL(down(depth), depth);
        livepatch_untrace((vaddr_t)down);
        TEST_EQUAL(aside(depth), depth);
        livepatch_untrace((vaddr_t)aside);
    }
    trace_bed_end();
}

static void abandoned(void *arg)
{
    (void)own(1);
    __asm__ volatile("" : : : "memory");
    (void)arg;
}

__attribute__((noinline)) static void leave(unsigned x)
{
    __asm__ volatile("" : "+r"(x));
    abandoned(NULL);
    thread_exit(0);
}

static void leave_without_return(void *arg)
{
    (void)arg;
    leave(1);
}

/* Threads that end in a traced function leave calls behind; the next one on the stack, too. */
static void calls_that_never_return_do_no_harm(void)
{
    if (!trace_bed_begin()) {
        return;
    }
    TEST_EQUAL(livepatch_trace((vaddr_t)leave), OK);
    TEST_EQUAL(livepatch_trace((vaddr_t)own), OK);
    for (unsigned i = 0; i < 3 * HAL_CALLS_MAX; i++) {
        run_on_contenders("leaves", leave_without_return);
    }
    livepatch_untrace((vaddr_t)own);
    livepatch_untrace((vaddr_t)leave);
    trace_bed_end();
    TEST_EQUAL(recorded_calls(), 3 * HAL_CALLS_MAX * contenders());
}

static void trace_all_the_time(void *arg)
{
    if (arg == NULL) {
        for (unsigned i = 0; i < callers.rounds; i++) {
            TEST_EQUAL(livepatch_trace((vaddr_t)own), OK);
            TEST_EQUAL(own(i), i + 1);
            livepatch_untrace((vaddr_t)own);
            TEST_EQUAL(own(i), i + 1);
        }
        atomic_store(&callers.is_over, true);
    }
    for (unsigned i = 0; !atomic_load(&callers.is_over); i++) {
        atomic_fetch_add(&callers.calls, 1);
        atomic_fetch_add(&callers.results[0], own(i) == i + 1);
        end_turn(i);
    }
}

static void tracing_is_switched_under_load(void)
{
    if (!trace_bed_begin()) {
        return;
    }
    callers = (struct callers){.rounds = ROUNDS};
    run_on_contenders("calls", trace_all_the_time);
    trace_bed_end();
    TEST_EQUAL(callers.results[0], callers.calls);
    TEST_CHECK(recorded_calls() > 0);
}

/* ---- Searching stacks ---- */

#define DEEP  ((size_t)384 << 10) /* bytes of stack in use */
#define ROOM  ((size_t)1 << 20)
#define AHEAD 16384u /* thread_options.stack_bytes */
#define LOOK  2048u  /* words that may be searched at once */

struct deep {
    uintptr_t top, back; /* of the stack; where the outermost call returns to */
    uintptr_t used;      /* bytes of stack, where the innermost call is */
    struct completion is_deep, may_return;
};

__attribute__((noinline)) static void dig(struct deep *d)
{
    volatile char frame[1024];
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    frame[0] = *(volatile char *)(here - AHEAD); /* the stack grows */
    if (d->top - here < DEEP) {
        dig(d);
        frame[1] = frame[0]; /* not a tail call */
        return;
    }
    d->used = d->top - here;
    completion_signal(&d->is_deep);
    TEST_EQUAL(completion_wait(&d->may_return, WAIT_FOREVER), OK);
}

__attribute__((noinline)) static void dig_first(struct deep *d)
{
    d->top = (uintptr_t)__builtin_frame_address(0);
    d->back = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
    dig(d);
    __asm__ volatile("" : : : "memory");
}

static void begin_to_dig(void *arg)
{
    dig_first(arg);
    __asm__ volatile("" : : : "memory");
}

static void note_change(void *arg)
{
    *(bool *)arg = true;
}

/* The address to which the oldest call returns is at the end of a stack that takes 24 looks. */
static void a_deep_stack_is_searched_in_short_pieces(void)
{
    static struct deep d;
    completion_init(&d.is_deep, "dug");
    completion_init(&d.may_return, "dug");
    const struct thread_options options = {.name = "deep",
                                           .entry = begin_to_dig,
                                           .arg = &d,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE,
                                           .stack_bytes = ROOM};
    struct thread *t;
    bool has_changed = false;
    TEST_NEED(thread_create(&options, &t) == OK);
    TEST_EQUAL(completion_wait(&d.is_deep, WAIT_FOREVER), OK);
    TEST_CHECK(code_is_in_use(d.back, d.back + 1));
    TEST_CHECK(!code_is_in_use((uintptr_t)note_change, (uintptr_t)note_change + 1));
    uintptr_t entry = (uintptr_t)begin_to_dig;
    TEST_EQUAL(code_change(t->id, entry + 1, entry + 2, note_change, &has_changed), OK);
    TEST_CHECK(has_changed);
    TEST_CHECK(d.used >= DEEP);
    TEST_EQUAL(code_longest_search(), LOOK);
    console_printf("# of %zu KiB of stack at most %u words are searched at once\n", d.used >> 10,
                   code_longest_search());
    completion_signal(&d.may_return);
    TEST_EQUAL(test_join(t, NULL), OK);
    TEST_CHECK(!code_is_in_use(d.back, d.back + 1));
}

const struct kernel_test livepatch_tests[] = {
    {"livepatch.the_newest_replacement_counts", the_newest_replacement_counts, TEST_ON_CPUS},
    {"livepatch.each_refusal_changes_nothing", each_refusal_changes_nothing, TEST_ON_CPUS},
    {"livepatch.a_breakpoint_that_is_gone_is_no_fault", a_breakpoint_that_is_gone_is_no_fault,
     TEST_ON_CPUS},
    {"livepatch.each_call_is_recorded", each_call_is_recorded, TEST_ON_CPUS},
    {"livepatch.a_traced_call_keeps_its_arguments_and_results",
     a_traced_call_keeps_its_arguments_and_results, TEST_ON_CPUS},
    {"livepatch.a_traced_tail_call_returns_twice", a_traced_tail_call_returns_twice, TEST_ON_CPUS},
    {"livepatch.calls_that_never_return_do_no_harm", calls_that_never_return_do_no_harm,
     TEST_ON_CPUS},
    {"livepatch.tracing_is_switched_under_load", tracing_is_switched_under_load,
     TEST_ON_CPUS | TEST_ON_INTERRUPTS},
    {"livepatch.no_call_is_lost_under_load", no_call_is_lost_under_load,
     TEST_ON_CPUS | TEST_ON_INTERRUPTS},
    {"livepatch.no_call_misses_the_older_patch_under_load",
     no_call_misses_the_older_patch_under_load, TEST_ON_CPUS | TEST_ON_INTERRUPTS},
    {"livepatch.a_deep_stack_is_searched_in_short_pieces", a_deep_stack_is_searched_in_short_pieces,
     TEST_ON_CPUS},
    {"long_livepatch.no_call_is_lost_in_10000_replacements", no_call_is_lost_in_10000_replacements,
     TEST_ON_CPUS},
    {0},
};
