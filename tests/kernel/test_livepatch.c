// SPDX-License-Identifier: MIT
//
// Functions are replaced while other CPUs call them (kernel/module/livepatch.h). The file is
// compiled with patchable entries, as the kernel's own patchable rooms are.
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/livepatch.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/on_cpus.h"
#include "tests/kernel/provoke.h"
#include "tests/kernel/tests.h"

#define ROUNDS 25

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
    _Atomic bool is_over;
    _Atomic unsigned calls, results[3], wrong; /* results[i]: calls that added i + 1 */
};

static struct callers callers;

static void call_all_the_time(void *arg)
{
    if (arg == NULL) {
        for (unsigned i = 0; i < ROUNDS; i++) {
            apply("first", to_first);
            TEST_EQUAL(own(i), i + 2);
            undo("first");
            TEST_EQUAL(own(i), i + 1);
        }
        atomic_store(&callers.is_over, true);
    }
    for (unsigned i = 0; !atomic_load(&callers.is_over); i++) {
        unsigned added = own(i) - i;
        atomic_fetch_add(&callers.calls, 1);
        atomic_fetch_add(added >= 1 && added <= 2 ? &callers.results[added] : &callers.wrong, 1);
    }
}

static void no_call_is_lost_under_load(void)
{
    callers = (struct callers){.is_over = false};
    run_on_contenders("calls", call_all_the_time);
    TEST_EQUAL(callers.wrong, 0);
    TEST_EQUAL(callers.results[1] + callers.results[2], callers.calls);
    TEST_EQUAL(own(10), 11);
}

const struct kernel_test livepatch_tests[] = {
    {"livepatch.the_newest_replacement_counts", the_newest_replacement_counts, TEST_ON_CPUS},
    {"livepatch.each_refusal_changes_nothing", each_refusal_changes_nothing, TEST_ON_CPUS},
    {"livepatch.a_breakpoint_that_is_gone_is_no_fault", a_breakpoint_that_is_gone_is_no_fault,
     TEST_ON_CPUS},
    {"livepatch.no_call_is_lost_under_load", no_call_is_lost_under_load,
     TEST_ON_CPUS | TEST_ON_INTERRUPTS},
    {0},
};
