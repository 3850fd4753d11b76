// SPDX-License-Identifier: MIT
//
// drivers/fat/ reading and writing: fsck.fat finds the images clean, mtools read what was written
// and write what is read, and images that are wrong are refused. Where those programs are not
// installed, the rest is tested.
#include "drivers/fat/fat.h"

#include "fs/fs_env.h"
#include "fs/fs_visit.h"
#include "fs/image_bed.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum status make(struct block_device *dev, struct fs **out)
{
    return fat_format.make(dev, out);
}

static enum status make_named(const char *source, struct fs **out)
{
    (void)source, (void)out;
    return E_NODEV;
}

/* ---- An empty image ---- */

#define SECTORS_16 20000u
#define SECTORS_32 70000u

static bool is_32;
static uint32_t cluster_sectors;

static uint8_t *sector(uint32_t at)
{
    return env_disk.bytes + (size_t)at * BLOCK_SECTOR;
}

static uint32_t table_sectors(void)
{
    return is_32 ? 600 : 80;
}

static uint32_t reserved(void)
{
    return is_32 ? 32 : 1;
}

static void put_chain(uint32_t cluster, uint32_t value)
{
    for (uint32_t copy = 0; copy < 2; copy++) {
        uint8_t *table = sector(reserved() + copy * table_sectors());
        if (is_32) {
            store_le32(table + (size_t)cluster * 4, value);
        } else {
            store_le16(table + (size_t)cluster * 2, (uint16_t)value);
        }
    }
}

static uint32_t data_sector(void)
{
    return reserved() + 2 * table_sectors() + (is_32 ? 0 : 32);
}

/* As mkfs.fat does it. */
static void format(void)
{
    uint32_t sectors = is_32 ? SECTORS_32 : SECTORS_16;
    env_disk_init(NULL, (size_t)sectors * BLOCK_SECTOR);
    uint8_t *b = sector(0);
    memcpy(b, "\xeb\x3c\x90mkfs.fat", 11);
    store_le16(b + 11, BLOCK_SECTOR);
    b[13] = (uint8_t)cluster_sectors;
    store_le16(b + 14, (uint16_t)reserved());
    b[16] = 2;
    b[21] = 0xf8;
    store_le16(b + 24, 32);
    store_le16(b + 26, 64);
    store_le16(b + 510, 0xaa55);
    uint32_t clusters = (sectors - data_sector()) / cluster_sectors;
    if (is_32) {
        store_le32(b + 32, sectors);
        store_le32(b + 36, table_sectors());
        store_le32(b + 44, 2);
        store_le16(b + 48, 1);
        b[66] = 0x29;
        memcpy(b + 71, "NO NAME    FAT32   ", 19);
        uint8_t *info = sector(1);
        store_le32(info, 0x41615252);
        store_le32(info + 484, 0x61417272);
        store_le32(info + 488, clusters - 1);
        store_le32(info + 492, 2);
        store_le32(info + 508, 0xaa550000);
        store_le16(b + 50, 6); /* a copy of the boot sector */
        memcpy(sector(6), b, (size_t)2 * BLOCK_SECTOR);
        put_chain(0, 0x0ffffff8);
        put_chain(1, 0x0fffffff);
        put_chain(2, 0x0fffffff);
    } else {
        store_le16(b + 17, 512);
        store_le16(b + 19, (uint16_t)sectors);
        store_le16(b + 22, (uint16_t)table_sectors());
        b[38] = 0x29;
        memcpy(b + 43, "NO NAME    FAT16   ", 19);
        put_chain(0, 0xfff8);
        put_chain(1, 0xffff);
    }
}

static int setup_once(void **state)
{
    static const struct fs_added added = {.make = make, .make_named = make_named};
    (void)state;
    if (image_set_up(8192) != 0) {
        return -1;
    }
    image_shell(
        "{ command -v fsck.fat && command -v mcopy; } >/dev/null || "
        "{ echo 'fsck.fat or mcopy is missing: apt-get install dosfstools mtools'; false; }");
    fs_set_added(&added);
    return 0;
}

static int set_up_16(void **state)
{
    (void)state;
    env_reset();
    is_32 = false;
    cluster_sectors = 4;
    format();
    return 0;
}

static int set_up_32(void **state)
{
    (void)state;
    env_reset();
    is_32 = true;
    cluster_sectors = 1;
    format();
    return 0;
}

/* The directory of a path, and the name in it. */
static struct file *open_parent(const char *path, const char **name)
{
    char dir[256];
    struct file *f;
    *name = strrchr(path, '/') + 1;
    snprintf(dir, sizeof(dir), "%.*s", (int)(*name - path), path);
    assert_int_equal(vfs_open(NULL, dir, VFS_READ, &f), OK);
    return f;
}

static enum status move(const char *from, const char *to)
{
    const char *old, *new;
    struct file *from_dir = open_parent(from, &old), *to_dir = open_parent(to, &new);
    enum status s = file_rename_at(from_dir, old, to_dir, new);
    file_close(from_dir);
    file_close(to_dir);
    return s;
}

static enum status link_to(const char *target, const char *path)
{
    const char *name;
    struct file *dir = open_parent(path, &name);
    enum status s = file_symlink_at(target, dir, name);
    file_close(dir);
    return s;
}

/* The names in a directory, in its order. */
static void expect_names(const char *path, const char *wanted)
{
    char text[2048] = "";
    struct file *dir;
    struct dir_entry entry;
    assert_int_equal(vfs_open(NULL, path, VFS_READ, &dir), OK);
    while (file_read_dir(dir, &entry) == OK) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|", entry.name);
    }
    file_close(dir);
    assert_string_equal(text, wanted);
}

static void expect_mtools(const char *file, const char *text)
{
    image_shell("mtype -i now.img '::%s' >out && printf '%%s' '%s' | cmp - out", file, text);
}

static void test_write_and_read(void **state)
{
    (void)state;
    image_mount(true);
    assert_int_equal(image_write_text("/i/SHORT.TXT", "short"), OK);
    assert_int_equal(image_write_text("/i/A long name.with dots.txt", "long"), OK);
    assert_int_equal(image_write_text("/i/A long name.with dots 2", "second"), OK);
    assert_int_equal(image_write_text("/i/Grüße \xf0\x9f\x99\x82", "unicode"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/folder"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/folder/inner"), OK);
    assert_int_equal(image_write_text("/i/folder/inner/f", "deep"), OK);
    expect_names("/i", "SHORT.TXT|A long name.with dots.txt|A long name.with dots 2|"
                       "Grüße \xf0\x9f\x99\x82|folder|");
    image_expect_text("/i/short.txt", "short");
    image_expect_text("/i/a LONG name.with DOTS.TXT", "long");
    image_expect_text("/i/GRÜßE \xf0\x9f\x99\x82", "unicode");
    image_expect_text("/i/FOLDER/Inner/F", "deep");
    assert_int_equal(vfs_mkdir(NULL, "/i/Folder"), E_EXIST);
    image_unmount();
    image_check_fat();
    expect_mtools("SHORT.TXT", "short");
    expect_mtools("A long name.with dots.txt", "long");
    expect_mtools("folder/inner/f", "deep");
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    image_expect_text("/i/folder/inner/f", "deep");
    image_expect_text("/i/ALONGN~1.TXT", "long");
    image_unmount();
}

static void test_names_that_fat_cannot_store(void **state)
{
    (void)state;
    image_mount(true);
    static const char *const bad[] = {"a:b",   "a*", "a?", "a\\b", "\"",       "a|b",         "<",
                                      "a\x01", "a.", "a ", "\xff", "\xc0\x80", "\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char path[32];
        snprintf(path, sizeof(path), "/i/%s", bad[i]);
        assert_int_equal(image_write_text(path, "x"), E_INVAL);
    }
    assert_int_equal(link_to("x", "/i/link"), E_NOTSUP);
    expect_names("/i", "");
    image_unmount();
    image_check_fat();
}

static uint8_t *pattern(size_t len)
{
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 253);
    }
    return bytes;
}

static void test_sizes(void **state)
{
    (void)state;
    struct file *f;
    size_t done, len = 300000;
    uint8_t *bytes = pattern(len), *read = malloc(len);
    struct file_stat st;
    image_mount(true);
    assert_int_equal(vfs_open(NULL, "/i/big", VFS_READ | VFS_WRITE | VFS_CREATE, &f), OK);
    assert_int_equal(file_write_at(f, 0, bytes, len, &done), OK);
    assert_int_equal(done, len);
    assert_int_equal(file_write_at(f, 5000, bytes, 10, &done), OK);
    assert_int_equal(file_read_at(f, 0, read, len, &done), OK);
    assert_int_equal(done, len);
    memcpy(bytes + 5000, bytes, 10);
    assert_memory_equal(read, bytes, len);
    assert_int_equal(file_set_size(f, 5005), OK);
    assert_int_equal(file_set_size(f, 9000), OK);
    assert_int_equal(file_write_at(f, 20000, "end", 3, &done), OK);
    assert_int_equal(file_read_at(f, 0, read, len, &done), OK);
    assert_int_equal(done, 20003);
    assert_memory_equal(read, bytes, 5005);
    for (size_t i = 5005; i < 20000; i++) {
        assert_int_equal(read[i], 0);
    }
    assert_int_equal(file_allocate(f, 30000, 10), OK);
    assert_int_equal(file_stat(f, &st), OK);
    assert_int_equal(st.size, 30010);
    assert_int_equal(file_set_size(f, 1ull << 32), E_OVERFLOW);
    assert_int_equal(file_write_at(f, UINT32_MAX, "x", 1, &done), E_OVERFLOW);
    file_close(f);
    assert_int_equal(image_write_text("/i/empty", "x"), OK);
    assert_int_equal(image_write_text("/i/empty", ""), OK);
    image_unmount();
    image_check_fat();
    free(bytes);
    free(read);
}

static void test_rename_and_remove(void **state)
{
    (void)state;
    image_mount(true);
    assert_int_equal(image_write_text("/i/one", "1"), OK);
    assert_int_equal(image_write_text("/i/two", "2"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/d/e"), OK);
    assert_int_equal(move("/i/one", "/i/d/e/a longer name for one"), OK);
    image_expect_text("/i/d/e/a longer name for one", "1");
    assert_int_equal(move("/i/two", "/i/d/e/A longer NAME for one"), OK);
    image_expect_text("/i/d/e/a longer name for one", "2");
    expect_names("/i/d/e", "a longer name for one|");
    assert_int_equal(move("/i/d", "/i/d/e/d"), E_INVAL);
    assert_int_equal(move("/i/d/e", "/i/top"), OK);
    assert_int_equal(move("/i/top", "/i/TOP"), OK);
    expect_names("/i", "TOP|d|"); /* in the free slots of the first name */
    assert_int_equal(move("/i/TOP", "/i/d"), OK);
    expect_names("/i", "d|");
    assert_int_equal(vfs_unlink(NULL, "/i/d"), E_NOTEMPTY);
    assert_int_equal(vfs_unlink(NULL, "/i/d/A LONGER name for one"), OK);
    assert_int_equal(vfs_unlink(NULL, "/i/d"), OK);
    expect_names("/i", "");
    image_unmount();
    image_check_fat();
}

static enum status look(const char *path)
{
    struct file_stat st;
    return vfs_stat(NULL, path, true, &st);
}

/* Each spelling that was looked up is kept until the file has another name, or none. */
static void test_all_spellings_of_a_name_are_forgotten(void **state)
{
    (void)state;
    static const char *const spellings[] = {"/i/A long name.text", "/i/a LONG name.TEXT",
                                            "/i/ALONGN~1.TEX"};
    image_mount(true);
    for (unsigned way = 0; way < 3; way++) {
        assert_int_equal(image_write_text(spellings[0], "1"), OK);
        assert_int_equal(image_write_text("/i/other", "2"), OK);
        for (unsigned i = 0; i < 6; i++) {
            assert_int_equal(look(spellings[i % 3]), OK);
        }
        enum status s = way == 0   ? vfs_unlink(NULL, spellings[1])
                        : way == 1 ? move(spellings[0], "/i/Moved")
                                   : move("/i/other", spellings[1]);
        assert_int_equal(s, OK);
        if (way < 2) {
            for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(look(spellings[i]), E_NOENT);
            }
        } else {
            image_expect_text(spellings[0],
                              "2"); /* replaced: kept names of the old file are gone */
            assert_int_equal(look("/i/OTHER"), E_NOENT);
        }
    }
    assert_int_equal(vfs_sync(), OK);
    assert_int_equal(look("/i/moved"), OK);
    uint64_t requests = env_disk.requests;
    env_reclaim(); /* the names, and then the pages */
    assert_int_equal(look("/i/moved"), OK);
    assert_true(env_disk.requests > requests);
    image_unmount();
    image_check_fat();
}

/* fsck.fat frees what has no name: see settle_new_name_locked(). */
static void test_a_new_name_is_on_the_device_before_the_old_one_goes(void **state)
{
    (void)state;
    image_mount(true);
    assert_int_equal(image_write_text("/i/old", "text"), OK);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    assert_int_equal(vfs_sync(), OK);
    assert_int_equal(move("/i/old", "/i/d/new"), OK);
    image_save("now.img");
    expect_mtools("d/new", "text");
    uint64_t flushes = env_disk.flushes;
    /* In one sector, which has one or the other. */
    assert_int_equal(move("/i/d/new", "/i/d/newer"), OK);
    assert_int_equal(env_disk.flushes, flushes);
    image_unmount();
    image_check_fat();
}

static unsigned flushes_seen;

/* One name, and of one of the two files. */
static void expect_new_once(void)
{
    flushes_seen++;
    image_save("now.img");
    image_shell("test $(mdir -b -i now.img ::/d | grep -ci /new) = 1");
    image_shell("mtype -i now.img ::/d/new | grep -qx 'old text\\|text'");
}

/* Otherwise one of the files could not be found after a power cut, as fsck.fat keeps both. The name
 * is still spelled as it was, as on Linux. */
static void test_a_name_that_a_rename_replaces_is_never_there_twice(void **state)
{
    (void)state;
    image_mount(true);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    assert_int_equal(image_write_text("/i/d/new", "old text"), OK);
    assert_int_equal(image_write_text("/i/d/other", "1"), OK);
    assert_int_equal(vfs_unlink(NULL, "/i/d/other"), OK); /* free slots */
    assert_int_equal(image_write_text("/i/old", "text"), OK);
    assert_int_equal(vfs_sync(), OK);
    flushes_seen = 0;
    env_disk.on_flush = expect_new_once;
    assert_int_equal(move("/i/old", "/i/d/NEW"), OK);
    env_disk.on_flush = NULL;
    assert_int_equal(flushes_seen, 1);
    expect_names("/i/d", "new|");
    expect_names("/i", "d|");
    image_expect_text("/i/d/new", "text");
    image_unmount();
    image_check_fat();
    image_mount(true);
    image_expect_text("/i/d/new", "text");
    image_unmount();
}

static void test_an_open_file_without_a_name(void **state)
{
    (void)state;
    struct file *f;
    char text[8] = "";
    size_t done;
    image_mount(true);
    assert_int_equal(image_write_text("/i/gone", "still"), OK);
    assert_int_equal(vfs_open(NULL, "/i/gone", VFS_READ | VFS_WRITE, &f), OK);
    assert_int_equal(vfs_unlink(NULL, "/i/gone"), OK);
    assert_int_equal(image_write_text("/i/gone", "other"), OK);
    assert_int_equal(file_read_at(f, 0, text, sizeof(text), &done), OK);
    assert_memory_equal(text, "still", 5);
    assert_int_equal(file_write_at(f, 5000, "x", 1, &done), OK);
    assert_int_equal(vfs_remount("/i", false), E_BUSY);
    file_close(f);
    image_expect_text("/i/gone", "other");
    image_unmount();
    image_check_fat();
}

static void test_many_names(void **state)
{
    (void)state;
    char path[64];
    image_mount(true);
    assert_int_equal(vfs_mkdir(NULL, "/i/many"), OK);
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "/i/many/a name that is long %d", i);
        assert_int_equal(image_write_text(path, path), OK);
    }
    for (int i = 0; i < 100; i += 2) {
        snprintf(path, sizeof(path), "/i/many/a name that is long %d", i);
        assert_int_equal(vfs_unlink(NULL, path), OK);
    }
    for (int i = 100; i < 130; i++) {
        snprintf(path, sizeof(path), "/i/many/a name that is long %d", i);
        assert_int_equal(image_write_text(path, path), OK);
    }
    for (int i = 1; i < 130; i += i < 99 ? 2 : 1) {
        snprintf(path, sizeof(path), "/i/many/a name that is long %d", i);
        image_expect_text(path, path);
    }
    image_unmount();
    image_check_fat();
}

static void test_a_full_disk(void **state)
{
    (void)state;
    struct file *f;
    size_t done;
    uint64_t off = 0;
    uint8_t *bytes = pattern(1 << 20);
    enum status s;
    image_mount(true);
    assert_int_equal(vfs_mkdir(NULL, "/i/d"), OK);
    assert_int_equal(vfs_open(NULL, "/i/fill", VFS_WRITE | VFS_CREATE, &f), OK);
    while ((s = file_write_at(f, off, bytes, 1 << 20, &done)) == OK) {
        off += done;
    }
    assert_int_equal(s, E_NOSPC);
    assert_int_equal(vfs_mkdir(NULL, "/i/d/more"), E_NOSPC);
    assert_int_equal(image_write_text("/i/d/x", "x"), E_NOSPC);
    file_close(f);
    image_unmount();
    image_check_fat();
    image_mount(true);
    assert_int_equal(vfs_unlink(NULL, "/i/fill"), OK);
    assert_int_equal(image_write_text("/i/d/x", "x"), OK);
    image_unmount();
    image_check_fat();
    free(bytes);
}

static void test_the_root_of_fat16_is_full(void **state)
{
    (void)state;
    char path[32];
    int i = 0;
    enum status s;
    image_mount(true);
    do {
        snprintf(path, sizeof(path), "/i/N%d", i++);
        s = image_write_text(path, "");
    } while (s == OK && i < 1000);
    assert_int_equal(s, E_NOSPC);
    assert_int_equal(i, 513);
    assert_int_equal(vfs_unlink(NULL, "/i/N7"), OK);
    assert_int_equal(image_write_text("/i/M", ""), OK);
    image_unmount();
    image_check_fat();
}

static void test_times(void **state)
{
    (void)state;
    struct file *f;
    struct file_stat st;
    image_mount(true);
    assert_int_equal(vfs_open(NULL, "/i/t", VFS_WRITE | VFS_CREATE, &f), OK);
    struct file_times times = {.set_modified = true, .modified_ns = 1709208000ull * 1000000000};
    assert_int_equal(file_set_times(f, &times), OK); /* 2024-02-29 12:00 */
    file_close(f);
    image_unmount();
    image_check_fat();
    image_shell("mdir -i now.img ::t | grep -q '2024-02-29 *12:00'");
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_stat(NULL, "/i/t", true, &st), OK);
    assert_int_equal(st.modified_ns, times.modified_ns);
    image_unmount();
}

static void test_what_mtools_wrote(void **state)
{
    (void)state;
    image_check_fat();
    image_shell(
        "printf hello >h && mmd -i now.img ::Folder ::lower && mcopy -i now.img h ::HELLO.TXT && "
        "mcopy -i now.img h '::Folder/A name with blanks' && mcopy -i now.img h ::lower/grüße.txt");
    image_load("now.img");
    image_mount(true);
    image_expect_text("/i/HELLO.TXT", "hello");
    image_expect_text("/i/folder/a NAME with blanks", "hello");
    image_expect_text("/i/lower/grüße.txt", "hello");
    expect_names("/i", "Folder|lower|HELLO.TXT|");
    assert_int_equal(vfs_unlink(NULL, "/i/Folder/A name with blanks"), OK);
    image_unmount();
    image_check_fat();
}

static void test_a_disk_that_was_not_unmounted(void **state)
{
    (void)state;
    sector(0)[is_32 ? 0x41 : 0x25] = 1;
    assert_int_equal(vfs_mount_block(&env_disk.dev, "/i"), OK);
    assert_int_equal(vfs_remount("/i", true), E_CORRUPT);
    assert_int_equal(vfs_unmount("/i"), OK);
    sector(0)[is_32 ? 0x41 : 0x25] = 0;
    image_mount(true);
    assert_int_equal(sector(0)[is_32 ? 0x41 : 0x25], 1);
    image_unmount();
    assert_int_equal(sector(0)[is_32 ? 0x41 : 0x25], 0);
}

static void expect_mount(enum status wanted)
{
    size_t live_before = env_live_objects();
    enum status s = vfs_mount_block(&env_disk.dev, "/i");
    assert_int_equal(s, wanted);
    if (s == OK) {
        assert_int_equal(vfs_unmount("/i"), OK);
    }
    assert_int_equal(env_disk.refs, 0);
    assert_int_equal(env_live_objects(), live_before);
    format();
}

static void test_boot_sectors_that_lie(void **state)
{
    (void)state;
    expect_mount(OK);
    sector(0)[510] = 0;
    expect_mount(E_FORMAT);
    store_le16(sector(0) + 11, 500);
    expect_mount(E_FORMAT);
    sector(0)[13] = 3;
    expect_mount(E_FORMAT);
    sector(0)[16] = 0;
    expect_mount(E_FORMAT);
    store_le16(sector(0) + 19, 0);
    store_le32(sector(0) + 32, UINT32_MAX);
    expect_mount(E_CORRUPT);
    store_le16(sector(0) + (is_32 ? 36 : 22), 1);
    expect_mount(E_CORRUPT);
    store_le16(sector(0) + 14, 65535);
    sector(0)[16] = 4;
    store_le16(sector(0) + (is_32 ? 36 : 22), 2000);
    expect_mount(E_CORRUPT);
    store_le16(sector(0) + 17, is_32 ? 16 : 0);
    expect_mount(E_CORRUPT);
    if (is_32) {
        store_le32(sector(0) + 44, 0);
        expect_mount(E_CORRUPT);
        store_le32(sector(0) + 44, 0x0fffffff);
        expect_mount(E_CORRUPT);
    } else {
        store_le16(sector(0) + 19, 4000);
        expect_mount(E_NOTSUP); /* FAT12 */
    }
}

/* A file "BAD" of this size, and the first cluster of its chain. */
static void put_file(uint32_t cluster, uint32_t size)
{
    uint8_t *entry = sector(is_32 ? data_sector() : reserved() + 2 * table_sectors());
    memcpy(entry, "BAD        ", 11);
    store_le16(entry + 26, (uint16_t)cluster);
    store_le32(entry + 28, size);
}

static void expect_bad(void)
{
    void *data;
    size_t len;
    image_mount(true);
    assert_int_equal(vfs_read_file("/i/BAD", 1 << 24, &data, &len), E_CORRUPT);
    (void)vfs_unlink(NULL, "/i/BAD");
    (void)image_write_text("/i/BAD", "again");
    (void)vfs_unmount("/i");
    image_expect_freed();
    format();
}

static void test_chains_that_lie(void **state)
{
    (void)state;
    uint32_t many = 20000 * cluster_sectors;
    put_file(10, 100); /* its cluster is free: only the next one tells */
    put_file(10, 3 * 512 * cluster_sectors);
    put_chain(10, 11);
    put_chain(11, is_32 ? 0x0fffffff : 0xffff);
    expect_bad(); /* too short */
    put_file(0xfff0, 100);
    put_file(is_32 ? 0 : 0xfff0, 100);
    expect_bad(); /* outside */
    put_file(10, many);
    put_chain(10, 1);
    expect_bad();
    put_file(10, many);
    put_chain(10, is_32 ? 0x0ffffff7 : 0xfff7);
    expect_bad(); /* a bad cluster */
    put_file(10, UINT32_MAX);
    put_chain(10, 11);
    put_chain(11, 10); /* a loop, which ends with the size or the number of clusters */
    image_mount(true);
    (void)fs_visit("/i");
    (void)vfs_unlink(NULL, "/i/BAD");
    assert_int_equal(image_write_text("/i/new", "x"), E_ROFS); /* freeing it found the loop */
    (void)vfs_unmount("/i");
    image_expect_freed();
}

static void test_failures_of_memory_and_device(void **state)
{
    (void)state;
    for (int left = 0; left < 60; left += 3) {
        format();
        image_mount(true);
        assert_int_equal(image_write_text("/i/file", "text"), OK);
        env_allocations_left = left;
        (void)vfs_mkdir(NULL, "/i/d");
        (void)image_write_text("/i/d/a long name", "text");
        env_allocations_left = -1;
        env_disk.transfers_left = (uint64_t)left;
        (void)move("/i/file", "/i/another name");
        (void)vfs_sync();
        env_disk.transfers_left = UINT64_MAX;
        (void)vfs_unmount("/i");
        image_expect_freed();
    }
}

/* After a test that failed. */
static int tear_down(void **state)
{
    (void)state;
    (void)vfs_unmount("/i");
    return 0;
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, set_up_16, tear_down),                                   \
        cmocka_unit_test_setup_teardown(test, set_up_32, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_write_and_read),
        BOTH(test_names_that_fat_cannot_store),
        BOTH(test_sizes),
        BOTH(test_rename_and_remove),
        BOTH(test_all_spellings_of_a_name_are_forgotten),
        BOTH(test_a_new_name_is_on_the_device_before_the_old_one_goes),
        BOTH(test_a_name_that_a_rename_replaces_is_never_there_twice),
        BOTH(test_an_open_file_without_a_name),
        BOTH(test_many_names),
        BOTH(test_a_full_disk),
        cmocka_unit_test_setup_teardown(test_the_root_of_fat16_is_full, set_up_16, tear_down),
        BOTH(test_times),
        BOTH(test_what_mtools_wrote),
        BOTH(test_a_disk_that_was_not_unmounted),
        BOTH(test_boot_sectors_that_lie),
        BOTH(test_chains_that_lie),
        BOTH(test_failures_of_memory_and_device),
    };
    return cmocka_run_group_tests_name("fat", tests, setup_once, image_tear_down);
}
