// SPDX-License-Identifier: MIT
//
// Paths below an open directory whose names are all kept: file_open_kept() and file_stat_kept(),
// over the memory file system. A name is kept when it has been looked up.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct file *top; /* /tmp, open */

static int setup_once(void **state)
{
    (void)state;
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

/* /tmp/k/d/f, and /tmp/l, a link to k. */
static int make_tree(void **state)
{
    (void)state;
    struct file *f;
    assert_int_equal(vfs_open(NULL, "/tmp", VFS_READ | VFS_DIRECTORY, &top), OK);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/k"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/k/d"), OK);
    assert_int_equal(file_symlink_at("k", top, "l"), OK);
    assert_int_equal(vfs_open(NULL, "/tmp/k/d/f", VFS_WRITE | VFS_CREATE, &f), OK);
    file_close(f);
    return 0;
}

static struct file *open_directory(const char *path)
{
    struct file *f;
    assert_int_equal(vfs_open(NULL, path, VFS_READ | VFS_DIRECTORY, &f), OK);
    return f;
}

/* Look a path up, which keeps its names. @return its inode */
static uint64_t keep(const char *path, bool follow)
{
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, path, follow, &st), OK);
    return st.inode;
}

static enum status look(struct file *dir, const char *path, uint64_t *inode)
{
    struct file_stat st;
    enum status s = file_stat_kept(dir, path, true, &st);
    *inode = s == OK ? st.inode : 0;
    return s;
}

static void expect_unknown(struct file *dir, const char *path)
{
    uint64_t inode;
    struct file *f;
    assert_int_equal(look(dir, path, &inode), E_NOTSUP);
    assert_int_equal(file_open_kept(dir, path, VFS_READ, true, &f), E_NOTSUP);
}

static void test_kept_names_are_found(void **state)
{
    (void)state;
    uint64_t inode;
    struct file *f;
    struct file *k = open_directory("/tmp/k");
    uint64_t right = keep("/tmp/k/d/f", true);
    assert_int_equal(look(top, "k/d/f", &inode), OK);
    assert_int_equal(inode, right);
    assert_int_equal(look(k, "d/f", &inode), OK);
    assert_int_equal(inode, right);
    assert_int_equal(look(top, "k", &inode), OK);
    assert_int_equal(file_open_kept(top, "k/d/f", VFS_READ | VFS_CREATE, true, &f), OK);
    file_close(f);
    assert_int_equal(file_open_kept(top, "k/d/f", VFS_READ | VFS_DIRECTORY, true, &f), E_NOTDIR);
    assert_int_equal(file_open_kept(top, "k/d", VFS_WRITE, true, &f), E_ISDIR);
    file_close(k);
}

static void test_other_paths_are_not_known(void **state)
{
    (void)state;
    static const char *const others[] = {"",     "/",    "/k",      ".",        "..",      "k/",
                                         "k//d", "./k",  "k/./d",   "k/../k",   "k/d/.",   "k/d/..",
                                         "k/d/", "/k/d", "k/d/f/",  "l/d",      "k/d/f/x", "../tmp",
                                         "l",    "l/",   "k/d/new", "k/d/../.."};
    (void)keep("/tmp/k/d/f", true);
    (void)keep("/tmp/l", false);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_unknown(top, others[i]);
    }
}

static void test_a_link_at_the_end_is_not_followed(void **state)
{
    (void)state;
    struct file_stat st;
    struct file *f;
    (void)keep("/tmp/l", false);
    assert_int_equal(file_stat_kept(top, "l", false, &st), OK);
    assert_int_equal(st.type, FILE_SYMLINK);
    assert_int_equal(file_open_kept(top, "l", VFS_READ, false, &f), E_LOOP);
}

static void test_a_name_is_kept_as_missing(void **state)
{
    (void)state;
    struct file_stat st;
    uint64_t inode;
    struct file *f;
    (void)keep("/tmp/k/d", true);
    assert_int_equal(vfs_stat(NULL, "/tmp/k/d/none", true, &st), E_NOENT);
    assert_int_equal(look(top, "k/d/none", &inode), E_NOENT);
    assert_int_equal(file_open_kept(top, "k/d/none", VFS_READ, true, &f), E_NOENT);
    assert_int_equal(file_open_kept(top, "k/d/none", VFS_WRITE | VFS_CREATE, true, &f), E_NOTSUP);
}

static void test_names_that_change_are_not_found(void **state)
{
    (void)state;
    uint64_t inode;
    struct file *k = open_directory("/tmp/k");
    (void)keep("/tmp/k/d/f", true);
    assert_int_equal(file_rename_at(top, "k", top, "m"), OK);
    assert_int_not_equal(look(top, "k/d/f", &inode), OK);
    assert_int_equal(look(k, "d/f", &inode), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/m/d/f"), OK);
    assert_int_not_equal(look(k, "d/f", &inode), OK);
    assert_int_equal(file_rmdir_at(k, "d"), OK);
    assert_int_not_equal(look(k, "d", &inode), OK);
    file_close(k);
}

/* A directory that is opened so knows its path, by which mount points below it are found. */
static void test_mount_points_are_crossed(void **state)
{
    (void)state;
    static const char archive[] = /* an empty archive */
        "0707010000000000000000000000000000000000000001000000000000000000000000000000000000000000000000"
        "0000000B00000000TRAILER!!!\0\0\0";
    struct file *tmp, *f;
    struct file_stat st, mine;
    struct file *root = open_directory("/");
    uint64_t k = keep("/tmp/k", true), inode;
    (void)keep("/tmp/k/d/f", true);
    assert_int_equal(file_stat(top, &mine), OK);
    assert_int_equal(look(root, "tmp/k", &inode), OK);
    assert_int_equal(inode, k);
    assert_int_equal(file_open_kept(root, "tmp", VFS_READ, true, &tmp), OK);
    assert_int_equal(vfs_mount_memory(archive, sizeof(archive) - 1, "/tmp/k"), OK);
    assert_int_not_equal(file_open_kept(root, "tmp/k/d/f", VFS_READ, true, &f), OK);
    assert_int_equal(file_stat_kept(root, "tmp/k", true, &st), OK);
    assert_int_not_equal(st.device, mine.device);
    assert_int_equal(file_stat_kept(tmp, "k", true, &st), OK);
    assert_int_not_equal(st.device, mine.device);
    assert_int_equal(vfs_unmount("/tmp/k"), OK);
    file_close(tmp);
    file_close(root);
}

/* A test may have removed some, or renamed k to m. */
static int remove_tree(void **state)
{
    (void)state;
    static const char *const paths[] = {"/tmp/k/d/f", "/tmp/k/d", "/tmp/k",
                                        "/tmp/m/d",   "/tmp/m",   "/tmp/l"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        (void)!vfs_unlink(NULL, paths[i]);
    }
    file_close(top);
    return 0;
}

#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TREE(test_kept_names_are_found),
        IN_TREE(test_other_paths_are_not_known),
        IN_TREE(test_a_link_at_the_end_is_not_followed),
        IN_TREE(test_a_name_is_kept_as_missing),
        IN_TREE(test_names_that_change_are_not_found),
        IN_TREE(test_mount_points_are_crossed),
    };
    return cmocka_run_group_tests(tests, setup_once, NULL);
}
