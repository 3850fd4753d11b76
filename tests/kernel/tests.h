// SPDX-License-Identifier: MIT
//
// The tables of in-guest tests, one a file, each ending with a NULL name. registry.c lists them.
#pragma once

#include "kernel/sched/thread.h"
#include "kernel/test/test.h"

#ifdef HALYARD_DEBUG
/**
 * @brief How many repetitions, or how large a size, a test uses.
 * @return `plain`; or `walked` in a run that makes each allocation fail in turn ("fails:") and
 *         therefore repeats the test for each of them.
 * @context{any}
 */
unsigned test_scaled(unsigned plain, unsigned walked);

/**
 * @brief Of the `kinds` different things that a test does in turn: does this run do this one? A run
 * with failing allocations does one of them; there are as many such runs.
 * @param kind  Below `kinds`.
 * @context{thread that runs the test}
 */
bool test_does(unsigned kind, unsigned kinds);
#else
static inline unsigned test_scaled(unsigned plain, unsigned walked)
{
    (void)walked;
    return plain;
}

static inline bool test_does(unsigned kind, unsigned kinds)
{
    (void)kind, (void)kinds;
    return true;
}
#endif

/** @brief thread_join() for a thread that may not exist (NULL): then E_NOMEM. */
static inline enum status test_join(struct thread *t, int *value)
{
    return t == NULL ? E_NOMEM : thread_join(t, value);
}

/** All test tables, one line a file; ends with NULL. Defined in registry.c. */
extern const struct kernel_test *const kernel_tests[];

/** The code of all tests and benchmarks (cmake/extension.lds). */
extern char __extension_text_start[], __extension_text_end[];

extern const struct kernel_test mmu_tests[];
extern const struct kernel_test string_tests[];
extern const struct kernel_test trap_tests[];
extern const struct kernel_test memory_tests[];
extern const struct kernel_test range_tests[];
extern const struct kernel_test magazine_tests[];
extern const struct kernel_test program_tests[];
extern const struct kernel_test sched_tests[];
extern const struct kernel_test cpu_tests[];
extern const struct kernel_test smp_tests[];
extern const struct kernel_test livepatch_tests[];
extern const struct kernel_test program_patch_tests[];
extern const struct kernel_test smp_thread_tests[];
extern const struct kernel_test smp_move_tests[];
extern const struct kernel_test smp_file_tests[];
extern const struct kernel_test smp_program_tests[];
extern const struct kernel_test smp_spread_tests[];
extern const struct kernel_test failure_tests[];
extern const struct kernel_test failure_shell_tests[];
extern const struct kernel_test failure_disk_file_tests[];
extern const struct kernel_test stress_tests[];
extern const struct kernel_test torture_tests[];
extern const struct kernel_test preempt_tests[];
extern const struct kernel_test register_tests[];
extern const struct kernel_test watchdog_tests[];
extern const struct kernel_test lock_tests[];
extern const struct kernel_test waiting_tests[];
extern const struct kernel_test look_tests[];
extern const struct kernel_test block_tests[];
extern const struct kernel_test irq_tests[];
extern const struct kernel_test jit_tests[];
extern const struct kernel_test native_tests[];
extern const struct kernel_test module_tests[];
extern const struct kernel_test security_tests[];
extern const struct kernel_test bytecode_tests[];
extern const struct kernel_test limits_tests[];
extern const struct kernel_test wasi_tests[];
extern const struct kernel_test kill_tests[];
extern const struct kernel_test depth_tests[];
extern const struct kernel_test stack_tests[];
extern const struct kernel_test interp_tests[];
extern const struct kernel_test wasm_spec_tests[];
extern const struct kernel_test linked_tests[];
extern const struct kernel_test seeded_tests[];
extern const struct kernel_test example_tests[];
extern const struct kernel_test managed_tests[];
extern const struct kernel_test compiled_tests[];
