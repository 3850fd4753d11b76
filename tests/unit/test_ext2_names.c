// SPDX-License-Identifier: MIT
//
// Names of ext2 that were looked up are kept, with their nodes: they follow all changes.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/paths.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrs"

static int set_up(void **state)
{
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell("mke2fs -q -t ext2 -b 1024 -N 1024 1024.img 4M 2>log && mkdir -p tree/d && "
                "for i in $(seq 10000 15999); do : >tree/d/${i}%s%s%s; done && "
                "mke2fs -q -t ext2 -b 4096 -N 7000 -d tree many.img 8M 2>>log",
                LETTERS LETTERS, LETTERS LETTERS, LETTERS);
    return 0;
}

static void expect_inode(const char *path, enum status want, uint64_t inode)
{
    struct file_stat st = {.inode = 0};
    for (int i = 0; i < 2; i++) { /* from the directory, and as it was kept */
        assert_int_equal(vfs_stat(NULL, path, false, &st), want);
        assert_int_equal(want == OK ? st.inode : inode, inode);
    }
}

static void remove_directory(const char *dir, const char *name)
{
    struct file *d;
    assert_int_equal(vfs_open(NULL, dir, VFS_READ | VFS_DIRECTORY, &d), OK);
    assert_int_equal(file_rmdir_at(d, name), OK);
    file_close(d);
}

static void test_kept_names_follow_changes(void **state)
{
    (void)state;
    image_load("1024.img");
    image_mount(true);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/d/a"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/d/b"), OK);
    uint64_t a = inode_of("/i/d/a"), b = inode_of("/i/d/b");
    expect_inode("/i/d/b", OK, b);
    assert_int_equal(rename_in("/i/d", "a", "b"), OK);
    expect_inode("/i/d/a", E_NOENT, 0);
    expect_inode("/i/d/b", OK, a);
    assert_int_equal(rename_in("/i", "d", "e"), OK);
    expect_inode("/i/d/b", E_NOENT, 0);
    expect_inode("/i/e/b", OK, a);
    remove_directory("/i/e", "b");
    expect_inode("/i/e/b", E_NOENT, 0);
    remove_directory("/i", "e");
    assert_int_equal(vfs_mkdir(NULL, "/i/e"), OK); /* perhaps with the same inode */
    expect_inode("/i/e/b", E_NOENT, 0);
    image_unmount();
    image_check_clean();
}

/* Each place of the table has several in turn, until the table is larger. */
static void test_more_names_than_are_kept(void **state)
{
    (void)state;
    static uint64_t inodes[600];
    char path[80];
    image_load("1024.img");
    image_mount(true);
    for (int i = 0; i < 600; i++) { /* some are too long to be kept */
        snprintf(path, sizeof(path), "/i/%.*s%d", i % 45, LETTERS, i);
        struct file *f;
        assert_int_equal(vfs_open(NULL, path, VFS_WRITE | VFS_CREATE, &f), OK);
        file_close(f);
        inodes[i] = inode_of(path);
        for (int earlier = 0; earlier < i; earlier++) {
            assert_true(inodes[earlier] != inodes[i]);
        }
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 600; i++) {
            snprintf(path, sizeof(path), "/i/%.*s%d", i % 45, LETTERS, i);
            expect_inode(path, OK, inodes[i]);
        }
    }
    for (int i = 0; i < 600; i += 3) {
        snprintf(path, sizeof(path), "/i/%.*s%d", i % 45, LETTERS, i);
        assert_int_equal(vfs_unlink(NULL, path), OK);
        expect_inode(path, E_NOENT, 0);
    }
    image_unmount();
    image_check_clean();
}

/* Names of every length, up to some that are not kept, and others that differ in one byte. */
static void test_names_that_differ_in_one_byte(void **state)
{
    (void)state;
    char path[64];
    image_load("1024.img");
    image_mount(true);
    for (int len = 1; len <= 42; len++) {
        snprintf(path, sizeof(path), "/i/%.*s", len, LETTERS);
        assert_int_equal(vfs_mkdir(NULL, path), OK);
        uint64_t inode = inode_of(path);
        for (int at = 0; at < len; at++) {
            path[3 + at] = '-';
            expect_inode(path, E_NOENT, 0);
            path[3 + at] = LETTERS[at];
            expect_inode(path, OK, inode);
        }
    }
    image_unmount();
}

/* That there is no such name is kept, too, until there is one. */
static void test_names_that_appear(void **state)
{
    (void)state;
    struct file *d;
    image_load("1024.img");
    image_mount(true);
    assert_int_equal(image_write_text("/i/file", "text"), OK);
    assert_int_equal(vfs_open(NULL, "/i", VFS_READ | VFS_DIRECTORY, &d), OK);
    static const char *const names[] = {"/i/written", "/i/made", "/i/linked", "/i/symbol",
                                        "/i/renamed"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        expect_inode(names[i], E_NOENT, 0);
    }
    assert_int_equal(image_write_text("/i/written", "text"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/made"), OK);
    assert_int_equal(file_link_at(d, "file", d, "linked"), OK);
    assert_int_equal(file_symlink_at("file", d, "symbol"), OK);
    assert_int_equal(file_rename_at(d, "file", d, "renamed"), OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        expect_inode(names[i], OK, inode_of(names[i]));
    }
    expect_inode("/i/file", E_NOENT, 0);
    image_expect_text("/i/linked", "text");
    assert_int_equal(rename_in("/i", "made", "file"), OK);
    expect_inode("/i/file", OK, inode_of("/i/file"));
    file_close(d);
    image_unmount();
}

/* The node of a name that is removed or replaced may have another name, and so stay. */
static void test_kept_names_of_nodes_with_other_names(void **state)
{
    (void)state;
    struct file *dir, *f;
    image_load("1024.img");
    image_mount(true);
    assert_int_equal(vfs_open(NULL, "/i", VFS_READ | VFS_DIRECTORY, &dir), OK);
    assert_int_equal(vfs_open(NULL, "/i/a", VFS_WRITE | VFS_CREATE, &f), OK);
    file_close(f);
    assert_int_equal(file_link_at(dir, "a", dir, "b"), OK);
    assert_int_equal(file_link_at(dir, "a", dir, "c"), OK);
    uint64_t inode = inode_of("/i/a");
    expect_inode("/i/b", OK, inode);
    expect_inode("/i/c", OK, inode);
    assert_int_equal(vfs_unlink(NULL, "/i/a"), OK);
    expect_inode("/i/a", E_NOENT, 0);
    assert_int_equal(vfs_open(NULL, "/i/other", VFS_WRITE | VFS_CREATE, &f), OK);
    file_close(f);
    uint64_t other = inode_of("/i/other");
    assert_int_equal(rename_in("/i", "other", "b"), OK);
    expect_inode("/i/b", OK, other);
    expect_inode("/i/c", OK, inode);
    file_close(dir);
    image_unmount();
    image_check_clean();
}

/* An inode counts one name and has two: when one is removed, the other leads nowhere, and its node
 * is not kept any longer. */
static void test_a_node_without_links_is_not_kept(void **state)
{
    (void)state;
    image_shell("cp 1024.img bad.img && echo x >file && "
                "debugfs -w -R 'write file one' bad.img >log 2>&1 && "
                "debugfs -w -R 'ln one two' bad.img >log 2>&1");
    image_load("bad.img");
    image_mount(true);
    uint64_t inode = inode_of("/i/one");
    expect_inode("/i/two", OK, inode);
    assert_int_equal(vfs_unlink(NULL, "/i/one"), OK);
    expect_inode("/i/two", E_CORRUPT, 0);
    image_unmount();
}

/* Two directories share a block: names are removed through one, and the other is then empty. */
static void test_a_removed_directory_takes_its_names_along(void **state)
{
    (void)state;
    image_shell("cp 1024.img bad.img && echo x >file && "
                "debugfs -w -R 'mkdir one' bad.img >log 2>&1 && "
                "debugfs -w -R 'mkdir two' bad.img >log 2>&1 && "
                "debugfs -w -R 'write file two/name' bad.img >log 2>&1 && "
                "debugfs -w -R 'ln two/name kept' bad.img >log 2>&1 && "
                "debugfs -w -R 'sif two/name links_count 2' bad.img >log 2>&1 && "
                "block=$(debugfs -R 'blocks two' bad.img 2>log) && "
                "debugfs -w -R \"sif one block[0] $block\" bad.img >log 2>&1");
    image_load("bad.img");
    image_mount(true);
    uint64_t one = inode_of("/i/one"), name = inode_of("/i/one/name");
    expect_inode("/i/two/name", OK, name);
    assert_int_equal(vfs_unlink(NULL, "/i/two/name"), OK);
    remove_directory("/i", "one");
    assert_int_equal(vfs_mkdir(NULL, "/i/one"), OK);
    assert_int_equal(inode_of("/i/one"), one); /* the first free number */
    expect_inode("/i/one/name", E_NOENT, 0);
    image_unmount();
}

/* A node that is kept is not read again; it is freed with the table when memory is short. */
static void test_kept_names_are_freed_when_memory_is_short(void **state)
{
    (void)state;
    image_load("1024.img");
    image_mount(true);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    assert_int_equal(vfs_sync(), OK);
    env_reclaim();
    size_t before = env_live_objects();
    uint64_t inode = inode_of("/i/d");
    size_t kept = env_live_objects();
    expect_inode("/i/d", OK, inode);
    assert_int_equal(env_live_objects(), kept);
    env_reclaim();
    assert_true(env_live_objects() < kept);
    assert_true(env_live_objects() <= before);
    expect_inode("/i/d", OK, inode);
    image_unmount();
}

/* Reclaiming inside of an operation, which holds the lock, leaves this disk's names alone. */
static void test_names_while_memory_is_short(void **state)
{
    (void)state;
    image_load("1024.img");
    image_mount(true);
    env_is_short = true;
    for (int i = 0; i < 20; i++) {
        char path[16];
        snprintf(path, sizeof(path), "/i/%d", i);
        assert_int_equal(vfs_mkdir(NULL, path), OK);
        expect_inode(path, OK, inode_of(path));
    }
    env_is_short = false;
    for (env_allocations_left = 0; env_allocations_left < 3; env_allocations_left++) {
        struct file_stat st;
        int left = env_allocations_left;
        enum status s = vfs_stat(NULL, "/i/7", false, &st);
        assert_true(s == OK || s == E_NOMEM);
        env_allocations_left = left;
    }
    env_allocations_left = -1;
    image_unmount();
    image_check_clean();
}

/* What write-back and the journal replay find are the nodes in use: none is only kept. */
static void test_remounting_forgets_names(void **state)
{
    (void)state;
    image_load("1024.img");
    image_mount(true);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    uint64_t inode = inode_of("/i/d");
    size_t kept = env_live_objects();
    assert_int_equal(vfs_remount("/i", false), OK);
    assert_true(env_live_objects() < kept);
    assert_int_equal(vfs_remount("/i", true), OK);
    expect_inode("/i/d", OK, inode);
    image_unmount();
}

/* Call a function for each name of /i/d, as `rm -r /i/d` and `ls -l /i/d` do. */
static unsigned for_each_name(enum status (*f)(const char *path))
{
    struct file *d;
    struct dir_entry entry;
    char path[300];
    unsigned count = 0;
    assert_int_equal(vfs_open(NULL, "/i/d", VFS_READ | VFS_DIRECTORY, &d), OK);
    while (file_read_dir(d, &entry) == OK) {
        if (entry.name[0] != '.') {
            snprintf(path, sizeof(path), "/i/d/%s", entry.name);
            assert_int_equal(f(path), OK);
            count++;
        }
    }
    file_close(d);
    return count;
}

static enum status look_up(const char *path)
{
    struct file_stat st;
    return vfs_stat(NULL, path, false, &st);
}

static enum status remove_name(const char *path)
{
    return vfs_unlink(NULL, path);
}

/* mke2fs makes directories without an index. This one has more blocks than the cache has pages. If
 * each search began at the first block, the searches would read it 6,000 times. */
static void test_names_in_the_order_of_the_directory_take_few_reads(void **state)
{
    (void)state;
    image_load("many.img");
    env_pages = 1024; /* 256 of them for the cache */
    image_mount(true);
    env_pages = 8192;
    assert_int_equal(for_each_name(look_up), 6000);
    assert_in_range(env_disk.requests, 2 * 1500000 / 131072, 500);
    uint64_t before = env_disk.requests;
    assert_int_equal(for_each_name(remove_name), 6000);
    assert_in_range(env_disk.requests - before, 1, 2000);
    assert_int_equal(vfs_mkdir(NULL, "/i/d/new"), OK); /* in the first block, which is free */
    assert_int_equal(look_up("/i/d/new"), OK);
    image_unmount();
    image_check_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_names_follow_changes),
        cmocka_unit_test(test_more_names_than_are_kept),
        cmocka_unit_test(test_names_in_the_order_of_the_directory_take_few_reads),
        cmocka_unit_test(test_names_that_differ_in_one_byte),
        cmocka_unit_test(test_names_that_appear),
        cmocka_unit_test(test_kept_names_of_nodes_with_other_names),
        cmocka_unit_test(test_a_node_without_links_is_not_kept),
        cmocka_unit_test(test_a_removed_directory_takes_its_names_along),
        cmocka_unit_test(test_kept_names_are_freed_when_memory_is_short),
        cmocka_unit_test(test_names_while_memory_is_short),
        cmocka_unit_test(test_remounting_forgets_names),
    };
    return cmocka_run_group_tests(tests, set_up, image_tear_down);
}
