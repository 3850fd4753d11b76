// SPDX-License-Identifier: MIT
//
// kernel/fs/ext2*.c reading images that mkfs.ext4 made: extents, checksums, large directories. They
// are refused for writing, and damage is noticed.
#include "kernel/fs/vfs.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"
#include "kernel/fs/ext4.h"
#include "kernel/lib/crc32c.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GIB (UINT64_C(1) << 30)

enum { NAMES = 1500, PIECES = 450, PIECE = 8192, SMALL_NAMES = 60 };

/* Holes in a host's file are multiples of 4 KiB. `pieces`: each half data and half hole, so each is
 * an extent. */
static void make_sparse(const char *name, unsigned pieces)
{
    char path[128], data[PIECE / 2];
    snprintf(path, sizeof(path), "%s/%s", image_folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (unsigned i = 0; i < pieces; i++) {
        memset(data, 'a' + (int)(i % 26), sizeof(data));
        assert_int_equal(fseek(f, (long)i * PIECE, SEEK_SET), 0);
        assert_int_equal(fwrite(data, sizeof(data), 1, f), 1);
    }
    fclose(f);
}

static int set_up(void **state)
{
    ext2_enable_check();
    (void)state;
    if (image_set_up(2048) != 0) {
        return -1;
    }
    image_shell(
        "mkdir -p tree/d/e tree/many small/d && echo hello >tree/hello && : >tree/empty && "
        "head -c 3000001 /dev/urandom >tree/large && ln -s hello tree/fast && "
        "ln -s ./%s/hello tree/d/slow && truncate -s 5G tree/huge && "
        "echo end | dd of=tree/huge bs=1M seek=5000 conv=notrunc status=none && cd tree/many && "
        "for i in $(seq %d); do : >a-rather-long-file-name-number-$i; done && cd ../../small && "
        "for i in $(seq %d); do : >d/a-name-number-$i; done && head -c 1024 /dev/zero | tr '\\0' x >hello",
        "./././././././././././././././././././././././././././././././././..", NAMES, SMALL_NAMES);
    make_sparse("tree/sparse", PIECES);
    make_sparse("small/sparse", 6);
    image_shell("for b in 1024 4096; do mkfs.ext4 -q -b $b -N 2000 -d tree $b.img 40M 2>log && "
                "{ e2fsck -fyD $b.img >log; test $? -le 1; } && "
                "debugfs -w -R 'fallocate /empty 0 20' $b.img 2>log || exit 1; done");
    image_shell("mkfs.ext4 -q -b 2048 -N 2000 -O ^metadata_csum,^64bit -d tree 2048.img 40M 2>log");
    image_shell(
        "mkfs.ext4 -q -b 1024 -N 80 -O ^has_journal,metadata_csum_seed -d small small.img 256k"
        " 2>log && { e2fsck -fyD small.img >log; test $? -le 1; }");
    image_shell(
        "mkfs.ext4 -q -b 1024 -N 80 -O ^has_journal,^metadata_csum -d small plain.img 256k 2>log");
    image_shell(
        "mkfs.ext4 -q -b 1024 -N 32 -O ^extents,^64bit,^flex_bg,^has_journal,^huge_file,^dir_nlink,^extra_isize sums.img 256k 2>log");
    return 0;
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(~crc32c(UINT32_MAX, "123456789", 9), 0xe3069283); /* the usual check value */
    assert_int_equal(crc32c(crc32c(7, "1234", 4), "56789", 5), crc32c(7, "123456789", 9));
}

static void expect_same(const char *name)
{
    static uint8_t want[65536 + 777], got[sizeof(want)];
    char host[128], guest[128];
    struct file *f;
    size_t len, n;
    snprintf(host, sizeof(host), "%s/tree/%s", image_folder, name);
    snprintf(guest, sizeof(guest), "/i/%s", name);
    FILE *h = fopen(host, "rb");
    assert_non_null(h);
    assert_int_equal(vfs_open(NULL, guest, VFS_READ, &f), OK);
    do {
        len = fread(want, 1, sizeof(want), h);
        for (size_t at = 0; at < len; at += n) {
            assert_int_equal(file_read(f, got + at, len - at, &n), OK);
            assert_int_not_equal(n, 0);
        }
        assert_memory_equal(got, want, len);
    } while (len != 0);
    assert_int_equal(file_read(f, got, sizeof(got), &n), OK);
    assert_int_equal(n, 0);
    file_close(f);
    fclose(h);
}

static void expect_names(void)
{
    struct file *d;
    struct file_stat st;
    struct dir_entry entry;
    static bool seen[NAMES + 1];
    int count = 0, k;
    char path[128];
    memset(seen, 0, sizeof(seen));
    assert_int_equal(vfs_open(NULL, "/i/many", VFS_READ, &d), OK);
    while (file_read_dir(d, &entry) == OK) {
        assert_int_equal(sscanf(entry.name, "a-rather-long-file-name-number-%d", &k), 1);
        assert_true(k >= 1 && k <= NAMES && !seen[k]);
        seen[k] = true;
        count++;
    }
    file_close(d);
    assert_int_equal(count, NAMES);
    for (k = 1; k <= NAMES; k += 7) {
        snprintf(path, sizeof(path), "/i/many/a-rather-long-file-name-number-%d", k);
        assert_int_equal(vfs_stat(NULL, path, true, &st), OK);
    }
    assert_int_equal(vfs_stat(NULL, "/i/many/a-rather-long-file-name-number-0", true, &st),
                     E_NOENT);
}

/* After more than 4 GiB of a hole. */
static void expect_end(void)
{
    struct file *f;
    struct file_stat st;
    char text[8];
    size_t n;
    assert_int_equal(vfs_stat(NULL, "/i/huge", true, &st), OK);
    assert_int_equal(st.size, 5 * GIB);
    assert_int_equal(vfs_open(NULL, "/i/huge", VFS_READ, &f), OK);
    assert_int_equal(file_read_at(f, UINT64_C(5000) << 20, text, 4, &n), OK);
    assert_memory_equal(text, "end\n", 4);
    assert_int_equal(file_read_at(f, 3 * GIB + 5, text, 8, &n), OK);
    assert_int_equal(n, 8);
    assert_memory_equal(text, "\0\0\0\0\0\0\0\0", 8);
    file_close(f);
}

static enum status loaded;
static unsigned loads;

static enum status load(void)
{
    loads++;
    return loaded;
}

static enum status make(struct block_device *dev, struct fs **out)
{
    return ext4_format.make(dev, out);
}

/* What reads ext4 is in an extension, which is loaded for ext4 only. Its format mounts the disk. */
static void test_what_reads_ext4_is_loaded(void **state)
{
    static const struct fs_added added = {.make = make};
    (void)state;
    ext2_set_ext4(NULL);
    image_load("4096.img");
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), E_NOTSUP); /* nothing can load it */
    ext2_set_ext4_loader(load);
    loaded = E_NOENT;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), E_NOTSUP);
    loaded = OK;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), E_FORMAT); /* it has no such format */
    assert_int_equal(loads, 2);
    fs_set_added(&added);
    image_mount(false);
    assert_int_equal(loads, 3);
    expect_same("large");
    image_unmount();
    image_shell("mke2fs -q -t ext3 -d tree 3.img 40M");
    ext2_set_ext4(NULL);
    image_load("3.img");
    image_mount(false);
    assert_int_equal(loads, 3);
    image_unmount();
    ext2_enable_ext4();
}

static void test_default_images_are_read(void **state)
{
    static const char *const images[] = {"1024.img", "2048.img", "4096.img"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct vfs_mount_info m;
        struct file_stat st;
        image_load(images[i]);
        image_mount(false);
        assert_true(vfs_get_mount(0, &m));
        assert_string_equal(m.type, "ext4");
        expect_same("hello");
        expect_same("large");
        expect_same("sparse"); /* with 1 KiB blocks its tree has two levels below the root */
        expect_names();
        expect_end();
        assert_int_equal(vfs_stat(NULL, "/i/fast", true, &st), OK);
        assert_int_equal(st.size, 6);
        assert_int_equal(vfs_stat(NULL, "/i/d/slow", true, &st), OK);
        assert_int_equal(st.size, 6);
        image_unmount();
    }
}

static void test_only_the_wanted_type_is_mounted(void **state)
{
    (void)state;
    image_load("plain.img");
    size_t before = env_settled_objects();
    struct vfs_type type = {.wanted = "ext2"};
    assert_int_equal(vfs_mount_block_as(&env_disk.dev, "/i", &type), E_FORMAT);
    assert_string_equal(type.found, "ext4");
    assert_int_equal(env_settled_objects(), before);
    assert_int_equal(env_disk.refs, 0);
    type = (struct vfs_type){.wanted = "ext4"};
    assert_int_equal(vfs_mount_block_as(&env_disk.dev, "/i", &type), OK);
    assert_string_equal(type.found, "");
    assert_int_equal(vfs_unmount("/i"), OK);
    memset(env_disk.bytes + 1024, 0, 1024);
    assert_int_equal(vfs_mount_block_as(&env_disk.dev, "/i", &type), E_FORMAT);
    assert_string_equal(type.found, "");
}

/* What is allocated but was never written. */
static void test_unwritten_extents_are_zeroes(void **state)
{
    (void)state;
    image_load("1024.img");
    uint8_t *group = env_disk.bytes + 2048;
    assert_true(load_le32(group + 8) != 0);
    image_shell("debugfs -w -R 'sif /empty size 21504' 1024.img 2>log && "
                "debugfs -R 'ex /empty' 1024.img 2>log | grep -q Uninit");
    image_load("1024.img");
    image_mount(false);
    struct file *f;
    static uint8_t got[30000];
    size_t n;
    memset(got, 1, sizeof(got));
    assert_int_equal(vfs_open(NULL, "/i/empty", VFS_READ, &f), OK);
    assert_int_equal(file_read(f, got, sizeof(got), &n), OK);
    assert_int_equal(n, 21504);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got[i], 0);
    }
    file_close(f);
    image_unmount();
}

static void test_writing_is_refused_by_name(void **state)
{
    static const struct {
        const char *image, *text;
    } cases[] = {{"4096.img", "ext4's extents: read-only"},
                 {"plain.img", "ext4's extents: read-only"},
                 {"sums.img", "feature metadata_csum is supported only for reading"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        static struct fs_check found;
        image_load(cases[i].image);
        image_mount(false);
        assert_int_equal(vfs_remount("/i", true), E_NOTSUP);
        if (strstr(env_last_log(), cases[i].text) == NULL) {
            fail_msg("%s: %s", cases[i].image, env_last_log());
        }
        assert_int_equal(vfs_mkdir(NULL, "/i/x"), E_ROFS);
        assert_int_equal(vfs_check_mounted("/i", &found), E_NOTSUP);
        image_unmount();
        assert_int_equal(env_disk.sectors_written, 0);
    }
}

static void test_what_cannot_be_read_is_refused(void **state)
{
    static const struct {
        const char *command, *text;
        enum status status;
    } cases[] = {
        {"feature needs_recovery", "feature needs_recovery", E_NOTSUP},
        {"ssv blocks_count 4294967552", "2^32 blocks", E_NOTSUP},
        {"ssv desc_size 48", "size of group descriptors", E_CORRUPT},
        {"ssv desc_size 2048", "size of group descriptors", E_CORRUPT},
        {"ssv checksum_type 2", "kind of checksums", E_CORRUPT},
        {"feature inline_data", "feature inline_data", E_NOTSUP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        image_shell("cp 4096.img bad.img && debugfs -w -R '%s' bad.img >log 2>&1",
                    cases[i].command);
        image_load("bad.img");
        enum status s = vfs_mount_block(&env_disk.dev, "/i");
        if (s != cases[i].status || strstr(env_last_log(), cases[i].text) == NULL) {
            fail_msg("%s: %s", cases[i].command, env_last_log());
        }
    }
}

/* ---- Damage ---- */

static uint32_t sum_bytes(uint32_t sum, const void *bytes, size_t len)
{
    return crc32c(sum, bytes, len);
}

static enum status sum_file(const char *path, uint32_t *sum)
{
    static uint8_t bytes[8192];
    struct file *f;
    size_t n = 1;
    enum status s = vfs_open(NULL, path, VFS_READ, &f);
    if (s != OK) {
        return s;
    }
    while (s == OK && n != 0) {
        s = file_read(f, bytes, sizeof(bytes), &n);
        *sum = s == OK ? sum_bytes(*sum, bytes, n) : *sum;
    }
    file_close(f);
    return s;
}

static enum status sum_directory(const char *path, uint32_t *sum)
{
    struct file *d;
    struct file_stat st;
    struct dir_entry entry;
    char inside[512];
    enum status s = vfs_open(NULL, path, VFS_READ | VFS_DIRECTORY, &d);
    if (s != OK) {
        return s;
    }
    while ((s = file_read_dir(d, &entry)) == OK) {
        *sum = sum_bytes(*sum, entry.name, strlen(entry.name));
        snprintf(inside, sizeof(inside), "%s/%s", path, entry.name);
        s = vfs_stat(NULL, inside, false, &st);
        s = s == OK && st.type == FILE_REGULAR ? sum_file(inside, sum) : s;
        if (s != OK) {
            break;
        }
        *sum = sum_bytes(*sum, &st.size, sizeof(st.size));
    }
    file_close(d);
    return s == E_NOENT ? OK : s;
}

/* Everything in small.img: OK, and its sum. */
static enum status sum_image(uint32_t *sum)
{
    size_t before = env_settled_objects();
    *sum = 0;
    enum status s = vfs_mount_block(&env_disk.dev, "/i");
    if (s == OK) {
        s = sum_directory("/i", sum);
        s = s != OK ? s : sum_directory("/i/d", sum);
        assert_int_equal(vfs_unmount("/i"), OK);
    }
    assert_int_equal(env_settled_objects(), before);
    return s;
}

/* File data, which is all letters here, has no checksum. Blocks of zeroes are mostly unused. */
static bool is_skipped(const uint8_t *block)
{
    for (size_t i = 0; i < 1024; i++) {
        if (block[i] != block[0] || (block[i] != 0 && (block[i] < 'a' || block[i] > 'z'))) {
            return false;
        }
    }
    return true;
}

/* A changed byte of the metadata is noticed, or changes nothing that is read. */
static void test_each_damage_is_noticed(void **state)
{
    static const char *const texts[] = {
        "the superblock's checksum is wrong", "the checksum of group 0 is wrong",
        "the checksum of the inode is wrong", "the checksum of a block of the directory is wrong",
        "the checksum of a block of extents is wrong"};
    unsigned seen = 0;
    uint32_t golden, sum;
    (void)state;
    image_load("small.img");
    size_t len = env_disk.dev.sectors * 512;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, env_disk.bytes, len);
    if (sum_image(&sum) != OK) {
        fail_msg("%s", env_last_log());
    }
    golden = sum;
    for (size_t at = 1024; at < len; at += 61) {
        if (is_skipped(bytes + at / 1024 * 1024)) {
            continue;
        }
        env_disk_init(bytes, len);
        env_disk.bytes[at] ^= (uint8_t)(1u << at % 8);
        env_reset();
        enum status s = sum_image(&sum);
        if (s == OK && sum != golden) {
            fail_msg("byte %zu: not noticed", at);
        }
        for (size_t i = 0; i < 5; i++) {
            seen |= s == E_CORRUPT && strstr(env_last_log(), texts[i]) != NULL ? 1u << i : 0;
        }
    }
    free(bytes);
    assert_int_equal(seen, 31);
}

/* The inode of a file in plain.img, which has no checksums. */
static uint8_t *inode_of(const char *path)
{
    struct file_stat st;
    image_mount(false);
    assert_int_equal(vfs_stat(NULL, path, true, &st), OK);
    image_unmount();
    uint32_t table = load_le32(env_disk.bytes + 2048 + 8);
    return env_disk.bytes + (size_t)table * 1024 +
           (st.inode - 1) * load_le16(env_disk.bytes + 1024 + 88);
}

static void test_malformed_trees_are_refused(void **state)
{
    /* Changes of two bytes: of the root in the inode of /hello, which is a leaf, and of the block
     * that the root of /sparse leads to. */
    static const struct {
        bool is_block;
        size_t at;
        uint16_t value;
    } lies[] = {
        {false, 0, 0xf30b}, /* the magic number */
        {false, 2, 5},      /* more entries than there is room for */
        {false, 4, 5},      /* room for more than the inode has */
        {false, 6, 6},      /* too deep */
        {false, 6, 1},      /* deeper than it is: the length is part of a block's number */
        {false, 16, 0},     /* an extent without blocks */
        {false, 18, 1},     /* block numbers with more than 32 bits */
        {false, 22, 1},     /* past the end of the image */
        {false, 20, 0},     /* block 0 */
        {false, 20, 1},     /* the superblock */
        {true, 0, 0},       {true, 6, 1},   /* as deep as its parent */
        {true, 4, 85},      {true, 16, 30}, /* the first extent ends in the next one */
    };
    uint32_t sum;
    (void)state;
    image_load("plain.img");
    if (sum_image(&sum) != OK) {
        fail_msg("%s", env_last_log());
    }
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        image_load("plain.img");
        uint8_t *root = inode_of(lies[i].is_block ? "/i/sparse" : "/i/hello") + 40;
        assert_int_equal(load_le16(root + 6), lies[i].is_block ? 1 : 0);
        uint8_t *part =
            lies[i].is_block ? env_disk.bytes + (size_t)load_le32(root + 16) * 1024 : root;
        store_le16(part + lies[i].at, lies[i].value);
        sum = 0;
        image_mount(false);
        enum status s = sum_file(lies[i].is_block ? "/i/sparse" : "/i/hello", &sum);
        image_unmount();
        if (s != E_CORRUPT) {
            fail_msg("%zu: %d", i, s);
        }
    }
    image_load("plain.img"); /* a leaf that leads to itself as a part */
    uint8_t *root = inode_of("/i/sparse") + 40;
    uint32_t block = load_le32(root + 16);
    uint8_t *part = env_disk.bytes + (size_t)block * 1024;
    memset(part + 12, 0, 12);
    store_le32(part + 16, block);
    store_le16(part + 6, 1);
    image_mount(false);
    assert_int_equal(sum_file("/i/sparse", &sum), E_CORRUPT);
    image_unmount();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_what_reads_ext4_is_loaded),
        cmocka_unit_test(test_default_images_are_read),
        cmocka_unit_test(test_only_the_wanted_type_is_mounted),
        cmocka_unit_test(test_unwritten_extents_are_zeroes),
        cmocka_unit_test(test_writing_is_refused_by_name),
        cmocka_unit_test(test_what_cannot_be_read_is_refused),
        cmocka_unit_test(test_each_damage_is_noticed),
        cmocka_unit_test(test_malformed_trees_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, image_tear_down);
}
