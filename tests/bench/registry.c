// SPDX-License-Identifier: MIT
//
// Every table of benchmarks, one line a file, in the order they run.
#include "tests/bench/benches.h"

#include <stddef.h>

const struct kernel_bench *const kernel_benches[] = {
    boot_benches,       sched_benches, timer_benches, memory_benches,
    memory_smp_benches, block_benches, jit_benches,   NULL,
};
