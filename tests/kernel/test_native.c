// SPDX-License-Identifier: MIT
//
// Native programs from their bytes to their end: exit status, threads with floating point, faults
// of every kind, a kill at any instruction, and no leak. The programs are those of programs/.
#include "hal/layout.h"
#include "hal/mmu.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/string.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#define PROGRAM(name) extern const uint8_t test_program_##name[], test_program_##name##_end[]
PROGRAM(exit);
PROGRAM(threads);
PROGRAM(spin);
PROGRAM(crash);
PROGRAM(sdk);
PROGRAM(landing);

#define IMAGE(name)                                                                                \
    (struct image)                                                                                 \
    {                                                                                              \
        "/tmp/" #name ".elf", test_program_##name,                                                 \
            (size_t)(test_program_##name##_end - test_program_##name)                              \
    }

static void test_exit_status_is_the_programs(void)
{
    struct image image = IMAGE(exit);
    if (runs_write_file(&image)) {
        runs_run(&image, "0", PROGRAM_EXITED, 0);
        runs_run(&image, "7", PROGRAM_EXITED, 7);
        runs_run(&image, "255", PROGRAM_EXITED, 255);
        runs_remove_file(&image);
    }
}

static void test_threads_keep_their_float_registers(void)
{
    struct image image = IMAGE(threads);
    if (runs_write_file(&image)) {
        struct program *a = runs_start(&image, NULL, (struct load_options){.argc = 0});
        struct program *b = runs_start(&image, NULL, (struct load_options){.argc = 0});
        if (a != NULL) {
            runs_finish(a, PROGRAM_EXITED, 0);
        }
        if (b != NULL) {
            runs_finish(b, PROGRAM_EXITED, 0);
        }
        runs_remove_file(&image);
    }
}

static void test_faults_end_only_the_program(void)
{
    static const char *const kinds[] = {"read-null", "write-null", "write-text",     "write-rodata",
                                        "exec-data", "jump",       "illegal",        "breakpoint",
                                        "recursion", "free",       "recursion-call", "memcpy-null"};
    struct image image = IMAGE(crash);
    if (runs_write_file(&image)) {
        for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
            if (test_does(i, ARRAY_COUNT(kinds))) {
                runs_run(&image, kinds[i], PROGRAM_FAULTED, 119);
            }
        }
        runs_remove_file(&image);
    }
}

static bool text_is_guarded(void)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)__text_start, &m) && (m.prot & PROT_GUARDED) != 0;
}

/* A program that declares landing pads must have them on a CPU that checks the kernel's; one
 * without the declaration (crash.elf) runs unchecked. */
static void test_landing_pads_are_checked_if_promised(void)
{
    struct image image = IMAGE(landing);
    if (runs_write_file(&image)) {
        runs_run(&image, NULL, PROGRAM_EXITED, 0);
        if (text_is_guarded()) {
            runs_run(&image, "stray", PROGRAM_FAULTED, 119);
        } else {
            runs_run(&image, "stray", PROGRAM_EXITED, 0);
        }
        runs_remove_file(&image);
    }
}

static void test_kill_ends_a_program_that_makes_no_calls(void)
{
    struct image image = IMAGE(spin);
    if (runs_write_file(&image)) {
        struct program *p = runs_start(&image, NULL, (struct load_options){.argc = 0});
        if (p != NULL) {
            thread_yield(); /* it runs for a time slice */
            program_kill(p, PROGRAM_KILLED, 137);
            runs_finish(p, PROGRAM_KILLED, 137);
        }
        runs_remove_file(&image);
    }
}

static void test_cpu_time_can_be_limited(void)
{
    struct image image = IMAGE(spin);
    if (runs_write_file(&image)) {
        struct load_options options = {.cpu_limit_ns = 30 * NS_PER_MS};
        struct program *a = runs_start(&image, NULL, options);
        struct program *b = runs_start(&image, NULL, options);
        if (a != NULL) {
            runs_finish(a, PROGRAM_OUT_OF_TIME, 119);
        }
        if (b != NULL) {
            runs_finish(b, PROGRAM_OUT_OF_TIME, 119);
        }
        runs_remove_file(&image);
        image = IMAGE(exit);
        if (runs_write_file(&image)) {
            struct program *c =
                runs_start(&image, "3", (struct load_options){.cpu_limit_ns = 10 * NS_PER_S});
            if (c != NULL) {
                runs_finish(c, PROGRAM_EXITED, 3);
            }
            runs_remove_file(&image);
        }
    }
}

/* Everything that the program leaves open, allocated or asleep is released. */
static void test_every_call_of_the_sdk(void)
{
    struct image image = IMAGE(sdk);
    struct footprint before, after;
    if (!runs_write_file(&image)) {
        return;
    }
    runs_run(&image, NULL, PROGRAM_EXITED, 0); /* it leaves its file in /tmp */
    runs_measure(&before);
    runs_run(&image, NULL, PROGRAM_EXITED, 0);
    runs_measure(&after);
    runs_compare(&before, &after);
    runs_remove_file(&image);
    runs_remove_file(&(struct image){.path = "/tmp/sdk.txt"});
}

#define WARM_RUNS 4
#define RUNS      200

static void test_200_runs_leak_nothing(void)
{
    struct image image = IMAGE(exit);
    struct footprint before, after;
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < test_scaled(WARM_RUNS, 1); i++) {
        runs_run(&image, "3", PROGRAM_EXITED, 3);
    }
    runs_measure(&before);
    for (unsigned i = 0; i < test_scaled(RUNS, 1); i++) {
        runs_run(&image, "3", PROGRAM_EXITED, 3);
    }
    runs_measure(&after);
    runs_compare(&before, &after);
    runs_remove_file(&image);
}

/* A refusal at any point releases everything: the file is truncated at many places. */
static void test_refused_files_leak_nothing(void)
{
    struct image image = IMAGE(exit);
    struct footprint before, after;
    struct loader_error err;
    struct module *m;
    runs_measure(&before);
    for (size_t len = 0; len < image.len; len += 61) {
        err.text[0] = 0;
        enum status s = loader_load(LOAD_PROGRAM, "cut", image.bytes, len, &m, &err);
        TEST_CHECK(s != OK && err.text[0] != 0);
    }
    runs_measure(&after);
    runs_compare(&before, &after);
}

const struct kernel_test native_tests[] = {
    {"exit_status_is_the_programs", test_exit_status_is_the_programs, TEST_ON_NOTHING},
    {"threads_keep_their_float_registers", test_threads_keep_their_float_registers, TEST_ON_CPUS},
    {"faults_end_only_the_program", test_faults_end_only_the_program, TEST_ON_CPUS},
    {"landing_pads_are_checked_if_promised", test_landing_pads_are_checked_if_promised,
     TEST_ON_CPUS},
    {"kill_ends_a_program_that_makes_no_calls", test_kill_ends_a_program_that_makes_no_calls,
     TEST_ON_INTERRUPTS | TEST_ON_CPUS},
    {"cpu_time_can_be_limited", test_cpu_time_can_be_limited, TEST_ON_INTERRUPTS},
    {"every_call_of_the_sdk", test_every_call_of_the_sdk, TEST_ON_NOTHING},
    {"200_runs_leak_nothing", test_200_runs_leak_nothing, TEST_ON_NOTHING},
    {"refused_files_leak_nothing", test_refused_files_leak_nothing, TEST_ON_NOTHING},
    {0},
};
