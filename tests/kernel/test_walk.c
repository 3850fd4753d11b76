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

static const struct {
    const char *glob, *why;
} left_out[] = {
    {"failures.*", "walks by itself"},
};

static const struct kernel_test *walked;
static void (*run_walked)(const struct kernel_test *test);

static void run(void)
{
    run_walked(walked);
}

void test_walk(const struct kernel_test *test, void (*run_it)(const struct kernel_test *test))
{
    for (size_t i = 0; i < ARRAY_COUNT(left_out); i++) {
        if (str_matches(left_out[i].glob, test->name)) {
            test_skip(left_out[i].why);
            return;
        }
    }
    walked = test;
    run_walked = run_it;
    console_printf("# %llu points\n", (unsigned long long)failures_walk_any(run));
}
#endif
