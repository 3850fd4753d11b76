// SPDX-License-Identifier: MIT
//
// See test_walk.h. A test that is written is walked, unless it is named here with the reason.
#include "tests/kernel/test_walk.h"

#ifdef HALYARD_DEBUG
#include "kernel/io/console.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/test.h"
#include "tests/kernel/failure_walk.h"
#include "tests/kernel/tests.h"

static const struct {
    const char *glob;
    const char *why;
} left_out[] = {
    {"failures.*", "walks by itself"},
    {"stress.*", "of any of its threads, any may have failed"},
    {"torture.*", "memory runs out in it anyway"},
    {"magazine.nothing_is_had_by_two", "takes as often as it has time to"},
    {"look.questions_break_nothing", "takes as often as it has time to"},
    {"preempt.*", "decides alike only if nothing fails"},
    {"memory.all_memory_is_handed_out_*", "takes all memory"},
    {"memory.a_small_object_is_made_of_*", "takes all memory"},
    {"memory.a_table_is_made_of_*", "takes all memory"},
    {"memory.what_another_cpu_keeps_*", "takes all memory"},
    {"limits.loads_with_any_number_of_free_pages", "takes all memory"},
    {"sched.a_stack_grows_and_is_given_back", "a stack that cannot grow has overflowed"},
    {"stack.*", "a stack that cannot grow has overflowed"},
    {"kills.nothing_is_left_of_a_call", "its programs call as often as they have time to"},
};

static const struct kernel_test *walked;
static void (*run_walked)(const struct kernel_test *test);
static unsigned kind_now, kind_count; /* of what the test does: test_does() */

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
            console_printf("# left out: %s: %s\n", test->name, left_out[i].why);
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
