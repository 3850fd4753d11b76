// SPDX-License-Identifier: MIT
//
// Commands about mounted file systems. A refusal names the device or the folder that is the reason,
// and what is on a disk that cannot be mounted.
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/shell/command_internal.h"
#include "kernel/tty/console.h"

static bool print_mounts(void)
{
    struct vfs_mount_info m;
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        str_make_printable(m.source);
        str_make_printable(m.dir);
        console_printf("%-10s on %-16s type %-6s %s\n", m.source, m.dir, m.type,
                       m.read_only ? "read-only" : "read-write");
    }
    return true;
}

/* ---- What is on a disk of no known format ---- */

#define LOOK_BLOCKS 2u
#define BLOCK_MAX   4096u

/** Bytes at an offset that tell what is on a disk. Tried in this order. */
static const struct {
    uint32_t offset; /* in block `block` */
    uint8_t block;
    char bytes[9];
    const char *what;
} signatures[] = {
    {0, 1, "EFI PART",
     "it has a partition table (GPT), but no partition that can be used: see `log`"},
    {54, 0, "FAT1", "a FAT file system, for which there is an extension: `load fat`"},
    {82, 0, "FAT32", "a FAT file system, for which there is an extension: `load fat`"},
    {3, 0, "EXFAT", "an exFAT file system, which is not supported"},
    {3, 0, "NTFS", "an NTFS file system, which is not supported"},
    {510, 0, "\x55\xaa",
     "it has a partition table (MBR), but no partition that can be used: see `log`"},
};

static const char *name_content(const uint8_t *blocks, uint32_t block_size)
{
    for (size_t i = 0; i < ARRAY_COUNT(signatures); i++) {
        const char *bytes = signatures[i].bytes;
        const uint8_t *at = blocks + signatures[i].block * block_size + signatures[i].offset;
        if (memcmp(at, bytes, strlen(bytes)) == 0) {
            return signatures[i].what;
        }
    }
    return NULL;
}

struct partition_search {
    const struct block_device *disk;
    bool is_found;
};

static void look_for_partition(void *ctx, struct block_device *dev)
{
    struct partition_search *search = ctx;
    search->is_found |= dev->disk == search->disk;
}

static const char *look_at(struct block_device *dev)
{
    uint32_t block = dev->logical_block, len = LOOK_BLOCKS * block;
    const char *what = NULL;
    struct partition_search search = {.disk = dev};
    block_for_each(look_for_partition, &search);
    if (search.is_found) {
        return "it has partitions, which `lsblk` lists: mount one of them";
    }
    if (block > BLOCK_MAX || dev->sectors * BLOCK_SECTOR < len) {
        return NULL;
    }
    uint8_t *blocks = heap_alloc(len);
    if (blocks != NULL && block_read(dev, 0, blocks, len) == OK) {
        what = name_content(blocks, block);
    }
    heap_free(blocks);
    return what;
}

/* ---- Mounting ---- */

/* The mount of this device or at this folder, whichever the reason is. */
static void complain_busy(const char *device, const char *dir)
{
    char full[VFS_PATH_MAX];
    struct vfs_mount_info m;
    bool is_path = vfs_join(SHELL_CWD, dir, full, sizeof full) == OK;
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        bool is_device = vfs_is_same_disk(m.source, device);
        if (is_device || (is_path && strcmp(m.dir, full) == 0)) {
            str_make_printable(m.source);
            str_make_printable(m.dir);
            shell_complain_text("mount", is_device ? m.source : m.dir, "in use: %s is mounted%s%s",
                                m.source, is_device ? " on " : " there", is_device ? m.dir : "");
            return;
        }
    }
    shell_complain_text("mount", dir, "in use: a file system is mounted below it");
}

/* Mount a disk, or without one what an extension knows by this name. */
static enum status mount_at(struct block_device *dev, const char *source, const char *dir)
{
    char full[VFS_PATH_MAX];
    enum status s = vfs_join(SHELL_CWD, dir, full, sizeof full);
    if (s == OK) {
        s = dev != NULL ? vfs_mount_block(dev, full) : vfs_mount_named(source, full);
    }
    return s;
}

static bool mount(struct block_device *dev, const char *source, const char *dir)
{
    struct file_stat st;
    enum status s = vfs_stat(SHELL_CWD, dir, /* follow */ true, &st);
    if (s != OK || st.type != FILE_DIRECTORY) {
        shell_complain("mount", dir, s != OK ? s : E_NOTDIR);
        return false;
    }
    s = mount_at(dev, source, dir);
    const char *what = s == E_FORMAT && dev != NULL ? look_at(dev) : NULL;
    if (s == E_BUSY) {
        complain_busy(source, dir);
    } else if (what != NULL) {
        shell_complain_text("mount", source, "%s", what);
    } else if (s == E_FORMAT) {
        shell_complain_text("mount", source, "%s (known: ext2, and those of loaded extensions)",
                            status_text(s));
    } else if (s != OK) {
        shell_complain("mount", source, s);
    }
    return s == OK;
}

/* Make a mounted file system writable or read-only. */
static void set_writable(const char *dir, bool is_writable)
{
    char full[VFS_PATH_MAX];
    enum status s = vfs_join(SHELL_CWD, dir, full, sizeof full);
    if (s == OK) {
        s = vfs_remount(full, is_writable);
    }
    if (s == E_INVAL) {
        shell_complain_text("mount", dir, "nothing is mounted there");
    } else if (s == E_BUSY) {
        shell_complain_text("mount", dir, "files are open for writing, or open and removed");
    } else if (s == E_CORRUPT) {
        shell_complain_text("mount", dir,
                            "read-only until it was checked with e2fsck or fsck.fat: %s",
                            "it was not unmounted, or has errors");
    } else if (s == E_NOTSUP) {
        shell_complain_text("mount", dir, "read-only: `log` names the feature");
    } else if (s != OK) {
        shell_complain("mount", dir, s);
    }
}

static bool mount_new(const char *source, const char *dir)
{
    struct block_device *dev = block_open(source);
    bool is_mounted = mount(dev, source, dir);
    if (dev != NULL) {
        block_close(dev);
    }
    return is_mounted;
}

static bool run_mount(int argc, char **argv)
{
    bool has_mode = argc > 2 && strcmp(argv[1], "-o") == 0;
    bool is_writable = has_mode && strcmp(argv[2], "rw") == 0;
    if (argc == 1) {
        return print_mounts();
    }
    if (has_mode && !is_writable && strcmp(argv[2], "ro") != 0) {
        return false;
    }
    argc -= has_mode ? 2 : 0;
    argv += has_mode ? 2 : 0;
    if (argc != 3 && !(has_mode && argc == 2)) {
        return false;
    }
    bool is_mounted = argc == 2 || mount_new(argv[1], argv[2]);
    if (is_mounted && has_mode) {
        set_writable(argv[argc - 1], is_writable);
    }
    return true;
}

static bool run_sync(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    enum status s = vfs_sync();
    if (s != OK) {
        shell_complain_text("sync", "a file system", "%s: what was changed may be lost",
                            status_text(s));
    }
    return true;
}

static bool run_umount(int argc, char **argv)
{
    if (argc != 2) {
        return false;
    }
    char full[VFS_PATH_MAX];
    enum status s = vfs_join(SHELL_CWD, argv[1], full, sizeof full);
    if (s == OK) {
        s = vfs_unmount(full);
    }
    if (s == E_BUSY) {
        shell_complain_text("umount", argv[1],
                            "in use: files are open, or a file system is mounted below it");
    } else if (s == E_INVAL) {
        shell_complain_text("umount", argv[1], "nothing is mounted there");
    } else if (s == E_IO) {
        shell_complain_text("umount", argv[1], "unmounted, but not everything was written");
    } else if (s != OK) {
        shell_complain("umount", argv[1], s);
    }
    return true;
}

static bool run_df(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct vfs_mount_info m;
    console_printf("DEVICE     %12s %12s %12s  FOLDER\n", "SIZE KiB", "USED KiB", "FREE KiB");
    for (uint32_t i = 0; vfs_get_mount(i, &m); i++) {
        str_make_printable(m.source);
        str_make_printable(m.dir);
        uint64_t used = m.free_bytes < m.total_bytes ? m.total_bytes - m.free_bytes : 0;
        console_printf("%-10s %12llu %12llu %12llu  %s\n", m.source,
                       (unsigned long long)(m.total_bytes / 1024),
                       (unsigned long long)(used / 1024), (unsigned long long)(m.free_bytes / 1024),
                       m.dir);
    }
    return true;
}

const struct shell_command shell_mount_commands[] = {
    {"mount", "[-o rw|ro] [DEVICE] [DIR]",
     "list mounted file systems, or mount a disk, a partition or a host's folder", run_mount},
    {"umount", "DIR", "unmount a file system", run_umount},
    {"sync", "", "write what was changed to the disks", run_sync},
    {"df", "", "size of each file system, and free space", run_df},
    {0},
};
