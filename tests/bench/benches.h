// SPDX-License-Identifier: MIT
//
// The tables of benchmarks, one a file, each ending with NULL names. registry.c lists them.
#pragma once

#include "kernel/test/bench.h"

/** All benchmark tables, one line a file; ends with NULL. Defined in registry.c. */
extern const struct kernel_bench *const kernel_benches[];

extern const struct kernel_bench block_benches[];
extern const struct kernel_bench boot_benches[];
extern const struct kernel_bench file_benches[];
extern const struct kernel_bench jit_benches[];
extern const struct kernel_bench livepatch_benches[];
extern const struct kernel_bench memory_benches[];
extern const struct kernel_bench memory_smp_benches[];
extern const struct kernel_bench name_benches[];
extern const struct kernel_bench sched_benches[];
extern const struct kernel_bench timer_benches[];
