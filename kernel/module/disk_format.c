// SPDX-License-Identifier: MIT
#include "kernel/module/disk_format.h"

#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/driver_module.h"

#define LOOK_BLOCKS 2u
#define BLOCK_MAX   4096u

/** Bytes at an offset by which a format is recognised. Tried in this order. */
struct signature {
    uint32_t offset; /* in block `block` */
    uint8_t block;
    char bytes[9];
    const char *what;
    const char *extension; /* that can mount it; NULL: there is none */
};

static const struct signature signatures[] = {
    {0, 1, "EFI PART",
     "it has a partition table (GPT), but no partition that can be used: see `log`", NULL},
    {54, 0, "FAT1", "a FAT file system", "fat"},
    {82, 0, "FAT32", "a FAT file system", "fat"},
    {3, 0, "EXFAT", "an exFAT file system, which is not supported", NULL},
    {3, 0, "NTFS", "an NTFS file system, which is not supported", NULL},
    {510, 0, "\x55\xaa",
     "it has a partition table (MBR), but no partition that can be used: see `log`", NULL},
};

static const struct signature partitioned = {
    .what = "it has partitions, which `lsblk` lists: mount one of them"};

static const struct signature *compare(const uint8_t *blocks, uint32_t block_size)
{
    for (size_t i = 0; i < ARRAY_COUNT(signatures); i++) {
        const char *bytes = signatures[i].bytes;
        const uint8_t *at = blocks + signatures[i].block * block_size + signatures[i].offset;
        if (memcmp(at, bytes, strlen(bytes)) == 0) {
            return &signatures[i];
        }
    }
    return NULL;
}

struct partition_search {
    const struct block_device *disk;
    bool is_found;
};

static void note_partition(void *ctx, struct block_device *dev)
{
    struct partition_search *search = ctx;
    search->is_found |= dev->disk == search->disk;
}

/* NULL: nothing that is known. */
static const struct signature *identify(struct block_device *dev)
{
    uint32_t block = dev->logical_block, len = LOOK_BLOCKS * block;
    const struct signature *found = NULL;
    struct partition_search search = {.disk = dev};
    block_for_each(note_partition, &search);
    if (search.is_found) {
        return &partitioned;
    }
    if (block > BLOCK_MAX || dev->sectors * BLOCK_SECTOR < len) {
        return NULL;
    }
    uint8_t *blocks = heap_alloc(len);
    if (blocks != NULL && block_read(dev, 0, blocks, len) == OK) {
        found = compare(blocks, block);
    }
    heap_free(blocks);
    return found;
}

/* True if the extension is loaded now, and was not before. */
static bool load_extension(const struct signature *found, struct disk_problem *why)
{
    struct loader_error err;
    unsigned taken;
    if (driver_module_load(found->extension, &taken, &err) == OK) {
        return true;
    }
    fmt_print(why->text, sizeof(why->text), "%s, which needs the extension %s: %s", found->what,
              found->extension, err.text);
    return false;
}

/* True if a format that was not known before may be known now. A format is learned only from the
 * bytes on the disk, and only extensions named in `signatures` are loaded: contents of a disk
 * cannot choose a file. The second attempt to mount recognises the format again and checks all of
 * it; a signature is no more than a hint. */
static bool learn(struct block_device *dev, struct disk_problem *why)
{
    const struct signature *found = identify(dev);
    if (found != NULL && found->extension == NULL) {
        (void)str_copy(why->text, sizeof(why->text), found->what);
    }
    return found != NULL && found->extension != NULL && load_extension(found, why);
}

enum status disk_mount(struct block_device *dev, const char *dir, struct vfs_type *type,
                       struct disk_problem *why)
{
    why->text[0] = '\0';
    enum status s = vfs_mount_block_as(dev, dir, type);
    bool is_other = type != NULL && type->found[0] != '\0';
    return s == E_FORMAT && !is_other && learn(dev, why) ? vfs_mount_block_as(dev, dir, type) : s;
}

enum status disk_check(struct block_device *dev, struct fs_check *out, struct disk_problem *why)
{
    why->text[0] = '\0';
    enum status s = vfs_check_block(dev, out);
    return s == E_FORMAT && learn(dev, why) ? vfs_check_block(dev, out) : s;
}
