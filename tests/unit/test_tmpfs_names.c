// SPDX-License-Identifier: MIT
//
// Names of the memory file system are kept once they were looked up: walks find them without its
// lock, and they follow all changes.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fs/paths.h"

static int setup_once(void **state)
{
    (void)state;
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

static enum status look(const char *path)
{
    struct file_stat st;
    return vfs_stat(NULL, path, false, &st);
}

/* A walk along kept names allocates nothing. E_NOMEM: they do not suffice. */
static enum status look_kept(const char *path)
{
    env_allocations_left = 0;
    enum status s = look(path);
    env_allocations_left = -1;
    return s;
}

/* Twice: from the tree, and as it is kept then. */
static void expect(const char *path, enum status want)
{
    assert_int_equal(look(path), want);
    assert_int_equal(look_kept(path), want);
    assert_int_equal(look(path), want);
}

static void make(const char *path)
{
    struct file *f;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE | VFS_CREATE | VFS_EXCLUSIVE, &f), OK);
    file_close(f);
}

static void test_kept_names_follow_changes(void **state)
{
    (void)state;
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d"), OK);
    expect("/tmp/d/a", E_NOENT);
    make("/tmp/d/a");
    expect("/tmp/d/a", OK);
    expect("/tmp/d/b", E_NOENT);
    assert_int_equal(rename_in("/tmp/d", "a", "b"), OK);
    expect("/tmp/d/a", E_NOENT);
    expect("/tmp/d/b", OK);
    make("/tmp/d/c");
    expect("/tmp/d/c", OK);
    uint64_t moved = inode_of("/tmp/d/c");
    assert_int_equal(rename_in("/tmp/d", "c", "b"), OK); /* replaces a file whose name is kept */
    expect("/tmp/d/c", E_NOENT);
    assert_int_equal(inode_of("/tmp/d/b"), moved);
    assert_int_equal(rename_in("/tmp", "d", "e"), OK);
    expect("/tmp/d/b", E_NOENT);
    expect("/tmp/e/b", OK);
    assert_int_equal(rename_in("/tmp", "e", "d"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/b"), OK);
    expect("/tmp/d/b", E_NOENT);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d"), OK);
    expect("/tmp/d", E_NOENT);
    assert_int_equal(vfs_mkdir(NULL, "/tmp/d"), OK); /* another one, about which nothing is kept */
    make("/tmp/d/b");
    expect("/tmp/d/b", OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d/b"), OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/d"), OK);
}

static void test_each_of_two_names_is_kept(void **state)
{
    (void)state;
    struct file *d;
    make("/tmp/one");
    expect("/tmp/two", E_NOENT);
    assert_int_equal(vfs_open(NULL, "/tmp", VFS_READ | VFS_DIRECTORY, &d), OK);
    assert_int_equal(file_link_at(d, "one", d, "two"), OK);
    file_close(d);
    expect("/tmp/one", OK);
    expect("/tmp/two", OK);
    assert_int_equal(inode_of("/tmp/one"), inode_of("/tmp/two"));
    assert_int_equal(vfs_unlink(NULL, "/tmp/one"), OK);
    expect("/tmp/one", E_NOENT);
    expect("/tmp/two", OK);
    assert_int_equal(vfs_unlink(NULL, "/tmp/two"), OK);
    expect("/tmp/two", E_NOENT);
}

/* A removed file is freed although its name was kept, and the names when memory is short. */
static void test_kept_names_keep_no_memory(void **state)
{
    (void)state;
    env_reclaim();
    size_t before = env_live_objects();
    make("/tmp/file");
    expect("/tmp/file", OK);
    assert_true(env_live_objects() > before);
    assert_int_equal(vfs_unlink(NULL, "/tmp/file"), OK);
    env_reclaim();
    assert_int_equal(env_live_objects(), before);
    make("/tmp/file");
    expect("/tmp/file", OK);
    env_reclaim();
    assert_int_equal(look_kept("/tmp/file"), E_NOMEM);
    expect("/tmp/file", OK); /* only the name was forgotten */
    assert_int_equal(vfs_unlink(NULL, "/tmp/file"), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_names_follow_changes),
        cmocka_unit_test(test_each_of_two_names_is_kept),
        cmocka_unit_test(test_kept_names_keep_no_memory),
    };
    return cmocka_run_group_tests(tests, setup_once, NULL);
}
