// SPDX-License-Identifier: MIT
//
// kernel/wasi over a fake system: what the core itself decides. The program's memory and hostile
// pointers, buffers, path walks while directories move, polling, exit.
#include "kernel/wasi/wasi.h"

#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"
#include "wasi/fake_system.h"
#include "wasi/guest.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STREAM 0u
#define TOP    1u

/* The heap's functions, so that nothing else of the kernel is needed. */
static size_t live;
static int allocations_left = -1;

static bool may_allocate(void)
{
    if (allocations_left == 0) {
        return false;
    }
    allocations_left -= allocations_left > 0;
    live++;
    return true;
}

void *heap_alloc(size_t size)
{
    return may_allocate() ? malloc(size) : NULL;
}

void *heap_zalloc(size_t size)
{
    return may_allocate() ? calloc(1, size) : NULL;
}

void *heap_calloc(size_t count, size_t size)
{
    return may_allocate() ? calloc(count, size) : NULL;
}

void *heap_realloc(void *p, size_t size)
{
    live -= p != NULL;
    if (!may_allocate()) {
        live += p != NULL;
        return NULL;
    }
    return realloc(p, size);
}

char *heap_strdup(const char *s)
{
    return may_allocate() ? strdup(s) : NULL;
}

void heap_free(void *p)
{
    live -= p != NULL;
    free(p);
}

static struct guest g;

static enum status create(struct wasi **out)
{
    static const char *const args[] = {"p"};
    static const char *const env[] = {"A=B"};
    struct wasi_config config = {
        .system = &fake_system, .args = args, .arg_count = 1, .env = env, .env_count = 1};
    struct wasi *w;
    enum status s = wasi_create(&config, &w);
    if (s != OK) {
        return s;
    }
    s = wasi_add_stream(w, fake_handle(FAKE_STREAM), true, true);
    if (s == OK) {
        s = wasi_add_folder(w, fake_handle(FAKE_HOME), "/");
    }
    if (s != OK) {
        wasi_destroy(w);
        return s;
    }
    *out = w;
    return OK;
}

static int start(void **state)
{
    (void)state;
    struct wasi *w;
    fake_system_reset();
    allocations_left = -1;
    if (create(&w) != OK) {
        return -1;
    }
    guest_init(&g, w);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    wasi_destroy(g.wasi);
    guest_free(&g);
    assert_int_equal(fake.handles, 0);
    assert_int_equal(live, 0);
    return 0;
}

static void test_table_is_complete_and_consistent(void **state)
{
    (void)state;
    unsigned count = 0;
    for (const struct wasi_call *c = wasi_calls; c->name != NULL; c++, count++) {
        const char *colon = strchr(c->signature, ':');
        assert_non_null(colon);
        assert_true(colon - c->signature <= 9);
        assert_int_equal(strspn(c->signature, "iI"), colon - c->signature);
        assert_string_equal(colon, strcmp(c->name, "proc_exit") == 0 ? ":" : ":i");
        assert_ptr_equal(wasi_find_call(c->name, strlen(c->name)), c);
    }
    assert_int_equal(count, 46);
    assert_null(wasi_find_call("fd_rea", 6));
    assert_null(wasi_find_call("fd_readx", 8));
    assert_null(wasi_find_call("", 0));
}

static void test_creation_fails_cleanly(void **state)
{
    (void)state;
    struct wasi *w;
    fake_system_reset();
    for (int n = 0;; n++) {
        allocations_left = n;
        enum status s = create(&w);
        allocations_left = -1;
        if (s == OK) {
            break;
        }
        assert_int_equal(s, E_NOMEM);
        assert_int_equal(live, 0);
        assert_int_equal(fake.handles, 0);
        assert_true(n < 20);
    }
    assert_int_equal(wasi_add_folder(w, fake_handle(FAKE_FILE), "f"), E_NOTDIR);
    fake.fail_with = WASI_EIO;
    assert_int_equal(wasi_add_stream(w, fake_handle(FAKE_FILE), true, true), E_IO);
    wasi_destroy(w);
    wasi_destroy(NULL);
    assert_int_equal(fake.handles, 0);
    char *huge = malloc(1 << 20);
    memset(huge, 'x', 1 << 20);
    huge[(1 << 20) - 1] = '\0';
    const char *args[] = {huge, "more"};
    struct wasi_config config = {.system = &fake_system, .args = args, .arg_count = 2};
    assert_int_equal(wasi_create(&config, &w), E_OVERFLOW);
    free(huge);
    assert_int_equal(live, 0);
}

static void test_a_program_without_memory_only_faults(void **state)
{
    (void)state;
    wasi_set_memory(g.wasi, NULL, NULL);
    assert_int_equal(CALL(&g, "args_sizes_get", 0, 0), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_write", STREAM, 0, 1, 0), WASI_EFAULT);
    assert_int_equal(CALL(&g, "random_get", 0, 1), WASI_EFAULT);
    wasi_set_memory(g.wasi, g.memory, &g.length);
}

static void test_memory_is_as_long_as_it_is_now(void **state)
{
    (void)state;
    g.length = 8;
    assert_int_equal(CALL(&g, "args_sizes_get", 0, 4), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "args_sizes_get", 0, 5), WASI_EFAULT);
    g.length = 9;
    assert_int_equal(CALL(&g, "args_sizes_get", 0, 5), WASI_SUCCESS);
    /* Only the lower half of an i32 counts. */
    assert_int_equal(CALL(&g, "args_sizes_get", 0xdead00000000, 5), WASI_SUCCESS);
    g.length = GUEST_BYTES;
}

/* Nothing between the two parts is the program's, nor what leads from one into the other. */
static void test_memory_may_have_a_second_part(void **state)
{
    (void)state;
    struct wasi_memory_part part = {.start = 128, .end = 192};
    g.length = 64;
    wasi_set_upper_memory(g.wasi, &part);
    assert_int_equal(CALL(&g, "random_get", 0, 64), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "random_get", 63, 2), WASI_EFAULT);
    assert_int_equal(CALL(&g, "random_get", 64, 1), WASI_EFAULT);
    assert_int_equal(CALL(&g, "random_get", 127, 2), WASI_EFAULT);
    assert_int_equal(CALL(&g, "random_get", 0, 130), WASI_EFAULT);
    assert_int_equal(CALL(&g, "random_get", 128, 64), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "random_get", 128, 65), WASI_EFAULT);
    assert_int_equal(CALL(&g, "random_get", 193, 0xffffffff), WASI_EFAULT);
    part.end = 193;
    assert_int_equal(CALL(&g, "random_get", 128, 65), WASI_SUCCESS);
    wasi_set_upper_memory(g.wasi, NULL);
    assert_int_equal(CALL(&g, "random_get", 128, 1), WASI_EFAULT);
    g.length = GUEST_BYTES;
}

static void put_buffer(uint32_t list, uint32_t i, uint32_t at, uint32_t len)
{
    store_le32(g.memory + list + i * 8, at);
    store_le32(g.memory + list + i * 8 + 4, len);
}

static void test_buffers(void **state)
{
    (void)state;
    uint32_t fd;
    assert_int_equal(guest_open(&g, TOP, "file", 0, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE, &fd),
                     WASI_SUCCESS);
    put_buffer(256, 0, GUEST_BUFFER, 4);
    put_buffer(256, 1, GUEST_BYTES, 0); /* an empty buffer at the very end */
    put_buffer(256, 2, GUEST_BUFFER + 100, 6);
    assert_int_equal(CALL(&g, "fd_read", fd, 256, 3, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 10);
    assert_memory_equal(g.memory + GUEST_BUFFER, "rrrr\xcc", 5);
    assert_memory_equal(g.memory + GUEST_BUFFER + 100, "rrrrrr\xcc", 7);
    assert_int_equal(fake.reads, 2);
    fake.chunk = 3;
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 3, GUEST_RESULT), WASI_SUCCESS);
    /* the first buffer that is not emptied ends the call */
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 3);
    assert_int_equal(fake.writes, 1);
    fake.chunk = SIZE_MAX;
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 0, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 0);

    put_buffer(256, 1, GUEST_BYTES, 1);
    fake.reads = fake.writes = 0;
    assert_int_equal(CALL(&g, "fd_read", fd, 256, 3, GUEST_RESULT), WASI_EFAULT);
    put_buffer(256, 1, UINT32_MAX, UINT32_MAX);
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 3, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_write", fd, 256, UINT32_MAX, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 0x20000001, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_write", fd, GUEST_BYTES - 7, 1, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 1, GUEST_BYTES - 3), WASI_EFAULT);
    memset(g.memory + 256, 0, 1025 * 8);
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 1025, GUEST_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 1024, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(fake.reads + fake.writes, 0); /* no byte was moved before the error */
    fake.fail_with = WASI_ENOSPC;
    assert_int_equal(CALL(&g, "fd_write", fd, guest_buffer(&g, 1), 1, GUEST_RESULT), WASI_ENOSPC);
}

/* Each thread of a program sets its memory before a call: the first one does. */
static void test_the_memory_is_set_once(void **state)
{
    (void)state;
    static const uint64_t other = 0;
    wasi_set_memory(g.wasi, g.memory, &other);
    assert_int_equal(CALL(&g, "args_sizes_get", 0, 4), WASI_SUCCESS);
}

#define PATH   2000u /* bytes: so long that they change in between now and then */
#define COPIES 200000u

static _Atomic bool is_over;

/* Another thread of the program, which shares its memory. */
static void *change_the_path(void *at)
{
    while (!is_over) {
        __atomic_store_n((uint8_t *)at, 0, __ATOMIC_RELAXED);
        __atomic_store_n((uint8_t *)at, 'x', __ATOMIC_RELAXED);
    }
    return NULL;
}

static void test_a_path_that_another_thread_changes_is_whole_or_refused(void **state)
{
    (void)state;
    pthread_t changer;
    uint32_t len = guest_put(&g, GUEST_TEXT_2, "new");
    unsigned whole = 0, refused = 0;
    memset(g.memory + GUEST_TEXT, 'x', PATH);
    is_over = false;
    assert_int_equal(
        pthread_create(&changer, NULL, change_the_path, g.memory + GUEST_TEXT + PATH - 1), 0);
    for (unsigned n = 0; n < COPIES; n++) {
        uint32_t e = CALL(&g, "path_symlink", GUEST_TEXT, PATH, TOP, GUEST_TEXT_2, len);
        if (e == WASI_SUCCESS) {
            assert_int_equal(fake.target_len, PATH);
            whole++;
        } else {
            assert_int_equal(e, WASI_EINVAL);
            refused++;
        }
    }
    is_over = true;
    assert_int_equal(pthread_join(changer, NULL), 0);
    assert_int_equal(whole + refused, COPIES);
}

/* A buffer of more than a mebibyte is moved in pieces, each where the one before ended. */
static void test_large_buffers_are_moved_in_pieces(void **state)
{
    (void)state;
    uint32_t fd;
    uint64_t length = GUEST_BYTES + ((uint64_t)3 << 20);
    assert_int_equal(guest_open(&g, TOP, "file", 0,
                                WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK, &fd),
                     WASI_SUCCESS);
    uint8_t *large = calloc(1, length);
    assert_non_null(large);
    wasi_set_memory(g.wasi, large, &length);
    store_le32(large + 256, GUEST_BYTES);
    store_le32(large + 260, 3 << 20);
    assert_int_equal(CALL(&g, "fd_pread", fd, 256, 1, 100, 0), WASI_SUCCESS);
    assert_int_equal(load_le32(large), 3 << 20);
    assert_int_equal(fake.reads, 3);
    assert_int_equal(fake.last_at, 100 + (2 << 20));
    assert_int_equal(large[length - 1], 'r');
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 1, 0), WASI_SUCCESS);
    assert_int_equal(fake.writes, 3);
    assert_int_equal(fake.last_at, WASI_POSITION);
    fake.chunk = 1 << 19; /* a short write ends the call */
    assert_int_equal(CALL(&g, "fd_write", fd, 256, 1, 0), WASI_SUCCESS);
    assert_int_equal(load_le32(large), 1 << 19);
    wasi_set_memory(g.wasi, g.memory, &g.length);
    free(large);
}

static void test_streams_return_available_bytes(void **state)
{
    (void)state;
    put_buffer(256, 0, GUEST_BUFFER, 4);
    put_buffer(256, 1, GUEST_BUFFER + 8, 4);
    fake.is_stream_ready = true;
    assert_int_equal(CALL(&g, "fd_read", STREAM, 256, 2, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 4); /* without waiting for the second buffer */
    assert_int_equal(fake.reads, 1);
    fake.is_stream_ready = false;
    assert_int_equal(CALL(&g, "fd_fdstat_set_flags", STREAM, WASI_FDFLAG_NONBLOCK), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_read", STREAM, 256, 2, GUEST_RESULT), WASI_EAGAIN);
    assert_int_equal(fake.deadline_ns, 0);
    assert_int_equal(CALL(&g, "fd_write", STREAM, 256, 2, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u32(&g, GUEST_RESULT), 5); /* as many as it accepts without waiting */
    assert_int_equal(fake.reads, 1);
    assert_int_equal(CALL(&g, "fd_fdstat_set_flags", STREAM, WASI_FDFLAG_DSYNC), WASI_SUCCESS);
    assert_int_equal(CALL(&g, "fd_write", STREAM, 256, 2, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(fake.syncs, 1);
}

/* Another program moves a directory out of the folder just as a walk has entered it. */
static void move_b_out(struct wasi_handle *dir, const char *name)
{
    (void)dir;
    if (strcmp(name, "c") == 0 || strcmp(name, "file") == 0) {
        fake.nodes[FAKE_B].parent = &fake.nodes[FAKE_ROOT];
    }
}

/* Another program replaces a directory by a link when the walk is about to enter it. */
static void make_b_a_link(struct wasi_handle *dir, const char *name)
{
    (void)dir;
    if (strcmp(name, "b") == 0) {
        fake.nodes[FAKE_B].type = WASI_TYPE_SYMBOLIC_LINK;
        fake.nodes[FAKE_B].target = "../../secret";
    }
}

static void test_path_walks_hold_the_directories_they_passed(void **state)
{
    (void)state;
    uint32_t fd;
    assert_int_equal(guest_open(&g, TOP, "a/b/../../file", 0, 0, &fd), WASI_SUCCESS);
    assert_int_equal(guest_open(&g, TOP, "link/b/c", 0, 0, &fd), WASI_SUCCESS);
    fake.before_open = move_b_out;
    /* through its handle */
    assert_int_equal(guest_open(&g, TOP, "a/b/c", 0, 0, &fd), WASI_SUCCESS);
    fake.nodes[FAKE_B].parent = &fake.nodes[FAKE_A];
    assert_int_equal(guest_open(&g, TOP, "a/b/../../file", 0, 0, &fd), WASI_SUCCESS);
    fake.nodes[FAKE_B].parent = &fake.nodes[FAKE_A];
    assert_int_equal(guest_open(&g, TOP, "a/b/../../../secret", 0, 0, &fd), WASI_ENOTCAPABLE);
    fake.before_open = make_b_a_link;
    assert_int_equal(guest_open(&g, TOP, "a/b/c", 0, 0, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(guest_open(&g, TOP, "a/b", 0, 0, &fd), WASI_ENOTCAPABLE);
    fake.before_open = NULL;
    fake.fail_with = WASI_EIO;
    uint32_t handles = fake.handles;
    assert_int_equal(guest_open(&g, TOP, "a/b", 0, 0, &fd), WASI_EIO);
    assert_int_equal(fake.handles, handles);
}

/* Another program restores the directory as soon as the walk has met the link in its place. */
static void restore_b(struct wasi_handle *dir, const char *name)
{
    static unsigned count;
    (void)dir;
    if (strcmp(name, "b") == 0) {
        fake.nodes[FAKE_B].type = ++count % 2 == 1 ? WASI_TYPE_SYMBOLIC_LINK : WASI_TYPE_DIRECTORY;
    }
}

static void make_b_a_link_without_text(struct wasi_handle *dir, const char *name)
{
    (void)dir;
    if (strcmp(name, "b") == 0) {
        fake.nodes[FAKE_B].type = WASI_TYPE_SYMBOLIC_LINK;
    }
}

static void test_a_changed_component_is_read_again(void **state)
{
    (void)state;
    uint32_t fd;
    fake.before_open = restore_b; /* open sees a link, and reading the link does not */
    assert_int_equal(guest_open(&g, TOP, "a/b/c", 0, 0, &fd), WASI_SUCCESS);
    fake.before_open = make_b_a_link_without_text;
    assert_int_equal(guest_open(&g, TOP, "a/b/c", 0, 0, &fd), WASI_ELOOP);
}

static void put_clock(uint32_t i, uint64_t userdata, uint32_t id, uint64_t timeout, uint32_t flags)
{
    uint8_t *s = g.memory + i * WASI_SUBSCRIPTION_SIZE;
    memset(s, 0, WASI_SUBSCRIPTION_SIZE);
    store_le64(s, userdata);
    s[WASI_SUBSCRIPTION_TAG] = WASI_EVENT_CLOCK;
    store_le32(s + WASI_SUBSCRIPTION_CLOCK, id);
    store_le64(s + WASI_SUBSCRIPTION_TIMEOUT, timeout);
    store_le16(s + WASI_SUBSCRIPTION_FLAGS, (uint16_t)flags);
}

static void put_fd(uint32_t i, uint64_t userdata, uint8_t tag, uint32_t fd)
{
    uint8_t *s = g.memory + i * WASI_SUBSCRIPTION_SIZE;
    memset(s, 0, WASI_SUBSCRIPTION_SIZE);
    store_le64(s, userdata);
    s[WASI_SUBSCRIPTION_TAG] = tag;
    store_le32(s + WASI_SUBSCRIPTION_FD, fd);
}

static uint32_t poll_all(uint32_t count)
{
    assert_int_equal(CALL(&g, "poll_oneoff", 0, GUEST_BUFFER, count, GUEST_RESULT), WASI_SUCCESS);
    return guest_u32(&g, GUEST_RESULT);
}

static void expect_event(uint32_t i, uint64_t userdata, uint32_t error, uint8_t type)
{
    uint32_t at = GUEST_BUFFER + i * WASI_EVENT_SIZE;
    assert_int_equal(guest_u64(&g, at), userdata);
    assert_int_equal(load_le16(g.memory + at + WASI_EVENT_ERROR), error);
    assert_int_equal(g.memory[at + WASI_EVENT_TYPE], type);
}

static void test_polling_clocks(void **state)
{
    (void)state;
    put_clock(0, 7, WASI_CLOCK_MONOTONIC, 500, 0);
    put_clock(1, 8, WASI_CLOCK_MONOTONIC, 400, 0);
    put_clock(2, 9, WASI_CLOCK_REALTIME, 1000000000 + 1400, WASI_CLOCK_ABSOLUTE);
    put_clock(3, 10, WASI_CLOCK_MONOTONIC, UINT64_MAX, 0); /* saturates */
    assert_int_equal(poll_all(4), 2);
    assert_int_equal(fake.now_ns, 1400);
    expect_event(0, 8, 0, WASI_EVENT_CLOCK);
    expect_event(1, 9, 0, WASI_EVENT_CLOCK);
    put_clock(0, 1, WASI_CLOCK_MONOTONIC, 3, WASI_CLOCK_ABSOLUTE); /* long ago */
    assert_int_equal(poll_all(1), 1);
    assert_int_equal(fake.now_ns, 1400);
    put_clock(0, 1, WASI_CLOCK_PROCESS_CPU, 3, 0);
    put_clock(1, 2, 77, 3, 0);
    put_clock(2, 3, WASI_CLOCK_MONOTONIC, 3, 2);
    put_clock(3, 4, WASI_CLOCK_MONOTONIC, 1000, 0);
    assert_int_equal(poll_all(4), 3); /* errors are reported at once */
    expect_event(0, 1, WASI_EINVAL, WASI_EVENT_CLOCK);
    expect_event(1, 2, WASI_EINVAL, WASI_EVENT_CLOCK);
    expect_event(2, 3, WASI_EINVAL, WASI_EVENT_CLOCK);
}

static void test_polling_descriptors(void **state)
{
    (void)state;
    put_fd(0, 1, WASI_EVENT_FD_READ, STREAM);
    put_clock(1, 2, WASI_CLOCK_MONOTONIC, 500, 0);
    assert_int_equal(poll_all(2), 1);
    expect_event(0, 2, 0, WASI_EVENT_CLOCK);
    assert_int_equal(fake.polled, 1);
    fake.is_stream_ready = true;
    assert_int_equal(poll_all(2), 1);
    expect_event(0, 1, 0, WASI_EVENT_FD_READ);
    assert_int_equal(guest_u64(&g, GUEST_BUFFER + WASI_EVENT_NBYTES), 5);
    put_fd(1, 2, WASI_EVENT_FD_WRITE, STREAM);
    put_fd(2, 3, WASI_EVENT_FD_READ, 99);
    put_fd(3, 4, 9, STREAM);
    assert_int_equal(poll_all(4), 4);
    expect_event(1, 2, 0, WASI_EVENT_FD_WRITE);
    expect_event(2, 3, WASI_EBADF, WASI_EVENT_FD_READ);
    expect_event(3, 4, WASI_EINVAL, 9);
    assert_int_equal(CALL(&g, "fd_fdstat_set_rights", STREAM, 0, 0), WASI_SUCCESS);
    assert_int_equal(poll_all(1), 1);
    expect_event(0, 1, WASI_ENOTCAPABLE, WASI_EVENT_FD_READ);
}

static void test_polling_impossible_subscriptions(void **state)
{
    (void)state;
    put_fd(0, 1, WASI_EVENT_FD_READ, STREAM);
    assert_int_equal(CALL(&g, "poll_oneoff", 0, GUEST_BUFFER, 0, GUEST_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(&g, "poll_oneoff", 0, 0, 1025, GUEST_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(&g, "poll_oneoff", 0, 0, UINT32_MAX, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "poll_oneoff", GUEST_BYTES - 47, 0, 1, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "poll_oneoff", 0, GUEST_BYTES - 31, 1, GUEST_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(&g, "poll_oneoff", 0, GUEST_BUFFER, 1, GUEST_BYTES), WASI_EFAULT);
    assert_int_equal(CALL(&g, "poll_oneoff", 0, GUEST_BUFFER, 1, GUEST_RESULT), WASI_ECANCELED);
    for (int n = 0; n < 2; n++) {
        allocations_left = n;
        assert_int_equal(CALL(&g, "poll_oneoff", 0, GUEST_BUFFER, 1, GUEST_RESULT), WASI_ENOMEM);
    }
    allocations_left = -1;
    /* The events overwrite their subscriptions. */
    put_clock(0, 5, WASI_CLOCK_MONOTONIC, 1, 0);
    put_clock(1, 6, WASI_CLOCK_MONOTONIC, 1, 0);
    assert_int_equal(CALL(&g, "poll_oneoff", 0, 16, 2, GUEST_RESULT), WASI_SUCCESS);
    assert_int_equal(guest_u64(&g, 16), 5);
    assert_int_equal(guest_u64(&g, 16 + WASI_EVENT_SIZE), 6);
}

static void test_ending(void **state)
{
    (void)state;
    uint32_t status = 1;
    static const uint8_t harmless[] = {0, 16, 17, 22, 27};
    for (size_t i = 0; i < sizeof(harmless); i++) {
        assert_int_equal(CALL(&g, "proc_raise", harmless[i]), WASI_SUCCESS);
    }
    assert_int_equal(CALL(&g, "proc_raise", 18), WASI_ENOTSUP);
    assert_int_equal(CALL(&g, "proc_raise", 31), WASI_EINVAL);
    assert_false(wasi_has_ended(g.wasi, &status));
    assert_int_equal(CALL(&g, "proc_raise", 6), WASI_SUCCESS);
    assert_true(wasi_has_ended(g.wasi, &status));
    assert_int_equal(status, 134);
    (void)CALL(&g, "proc_exit", 33); /* another thread's: the first status counts */
    assert_true(wasi_has_ended(g.wasi, &status));
    assert_int_equal(status, 134);
    assert_int_equal(CALL(&g, "sched_yield", 0), WASI_SUCCESS);
    assert_int_equal(fake.yields, 1);
}

static void test_a_status_of_zero_ends_it_too(void **state)
{
    (void)state;
    uint32_t status = 1;
    (void)CALL(&g, "proc_exit", 0);
    (void)CALL(&g, "proc_exit", UINT32_MAX);
    assert_true(wasi_has_ended(g.wasi, &status));
    assert_int_equal(status, 0);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Every call with malicious arguments, in memory with any contents: each returns an error or does
 * what it was asked, and neither ASan nor the fake system sees an access outside. */
static void test_hostile_arguments(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0,
        1,
        2,
        3,
        4,
        7,
        8,
        24,
        48,
        255,
        GUEST_TEXT,
        GUEST_BUFFER,
        GUEST_BYTES - 64,
        GUEST_BYTES - 8,
        GUEST_BYTES - 1,
        GUEST_BYTES,
        GUEST_BYTES + 1,
        INT32_MAX,
        1ull << 31,
        UINT32_MAX,
        1ull << 32,
        INT64_MAX,
        1ull << 63,
        UINT64_MAX,
    };
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (unsigned round = 0; round < 120000; round++) {
        const struct wasi_call *c = &wasi_calls[next_random(&seed) % 46];
        uint64_t args[9];
        for (unsigned i = 0; i < 9; i++) {
            args[i] = values[next_random(&seed) % (sizeof(values) / sizeof(values[0]))];
        }
        if (round % 8 == 0) {
            guest_put(&g, GUEST_TEXT, "a/../link/b/c/../../file");
            store_le32(g.memory + 8, (uint32_t)args[0]);
            g.memory[next_random(&seed) % GUEST_BYTES] = (uint8_t)seed;
        }
        fake.is_stream_ready = (seed & 64) != 0;
        uint32_t e = c->call(g.wasi, args);
        assert_true(e <= WASI_ENOTCAPABLE);
    }
}

#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_complete_and_consistent),
        cmocka_unit_test(test_creation_fails_cleanly),
        WITH_GUEST(test_a_program_without_memory_only_faults),
        WITH_GUEST(test_memory_is_as_long_as_it_is_now),
        WITH_GUEST(test_memory_may_have_a_second_part),
        WITH_GUEST(test_the_memory_is_set_once),
        WITH_GUEST(test_a_path_that_another_thread_changes_is_whole_or_refused),
        WITH_GUEST(test_buffers),
        WITH_GUEST(test_large_buffers_are_moved_in_pieces),
        WITH_GUEST(test_streams_return_available_bytes),
        WITH_GUEST(test_path_walks_hold_the_directories_they_passed),
        WITH_GUEST(test_a_changed_component_is_read_again),
        WITH_GUEST(test_polling_clocks),
        WITH_GUEST(test_polling_descriptors),
        WITH_GUEST(test_polling_impossible_subscriptions),
        WITH_GUEST(test_ending),
        WITH_GUEST(test_a_status_of_zero_ends_it_too),
        WITH_GUEST(test_hostile_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
