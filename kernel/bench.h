// SPDX-License-Identifier: MIT
//
// Benchmarks: measured in the kernel that passes the tests. tests/bench/registry.c lists them.
#pragma once

#include <stdint.h>

struct kernel_bench {
    /** Of the figures it prints, separated by blanks; the glob is matched with each. */
    const char *names;
    void (*run)(void);
};

/** Tables of benchmarks, each ending with NULL names; ends with NULL. Defined in
 * tests/bench/registry.c. */
extern const struct kernel_bench *const kernel_benches[];

/** @brief Print `bench NAME VALUE UNIT` alone on a line; value is value_milli / 1000 in plain
 * decimal. */
void bench_report(const char *name, uint64_t value_milli, const char *unit);

/** @brief Median of n values; sorts them. n at least 1. */
uint64_t bench_median(uint64_t *values, unsigned n);

/** @brief Run the benchmarks that match the glob. @return 0, or 1 if none matched. @context{thread}
 */
int bench_run(const char *glob);
