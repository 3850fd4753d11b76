// SPDX-License-Identifier: MIT
//
// WASI for programs of the kernel: real files, clocks and waits, and the resources of a program
// that is killed during a call. A function of the kernel stands for the program; its memory is a
// heap block. Host tests check the results of the calls.
#include "kernel/base/clock.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/fs.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/program/program.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait_set.h"
#include "kernel/test/test.h"
#include "kernel/wasi/abi.h"
#include "kernel/wasi/wasi.h"
#include "tests/kernel/tests.h"

#define LONG_NS (10 * NS_PER_S)
#define MEMORY  4096u
#define PAUSE   (3 * NS_PER_MS)

enum { TEXT_AT = 0, BUFFER_AT = 512, LIST_AT = 1024, RESULT_AT = 1040, FOLDER = 3, SEVERAL = 16 };

struct guest {
    struct program *program;
    struct wasi *wasi;
    uint8_t *memory;
    uint64_t length;
    uint32_t answer;          /* result of the last call */
    uint16_t flags;           /* flags of the last event */
    uint32_t events;          /* of the last call */
    _Atomic bool is_waiting;  /* it is about to make a call that blocks */
    _Atomic bool is_over;     /* its other thread has to end */
    _Atomic uint64_t spun_ns; /* by its other thread */
};

static uint32_t call(struct guest *g, const char *name, const uint64_t *args)
{
    return wasi_find_call(name, strlen(name))->call(g->wasi, args);
}

#define CALL(g, name, ...) call(g, name, (const uint64_t[]){__VA_ARGS__})

static uint32_t put(struct guest *g, uint32_t at, const char *text)
{
    memcpy(g->memory + at, text, strlen(text));
    return (uint32_t)strlen(text);
}

static void finish(struct guest *g, enum program_end end, int status)
{
    enum program_end got_end = PROGRAM_RUNNING;
    int got_status = -1;
    TEST_EQUAL(program_wait(g->program, clock_now_ns() + LONG_NS, &got_end, &got_status), OK);
    TEST_EQUAL(got_end, end);
    TEST_EQUAL(got_status, status);
    program_release(g->program);
    heap_free(g->memory);
}

/* A program with /tmp as its folder, ready to run. Its standard stream `number` is `stream`,
 * which the program owns from now on, or the default one (NULL). false: the program does not
 * exist and `stream` is closed. */
static bool make(struct guest *g, unsigned number, struct file *stream)
{
    static const struct wasi_folder folder = {.path = "/tmp", .name = "/"};
    static const char *const args[] = {"guest"};
    const struct wasi_config config = {.args = args, .arg_count = 1};
    *g = (struct guest){.length = MEMORY, .memory = heap_zalloc(MEMORY)};
    if (g->memory == NULL || program_create("wasi", &g->program) != OK) {
        test_fail(__FILE__, __LINE__, "no program");
        heap_free(g->memory);
        if (stream != NULL) {
            file_close(stream);
        }
        return false;
    }
    if (stream != NULL) {
        mutex_lock(&g->program->lock);
        struct file *old = g->program->files[number];
        g->program->files[number] = stream;
        mutex_unlock(&g->program->lock);
        file_close(old);
    }
    if (wasi_create_for_program(g->program, &config, &folder, 1, &g->wasi) != OK) {
        test_fail(__FILE__, __LINE__, "no WASI");
        program_kill(g->program, PROGRAM_KILLED, 0);
        finish(g, PROGRAM_KILLED, 0);
        return false;
    }
    wasi_set_memory(g->wasi, g->memory, &g->length);
    return true;
}

static void start(struct guest *g, void (*entry)(void *arg))
{
    struct thread *t = NULL;
    const struct thread_options options = {.name = "wasi",
                                           .entry = entry,
                                           .arg = g,
                                           .priority = PRIO_NORMAL,
                                           .owner = &g->program->owner};
    if (thread_create(&options, &t) != OK) {
        test_fail(__FILE__, __LINE__, "no thread");
        program_kill(g->program, PROGRAM_KILLED, 0);
        return;
    }
    thread_detach(t);
}

static void write_a_file(void *arg)
{
    struct guest *g = arg;
    uint32_t status = 0;
    uint32_t len = put(g, TEXT_AT, "wasi.txt");
    uint32_t fd;
    g->answer = CALL(g, "path_open", FOLDER, 0, TEXT_AT, len, WASI_OFLAG_CREAT, WASI_RIGHT_FD_WRITE,
                     0, 0, RESULT_AT);
    fd = load_le32(g->memory + RESULT_AT);
    store_le32(g->memory + LIST_AT, BUFFER_AT);
    store_le32(g->memory + LIST_AT + 4, put(g, BUFFER_AT, "written by a guest"));
    if (g->answer == WASI_SUCCESS) {
        g->answer = CALL(g, "fd_write", fd, LIST_AT, 1, RESULT_AT);
    }
    (void)CALL(g, "proc_exit", 7);
    if (wasi_has_ended(g->wasi, &status)) {
        program_exit((int)status);
    }
}

static void a_program_writes_a_file_and_exits(void)
{
    struct guest g;
    void *text;
    size_t len;
    if (!make(&g, 0, NULL)) {
        return;
    }
    start(&g, write_a_file);
    finish(&g, PROGRAM_EXITED, 7);
    TEST_EQUAL(g.answer, WASI_SUCCESS);
    (void)failure_pause();
    if (vfs_read_file("/tmp/wasi.txt", 64, &text, &len) == OK) {
        TEST_EQUAL(len, 18);
        TEST_CHECK(len == 18 && memcmp(text, "written by a guest", 18) == 0);
        heap_free(text);
    } else {
        test_fail(__FILE__, __LINE__, "no file");
    }
    TEST_EQUAL(vfs_unlink(NULL, "/tmp/wasi.txt"), OK);
}

static void subscribe(struct guest *g, uint32_t i, uint8_t type, uint32_t what, uint64_t timeout_ns)
{
    uint8_t *s = g->memory + BUFFER_AT + (size_t)i * WASI_SUBSCRIPTION_SIZE;
    store_le64(s, i);
    s[WASI_SUBSCRIPTION_TAG] = type;
    store_le32(s + WASI_SUBSCRIPTION_FD, what);
    store_le64(s + WASI_SUBSCRIPTION_TIMEOUT, timeout_ns);
}

/* Sleep for a moment, then wait for standard input without a limit. */
static void wait_for_input(void *arg)
{
    struct guest *g = arg;
    subscribe(g, 0, WASI_EVENT_CLOCK, WASI_CLOCK_MONOTONIC, PAUSE);
    g->answer = CALL(g, "poll_oneoff", BUFFER_AT, LIST_AT, 1, TEXT_AT);
    subscribe(g, 0, WASI_EVENT_FD_READ, 0, 0);
    g->is_waiting = true;
    g->answer = CALL(g, "poll_oneoff", BUFFER_AT, LIST_AT, 1, TEXT_AT);
    g->flags = load_le16(g->memory + LIST_AT + WASI_EVENT_FLAGS);
}

/* Also returns when it has ended: it is killed if it got no thread. */
static void wait_until_it_waits(struct guest *g)
{
    while (!g->is_waiting && !atomic_load(&g->program->ending)) {
        thread_yield();
    }
}

static void polling_waits_for_time_and_input(void)
{
    struct guest g;
    struct file *reader;
    struct file *writer;
    size_t done;
    TEST_NEED(pipe_make(&reader, &writer) == OK);
    if (!make(&g, 0, reader)) {
        file_close(writer);
        return;
    }
    uint64_t before = clock_now_ns();
    start(&g, wait_for_input);
    wait_until_it_waits(&g);
    TEST_CHECK(clock_now_ns() - before >= PAUSE);
    TEST_EQUAL(file_write(writer, "x", 1, &done), OK);
    finish(&g, PROGRAM_EXITED, 0);
    TEST_EQUAL(g.answer, WASI_SUCCESS);
    TEST_EQUAL(g.flags, 0);
    file_close(writer);
}

static void polling_reports_that_no_writer_is_left(void)
{
    struct guest g;
    struct file *reader;
    struct file *writer;
    TEST_NEED(pipe_make(&reader, &writer) == OK);
    if (!make(&g, 0, reader)) {
        file_close(writer);
        return;
    }
    start(&g, wait_for_input);
    wait_until_it_waits(&g);
    file_close(writer);
    finish(&g, PROGRAM_EXITED, 0);
    TEST_EQUAL(g.answer, WASI_SUCCESS);
    TEST_EQUAL(g.flags, WASI_EVENT_HANGUP);
}

/* Wait for standard input SEVERAL times in one call. */
static void wait_for_several(void *arg)
{
    struct guest *g = arg;
    for (uint32_t i = 0; i < SEVERAL; i++) {
        subscribe(g, i, WASI_EVENT_FD_READ, 0, 0);
    }
    g->is_waiting = true;
    g->answer = CALL(g, "poll_oneoff", BUFFER_AT, LIST_AT, SEVERAL, TEXT_AT);
    g->events = load_le32(g->memory + TEXT_AT);
}

static uint32_t count_watches(struct file *f)
{
    struct wait_queue *q = file_changes(f);
    uint32_t count = 0;
    irq_state_t state = spin_lock_irq(&q->lock);
    for (const struct wait_watch *w = q->watches; w != NULL; w = w->next) {
        count++;
    }
    spin_unlock_irq(&q->lock, state);
    return count;
}

/* A file system with one stream, which counts how often it is asked whether it can be read. */
struct counted {
    struct fs fs;
    struct fs_node root, stream;
    struct wait_queue changed;
    _Atomic uint32_t asked;
    _Atomic bool has_input;
};

static struct counted *counted_of(struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct counted, fs);
}

static enum status counted_lookup(struct fs_node *dir, const char *name, size_t len,
                                  struct fs_node **out)
{
    (void)name, (void)len;
    *out = &counted_of(dir)->stream;
    atomic_fetch_add(&(*out)->refs, 1); /* the caller counts a user of the file system */
    return OK;
}

static enum status counted_stat(struct fs_node *node, struct file_stat *out)
{
    *out = (struct file_stat){.inode = node->id, .type = node->type, .mode = 0600};
    return OK;
}

static void counted_release(struct fs_node *node)
{
    (void)node;
}

static void counted_unmount(struct fs *fs)
{
    (void)fs;
}

static enum status counted_wait_readable(struct fs_node *node, uint64_t deadline_ns)
{
    (void)deadline_ns;
    atomic_fetch_add(&counted_of(node)->asked, 1);
    return counted_of(node)->has_input ? OK : E_TIMEDOUT;
}

static bool counted_is_hung_up(struct fs_node *node)
{
    (void)node;
    return false;
}

static struct wait_queue *counted_changes(struct fs_node *node)
{
    return &counted_of(node)->changed;
}

/* Mount it at /counted, and open its stream. */
static enum status open_counted(struct counted *c, struct file **out)
{
    static const struct fs_ops ops = {.lookup = counted_lookup,
                                      .stat = counted_stat,
                                      .release = counted_release,
                                      .unmount = counted_unmount};
    static const struct fs_stream_ops stream_ops = {.wait_readable = counted_wait_readable,
                                                    .is_hung_up = counted_is_hung_up,
                                                    .changes = counted_changes};
    *c = (struct counted){.fs = {.type = "counted", .ops = &ops, .stream_ops = &stream_ops},
                          .root = {.fs = &c->fs, .id = 1, .type = FILE_DIRECTORY},
                          .stream = {.fs = &c->fs, .id = 2, .type = FILE_DEVICE}};
    c->fs.root = &c->root;
    wait_queue_init(&c->changed, "counted");
    enum status s = vfs_mount_fs(&c->fs, "/counted", "counted");
    if (s != OK) {
        return s;
    }
    s = vfs_open(NULL, "/counted/stream", VFS_READ, out);
    if (s != OK) {
        TEST_EQUAL(vfs_unmount("/counted"), OK); /* it is on this thread's stack */
    }
    return s;
}

/* Each stream is asked at the start, again when its queue is watched, and once for the change. A
 * thread that looked at its streams now and then would ask more often. */
static void polling_sleeps_until_one_of_several_streams_changes(void)
{
    struct guest g;
    struct counted stream;
    struct file *f;
    TEST_NEED(open_counted(&stream, &f) == OK);
    if (!make(&g, 0, file_ref(f))) {
        file_close(f);
        TEST_EQUAL(vfs_unmount("/counted"), OK);
        return;
    }
    start(&g, wait_for_several);
    while (stream.asked < 2 * SEVERAL && !atomic_load(&g.program->ending)) {
        thread_yield();
    }
    TEST_EQUAL(thread_sleep(30 * PAUSE), OK); /* a thread that looks at times would do so now */
    TEST_EQUAL(count_watches(f), 1);
    stream.has_input = true;
    wait_wake_all(&stream.changed);
    finish(&g, PROGRAM_EXITED, 0);
    TEST_EQUAL(count_watches(f), 0);
    TEST_EQUAL(g.answer, WASI_SUCCESS);
    TEST_EQUAL(g.events, SEVERAL);
    TEST_EQUAL(stream.asked, 3 * SEVERAL);
    file_close(f);
    TEST_EQUAL(vfs_unmount("/counted"), OK);
}

static void a_program_killed_in_a_call_leaks_nothing(void)
{
    struct guest g;
    struct file *reader;
    struct file *writer;
    size_t done;
    TEST_NEED(pipe_make(&reader, &writer) == OK);
    if (!make(&g, 0, reader)) {
        file_close(writer);
        return;
    }
    start(&g, wait_for_input);
    wait_until_it_waits(&g);
    program_kill(g.program, PROGRAM_KILLED, 9);
    finish(&g, PROGRAM_KILLED, 9);
    TEST_EQUAL(g.answer, WASI_ECANCELED);
    /* It had the pipe twice, as its file and as its WASI stream: both are closed. */
    TEST_EQUAL(file_write(writer, "x", 1, &done), E_PIPE);
    file_close(writer);
}

/* Write with buffers whose sizes do not divide the pipe's. @return bytes written. */
static uint32_t write_some(struct guest *g)
{
    store_le32(g->memory + LIST_AT, 0);
    store_le32(g->memory + LIST_AT + 4, 3000);
    store_le32(g->memory + RESULT_AT, 0);
    return CALL(g, "fd_write", 1, LIST_AT, 1, RESULT_AT);
}

/* Fill a pipe without blocking, then wait until it has room. */
static void fill_a_pipe(void *arg)
{
    struct guest *g = arg;
    uint32_t total = 0, answer;
    g->answer = CALL(g, "fd_fdstat_set_flags", 1, WASI_FDFLAG_NONBLOCK);
    while ((answer = write_some(g)) == WASI_SUCCESS) {
        total += load_le32(g->memory + RESULT_AT);
    }
    g->is_waiting = true;
    subscribe(g, 0, WASI_EVENT_FD_WRITE, 1, 0);
    if (g->answer == WASI_SUCCESS && answer == WASI_EAGAIN) {
        g->answer = CALL(g, "poll_oneoff", BUFFER_AT, LIST_AT, 1, TEXT_AT);
    }
    program_exit(total == 16384 ? 0 : 1);
}

static void a_nonblocking_write_does_not_block(void)
{
    struct guest g;
    struct file *reader;
    struct file *writer;
    static uint8_t bytes[100];
    size_t done;
    TEST_NEED(pipe_make(&reader, &writer) == OK);
    if (!make(&g, 1, writer)) {
        file_close(reader);
        return;
    }
    start(&g, fill_a_pipe);
    uint64_t until = clock_now_ns() + LONG_NS;
    while (!g.is_waiting && !atomic_load(&g.program->ending) && clock_now_ns() < until) {
        thread_yield();
    }
    TEST_CHECK(g.is_waiting);
    TEST_EQUAL(file_read(reader, bytes, sizeof bytes, &done), OK);
    finish(&g, PROGRAM_EXITED, 0);
    TEST_EQUAL(g.answer, WASI_SUCCESS);
    file_close(reader);
}

static void spin_until_it_is_over(void *arg)
{
    struct guest *g = arg;
    while (!g->is_over && !thread_is_cancelled(thread_current())) {
        g->spun_ns = thread_run_ns();
    }
}

static uint64_t clock_of(struct guest *g, enum wasi_clock_id id)
{
    g->answer |= CALL(g, "clock_time_get", id, 0, RESULT_AT);
    return load_le64(g->memory + RESULT_AT);
}

/* What the other thread has run so far is counted, although it still runs. */
static void compare_clocks(void *arg)
{
    struct guest *g = arg;
    while (g->spun_ns < PAUSE && thread_sleep(PAUSE) == OK) {
    }
    uint64_t least = g->spun_ns + clock_of(g, WASI_CLOCK_THREAD_CPU);
    bool is_sum = clock_of(g, WASI_CLOCK_PROCESS_CPU) >= least;
    g->is_over = true;
    program_exit(is_sum ? 0 : 1);
}

static void the_cpu_time_of_a_program_is_that_of_all_threads(void)
{
    struct guest g;
    if (!make(&g, 0, NULL)) {
        return;
    }
    start(&g, spin_until_it_is_over);
    start(&g, compare_clocks);
    finish(&g, PROGRAM_EXITED, 0);
    TEST_EQUAL(g.answer, WASI_SUCCESS);
}

const struct kernel_test wasi_tests[] = {
    {"wasi.a_program_writes_a_file_and_exits", a_program_writes_a_file_and_exits, TEST_ON_NOTHING},
    {"wasi.polling_waits_for_time_and_input", polling_waits_for_time_and_input, TEST_ON_INTERRUPTS},
    {"wasi.polling_reports_that_no_writer_is_left", polling_reports_that_no_writer_is_left,
     TEST_ON_NOTHING},
    {"wasi.polling_sleeps_until_one_of_several_streams_changes",
     polling_sleeps_until_one_of_several_streams_changes, TEST_ON_INTERRUPTS},
    {"wasi.a_program_killed_in_a_call_leaks_nothing", a_program_killed_in_a_call_leaks_nothing,
     TEST_ON_NOTHING},
    {"wasi.a_nonblocking_write_does_not_block", a_nonblocking_write_does_not_block,
     TEST_ON_NOTHING},
    {"wasi.the_cpu_time_of_a_program_is_that_of_all_threads",
     the_cpu_time_of_a_program_is_that_of_all_threads, TEST_ON_INTERRUPTS},
    {0},
};
