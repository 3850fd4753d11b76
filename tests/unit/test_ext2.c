// SPDX-License-Identifier: MIT
//
// kernel/fs/ext2*.c on images that the test makes with mke2fs, and on corrupt copies of them.
#define _GNU_SOURCE /* memmem */
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/fs_visit.h"
#include "fs/image_bed.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A tree with every kind of file, and images of it. */
static int setup_once(void **state)
{
    (void)state;
    if (image_set_up(env_pages) != 0) {
        return -1;
    }
    image_shell(
        "mkdir -p tree/dir/sub tree/many tree/lost && cd tree && printf hello > hello && : > empty && "
        "head -c 300000 /dev/urandom > middle && head -c 3000001 /dev/urandom > large && "
        "ln -s hello fast && ln -s ../hello dir/up && ln -s /i/dir/sub dir/absolute && "
        "ln -s loop2 loop1 && ln -s loop1 loop2 && ln hello hard && "
        "ln -s %s/hello slow && "
        "i=0; while [ $i -lt 700 ]; do echo $i > many/a-rather-long-file-name-number-$i; i=$((i+1)); done",
        "./././././././././././././././././././././././././././././././././././././././.");
    /* Data around the limits of one, two and three levels of block lists, for 1 KiB blocks. */
    image_shell("cd tree && for at in 0 11 12 267 268 65803 65804 90000; do "
                "echo block $at | dd of=sparse bs=1024 seek=$at conv=notrunc status=none; done");
    image_shell(
        "for b in 1024 2048 4096; do mke2fs -q -d tree -b $b $b.img 24M 2>mke2fs.log || exit 1; done && "
        "cp 1024.img indexed.img && (e2fsck -fyD indexed.img >e2fsck.log; test $? -le 1) && "
        "mkdir small && cp tree/hello small && ln -s hello small/fast && mkdir small/dir && "
        "mke2fs -q -b 1024 -N 16 -d small small.img 80k 2>>mke2fs.log && "
        "mke2fs -q -b 1024 -N 16 -O ^filetype -d small old.img 80k 2>>mke2fs.log && "
        "mke2fs -q -b 4096 -N 16 wide.img 66M 2>>mke2fs.log");
    return 0;
}

/* The host's copy of a file in the tree. */
static uint8_t *host_file(const char *name, size_t *len)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/tree/%s", image_folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, f), *len);
    fclose(f);
    return bytes;
}

/* Read the guest's file in pieces of `piece` bytes and compare. */
static void expect_same(const char *name, size_t piece)
{
    char path[256];
    size_t len, n;
    uint8_t *want = host_file(name, &len);
    uint8_t *got = malloc(piece);
    struct file *f;
    assert_non_null(got);
    snprintf(path, sizeof(path), "/i/%s", name);
    assert_int_equal(vfs_open(NULL, path, VFS_READ, &f), OK);
    for (size_t at = 0; at < len; at += n) {
        assert_int_equal(file_read(f, got, piece, &n), OK);
        assert_int_equal(n, len - at < piece ? len - at : piece);
        assert_memory_equal(got, want + at, n);
    }
    assert_int_equal(file_read(f, got, piece, &n), OK);
    assert_int_equal(n, 0);
    file_close(f);
    free(got);
    free(want);
}

static void mount_image(const char *name)
{
    image_load(name);
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(env_disk.refs, 1);
}

static void unmount_image(size_t live_before)
{
    assert_int_equal(vfs_unmount("/i"), OK);
    assert_int_equal(env_disk.refs, 0);
    assert_int_equal(env_settled_objects(), live_before);
}

static const char *const images[] = {"1024.img", "2048.img", "4096.img", "indexed.img"};

static void test_contents_equal_the_hosts(void **state)
{
    (void)state;
    static const size_t pieces[] = {777, 4096, 65536, 100001, 8 << 20};
    for (size_t i = 0; i < 4; i++) {
        size_t before = env_settled_objects();
        mount_image(images[i]);
        for (size_t p = 0; p < 5; p++) {
            expect_same("hello", pieces[p]);
            expect_same("empty", pieces[p]);
            expect_same("middle", pieces[p]);
            expect_same("large", pieces[p]);
        }
        expect_same("sparse", 1 << 20);
        expect_same("sparse", 60000);
        unmount_image(before);
    }
}

static void test_devices_with_large_sectors(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    image_load("1024.img"); /* blocks smaller than the device's own */
    env_disk.dev.logical_block = 4096;
    env_disk.dev.max_segments = 2;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    expect_same("large", 100001);
    expect_same("large", 777);
    unmount_image(before);
}

static void test_names_and_links(void **state)
{
    (void)state;
    struct file_stat st;
    char target[VFS_PATH_MAX];
    for (size_t i = 0; i < 4; i++) {
        size_t before = env_settled_objects();
        mount_image(images[i]);
        for (int k = 0; k < 700; k += 13) {
            char path[128];
            snprintf(path, sizeof(path), "/i/many/a-rather-long-file-name-number-%d", k);
            assert_int_equal(vfs_stat(NULL, path, true, &st), OK);
            assert_int_equal(st.type, FILE_REGULAR);
        }
        assert_int_equal(vfs_stat(NULL, "/i/many/a-rather-long-file-name-number-", true, &st),
                         E_NOENT);
        assert_int_equal(vfs_stat(NULL, "/i/hello/x", true, &st), E_NOTDIR);
        assert_int_equal(vfs_stat(NULL, "/i/loop1", true, &st), E_LOOP);
        static const char *const same[] = {"/i/fast",
                                           "/i/dir/up",
                                           "/i/slow",
                                           "/i/hard",
                                           "/i/dir/sub/../../hello",
                                           "/i/dir/absolute/../up"};
        for (size_t k = 0; k < 6; k++) {
            assert_int_equal(vfs_stat(NULL, same[k], true, &st), OK);
            assert_int_equal(st.size, 5);
            assert_int_equal(st.links, 2); /* hello and hard */
            assert_int_not_equal(st.modified_ns, 0);
            assert_int_not_equal(st.device, 0);
            assert_int_equal(st.type, FILE_REGULAR);
        }
        assert_int_equal(vfs_stat(NULL, "/i/fast", false, &st), OK);
        assert_int_equal(st.type, FILE_SYMLINK);
        assert_int_equal(vfs_read_link(NULL, "/i/dir/up", target, sizeof(target)), OK);
        assert_string_equal(target, "../hello");
        assert_int_equal(vfs_read_link(NULL, "/i/slow", target, sizeof(target)), OK);
        assert_int_equal(strlen(target), 79 + 6);
        struct file *f;
        assert_int_equal(vfs_open(NULL, "/i/hello", VFS_WRITE, &f), E_ROFS);
        assert_int_equal(vfs_open(NULL, "/i/x", VFS_WRITE | VFS_CREATE, &f), E_ROFS);
        unmount_image(before);
    }
}

static void test_listing_has_every_name_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        size_t before = env_settled_objects();
        mount_image(images[i]);
        struct file *d;
        struct dir_entry entry;
        bool seen[700] = {false};
        int count = 0;
        enum status s;
        assert_int_equal(vfs_open(NULL, "/i/many", VFS_READ, &d), OK);
        while ((s = file_read_dir(d, &entry)) == OK) {
            int k = -1;
            assert_int_equal(sscanf(entry.name, "a-rather-long-file-name-number-%d", &k), 1);
            assert_true(k >= 0 && k < 700 && !seen[k]);
            assert_int_equal(entry.type, FILE_REGULAR);
            seen[k] = true;
            count++;
        }
        assert_int_equal(s, E_NOENT);
        assert_int_equal(count, 700);
        file_close(d);
        unmount_image(before);
    }
}

static void test_sequential_reads_take_few_requests(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    mount_image("4096.img");
    expect_same("large", 4096); /* 3 MB in pieces of a page */
    uint64_t small = env_disk.requests;
    assert_in_range(small, 1, 3000001 / 131072 + 16);
    assert_true(env_disk.sectors_read < 3000001 / 512 * 2);
    unmount_image(before);
    mount_image("4096.img");
    expect_same("large", 8 << 20);
    assert_in_range(env_disk.requests, 1, 16);
    unmount_image(before);
}

static void test_disk_may_cover_the_root_and_tmp_stays(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    image_load("4096.img");
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/"), OK);
    struct file_stat st;
    assert_int_equal(vfs_stat(NULL, "/hello", true, &st), OK);
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/"), E_BUSY);
    struct file *f;
    assert_int_equal(vfs_open(NULL, "/tmp/x", VFS_WRITE | VFS_CREATE, &f), OK);
    file_close(f);
    assert_int_equal(vfs_unlink(NULL, "/tmp/x"), OK);
    struct dir_entry entry;
    int tmp = 0;
    assert_int_equal(vfs_open(NULL, "/", VFS_READ, &f), OK);
    while (file_read_dir(f, &entry) == OK) {
        tmp += strcmp(entry.name, "tmp") == 0;
    }
    file_close(f);
    assert_int_equal(tmp, 1);
    assert_int_equal(vfs_unmount("/"), OK);
    assert_int_equal(vfs_stat(NULL, "/hello", true, &st), E_NOENT);
    assert_int_equal(env_settled_objects(), before);
}

static void test_a_failing_disk_returns_the_bytes_read_so_far(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    mount_image("4096.img");
    struct file *f;
    static uint8_t buf[300000];
    size_t n;
    assert_int_equal(vfs_open(NULL, "/i/middle", VFS_READ, &f), OK);
    assert_int_equal(file_read(f, buf, 4096, &n), OK); /* so its position on disk is known */
    size_t len;
    uint8_t *want = host_file("middle", &len);
    uint8_t *at = memmem(env_disk.bytes, env_disk.dev.sectors * 512, want + 200 * 1024, 4096);
    assert_non_null(at);
    env_disk.bad_sector = (uint64_t)(at - env_disk.bytes) / 512;
    size_t total = 4096;
    enum status s;
    while ((s = file_read(f, buf, 4096, &n)) == OK && n != 0) {
        assert_memory_equal(buf, want + total, n);
        total += n;
    }
    assert_int_equal(s, E_IO);
    /* a failed read-ahead does not affect the data before it */
    assert_int_equal(total, 200 * 1024);
    env_disk.bad_sector = UINT64_MAX;
    assert_int_equal(file_read(f, buf, 4096, &n), OK);
    assert_memory_equal(buf, want + total, n);
    file_close(f);
    free(want);
    unmount_image(before);
}

static void test_a_long_read_ends_with_its_program(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    mount_image("4096.img");
    struct thread self = {.cancelled = true};
    struct file *f;
    static uint8_t buf[100000];
    size_t n = 99;
    assert_int_equal(vfs_open(NULL, "/i/large", VFS_READ, &f), OK);
    hal_this_cpu()->current = &self;
    uint64_t requests = env_disk.requests;
    assert_int_equal(file_read(f, buf, sizeof(buf), &n), E_CANCELLED);
    assert_int_equal(n, 99);
    assert_int_equal(env_disk.requests, requests);
    hal_this_cpu()->current = NULL;
    assert_int_equal(file_read(f, buf, sizeof(buf), &n), OK);
    assert_int_equal(n, sizeof(buf));
    file_close(f);
    unmount_image(before);
}

static void expect_refused(enum status want)
{
    size_t before = env_settled_objects();
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), want);
    assert_int_equal(env_disk.refs, 0);
    assert_int_equal(env_settled_objects(), before);
}

static void test_truncated_and_foreign_images_are_refused(void **state)
{
    (void)state;
    image_load("small.img");
    uint64_t sectors = env_disk.dev.sectors;
    for (uint64_t n = 0; n < sectors; n++) {
        image_load("small.img");
        env_disk.dev.sectors = n;
        expect_refused(n < 3 ? E_FORMAT : E_CORRUPT); /* 3: half a superblock */
    }
    static const uint8_t zeroes[65536];
    env_disk_init(zeroes, sizeof(zeroes));
    expect_refused(E_FORMAT);
    env_disk_init(zeroes, 0);
    expect_refused(E_FORMAT);
}

static void test_unknown_features_are_reported(void **state)
{
    (void)state;
    static const struct {
        uint32_t bit;
        const char *name;
    } features[] = {{0x10, "meta_bg"},
                    {0x8000, "inline_data"},
                    {0x4, "needs_recovery"},
                    {0x80000000, "0x80000000"}};
    for (size_t i = 0; i < 4; i++) {
        image_load("small.img");
        uint8_t *incompat = env_disk.bytes + 1024 + 96;
        store_le32(incompat, load_le32(incompat) | features[i].bit);
        expect_refused(E_NOTSUP);
        assert_non_null(strstr(env_last_log(), features[i].name));
    }
    image_load("small.img");
    store_le32(env_disk.bytes + 1024 + 24, 3);
    expect_refused(E_NOTSUP);
}

static void test_wrong_superblocks_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint32_t value;
    } lies[] = {
        {0, 0},  {0, 1},   {0, 0xffffffff}, {4, 0},           {4, 1},  {4, 0xffffffff},
        {20, 0}, {20, 2},  {32, 0},         {32, 0xffffffff}, {40, 0}, {40, 0xffffffff},
        {88, 0}, {88, 64}, {88, 129},       {88, 2048},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        image_load("small.img");
        uint8_t *field = env_disk.bytes + 1024 + lies[i].at;
        if (lies[i].at == 88) {
            store_le16(field, (uint16_t)lies[i].value);
        } else {
            store_le32(field, lies[i].value);
        }
        expect_refused(E_CORRUPT);
    }
}

/* small.img: blocks of 1 KiB, one group. */
static uint8_t *block(uint32_t n)
{
    return env_disk.bytes + (size_t)n * 1024;
}

static uint8_t *inode(uint64_t n)
{
    uint32_t table = load_le32(block(2) + 8);
    return block(table) + (n - 1) * load_le16(block(1) + 88);
}

static uint8_t *root_directory(void)
{
    return block(load_le32(inode(2) + 40));
}

/* The results of reading "hello" and listing the directory, on the image as it is now. */
struct verdict {
    enum status mount, read, list;
};

static struct verdict judge(void)
{
    size_t before = env_settled_objects();
    void *data;
    size_t len;
    struct file *d;
    struct dir_entry entry;
    struct verdict v = {.mount = vfs_mount_block(&env_disk.dev, "/i")};
    if (v.mount != OK) {
        return v;
    }
    v.read = vfs_read_file("/i/hello", 1 << 20, &data, &len);
    if (v.read == OK) {
        heap_free(data);
    }
    v.list = vfs_open(NULL, "/i", VFS_READ, &d);
    if (v.list == OK) {
        while ((v.list = file_read_dir(d, &entry)) == OK) {
        }
        file_close(d);
    }
    unmount_image(before);
    return v;
}

static uint64_t inode_of_hello(void)
{
    struct file_stat st;
    size_t before = env_settled_objects();
    mount_image("small.img");
    assert_int_equal(vfs_stat(NULL, "/i/hello", true, &st), OK);
    unmount_image(before);
    return st.inode;
}

static void test_block_numbers_stay_inside(void **state)
{
    (void)state;
    uint64_t hello = inode_of_hello();
    static const uint32_t numbers[] = {1, 80, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < 4; i++) {
        image_load("small.img");
        store_le32(inode(hello) + 40, numbers[i]);
        struct verdict v = judge();
        assert_int_equal(v.read, E_CORRUPT);
        assert_int_equal(v.list, E_NOENT);

        image_load("small.img");
        store_le32(inode(2) + 40, numbers[i]);
        v = judge();
        assert_int_equal(v.read, E_CORRUPT);
        assert_int_equal(v.list, E_CORRUPT);

        image_load("small.img");
        store_le32(block(2) + 8, numbers[i]); /* the inode table */
        assert_int_equal(judge().mount, E_CORRUPT);
    }
    image_load("small.img");
    memcpy(block(79), block(load_le32(block(2) + 8)), 1024);
    store_le32(block(2) + 8, 79); /* its start lies inside, its end does not */
    assert_int_equal(judge().mount, E_CORRUPT);
    image_load("small.img");
    store_le32(inode(2) + 40, 0); /* a hole, which a directory must not have */
    assert_int_equal(judge().list, E_CORRUPT);
}

static void test_inodes_that_contradict_themselves(void **state)
{
    (void)state;
    uint64_t hello = inode_of_hello();
    static const struct {
        size_t at;
        uint32_t value;
    } lies[] = {
        {108, 5},         /* larger than three levels can address */
        {26, 0},          /* no links */
        {32, 0x80000},    /* extents without the superblock's feature bit */
        {32, 0x10000000}, /* data in the inode, likewise */
    };
    for (size_t i = 0; i < 4; i++) {
        image_load("small.img");
        if (lies[i].at == 26) {
            store_le16(inode(hello) + 26, 0);
        } else {
            store_le32(inode(hello) + lies[i].at, lies[i].value);
        }
        assert_int_equal(judge().read, E_CORRUPT);
    }
    static const uint32_t sizes[] = {1, 1000, 1025, 81 * 1024};
    for (size_t i = 0; i < 4; i++) { /* of a directory */
        image_load("small.img");
        store_le32(inode(2) + 4, sizes[i]);
        assert_int_equal(judge().mount, E_CORRUPT);
    }
    image_load("small.img");
    store_le16(inode(2), 0100644); /* the root is a regular file */
    assert_int_equal(judge().mount, E_CORRUPT);
}

static void test_wrong_directory_entries(void **state)
{
    (void)state;
    /* The first entry is ".", 12 bytes long. */
    static const uint16_t lens[] = {0, 4, 7, 13, 1025, 1028, 0xfffc};
    for (size_t i = 0; i < 7; i++) {
        image_load("small.img");
        store_le16(root_directory() + 4, lens[i]);
        assert_int_equal(judge().list, E_CORRUPT);
        assert_int_equal(judge().read, E_CORRUPT);
    }
    static const uint8_t name_lens[] = {0, 5, 255};
    for (size_t i = 0; i < 3; i++) {
        image_load("small.img");
        root_directory()[6] = name_lens[i];
        assert_int_equal(judge().list, E_CORRUPT);
    }
    image_load("small.img");
    root_directory()[8] = '/';
    assert_int_equal(judge().list, E_CORRUPT);
    image_load("small.img");
    root_directory()[8] = 0;
    assert_int_equal(judge().list, E_CORRUPT);
    image_load("small.img"); /* a name that would continue in the next block */
    uint8_t *dir = root_directory();
    memset(dir + 24, 0, 1000);
    store_le16(dir + 24 + 4, 1012 - 24);
    store_le32(dir + 1012, 2);
    store_le16(dir + 1012 + 4, 12);
    dir[1012 + 6] = 200;
    memset(dir + 1012 + 8, 'x', 4 + 512);
    assert_int_equal(judge().list, E_CORRUPT);
    image_load("small.img"); /* refers to a missing inode: the name exists, the file does not */
    uint8_t *hello = memmem(root_directory(), 1024, "hello", 5);
    assert_non_null(hello);
    store_le32(hello - 8, 17);
    assert_int_equal(judge().list, E_NOENT);
    assert_int_equal(judge().read, E_CORRUPT);
}

/* Without file types in the directory, a listing reads each inode: if that
 * fails, the call has no effect. */
static void test_failed_listing_changes_nothing(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    image_load("old.img");
    uint8_t *hello = memmem(root_directory(), 1024, "hello", 5);
    assert_non_null(hello);
    store_le32(hello - 8, 17); /* of 16 */
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    struct file *d;
    struct dir_entry entry, seen;
    enum status s;
    assert_int_equal(vfs_open(NULL, "/i", VFS_READ, &d), OK);
    memset(&entry, 0, sizeof(entry));
    do {
        seen = entry;
        s = file_read_dir(d, &entry);
    } while (s == OK);
    assert_int_equal(s, E_CORRUPT);
    assert_int_not_equal(seen.inode, 0);
    assert_int_equal(entry.inode, seen.inode);
    assert_int_equal(entry.type, seen.type);
    assert_string_equal(entry.name, seen.name);
    assert_int_equal(file_read_dir(d, &entry), E_CORRUPT); /* the entry was not skipped */
    file_close(d);
    unmount_image(before);
}

/* All blocks of a directory may be the same block, so the disk's size is no limit. */
static void test_directories_have_a_largest_size(void **state)
{
    (void)state;
    const uint32_t largest = 64 << 20;
    image_load("wide.img");
    uint8_t *root = env_disk.bytes + (size_t)load_le32(env_disk.bytes + 4096 + 8) * 4096 +
                    load_le16(env_disk.bytes + 1024 + 88);
    assert_int_equal(load_le32(root + 4), 4096);
    size_t before = env_settled_objects();
    store_le32(root + 4, largest);
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    unmount_image(before);
    store_le32(root + 4, largest + 4096);
    expect_refused(E_CORRUPT);
}

/* Every byte of the metadata of a small image, with several values each; then visit everything. */
static void test_every_corrupted_byte_ends_cleanly(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x80, 0xff};
    size_t before = env_settled_objects();
    unsigned seen = 0;
    image_load("small.img");
    size_t len = env_disk.dev.sectors * 512;
    uint8_t *golden = malloc(len);
    assert_non_null(golden);
    memcpy(golden, env_disk.bytes, len);
    for (size_t at = 1024; at < len; at++) {
        if (at == 1024 + 264) {
            at = 2048; /* ext2 ignores the rest of the superblock */
        }
        for (size_t v = 0; v < sizeof(values); v++) {
            if (golden[at] == values[v] ||
                (golden[at] == 0 && at >= 2048 && v > 0 && at % 4 != 0)) {
                continue;
            }
            env_disk_init(golden, len);
            env_disk.bytes[at] = values[v];
            enum status s = vfs_mount_block(&env_disk.dev, "/i");
            if (s == OK) {
                seen |= fs_visit("/i");
                s = vfs_unmount("/i");
                assert_int_equal(s, OK);
            }
            assert_int_equal(env_disk.refs, 0);
            assert_int_equal(env_settled_objects(), before);
        }
    }
    assert_true((seen & 1u << -E_CORRUPT) != 0);
    free(golden);
}

static void test_every_failed_allocation_is_survived(void **state)
{
    (void)state;
    size_t before = env_settled_objects();
    enum status s = E_NOMEM;
    int n = 0;
    for (; s != OK; n++) {
        image_load("1024.img");
        env_allocations_left = n;
        s = vfs_mount_block(&env_disk.dev, "/i");
        assert_true(s == OK || s == E_NOMEM);
        if (s == OK) {
            env_allocations_left = 8; /* continue with almost no cache */
            (void)fs_visit("/i");
            env_allocations_left = -1;
            assert_int_equal(vfs_unmount("/i"), OK);
        }
        env_allocations_left = -1;
        assert_int_equal(env_settled_objects(), before);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_equal_the_hosts),
        cmocka_unit_test(test_devices_with_large_sectors),
        cmocka_unit_test(test_names_and_links),
        cmocka_unit_test(test_listing_has_every_name_once),
        cmocka_unit_test(test_sequential_reads_take_few_requests),
        cmocka_unit_test(test_disk_may_cover_the_root_and_tmp_stays),
        cmocka_unit_test(test_a_failing_disk_returns_the_bytes_read_so_far),
        cmocka_unit_test(test_a_long_read_ends_with_its_program),
        cmocka_unit_test(test_truncated_and_foreign_images_are_refused),
        cmocka_unit_test(test_unknown_features_are_reported),
        cmocka_unit_test(test_wrong_superblocks_are_refused),
        cmocka_unit_test(test_block_numbers_stay_inside),
        cmocka_unit_test(test_inodes_that_contradict_themselves),
        cmocka_unit_test(test_wrong_directory_entries),
        cmocka_unit_test(test_failed_listing_changes_nothing),
        cmocka_unit_test(test_directories_have_a_largest_size),
        cmocka_unit_test(test_every_corrupted_byte_ends_cleanly),
        cmocka_unit_test(test_every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
