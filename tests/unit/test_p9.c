// SPDX-License-Identifier: MIT
//
// The 9P file system over a server in memory: what it does with one that works, and with one that
// lies in every way that the protocol allows to be noticed. After each test the client has given up
// all its fids and freed its memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/9p/p9_fs.h"
#include "fs/fs_env.h"
#include "fs/fs_visit.h"
#include "kernel/lib/endian.h"
#include "p9/fake_server.h"

static size_t objects;

static int boot(void **state)
{
    (void)state;
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

static enum status mount(void)
{
    struct fs *fs;
    server.sessions = 1;
    enum status st = p9_mount(&server.transport, &fs);
    return st == OK ? vfs_mount_fs(fs, "/host", "fake") : st;
}

static int mounted(void **state)
{
    (void)state;
    server_reset();
    objects = env_settled_objects();
    return mount() == OK ? 0 : -1;
}

static int unmounted(void **state)
{
    (void)state;
    server.change = NULL;
    return vfs_unmount("/host") == OK && server.sessions == 0 && server.fids == 0 &&
                   env_settled_objects() == objects
               ? 0
               : -1;
}

static enum status read_text(const char *path, char *text, size_t room)
{
    struct file *f;
    size_t n;
    enum status st = vfs_open(NULL, path, VFS_READ, &f);
    if (st == OK) {
        st = file_read(f, text, room - 1, &n);
        file_close(f);
    }
    if (st == OK) {
        text[n] = '\0';
    }
    return st;
}

static void expect_text(const char *path, const char *expected)
{
    char text[64];
    assert_int_equal(read_text(path, text, sizeof(text)), OK);
    assert_string_equal(text, expected);
}

/* ---- A server that works ---- */

static void test_files_and_links_are_read(void **state)
{
    (void)state;
    struct file_stat st;
    expect_text("/host/file", "contents");
    expect_text("/host/link", "contents");
    expect_text("/host/dir/inside", "x");
    assert_int_equal(vfs_stat(NULL, "/host/file", true, &st), OK);
    assert_int_equal(st.type, FILE_REGULAR);
    assert_int_equal(st.size, 8);
    assert_int_equal(st.accessed_ns, 1000 * 1000000000ull);
    assert_int_equal(st.modified_ns, 1001 * 1000000000ull + 1);
    assert_int_equal(vfs_stat(NULL, "/host/missing", true, &st), E_NOENT);
    assert_int_equal(vfs_stat(NULL, "/host/file/below", true, &st), E_NOTDIR);
    assert_int_equal(fs_visit("/host") & ~(1u << -E_NOTSUP), 1u << OK); /* but for the pipe */
}

static void test_a_pipe_of_the_server_is_not_read(void **state)
{
    (void)state;
    char text[8];
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/host/pipe", true, &st), OK);
    assert_int_equal(st.type, FILE_OTHER);
    assert_int_equal(read_text("/host/pipe", text, sizeof(text)), E_NOTSUP);
}

static void test_a_change_of_the_owner_is_seen_by_the_next_open(void **state)
{
    (void)state;
    struct file_stat st;
    expect_text("/host/file", "contents");
    server_put("file", "changed", 7);
    expect_text("/host/file", "changed");
    server_drop("file");
    assert_int_equal(vfs_stat(NULL, "/host/file", true, &st), E_NOENT);
}

static void write_text(const char *path, unsigned flags, const char *text)
{
    struct file *f;
    size_t n;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE | flags, &f), OK);
    assert_int_equal(file_write(f, text, strlen(text), &n), OK);
    assert_int_equal(n, strlen(text));
    file_close(f);
}

static void test_files_are_created_written_and_appended_to(void **state)
{
    (void)state;
    struct file *a, *b;
    size_t n;
    write_text("/host/new", VFS_CREATE, "abc");
    expect_text("/host/new", "abc");
    write_text("/host/new", VFS_TRUNCATE, "d");
    expect_text("/host/new", "d");
    assert_int_equal(vfs_open(NULL, "/host/new", VFS_WRITE | VFS_APPEND, &a), OK);
    assert_int_equal(vfs_open(NULL, "/host/new", VFS_WRITE | VFS_APPEND, &b), OK);
    assert_int_equal(file_write(a, "ef", 2, &n), OK);
    assert_int_equal(file_write(b, "gh", 2, &n), OK);
    assert_int_equal(file_write(a, "ij", 2, &n), OK);
    assert_int_equal(file_set_size(b, 5), OK);
    file_close(a);
    file_close(b);
    expect_text("/host/new", "defgh");
    assert_int_equal(vfs_open(NULL, "/host/new", VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &a),
                     E_EXIST);
}

static void test_names_are_made_renamed_and_removed(void **state)
{
    (void)state;
    struct file *root, *dir;
    char target[32];
    assert_int_equal(vfs_mkdir(NULL, "/host/folder"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/host/folder"), E_EXIST);
    assert_int_equal(vfs_open(NULL, "/host", VFS_READ, &root), OK);
    assert_int_equal(vfs_open(NULL, "/host/folder", VFS_READ, &dir), OK);
    assert_int_equal(file_rename_at(root, "file", dir, "moved"), OK);
    expect_text("/host/folder/moved", "contents");
    assert_int_equal(file_symlink_at("folder/moved", root, "to"), OK);
    assert_int_equal(file_read_link_at(root, "to", target, sizeof(target)), OK);
    assert_string_equal(target, "folder/moved");
    expect_text("/host/to", "contents");
    assert_int_equal(file_unlink_at(root, "folder"), E_ISDIR);
    assert_int_equal(file_rmdir_at(root, "to"), E_NOTDIR);
    assert_int_equal(file_rmdir_at(root, "folder"), E_NOTEMPTY);
    assert_int_equal(vfs_unlink(NULL, "/host/folder/moved"), OK);
    assert_int_equal(file_unlink_at(root, "to"), OK);
    file_close(dir);
    assert_int_equal(file_rmdir_at(root, "folder"), OK);
    file_close(root);
}

static void test_large_files_go_in_several_requests(void **state)
{
    (void)state;
    static uint8_t bytes[5 * SERVER_DATA_MAX / 2], copy[sizeof(bytes)];
    struct file *f;
    size_t n;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    assert_int_equal(vfs_open(NULL, "/host/large", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write(f, bytes, sizeof(bytes), &n), OK);
    assert_int_equal(n, sizeof(bytes));
    assert_int_equal(server.writes, 3);
    assert_int_equal(file_read_at(f, 0, copy, sizeof(copy), &n), OK);
    assert_int_equal(n, sizeof(copy));
    assert_memory_equal(bytes, copy, sizeof(copy));
    file_close(f);
}

static unsigned list(const char *path, enum status *end)
{
    struct file *dir;
    struct dir_entry e;
    unsigned n = 0;
    assert_int_equal(vfs_open(NULL, path, VFS_READ, &dir), OK);
    while ((*end = file_read_dir(dir, &e)) == OK) {
        n++;
    }
    file_close(dir);
    return n;
}

static void test_a_large_directory_is_listed_once(void **state)
{
    (void)state;
    enum status end;
    server_fill(5000);
    assert_int_equal(list("/host/dir", &end), 5001);
    assert_int_equal(end, E_NOENT);
}

/* A cookie that was returned may be used again, and the start shows what has changed. */
static void test_cookies_stay_valid(void **state)
{
    (void)state;
    struct file *dir;
    struct dir_entry e;
    uint64_t cookie = 0, second = 0;
    char name[VFS_NAME_MAX + 1];
    server_fill(10);
    assert_int_equal(vfs_open(NULL, "/host/dir", VFS_READ, &dir), OK);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(file_read_dir_at(dir, &cookie, &e), OK);
        if (i == 1) {
            second = cookie;
        } else if (i == 2) {
            memcpy(name, e.name, sizeof(name));
        }
    }
    assert_int_equal(file_read_dir_at(dir, &second, &e), OK);
    assert_string_equal(e.name, name);
    assert_int_equal(vfs_unlink(NULL, "/host/dir/inside"), OK);
    cookie = 0;
    assert_int_equal(file_read_dir_at(dir, &cookie, &e), OK);
    assert_string_equal(e.name, "f00000");
    file_close(dir);
}

static void test_capacity(void **state)
{
    (void)state;
    struct vfs_mount_info m;
    assert_true(vfs_get_mount(0, &m));
    assert_string_equal(m.dir, "/host");
    assert_int_equal(m.total_bytes, 1000 * 4096);
    assert_int_equal(m.free_bytes, 998 * 4096);
}

static void test_errors_of_the_server_are_passed_on(void **state)
{
    (void)state;
    assert_int_equal(p9_status(13), E_PERM);
    assert_int_equal(p9_status(28), E_NOSPC);
    assert_int_equal(p9_status(30), E_ROFS);
    assert_int_equal(p9_status(36), E_NAMETOOLONG);
    assert_int_equal(p9_status(9999), E_IO);
    assert_int_equal(p9_status(0xffffffff), E_IO);
}

/* ---- A server that lies ---- */

/* The request whose answer is changed, and how. */
static struct {
    enum p9_type request;
    unsigned at;    /* offset of the changed bytes */
    unsigned width; /* their number, 0 to 8 */
    uint64_t value;
    int64_t more; /* so many more bytes arrive */
} lie;

static void tell(struct server_answer *a)
{
    if (a->request == lie.request) {
        for (unsigned i = 0; i < lie.width; i++) {
            a->bytes[lie.at + i] = (uint8_t)(lie.value >> 8 * i);
        }
        a->len += (size_t)lie.more;
    }
}

static enum status read_with_lie(void)
{
    char text[64];
    server.change = tell;
    enum status st = read_text("/host/file", text, sizeof(text));
    server.change = NULL;
    return st;
}

static void set_lie(enum p9_type request, unsigned at, unsigned width, uint64_t value)
{
    lie.request = request;
    lie.at = at;
    lie.width = width;
    lie.value = value;
    lie.more = 0;
}

static void test_headers_that_lie(void **state)
{
    (void)state;
    static const enum p9_type requests[] = {P9_WALK, P9_GET_ATTR, P9_OPEN, P9_READ};
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        set_lie(requests[i], 5, 2, 0x1234); /* another request's tag */
        assert_int_equal(read_with_lie(), E_CORRUPT);
        set_lie(requests[i], 4, 1, P9_CLUNK + 1); /* another request's type */
        assert_int_equal(read_with_lie(), E_CORRUPT);
        set_lie(requests[i], 0, 4, 0xfffffff0); /* a length past the message */
        assert_int_equal(read_with_lie(), E_CORRUPT);
        set_lie(requests[i], 0, 4, 6); /* a length that has no room for the header */
        assert_int_equal(read_with_lie(), E_CORRUPT);
        set_lie(requests[i], 0, 0, 0);
        lie.more = -1; /* less arrives than it says */
        assert_int_equal(read_with_lie(), E_CORRUPT);
        set_lie(requests[i], 4, 1, P9_ERROR); /* its fields as a number */
        assert_true(read_with_lie() < 0);
    }
    assert_non_null(strstr(env_last_log(), "breaks the protocol"));
    expect_text("/host/file", "contents");
}

static void test_counts_larger_than_asked_for(void **state)
{
    (void)state;
    struct file *f;
    char text[8];
    size_t n;
    set_lie(P9_READ, 7, 4, 1u << 20);
    assert_int_equal(read_with_lie(), E_CORRUPT);
    /* a count within what was asked for, but past what arrived */
    set_lie(P9_READ, 7, 4, 40);
    assert_int_equal(read_with_lie(), E_CORRUPT);
    assert_int_equal(vfs_open(NULL, "/host/file", VFS_READ | VFS_WRITE, &f), OK);
    set_lie(P9_WRITE, 7, 4, 4);
    server.change = tell;
    assert_int_equal(file_write(f, "abc", 3, &n), E_CORRUPT);
    set_lie(P9_WRITE, 7, 4, 0); /* never any progress */
    assert_int_equal(file_write(f, "abc", 3, &n), E_CORRUPT);
    set_lie(P9_READ, 7, 4, 9); /* one byte more than there is room for */
    assert_int_equal(file_read_at(f, 0, text, sizeof(text), &n), E_CORRUPT);
    file_close(f);
}

static void test_walks_that_lie(void **state)
{
    (void)state;
    struct file_stat st;
    server.change = tell;
    set_lie(P9_WALK, 7, 2, 2); /* more names than asked for */
    assert_int_equal(vfs_stat(NULL, "/host/file", true, &st), E_CORRUPT);
    set_lie(P9_WALK, 7, 2, 0);
    assert_int_equal(vfs_stat(NULL, "/host/file", true, &st), E_NOENT);
    /* the type changes between the walk and the attributes */
    set_lie(P9_WALK, 9, 1, P9_QID_DIRECTORY);
    assert_int_equal(vfs_stat(NULL, "/host/file", true, &st), E_NOENT);
    set_lie(P9_WALK, 9, 1, P9_QID_LINK);
    assert_int_equal(vfs_stat(NULL, "/host/dir", false, &st), E_NOENT);
    set_lie(P9_GET_ATTR, 15, 1, P9_QID_DIRECTORY); /* the two halves of one answer disagree */
    assert_int_equal(vfs_stat(NULL, "/host/file", true, &st), E_CORRUPT);
    set_lie(P9_GET_ATTR, 56, 8, UINT64_MAX); /* a size that no file has */
    assert_int_equal(vfs_stat(NULL, "/host/file", true, &st), E_CORRUPT);
    server.change = NULL;
}

static void test_links_that_lie(void **state)
{
    (void)state;
    char target[16];
    server.change = tell;
    set_lie(P9_READ_LINK, 7, 2, 0);
    assert_int_equal(vfs_read_link(NULL, "/host/link", target, sizeof(target)), E_CORRUPT);
    set_lie(P9_READ_LINK, 7, 2, 0xffff);
    assert_int_equal(vfs_read_link(NULL, "/host/link", target, sizeof(target)), E_CORRUPT);
    set_lie(P9_READ_LINK, 10, 1, 0);
    assert_int_equal(vfs_read_link(NULL, "/host/link", target, sizeof(target)), E_CORRUPT);
    server.change = NULL;
    assert_int_equal(vfs_read_link(NULL, "/host/link", target, 4), E_NAMETOOLONG);
}

/* The first entry's offset is at 11 + 13, its name's length at 11 + 22, its name at 11 + 24. */
static void test_entries_that_lie(void **state)
{
    (void)state;
    enum status end;
    server.change = tell;
    set_lie(P9_READ_DIR, 35, 1, '/');
    assert_int_equal(list("/host", &end), 0);
    assert_int_equal(end, E_CORRUPT);
    set_lie(P9_READ_DIR, 35, 1, '\0');
    assert_int_equal(list("/host", &end), 0);
    assert_int_equal(end, E_CORRUPT);
    set_lie(P9_READ_DIR, 33, 2, 0);
    assert_int_equal(list("/host", &end), 0);
    assert_int_equal(end, E_CORRUPT);
    set_lie(P9_READ_DIR, 33, 2, 60000);
    assert_int_equal(list("/host", &end), 0);
    assert_int_equal(end, E_CORRUPT);
    set_lie(P9_READ_DIR, 7, 4, P9_LISTING_BYTES + 1);
    assert_int_equal(list("/host", &end), 0);
    assert_int_equal(end, E_CORRUPT);
    set_lie(P9_READ_DIR, 24, 8, (uint64_t)1 << 63); /* an offset that is no cookie */
    assert_int_equal(list("/host", &end), 0);
    assert_int_equal(end, E_OVERFLOW);
    set_lie(P9_READ_DIR, 24, 8, 0); /* it begins again */
    assert_int_equal(list("/host", &end), 0);
    assert_int_equal(end, E_CORRUPT);
}

/* One entry in each answer, whose offset is the next of a circle or of a line without end. */
static uint64_t circle, given;

static void go_on_for_ever(struct server_answer *a)
{
    if (a->request == P9_READ_DIR) {
        static const uint8_t entry[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,  0, /* qid */
                                        0, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 'a'};
        memcpy(a->bytes + P9_READ_HEAD, entry, sizeof(entry));
        given++;
        store_le64(a->bytes + 24, circle == 0 || given < circle ? given : circle + given % 5);
        store_le32(a->bytes + 7, sizeof(entry));
        store_le32(a->bytes, P9_READ_HEAD + sizeof(entry));
        a->len = P9_READ_HEAD + sizeof(entry);
    }
}

static void test_directories_without_end(void **state)
{
    (void)state;
    enum status end;
    server.change = go_on_for_ever;
    given = 0;
    circle = 10;
    assert_in_range(list("/host", &end), 11, 50);
    assert_int_equal(end, E_CORRUPT);
    given = 0;
    circle = 0;
    assert_int_equal(list("/host", &end), P9_ENTRIES_MAX);
    assert_int_equal(end, E_CORRUPT);
}

/* The name neither exists nor can it be created. */
static void contradict(struct server_answer *a)
{
    if (a->request == P9_WALK || a->request == P9_CREATE) {
        bool is_clone = a->request == P9_WALK && load_le16(a->bytes + 7) == 0;
        if (!is_clone) {
            a->bytes[4] = P9_ERROR;
            store_le32(a->bytes, P9_READ_HEAD);
            store_le32(a->bytes + 7, a->request == P9_WALK ? 2 : 17);
            a->len = P9_READ_HEAD;
        }
    }
}

static void test_a_server_that_contradicts_itself(void **state)
{
    (void)state;
    struct file *f;
    server_drop("file");
    server.change = contradict;
    assert_int_equal(vfs_open(NULL, "/host/file", VFS_WRITE | VFS_CREATE, &f), E_EXIST);
    server.change = NULL;
}

static void stop_working(struct server_answer *a)
{
    a->result = E_IO;
}

static void test_a_transport_that_fails(void **state)
{
    (void)state;
    struct file *f;
    char text[8];
    size_t n;
    assert_int_equal(vfs_open(NULL, "/host/file", VFS_READ | VFS_WRITE, &f), OK);
    server.change = stop_working;
    assert_int_equal(file_read(f, text, sizeof(text), &n), E_IO);
    assert_int_equal(file_write(f, "x", 1, &n), E_IO);
    assert_int_equal(read_text("/host/file", text, sizeof(text)), E_IO);
    file_close(f);
    assert_int_equal(vfs_mkdir(NULL, "/host/new"), E_IO);
}

/* The session does not begin, and nothing is left of it. */
static void test_mounts_that_are_refused(void **state)
{
    (void)state;
    server_reset();
    size_t before = env_settled_objects();
    server.change = tell;
    set_lie(P9_VERSION, 13, 4, 0x6e6b6e75); /* "unkn" */
    assert_int_equal(mount(), E_NOTSUP);
    set_lie(P9_VERSION, 7, 4, 0x7fffffff); /* larger messages than asked for */
    assert_int_equal(mount(), E_CORRUPT);
    set_lie(P9_VERSION, 7, 4, 64);
    assert_int_equal(mount(), E_CORRUPT);
    set_lie(P9_VERSION, 11, 2, 500);
    assert_int_equal(mount(), E_CORRUPT);
    set_lie(P9_ATTACH, 7, 1, 0); /* the root is a file */
    assert_int_equal(mount(), E_NOTDIR);
    set_lie(P9_ATTACH, 4, 1, P9_ERROR);
    assert_true(mount() != OK);
    server.change = stop_working;
    assert_int_equal(mount(), E_IO);
    assert_int_equal(server.sessions, 0);
    assert_int_equal(env_settled_objects(), before);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct file *f;
    char text[8];
    for (int n = 0; n < 12; n++) {
        env_allocations_left = n;
        if (vfs_open(NULL, "/host/new", VFS_WRITE | VFS_CREATE, &f) == OK) {
            file_close(f);
        }
        env_allocations_left = n;
        (void)!read_text("/host/file", text, sizeof(text));
        env_allocations_left = n;
        (void)fs_visit("/host");
        env_allocations_left = -1;
    }
    expect_text("/host/file", "contents");
}

/* Whatever fids the server thinks that we have: its lies made them unclear. */
static int unmounted_after_lies(void **state)
{
    server.change = NULL;
    enum status st = vfs_unmount("/host");
    server.fids = 0;
    (void)state;
    return st == OK && server.sessions == 0 && env_settled_objects() == objects ? 0 : -1;
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, mounted, unmounted)
#define LIARS(name) cmocka_unit_test_setup_teardown(name, mounted, unmounted_after_lies)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files_and_links_are_read),
        TEST(test_a_pipe_of_the_server_is_not_read),
        TEST(test_a_change_of_the_owner_is_seen_by_the_next_open),
        TEST(test_files_are_created_written_and_appended_to),
        TEST(test_names_are_made_renamed_and_removed),
        TEST(test_large_files_go_in_several_requests),
        TEST(test_a_large_directory_is_listed_once),
        TEST(test_cookies_stay_valid),
        TEST(test_capacity),
        cmocka_unit_test(test_errors_of_the_server_are_passed_on),
        LIARS(test_headers_that_lie),
        LIARS(test_counts_larger_than_asked_for),
        LIARS(test_walks_that_lie),
        LIARS(test_links_that_lie),
        LIARS(test_entries_that_lie),
        LIARS(test_directories_without_end),
        LIARS(test_a_server_that_contradicts_itself),
        LIARS(test_a_transport_that_fails),
        cmocka_unit_test(test_mounts_that_are_refused),
        TEST(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
