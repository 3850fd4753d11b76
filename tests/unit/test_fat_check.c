// SPDX-License-Identifier: MIT
//
// drivers/fat/fat_check.c: faults in chains, directories and counts are found and named, fsck.fat
// finds them, too, and a sound image has none, also while it is written.
#include "drivers/fat/fat.h"

#include "fs/fs_env.h"
#include "fs/image_bed.h"
#include "kernel/lib/endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fs_check found;
static bool is_32;

static enum status make(struct block_device *dev, struct fs **out)
{
    return fat_format.make(dev, out);
}

static enum status make_named(const char *source, struct fs **out)
{
    (void)source, (void)out;
    return E_NODEV;
}

/* A has 3 clusters, then B 2, then the directory D 1, which has an empty file. */
static int setup_once(void **state)
{
    static const struct fs_added added = {.make = make, .make_named = make_named};
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell(
        "{ command -v mkfs.fat && command -v mcopy; } >/dev/null || "
        "{ echo 'mkfs.fat or mcopy is missing: apt-get install dosfstools mtools'; false; }");
    image_shell("head -c 1500 /dev/urandom >A && head -c 1000 /dev/urandom >B && >E");
    for (int bits = 16; bits <= 32; bits += 16) {
        image_shell("mkfs.fat -F %d -s 1 -C %d.img %d >log && mcopy -i %d.img A B :: && "
                    "mmd -i %d.img ::D && mcopy -i %d.img E ::D/E",
                    bits, bits, bits == 16 ? 4096 : 34000, bits, bits, bits);
    }
    fs_set_added(&added);
    return 0;
}

static void load(void)
{
    env_reset();
    image_load(is_32 ? "32.img" : "16.img");
}

static int set_up_16(void **state)
{
    (void)state;
    is_32 = false;
    load();
    return 0;
}

static int set_up_32(void **state)
{
    (void)state;
    is_32 = true;
    load();
    return 0;
}

static uint32_t first(void)
{
    return is_32 ? 3 : 2; /* cluster 2 is FAT32's root */
}

static uint32_t table_sectors(void)
{
    return is_32 ? load_le32(env_disk.bytes + 36) : load_le16(env_disk.bytes + 22);
}

/* Of both copies, or only the second. 0xffff ends a chain. */
static void put(uint32_t cluster, uint32_t value, bool second_only)
{
    uint8_t *table = env_disk.bytes + load_le16(env_disk.bytes + 14) * 512u;
    for (uint32_t copy = second_only ? 1 : 0; copy < 2; copy++) {
        uint8_t *at = table + copy * table_sectors() * 512u + cluster * (is_32 ? 4u : 2u);
        if (is_32) {
            store_le32(at, value == 0xffff ? 0x0fffffff : value);
        } else {
            store_le16(at, (uint16_t)value);
        }
    }
}

static uint8_t *cluster_bytes(uint32_t cluster)
{
    uint32_t root_sectors = load_le16(env_disk.bytes + 17) * 32u / 512u;
    uint32_t data = load_le16(env_disk.bytes + 14) + 2 * table_sectors() + root_sectors;
    return env_disk.bytes + (data + cluster - 2) * 512u;
}

static void check_disk(void)
{
    size_t before = env_live_objects();
    uint64_t written = env_disk.sectors_written;
    assert_int_equal(vfs_check_block(&env_disk.dev, &found), OK);
    assert_int_equal(env_disk.sectors_written, written);
    assert_int_equal(env_live_objects(), before);
    assert_int_equal(env_disk.refs, 0);
}

/* fsck.fat agrees that there is a fault. */
static void expect(const char *text)
{
    image_save("bad.img");
    image_shell("fsck.fat -n bad.img >log 2>&1; test $? = 1");
    check_disk();
    if (strstr(found.text, text) == NULL) {
        fail_msg("%s is not in: %s", text, found.text);
    }
    load();
}

static void test_a_sound_image(void **state)
{
    (void)state;
    check_disk();
    assert_string_equal(found.text, "");
    assert_int_equal(found.faults, 0);
    assert_int_equal(found.files, 3);
    assert_int_equal(found.directories, 2);
    assert_int_equal(found.used, is_32 ? 7 : 6);
}

static void test_each_fault_is_found(void **state)
{
    char text[64];
    uint32_t a = first(), b = a + 3, d = a + 5;
    (void)state;
    put(b, a + 1, false);
    snprintf(text, sizeof(text), "B: cluster %u is used twice", a + 1);
    expect(text);
    put(a + 2, a, false);
    snprintf(text, sizeof(text), "A: cluster %u is used twice", a);
    expect(text);
    put(a + 1, 0, false);
    snprintf(text, sizeof(text), "A: the cluster after %u is free, bad or outside", a + 1);
    expect(text);
    put(b, 0xfff0, false);
    expect("B: the cluster after");
    put(a + 1, 0xffff, false);
    expect("A: it has 2 clusters, and its size needs 3");
    put(a + 2, 500, false);
    put(500, 0xffff, false);
    expect("A: it has 4 clusters, and its size needs 3");
    put(600, 0xffff, false);
    expect("1 clusters are marked as used, but belong to no file");
    put(600, 5, true);
    expect("copy 2 of the table of clusters differs at byte");
    store_le16(cluster_bytes(d) + 32 + 26, (uint16_t)a); /* the start of ".." */
    expect("D: its \"..\" is not the directory");
    env_disk.bytes[is_32 ? 0x41 : 0x25] |= 1;
    expect("it was not unmounted, or has errors\n");
}

static void test_counts_of_fsinfo(void **state)
{
    (void)state;
    if (is_32) {
        store_le32(env_disk.bytes + 512 + 488, 17);
        expect("clusters are free, and 17 are noted");
    }
}

static void check_mounted(void)
{
    assert_int_equal(vfs_check_mounted("/i", &found), OK);
    assert_string_equal(found.text, "");
}

static void test_a_mounted_image(void **state)
{
    static char bytes[5000];
    struct file *f;
    size_t done;
    (void)state;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    check_mounted();
    assert_int_equal(vfs_remount("/i", true), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/a new directory"), OK);
    assert_int_equal(vfs_open(NULL, "/i/a new directory/f", VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write(f, bytes, sizeof(bytes), &done), OK);
    check_mounted();
    assert_int_equal(vfs_unlink(NULL, "/i/a new directory/f"), OK);
    check_mounted(); /* a file without a name is in use */
    file_close(f);
    check_mounted();
    assert_int_equal(vfs_unmount("/i"), OK);
    check_disk();
    assert_string_equal(found.text, "");
}

#define BOTH(test) cmocka_unit_test_setup(test, set_up_16), cmocka_unit_test_setup(test, set_up_32)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_sound_image),
        BOTH(test_each_fault_is_found),
        BOTH(test_counts_of_fsinfo),
        BOTH(test_a_mounted_image),
    };
    return cmocka_run_group_tests(tests, setup_once, image_tear_down);
}
