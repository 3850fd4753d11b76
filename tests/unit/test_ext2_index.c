// SPDX-License-Identifier: MIT
//
// Hash indices of directories on images that mke2fs made: they are kept while names are added and
// removed, and e2fsck finds each name in the block that its hash belongs to.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup_once(void **state)
{
    (void)state;
    if (image_set_up(16384) != 0 ||
        image_run(
            "mke2fs -q -t ext3 -b 1024 -N 64 -J size=1 1024.img 5M >log 2>&1 && "
            "mke2fs -q -t ext2 -b 4096 -N 64 4096.img 8M >log 2>&1 && "
            "mkdir tree && cd tree && for i in $(seq 400); do echo x >a-name-$i; done && cd .. && "
            "mke2fs -q -t ext2 -b 1024 -N 500 -d tree linux.img 4M >log 2>&1 && "
            "e2fsck -fyD linux.img >log 2>&1; debugfs -R 'htree_dump /' linux.img >dump 2>&1; "
            "grep -q 'Root node' dump") != 0) {
        return -1;
    }
    return 0;
}

static void load(const char *name)
{
    image_load(name);
    image_mount(true);
}

/* The directory is indexed in so many levels below the root, and the image is consistent. */
static void check(const char *dir, unsigned levels)
{
    image_unmount();
    image_check_clean();
    assert_int_equal(
        image_run("debugfs -R 'htree_dump %s' now.img 2>&1 | grep -q 'Indirect levels: %u'", dir,
                  levels),
        0);
}

/* Names of different lengths, some of them not ASCII. */
static const char *name_of(unsigned i)
{
    static char name[200];
    snprintf(name, sizeof(name), "/i/d/%s%.*s-%u", i % 3 == 0 ? "\xc3\xa9t\xc3\xa9" : "name",
             (int)(i * 7 % 50), "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", i);
    return name;
}

/* Another name of a file in the root. */
static enum status link_to(const char *file, const char *path)
{
    struct file *from, *to;
    char dir[64];
    snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
    assert_int_equal(vfs_open(NULL, "/i", VFS_READ, &from), OK);
    assert_int_equal(vfs_open(NULL, dir, VFS_READ, &to), OK);
    enum status s = file_link_at(from, file, to, strrchr(path, '/') + 1);
    file_close(to);
    file_close(from);
    return s;
}

static enum status add(const char *path)
{
    return link_to("file", path);
}

static enum status find(const char *path)
{
    struct file_stat st;
    return vfs_stat(NULL, path, false, &st);
}

static void start(const char *image)
{
    struct file *f;
    load(image);
    assert_int_equal(vfs_open(NULL, "/i/file", VFS_WRITE | VFS_CREATE, &f), OK);
    file_close(f);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
}

/* Add names and find them; remove every third. */
static void fill(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(add(name_of(i)), OK);
    }
    assert_int_equal(add(name_of(count / 2)), E_EXIST);
    for (unsigned i = 0; i < count; i += 3) {
        assert_int_equal(vfs_unlink(NULL, name_of(i)), OK);
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(find(name_of(i)), i % 3 == 0 ? E_NOENT : OK);
    }
}

static void test_an_index_grows_to_two_levels(void **state)
{
    (void)state;
    start("1024.img");
    fill(5000);
    check("/d", 1);
}

static void test_an_index_of_large_blocks(void **state)
{
    (void)state;
    start("4096.img");
    fill(3000);
    check("/d", 0);
}

#define MANY 100000u

/* The names of a directory are those of four files, which may have 32,000 each. */
static const char *many_name(unsigned i, char *file)
{
    static char name[40];
    sprintf(file, "file%u", i % 4);
    sprintf(name, "/i/d/a-name-%u", i * 7919 % MANY);
    return name;
}

static void test_a_directory_of_100000_names(void **state)
{
    (void)state;
    char file[16], path[32];
    load("4096.img");
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    for (unsigned i = 0; i < 4; i++) {
        sprintf(path, "/i/file%u", i);
        assert_int_equal(image_write_text(path, "x"), OK);
    }
    for (unsigned i = 0; i < MANY; i++) {
        const char *name = many_name(i, file);
        assert_int_equal(link_to(file, name), OK);
    }
    for (unsigned i = 0; i < MANY; i += 97) {
        const char *name = many_name(i, file);
        assert_int_equal(find(name), OK);
        assert_int_equal(link_to(file, name), E_EXIST);
    }
    assert_int_equal(find("/i/d/a-name-100000"), E_NOENT);
    check("/d", 1);
    image_mount(true);
    for (unsigned i = 0; i < MANY; i++) {
        const char *name = many_name(i, file);
        assert_int_equal(vfs_unlink(NULL, name), OK);
    }
    image_unmount();
    image_check_clean();
}

static void test_every_hash_is_that_of_e2fsck(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"legacy", "half_md4", "tea"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(
            image_run("cp 1024.img hash.img && tune2fs -E hash_alg=%s hash.img >log 2>&1 && "
                      "debugfs -w -R 'ssv flags %d' hash.img >log 2>&1",
                      algorithms[i % 3], i < 3 ? 1 : 2),
            0);
        start("hash.img");
        fill(300);
        check("/d", 0);
    }
}

static void test_an_index_that_e2fsck_made_is_kept(void **state)
{
    (void)state;
    char path[64];
    load("linux.img");
    for (unsigned i = 1; i <= 400; i++) {
        snprintf(path, sizeof(path), "/i/a-name-%u", i);
        assert_int_equal(find(path), OK);
    }
    for (unsigned i = 0; i < 400; i++) {
        snprintf(path, sizeof(path), "/i/another-name-%u", i);
        assert_int_equal(link_to("a-name-1", path), OK);
    }
    check("/", 0);
}

/* Names that are added meanwhile split blocks. Each of the others is listed at least once. */
static void test_a_listing_misses_no_name_when_blocks_are_split(void **state)
{
    (void)state;
    static uint8_t seen[600];
    struct file *d;
    struct dir_entry entry;
    uint64_t cookie = 0;
    start("1024.img");
    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(add(name_of(i)), OK);
    }
    assert_int_equal(vfs_open(NULL, "/i/d", VFS_READ, &d), OK);
    for (unsigned listed = 0; file_read_dir_at(d, &cookie, &entry) == OK; listed++) {
        const char *number = strrchr(entry.name, '-');
        if (number != NULL) {
            seen[atoi(number + 1)] = 1;
        }
        if (listed % 2 == 0 && listed < 600) {
            assert_int_equal(add(name_of(300 + listed / 2)), OK);
        }
    }
    file_close(d);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(seen[i], 1);
    }
    check("/d", 0);
}

/* What is wrong with the index does not hide a name, and the next name is added without it. */
static void test_a_malformed_index_is_not_used(void **state)
{
    (void)state;
    static const uint8_t offsets[] = {28, 29, 30, 31, 32, 34, 36, 24};
    char path[128];
    for (size_t i = 0; i < sizeof(offsets); i++) {
        start("4096.img");
        for (unsigned k = 0; k < 300; k++) {
            assert_int_equal(add(name_of(k)), OK);
        }
        check("/d", 0);
        assert_int_equal(
            image_run("b=$(debugfs -R 'bmap /d 0' now.img 2>/dev/null) && printf '\\377\\377' | "
                      "dd of=now.img bs=1 seek=$((b * 4096 + %u)) conv=notrunc 2>/dev/null",
                      offsets[i]),
            0);
        load("now.img");
        for (unsigned k = 0; k < 300; k++) {
            assert_int_equal(find(name_of(k)), OK);
        }
        assert_int_equal(add(name_of(300)), OK);
        assert_int_equal(find(name_of(300)), OK);
        assert_int_equal(vfs_unmount("/i"), OK);
        snprintf(path, sizeof(path), "%s/now.img", image_folder);
        env_disk_save(path);
        assert_int_equal(image_run("e2fsck -fy now.img >log 2>&1; [ $? -le 1 ]"), 0);
        load("now.img");
        for (unsigned k = 0; k <= 300; k++) {
            assert_int_equal(find(name_of(k)), OK);
        }
        assert_int_equal(vfs_unmount("/i"), OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_index_grows_to_two_levels),
        cmocka_unit_test(test_an_index_of_large_blocks),
        cmocka_unit_test(test_a_directory_of_100000_names),
        cmocka_unit_test(test_every_hash_is_that_of_e2fsck),
        cmocka_unit_test(test_an_index_that_e2fsck_made_is_kept),
        cmocka_unit_test(test_a_listing_misses_no_name_when_blocks_are_split),
        cmocka_unit_test(test_a_malformed_index_is_not_used),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
