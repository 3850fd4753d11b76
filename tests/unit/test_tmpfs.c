// SPDX-License-Identifier: MIT
//
// vfs.h over the memory file system: paths, open files, and the
// operations of a writable file system.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "kernel/base/clock.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup_once(void **state)
{
    (void)state;
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

static void put(const char *path, const char *text)
{
    struct file *f;
    size_t n;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &f), OK);
    assert_int_equal(file_write(f, text, strlen(text), &n), OK);
    assert_int_equal(n, strlen(text));
    file_close(f);
}

static void expect(const char *path, const char *text)
{
    void *data;
    size_t len;
    assert_int_equal(vfs_read_file(path, 1 << 20, &data, &len), OK);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
    heap_free(data);
}

static void expect_open(const char *path, unsigned flags, enum status want)
{
    struct file *f = NULL;
    enum status s = vfs_open(NULL, path, flags, &f);
    assert_int_equal(s, want);
    if (s == OK) {
        file_close(f);
    }
}

static void test_join_is_textual(void **state)
{
    (void)state;
    static const struct {
        const char *cwd, *path, *want;
    } cases[] = {
        {"/a/b", "../c", "/a/c"}, {"/a", "/b/./c//", "/b/c"},
        {NULL, "x", "/x"},        {"/", "..", "/"},
        {"/a", "", "/a"},         {"/a", "../../../b", "/b"},
        {"/a/", "b", "/a/b"},     {"/", "/", "/"},
    };
    char out[VFS_PATH_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(vfs_join(cases[i].cwd, cases[i].path, out, sizeof(out)), OK);
        assert_string_equal(out, cases[i].want);
    }
    assert_int_equal(vfs_join("/", "abc", out, 4), E_NAMETOOLONG);
    assert_int_equal(vfs_join("/", "abc", out, 5), OK);
    char longer[VFS_PATH_MAX + 8];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(vfs_join("/", longer, out, sizeof(out)), E_NAMETOOLONG);
}

static void test_write_then_read(void **state)
{
    (void)state;
    put("/tmp/a", "hello");
    expect("/tmp/a", "hello");
    assert_int_equal(vfs_mkdir(NULL, "/tmp/b"), OK);
    expect("//tmp/./b/../a", "hello");
    put("/tmp/a", "er");
    expect("/tmp/a", "er");
    struct file *f;
    size_t n;
    assert_int_equal(vfs_open("/tmp", "a", VFS_WRITE | VFS_APPEND, &f), OK);
    assert_int_equal(file_write(f, "XY", 2, &n), OK);
    assert_int_equal(file_read(f, &n, 1, &n), E_PERM);
    file_close(f);
    expect("/tmp/a", "erXY");
    assert_int_equal(vfs_unlink("/tmp", "a"), OK);
    assert_int_equal(vfs_unlink("/tmp", "b"), OK);
    expect_open("/tmp/a", VFS_READ, E_NOENT);
}

static void test_devices(void **state)
{
    (void)state;
    put("/dev/null", "lost");
    expect("/dev/null", "");
    expect("/dev/ttyctl", "mode lines\ncolumns 80\nrows 25\n");
    put("/dev/ttyctl", "raw\n");
    expect("/dev/ttyctl", "mode raw\ncolumns 80\nrows 25\n");
    put("/dev/ttyctl", "lines");
    struct file *f;
    char buf[8];
    size_t n = 0;
    assert_int_equal(vfs_open(NULL, "/dev/ttyctl", VFS_WRITE, &f), OK);
    assert_int_equal(file_write(f, "rawer", 5, &n), E_INVAL);
    assert_int_equal(file_write(f, "\n", 1, &n), E_INVAL);
    file_close(f);
    assert_int_equal(vfs_open(NULL, "/dev/tty", VFS_READ | VFS_WRITE, &f), OK);
    assert_int_equal(file_read(f, buf, sizeof(buf), &n), OK);
    assert_int_equal(n, 6); /* "typed\n" */
    file_close(f);
    expect_open("/dev/new", VFS_WRITE | VFS_CREATE, E_ROFS);
    expect_open("/dev/null/x", VFS_READ, E_NOTDIR);
    assert_int_equal(vfs_unlink(NULL, "/dev/null"), E_NOTDIR);
}

static void test_open_flags(void **state)
{
    (void)state;
    put("/tmp/f", "x");
    expect_open("/tmp/f", VFS_READ, OK);
    expect_open("/tmp/f", VFS_READ | VFS_DIRECTORY, E_NOTDIR);
    expect_open("/tmp/f/", VFS_READ, E_NOTDIR);
    expect_open("/tmp/f/g", VFS_READ, E_NOTDIR);
    expect_open("/tmp/f/.", VFS_READ, E_NOTDIR);
    expect_open("/tmp/f/..", VFS_READ, E_NOTDIR);
    expect_open("/tmp/f", VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, E_EXIST);
    expect_open("/tmp", VFS_WRITE, E_ISDIR);
    expect_open("/tmp", VFS_READ | VFS_DIRECTORY, OK);
    expect_open("/tmp/new/", VFS_WRITE | VFS_CREATE, E_ISDIR);
    expect_open("/tmp/no/new", VFS_WRITE | VFS_CREATE, E_NOENT);
    expect_open("", VFS_READ, E_INVAL);
    char name[VFS_NAME_MAX + 8] = "/tmp/";
    memset(name + 5, 'n', VFS_NAME_MAX);
    expect_open(name, VFS_WRITE | VFS_CREATE, OK);
    assert_int_equal(vfs_unlink(NULL, name), OK);
    name[5 + VFS_NAME_MAX] = 'n';
    expect_open(name, VFS_WRITE | VFS_CREATE, E_NAMETOOLONG);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

static void test_positions(void **state)
{
    (void)state;
    struct file *f;
    char buf[16];
    size_t n;
    uint64_t at;
    put("/tmp/f", "0123456789");
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_READ | VFS_WRITE, &f), OK);
    assert_int_equal(file_read(f, buf, 4, &n), OK);
    assert_int_equal(n, 4);
    assert_int_equal(file_seek(f, 2, 1, &at), OK);
    assert_int_equal(at, 6);
    assert_int_equal(file_read(f, buf, 16, &n), OK);
    assert_int_equal(n, 4);
    assert_memory_equal(buf, "6789", 4);
    assert_int_equal(file_read(f, buf, 16, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(file_seek(f, -3, 2, &at), OK);
    assert_int_equal(at, 7);
    assert_int_equal(file_seek(f, -8, 1, &at), E_INVAL);
    assert_int_equal(file_seek(f, INT64_MAX, 1, &at), E_INVAL);
    assert_int_equal(file_seek(f, 0, 3, &at), E_INVAL);
    assert_int_equal(at, 7);
    assert_int_equal(file_read_at(f, 1, buf, 2, &n), OK);
    assert_memory_equal(buf, "12", 2);
    assert_int_equal(file_seek(f, 0, 1, &at), OK);
    assert_int_equal(at, 7); /* read_at does not move the position */

    assert_int_equal(file_seek(f, 3 * 4096 + 5, 0, &at), OK); /* a hole */
    assert_int_equal(file_write(f, "end", 3, &n), OK);
    assert_int_equal(file_read_at(f, 4096, buf, 16, &n), OK);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(buf[i], 0);
    }
    struct file_stat st;
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.size, 3 * 4096 + 8);
    assert_int_equal(st.blocks_512, 16); /* two pages */
    assert_int_equal(st.modified_ns, 1000ull * NS_PER_S);
    assert_int_equal(file_seek(f, INT64_MAX - 1, 0, &at), OK);
    assert_int_equal(file_write(f, "xyz", 3, &n), E_OVERFLOW);
    assert_int_equal(file_seek(f, INT64_MAX / 2, 0, &at), OK);
    assert_int_equal(file_write(f, "xyz", 3, &n), E_NOSPC); /* its page table would not fit */
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

static void test_shrinking_and_growing_shows_zeroes(void **state)
{
    (void)state;
    struct file *f;
    size_t n;
    char page[4096];
    memset(page, 'x', sizeof(page));
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(file_write(f, page, sizeof(page), &n), OK);
    }
    struct file *g;
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_TRUNCATE, &g), OK);
    file_close(g);
    uint64_t at;
    assert_int_equal(file_seek(f, 5000, 0, &at), OK);
    assert_int_equal(file_write(f, "y", 1, &n), OK);
    assert_int_equal(file_read_at(f, 0, page, 4096, &n), OK);
    for (int i = 0; i < 4096; i++) {
        assert_int_equal(page[i], 0);
    }
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

static void test_removed_file_lives_while_it_is_open(void **state)
{
    (void)state;
    struct file *f;
    char buf[8];
    size_t n;
    size_t before = env_live_objects();
    put("/tmp/f", "alive");
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_READ, &f), OK);
    struct file *g = file_ref(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
    expect_open("/tmp/f", VFS_READ, E_NOENT);
    put("/tmp/f", "another");
    assert_int_equal(file_read(f, buf, 8, &n), OK);
    assert_memory_equal(buf, "alive", 5);
    file_close(f);
    assert_int_equal(file_read_at(g, 0, buf, 8, &n), OK);
    assert_int_equal(n, 5);
    file_close(g);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
    assert_int_equal(env_live_objects(), before);
}

static void test_directories(void **state)
{
    (void)state;
    struct file *d;
    struct dir_entry entry;
    size_t before = env_live_objects();
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d"), E_EXIST);
    assert_int_equal(vfs_mkdir(NULL, "/tmp"), E_EXIST);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d/e/"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/x/e"), E_NOENT);
    put("/tmp/d/one", "1");
    put("/tmp/d/two", "2");
    assert_int_equal(vfs_open(NULL, "/tmp/d", VFS_READ, &d), OK);
    static const char *const names[] = {"e", "one", "two"};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(file_read_dir(d, &entry), OK);
            assert_string_equal(entry.name, names[i]);
            assert_int_equal(entry.type, i == 0 ? FILE_DIRECTORY : FILE_REGULAR);
        }
        assert_int_equal(file_read_dir(d, &entry), E_NOENT);
        uint64_t at;
        assert_int_equal(file_seek(d, 1, 0, &at), E_INVAL);
        assert_int_equal(file_seek(d, 0, 0, &at), OK);
    }
    assert_int_equal(file_read_dir(d, &entry), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/e"), OK); /* the entry that was listed last */
    assert_int_equal(file_read_dir(d, &entry), OK);
    assert_string_equal(entry.name, "one");
    size_t n;
    assert_int_equal(file_read(d, &entry, 1, &n), E_ISDIR);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d"), E_NOTEMPTY);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/one"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/two"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/.."), E_INVAL);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/."), E_INVAL);
    assert_int_equal(vfs_unlink(NULL, "/"), E_INVAL);
    assert_int_equal(vfs_unlink(NULL, "/tmp"), E_BUSY);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d"), OK);
    struct file *f;
    assert_int_equal(vfs_open(NULL, "/tmp/d/new", VFS_CREATE | VFS_WRITE, &f), E_NOENT);
    file_close(d);
    assert_int_equal(env_live_objects(), before);
}

/* Mount the smallest possible archive. */
static enum status mount_archive(const char *dir)
{
    static const char archive[] =
        "0707010000000000000000000000000000000000000001000000000000000000000000000000000000000000000000"
        "0000000B00000000TRAILER!!!\0\0\0";
    return vfs_mount_memory(archive, sizeof(archive) - 1, dir);
}

/* A mount point need not exist as a name in its directory, which is empty then. */
static void test_a_mount_point_keeps_its_path(void **state)
{
    (void)state;
    struct file_stat st;
    size_t before = env_live_objects();
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d/e"), OK);
    assert_int_equal(mount_archive("/tmp/d/e/m"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/e/m"), E_BUSY);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/e/m/"), E_BUSY);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/e"), E_BUSY);
    assert_int_equal(vfs_unlink("/tmp/d", "e/"), E_BUSY);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d"), E_BUSY);
    assert_int_equal(vfs_unmount("/tmp"), E_BUSY);
    assert_int_equal(mount_archive("/tmp/d"), E_BUSY); /* the mounted archive has no e */
    assert_int_equal(mount_archive("/tmp/d/e"), OK);
    assert_int_equal(vfs_stat(NULL, "/tmp/d/e/m", true, &st), OK);
    assert_int_equal(vfs_unmount("/tmp/d/e"), E_BUSY);
    assert_int_equal(vfs_unmount("/tmp/d/e/m"), OK);
    assert_int_equal(vfs_unmount("/tmp/d/e"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/e"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d"), OK);
    assert_int_equal(env_live_objects(), before);
}

static void make_link(const char *name, const char *target)
{
    struct file *tmp;
    assert_int_equal(vfs_open(NULL, "/tmp", VFS_READ, &tmp), OK);
    assert_int_equal(file_symlink_at(target, tmp, name), OK);
    file_close(tmp);
}

static void test_a_trailing_slash_requires_a_directory(void **state)
{
    (void)state;
    struct file_stat st;
    char target[16];
    put("/tmp/f", "text");
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d/"), OK);
    make_link("to_f", "f");
    make_link("to_d", "d");
    make_link("to_new", "new");
    assert_int_equal(vfs_unlink(NULL, "/tmp/f/"), E_NOTDIR);
    assert_int_equal(vfs_unlink("/tmp", "f//"), E_NOTDIR);
    assert_int_equal(vfs_unlink(NULL, "/tmp/to_f/"), E_NOTDIR);
    /* the link itself is not a directory */
    assert_int_equal(vfs_unlink(NULL, "/tmp/to_d/"), E_NOTDIR);
    assert_int_equal(vfs_unlink(NULL, "/tmp/new/"), E_NOENT);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/f/"), E_EXIST);
    assert_int_equal(vfs_stat(NULL, "/tmp/f/", false, &st), E_NOTDIR);
    assert_int_equal(vfs_stat(NULL, "/tmp/to_f/", false, &st), E_NOTDIR);
    assert_int_equal(vfs_stat(NULL, "/tmp/to_d/", false, &st), OK);
    assert_int_equal(st.type, FILE_DIRECTORY);
    assert_int_equal(vfs_read_link(NULL, "/tmp/f/", target, sizeof(target)), E_NOTDIR);
    assert_int_equal(vfs_read_link(NULL, "/tmp/to_f/", target, sizeof(target)), E_NOTDIR);
    assert_int_equal(vfs_read_link(NULL, "/tmp/to_d/", target, sizeof(target)), E_INVAL);
    static const unsigned create = VFS_WRITE | VFS_CREATE;
    expect_open("/tmp/f/", create, E_NOTDIR);
    expect_open("/tmp/f/", create | VFS_EXCLUSIVE, E_NOTDIR);
    expect_open("/tmp/to_f/", create | VFS_TRUNCATE, E_NOTDIR);
    expect_open("/tmp/to_d/", VFS_READ, OK);
    expect_open("/tmp/to_new/", create, E_ISDIR);
    expect_open("/tmp/to_new/", VFS_READ, E_NOENT);
    assert_int_equal(vfs_mount_memory("", 0, "/tmp/f/"), E_FORMAT);
    assert_int_equal(mount_archive("/tmp/f/"), E_NOTDIR);
    assert_int_equal(vfs_unmount("/tmp/f/"), E_NOTDIR);
    expect("/tmp/f", "text");
    static const char *const names[] = {"/tmp/f", "/tmp/to_f", "/tmp/to_d", "/tmp/to_new",
                                        "/tmp/d/"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(vfs_unlink(NULL, names[i]), OK);
    }
}

static void test_root_lists_what_is_mounted_in_it(void **state)
{
    (void)state;
    struct file *d;
    struct dir_entry entry;
    assert_int_equal(vfs_open(NULL, "/", VFS_READ | VFS_DIRECTORY, &d), OK);
    assert_int_equal(file_read_dir(d, &entry), OK);
    assert_string_equal(entry.name, "tmp");
    assert_int_equal(entry.type, FILE_DIRECTORY);
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/tmp", true, &st), OK);
    assert_int_equal(entry.inode, st.inode);
    assert_int_equal(file_read_dir(d, &entry), OK);
    assert_string_equal(entry.name, "dev");
    assert_int_equal(file_read_dir(d, &entry), E_NOENT);
    file_close(d);
    struct vfs_mount_info info;
    assert_true(vfs_get_mount(0, &info));
    assert_string_equal(info.dir, "/tmp");
    assert_string_equal(info.type, "tmpfs");
    assert_false(info.read_only);
    assert_true(vfs_get_mount(1, &info));
    assert_string_equal(info.dir, "/dev");
    assert_true(vfs_get_mount(2, &info));
    assert_string_equal(info.dir, "/");
    assert_false(vfs_get_mount(3, &info));
    assert_int_equal(vfs_unmount("/"), E_BUSY);
    assert_int_equal(vfs_unmount("/nothing"), E_INVAL);
}

static void test_limit_is_half_of_memory(void **state)
{
    (void)state;
    struct file *f;
    size_t n;
    static char block[33 * 4096];
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write(f, block, sizeof(block), &n), OK);
    assert_int_equal(n, 32 * 4096); /* of the 64 pages that page_get_stats() reports */
    assert_int_equal(file_write(f, block, 1, &n), E_NOSPC);
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
    put("/tmp/f", "again");
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

/* A request for more room than there is, after and around existing data, allocates nothing. */
static void test_room_beyond_the_limit_allocates_nothing(void **state)
{
    (void)state;
    struct vfs_mount_info before, after;
    struct file *f;
    static char block[10 * 4096];
    size_t n;
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write(f, block, sizeof(block), &n), OK);
    assert_true(vfs_get_mount(0, &before));
    assert_int_equal(file_allocate(f, sizeof(block), before.free_bytes + 4096), E_NOSPC);
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
    assert_int_equal(file_allocate(f, 0, sizeof(block) + before.free_bytes + 4096), E_NOSPC);
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
    env_allocations_left = 3; /* there is room, but no memory */
    assert_int_equal(file_allocate(f, 0, sizeof(block) + before.free_bytes), E_NOSPC);
    env_allocations_left = -1;
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
    assert_int_equal(file_allocate(f, 0, sizeof(block) + before.free_bytes), OK);
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

static uint64_t tmp_free_bytes(void)
{
    struct vfs_mount_info info;
    assert_true(vfs_get_mount(0, &info));
    assert_string_equal(info.dir, "/tmp");
    return info.free_bytes;
}

/* If the table uses the last page of the room, none is left for the data. */
static void test_a_write_without_room_allocates_nothing(void **state)
{
    (void)state;
    const uint64_t described = 512 * 4096;
    struct file *f;
    size_t n;
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_CREATE, &f), OK);
    uint64_t before = tmp_free_bytes();
    uint64_t at = before / 4096 * described;
    assert_int_equal(file_write_at(f, at, "x", 1, &n), E_NOSPC);
    assert_int_equal(tmp_free_bytes(), before);
    assert_int_equal(file_allocate(f, at, 1), E_NOSPC);
    assert_int_equal(tmp_free_bytes(), before);
    for (int left = 0; left < 2; left++) { /* there is room, but no memory */
        env_allocations_left = left;
        assert_int_equal(file_write_at(f, 3 * described, "x", 1, &n), E_NOSPC);
        assert_int_equal(file_allocate(f, 3 * described, 1), E_NOSPC);
        env_allocations_left = -1;
        assert_int_equal(tmp_free_bytes(), before);
    }
    assert_int_equal(file_write_at(f, at - described, "x", 1, &n), OK);
    assert_int_equal(tmp_free_bytes(), 0);
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

/* Holes inside the file count, too: they stay holes after a failure. */
static void test_room_in_holes_is_all_or_none(void **state)
{
    (void)state;
    struct file *f;
    struct file_stat st;
    size_t n;
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write_at(f, 9 * 4096, "x", 1, &n), OK);
    uint64_t before = tmp_free_bytes();
    env_allocations_left = 5;
    assert_int_equal(file_allocate(f, 0, 10 * 4096), E_NOSPC);
    env_allocations_left = -1;
    assert_int_equal(tmp_free_bytes(), before);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.blocks_512, 8);
    assert_int_equal(file_allocate(f, 0, 10 * 4096), OK);
    assert_int_equal(tmp_free_bytes(), before - 9 * 4096);
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

static void test_a_shorter_file_has_a_shorter_table(void **state)
{
    (void)state;
    const uint64_t described = 512 * 4096;
    struct file *f;
    size_t n;
    char byte;
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write_at(f, 0, "a", 1, &n), OK);
    uint64_t before = tmp_free_bytes();
    assert_int_equal(file_write_at(f, 20 * described, "x", 1, &n), OK);
    assert_int_equal(tmp_free_bytes(), before - 21 * 4096);
    assert_int_equal(file_set_size(f, 10 * described), OK); /* its end is a hole now */
    assert_int_equal(tmp_free_bytes(), before);
    assert_int_equal(file_read_at(f, 10 * described - 1, &byte, 1, &n), OK);
    assert_int_equal(byte, 0);
    assert_int_equal(file_write_at(f, 20 * described, "x", 1, &n), OK);
    assert_int_equal(file_set_size(f, 1), OK);
    assert_int_equal(tmp_free_bytes(), before);
    expect("/tmp/f", "a");
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

/* Doubling the table does not fit, but the pages that are needed do. */
static void test_space_is_there_to_the_last_page(void **state)
{
    (void)state;
    const uint64_t described = 512 * 4096;
    struct file *f;
    size_t n;
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_CREATE, &f), OK);
    uint64_t pages = tmp_free_bytes() / 4096;
    uint64_t half = pages / 2 + 1;
    assert_int_equal(file_write_at(f, half * described, "x", 1, &n), OK);
    for (uint64_t i = half + 1; i + (i - half) + 1 <= pages; i++) {
        assert_int_equal(file_write_at(f, i * described, "x", 1, &n), OK);
    }
    assert_true(tmp_free_bytes() < 2 * 4096);
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
}

/* An open whose nth allocation fails, for each n. @return number of failures. */
static int open_without_memory(const char *path, unsigned flags, void (*is_unchanged)(void))
{
    enum status s = E_NOMEM;
    int n = 0;
    for (; s != OK && n < 20; n++) {
        struct file *f;
        size_t live = env_live_objects();
        env_allocations_left = n;
        s = vfs_open(NULL, path, flags, &f);
        env_allocations_left = -1;
        if (s == OK) {
            file_close(f);
        } else {
            assert_int_equal(s, E_NOMEM);
            assert_int_equal(env_live_objects(), live);
            is_unchanged();
        }
    }
    return n - 1;
}

static void expect_no_new(void)
{
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/tmp/new", true, &st), E_NOENT);
}

static void expect_its_text(void)
{
    expect("/tmp/f", "text");
}

static void test_a_failed_open_changes_nothing(void **state)
{
    (void)state;
    put("/tmp/f", "text");
    assert_true(open_without_memory("/tmp/new", VFS_WRITE | VFS_CREATE, expect_no_new) > 1);
    /* The name is kept, so only the open file is allocated. */
    assert_true(open_without_memory("/tmp/f", VFS_WRITE | VFS_TRUNCATE, expect_its_text) > 0);
    expect("/tmp/f", "");
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/new"), OK);
}

static void test_empty_files_count_against_the_limit(void **state)
{
    (void)state;
    struct vfs_mount_info before, after;
    size_t live = env_live_objects();
    char path[VFS_PATH_MAX];
    enum status s = OK;
    int made = 0;
    assert_true(vfs_get_mount(0, &before));
    for (; s == OK && made < 2000; made++) { /* 32 pages hold fewer nodes than that */
        struct file *f;
        snprintf(path, sizeof(path), "/tmp/%d", made);
        s = vfs_open(NULL, path, VFS_WRITE | VFS_CREATE, &f);
        if (s == OK) {
            file_close(f);
        }
    }
    assert_int_equal(s, E_NOSPC);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d"), E_NOSPC);
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, 0);
    for (int i = 0; i < made - 1; i++) {
        snprintf(path, sizeof(path), "/tmp/%d", i);
        assert_int_equal(vfs_unlink(NULL, path), OK);
    }
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
    assert_int_equal(env_live_objects(), live);
}

/* In a file that is almost entirely a hole, the page table uses the memory: 8 bytes a page. */
static void test_holes_count_only_their_tables(void **state)
{
    (void)state;
    const int64_t described = 512 * 4096; /* size that one page of the table covers */
    struct vfs_mount_info before, during, after;
    struct file *f;
    size_t n;
    uint64_t at;
    assert_true(vfs_get_mount(0, &before));
    assert_string_equal(before.dir, "/tmp");
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_seek(f, 33 * described, 0, &at), OK);
    assert_int_equal(file_write(f, "x", 1, &n), E_NOSPC);
    assert_int_equal(file_seek(f, 20 * described, 0, &at), OK);
    assert_int_equal(file_write(f, "x", 1, &n), OK);
    assert_true(vfs_get_mount(0, &during));
    assert_int_equal(before.free_bytes - during.free_bytes, 21 * 4096);
    struct file *g;
    assert_int_equal(vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_TRUNCATE, &g), OK);
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
    assert_int_equal(file_write(g, "x", 1, &n), OK);
    file_close(g);
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/f"), OK);
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
}

static void test_every_failed_allocation_is_survived(void **state)
{
    (void)state;
    size_t before = env_live_objects();
    int failures = 0;
    for (int n = 0; n < 12; n++) {
        struct file *f = NULL;
        size_t done;
        env_allocations_left = n;
        enum status s = vfs_open(NULL, "/tmp/f", VFS_WRITE | VFS_CREATE, &f);
        failures += s != OK;
        if (s == OK) {
            s = file_write(f, "x", 1, &done);
            failures += s != OK;
            file_close(f);
        }
        env_allocations_left = -1;
        s = vfs_unlink(NULL, "/tmp/f");
        assert_true(s == OK || s == E_NOENT);
        assert_int_equal(env_live_objects(), before);
    }
    assert_true(failures >= 4);
}

static void test_console_is_a_file(void **state)
{
    (void)state;
    struct file *f = file_console(false);
    char buf[16];
    size_t n;
    uint64_t at;
    struct file_stat st;
    assert_non_null(f);
    assert_int_equal(file_write(f, "out", 3, &n), OK);
    assert_string_equal(env_console_text(), "out");
    assert_int_equal(file_read(f, buf, sizeof(buf), &n), OK);
    assert_int_equal(n, 6);
    assert_memory_equal(buf, "typed\n", 6);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.type, FILE_DEVICE);
    assert_int_equal(file_seek(f, 0, 0, &at), E_INVAL);
    file_close(f);
}

static void test_a_console_write_ends_with_its_program(void **state)
{
    (void)state;
    struct thread self = {.cancelled = true};
    struct file *f = file_console(false);
    size_t n = 99;
    size_t before = strlen(env_console_text());
    hal_this_cpu()->current = &self;
    assert_int_equal(file_write(f, "much", 4, &n), E_CANCELLED);
    hal_this_cpu()->current = NULL;
    assert_int_equal(n, 99);
    assert_int_equal(strlen(env_console_text()), before);
    file_close(f);
}

/* The last test, because nothing mounts them again. */
static void test_devices_that_were_used_can_be_unmounted(void **state)
{
    (void)state;
    put("/dev/null", "lost");
    expect_open("/dev/tty", VFS_READ, OK);
    expect_open("/dev/null/x", VFS_READ, E_NOTDIR);
    assert_int_equal(vfs_unmount("/dev"), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_is_textual),
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_open_flags),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_shrinking_and_growing_shows_zeroes),
        cmocka_unit_test(test_removed_file_lives_while_it_is_open),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_a_mount_point_keeps_its_path),
        cmocka_unit_test(test_a_trailing_slash_requires_a_directory),
        cmocka_unit_test(test_root_lists_what_is_mounted_in_it),
        cmocka_unit_test(test_limit_is_half_of_memory),
        cmocka_unit_test(test_room_beyond_the_limit_allocates_nothing),
        cmocka_unit_test(test_a_write_without_room_allocates_nothing),
        cmocka_unit_test(test_room_in_holes_is_all_or_none),
        cmocka_unit_test(test_a_shorter_file_has_a_shorter_table),
        cmocka_unit_test(test_space_is_there_to_the_last_page),
        cmocka_unit_test(test_a_failed_open_changes_nothing),
        cmocka_unit_test(test_empty_files_count_against_the_limit),
        cmocka_unit_test(test_holes_count_only_their_tables),
        cmocka_unit_test(test_every_failed_allocation_is_survived),
        cmocka_unit_test(test_console_is_a_file),
        cmocka_unit_test(test_a_console_write_ends_with_its_program),
        cmocka_unit_test(test_devices_that_were_used_can_be_unmounted),
    };
    return cmocka_run_group_tests(tests, setup_once, NULL);
}
