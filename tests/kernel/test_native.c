// SPDX-License-Identifier: MIT
//
// Native programs from bytes to their end: status, threads with floating point, faults of every
// kind, a kill at any instruction, and nothing left behind. The programs are those of programs/.
#include "hal/layout.h"
#include "hal/mmu.h"
#include "kernel/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/jit/loader.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/program.h"
#include "kernel/sched/thread.h"
#include "kernel/test.h"
#include "tests/kernel/tests.h"

#define PROGRAM(name) extern const uint8_t test_program_##name[], test_program_##name##_end[]
PROGRAM(exit);
PROGRAM(threads);
PROGRAM(spin);
PROGRAM(crash);
PROGRAM(sdk);
PROGRAM(landing);

struct image {
    const char *path;
    const uint8_t *bytes;
    size_t len;
};

#define IMAGE(name)                                                                                \
    (struct image)                                                                                 \
    {                                                                                              \
        "/tmp/" #name ".elf", test_program_##name,                                                 \
            (size_t)(test_program_##name##_end - test_program_##name)                              \
    }

static bool write_file(const struct image *image)
{
    struct file *f;
    enum status s = vfs_open(NULL, image->path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &f);
    if (s != OK) {
        test_fail(__FILE__, __LINE__, "%s: %s", image->path, status_text(s));
        return false;
    }
    size_t done = 0;
    s = file_write(f, image->bytes, image->len, &done);
    file_close(f);
    if (s != OK || done != image->len) {
        test_fail(__FILE__, __LINE__, "%s: wrote %u of %u bytes", image->path, (unsigned)done,
                  (unsigned)image->len);
        return false;
    }
    return true;
}

static void remove_file(const struct image *image)
{
    enum status s = vfs_unlink(NULL, image->path);
    TEST_EQUAL(s, OK);
}

static struct program *start_with(const struct image *image, const char *argument,
                                  struct load_options options)
{
    const char *argv[] = {image->path, argument};
    struct loader_error err = {.text = ""};
    struct program *p;
    options.argc = argument == NULL ? 1 : 2;
    options.argv = argv;
    enum status s = loader_start(image->path, &options, &p, &err);
    if (s != OK) {
        test_fail(__FILE__, __LINE__, "%s", err.text);
        return NULL;
    }
    return p;
}

static struct program *start(const struct image *image, const char *argument)
{
    return start_with(image, argument, (struct load_options){.argc = 0});
}

static void finish(struct program *p, enum program_end expected_end, int expected_status)
{
    enum program_end end = PROGRAM_RUNNING;
    int status = -1;
    TEST_EQUAL(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    TEST_EQUAL(end, expected_end);
    TEST_EQUAL(status, expected_status);
    program_release(p);
}

static void run(const struct image *image, const char *argument, enum program_end end, int status)
{
    struct program *p = start(image, argument);
    if (p != NULL) {
        finish(p, end, status);
    }
}

static void test_exit_status_is_the_programs(void)
{
    struct image image = IMAGE(exit);
    if (write_file(&image)) {
        run(&image, "0", PROGRAM_EXITED, 0);
        run(&image, "7", PROGRAM_EXITED, 7);
        run(&image, "255", PROGRAM_EXITED, 255);
        remove_file(&image);
    }
}

static void test_threads_keep_their_float_registers(void)
{
    struct image image = IMAGE(threads);
    if (write_file(&image)) {
        struct program *a = start(&image, NULL);
        struct program *b = start(&image, NULL);
        if (a != NULL) {
            finish(a, PROGRAM_EXITED, 0);
        }
        if (b != NULL) {
            finish(b, PROGRAM_EXITED, 0);
        }
        remove_file(&image);
    }
}

static void test_faults_end_only_the_program(void)
{
    static const char *const kinds[] = {"read-null", "write-null", "write-text",     "write-rodata",
                                        "exec-data", "jump",       "illegal",        "breakpoint",
                                        "recursion", "free",       "recursion-call", "memcpy-null"};
    struct image image = IMAGE(crash);
    if (write_file(&image)) {
        for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
            run(&image, kinds[i], PROGRAM_FAULTED, 119);
        }
        remove_file(&image);
    }
}

static bool text_is_guarded(void)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)__text_start, &m) && (m.prot & PROT_GUARDED) != 0;
}

/* A program that promises landing pads is held to it where the kernel itself is; the one that does
 * not (crash.elf) runs unchecked. */
static void test_landing_pads_are_checked_if_promised(void)
{
    struct image image = IMAGE(landing);
    if (write_file(&image)) {
        run(&image, NULL, PROGRAM_EXITED, 0);
        if (text_is_guarded()) {
            run(&image, "stray", PROGRAM_FAULTED, 119);
        } else {
            run(&image, "stray", PROGRAM_EXITED, 0);
        }
        remove_file(&image);
    }
}

static void test_kill_reaches_a_program_that_never_calls(void)
{
    struct image image = IMAGE(spin);
    if (write_file(&image)) {
        struct program *p = start(&image, NULL);
        if (p != NULL) {
            thread_yield(); /* it runs for a time slice */
            program_kill(p, PROGRAM_KILLED, 137);
            finish(p, PROGRAM_KILLED, 137);
        }
        remove_file(&image);
    }
}

static void test_cpu_time_can_be_limited(void)
{
    struct image image = IMAGE(spin);
    if (write_file(&image)) {
        struct load_options options = {.cpu_limit_ns = 30 * NS_PER_MS};
        struct program *a = start_with(&image, NULL, options);
        struct program *b = start_with(&image, NULL, options);
        if (a != NULL) {
            finish(a, PROGRAM_OUT_OF_TIME, 119);
        }
        if (b != NULL) {
            finish(b, PROGRAM_OUT_OF_TIME, 119);
        }
        remove_file(&image);
        image = IMAGE(exit);
        if (write_file(&image)) {
            struct program *c =
                start_with(&image, "3", (struct load_options){.cpu_limit_ns = 10 * NS_PER_S});
            if (c != NULL) {
                finish(c, PROGRAM_EXITED, 3);
            }
            remove_file(&image);
        }
    }
}

struct footprint {
    struct page_stats pages;
    struct heap_stats heap;
};

static void measure(struct footprint *f)
{
    page_get_stats(&f->pages);
    heap_get_stats(&f->heap);
}

static void compare(const struct footprint *before, const struct footprint *after)
{
    for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
        if (before->pages.by_owner[i] != after->pages.by_owner[i]) {
            test_fail(__FILE__, __LINE__, "%s: %llu pages before, %llu after",
                      page_owner_name((enum page_owner)i),
                      (unsigned long long)before->pages.by_owner[i],
                      (unsigned long long)after->pages.by_owner[i]);
        }
    }
    TEST_EQUAL(after->heap.live_objects, before->heap.live_objects);
    TEST_EQUAL(after->heap.live_bytes, before->heap.live_bytes);
}

/* What the program leaves open, allocated and asleep is given back. */
static void test_every_call_of_the_sdk(void)
{
    struct image image = IMAGE(sdk);
    struct footprint before, after;
    if (!write_file(&image)) {
        return;
    }
    run(&image, NULL, PROGRAM_EXITED, 0); /* leaves its file in /tmp */
    measure(&before);
    run(&image, NULL, PROGRAM_EXITED, 0);
    measure(&after);
    compare(&before, &after);
    remove_file(&image);
    TEST_EQUAL(vfs_unlink(NULL, "/tmp/sdk.txt"), OK);
}

#define WARM_RUNS 4
#define RUNS      200

static void test_200_runs_leave_nothing_behind(void)
{
    struct image image = IMAGE(exit);
    struct footprint before, after;
    if (!write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < WARM_RUNS; i++) {
        run(&image, "3", PROGRAM_EXITED, 3);
    }
    measure(&before);
    for (unsigned i = 0; i < RUNS; i++) {
        run(&image, "3", PROGRAM_EXITED, 3);
    }
    measure(&after);
    compare(&before, &after);
    remove_file(&image);
}

/* A refusal at any point gives everything back: the file is cut at many places. */
static void test_refused_files_leave_nothing_behind(void)
{
    struct image image = IMAGE(exit);
    struct footprint before, after;
    struct loader_error err;
    struct module *m;
    measure(&before);
    for (size_t len = 0; len < image.len; len += 61) {
        err.text[0] = 0;
        enum status s = loader_load(LOAD_PROGRAM, "cut", image.bytes, len, &m, &err);
        TEST_CHECK(s != OK && err.text[0] != 0);
    }
    measure(&after);
    compare(&before, &after);
}

const struct kernel_test native_tests[] = {
    {"exit_status_is_the_programs", test_exit_status_is_the_programs},
    {"threads_keep_their_float_registers", test_threads_keep_their_float_registers},
    {"faults_end_only_the_program", test_faults_end_only_the_program},
    {"landing_pads_are_checked_if_promised", test_landing_pads_are_checked_if_promised},
    {"kill_reaches_a_program_that_never_calls", test_kill_reaches_a_program_that_never_calls},
    {"cpu_time_can_be_limited", test_cpu_time_can_be_limited},
    {"every_call_of_the_sdk", test_every_call_of_the_sdk},
    {"200_runs_leave_nothing_behind", test_200_runs_leave_nothing_behind},
    {"refused_files_leave_nothing_behind", test_refused_files_leave_nothing_behind},
    {0},
};
