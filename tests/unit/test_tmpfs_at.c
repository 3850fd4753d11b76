// SPDX-License-Identifier: MIT
//
// vfs.h's calls relative to an open directory, over the memory file system: names, links,
// renames, sizes, times, listings with stable cookies, and directories that are moved or
// removed while they are open.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "kernel/base/clock.h"
#include "kernel/mm/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct file *top; /* /tmp, open */

static int setup_once(void **state)
{
    (void)state;
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

static int open_top(void **state)
{
    (void)state;
    return vfs_open(NULL, "/tmp", VFS_READ | VFS_DIRECTORY, &top) == OK ? 0 : -1;
}

static int close_top(void **state)
{
    (void)state;
    file_close(top);
    return 0;
}

static struct file *open_in(struct file *dir, const char *name, unsigned flags)
{
    struct file *f;
    assert_int_equal(file_open_at(dir, name, flags, &f), OK);
    return f;
}

static void make(struct file *dir, const char *name, const char *text)
{
    size_t n;
    struct file *f = open_in(dir, name, VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE);
    assert_int_equal(file_write(f, text, strlen(text), &n), OK);
    file_close(f);
}

static void expect_text(struct file *dir, const char *name, const char *text)
{
    char buf[64];
    size_t n;
    struct file *f = open_in(dir, name, VFS_READ);
    assert_int_equal(file_read(f, buf, sizeof(buf), &n), OK);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(buf, text, n);
    file_close(f);
}

static struct file_stat look(struct file *dir, const char *name)
{
    struct file_stat st;
    assert_int_equal(file_stat_at(dir, name, &st), OK);
    return st;
}

static void expect_missing(struct file *dir, const char *name)
{
    struct file_stat st;
    assert_int_equal(file_stat_at(dir, name, &st), E_NOENT);
}

static struct file *make_dir(struct file *dir, const char *name)
{
    assert_int_equal(file_mkdir_at(dir, name), OK);
    return open_in(dir, name, VFS_READ | VFS_DIRECTORY);
}

static void test_a_name_is_one_component(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "/tmp", "a/"};
    struct file *f;
    struct file_stat st;
    char longer[VFS_NAME_MAX + 2];
    memset(longer, 'n', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bool is_dot = strcmp(bad[i], ".") == 0;
        assert_int_equal(file_mkdir_at(top, bad[i]), E_INVAL);
        assert_int_equal(file_symlink_at("x", top, bad[i]), E_INVAL);
        assert_int_equal(file_unlink_at(top, bad[i]), E_INVAL);
        assert_int_equal(file_rmdir_at(top, bad[i]), E_INVAL);
        assert_int_equal(file_rename_at(top, bad[i], top, "y"), E_INVAL);
        assert_int_equal(file_rename_at(top, "y", top, bad[i]), E_INVAL);
        assert_int_equal(file_link_at(top, "y", top, bad[i]), E_INVAL);
        assert_int_equal(file_stat_at(top, bad[i], &st), is_dot ? OK : E_INVAL);
        if (!is_dot) {
            assert_int_equal(file_open_at(top, bad[i], VFS_READ, &f), E_INVAL);
        }
    }
    assert_int_equal(file_open_at(top, longer, VFS_WRITE | VFS_CREATE, &f), E_NAMETOOLONG);
    assert_int_equal(file_mkdir_at(top, longer), E_NAMETOOLONG);
    longer[VFS_NAME_MAX] = '\0';
    assert_int_equal(file_mkdir_at(top, longer), OK);
    assert_int_equal(file_rmdir_at(top, longer), OK);
}

static void test_only_a_directory_has_names(void **state)
{
    (void)state;
    struct file_stat st;
    struct file *f;
    make(top, "f", "x");
    struct file *file = open_in(top, "f", VFS_READ | VFS_WRITE);
    assert_int_equal(file_open_at(file, "a", VFS_READ, &f), E_NOTDIR);
    assert_int_equal(file_open_at(file, ".", VFS_READ, &f), E_NOTDIR);
    assert_int_equal(file_stat_at(file, "a", &st), E_NOTDIR);
    assert_int_equal(file_mkdir_at(file, "a"), E_NOTDIR);
    assert_int_equal(file_unlink_at(file, "a"), E_NOTDIR);
    assert_int_equal(file_rename_at(top, "f", file, "a"), E_NOTDIR);
    assert_int_equal(file_link_at(top, "f", file, "a"), E_NOTDIR);
    file_close(file);
    assert_int_equal(file_unlink_at(top, "f"), OK);
}

static void test_open_flags(void **state)
{
    (void)state;
    struct file *f;
    make(top, "f", "text");
    struct file *d = make_dir(top, "d");
    assert_int_equal(file_symlink_at("f", top, "l"), OK);
    assert_int_equal(file_open_at(top, "no", VFS_READ, &f), E_NOENT);
    assert_int_equal(file_open_at(top, "f", VFS_READ | VFS_DIRECTORY, &f), E_NOTDIR);
    assert_int_equal(file_open_at(top, "d", VFS_WRITE, &f), E_ISDIR);
    assert_int_equal(file_open_at(top, ".", VFS_WRITE, &f), E_ISDIR);
    assert_int_equal(file_open_at(top, "l", VFS_READ, &f), E_LOOP);
    assert_int_equal(file_open_at(top, "l", VFS_WRITE | VFS_CREATE, &f), E_LOOP);
    assert_int_equal(file_open_at(top, "l", VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &f), E_EXIST);
    assert_int_equal(file_open_at(top, "f", VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &f), E_EXIST);
    assert_int_equal(file_open_at(top, "no", VFS_CREATE | VFS_DIRECTORY, &f), E_ISDIR);
    file_close(open_in(top, "f", VFS_WRITE | VFS_CREATE));
    expect_text(top, "f", "text");
    file_close(open_in(top, "f", VFS_WRITE | VFS_TRUNCATE));
    expect_text(top, "f", "");
    assert_int_equal(file_unlink_at(top, "l"), OK);
    assert_int_equal(file_unlink_at(top, "f"), OK);
    file_close(d);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
}

static void test_links_count_names(void **state)
{
    (void)state;
    make(top, "a", "text");
    struct file *d = make_dir(top, "d");
    assert_int_equal(look(top, "a").links, 1);
    assert_int_equal(file_link_at(top, "a", d, "b"), OK);
    assert_int_equal(file_link_at(top, "a", top, "a"), E_EXIST);
    assert_int_equal(file_link_at(top, "no", top, "c"), E_NOENT);
    assert_int_equal(file_link_at(top, "d", top, "c"), E_PERM);
    struct file_stat one = look(top, "a");
    struct file_stat two = look(d, "b");
    assert_int_equal(one.inode, two.inode);
    assert_int_equal(one.device, two.device);
    assert_int_equal(two.links, 2);
    assert_int_equal(file_unlink_at(top, "a"), OK);
    expect_text(d, "b", "text");
    assert_int_equal(look(d, "b").links, 1);

    struct file *open = open_in(d, "b", VFS_READ);
    struct file_stat st;
    assert_int_equal(file_unlink_at(d, "b"), OK);
    assert_int_equal(file_stat(open, &st), OK);
    assert_int_equal(st.links, 0);
    file_close(open);
    file_close(d);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
}

static void test_symbolic_links_are_text(void **state)
{
    (void)state;
    char text[VFS_PATH_MAX + 1];
    char buf[VFS_PATH_MAX];
    assert_int_equal(file_symlink_at("", top, "l"), E_INVAL);
    memset(text, 't', VFS_PATH_MAX);
    text[VFS_PATH_MAX] = '\0';
    assert_int_equal(file_symlink_at(text, top, "l"), E_NAMETOOLONG);
    assert_int_equal(file_symlink_at("../etc", top, "l"), OK);
    assert_int_equal(file_symlink_at("x", top, "l"), E_EXIST);
    assert_int_equal(file_read_link_at(top, "l", buf, sizeof(buf)), OK);
    assert_string_equal(buf, "../etc");
    assert_int_equal(file_read_link_at(top, "l", buf, 6), E_NAMETOOLONG);
    assert_int_equal(file_read_link_at(top, "no", buf, sizeof(buf)), E_NOENT);
    assert_int_equal(file_read_link_at(top, ".", buf, sizeof(buf)), E_INVAL);
    assert_int_equal(look(top, "l").type, FILE_SYMLINK);
    assert_int_equal(look(top, "l").size, 6);
    assert_int_equal(file_link_at(top, "l", top, "m"), OK); /* the link, not its target */
    assert_int_equal(look(top, "m").inode, look(top, "l").inode);
    assert_int_equal(file_unlink_at(top, "l"), OK);
    assert_int_equal(file_read_link_at(top, "m", buf, sizeof(buf)), OK);
    assert_int_equal(file_unlink_at(top, "m"), OK);
}

static void test_rename_replaces_only_the_same_kind(void **state)
{
    (void)state;
    make(top, "a", "A");
    make(top, "b", "B");
    struct file *d = make_dir(top, "d");
    struct file *e = make_dir(top, "e");
    assert_int_equal(file_rename_at(top, "no", top, "x"), E_NOENT);
    assert_int_equal(file_rename_at(top, "a", top, "b"), OK);
    expect_missing(top, "a");
    expect_text(top, "b", "A");
    assert_int_equal(file_rename_at(top, "b", top, "b"), OK);
    assert_int_equal(file_rename_at(top, "b", top, "d"), E_ISDIR);
    assert_int_equal(file_rename_at(top, "d", top, "b"), E_NOTDIR);
    assert_int_equal(file_rename_at(top, "b", d, "in"), OK);
    expect_text(d, "in", "A");
    assert_int_equal(file_rename_at(top, "e", top, "d"), E_NOTEMPTY);
    uint64_t inode = look(top, "d").inode;
    assert_int_equal(file_rename_at(top, "d", top, "e"), OK);
    assert_int_equal(look(top, "e").inode, inode);
    expect_missing(top, "d");

    /* `e` was replaced: for an open file it is a removed directory. */
    struct file *f;
    assert_int_equal(file_open_at(e, "new", VFS_WRITE | VFS_CREATE, &f), E_NOENT);
    assert_int_equal(file_mkdir_at(e, "new"), E_NOENT);
    assert_int_equal(file_rename_at(d, "in", e, "new"), E_NOENT);
    expect_text(d, "in", "A");
    file_close(e);

    assert_int_equal(file_link_at(d, "in", top, "same"), OK);
    /* two names of one file: both stay */
    assert_int_equal(file_rename_at(d, "in", top, "same"), OK);
    expect_text(d, "in", "A");
    assert_int_equal(file_unlink_at(top, "same"), OK);
    assert_int_equal(file_unlink_at(d, "in"), OK);
    file_close(d);
    assert_int_equal(file_rmdir_at(top, "e"), OK);
}

/* Fill it with files named 0, 1 and so on. @return their number. */
static int fill(struct file *dir)
{
    enum status s = OK;
    char name[16];
    int made = 0;
    for (; s == OK; made++) {
        struct file *f;
        snprintf(name, sizeof(name), "%d", made);
        s = file_open_at(dir, name, VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &f);
        if (s == OK) {
            file_close(f);
        }
    }
    assert_int_equal(s, E_NOSPC);
    return made - 1;
}

#define NAMES 600

static void make_names(int first, int end)
{
    char name[16];
    for (int i = first; i < end; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(file_link_at(top, "f", top, name), OK);
    }
}

static void expect_names(int end)
{
    char name[16];
    uint64_t inode = look(top, "f").inode;
    for (int i = 0; i < end; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(look(top, name).inode, inode);
    }
}

/* Names are found through a table of about their number: a heap block once there are many. */
static void test_many_names_have_a_larger_table(void **state)
{
    (void)state;
    struct vfs_mount_info before, after;
    char name[16];
    size_t live = env_live_objects();
    assert_true(vfs_get_mount(0, &before));
    make(top, "f", "");
    make_names(0, 200);
    assert_int_equal(env_live_objects(), live + 2 + 200);
    make_names(200, 300);
    assert_int_equal(env_live_objects(), live + 2 + 300 + 1);
    make_names(300, NAMES);
    assert_int_equal(env_live_objects(), live + 2 + NAMES + 1);
    expect_names(NAMES);
    assert_true(vfs_get_mount(0, &after));
    assert_true(before.free_bytes - after.free_bytes >= 1024 * sizeof(void *) * 2); /* it counts */
    for (int i = NAMES - 1; i >= 0; i--) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(file_unlink_at(top, name), OK);
        if (i % 50 == 0) {
            expect_names(i);
        }
    }
    assert_int_equal(file_unlink_at(top, "f"), OK);
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
    assert_int_equal(env_live_objects(), live);
}

/* Without memory for a larger table all names are still found, and the next name tries again. */
static void test_names_need_no_larger_table(void **state)
{
    (void)state;
    char name[16];
    size_t live = env_live_objects();
    make(top, "f", "");
    for (int i = 0; i < 300; i++) {
        env_allocations_left = 1; /* enough for the name itself */
        make_names(i, i + 1);
    }
    env_allocations_left = -1;
    assert_int_equal(env_live_objects(), live + 2 + 300);
    expect_names(300);
    make_names(300, 301);
    assert_int_equal(env_live_objects(), live + 2 + 301 + 1);
    expect_names(301);
    for (int i = 0; i < 301; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(file_unlink_at(top, name), OK);
    }
    assert_int_equal(file_unlink_at(top, "f"), OK);
    assert_int_equal(env_live_objects(), live);
}

static void test_renaming_allocates_nothing(void **state)
{
    (void)state;
    struct vfs_mount_info before, after;
    struct file *d;
    char name[16];
    assert_true(vfs_get_mount(0, &before));
    assert_int_equal(file_mkdir_at(top, "d"), OK);
    assert_int_equal(file_mkdir_at(top, "e"), OK);
    make(top, "from", "what was from");
    make(top, "to", "what was to");
    d = open_in(top, "d", VFS_READ | VFS_DIRECTORY);
    assert_int_equal(file_mkdir_at(d, "e"), OK);
    int made = fill(top);
    uint64_t from = look(top, "from").inode, e = look(top, "e").inode;
    assert_int_equal(file_rename_at(top, "from", top, "to"), OK);
    assert_int_equal(file_rename_at(top, "e", d, "e"), OK); /* directories, with another parent */
    expect_missing(top, "from");
    expect_missing(top, "e");
    expect_text(top, "to", "what was from");
    assert_int_equal(look(top, "to").inode, from);
    assert_int_equal(look(top, "to").links, 1);
    assert_int_equal(look(d, "e").inode, e);
    assert_int_equal(look(d, "e").links, 2);
    assert_int_equal(look(d, ".").links, 3);
    assert_int_equal(look(top, ".").links, 3);
    made += fill(d); /* the memory of the names is available again */
    /* a shorter name needs none either */
    assert_int_equal(file_rename_at(top, "to", top, "x"), OK);
    assert_int_equal(file_rename_at(top, "x", top, "longer"), E_NOSPC);
    expect_text(top, "x", "what was from");
    for (int i = 0; i < made; i++) {
        snprintf(name, sizeof(name), "%d", i);
        (void)!file_unlink_at(top, name);
        (void)!file_unlink_at(d, name);
    }
    assert_int_equal(file_rmdir_at(d, "e"), OK);
    file_close(d);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
    assert_int_equal(file_unlink_at(top, "x"), OK);
    assert_true(vfs_get_mount(0, &after));
    assert_int_equal(after.free_bytes, before.free_bytes);
}

static void test_a_directory_never_moves_into_itself(void **state)
{
    (void)state;
    struct file *a = make_dir(top, "a");
    struct file *b = make_dir(a, "b");
    struct file *c = make_dir(b, "c");
    assert_int_equal(look(top, "a").links, 3);
    assert_int_equal(file_rename_at(top, "a", a, "x"), E_INVAL);
    assert_int_equal(file_rename_at(top, "a", c, "x"), E_INVAL);
    assert_int_equal(file_rename_at(a, "b", b, "b"), E_INVAL);
    assert_int_equal(file_rename_at(b, "c", top, "a"), E_NOTEMPTY);
    assert_int_equal(file_rename_at(b, "c", top, "c"), OK);
    assert_int_equal(look(a, "b").links, 2);
    assert_int_equal(look(top, "c").links, 2);
    assert_int_equal(file_rename_at(top, "a", c, "a"), OK); /* c is an ancestor of a now */
    assert_int_equal(file_rename_at(top, "c", b, "c"), E_INVAL);
    assert_int_equal(file_rmdir_at(a, "b"), OK);
    assert_int_equal(file_rmdir_at(c, "a"), OK);
    assert_int_equal(file_rmdir_at(top, "c"), OK);
    file_close(a);
    file_close(b);
    file_close(c);
}

static void test_an_open_directory_stays_the_same_one(void **state)
{
    (void)state;
    struct file *d = make_dir(top, "d");
    make(d, "f", "mine");
    assert_int_equal(file_rename_at(top, "d", top, "moved"), OK);
    struct file *other = make_dir(top, "d");
    make(other, "f", "theirs");
    expect_text(d, "f", "mine");
    struct file *again = open_in(d, ".", VFS_READ);
    expect_text(again, "f", "mine");
    file_close(again);
    assert_int_equal(file_unlink_at(d, "f"), OK);
    assert_int_equal(file_unlink_at(other, "f"), OK);
    file_close(d);
    file_close(other);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
    assert_int_equal(file_rmdir_at(top, "moved"), OK);
}

static void test_removing_reports_the_right_error(void **state)
{
    (void)state;
    make(top, "f", "");
    struct file *d = make_dir(top, "d");
    make(d, "in", "");
    assert_int_equal(file_unlink_at(top, "no"), E_NOENT);
    assert_int_equal(file_rmdir_at(top, "no"), E_NOENT);
    assert_int_equal(file_unlink_at(top, "d"), E_ISDIR);
    assert_int_equal(file_rmdir_at(top, "f"), E_NOTDIR);
    assert_int_equal(file_rmdir_at(top, "d"), E_NOTEMPTY);
    assert_int_equal(file_unlink_at(d, "in"), OK);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
    assert_int_equal(file_unlink_at(top, "f"), OK);
    expect_missing(d, "in");
    file_close(d);
}

static void test_mount_points_are_crossed_and_stay(void **state)
{
    (void)state;
    struct file *root;
    struct file *f;
    assert_int_equal(vfs_open(NULL, "/", VFS_READ, &root), OK);
    make(top, "f", "in tmp");
    struct file *tmp = open_in(root, "tmp", VFS_READ);
    expect_text(tmp, "f", "in tmp");
    assert_int_not_equal(look(root, "tmp").device, look(root, ".").device);
    assert_int_equal(look(root, "tmp").device, look(tmp, "f").device);
    assert_int_equal(file_rmdir_at(root, "tmp"), E_BUSY);
    assert_int_equal(file_rename_at(root, "tmp", root, "x"), E_BUSY);
    assert_int_equal(file_mkdir_at(root, "tmp"), E_EXIST);
    assert_int_equal(file_symlink_at("x", root, "tmp"), E_EXIST);
    assert_int_equal(file_open_at(root, "tmp", VFS_CREATE | VFS_EXCLUSIVE, &f), E_EXIST);
    assert_int_equal(file_link_at(tmp, "f", root, "f"), E_XDEV);
    assert_int_equal(file_rename_at(tmp, "f", root, "f"), E_XDEV);
    assert_int_equal(file_unlink_at(tmp, "f"), OK);
    file_close(tmp);
    file_close(root);
}

static void test_a_directory_above_a_mount_point_stays(void **state)
{
    (void)state;
    static const char archive[] = /* an empty archive */
        "0707010000000000000000000000000000000000000001000000000000000000000000000000000000000000000000"
        "0000000B00000000TRAILER!!!\0\0\0";
    struct file *d = make_dir(top, "d");
    assert_int_equal(file_mkdir_at(d, "e"), OK);
    assert_int_equal(vfs_mount_memory(archive, sizeof(archive) - 1, "/tmp/d/e"), OK);
    assert_int_equal(file_rename_at(top, "d", top, "x"), E_BUSY);
    assert_int_equal(file_mkdir_at(d, "e"), E_EXIST);
    struct file *e = open_in(d, "e", VFS_READ);
    assert_int_equal(file_mkdir_at(e, "x"), E_ROFS);
    assert_int_equal(file_symlink_at("x", e, "x"), E_ROFS);
    assert_int_equal(file_unlink_at(e, "x"), E_ROFS);
    assert_int_equal(file_rename_at(e, "x", e, "y"), E_ROFS);
    assert_int_equal(file_link_at(e, "x", e, "y"), E_ROFS);
    struct file_times times = {.set_modified = true, .modified_ns = 1};
    assert_int_equal(file_set_times(e, &times), E_ROFS);
    assert_int_equal(file_set_times_at(e, ".", &times), E_ROFS);
    file_close(e);
    assert_int_equal(vfs_unmount("/tmp/d/e"), OK);
    assert_int_equal(file_rmdir_at(d, "e"), OK);
    file_close(d);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
}

static void test_sizes(void **state)
{
    (void)state;
    char buf[16];
    size_t n;
    struct file_stat st;
    make(top, "f", "0123456789");
    struct file *f = open_in(top, "f", VFS_READ | VFS_WRITE);
    struct file *reader = open_in(top, "f", VFS_READ);
    assert_int_equal(file_set_size(reader, 0), E_PERM);
    assert_int_equal(file_allocate(reader, 0, 1), E_PERM);
    assert_int_equal(file_set_size(top, 0), E_ISDIR);
    assert_int_equal(file_allocate(top, 0, 1), E_ISDIR);
    assert_int_equal(file_set_size(f, 4), OK);
    assert_int_equal(file_set_size(f, 8), OK);
    assert_int_equal(file_read_at(f, 0, buf, 16, &n), OK);
    assert_int_equal(n, 8);
    assert_memory_equal(buf, "0123\0\0\0\0", 8);
    assert_int_equal(file_set_size(f, UINT64_MAX), E_OVERFLOW);
    assert_int_equal(file_set_size(f, INT64_MAX), OK);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.size, INT64_MAX);
    assert_int_equal(st.blocks_512, 8);
    assert_int_equal(file_set_size(f, 5000), OK);
    assert_int_equal(file_write_at(f, 4999, "z", 1, &n), OK);
    assert_int_equal(file_set_size(f, 4096), OK);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.blocks_512, 8);

    assert_int_equal(file_set_size(f, 0), OK);
    assert_int_equal(file_allocate(f, 100, 0), OK);
    assert_int_equal(file_allocate(f, 4000, 200), OK);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.size, 4200);
    assert_int_equal(st.blocks_512, 16);
    assert_int_equal(file_allocate(f, 0, 10), OK);
    assert_int_equal(file_allocate(f, UINT64_MAX, 2), E_OVERFLOW);
    assert_int_equal(file_allocate(f, INT64_MAX, 1), E_OVERFLOW);
    assert_int_equal(file_allocate(f, 0, INT64_MAX), E_NOSPC);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.size, 4200);
    assert_int_equal(st.blocks_512, 16);
    file_close(f);
    file_close(reader);
    assert_int_equal(file_unlink_at(top, "f"), OK);
}

static void test_writes_at_an_offset_and_to_the_end(void **state)
{
    (void)state;
    size_t n;
    uint64_t at;
    make(top, "f", "0123");
    struct file *f = open_in(top, "f", VFS_READ | VFS_WRITE | VFS_APPEND);
    assert_int_equal(file_write(f, "45", 2, &n), OK);
    assert_int_equal(file_write_at(f, 1, "x", 1, &n), OK);
    assert_int_equal(file_seek(f, 0, 1, &at), OK);
    assert_int_equal(at, 6); /* a write at an offset does not move the position */
    file_set_append(f, false);
    assert_int_equal(file_seek(f, 0, 0, &at), OK);
    assert_int_equal(file_write(f, "y", 1, &n), OK);
    file_set_append(f, true);
    assert_int_equal(file_write(f, "6", 1, &n), OK);
    expect_text(top, "f", "yx23456");
    assert_int_equal(file_write_at(f, UINT64_MAX, "x", 1, &n), E_OVERFLOW);
    file_close(f);
    assert_int_equal(file_unlink_at(top, "f"), OK);
}

static void test_times(void **state)
{
    (void)state;
    make(top, "f", "");
    assert_int_equal(file_symlink_at("f", top, "l"), OK);
    struct file *f = open_in(top, "f", VFS_READ);
    struct file_times both = {true, true, 123456789, 987654321};
    assert_int_equal(file_set_times(f, &both), OK);
    struct file_stat st = look(top, "f");
    assert_int_equal(st.accessed_ns, 123456789);
    assert_int_equal(st.modified_ns, 987654321);
    assert_int_equal(st.changed_ns, 1000 * NS_PER_S);
    struct file_times one = {.set_modified = true, .modified_ns = 5};
    assert_int_equal(file_set_times_at(top, "l", &one), OK);
    assert_int_equal(look(top, "l").modified_ns, 5);
    assert_int_equal(look(top, "l").accessed_ns, 1000 * NS_PER_S);
    assert_int_equal(look(top, "f").modified_ns, 987654321); /* links are not followed */
    file_close(f);
    assert_int_equal(file_unlink_at(top, "f"), OK);
    assert_int_equal(file_unlink_at(top, "l"), OK);
}

static void test_cookies_outlive_changes(void **state)
{
    (void)state;
    struct dir_entry e;
    uint64_t seen[8];
    uint64_t cookie = 0;
    struct file *d = make_dir(top, "d");
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        make(d, names[i], "");
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(file_read_dir_at(d, &cookie, &e), OK);
        assert_string_equal(e.name, names[i]);
        seen[i] = cookie;
    }
    assert_int_equal(file_read_dir_at(d, &cookie, &e), E_NOENT);
    assert_int_equal(cookie, seen[3]);
    assert_int_equal(file_unlink_at(d, "b"), OK);
    assert_int_equal(file_unlink_at(d, "c"), OK);
    make(d, "e", "");
    cookie = seen[1]; /* after an entry that was removed */
    assert_int_equal(file_read_dir_at(d, &cookie, &e), OK);
    assert_string_equal(e.name, "d");
    assert_int_equal(file_read_dir_at(d, &cookie, &e), OK);
    assert_string_equal(e.name, "e");
    cookie = seen[0];
    assert_int_equal(file_read_dir_at(d, &cookie, &e), OK);
    assert_string_equal(e.name, "d");
    assert_int_equal(file_read_dir(d, &e), OK); /* which keeps its own position */
    assert_string_equal(e.name, "a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(file_unlink_at(d, (const char *[]){"a", "d", "e"}[i]), OK);
    }
    file_close(d);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
}

/* Two listings and a removal interfere: a listing continues at its cached
 * position only while that is valid. */
static void test_listings_share_a_directory(void **state)
{
    (void)state;
    struct dir_entry e;
    struct file *d = make_dir(top, "d");
    char name[8];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "n%02d", i);
        make(d, name, "");
    }
    uint64_t slow = 0;
    for (int i = 0; i < 10; i++) {
        uint64_t fast = 0;
        int count = 0;
        while (file_read_dir_at(d, &fast, &e) == OK) {
            count++;
        }
        assert_int_equal(count, 50 - i);
        assert_int_equal(file_read_dir_at(d, &slow, &e), OK);
        snprintf(name, sizeof(name), "n%02d", i * 2 + 1);
        assert_int_equal(file_unlink_at(d, name), OK); /* the next entry */
        snprintf(name, sizeof(name), "n%02d", i * 2);
        assert_string_equal(e.name, name);
    }
    while (file_read_dir(d, &e) == OK) {
        assert_int_equal(file_unlink_at(d, e.name), OK); /* the entry where the listing is */
    }
    file_close(d);
    assert_int_equal(file_rmdir_at(top, "d"), OK);
}

static void test_the_console_has_no_names(void **state)
{
    (void)state;
    struct file *console = file_console(false);
    struct file *f;
    assert_int_equal(file_open_at(console, "a", VFS_READ, &f), E_NOTDIR);
    assert_int_equal(file_set_size(console, 1), E_INVAL);
    assert_int_equal(file_allocate(console, 0, 1), E_INVAL);
    assert_int_equal(file_wait_readable(console, 0), OK);
    file_close(console);
}

static enum status open_new_file(void)
{
    struct file *f;
    enum status s = file_open_at(top, "new", VFS_WRITE | VFS_CREATE, &f);
    if (s == OK) {
        file_close(f);
    }
    return s;
}

/* Every call that allocates, with each allocation failing: it returns the
 * error, and nothing has changed. */
static enum status do_step(int step)
{
    switch (step) {
    case 0:
        return file_mkdir_at(top, "new");
    case 1:
        return file_symlink_at("target", top, "new");
    case 2:
        return file_link_at(top, "f", top, "new");
    case 3:
        return open_new_file();
    default:
        return file_rename_at(top, "f", top, "new");
    }
}

static void test_no_memory_changes_nothing(void **state)
{
    (void)state;
    make(top, "f", "");
    for (int step = 0; step < 5; step++) {
        enum status s = E_NOMEM;
        size_t live = env_live_objects();
        for (int n = 0; s != OK; n++) {
            env_allocations_left = n;
            s = do_step(step);
            env_allocations_left = -1;
            assert_true(s == OK || s == E_NOMEM);
            if (s != OK) {
                assert_int_equal(env_live_objects(), live);
                expect_missing(top, "new");
            }
            assert_true(n < 10);
        }
        if (step == 4) {
            assert_int_equal(file_rename_at(top, "new", top, "f"), OK);
        } else {
            assert_int_equal(vfs_unlink(NULL, "/tmp/new"), OK);
        }
        assert_int_equal(env_live_objects(), live);
    }
    assert_int_equal(file_unlink_at(top, "f"), OK);
}

#define WITH_TOP(test) cmocka_unit_test_setup_teardown(test, open_top, close_top)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOP(test_a_name_is_one_component),
        WITH_TOP(test_only_a_directory_has_names),
        WITH_TOP(test_open_flags),
        WITH_TOP(test_links_count_names),
        WITH_TOP(test_symbolic_links_are_text),
        WITH_TOP(test_rename_replaces_only_the_same_kind),
        WITH_TOP(test_many_names_have_a_larger_table),
        WITH_TOP(test_names_need_no_larger_table),
        WITH_TOP(test_renaming_allocates_nothing),
        WITH_TOP(test_a_directory_never_moves_into_itself),
        WITH_TOP(test_an_open_directory_stays_the_same_one),
        WITH_TOP(test_removing_reports_the_right_error),
        WITH_TOP(test_mount_points_are_crossed_and_stay),
        WITH_TOP(test_a_directory_above_a_mount_point_stays),
        WITH_TOP(test_sizes),
        WITH_TOP(test_writes_at_an_offset_and_to_the_end),
        WITH_TOP(test_times),
        WITH_TOP(test_cookies_outlive_changes),
        WITH_TOP(test_listings_share_a_directory),
        WITH_TOP(test_the_console_has_no_names),
        WITH_TOP(test_no_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, setup_once, NULL);
}
