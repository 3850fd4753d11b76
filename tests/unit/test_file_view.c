// SPDX-License-Identifier: MIT
//
// Views of whole files (file_view.h): large ones are mapped, and no write changes what a view has.
#include "kernel/fs/file_view.h"

#include "drivers/fat/fat.h"
#include "fs/fs_env.h"
#include "fs/image_bed.h"
#include "hal/layout.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGES 25u /* and a part of one */
#define SIZE  ((size_t)PAGES * PAGE_SIZE + 100)
#define LIMIT ((size_t)1 << 20)

static uint8_t contents[SIZE]; /* of /i/a */

static void read_host_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", image_folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(contents, 1, SIZE, f), SIZE);
    fclose(f);
}

static enum status make_fat(struct block_device *dev, struct fs **out)
{
    return fat_format.make(dev, out);
}

/* 4096.img: ext3. twice.img: the blocks of `a` belong to `b`, too. log.img: they are those of the
 * journal. */
static int set_up(void **state)
{
    static const struct fs_added added = {.make = make_fat};
    (void)state;
    fs_set_added(&added);
    if (image_set_up(65536) != 0) {
        return -1;
    }
    image_shell("mkdir tree && head -c %zu /dev/urandom >tree/a && cp tree/a tree/b && "
                "head -c 65535 /dev/urandom >tree/small && mkdir tree/d",
                SIZE);
    image_shell("for b in 1024 4096; do mke2fs -q -t ext3 -b $b -d tree $b.img 16M; done");
    image_shell("cp 4096.img twice.img && for i in $(seq 0 11); do "
                "n=$(debugfs -R \"bmap a $i\" twice.img 2>log) && "
                "debugfs -w -R \"sif b block[$i] $n\" twice.img 2>log || exit 1; done");
    image_shell("cp 4096.img log.img && for i in $(seq 0 11); do "
                "n=$(debugfs -R \"bmap <8> $i\" log.img 2>log) && "
                "debugfs -w -R \"sif a block[$i] $n\" log.img 2>log || exit 1; done");
    image_shell("for c in 1 8; do mkfs.fat -F 16 -s $c -C fat$c.img $((c * 8192)) >log && "
                "mcopy -i fat$c.img tree/a tree/b tree/small ::/ || exit 1; done");
    read_host_file("tree/a");
    return 0;
}

static struct file_view open_view(const char *path)
{
    struct file_view v;
    assert_int_equal(file_view_open(path, LIMIT, &v), OK);
    return v;
}

static bool has(const struct file_view *v, const void *bytes, size_t len)
{
    bool is_same = v->len == len;
    for (size_t at = 0; is_same && at < len; at += PAGE_SIZE) {
        const uint8_t *page =
            v->map != NULL ? env_mapped(v->bytes, at / PAGE_SIZE) : (const uint8_t *)v->bytes + at;
        is_same = memcmp(page, (const uint8_t *)bytes + at, MIN(len - at, (size_t)PAGE_SIZE)) == 0;
    }
    return is_same;
}

static void overwrite(const char *path, uint64_t off, size_t len)
{
    static const uint8_t zeroes[SIZE];
    struct file *f;
    size_t done;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE, &f), OK);
    assert_int_equal(file_write_at(f, off, zeroes, len, &done), OK);
    assert_int_equal(done, len);
    file_close(f);
}

static void set_size(const char *path, uint64_t size)
{
    struct file *f;
    assert_int_equal(vfs_open(NULL, path, VFS_WRITE, &f), OK);
    assert_int_equal(file_set_size(f, size), OK);
    file_close(f);
}

static unsigned count_common(const struct file_view *a, const struct file_view *b)
{
    unsigned n = 0;
    for (size_t i = 0; i <= PAGES; i++) {
        n += env_mapped(a->bytes, i) == env_mapped(b->bytes, i);
    }
    return n;
}

static void test_views_share_the_pages_of_the_cache(void **state)
{
    (void)state;
    image_load("4096.img");
    image_mount(false);
    struct file_view a = open_view("/i/a");
    assert_non_null(a.map);
    assert_true(has(&a, contents, SIZE));
    uint64_t requests = env_disk.requests;
    struct file_view again = open_view("/i/a");
    assert_int_equal(env_disk.requests, requests);
    assert_true(has(&again, contents, SIZE));
    assert_int_equal(count_common(&a, &again), PAGES); /* all but the last, which is not whole */
    const uint8_t *last = env_mapped(a.bytes, PAGES);
    assert_int_equal(last[SIZE % PAGE_SIZE], 0);
    env_reclaim(); /* not what is mapped */
    assert_true(has(&a, contents, SIZE));
    assert_int_equal(vfs_unmount("/i"), E_BUSY);
    file_view_close(&a);
    assert_int_equal(vfs_unmount("/i"), E_BUSY);
    file_view_close(&again);
    image_unmount();
}

static void test_small_files_are_copied(void **state)
{
    (void)state;
    struct file_view v;
    image_load("4096.img");
    image_mount(false);
    v = open_view("/i/small");
    assert_null(v.map);
    assert_int_equal(v.len, 65535);
    assert_int_equal(file_view_open("/i/a", SIZE - 1, &v), E_OVERFLOW);
    assert_int_equal(file_view_open("/i/d", LIMIT, &v), E_ISDIR);
    assert_int_equal(file_view_open("/i/none", LIMIT, &v), E_NOENT);
    file_view_close(&v);
    image_unmount();
}

/* Blocks of 1 KiB, and clusters of 512 bytes, may be at any place in a page. */
static void test_other_sizes_of_blocks(void **state)
{
    static const char *const images[] = {"1024.img", "fat1.img", "fat8.img"};
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(images); i++) {
        image_load(images[i]);
        image_mount(true);
        struct file_view v = open_view("/i/a");
        assert_true(has(&v, contents, SIZE));
        overwrite("/i/a", 10, SIZE - 20);
        assert_int_equal(vfs_sync(), OK);
        assert_true(has(&v, contents, SIZE));
        file_view_close(&v);
        image_unmount();
    }
}

/* The new contents are in the file at once, and in the next view. */
static void test_a_write_does_not_change_a_view(void **state)
{
    (void)state;
    uint8_t now[SIZE];
    image_load("4096.img");
    image_mount(true);
    struct file_view v = open_view("/i/a");
    overwrite("/i/a", PAGE_SIZE, PAGE_SIZE); /* a whole page, which is not read */
    overwrite("/i/a", 3 * PAGE_SIZE + 5, 7);
    memcpy(now, contents, SIZE);
    memset(now + PAGE_SIZE, 0, PAGE_SIZE);
    memset(now + 3 * PAGE_SIZE + 5, 0, 7);
    assert_true(has(&v, contents, SIZE));
    struct file_view changed = open_view("/i/a"); /* pages that are not written yet are copied */
    assert_true(has(&changed, now, SIZE));
    assert_int_equal(count_common(&v, &changed), PAGES - 2);
    overwrite("/i/b", 0, 1); /* if the first page is copied, all are */
    struct file_view copy = open_view("/i/b");
    assert_null(copy.map);
    file_view_close(&copy);
    overwrite("/i/a", PAGE_SIZE + 1, 2);
    overwrite("/i/a", 5 * PAGE_SIZE, 1);
    assert_int_equal(vfs_sync(), OK);
    assert_true(has(&v, contents, SIZE));
    assert_true(has(&changed, now, SIZE));
    file_view_close(&v);
    file_view_close(&changed);
    image_unmount();
    image_check_clean();
}

/* The blocks are freed, and other files get them. */
static void test_a_file_is_truncated(void **state)
{
    (void)state;
    image_load("4096.img");
    image_mount(true);
    struct file_view v = open_view("/i/a");
    set_size("/i/a", 0);
    for (char name[] = "/i/a0"; name[4] < '9'; name[4]++) {
        assert_int_equal(image_write_text(name, "other"), OK);
        overwrite(name, 0, SIZE);
    }
    assert_int_equal(vfs_sync(), OK);
    assert_true(has(&v, contents, SIZE));
    assert_int_equal(vfs_unlink(NULL, "/i/a"), OK);
    assert_true(has(&v, contents, SIZE));
    file_view_close(&v);
    image_unmount();
    image_check_clean();
}

/* On a hostile disk, a block of the file is also another file's, or the journal's. */
static void test_blocks_with_two_owners(void **state)
{
    (void)state;
    image_load("twice.img");
    image_mount(true);
    struct file_view v = open_view("/i/a");
    assert_true(has(&v, contents, SIZE));
    overwrite("/i/b", 0, 12 * PAGE_SIZE);
    assert_int_equal(vfs_sync(), OK);
    assert_true(has(&v, contents, SIZE));
    file_view_close(&v);
    image_unmount();

    uint8_t before[SIZE];
    image_load("log.img");
    image_mount(true);
    v = open_view("/i/a");
    for (size_t i = 0; i <= PAGES; i++) {
        memcpy(before + i * PAGE_SIZE, env_mapped(v.bytes, i),
               MIN(SIZE - i * PAGE_SIZE, (size_t)PAGE_SIZE));
    }
    for (char name[] = "/i/d/a"; name[5] < 'z'; name[5]++) {
        assert_int_equal(image_write_text(name, "x"), OK);
        assert_int_equal(vfs_sync(), OK);
    }
    assert_true(has(&v, before, SIZE));
    file_view_close(&v);
    image_unmount();
}

/* Half of a cache at most is shared: the rest of a view is copies. */
static void test_a_cache_has_room_for_other_pages(void **state)
{
    struct file_view views[30];
    (void)state;
    unsigned long all = env_pages;
    env_pages = 1024; /* a cache of 256 pages */
    image_load("4096.img");
    image_mount(true);
    for (unsigned i = 0; i < 6; i++) {
        views[i] = open_view(i % 2 == 0 ? "/i/a" : "/i/b");
        assert_true(has(&views[i], contents, SIZE));
    }
    assert_int_equal(count_common(&views[0], &views[2]), PAGES);
    assert_int_equal(count_common(&views[1], &views[5]), 128 - 5 * PAGES);
    for (unsigned i = 0; i < 6; i++) {
        file_view_close(&views[i]);
    }
    image_unmount();
    env_pages = all;
}

static void test_without_memory(void **state)
{
    (void)state;
    struct file_view v;
    enum status s = E_NOMEM;
    image_load("4096.img");
    image_mount(false);
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/i/a", true, &st), OK);
    for (int left = 0; s != OK; left++) {
        env_reclaim();
        env_allocations_left = left;
        s = file_view_open("/i/a", LIMIT, &v);
        env_allocations_left = -1;
        assert_true(s == OK || s == E_NOMEM);
        assert_true(left < 200);
    }
    assert_true(has(&v, contents, SIZE));
    file_view_close(&v);
    env_reclaim();
    env_disk.bad_sector = 0;
    for (uint64_t sector = 0; sector < env_disk.dev.sectors; sector += 8) {
        env_reclaim();
        env_disk.bad_sector = sector;
        s = file_view_open("/i/a", LIMIT, &v);
        if (s == OK) {
            assert_true(has(&v, contents, SIZE));
            file_view_close(&v);
        } else {
            assert_int_equal(s, E_IO);
        }
    }
    env_disk.bad_sector = UINT64_MAX;
    image_unmount();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views_share_the_pages_of_the_cache),
        cmocka_unit_test(test_small_files_are_copied),
        cmocka_unit_test(test_other_sizes_of_blocks),
        cmocka_unit_test(test_a_write_does_not_change_a_view),
        cmocka_unit_test(test_a_file_is_truncated),
        cmocka_unit_test(test_blocks_with_two_owners),
        cmocka_unit_test(test_a_cache_has_room_for_other_pages),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, image_tear_down);
}
