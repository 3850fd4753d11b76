// SPDX-License-Identifier: MIT
//
// All benchmark tables, one line a file, in the order in which they run.
#include "tests/bench/benches.h"

#include <stddef.h>

const struct kernel_bench *const kernel_benches[] = {
    boot_benches,       sched_benches,     timer_benches, memory_benches,
    memory_smp_benches, block_benches,     file_benches,  name_benches,
    jit_benches,        livepatch_benches, NULL,
};
