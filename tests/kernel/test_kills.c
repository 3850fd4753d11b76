// SPDX-License-Identifier: MIT
//
// Portable programs that are killed in WASI calls at points that a seed chooses: while they
// wait for a pipe, the console or a time, move much data at once, or change names. Nothing
// leaks, and the next program can make the same calls on the same files.
// tests/programs/calls.c makes the calls.
#include "kernel/base/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/tests.h"

#define LONG_NS    (30 * NS_PER_S)
#define STATUS     9
#define YIELDS_MAX 64u
#define POINTS     24u
#define MANY       2000u

extern const uint8_t test_program_calls[], test_program_calls_end[];

static const enum load_engine engines[] = {LOAD_ENGINE_COMPILED, LOAD_ENGINE_INTERPRETER};

/* Shared by all tests: only one runs at a time. */
static struct {
    struct image image;
    uint32_t seed;
    uint64_t once_ns[ARRAY_COUNT(engines)]; /* run time of a program from start to end */
    /* programs that ended before the kill, and while they waited */
    unsigned in_time, in_wait;
} kills;

static uint32_t choose(uint32_t below)
{
    kills.seed = kills.seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(kills.seed >> 8) * below >> 24);
}

/* ---- One program ---- */

struct run {
    struct program *program; /* NULL: it could not be started, and the test has failed */
    enum program_end end;
    int status;
};

static struct run start(const char *what, struct load_options options)
{
    return (struct run){.program = runs_start(&kills.image, what, options)};
}

/* What a thread of the program waits for, or "" if all run. */
static const char *waiting_on(const struct program *p)
{
    static struct thread_info info;
    for (uint32_t i = 0; thread_get_info(i, &info); i++) {
        if (strcmp(info.program, p->name) == 0 && info.waiting_on[0] != '\0') {
            return info.waiting_on;
        }
    }
    return "";
}

static void wait(struct run *r)
{
    enum status s = program_wait(r->program, clock_now_ns() + LONG_NS, &r->end, &r->status);
    if (s != OK) {
        test_fail(__FILE__, __LINE__, "seed %u: %s: waits for \"%s\"", kills.seed, status_text(s),
                  waiting_on(r->program));
    }
}

static void expect(struct run *r, enum program_end end, int status)
{
    if (r->program == NULL) {
        return;
    }
    wait(r);
    if (r->end != end || r->status != status) {
        test_fail(__FILE__, __LINE__, "seed %u, %s: end %u with %d, expected %u with %d",
                  kills.seed, r->program->name, r->end, r->status, end, status);
    }
    program_release(r->program);
}

/* Let it run for a random time, then kill it. */
static void kill(const struct run *r)
{
    if (r->program == NULL) {
        return;
    }
    for (uint32_t n = choose(YIELDS_MAX); n > 0; n--) {
        thread_yield();
    }
    kills.in_wait += waiting_on(r->program)[0] != '\0' ? 1 : 0;
    program_kill(r->program, PROGRAM_KILLED, STATUS);
}

/* ---- Ways to be killed ---- */

static void in_any_call(unsigned which)
{
    struct run r =
        start("forever", (struct load_options){
                             .engine = engines[which],
                             .cpu_limit_ns = 1 + kills.once_ns[which] * choose(3000) / 1000,
                         });
    expect(&r, PROGRAM_OUT_OF_TIME, 119);
    kills.in_time += r.end == PROGRAM_OUT_OF_TIME ? 1 : 0;
}

/* Two programs change the same names. */
static void beside_another(unsigned which)
{
    struct load_options options = {.engine = engines[which]};
    struct run other = start("forever", options);
    in_any_call(choose(ARRAY_COUNT(engines)));
    kill(&other);
    expect(&other, PROGRAM_KILLED, STATUS);
}

static void at_the_console(unsigned which)
{
    static const char *const whats[] = {"read", "poll", "sleep"};
    struct run r =
        start(whats[choose(ARRAY_COUNT(whats))], (struct load_options){.engine = engines[which]});
    kill(&r);
    expect(&r, PROGRAM_KILLED, STATUS);
}

/* It waits at one end of a pipe whose other end nothing reads or writes. */
static void at_one_end(unsigned which)
{
    static const char *const whats[] = {"read", "poll", "write"};
    struct load_options options = {.engine = engines[which]};
    struct file *reader;
    struct file *writer;
    if (pipe_make(&reader, &writer) != OK) {
        test_fail(__FILE__, __LINE__, "no pipe");
        return;
    }
    options.files[0] = reader;
    options.files[1] = writer;
    struct run r = start(whats[choose(ARRAY_COUNT(whats))], options);
    kill(&r);
    expect(&r, PROGRAM_KILLED, STATUS);
    file_close(reader);
    file_close(writer);
}

/* A program at the other end finds the end of the pipe and exits by itself. */
static void at_either_end(unsigned which)
{
    struct load_options options = {.engine = engines[which]};
    struct file *reader;
    struct file *writer;
    if (pipe_make(&reader, &writer) != OK) {
        test_fail(__FILE__, __LINE__, "no pipe");
        return;
    }
    options.files[1] = writer;
    struct run writes = start("write", options);
    file_close(writer);
    options = (struct load_options){.engine = engines[choose(ARRAY_COUNT(engines))]};
    options.files[0] = reader;
    struct run reads = start("read", options);
    file_close(reader);
    bool is_reader = choose(2) == 1;
    kill(is_reader ? &reads : &writes);
    expect(is_reader ? &reads : &writes, PROGRAM_KILLED, STATUS);
    expect(is_reader ? &writes : &reads, PROGRAM_EXITED, 0);
}

static void (*const ways[])(unsigned which) = {in_any_call, beside_another, at_the_console,
                                               at_one_end,  at_either_end,  in_any_call};

/* ---- Files and memory that stay ---- */

struct rest {
    struct footprint footprint;
    uint32_t threads;
};

static void measure(struct rest *r)
{
    struct sched_stats stats;
    runs_measure(&r->footprint);
    sched_get_stats(&stats);
    r->threads = stats.threads;
}

/* A program can still make every call once, whatever files the killed ones left. */
static void go_on(unsigned which)
{
    struct run r = start("once", (struct load_options){.engine = engines[which]});
    expect(&r, PROGRAM_EXITED, 0);
}

#define PATIENCE 200u /* attempts at waiting for the resources of ended threads */

static bool is_same(const struct rest *a, const struct rest *b)
{
    const struct footprint *left = &a->footprint, *right = &b->footprint;
    return a->threads == b->threads && left->heap.live_bytes == right->heap.live_bytes &&
           memcmp(left->pages.by_owner, right->pages.by_owner, sizeof(left->pages.by_owner)) == 0;
}

static void compare(const struct rest *before)
{
    struct rest after;
    unsigned n = 0;
    do {
        measure(&after);
    } while (!is_same(&after, before) && ++n < PATIENCE);
    runs_compare(&before->footprint, &after.footprint);
    TEST_EQUAL(after.threads, before->threads);
}

static void time_it(unsigned which)
{
    struct run r = start("once", (struct load_options){.engine = engines[which]});
    uint64_t before = clock_now_ns();
    expect(&r, PROGRAM_EXITED, 0);
    kills.once_ns[which] = clock_now_ns() - before;
}

static void kill_at_points(uint32_t seed, unsigned points)
{
    struct rest before = {.threads = 0};
    kills.seed = seed;
    kills.in_time = kills.in_wait = 0;
    kills.image = (struct image){"/tmp/calls.wasm", test_program_calls,
                                 (size_t)(test_program_calls_end - test_program_calls)};
    if (!runs_write_file(&kills.image)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(engines); i++) {
        time_it(i);
    }
    for (unsigned i = 0; i < points + ARRAY_COUNT(ways); i++) {
        ways[i % ARRAY_COUNT(ways)](choose(ARRAY_COUNT(engines)));
        go_on(choose(ARRAY_COUNT(engines)));
        if (i + 1 == ARRAY_COUNT(ways)) { /* each way has been tried: caches are full */
            measure(&before);
        } else if (i + 1 > ARRAY_COUNT(ways)) {
            compare(&before);
        }
    }
    TEST_CHECK(kills.in_time > 0);
    TEST_CHECK(kills.in_wait > 0);
    runs_remove_file(&kills.image);
}

static void a_kill_in_any_call_leaks_nothing(void)
{
    kill_at_points(7, POINTS);
}

static void many_kills_in_calls_leak_nothing(void)
{
    kill_at_points(11, MANY);
}

const struct kernel_test kill_tests[] = {
    {"kills.a_kill_in_any_call_leaks_nothing", a_kill_in_any_call_leaks_nothing, TEST_ON_NOTHING},
    {"long_kills.many_kills_in_calls_leak_nothing", many_kills_in_calls_leak_nothing,
     TEST_ON_NOTHING},
    {0},
};
