// SPDX-License-Identifier: MIT
//
// kernel/fs/cpio.c: archives as `cpio -o -H newc` writes them, and corrupt ones.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "kernel/base/clock.h"
#include "fs/fs_visit.h"
#include "kernel/mm/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t archive[65536];
static size_t archive_len;

static void append(const void *bytes, size_t len)
{
    assert_true(len <= sizeof(archive) - archive_len);
    memcpy(archive + archive_len, bytes, len);
    archive_len += len;
    while (archive_len % 4 != 0) {
        archive[archive_len++] = 0;
    }
}

static void put_of_device(const char *name, unsigned mode, const char *data, unsigned device,
                          unsigned inode, unsigned links)
{
    char header[111];
    snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
             inode, mode, 0, 0, links, 1234, (unsigned)strlen(data), device >> 16, device & 0xffff,
             0, 0, (unsigned)strlen(name) + 1, 0);
    assert_true(archive_len % 4 == 0);
    memcpy(archive + archive_len, header, 110); /* no padding between header and name */
    archive_len += 110;
    append(name, strlen(name) + 1);
    append(data, strlen(data));
}

static void put_linked(const char *name, unsigned mode, const char *data, unsigned inode,
                       unsigned links)
{
    put_of_device(name, mode, data, 0, inode, links);
}

static void put(const char *name, unsigned mode, const char *data)
{
    put_linked(name, mode, data, 1, 1);
}

static void finish(void)
{
    put("TRAILER!!!", 0, "");
}

static void put_golden(void)
{
    archive_len = 0;
    put(".", 0040755, "");
    put("bin", 0040700, "");
    put("bin/hello", 0100755, "program");
    put("./etc/motd", 0100644, "implied directory");
    put("/abs", 0100644, "a");
    put("empty", 0100644, "");
    put("up", 0120777, "bin/../etc/motd");
    put("absolute", 0120777, "/i/bin/hello");
    put("loop", 0120777, "loop");
    put_linked("one", 0100644, "", 7, 3);
    put_linked("two", 0100644, "", 7, 3);
    put_linked("three", 0100644, "shared", 7, 3);
    put_linked("lonely", 0100644, "", 8, 2);
    put("null", 0020666, "");
    finish();
}

/* From a block of exactly this size, so that a read past it is detected. */
static enum status mount_copy(void **copy)
{
    *copy = malloc(archive_len == 0 ? 1 : archive_len);
    assert_non_null(*copy);
    memcpy(*copy, archive, archive_len);
    return vfs_mount_memory(*copy, archive_len, "/i");
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

static int setup_once(void **state)
{
    (void)state;
    env_reset();
    return vfs_init() == OK ? 0 : -1;
}

static void test_golden_archive(void **state)
{
    (void)state;
    void *copy;
    size_t before = env_settled_objects();
    put_golden();
    assert_int_equal(mount_copy(&copy), OK);
    expect("/i/bin/hello", "program");
    expect("/i/etc/motd", "implied directory");
    expect("/i/abs", "a");
    expect("/i/empty", "");
    expect("/i/up", "implied directory");
    expect("/i/absolute", "program");
    expect("/i/one", "shared");
    expect("/i/two", "shared");
    expect("/i/three", "shared");
    expect("/i/lonely", "");

    struct file_stat st;
    struct file *f;
    char target[32];
    assert_int_equal(vfs_stat("/i", "bin/hello", true, &st), OK);
    assert_int_equal(st.mode, 0755);
    assert_int_equal(st.size, 7);
    assert_int_equal(st.modified_ns, 1234ull * NS_PER_S);
    assert_int_equal(st.links, 1);
    assert_int_equal(vfs_stat("/i", "one", true, &st), OK);
    assert_int_equal(st.links, 3); /* one file, not copies */
    uint64_t inode = st.inode;
    assert_int_equal(vfs_stat("/i", "three", true, &st), OK);
    assert_int_equal(st.inode, inode);
    assert_int_equal(vfs_stat(NULL, "/i/loop", true, &st), E_LOOP);
    assert_int_equal(vfs_stat(NULL, "/i/loop", false, &st), OK);
    assert_int_equal(st.type, FILE_SYMLINK);
    assert_int_equal(vfs_stat(NULL, "/i/up/", true, &st), E_NOTDIR);
    assert_int_equal(vfs_read_link(NULL, "/i/up", target, sizeof(target)), OK);
    assert_string_equal(target, "bin/../etc/motd");
    assert_int_equal(vfs_read_link(NULL, "/i/up", target, 15), E_NAMETOOLONG);
    assert_int_equal(vfs_read_link(NULL, "/i/one", target, 15), E_INVAL);
    assert_int_equal(vfs_open(NULL, "/i/bin/hello", VFS_WRITE, &f), E_ROFS);
    assert_int_equal(vfs_open(NULL, "/i/new", VFS_WRITE | VFS_CREATE, &f), E_ROFS);
    assert_int_equal(vfs_unlink(NULL, "/i/one"), E_ROFS);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), E_ROFS);
    assert_int_equal(vfs_mkdir(NULL, "/i/bin"), E_EXIST);
    assert_int_equal(vfs_mkdir(NULL, "/i/one/"), E_EXIST);

    assert_int_equal(vfs_open(NULL, "/i/one", VFS_READ, &f), OK);
    assert_int_equal(vfs_unmount("/i"), E_BUSY);
    file_close(f);
    assert_int_equal(vfs_mount_memory(copy, archive_len, "/i"), E_BUSY);
    assert_int_equal(vfs_unmount("/i"), OK);
    assert_int_equal(env_settled_objects(), before);
    free(copy);
}

static void mount_finished(void **copy)
{
    finish();
    assert_int_equal(mount_copy(copy), OK);
    archive_len = 0;
}

static struct file_stat look_at(const char *path)
{
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, path, false, &st), OK);
    return st;
}

static void test_names_of_a_file_are_known_by_device_and_inode(void **state)
{
    (void)state;
    void *copy;
    size_t before = env_settled_objects();
    archive_len = 0;
    put_linked("a1", 0100644, "", 77, 3);
    put("between", 0100644, "x");
    put_linked("b1", 0100644, "", 88, 2);
    put_linked("a2", 0100600, "first of two", 77, 3); /* in the middle of the set */
    put_linked("b2", 0100644, "last", 88, 2);
    put_linked("c1", 0100644, "first", 99, 2);
    put_linked("a3", 0100640, "second of two", 77, 3);
    put_linked("c2", 0100644, "", 99, 2);
    static const unsigned devices[] = {0x10000, 0x20000, 0x10001, 0};
    for (unsigned i = 0; i < 4; i++) { /* the same inode number on other devices */
        char name[] = {'d', (char)('0' + i), '\0'};
        put_of_device(name, 0100644, name, devices[i], 5, 2);
    }
    /* with one link it cannot be the same file */
    put_linked("single", 0100644, "by itself", 77, 1);
    mount_finished(&copy);
    expect("/i/a1", "first of two");
    expect("/i/a2", "first of two");
    expect("/i/a3", "first of two");
    expect("/i/b1", "last");
    expect("/i/b2", "last");
    expect("/i/c1", "first");
    expect("/i/c2", "first");
    expect("/i/d0", "d0");
    expect("/i/d1", "d1");
    expect("/i/d2", "d2");
    expect("/i/d3", "d3");
    expect("/i/single", "by itself");
    assert_int_equal(look_at("/i/a1").links, 3);
    assert_int_equal(look_at("/i/a1").inode, look_at("/i/a3").inode);
    assert_int_equal(look_at("/i/a1").mode, 0640);
    assert_int_equal(look_at("/i/d0").links, 1);
    assert_int_not_equal(look_at("/i/b1").inode, look_at("/i/c1").inode);
    assert_int_equal(vfs_unmount("/i"), OK);
    assert_int_equal(env_settled_objects(), before);
    free(copy);
}

static void test_the_later_of_two_entries_of_a_name_counts(void **state)
{
    (void)state;
    void *copy;
    size_t before = env_settled_objects();
    archive_len = 0;
    put("f", 0100644, "old");
    put("to_link", 0100644, "old");
    put("to_dir", 0100644, "old");
    put("to_file", 0040755, "");
    put("dir", 0040700, "");
    put("dir/kept", 0100644, "kept");
    put_linked("one", 0100644, "", 7, 2);
    put_linked("gone", 0100644, "never seen", 8, 2);
    put("f", 0100600, "newer");
    put("to_link", 0120777, "f");
    put("to_dir", 0040755, "");
    put("to_dir/below", 0100644, "below");
    put("to_file", 0100644, "a file");
    put("dir", 0040750, "");
    put("one", 0100644, "another file");
    put("gone", 0100644, "yet another");
    put_linked("one", 0100644, "", 7, 2); /* the first again */
    put_linked("two", 0100644, "of both", 7, 2);
    mount_finished(&copy);
    expect("/i/f", "newer");
    assert_int_equal(look_at("/i/f").mode, 0600);
    expect("/i/to_link", "newer");
    expect("/i/to_dir/below", "below");
    expect("/i/to_file", "a file");
    expect("/i/dir/kept", "kept");
    assert_int_equal(look_at("/i/dir").mode, 0750);
    expect("/i/one", "of both");
    assert_int_equal(look_at("/i/two").links, 2);
    expect("/i/gone", "yet another");
    assert_int_equal(vfs_unmount("/i"), OK);
    assert_int_equal(env_settled_objects(), before);
    free(copy);
}

/* Objects that a mounted archive allocates for one file with this many names. */
static size_t objects_of_links(unsigned count)
{
    void *copy;
    size_t before = env_settled_objects();
    archive_len = 0;
    for (unsigned i = 0; i < count; i++) {
        char name[12];
        snprintf(name, sizeof(name), "%u", i);
        put_linked(name, 0100644, "", 7, count);
    }
    mount_finished(&copy);
    size_t objects = env_settled_objects() - before;
    assert_int_equal(vfs_unmount("/i"), OK);
    free(copy);
    return objects;
}

/* So unpacking takes linear time. A table that has grown is an object of its own. */
static void test_the_table_of_names_grows_with_links(void **state)
{
    (void)state;
    assert_int_equal(objects_of_links(500) - objects_of_links(200), 300 + 1);
}

static struct file_stat look(struct file *dir, const char *name)
{
    struct file_stat st;
    assert_int_equal(file_stat_at(dir, name, &st), OK);
    return st;
}

/* One archive mounted on a directory of another, and on a name that exists in neither. */
static void test_a_mount_over_a_name_is_listed(void **state)
{
    (void)state;
    void *copy;
    struct file *i;
    struct dir_entry entry;
    unsigned listed = 0;
    put_golden();
    assert_int_equal(mount_copy(&copy), OK);
    assert_int_equal(vfs_mount_memory(copy, archive_len, "/i/bin"), OK);
    assert_int_equal(vfs_mount_memory(copy, archive_len, "/i/nowhere"), OK);
    assert_int_equal(vfs_open(NULL, "/i", VFS_READ | VFS_DIRECTORY, &i), OK);
    while (file_read_dir(i, &entry) == OK) {
        assert_int_equal(entry.inode, look(i, entry.name).inode);
        listed += strcmp(entry.name, "bin") == 0 || strcmp(entry.name, "nowhere") == 0;
    }
    assert_int_equal(listed, 2);
    assert_int_equal(file_mkdir_at(i, "bin"), E_EXIST);
    assert_int_equal(file_mkdir_at(i, "nowhere"), E_EXIST);
    assert_int_equal(file_symlink_at("x", i, "nowhere"), E_EXIST);
    assert_int_equal(file_link_at(i, "one", i, "nowhere"), E_EXIST);
    assert_int_equal(file_mkdir_at(i, "one"), E_EXIST);
    assert_int_equal(file_mkdir_at(i, "new"), E_ROFS);
    assert_int_equal(vfs_mkdir(NULL, "/i/nowhere"), E_EXIST);
    file_close(i);
    assert_int_equal(vfs_unmount("/i/nowhere"), OK);
    assert_int_equal(vfs_unmount("/i/bin"), OK);
    assert_int_equal(vfs_unmount("/i"), OK);
    free(copy);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    put_golden();
    size_t whole = archive_len;
    size_t before = env_settled_objects();
    size_t end = whole - 2; /* the trailer's padding may be missing */
    for (size_t n = 0; n < end - 1; n++) {
        void *copy;
        archive_len = n;
        enum status s = mount_copy(&copy);
        assert_true(s == E_CORRUPT || (s == E_FORMAT && n < 110));
        assert_int_equal(env_settled_objects(), before);
        free(copy);
    }
}

static void expect_refused(enum status why)
{
    void *copy;
    size_t before = env_settled_objects();
    finish();
    assert_int_equal(mount_copy(&copy), why);
    assert_int_equal(env_settled_objects(), before);
    free(copy);
    archive_len = 0;
}

static void test_names_outside_the_archive_are_refused(void **state)
{
    (void)state;
    archive_len = 0;
    put("../escape", 0100644, "x");
    expect_refused(E_CORRUPT);
    put("a/../../escape", 0100644, "x");
    expect_refused(E_CORRUPT);
    put("a", 0100644, "x");
    put("a/below-a-file", 0100644, "x");
    expect_refused(E_CORRUPT);
    put("full/file", 0100644, "x");
    put("full", 0100644, "no directory");
    expect_refused(E_CORRUPT);
    put(".", 0100644, "no directory");
    expect_refused(E_CORRUPT);
    put("link", 0120777, "");
    expect_refused(E_CORRUPT);
    char deep[300] = "";
    for (int i = 0; i < 70; i++) {
        strcat(deep, "d/");
    }
    put(deep, 0040755, "");
    expect_refused(E_CORRUPT);
    char name[VFS_NAME_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    put(name, 0100644, "x");
    expect_refused(E_CORRUPT);
}

static void test_other_formats_are_named(void **state)
{
    (void)state;
    static const uint8_t gzip[] = {0x1f, 0x8b, 8, 0};
    archive_len = 0;
    append(gzip, sizeof(gzip));
    void *copy;
    assert_int_equal(mount_copy(&copy), E_NOTSUP);
    assert_non_null(strstr(env_last_log(), "gzip"));
    free(copy);
    memset(archive, 0, 512);
    archive_len = 512;
    assert_int_equal(mount_copy(&copy), E_FORMAT);
    free(copy);
}

static void test_every_corrupted_byte_ends_cleanly(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, '/', '0', 'F', 0xff};
    size_t before = env_settled_objects();
    size_t refused = 0;
    put_golden();
    for (size_t at = 0; at < archive_len; at++) {
        for (size_t v = 0; v < sizeof(values); v++) {
            uint8_t old = archive[at];
            void *copy;
            archive[at] = values[v];
            enum status s = mount_copy(&copy);
            if (s == OK) {
                (void)fs_visit("/i");
                assert_int_equal(vfs_unmount("/i"), OK);
            }
            refused += s != OK;
            assert_int_equal(env_settled_objects(), before);
            free(copy);
            archive[at] = old;
        }
    }
    assert_true(refused > 0);
}

static void test_every_failed_allocation_is_survived(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    put_golden();
    enum status s = E_NOMEM;
    int n = 0;
    for (; s != OK; n++) {
        void *copy;
        env_allocations_left = n;
        s = mount_copy(&copy);
        env_allocations_left = -1;
        assert_true(s == OK || s == E_NOMEM);
        if (s == OK) {
            assert_int_equal(vfs_unmount("/i"), OK);
        }
        assert_int_equal(env_settled_objects(), before);
        free(copy);
    }
    assert_true(n > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_archive),
        cmocka_unit_test(test_names_of_a_file_are_known_by_device_and_inode),
        cmocka_unit_test(test_the_later_of_two_entries_of_a_name_counts),
        cmocka_unit_test(test_the_table_of_names_grows_with_links),
        cmocka_unit_test(test_a_mount_over_a_name_is_listed),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_names_outside_the_archive_are_refused),
        cmocka_unit_test(test_other_formats_are_named),
        cmocka_unit_test(test_every_corrupted_byte_ends_cleanly),
        cmocka_unit_test(test_every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, setup_once, NULL);
}
