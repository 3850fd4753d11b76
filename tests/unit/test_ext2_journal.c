// SPDX-License-Identifier: MIT
//
// kernel/fs/journal*.c on ext3 images that mke2fs made, with logs that debugfs wrote, and logs made
// here. A replay leaves the same blocks as e2fsck.
#include "kernel/fs/vfs.h"

#include "kernel/base/clock.h"
#include "fs/fs_env.h"
#include "fs/image_bed.h"
#include "fs/journal_log.h"
#include "kernel/lib/crc32c.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup_once(void **state)
{
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell("mkdir tree && echo old > tree/file && head -c 40000 /dev/urandom > tree/large && "
                "mke2fs -q -t ext3 -b 1024 -N 64 -J size=1 -d tree 1024.img 3M 2>log && "
                "mke2fs -q -t ext3 -b 4096 -N 64 -J size=4 -d tree 4096.img 12M 2>log");
    return 0;
}

static enum status mount_and_replay(void)
{
    env_reset();
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    return vfs_remount("/i", true);
}

/* ---- Logs made here, in 1024.img ---- */

static void start_log(uint32_t at, uint32_t sequence)
{
    image_load("1024.img");
    log_start(at, sequence);
}

static void log_fill(uint32_t target, int byte)
{
    uint8_t bytes[LOG_BLOCK];
    memset(bytes, byte, LOG_BLOCK);
    log_copy(target, bytes, 0);
}

/* The blocks of /large are free to be overwritten: their contents do not matter. */
static uint32_t target(uint32_t i)
{
    uint32_t large = 0;
    for (uint32_t n = 11; n < 20; n++) {
        large = load_le32(log_image_inode(n) + 4) == 40000 ? n : large;
    }
    assert_int_not_equal(large, 0);
    return load_le32(log_image_inode(large) + 40 + (size_t)i * 4);
}

static void expect_fill(uint32_t n, int byte)
{
    assert_int_equal(log_image_block(n)[0], byte);
    assert_int_equal(log_image_block(n)[LOG_BLOCK - 1], byte);
}

/* Everything but the superblocks, which have times, and the journal's numbers. */
static void expect_as_e2fsck(void)
{
    image_save("log.img");
    assert_int_equal(mount_and_replay(), OK);
    assert_int_equal(vfs_unmount("/i"), OK);
    image_check_clean();
    assert_int_equal(load_le32(log_image_block(1) + 96) & 4, 0);
    assert_int_equal(load_be32(log_super() + 28), 0);
    size_t len = (size_t)env_disk.dev.sectors * BLOCK_SECTOR;
    uint8_t *ours = malloc(len);
    assert_non_null(ours);
    memcpy(ours, env_disk.bytes, len);
    image_shell("e2fsck -fy log.img >fsck.log 2>&1; test $? -le 1");
    image_load("log.img");
    for (uint32_t i = 0; i < LOG_LENGTH; i++) { /* contents of the journal may differ */
        memcpy(ours + (size_t)log_place(i) * LOG_BLOCK, log_image_block(log_place(i)), LOG_BLOCK);
    }
    for (uint32_t n = 2; n < len / LOG_BLOCK; n++) {
        if (memcmp(ours + (size_t)n * LOG_BLOCK, log_image_block(n), LOG_BLOCK) != 0) {
            fail_msg("block %u is not as e2fsck leaves it", n);
        }
    }
    free(ours);
}

static void test_the_last_copy_of_each_block_is_written(void **state)
{
    (void)state;
    start_log(1, 7);
    log_fill(target(0), 1);
    log_fill(target(1), 2);
    log_commit();
    log_fill(target(0), 3);
    log_commit();
    uint32_t a = target(0), b = target(1);
    expect_as_e2fsck();
    start_log(1, 7);
    log_fill(a, 1);
    log_fill(b, 2);
    log_commit();
    log_fill(a, 3);
    log_commit();
    assert_int_equal(mount_and_replay(), OK);
    assert_non_null(strstr(env_last_log(), "read-write"));
    expect_fill(a, 3);
    expect_fill(b, 2);
    assert_int_equal(load_be32(log_super() + 24), 10); /* 9 may be in the log */
    assert_int_equal(vfs_unmount("/i"), OK);
}

static void test_a_transaction_without_its_commit_is_forgotten(void **state)
{
    (void)state;
    start_log(LOG_LENGTH - 3, UINT32_MAX); /* both wrap around */
    uint32_t a = target(0), b = target(1);
    log_fill(a, 1);
    log_commit();
    log_fill(a, 2);
    log_commit();
    log_fill(b, 3);
    uint8_t old = log_image_block(b)[0];
    image_save("wrapped.img");
    expect_as_e2fsck();
    image_load("wrapped.img");
    assert_int_equal(mount_and_replay(), OK);
    expect_fill(a, 2);
    assert_int_equal(log_image_block(b)[0], old);
    assert_int_equal(vfs_unmount("/i"), OK);
}

static void test_revoked_copies_are_not_written(void **state)
{
    (void)state;
    start_log(5, 100);
    uint32_t a = target(0), b = target(1), c = target(2);
    uint8_t old = log_image_block(b)[0];
    log_fill(a, 1);
    log_fill(b, 1);
    log_fill(c, 1);
    log_commit();
    log_revoke(a);
    log_revoke(b);
    log_fill(c, 2);
    log_revoke(c); /* also those of the same transaction */
    log_commit();
    log_fill(a, 3);
    log_commit();
    image_save("revoked.img");
    expect_as_e2fsck();
    image_load("revoked.img");
    uint8_t old_c = log_image_block(c)[0];
    assert_int_equal(mount_and_replay(), OK);
    expect_fill(a, 3);
    assert_int_equal(log_image_block(b)[0], old);
    assert_int_equal(log_image_block(c)[0], old_c);
    assert_int_equal(vfs_unmount("/i"), OK);
}

static void test_tags(void **state)
{
    (void)state;
    start_log(1, 1);
    uint8_t bytes[LOG_BLOCK] = {0xc0, 0x3b, 0x39, 0x98, 1};
    uint32_t a = target(0), b = target(1), c = target(2);
    log_copy(a, bytes, LOG_ESCAPED);
    uint8_t *d = log_header(LOG_DESCRIPTOR); /* two in one block, the first with the UUID */
    store_be32(d + 12, b);
    store_be32(d + 36, c);
    store_be32(d + 40, LOG_SAME_UUID | LOG_DELETED | LOG_LAST);
    memset(log_block(), 4, LOG_BLOCK);
    memset(log_block(), 5, LOG_BLOCK);
    log_commit();
    image_save("tags.img");
    expect_as_e2fsck();
    image_load("tags.img");
    store_be32(log_super() + 4, 3); /* version 1 has no features */
    assert_int_equal(mount_and_replay(), OK);
    assert_memory_equal(log_image_block(a), bytes, LOG_BLOCK);
    expect_fill(b, 4);
    expect_fill(c, 5);
    assert_int_equal(vfs_unmount("/i"), OK);
}

/* A file's name, inode and times come from the log, also where they are cached. */
static void test_a_log_of_debugfs(void **state)
{
    (void)state;
    static const char *const images[] = {"1024", "4096"};
    for (size_t i = 0; i < 2; i++) {
        image_shell(
            "cp %s.img a.img && cp a.img b.img && debugfs -w -R 'write tree/large more' b.img "
            ">log 2>&1 && debugfs -w -R 'rm file' b.img >log 2>&1 && "
            "n=$(cmp -l a.img b.img | awk '{b=int(($1-1)/%s); if (b != l && b > 1) print b; l=b}' "
            "| sort -nu | tr '\\n' ',' | sed 's/,$//') && "
            "for b in $(echo $n | tr , ' '); do dd if=b.img bs=%s skip=$b count=1 status=none; done "
            ">blocks && printf 'jo\\njw -b %%s blocks\\njc\\n' $n >script && "
            "debugfs -w -f script a.img >log 2>&1",
            images[i], images[i], images[i]);
        image_load("a.img");
        assert_int_not_equal(load_le32(env_disk.bytes + 1024 + 96) & 4, 0);
        struct file_stat st;
        env_reset();
        assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
        assert_int_equal(vfs_stat(NULL, "/i/more", false, &st), E_NOENT);
        assert_int_equal(vfs_stat(NULL, "/i/file", false, &st), OK);
        struct file *f;
        assert_int_equal(vfs_open(NULL, "/i/file", VFS_READ, &f), OK);
        assert_int_equal(vfs_remount("/i", true), E_BUSY);
        assert_non_null(strstr(env_last_log(), "files are open"));
        file_close(f);
        assert_int_equal(env_disk.sectors_written, 0);
        assert_int_equal(vfs_remount("/i", true), OK);
        assert_int_equal(vfs_stat(NULL, "/i/more", false, &st), OK);
        assert_int_equal(st.size, 40000);
        assert_int_equal(vfs_stat(NULL, "/i/file", false, &st), E_NOENT);
        assert_int_equal(vfs_unmount("/i"), OK);
        image_save("now.img");
        image_shell(
            "e2fsck -fy now.img >fsck.log 2>&1; " /* the superblock's counts were not logged */
            "test $? -le 1 && debugfs -R 'dump more back' now.img >log 2>&1 && cmp back tree/large");
    }
}

/* ---- Read-only, and hostile ---- */

static void test_a_read_only_mount_changes_nothing(void **state)
{
    (void)state;
    start_log(1, 1);
    log_fill(target(0), 1);
    log_commit();
    env_reset();
    env_disk.dev.read_only = true;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_remount("/i", true), E_ROFS);
    assert_int_equal(vfs_unmount("/i"), OK);
    env_disk.dev.read_only = false;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_unmount("/i"), OK);
    assert_int_equal(env_disk.sectors_written, 0);
}

static void expect_refused(enum status want, const char *why)
{
    size_t len = (size_t)env_disk.dev.sectors * BLOCK_SECTOR;
    size_t live = env_live_objects();
    uint8_t *before = malloc(len);
    assert_non_null(before);
    memcpy(before, env_disk.bytes, len);
    assert_int_equal(mount_and_replay(), want);
    if (strstr(env_last_log(), why) == NULL) {
        fail_msg("\"%s\" is not in: %s", why, env_last_log());
    }
    assert_int_equal(vfs_unmount("/i"), OK);
    assert_int_equal(env_disk.sectors_written, 0);
    assert_memory_equal(env_disk.bytes, before, len);
    assert_int_equal(env_live_objects(), live);
    free(before);
}

static void good_log(void)
{
    start_log(1, 1);
    log_fill(target(0), 1);
    log_commit();
}

static void test_hostile_superblocks_of_journals(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint32_t value;
        enum status want;
        const char *why;
    } lies[] = {
        {0, 1, E_CORRUPT, "no superblock"},
        {4, 1, E_CORRUPT, "no superblock"},
        {12, 4096, E_CORRUPT, "block size"},
        {16, 0, E_CORRUPT, "length"},
        {16, LOG_LENGTH + 1, E_CORRUPT, "length"},
        {16, UINT32_MAX, E_CORRUPT, "length"},
        {20, 0, E_CORRUPT, "first block"},
        {20, LOG_LENGTH, E_CORRUPT, "first block"},
        {28, LOG_LENGTH, E_CORRUPT, "outside the journal"},
        {28, UINT32_MAX, E_CORRUPT, "outside the journal"},
        {40, 0x2, E_NOTSUP, "64bit"},
        {40, 0x10, E_NOTSUP, "csum_v3"},
        {40, 0x100, E_NOTSUP, "unknown"},
        {44, 1, E_NOTSUP, "unknown"},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        good_log();
        store_be32(log_super() + lies[i].at, lies[i].value);
        expect_refused(lies[i].want, lies[i].why);
    }
}

static void test_hostile_inodes_of_journals(void **state)
{
    (void)state;
    good_log();
    store_le32(log_image_block(1) + 224, 12); /* a file that has a name */
    expect_refused(E_CORRUPT, "inode");
    good_log();
    store_le32(log_image_block(1) + 224, UINT32_MAX);
    expect_refused(E_CORRUPT, "inode");
    good_log();
    store_le16(log_image_inode(8), 0040755);
    expect_refused(E_CORRUPT, "inode");
    good_log();
    store_le32(log_image_inode(8) + 4, 0);
    expect_refused(E_CORRUPT, "inode");
    good_log();
    store_le32(log_image_inode(8) + 44, 0); /* a hole */
    expect_refused(E_CORRUPT, "not those of a file");
    good_log();
    store_le32(log_image_inode(8) + 44, load_le32(log_image_block(2) + 8)); /* the inode table */
    expect_refused(E_CORRUPT, "not those of a file");
    good_log();
    store_le32(log_image_inode(8) + 44, 0x7fffffff);
    expect_refused(E_CORRUPT, "not those of a file");
    good_log();
    store_le32(log_image_inode(8) + 44, log_place(3));
    expect_refused(E_CORRUPT, "twice");
}

static void test_hostile_logs(void **state)
{
    (void)state;
    good_log();
    log_fill(0, 1); /* the boot block */
    log_commit();
    expect_refused(E_CORRUPT, "outside the file system");
    good_log();
    log_fill(UINT32_MAX, 1);
    log_commit();
    expect_refused(E_CORRUPT, "outside the file system");
    good_log();
    log_fill(log_place(0), 1);
    log_commit();
    expect_refused(E_CORRUPT, "overwrite itself");
    good_log();
    log_fill(1, 1); /* a superblock that is none */
    log_commit();
    expect_refused(E_CORRUPT, "inconsistent");
    good_log();
    uint8_t other[LOG_BLOCK];
    memcpy(other, log_image_block(1), LOG_BLOCK);
    store_le32(other + 32, 4096); /* one with another size of groups */
    log_copy(1, other, 0);
    log_commit();
    expect_refused(E_CORRUPT, "inconsistent");
    static const uint32_t lengths[] = {0, 15, 18, LOG_BLOCK + 4, UINT32_MAX};
    for (size_t i = 0; i < 5; i++) {
        good_log();
        uint8_t *b = log_header(LOG_REVOKE);
        store_be32(b + 12, lengths[i]);
        log_commit();
        expect_refused(E_CORRUPT, "impossible length");
    }
    /* Descriptors all around the journal, without an end: no transaction is complete. */
    start_log(1, 1);
    for (uint32_t i = 1; i < LOG_LENGTH; i++) {
        store_be32(log_header(LOG_DESCRIPTOR) + 12, target(0));
    }
    uint8_t old = log_image_block(target(0))[0];
    assert_int_equal(mount_and_replay(), OK);
    assert_int_equal(log_image_block(target(0))[0], old);
    assert_int_equal(vfs_unmount("/i"), OK);
}

/* Log a superblock with features added and needs_recovery removed. */
static void log_features(uint32_t incompat, uint32_t ro_compat)
{
    uint8_t new[LOG_BLOCK];
    good_log();
    memcpy(new, log_image_block(1), LOG_BLOCK);
    store_le32(new + 96, (load_le32(new + 96) | incompat) & ~(uint32_t)4);
    store_le32(new + 100, load_le32(new + 100) | ro_compat);
    store_le16(new + 254, 64); /* size of group descriptors */
    new[373] = 1;              /* kind of checksums */
    store_le32(new + 1020, crc32c(UINT32_MAX, new, 1020));
    log_copy(1, new, 0);
    log_commit();
}

/* An image that is writable has none of them: writing would damage it. */
static void test_a_superblock_in_a_log_with_other_features(void **state)
{
    (void)state;
    static const uint32_t formats[] = {0x40, 0x80, 0x200}; /* extents, 64bit, flex_bg */
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        log_features(formats[i], 0);
        expect_refused(E_CORRUPT, "inconsistent");
    }
    log_features(0, 0x400); /* metadata_csum */
    expect_refused(E_CORRUPT, "inconsistent");
    log_features(0, 0x8); /* huge_file, which only writers must know */
    assert_int_equal(mount_and_replay(), E_NOTSUP);
    assert_non_null(strstr(env_last_log(), "huge_file"));
    expect_fill(target(0), 1);
    assert_int_equal(vfs_mkdir(NULL, "/i/no"), E_ROFS);
    assert_int_equal(vfs_unmount("/i"), OK);
}

/* Wrong bytes anywhere in a log are refused, make the log shorter, or change where it leads. */
static void test_random_logs(void **state)
{
    (void)state;
    uint32_t seed = 1, refused = 0;
    for (int i = 0; i < 400; i++) {
        start_log(1, 1);
        for (int k = 0; k < 6; k++) {
            log_fill(target((uint32_t)k), k);
            log_revoke(target(7));
            log_commit();
        }
        for (int k = 0; k < 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            uint8_t *b = log_image_block(log_place(seed >> 8 & 31));
            b[(seed >> 13) % (k < 3 ? 24 : 64)] = (uint8_t)(seed >> 24);
        }
        size_t live = env_live_objects();
        enum status s = mount_and_replay();
        refused += s != OK;
        /* A log may be sound and overwrite an inode with anything, or note an error. */
        bool is_replayed = strstr(env_last_log(), "after its journal was replayed") != NULL ||
                           strstr(env_last_log(), "it has errors") != NULL;
        assert_true(s == OK || env_disk.sectors_written == 0 || is_replayed);
        (void)vfs_unmount("/i");
        assert_int_equal(env_live_objects(), live);
    }
    assert_in_range(refused, 50, 350);
}

static void test_failures_of_the_device_and_of_memory(void **state)
{
    (void)state;
    enum status s = E_IO;
    uint32_t failed = 0;
    for (uint64_t n = 0; s != OK; n++) {
        good_log();
        log_revoke(target(1));
        log_commit();
        env_reset();
        assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
        env_disk.transfers_left = n;
        s = vfs_remount("/i", true);
        assert_true(s == OK || s == E_IO);
        env_disk.transfers_left = UINT64_MAX;
        if (strstr(env_last_log(), "read-only from now on") != NULL) {
            failed++; /* the device works again, but the replay is incomplete */
            assert_int_equal(vfs_remount("/i", true), E_CORRUPT);
            assert_non_null(strstr(env_last_log(), "it has failed"));
        }
        (void)vfs_unmount("/i");
        assert_true(n < 100);
    }
    assert_in_range(failed, 1, 100);
    s = E_NOMEM;
    for (int n = 0; s != OK; n++) {
        good_log();
        env_reset();
        size_t live = env_live_objects();
        assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
        env_allocations_left = n;
        s = vfs_remount("/i", true);
        env_allocations_left = -1;
        assert_true(s == OK || s == E_NOMEM);
        assert_int_equal(vfs_remount("/i", true), OK);
        expect_fill(target(0), 1);
        assert_int_equal(vfs_unmount("/i"), OK);
        assert_int_equal(env_live_objects(), live);
        assert_true(n < 200);
    }
}

/* ---- Writing ---- */

static enum status fill_file(const char *path, size_t *total)
{
    static const uint8_t zeroes[30000];
    struct file *f;
    size_t done;
    *total = 0;
    enum status s = vfs_open(NULL, path, VFS_WRITE | VFS_CREATE, &f);
    if (s != OK) {
        return s;
    }
    while ((s = file_write(f, zeroes, sizeof(zeroes), &done)) == OK) {
        *total += done;
    }
    file_close(f);
    return s;
}

/* Write the first block of a file and make it durable. Returns how often the device was flushed: a
 * transaction needs two flushes. */
static uint64_t flushes_of_write(struct file *f, uint64_t *modified_ns)
{
    static const uint8_t block[4096] = {1};
    struct file_stat st;
    size_t done;
    uint64_t before = env_disk.flushes;
    assert_int_equal(file_write_at(f, 0, block, sizeof(block), &done), OK);
    assert_int_equal(file_sync(f), OK);
    if (modified_ns != NULL) {
        assert_int_equal(file_stat(f, &st), OK);
        assert_int_equal(st.modified_ns, st.changed_ns);
        *modified_ns = st.modified_ns;
    }
    return env_disk.flushes - before;
}

/* Changes within 4 ms share a time, so the inode stays as it is. But a time that stat() has
 * returned is not given to a later change. */
static void test_overwriting_needs_no_transaction_unless_the_time_changes(void **state)
{
    (void)state;
    struct file *f;
    uint64_t seen, ns = env_wall_ns;
    image_load("4096.img");
    assert_int_equal(mount_and_replay(), OK);
    assert_int_equal(vfs_open(NULL, "/i/f", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(flushes_of_write(f, NULL), 2); /* it is larger now */
    assert_int_equal(flushes_of_write(f, NULL), 1);
    env_wall_ns = ns + 4 * NS_PER_MS - 1;
    assert_int_equal(flushes_of_write(f, NULL), 1);
    env_wall_ns = ns + 4 * NS_PER_MS;
    assert_int_equal(flushes_of_write(f, &seen), 2);
    assert_int_equal(seen, ns + 4 * NS_PER_MS);
    env_wall_ns++;
    assert_int_equal(flushes_of_write(f, NULL), 2); /* the time was seen */
    env_wall_ns++;
    assert_int_equal(flushes_of_write(f, &seen), 1);
    assert_int_equal(seen, ns + 4 * NS_PER_MS + 1);
    env_wall_ns = ns - NS_PER_S; /* set back */
    assert_int_equal(flushes_of_write(f, &seen), 2);
    assert_int_equal(seen, ns - NS_PER_S);
    env_wall_ns = ns;
    file_close(f);
    assert_int_equal(vfs_unmount("/i"), OK);
    image_check_clean();
}

/* Deleting needs several transactions. The space is free for the next file at once, although its
 * blocks may not be used before the commit. */
static void test_a_full_disk(void **state)
{
    (void)state;
    image_load("1024.img");
    assert_int_equal(mount_and_replay(), OK);
    uint64_t before = image_free_bytes();
    size_t first, again;
    assert_int_equal(fill_file("/i/full", &first), E_NOSPC);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(image_free_bytes(), 0);
        assert_int_equal(vfs_mkdir(NULL, "/i/d"), E_NOSPC);
        assert_int_equal(vfs_unlink(NULL, "/i/full"), OK);
        assert_int_equal(image_free_bytes(), before);
        assert_int_equal(fill_file("/i/full", &again), E_NOSPC);
        assert_int_equal(again, first);
    }
    assert_int_equal(vfs_unmount("/i"), OK);
    image_check_clean();
}

/* The disk stays as it was at the last commit, and notes the error. */
static void test_a_device_that_fails_while_it_is_written(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (uint64_t n = 0; n < 24; n++) {
        image_load("1024.img");
        assert_int_equal(mount_and_replay(), OK);
        assert_int_equal(vfs_mkdir(NULL, "/i/kept"), OK);
        assert_int_equal(vfs_sync(), OK);
        env_disk.transfers_left = n;
        enum status s = OK;
        for (int i = 0; i < 4 && s == OK; i++) {
            char path[32];
            size_t total;
            snprintf(path, sizeof(path), "/i/d%d", i);
            s = vfs_mkdir(NULL, path);
            s = s != OK ? s : vfs_sync();
            s = s != OK || i != 2 ? s : fill_file("/i/full", &total);
            s = s == E_NOSPC ? OK : s;
        }
        failed += s != OK;
        if (s != OK) {
            assert_true(vfs_mkdir(NULL, "/i/no") != OK);
        }
        assert_int_equal(vfs_unmount("/i"), s == OK && env_disk.transfers_left != 0 ? OK : E_IO);
        env_disk.transfers_left = UINT64_MAX;
        store_be32(log_super() + 32, 0); /* as if it had been checked */
        assert_int_equal(mount_and_replay(), OK);
        assert_int_equal(vfs_mkdir(NULL, "/i/kept"), E_EXIST);
        assert_int_equal(vfs_unmount("/i"), OK);
        image_check_clean();
    }
    assert_in_range(failed, 5, 24);
}

/* Lists of orphans that lead to themselves, or to what is no file. */
static void test_hostile_lists_of_orphans(void **state)
{
    (void)state;
    for (uint32_t first = 1; first < 80; first++) {
        image_load("1024.img");
        store_le32(log_image_block(1) + 232, first);
        if (first >= 11 && first <= 64) {
            store_le32(log_image_inode(first) + 20, first);
        }
        size_t live = env_live_objects();
        enum status s = mount_and_replay();
        assert_true(s != OK || (first >= 11 && first < 16)); /* a file that keeps its size */
        assert_int_equal(s == OK ? OK : vfs_mkdir(NULL, "/i/no"), s == OK ? OK : E_ROFS);
        (void)vfs_unmount("/i");
        assert_int_equal(env_live_objects(), live);
        if (s == OK) {
            image_check_clean();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_copy_of_each_block_is_written),
        cmocka_unit_test(test_a_transaction_without_its_commit_is_forgotten),
        cmocka_unit_test(test_revoked_copies_are_not_written),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_a_log_of_debugfs),
        cmocka_unit_test(test_a_read_only_mount_changes_nothing),
        cmocka_unit_test(test_hostile_superblocks_of_journals),
        cmocka_unit_test(test_hostile_inodes_of_journals),
        cmocka_unit_test(test_hostile_logs),
        cmocka_unit_test(test_a_superblock_in_a_log_with_other_features),
        cmocka_unit_test(test_random_logs),
        cmocka_unit_test(test_failures_of_the_device_and_of_memory),
        cmocka_unit_test(test_overwriting_needs_no_transaction_unless_the_time_changes),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_a_device_that_fails_while_it_is_written),
        cmocka_unit_test(test_hostile_lists_of_orphans),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
