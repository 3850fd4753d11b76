// SPDX-License-Identifier: MIT
//
// From the first kernel instruction to the start of the shell, or of the first benchmark.
#include "kernel/boot/boot.h"
#include "tests/bench/benches.h"

static void bench_boot(void)
{
    bench_report("boot.kernel_us", boot_busy_ns(), "us"); /* thousandths of a microsecond */
}

const struct kernel_bench boot_benches[] = {
    {"boot.kernel_us", bench_boot},
    {0},
};
