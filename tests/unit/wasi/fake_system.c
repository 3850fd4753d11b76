// SPDX-License-Identifier: MIT
//
// See the header.
#include "wasi/fake_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct wasi_handle {
    struct fake_node *node;
};

struct fake_system_state fake;

void fake_system_reset(void)
{
    struct fake_node *n = fake.nodes;
    memset(&fake, 0, sizeof(fake));
    n[FAKE_ROOT] = (struct fake_node){"/", WASI_TYPE_DIRECTORY, NULL, NULL, true};
    n[FAKE_SECRET] =
        (struct fake_node){"secret", WASI_TYPE_REGULAR_FILE, &n[FAKE_ROOT], NULL, true};
    n[FAKE_HOME] = (struct fake_node){"home", WASI_TYPE_DIRECTORY, &n[FAKE_ROOT], NULL, false};
    n[FAKE_A] = (struct fake_node){"a", WASI_TYPE_DIRECTORY, &n[FAKE_HOME], NULL, false};
    n[FAKE_B] = (struct fake_node){"b", WASI_TYPE_DIRECTORY, &n[FAKE_A], NULL, false};
    n[FAKE_C] = (struct fake_node){"c", WASI_TYPE_REGULAR_FILE, &n[FAKE_B], NULL, false};
    n[FAKE_FILE] = (struct fake_node){"file", WASI_TYPE_REGULAR_FILE, &n[FAKE_HOME], NULL, false};
    n[FAKE_LINK] = (struct fake_node){"link", WASI_TYPE_SYMBOLIC_LINK, &n[FAKE_HOME], "a", false};
    n[FAKE_STREAM] = (struct fake_node){"stream", WASI_TYPE_UNKNOWN, &n[FAKE_HOME], NULL, false};
    fake.chunk = SIZE_MAX;
    fake.now_ns = 1000;
}

struct wasi_handle *fake_handle(unsigned node)
{
    struct wasi_handle *h = malloc(sizeof(*h));
    assert_non_null(h);
    h->node = &fake.nodes[node];
    fake.handles++;
    return h;
}

/* Check for names that the core must never pass on. */
static void check_name(const struct wasi_handle *dir, const char *name, bool may_be_dot)
{
    assert_false(dir->node->is_outside);
    assert_true(strlen(name) > 0 && strlen(name) <= WASI_NAME_MAX);
    assert_null(strchr(name, '/'));
    assert_string_not_equal(name, "..");
    assert_true(may_be_dot || strcmp(name, ".") != 0);
}

static struct fake_node *find(const struct wasi_handle *dir, const char *name)
{
    if (strcmp(name, ".") == 0) {
        return dir->node;
    }
    for (unsigned i = 0; i < FAKE_NODES; i++) {
        struct fake_node *n = &fake.nodes[i];
        if (n->parent == dir->node && strcmp(n->name, name) == 0) {
            assert_false(n->is_outside);
            return n;
        }
    }
    return NULL;
}

static uint16_t node_open(struct wasi_handle *dir, const char *name, unsigned flags,
                          struct wasi_handle **out)
{
    check_name(dir, name, true);
    if (fake.before_open != NULL) {
        fake.before_open(dir, name);
    }
    const struct fake_node *n = find(dir, name);
    if (fake.fail_with != 0 || n == NULL) {
        return fake.fail_with != 0 ? fake.fail_with : WASI_ENOENT;
    }
    if (n->type == WASI_TYPE_SYMBOLIC_LINK) {
        return WASI_ELOOP;
    }
    if ((flags & WASI_OPEN_DIRECTORY) != 0 && n->type != WASI_TYPE_DIRECTORY) {
        return WASI_ENOTDIR;
    }
    if ((flags & WASI_OPEN_WRITE) != 0 && n->type == WASI_TYPE_DIRECTORY) {
        return WASI_EISDIR;
    }
    *out = fake_handle((unsigned)(n - fake.nodes));
    return WASI_SUCCESS;
}

static void node_close(struct wasi_handle *h)
{
    fake.handles--;
    free(h);
}

static uint16_t node_stat(struct wasi_handle *h, const char *name, struct wasi_stat *out)
{
    const struct fake_node *n = h->node;
    if (name != NULL) {
        check_name(h, name, true);
        n = find(h, name);
    }
    if (n == NULL) {
        return WASI_ENOENT;
    }
    *out = (struct wasi_stat){
        .device = 1, .inode = (uint64_t)(n - fake.nodes) + 1, .links = 1, .type = n->type};
    return fake.fail_with;
}

static uint16_t node_set_times(struct wasi_handle *h, const char *name,
                               const struct wasi_times *times)
{
    (void)times;
    if (name != NULL) {
        check_name(h, name, true);
    }
    return name != NULL && find(h, name) == NULL ? WASI_ENOENT : fake.fail_with;
}

static uint16_t file_read(struct wasi_handle *h, uint64_t at, void *buf, size_t len, size_t *done)
{
    (void)h;
    fake.last_at = at;
    assert_true(len > 0);
    fake.reads++;
    *done = len < fake.chunk ? len : fake.chunk;
    memset(buf, 'r', *done);
    return fake.fail_with;
}

static uint16_t file_write(struct wasi_handle *h, uint64_t at, const void *buf, size_t len,
                           size_t *done)
{
    static volatile uint8_t sink;
    (void)h;
    fake.last_at = at;
    assert_true(len > 0);
    fake.writes++;
    *done = len < fake.chunk ? len : fake.chunk;
    for (size_t i = 0; i < *done; i++) {
        sink = ((const uint8_t *)buf)[i]; /* reads every byte, so that ASan checks it */
    }
    (void)sink;
    return fake.fail_with;
}

static uint16_t file_seek(struct wasi_handle *h, int64_t off, enum wasi_whence whence,
                          uint64_t *out)
{
    (void)off, (void)whence;
    if (h->node->type != WASI_TYPE_REGULAR_FILE) {
        return WASI_ESPIPE;
    }
    *out = 0;
    return fake.fail_with;
}

static uint16_t file_set_append(struct wasi_handle *h, bool on)
{
    (void)h, (void)on;
    return fake.fail_with;
}

static uint16_t file_set_size(struct wasi_handle *h, uint64_t size)
{
    (void)h, (void)size;
    return fake.fail_with;
}

static uint16_t file_allocate(struct wasi_handle *h, uint64_t off, uint64_t len)
{
    (void)h, (void)off, (void)len;
    return fake.fail_with;
}

static uint16_t file_sync(struct wasi_handle *h, bool data_only)
{
    (void)h, (void)data_only;
    fake.syncs++;
    return fake.fail_with;
}

static uint16_t read_entry(struct wasi_handle *dir, uint64_t cookie, struct wasi_entry *out)
{
    assert_false(dir->node->is_outside);
    for (uint64_t i = cookie; i < FAKE_NODES; i++) {
        const struct fake_node *n = &fake.nodes[i];
        if (n->parent == dir->node) {
            *out = (struct wasi_entry){.next = i + 1, .inode = i + 1, .type = n->type};
            out->len = (uint32_t)strlen(n->name);
            memcpy(out->name, n->name, out->len);
            return fake.fail_with;
        }
    }
    return WASI_ENOENT;
}

static uint16_t make_directory(struct wasi_handle *dir, const char *name)
{
    check_name(dir, name, false);
    return find(dir, name) != NULL ? WASI_EEXIST : fake.fail_with;
}

static uint16_t remove_name(struct wasi_handle *dir, const char *name, bool is_directory)
{
    (void)is_directory;
    check_name(dir, name, false);
    return find(dir, name) == NULL ? WASI_ENOENT : fake.fail_with;
}

static uint16_t two_names(struct wasi_handle *from_dir, const char *from,
                          struct wasi_handle *to_dir, const char *to)
{
    check_name(from_dir, from, false);
    check_name(to_dir, to, false);
    return find(from_dir, from) == NULL ? WASI_ENOENT : fake.fail_with;
}

static uint16_t do_symlink(const char *target, struct wasi_handle *dir, const char *name)
{
    check_name(dir, name, false);
    assert_true(target[0] != '\0' && target[0] != '/');
    fake.target_len = strlen(target);
    return fake.fail_with;
}

static uint16_t read_link(struct wasi_handle *dir, const char *name, char *buf, size_t len)
{
    check_name(dir, name, false);
    const struct fake_node *n = find(dir, name);
    if (n == NULL || n->target == NULL) {
        return n == NULL ? WASI_ENOENT : WASI_EINVAL;
    }
    assert_true(strlen(n->target) < len);
    strcpy(buf, n->target);
    return WASI_SUCCESS;
}

static uint16_t clock_time(enum wasi_clock_id id, uint64_t *out)
{
    *out = fake.now_ns + (id == WASI_CLOCK_REALTIME ? 1000000000 : 0);
    return WASI_SUCCESS;
}

static uint16_t clock_resolution(enum wasi_clock_id id, uint64_t *out)
{
    (void)id;
    *out = 1;
    return WASI_SUCCESS;
}

static uint16_t fill_random(void *buf, size_t len)
{
    memset(buf, 0, len);
    return fake.fail_with;
}

/* Time passes at once. A wait without an end is an error of the test. */
static uint16_t poll(struct wasi_wait *waits, uint32_t count, uint64_t deadline_ns)
{
    bool is_any_ready = false;
    fake.polled = count;
    fake.deadline_ns = deadline_ns;
    for (uint32_t i = 0; i < count; i++) {
        waits[i].is_ready = waits[i].is_write || fake.is_stream_ready ||
                            waits[i].handle->node->type != WASI_TYPE_UNKNOWN;
        waits[i].bytes = 5;
        is_any_ready |= waits[i].is_ready;
    }
    if (is_any_ready) {
        return WASI_SUCCESS;
    }
    if (deadline_ns == WASI_FOREVER) {
        return WASI_ECANCELED;
    }
    fake.now_ns = deadline_ns > fake.now_ns ? deadline_ns : fake.now_ns;
    return WASI_ETIMEDOUT;
}

static void yield(void)
{
    fake.yields++;
}

static const struct wasi_node_ops nodes = {
    .open = node_open, .close = node_close, .stat = node_stat, .set_times = node_set_times};
static const struct wasi_file_ops files = {.read = file_read,
                                           .write = file_write,
                                           .seek = file_seek,
                                           .set_append = file_set_append,
                                           .set_size = file_set_size,
                                           .allocate = file_allocate,
                                           .sync = file_sync};
static const struct wasi_directory_ops directories = {.read_entry = read_entry,
                                                      .make_directory = make_directory,
                                                      .remove = remove_name,
                                                      .rename = two_names,
                                                      .link = two_names,
                                                      .symlink = do_symlink,
                                                      .read_link = read_link};
static const struct wasi_machine_ops machine = {.clock_time = clock_time,
                                                .clock_resolution = clock_resolution,
                                                .random = fill_random,
                                                .poll = poll,
                                                .yield = yield};
const struct wasi_system fake_system = {
    .nodes = &nodes, .files = &files, .directories = &directories, .machine = &machine};
