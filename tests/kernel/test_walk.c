// SPDX-License-Identifier: MIT
//
// See test_walk.h. Every test is run with failing allocations unless the list
// here excludes it with a reason.
#include "tests/kernel/test_walk.h"

#ifdef HALYARD_DEBUG
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/test/test.h"
#include "kernel/tty/console.h"
#include "tests/kernel/failure_walk.h"
#include "tests/kernel/tests.h"

static const struct {
    const char *glob;
    const char *why;
} left_out[] = {
    {"failures.*", "makes its allocations fail by itself"},
    {"stress.*", "its threads cannot tell which allocation failed"},
    {"livepatch.*_under_load", "its threads wait for the one that patches"},
    {"livepatch.a_deep_stack_*", "a stack that cannot grow overflows"},
    {"torture.*", "memory runs out in it anyway"},
    {"magazine.no_object_has_two_owners", "its number of allocations depends on time"},
    {"look.requests_disturb_nothing", "its number of allocations depends on time"},
    {"preempt.*", "a seed repeats its decisions only if no allocation fails"},
    {"memory.all_memory_can_be_allocated_*", "allocates all memory"},
    {"memory.a_small_object_uses_*", "allocates all memory"},
    {"memory.a_page_table_uses_*", "allocates all memory"},
    {"memory.pages_cached_by_another_cpu_*", "allocates all memory"},
    {"limits.loads_with_any_number_of_free_pages", "allocates all memory"},
    {"sched.a_stack_grows_and_is_freed", "a stack that cannot grow overflows"},
    {"sched.an_owner_pays_for_a_stack_*", "a stack that cannot grow overflows"},
    {"stack.*", "a stack that cannot grow overflows"},
    {"kills.a_kill_in_any_call_leaks_nothing", "its number of calls depends on time"},
};

static const struct kernel_test *walked;
static void (*run_walked)(const struct kernel_test *test);
static unsigned kind_now, kind_count; /* which of the kinds of test_does() this walk runs */

unsigned test_scaled(unsigned plain, unsigned few)
{
    return walked != NULL ? few : plain;
}

bool test_does(unsigned kind, unsigned kinds)
{
    kind_count = MAX(kind_count, kinds);
    return walked == NULL || kind == kind_now;
}

static void run(void)
{
    run_walked(walked);
}

static bool is_left_out(const struct kernel_test *test)
{
    for (size_t i = 0; i < ARRAY_COUNT(left_out); i++) {
        if (str_matches(left_out[i].glob, test->name)) {
            console_printf("# skipped: %s: %s\n", test->name, left_out[i].why);
            return true;
        }
    }
    return false;
}

bool test_walk(const struct kernel_test *test, void (*run_it)(const struct kernel_test *test))
{
    if (is_left_out(test)) {
        return false;
    }
    walked = test;
    run_walked = run_it;
    uint64_t points = 0;
    kind_count = 1;
    for (kind_now = 0; kind_now < kind_count; kind_now++) {
        points += failures_walk_any(run);
    }
    walked = NULL;
    console_printf("# %llu points, %llu in all\n", (unsigned long long)points,
                   (unsigned long long)failures_walked());
    return true;
}
#endif
