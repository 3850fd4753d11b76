// SPDX-License-Identifier: MIT
//
// Benchmarks, run in the same kernel that passes the tests. They are loaded as an extension
// together with the tests (kernel/module/extension.h). tests/bench/registry.c lists them.
#pragma once

#include <stdint.h>

struct kernel_bench {
    /** Names of the figures that it prints, separated by blanks; a glob is matched against each. */
    const char *names;
    void (*run)(void);
};

/** @brief Print `bench NAME VALUE UNIT` alone on a line; value is value_milli / 1000
 * in plain decimal. */
void bench_report(const char *name, uint64_t value_milli, const char *unit);

/** @brief Median of n values; sorts them. n at least 1. */
uint64_t bench_median(uint64_t *values, unsigned n);

/** @brief Run the benchmarks that match the glob. @return 0; 1 if none matched, or their file is
 *     missing. @context{thread, may sleep} */
int bench_run(const char *glob);
