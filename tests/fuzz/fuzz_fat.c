// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as a FAT image that is written: files and names are changed until the file system
// notices that the image is wrong, or to the end. Every call succeeds or fails cleanly, and
// unmounting releases everything.
//
// An input is a number, whose lowest bit chooses FAT32; the length of a list of changes to a small
// image, in units of four bytes; that list: three bytes of offset, the number of bytes, the bytes;
// then operations of four bytes: kind, two names, a size.
#include "drivers/fat/fat.h"

#include "fs/fs_env.h"
#include "fs/fs_visit.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/endian.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_16 17u
#define SECTORS  4300u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status make(struct block_device *dev, struct fs **out)
{
    return fat_format.make(dev, out);
}

static enum status make_named(const char *source, struct fs **out)
{
    (void)source, (void)out;
    return E_NODEV;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct fs_added added = {.make = make, .make_named = make_named};
    (void)argc, (void)argv;
    env_reset();
    fs_set_added(&added);
    return vfs_init() == OK ? 0 : -1;
}

/* Clusters of one sector. FAT32 may have few of them. */
static void make_image(bool is_32)
{
    static const uint8_t empty[SECTORS * BLOCK_SECTOR];
    env_disk_init(empty, sizeof(empty));
    uint8_t *b = env_disk.bytes;
    uint32_t table = is_32 ? 2 * TABLE_16 : TABLE_16, reserved = is_32 ? 8 : 1;
    memcpy(b, "\xeb\x3c\x90", 3);
    store_le16(b + 11, BLOCK_SECTOR);
    b[13] = 1;
    store_le16(b + 14, (uint16_t)reserved);
    b[16] = 2;
    store_le16(b + 17, is_32 ? 0 : 512);
    store_le16(b + 19, SECTORS);
    b[21] = 0xf8;
    store_le16(b + (is_32 ? 36 : 22), (uint16_t)table);
    store_le32(b + 44, 2);
    store_le16(b + 510, 0xaa55);
    for (uint32_t copy = 0; copy < 2; copy++) {
        memset(b + (size_t)(reserved + copy * table) * BLOCK_SECTOR, 0xff, is_32 ? 12 : 4);
    }
}

static void change_image(const uint8_t *data, size_t size)
{
    size_t len = (size_t)env_disk.dev.sectors * BLOCK_SECTOR, at = 0;
    while (size - at >= 4) {
        size_t offset = ((size_t)data[at] << 16 | (size_t)data[at + 1] << 8 | data[at + 2]) % len;
        size_t n = data[at + 3];
        at += 4;
        for (; n != 0 && at < size && offset < len; n--) {
            env_disk.bytes[offset++] = data[at++];
        }
    }
}

static const char *const folders[] = {"/i", "/i/d", "/i/d/a long folder", "/i/N"};
static const char *const names[] = {
    "FILE.TXT", "file with a long name", "d", "a long folder", "N", "e", "f", "\xc3\xa4"};

static enum status change_file(struct file *dir, const char *name, uint8_t kind, uint8_t size)
{
    static uint8_t bytes[30000];
    struct file *f;
    size_t done;
    uint64_t off = (uint64_t)(size & 15) << (size >> 4);
    enum status s = file_open_at(dir, name, VFS_READ | VFS_WRITE | VFS_CREATE, &f);
    if (s != OK) {
        return s;
    }
    s = kind == 0   ? file_write_at(f, off * 3, bytes, (size_t)size * 100, &done)
        : kind == 1 ? file_set_size(f, off)
        : kind == 2 ? file_allocate(f, off, size * 50u)
                    : file_read_at(f, off, bytes, sizeof(bytes), &done);
    if (kind == 3) {
        (void)file_unlink_at(dir, name); /* it is open */
    }
    file_close(f);
    return s;
}

static void change(const uint8_t op[4])
{
    struct file *from, *to;
    const char *name = names[op[1] & 7], *other = names[op[2] & 7];
    if (vfs_open(NULL, folders[op[1] >> 3 & 3], VFS_READ, &from) != OK) {
        return;
    }
    if (vfs_open(NULL, folders[op[2] >> 3 & 3], VFS_READ, &to) == OK) {
        enum status s = op[0] % 8 < 4    ? change_file(from, name, op[0] % 8, op[3])
                        : op[0] % 8 == 4 ? file_mkdir_at(from, name)
                        : op[0] % 8 == 5 ? file_unlink_at(from, name)
                        : op[0] % 8 == 6 ? file_rmdir_at(from, name)
                                         : file_rename_at(from, name, to, other);
        (void)s;
        file_close(to);
    }
    file_close(from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t len = (size_t)data[1] * 4;
    len = len < size - 2 ? len : size - 2;
    make_image((data[0] & 1) != 0);
    change_image(data + 2, len);
    static struct fs_check found;
    size_t before = env_settled_objects();
    (void)vfs_check_block(&env_disk.dev, &found);
    if (vfs_mount_block(&env_disk.dev, "/i") == OK) {
        (void)vfs_remount("/i", true);
        for (size_t at = 2 + len; at + 4 <= size; at += 4) {
            change(data + at);
        }
        (void)fs_visit("/i");
        (void)vfs_sync();
        enum status s = vfs_unmount("/i");
        if (s != OK && s != E_IO) {
            abort();
        }
    }
    if (env_settled_objects() != before || env_disk.refs != 0) {
        abort();
    }
    return 0;
}
