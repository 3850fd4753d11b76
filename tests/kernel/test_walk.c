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

/* Why a test that matches is not walked. */
enum why {
    NEVER,  /* it makes no sense of that */
    BY_NAME /* only if it alone is asked for: it takes longer than all the others */
};

static const struct {
    const char *glob;
    enum why why;
    const char *words;
} left_out[] = {
    {"failures.*", NEVER, "walks by itself"},
    {"stress.*", NEVER, "of any of its threads, any may have failed"},
    {"torture.*", NEVER, "memory runs out in it anyway"},
    {"magazine.nothing_is_had_by_two", NEVER, "takes as often as it has time to, which differs"},
    {"look.questions_break_nothing", NEVER, "takes as often as it has time to, which differs"},
    {"preempt.*", NEVER, "decides alike only if nothing fails"},
    {"memory.all_memory_is_handed_out_*", NEVER, "takes all memory"},
    {"memory.a_small_object_is_made_of_*", NEVER, "takes all memory"},
    {"memory.a_table_is_made_of_*", NEVER, "takes all memory"},
    {"memory.what_another_cpu_keeps_*", NEVER, "takes all memory"},
    {"limits.loads_with_any_number_of_free_pages", NEVER, "takes all memory"},
    {"sched.a_stack_grows_and_is_given_back", NEVER, "a stack that cannot grow has overflowed"},
    {"kills.nothing_is_left_of_a_call", BY_NAME, "takes minutes"},
};

static const struct kernel_test *walked;
static void (*run_walked)(const struct kernel_test *test);

unsigned test_scaled(unsigned plain, unsigned few)
{
    return walked != NULL ? few : plain;
}

static void run(void)
{
    run_walked(walked);
}

static bool is_left_out(const struct kernel_test *test, bool is_named)
{
    for (size_t i = 0; i < ARRAY_COUNT(left_out); i++) {
        if (str_matches(left_out[i].glob, test->name) && (left_out[i].why == NEVER || !is_named)) {
            console_printf("# left out: %s: %s\n", test->name, left_out[i].words);
            return true;
        }
    }
    return false;
}

bool test_walk(const struct kernel_test *test, bool is_named,
               void (*run_it)(const struct kernel_test *test))
{
    if (is_left_out(test, is_named)) {
        return false;
    }
    walked = test;
    run_walked = run_it;
    uint64_t points = failures_walk_any(run);
    walked = NULL;
    console_printf("# %llu points, %llu in all\n", (unsigned long long)points,
                   (unsigned long long)failures_walked());
    return true;
}
#endif
