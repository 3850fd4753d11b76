// SPDX-License-Identifier: MIT
//
// Every table of in-guest tests, one line a file, in the order they run.
#include "tests/kernel/tests.h"

const struct kernel_test *const kernel_tests[] = {
    mmu_tests,           string_tests,
    trap_tests,          memory_tests,
    range_tests,         magazine_tests,
    sched_tests,         program_tests,
    cpu_tests,           smp_tests,
    livepatch_tests,     smp_thread_tests,
    smp_move_tests,      smp_file_tests,
    smp_program_tests,   smp_spread_tests,
    block_tests,         irq_tests,
    jit_tests,           native_tests,
    security_tests,      module_tests,
    wasi_tests,          bytecode_tests,
    limits_tests,        kill_tests,
    depth_tests,         stack_tests,
    interp_tests,        wasm_spec_tests,
    example_tests,       managed_tests,
    compiled_tests,      linked_tests,
    watchdog_tests,      look_tests,
    lock_tests,          waiting_tests,
    failure_shell_tests, failure_tests,
    stress_tests,        torture_tests,
    preempt_tests,       seeded_tests,
    register_tests,      NULL,
};
