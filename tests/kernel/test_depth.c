// SPDX-License-Identifier: MIT
//
// Stack use of WASI calls. Compiled code checks on entry that 16 KiB of stack are left,
// and a call that it makes uses the rest of them unchecked: each call must fit in half
// of that, interrupts included.
#include "kernel/base/clock.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/vfs.h"
#include "kernel/jit/code.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "kernel/test/test.h"
#include "kernel/wasi/abi.h"
#include "kernel/wasi/wasi.h"
#include "tests/kernel/tests.h"

#define LONG_NS ((uint64_t)30 * NS_PER_S)
#define AHEAD   JIT_STACK_MARGIN
#define OWN     256u /* bytes of the painting function's frame, which count as the call's */
#define PAINT   0xa5
#define MEMORY  65536u
#define STACK   ((size_t)256 << 10)
#define ARGS    9

enum {
    FOLDER = 3, /* / */
    OPENED,     /* the first file that is opened */
    NAME = 0,
    OTHER = 32,
    NAME_LEN = 9,
    LIST = 64,
    RESULT = 128,
    POLLED = 256,
    EVENTS = 512,
    BUFFER = 1024,
    BUFFER_LEN = 4096,
    LONG = 8192,
    LONG_TURNS = 100,
    LONG_LEN = 7 * LONG_TURNS,
};

struct row {
    const char *name;
    uint64_t args[ARGS];
};

/* Every call, in an order that lets each succeed that can. */
static const struct row rows[] = {
    {"args_get", {BUFFER, BUFFER + 64}},
    {"args_sizes_get", {RESULT, RESULT + 4}},
    {"environ_get", {BUFFER, BUFFER + 64}},
    {"environ_sizes_get", {RESULT, RESULT + 4}},
    {"clock_res_get", {WASI_CLOCK_MONOTONIC, RESULT}},
    {"clock_time_get", {WASI_CLOCK_MONOTONIC, 0, RESULT}},
    {"random_get", {BUFFER, BUFFER_LEN}},
    {"sched_yield", {0}},
    {"poll_oneoff", {POLLED, EVENTS, 1, RESULT}},
    {"path_open",
     {FOLDER, 0, NAME, NAME_LEN, WASI_OFLAG_CREAT, WASI_RIGHTS_ALL, WASI_RIGHTS_ALL, 0, RESULT}},
    {"fd_fdstat_get", {OPENED, BUFFER}},
    {"fd_fdstat_set_flags", {OPENED, WASI_FDFLAG_APPEND}},
    {"fd_advise", {OPENED, 0, 0, 0}},
    {"fd_allocate", {OPENED, 0, BUFFER_LEN}},
    {"fd_write", {OPENED, LIST, 1, RESULT}},
    {"fd_pwrite", {OPENED, LIST, 1, 0, RESULT}},
    {"fd_seek", {OPENED, 0, WASI_WHENCE_SET, RESULT}},
    {"fd_tell", {OPENED, RESULT}},
    {"fd_read", {OPENED, LIST, 1, RESULT}},
    {"fd_pread", {OPENED, LIST, 1, 0, RESULT}},
    {"fd_datasync", {OPENED}},
    {"fd_sync", {OPENED}},
    {"fd_filestat_get", {OPENED, BUFFER}},
    {"fd_filestat_set_size", {OPENED, 1}},
    {"fd_filestat_set_times", {OPENED, 0, 0, WASI_FST_ATIM_NOW | WASI_FST_MTIM_NOW}},
    {"fd_prestat_get", {FOLDER, RESULT}},
    {"fd_prestat_dir_name", {FOLDER, BUFFER, 1}},
    {"fd_readdir", {FOLDER, BUFFER, BUFFER_LEN, 0, RESULT}},
    {"path_filestat_get", {FOLDER, WASI_LOOKUP_SYMLINK_FOLLOW, LONG, LONG_LEN, BUFFER}},
    {"path_filestat_set_times", {FOLDER, 0, NAME, NAME_LEN, 0, 0, WASI_FST_MTIM_NOW}},
    {"path_link", {FOLDER, 0, NAME, NAME_LEN, FOLDER, OTHER, NAME_LEN}},
    {"path_unlink_file", {FOLDER, OTHER, NAME_LEN}},
    {"path_symlink", {NAME, NAME_LEN, FOLDER, OTHER, NAME_LEN}},
    {"path_readlink", {FOLDER, OTHER, NAME_LEN, BUFFER, BUFFER_LEN, RESULT}},
    {"path_rename", {FOLDER, NAME, NAME_LEN, FOLDER, OTHER, NAME_LEN}},
    {"path_unlink_file", {FOLDER, OTHER, NAME_LEN}},
    {"path_create_directory", {FOLDER, OTHER, NAME_LEN}},
    {"path_remove_directory", {FOLDER, OTHER, NAME_LEN}},
    {"fd_fdstat_set_rights", {OPENED, 0, 0}},
    {"fd_renumber", {OPENED, OPENED}},
    {"sock_accept", {OPENED, 0, RESULT}},
    {"sock_recv", {OPENED, LIST, 1, 0, RESULT, RESULT + 4}},
    {"sock_send", {OPENED, LIST, 1, 0, RESULT}},
    {"sock_shutdown", {OPENED, 0}},
    {"fd_close", {OPENED}},
    {"proc_raise", {WASI_SIGNAL_NONE}},
    {"proc_exit", {0}},
};

struct depth {
    struct program *program;
    struct wasi *wasi;
    uint8_t *memory;
    uint64_t length;
    uint32_t answers[ARRAY_COUNT(rows)];
    size_t bytes[ARRAY_COUNT(rows)];
};

static NOINLINE size_t measure(struct depth *d, const struct row *r, uint32_t *answer)
{
    const struct wasi_call *call = wasi_find_call(r->name, strlen(r->name));
    volatile uint8_t *here = (volatile uint8_t *)__builtin_frame_address(0) - OWN;
    size_t n;
    for (n = 1; n <= AHEAD; n++) { /* downwards, as the stack grows */
        *(here - n) = PAINT;
    }
    *answer = call->call(d->wasi, r->args);
    for (n = AHEAD; n > 0 && *(here - n) == PAINT; n--) {
    }
    return n + OWN;
}

static void make_calls(void *arg)
{
    struct depth *d = arg;
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        d->bytes[i] = measure(d, &rows[i], &d->answers[i]);
    }
}

static void fill_memory(struct depth *d)
{
    memcpy(d->memory + NAME, "tmp/depth", NAME_LEN);
    memcpy(d->memory + OTHER, "tmp/other", NAME_LEN);
    store_le32(d->memory + LIST, BUFFER);
    store_le32(d->memory + LIST + 4, BUFFER_LEN);
    d->memory[POLLED + WASI_SUBSCRIPTION_TAG] = WASI_EVENT_CLOCK;
    store_le32(d->memory + POLLED + WASI_SUBSCRIPTION_CLOCK, WASI_CLOCK_MONOTONIC);
    store_le64(d->memory + POLLED + WASI_SUBSCRIPTION_TIMEOUT, NS_PER_US);
    for (unsigned i = 0; i < LONG_TURNS; i++) {
        memcpy(d->memory + LONG + (size_t)i * 7, "tmp/../", 7);
    }
    wasi_set_memory(d->wasi, d->memory, &d->length);
}

static bool run_calls(struct depth *d)
{
    static const struct wasi_folder folder = {.path = "/", .name = "/"};
    static const char *const args[] = {"depth"};
    const struct wasi_config config = {.args = args, .arg_count = 1};
    enum program_end end = PROGRAM_RUNNING;
    int status;
    struct thread *t = NULL;
    if (program_create("depth", &d->program) != OK) {
        return false;
    }
    const struct thread_options options = {.name = "depth",
                                           .entry = make_calls,
                                           .arg = d,
                                           .priority = PRIO_NORMAL,
                                           .owner = &d->program->owner,
                                           .stack_bytes = STACK};
    bool is_made = wasi_create_for_program(d->program, &config, &folder, 1, &d->wasi) == OK;
    if (is_made) {
        fill_memory(d);
    }
    if (is_made && thread_create(&options, &t) == OK) {
        thread_detach(t);
    } else {
        program_kill(d->program, PROGRAM_KILLED, 0);
    }
    TEST_EQUAL(program_wait(d->program, clock_now_ns() + LONG_NS, &end, &status), OK);
    program_release(d->program);
    bool is_armed = failure_pause();
    (void)!vfs_unlink(NULL, "/tmp/depth"); /* it exists if memory ran out */
    (void)!vfs_unlink(NULL, "/tmp/other");
    failure_resume(is_armed);
    return end == PROGRAM_EXITED;
}

static bool has_row(const char *name)
{
    bool has = false;
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        has |= strcmp(rows[i].name, name) == 0;
    }
    return has;
}

/* There are no sockets: calls on them fail. */
static bool may_fail(const char *name)
{
    return str_has_prefix(name, "sock_");
}

static void every_call_fits_in_half_of_the_stack_margin(void)
{
    struct depth *d = heap_zalloc(sizeof(*d));
    uint8_t *memory = heap_zalloc(MEMORY);
    for (const struct wasi_call *c = wasi_calls; c->name != NULL; c++) {
        if (!has_row(c->name)) {
            test_fail(__FILE__, __LINE__, "%s is not called", c->name);
        }
    }
    if (d == NULL || memory == NULL) {
        test_fail(__FILE__, __LINE__, "no memory");
    } else {
        d->memory = memory;
        d->length = MEMORY;
        TEST_CHECK(run_calls(d));
        for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
            bool is_good = d->answers[i] == WASI_SUCCESS || may_fail(rows[i].name);
            if (!is_good || d->bytes[i] > AHEAD / 2) {
                test_fail(__FILE__, __LINE__, "%s: answer %u, %zu bytes of stack", rows[i].name,
                          d->answers[i], d->bytes[i]);
            }
        }
    }
    heap_free(memory);
    heap_free(d);
}

const struct kernel_test depth_tests[] = {
    {"depth.every_call_fits_in_half_of_the_stack_margin",
     every_call_fits_in_half_of_the_stack_margin, TEST_ON_CPUS},
    {0},
};
