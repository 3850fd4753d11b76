// SPDX-License-Identifier: MIT
//
// Runs the benchmarks and prints their figures. tests/bench has the benchmarks.

#include "kernel/test/bench.h"

#include "kernel/base/assert.h"
#include "kernel/lib/string.h"
#include "kernel/module/extension.h"
#include "kernel/sched/thread.h"
#include "kernel/tty/console.h"

#include <stdbool.h>
#include <stddef.h>

void bench_report(const char *name, uint64_t value_milli, const char *unit)
{
    console_printf("bench %s %llu.%03llu %s\n", name, (unsigned long long)(value_milli / 1000),
                   (unsigned long long)(value_milli % 1000), unit);
}

/* Insertion sort: n is only the number of rounds of one benchmark. */
static void sort(uint64_t *values, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        uint64_t v = values[i];
        unsigned at = i;
        for (; at > 0 && values[at - 1] > v; at--) {
            values[at] = values[at - 1];
        }
        values[at] = v;
    }
}

uint64_t bench_median(uint64_t *values, unsigned n)
{
    sort(values, n);
    if (n % 2 == 1) {
        return values[n / 2];
    }
    uint64_t lo = values[n / 2 - 1], hi = values[n / 2];
    return lo + (hi - lo) / 2;
}

/** True if the glob matches one of the names in a list separated by blanks: a benchmark that
 * prints several figures runs as a whole for any of them. */
static bool any_matches(const char *glob, const char *names)
{
    while (*names != '\0') {
        const char *blank = strchr(names, ' ');
        size_t len = blank == NULL ? strlen(names) : (size_t)(blank - names);
        char name[64];
        ASSERT(len < sizeof(name));
        memcpy(name, names, len);
        name[len] = '\0';
        if (str_matches(glob, name)) {
            return true;
        }
        names += len + (blank == NULL ? 0 : 1);
    }
    return false;
}

static int run_all(const struct kernel_bench *const *tables, const char *glob)
{
    bool ran = false;
    for (const struct kernel_bench *const *table = tables; *table != NULL; table++) {
        for (const struct kernel_bench *b = *table; b->names != NULL; b++) {
            if (any_matches(glob, b->names)) {
                b->run();
                ran = true;
            }
        }
    }
    if (!ran) {
        console_printf("bench: nothing matches %s\n", glob);
        return 1;
    }
    return 0;
}

/* Runs on the boot CPU, so that figures do not depend on where the shell's thread is; a benchmark
 * chooses other CPUs for its own threads. */
int bench_run(const char *glob)
{
    const struct extension *e = extension_get();
    if (e == NULL) {
        return 1;
    }
    struct thread *self = thread_current();
    cpu_mask_t before = thread_get_affinity(self);
    (void)!thread_set_affinity(self, 1); /* CPU 0 is always online */
    int status = run_all(e->benches, glob);
    (void)!thread_set_affinity(self, before);
    return status;
}
