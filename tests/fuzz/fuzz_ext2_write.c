// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as an ext2 image that is written: files and names are changed until the file
// system notices that the image is wrong, or to the end. Every call succeeds or fails cleanly, and
// unmounting releases everything.
//
// An input is the length of a list of changes to the image, in units of four bytes; that list, as
// fuzz_ext2.c has it; then operations of four bytes: kind, two names, a size.
#include "kernel/fs/vfs.h"

#include "ext2_image.h"
#include "fs/fs_env.h"
#include "fs/fs_visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    ext2_image_make();
    return 0;
}

static const char *const folders[] = {"/i", "/i/d", "/i/d/e", "/i/n"};
static const char *const names[] = {"hello", "fast", "slow", "d", "e", "big", "n", "m"};
static uint8_t bytes[70000];

static const char *pick_name(uint8_t byte)
{
    static char name[256];
    if (byte % 32 == 31) {
        memset(name, 'a' + byte / 32, 200);
        return name;
    }
    return names[byte % 8];
}

static enum status change_file(struct file *dir, const char *name, uint8_t kind, uint8_t size)
{
    struct file *f;
    size_t done;
    uint64_t off = (uint64_t)(size & 15) << (size >> 4);
    enum status s = file_open_at(dir, name, VFS_READ | VFS_WRITE | VFS_CREATE, &f);
    if (s != OK) {
        return s;
    }
    s = kind == 0   ? file_write_at(f, off * 7, bytes, (size_t)size * 100, &done)
        : kind == 1 ? file_set_size(f, off)
        : kind == 2 ? file_allocate(f, off, size * 50u)
                    : file_read_at(f, off, bytes, sizeof(bytes), &done);
    if (kind == 3) {
        (void)file_unlink_at(dir, name); /* it is open */
    }
    file_close(f);
    return s;
}

static enum status change(const uint8_t op[4])
{
    struct file *from, *to;
    char name[256];
    snprintf(name, sizeof(name), "%s", pick_name(op[1]));
    enum status s = vfs_open(NULL, folders[op[1] >> 3 & 3], VFS_READ, &from);
    if (s != OK) {
        return s;
    }
    s = vfs_open(NULL, folders[op[2] >> 3 & 3], VFS_READ, &to);
    if (s == OK) {
        switch (op[0] % 10) {
        case 4:
            s = file_mkdir_at(from, name);
            break;
        case 5:
            s = file_unlink_at(from, name);
            break;
        case 6:
            s = file_rmdir_at(from, name);
            break;
        case 7:
            s = file_rename_at(from, name, to, pick_name(op[2]));
            break;
        case 8:
            s = file_link_at(from, name, to, pick_name(op[2]));
            break;
        case 9:
            s = file_symlink_at("target", to, name);
            break;
        default:
            s = change_file(from, name, op[0] % 10, op[3]);
        }
        file_close(to);
    }
    file_close(from);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t len = (size_t)data[0] * 4;
    len = len < size - 1 ? len : size - 1;
    ext2_image_load(EXT2_IMAGE, data + 1, len);
    size_t before = env_settled_objects();
    if (vfs_mount_block(&env_disk.dev, "/i") == OK) {
        (void)vfs_remount("/i", true);
        for (size_t at = 1 + len; at + 4 <= size; at += 4) {
            (void)change(data + at);
            if (data[at] == 255) {
                env_reclaim();
            }
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
