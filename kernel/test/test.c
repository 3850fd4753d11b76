// SPDX-License-Identifier: MIT
//
// Runs the in-guest tests and reports in TAP. The tests are in tests/kernel, loaded as
// an extension.

#include "kernel/test/test.h"

#include "kernel/debug/report/lockcheck.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/module/extension.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test_select.h"
#include "kernel/tty/console.h"

#include <stdarg.h>

/* State of the running test. Tests run one after the other in one thread, which may start
 * others. */
static struct {
    bool failed;
    const char *skipped; /* the reason, or NULL */
    unsigned nth, every; /* of the selection: test_walk_share() */
    bool is_walked;      /* ignore its own verdict: see run_walked() */
    uint32_t lock_reports;
} running;

void test_fail(const char *file, int line, const char *fmt, ...)
{
    char text[160];
    va_list args;
    if (running.is_walked) {
        return;
    }
    va_start(args, fmt);
    (void)fmt_vprint(text, sizeof(text), fmt, args);
    va_end(args);
    console_printf("# %s:%d: %s\n", file, line, text);
    running.failed = true;
}

void test_skip(const char *why)
{
    if (!running.is_walked) {
        running.skipped = why;
    }
}

unsigned test_walk_share(unsigned *every)
{
    *every = running.every;
    return running.nth;
}

/* A test's checks assume that allocations succeed. When they fail on purpose, it only has to
 * finish, without leaks. */
static void run_walked(const struct kernel_test *test)
{
    running.is_walked = true;
    test->run();
    running.is_walked = false;
}

/* Print the result of a test. @return true unless it failed; a skipped test has not. */
static bool report(const char *prefix, const char *name, unsigned number)
{
    bool is_skipped = !running.failed && running.skipped != NULL;
    console_printf("%s %u - %s%s%s%s\n", running.failed ? "not ok" : "ok", number, prefix, name,
                   is_skipped ? " # SKIP " : "", is_skipped ? running.skipped : "");
    return !running.failed;
}

static void begin(void)
{
    running.failed = false;
    running.skipped = NULL;
    running.lock_reports = lockcheck_reports();
}

static void end(void)
{
    if (lockcheck_reports() != running.lock_reports) {
        test_fail(__FILE__, __LINE__, "the lock checker reported an error");
    }
}

/* Runs on the boot CPU; a test chooses other CPUs for the threads that it starts. */
static int run_all(const struct kernel_test *const *tables, const struct test_selection *selection,
                   extension_walk_t *walk)
{
    unsigned ran = 0, failed = 0, number = 0;
    for (const struct kernel_test *const *table = tables; *table != NULL; table++) {
        for (const struct kernel_test *t = *table; t->name != NULL; t++) {
            if (!test_is_selected(selection, t->name, t->on, &number)) {
                continue;
            }
            begin();
            if (walk == NULL) {
                t->run();
            } else if (!walk(t, run_walked)) {
                continue;
            }
            end();
            failed += report(walk != NULL ? "fails:" : "", t->name, ++ran) ? 0 : 1;
        }
    }
    console_printf("1..%u\n", ran);
    if (ran == 0) {
        console_printf("# no test matches %s\n", selection->glob);
        return 1;
    }
    return failed > 255 ? 255 : (int)failed;
}

int test_run(const char *text)
{
    struct test_selection selection;
    if (!test_select(text, &selection)) {
        console_printf("# no such selection of tests: %s\n", text);
        return 1;
    }
    const struct extension *e = extension_get();
    if (e == NULL) {
        return 1;
    }
    if (selection.is_walk && e->walk == NULL) {
        console_printf("# only debug builds can make allocations fail\n");
        return 1;
    }
    struct thread *self = thread_current();
    cpu_mask_t before = thread_get_affinity(self);
    (void)!thread_set_affinity(self, 1); /* CPU 0 is always online */
    running.nth = selection.nth;
    running.every = selection.every;
    int failed = run_all(e->tests, &selection, selection.is_walk ? e->walk : NULL);
    (void)!thread_set_affinity(self, before);
    return failed;
}
