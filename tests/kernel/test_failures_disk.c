// SPDX-License-Identifier: MIT
//
// Out of memory while the first disk becomes writable, and while files on it change, with each
// allocation failing in turn (failure_walk.h). What changes ext2 and ext3 is loaded, the journal is
// replayed, deleted files are freed, pages are put aside. If that fails the disk stays read-only,
// and becomes writable later. Debug builds only.
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#ifdef HALYARD_DEBUG
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/ext2_writing.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/extension.h"
#include "kernel/shell/shell.h"
#include "kernel/tty/console.h"
#include "tests/kernel/failure_walk.h"
#include "tests/kernel/program_runs.h"
#include "tests/kernel/ram_disk.h"

#define DISK      "/tmp/disk"
#define EXTENSION "ext2w.ko"
#define BLOCK     4096u
#define BLOCKS    256u

enum {
    BLOCK_BITMAP = 2,
    INODE_BITMAP = 3,
    TABLE = 4, /* INODES of 128 bytes */
    INODES = 32,
    ROOT = 5,
    POINTERS = 6, /* to the journal's blocks after the first twelve */
    JOURNAL = 7,
    JOURNAL_BLOCKS = 168,
    END_USED = JOURNAL + JOURNAL_BLOCKS,
    JOURNAL_INODE = 8,
    FIRST_INODE = 11,
};

static struct ram_disk disk;
static uint8_t *crashed; /* what the disk has at the start of each run */

static uint8_t *block(uint32_t number)
{
    return disk.bytes + (size_t)number * BLOCK;
}

static uint8_t *put_inode(uint32_t inode, uint16_t mode, uint16_t links, uint32_t size)
{
    uint8_t *raw = block(TABLE) + (inode - 1) * 128;
    store_le16(raw, mode);
    store_le32(raw + 4, size);
    store_le16(raw + 26, links);
    store_le32(raw + 28, size / BLOCK_SECTOR);
    return raw + 40; /* pointers to its blocks */
}

static void put_root(void)
{
    uint8_t *at = block(ROOT);
    store_le32(put_inode(2, 040755, 2, BLOCK), ROOT);
    store_le32(at, 2);
    store_le16(at + 4, 12);
    memcpy(at + 6, "\1\0.", 3);
    store_le32(at + 12, 2);
    store_le16(at + 16, BLOCK - 12);
    memcpy(at + 18, "\2\0..", 4);
}

static void put_journal(void)
{
    uint8_t *pointers = put_inode(JOURNAL_INODE, 0100600, 1, JOURNAL_BLOCKS * BLOCK);
    uint8_t *super = block(JOURNAL);
    for (uint32_t i = 0; i < JOURNAL_BLOCKS; i++) {
        uint8_t *at = i < 12 ? pointers + i * 4 : block(POINTERS) + (i - 12) * 4;
        store_le32(at, JOURNAL + i);
    }
    store_le32(pointers + 12 * 4, POINTERS);
    store_le32(pointers - 12, (JOURNAL_BLOCKS + 1) * BLOCK / BLOCK_SECTOR);
    store_be32(super, 0xc03b3998);
    store_be32(super + 4, 4); /* a superblock, version 2 */
    store_be32(super + 12, BLOCK);
    store_be32(super + 16, JOURNAL_BLOCKS);
    store_be32(super + 20, 1); /* where the log begins */
    store_be32(super + 24, 1); /* its first transaction */
}

static void set_bits(uint8_t *bits, uint32_t from, uint32_t end)
{
    for (; from < end; from++) {
        bits[from / 8] = (uint8_t)(bits[from / 8] | 1u << from % 8);
    }
}

/* One group, of which BLOCKS exist. */
static void put_group(uint32_t used)
{
    uint8_t *group = block(1);
    set_bits(block(BLOCK_BITMAP), 0, used);
    set_bits(block(BLOCK_BITMAP), BLOCKS, BLOCK * 8);
    set_bits(block(INODE_BITMAP), 0, FIRST_INODE - 1);
    set_bits(block(INODE_BITMAP), INODES, BLOCK * 8);
    store_le32(group, BLOCK_BITMAP);
    store_le32(group + 4, INODE_BITMAP);
    store_le32(group + 8, TABLE);
    store_le16(group + 12, (uint16_t)(BLOCKS - used));
    store_le16(group + 14, INODES - FIRST_INODE + 1);
    store_le16(group + 16, 1); /* directories */
}

/* As `mke2fs -t ext2` makes it, or with a journal `mke2fs -t ext3`. */
static void format(bool has_journal)
{
    uint8_t *super = disk.bytes + 1024;
    uint32_t used = has_journal ? END_USED : ROOT + 1;
    memset(disk.bytes, 0, (size_t)BLOCKS * BLOCK);
    store_le32(super, INODES);
    store_le32(super + 4, BLOCKS);
    store_le32(super + 12, BLOCKS - used);
    store_le32(super + 16, INODES - FIRST_INODE + 1);
    store_le32(super + 24, 2); /* blocks of 4 KiB */
    store_le32(super + 32, BLOCK * 8);
    store_le32(super + 36, BLOCK * 8);
    store_le32(super + 40, INODES);
    store_le16(super + 56, 0xef53);
    store_le16(super + 58, 1); /* clean */
    store_le32(super + 76, 1);
    store_le32(super + 84, FIRST_INODE);
    store_le16(super + 88, 128);
    put_group(used);
    put_root();
    if (has_journal) {
        store_le32(super + 92, 4); /* it has a journal */
        store_le32(super + 224, JOURNAL_INODE);
        put_journal();
    }
}

/* ---- Files ---- */

static const char text[] = "kept";

static enum status write_text(const char *path, struct file **out)
{
    size_t done;
    enum status s = vfs_open(NULL, path, VFS_READ | VFS_WRITE | VFS_CREATE, out);
    return s != OK ? s : file_write(*out, text, sizeof(text), &done);
}

static void expect_text(const char *path)
{
    void *bytes;
    size_t len;
    enum status s = vfs_read_file(path, 100, &bytes, &len);
    TEST_EQUAL(s, OK);
    if (s == OK) {
        TEST_CHECK(len == sizeof(text) && memcmp(bytes, text, len) == 0);
        heap_free(bytes);
    }
}

static void expect_sound(uint32_t files)
{
    static struct fs_check check;
    TEST_EQUAL(vfs_check_mounted(DISK, &check), OK);
    TEST_EQUAL(check.files, files);
    TEST_EQUAL(check.faults, 0);
    if (check.faults != 0) {
        console_printf("# %s\n", check.text);
    }
}

static void keep_disk(void)
{
    memcpy(crashed, disk.bytes, (size_t)BLOCKS * BLOCK);
}

/* A disk with one file; if it is cut off, as it is if the machine stops now, with that file in the
 * journal, and one that is open and has no name. */
static void fill(bool is_cut_off)
{
    struct file *kept, *gone;
    TEST_NEED(vfs_mount_block(&disk.dev, DISK) == OK);
    shell_execute("check " DISK " > /tmp/out"); /* lets vfs_check_mounted() check this kind */
    TEST_EQUAL(vfs_unlink(NULL, "/tmp/out"), OK);
    TEST_EQUAL(vfs_remount(DISK, true), OK);
    TEST_NEED(write_text(DISK "/kept", &kept) == OK);
    TEST_NEED(write_text(DISK "/gone", &gone) == OK);
    TEST_EQUAL(vfs_unlink(NULL, DISK "/gone"), OK);
    TEST_EQUAL(vfs_sync(), OK);
    keep_disk();
    file_close(kept);
    file_close(gone);
    TEST_EQUAL(vfs_unmount(DISK), OK);
    if (!is_cut_off) {
        keep_disk();
    }
}

/* ---- The walk ---- */

/* What was loaded is unloaded, so that the next run loads it again. */
static void forget(void)
{
    runs_settle(); /* callbacks of it have run */
    ext2_set_writing(NULL);
    extension_forget(EXTENSION);
}

/* All allocations succeed from here on. */
static void use_later(enum status started)
{
    struct file *f;
    if (started != OK) {
        TEST_EQUAL(vfs_mkdir(NULL, DISK "/new"), E_ROFS);
        TEST_EQUAL(vfs_sync(), OK);
        TEST_EQUAL(vfs_remount(DISK, true), OK);
    }
    expect_text(DISK "/kept");
    expect_sound(1);
    TEST_NEED(write_text(DISK "/new", &f) == OK);
    file_close(f);
    expect_sound(2);
}

static void become_writable(void)
{
    memcpy(disk.bytes, crashed, (size_t)BLOCKS * BLOCK);
    enum status s = vfs_mount_block(&disk.dev, DISK);
    if (!failures_succeeds(s)) {
        return;
    }
    s = vfs_remount(DISK, true);
    TEST_CHECK(s == OK || s == E_NOMEM);
    (void)failure_pause();
    use_later(s);
    TEST_EQUAL(vfs_unmount(DISK), OK);
    forget();
}

/* ---- Changes ---- */

static uint64_t free_on_disk(void)
{
    struct vfs_mount_info m = {0};
    TEST_CHECK(vfs_get_mount(0, &m)); /* the newest */
    return m.free_bytes;
}

static void mount_writable(void)
{
    TEST_EQUAL(vfs_mount_block(&disk.dev, DISK), OK);
    TEST_EQUAL(vfs_remount(DISK, true), OK);
}

/* Large enough for a table of blocks. NULL: there was no memory. */
static struct file *make_file(const char *path)
{
    struct file *f;
    size_t done;
    if (!failures_succeeds(vfs_open(NULL, path, VFS_READ | VFS_WRITE | VFS_CREATE, &f))) {
        return NULL;
    }
    for (uint64_t i = 0; i < 15; i++) {
        (void)failures_succeeds(file_write_at(f, i * BLOCK, text, sizeof(text), &done));
    }
    return f;
}

static void close_file(struct file *f)
{
    if (f != NULL) {
        file_close(f);
    }
}

/* Two files have no name while they are open, and one that is cut keeps its name. */
static void change_files(void)
{
    struct file *cut = make_file(DISK "/cut");
    struct file *first = make_file(DISK "/first"), *second = make_file(DISK "/second");
    (void)failures_succeeds(vfs_sync()); /* from here on their blocks are in the log */
    if (cut != NULL) {
        (void)failures_succeeds(file_allocate(cut, 0, 20 * BLOCK));
        (void)failures_succeeds(file_set_size(cut, 5000));
    }
    (void)!vfs_unlink(NULL, DISK "/first");
    (void)!vfs_unlink(NULL, DISK "/second");
    close_file(second);
    close_file(first);
    close_file(cut);
}

/* All allocations succeed from here on. Deleted files are freed by now, or by the next mount. */
static void remove_files(uint64_t free)
{
    static const char *const paths[] = {DISK "/cut", DISK "/first", DISK "/second"};
    static struct fs_check check;
    TEST_EQUAL(vfs_check_mounted(DISK, &check), OK);
    TEST_EQUAL(check.faults, 0);
    for (unsigned i = 0; i < ARRAY_COUNT(paths); i++) {
        enum status s = vfs_unlink(NULL, paths[i]);
        TEST_CHECK(s == OK || s == E_NOENT);
    }
    TEST_EQUAL(vfs_unmount(DISK), OK);
    mount_writable();
    expect_sound(1);
    TEST_EQUAL(free_on_disk(), free);
    TEST_EQUAL(vfs_unmount(DISK), OK);
}

static void change_and_remove_files(void)
{
    bool is_armed = failure_pause();
    memcpy(disk.bytes, crashed, (size_t)BLOCKS * BLOCK);
    mount_writable();
    uint64_t free = free_on_disk();
    failure_resume(is_armed);
    change_files();
    (void)failure_pause();
    remove_files(free);
}

/* Disks that were written use functions of the extension. */
static bool is_ext_mounted(void)
{
    struct vfs_mount_info m;
    bool is_mounted = false;
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        is_mounted |= strncmp(m.type, "ext", 3) == 0;
    }
    return is_mounted;
}

static void walk(bool has_journal, bool is_cut_off, failure_scenario_t *scenario)
{
    format(has_journal);
    fill(is_cut_off);
    forget();
    failures_walk(scenario);
    forget();
}

static void walk_disk(bool has_journal, bool is_cut_off, failure_scenario_t *scenario)
{
    if (is_ext_mounted()) {
        test_skip("a disk is mounted");
        return;
    }
    crashed = heap_alloc((size_t)BLOCKS * BLOCK);
    TEST_NEED(crashed != NULL);
    if (ram_disk_add(&disk, (size_t)BLOCKS * BLOCK)) {
        walk(has_journal, is_cut_off, scenario);
        ram_disk_remove(&disk);
    }
    heap_free(crashed);
}

static void a_disk_becomes_writable(void)
{
    walk_disk(false, false, become_writable);
}

static void a_disk_with_a_journal_becomes_writable(void)
{
    walk_disk(true, false, become_writable);
}

static void a_journal_is_replayed(void)
{
    walk_disk(true, true, become_writable);
}

static void files_on_a_disk_with_a_journal_change(void)
{
    walk_disk(true, false, change_and_remove_files);
}

const struct kernel_test failure_disk_file_tests[] = {
    {"failures.a_disk_becomes_writable", a_disk_becomes_writable, TEST_ON_NOTHING},
    {"failures.a_disk_with_a_journal_becomes_writable", a_disk_with_a_journal_becomes_writable,
     TEST_ON_NOTHING},
    {"failures.a_journal_is_replayed", a_journal_is_replayed, TEST_ON_NOTHING},
    {"failures.files_on_a_disk_with_a_journal_change", files_on_a_disk_with_a_journal_change,
     TEST_ON_NOTHING},
    {0},
};
#else
const struct kernel_test failure_disk_file_tests[] = {{0}};
#endif
