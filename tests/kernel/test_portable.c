// SPDX-License-Identifier: MIT
//
// Portable programs from bytes to their end: status, traps, a kill at any instruction, limits,
// refusals, and nothing left behind. The modules are small enough to be read here.
#include "kernel/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"
#include "kernel/test.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

/* (module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
 *   (memory (export "memory") 1) (func (export "_start") (call 0 (i32.const 3)))) */
static const uint8_t leave[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x01, 0x7f, 0x00, 0x60,
    0x00, 0x00, 0x02, 0x24, 0x01, 0x16, 0x77, 0x61, 0x73, 0x69, 0x5f, 0x73, 0x6e, 0x61, 0x70, 0x73,
    0x68, 0x6f, 0x74, 0x5f, 0x70, 0x72, 0x65, 0x76, 0x69, 0x65, 0x77, 0x31, 0x09, 0x70, 0x72, 0x6f,
    0x63, 0x5f, 0x65, 0x78, 0x69, 0x74, 0x00, 0x00, 0x03, 0x02, 0x01, 0x01, 0x05, 0x03, 0x01, 0x00,
    0x01, 0x07, 0x13, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x06, 0x5f, 0x73,
    0x74, 0x61, 0x72, 0x74, 0x00, 0x01, 0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x03, 0x10, 0x00, 0x0b};

/* (module (memory 1) (global (mut i32) (i32.const 0)) (func (export "_start")
 *   (loop (global.set 0 (i32.add (global.get 0) (i32.const 1)))
 *     (i32.store (i32.and (global.get 0) (i32.const 0xfffc)) (global.get 0)) (br 0)))) */
static const uint8_t spin[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03,
    0x02, 0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x06, 0x06, 0x01, 0x7f, 0x01, 0x41, 0x00,
    0x0b, 0x07, 0x0a, 0x01, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x00, 0x0a, 0x1c,
    0x01, 0x1a, 0x00, 0x03, 0x40, 0x23, 0x00, 0x41, 0x01, 0x6a, 0x24, 0x00, 0x23, 0x00, 0x41,
    0xfc, 0xff, 0x03, 0x71, 0x23, 0x00, 0x36, 0x02, 0x00, 0x0c, 0x00, 0x0b, 0x0b};

/* (module (func (export "_start") unreachable)) */
static const uint8_t trap[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04,
                               0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07, 0x0a,
                               0x01, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x00,
                               0x0a, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0b};

/* (module (func $f unreachable) (start $f) (func (export "_start"))) */
static const uint8_t trap_at_start[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03,
    0x03, 0x02, 0x00, 0x00, 0x07, 0x0a, 0x01, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00,
    0x01, 0x08, 0x01, 0x00, 0x0a, 0x08, 0x02, 0x03, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x0b};

/* (module (func $f (export "_start") (call $f) (call $f))) */
static const uint8_t recurse[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04,
                                  0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07, 0x0a,
                                  0x01, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x00,
                                  0x0a, 0x08, 0x01, 0x06, 0x00, 0x10, 0x00, 0x10, 0x00, 0x0b};

/* (module (memory 1) (func (export "_start") (loop (br_if 0 (i32.ne (memory.grow (i32.const 16))
 * (i32.const -1)))))) */
static const uint8_t eat[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01,
                              0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03, 0x01, 0x00,
                              0x01, 0x07, 0x0a, 0x01, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74,
                              0x00, 0x00, 0x0a, 0x10, 0x01, 0x0e, 0x00, 0x03, 0x40, 0x41, 0x10,
                              0x40, 0x00, 0x41, 0x7f, 0x47, 0x0d, 0x00, 0x0b, 0x0b};

/* (module (memory 1) (func (export "_start") (i32.store (i32.const 65533) (i32.const 1)))) */
static const uint8_t beyond[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04,
                                 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03,
                                 0x01, 0x00, 0x01, 0x07, 0x0a, 0x01, 0x06, 0x5f, 0x73, 0x74,
                                 0x61, 0x72, 0x74, 0x00, 0x00, 0x0a, 0x0d, 0x01, 0x0b, 0x00,
                                 0x41, 0xfd, 0xff, 0x03, 0x41, 0x01, 0x36, 0x02, 0x00, 0x0b};

/* (module (func (export "other"))) */
static const uint8_t no_start[] = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01,
                                   0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00,
                                   0x07, 0x09, 0x01, 0x05, 0x6f, 0x74, 0x68, 0x65, 0x72,
                                   0x00, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b};

/* (module (import "env" "paint" (func)) (func (export "_start"))) */
static const uint8_t no_import[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00,
    0x00, 0x02, 0x0d, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x05, 0x70, 0x61, 0x69, 0x6e,
    0x74, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07, 0x0a, 0x01, 0x06, 0x5f, 0x73,
    0x74, 0x61, 0x72, 0x74, 0x00, 0x01, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b};

/* (module (table 1000000 funcref) (func (export "_start")
 *   (loop (table.fill 0 (i32.const 0) (ref.null func) (i32.const 1000000)) (br 0)))) */
static const uint8_t fill[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03,
    0x02, 0x01, 0x00, 0x04, 0x06, 0x01, 0x70, 0x00, 0xc0, 0x84, 0x3d, 0x07, 0x0a, 0x01, 0x06,
    0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x00, 0x0a, 0x14, 0x01, 0x12, 0x00, 0x03, 0x40,
    0x41, 0x00, 0xd0, 0x70, 0x41, 0xc0, 0x84, 0x3d, 0xfc, 0x11, 0x00, 0x0c, 0x00, 0x0b, 0x0b};

#define IMAGE(name)                                                                                \
    (struct image)                                                                                 \
    {                                                                                              \
        "/tmp/" #name ".wasm", name, sizeof(name)                                                  \
    }

static const struct load_options engines[] = {{.engine = LOAD_ENGINE_COMPILED},
                                              {.engine = LOAD_ENGINE_INTERPRETER}};

static void run_on_both(struct image image, enum program_end end, int status)
{
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(engines); i++) {
        struct program *p = runs_start(&image, NULL, engines[i]);
        if (p != NULL) {
            runs_finish(p, end, status);
        }
    }
    runs_remove_file(&image);
}

static void status_is_the_programs(void)
{
    run_on_both(IMAGE(leave), PROGRAM_EXITED, 3);
}

static void traps_end_only_the_program(void)
{
    run_on_both(IMAGE(trap), PROGRAM_FAULTED, 119);
    run_on_both(IMAGE(trap_at_start), PROGRAM_FAULTED, 119);
    run_on_both(IMAGE(recurse), PROGRAM_FAULTED, 119);
    run_on_both(IMAGE(beyond), PROGRAM_FAULTED, 119);
}

#define KILLS 60

/* Each kill finds it somewhere else in its loop: the first at once, the others a little later each.
 */
static void kill_reaches_it_at_any_instruction(void)
{
    struct image image = IMAGE(spin);
    struct footprint before = {.heap = {0}}, after;
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < KILLS; i++) {
        struct program *p = runs_start(&image, NULL, engines[i % ARRAY_COUNT(engines)]);
        if (p == NULL) {
            break;
        }
        TEST_EQUAL(thread_sleep(i * 37 * NS_PER_US), OK);
        program_kill(p, PROGRAM_KILLED, 137);
        runs_finish(p, PROGRAM_KILLED, 137);
        if (i == 3) {
            runs_measure(&before);
        }
    }
    runs_measure(&after);
    runs_compare(&before, &after);
    runs_remove_file(&image);
}

/* It is all but never found in its own code: the helpers must notice. */
static void kill_reaches_what_only_calls_helpers(void)
{
    struct image image = IMAGE(fill);
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(engines); i++) {
        struct program *p = runs_start(&image, NULL, engines[i]);
        if (p != NULL) {
            TEST_EQUAL(thread_sleep(5 * NS_PER_MS), OK);
            program_kill(p, PROGRAM_KILLED, 137);
            runs_finish(p, PROGRAM_KILLED, 137);
        }
    }
    runs_remove_file(&image);
}

static void many_run_at_once(void)
{
    struct image image = IMAGE(spin);
    struct program *p[8];
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(p); i++) {
        p[i] = runs_start(&image, NULL, engines[i % ARRAY_COUNT(engines)]);
    }
    TEST_EQUAL(thread_sleep(30 * NS_PER_MS), OK);
    for (unsigned i = 0; i < ARRAY_COUNT(p); i++) {
        if (p[i] != NULL) {
            program_kill(p[i], PROGRAM_KILLED, 130);
            runs_finish(p[i], PROGRAM_KILLED, 130);
        }
    }
    runs_remove_file(&image);
}

/* It asks for memory until it gets none, and goes on. */
static void memory_is_limited(void)
{
    struct image image = IMAGE(eat);
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(engines); i++) {
        struct load_options options = engines[i];
        options.memory_limit_bytes = (uint64_t)8 << 20;
        struct program *p = runs_start(&image, NULL, options);
        if (p != NULL) {
            runs_finish(p, PROGRAM_EXITED, 0);
        }
    }
    runs_remove_file(&image);
}

static void time_is_limited(void)
{
    struct image image = IMAGE(spin);
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(engines); i++) {
        struct load_options options = engines[i];
        options.cpu_limit_ns = 20 * NS_PER_MS;
        struct program *p = runs_start(&image, NULL, options);
        if (p != NULL) {
            runs_finish(p, PROGRAM_OUT_OF_TIME, 119);
        }
    }
    runs_remove_file(&image);
}

#define WARM_RUNS 4
#define RUNS      200

static void two_hundred_runs_leave_nothing_behind(void)
{
    struct image image = IMAGE(leave);
    struct footprint before, after;
    if (!runs_write_file(&image)) {
        return;
    }
    for (unsigned i = 0; i < WARM_RUNS; i++) {
        runs_run(&image, NULL, PROGRAM_EXITED, 3);
    }
    runs_measure(&before);
    for (unsigned i = 0; i < RUNS; i++) {
        runs_run(&image, NULL, PROGRAM_EXITED, 3);
    }
    runs_measure(&after);
    runs_compare(&before, &after);
    runs_remove_file(&image);
}

static bool contains(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (; *text != '\0'; text++) {
        if (strncmp(text, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static void refuse(const struct image *image, const char *word)
{
    const char *argv[] = {image->path};
    const struct load_options options = {.argc = 1, .argv = argv};
    struct loader_error err = {.text = ""};
    struct program *p;
    if (!runs_write_file(image)) {
        return;
    }
    enum status s = loader_start(image->path, &options, &p, &err);
    if (s == OK) {
        test_fail(__FILE__, __LINE__, "%s of %u bytes was not refused", image->path,
                  (unsigned)image->len);
        program_kill(p, PROGRAM_KILLED, 0);
        program_release(p);
    }
    if (!contains(err.text, word)) {
        test_fail(__FILE__, __LINE__, "%s: %s", image->path, err.text);
    }
    runs_remove_file(image);
}

/* Cut anywhere, or without what it needs: a sentence, and everything given back. */
static void refused_files_leave_nothing_behind(void)
{
    struct footprint before, after;
    refuse(&IMAGE(no_start), "_start");
    runs_measure(&before);
    refuse(&IMAGE(no_start), "_start");
    refuse(&IMAGE(no_import), "paint");
    for (size_t len = 4; len + 1 < sizeof(leave); len++) {
        struct image cut = IMAGE(leave);
        cut.len = len;
        refuse(&cut, "/tmp/leave.wasm: ");
    }
    runs_measure(&after);
    runs_compare(&before, &after);
}

const struct kernel_test portable_tests[] = {
    {"portable.status_is_the_programs", status_is_the_programs},
    {"portable.traps_end_only_the_program", traps_end_only_the_program},
    {"portable.kill_reaches_it_at_any_instruction", kill_reaches_it_at_any_instruction},
    {"portable.kill_reaches_what_only_calls_helpers", kill_reaches_what_only_calls_helpers},
    {"portable.many_run_at_once", many_run_at_once},
    {"portable.memory_is_limited", memory_is_limited},
    {"portable.time_is_limited", time_is_limited},
    {"portable.two_hundred_runs_leave_nothing_behind", two_hundred_runs_leave_nothing_behind},
    {"portable.refused_files_leave_nothing_behind", refused_files_leave_nothing_behind},
    {0},
};
