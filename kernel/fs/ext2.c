// SPDX-License-Identifier: MIT
//
// ext2, read-only, as created by `mke2fs` and `mke2fs -d`: superblock, inodes and symbolic links.
// ext2_read.c reads file contents, ext2_dir.c directories.
//
// Every number from the disk is checked each time it is read: the disk may be broken, or may change
// while it is mounted. Layout: the kernel documentation's "ext4 Data Structures and Algorithms", of
// which ext2 is a part.
#include "kernel/fs/ext2_internal.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* Locking: e->lock protects the cache, and so is held while metadata is read; pointers into cache
 * chunks are used only under it. Fields marked [I] are set before the node or file system is
 * visible to other threads. */
enum {
    SUPER_OFFSET = 1024,
    SUPER_SIZE = 1024,
    MAGIC = 0xef53,
    GROUP_SIZE = 32, /* bytes of a group descriptor */
    GROUP_INODE_TABLE = 8,
    INODE_SIZE_MIN = 128,
    FLAG_COMPRESSED = 0x4,
    FLAG_ENCRYPTED = 0x800,
    FLAG_EXTENTS = 0x80000,
    FLAG_INLINE_DATA = 0x10000000,
    INCOMPAT_FILE_TYPES = 0x2,
    MODE_TYPE = 0170000,
    DIRECTORY_MAX = 64 << 20, /* a search reads all of it; enough for 250000 of the longest names */
};

/* Offsets in the superblock. */
enum {
    S_INODES = 0,
    S_BLOCKS = 4,
    S_FREE_BLOCKS = 12,
    S_FIRST_BLOCK = 20,
    S_LOG_BLOCK_SIZE = 24,
    S_BLOCKS_PER_GROUP = 32,
    S_INODES_PER_GROUP = 40,
    S_MAGIC = 56,
    S_REVISION = 76,
    S_INODE_SIZE = 88,
    S_INCOMPAT = 96,
};

/* Features without which the format cannot be read. */
static const struct {
    uint32_t bit;
    const char *name;
} incompatible[] = {
    {0x1, "compression"},
    {0x4, "needs_recovery"},
    {0x8, "journal_dev"},
    {0x10, "meta_bg"},
    {0x40, "extents"},
    {0x80, "64bit"},
    {0x100, "mmp"},
    {0x200, "flex_bg"},
    {0x400, "ea_inode"},
    {0x1000, "dirdata"},
    {0x2000, "metadata_csum_seed"},
    {0x4000, "large_dir"},
    {0x8000, "inline_data"},
    {0x10000, "encrypt"},
    {0x20000, "casefold"},
};

static enum status check_features(const struct block_device *dev, uint32_t incompat)
{
    uint32_t unknown = incompat & ~(uint32_t)INCOMPAT_FILE_TYPES;
    if (unknown == 0) {
        return OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(incompatible); i++) {
        if ((unknown & incompatible[i].bit) != 0) {
            log_error("ext2", "%s: feature %s is not supported", dev->name, incompatible[i].name);
            unknown &= ~incompatible[i].bit;
        }
    }
    if (unknown != 0) {
        log_error("ext2", "%s: unknown features 0x%x", dev->name, unknown);
    }
    return E_NOTSUP;
}

static bool is_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Check the superblock's sizes and counts against each other and against the device. NULL:
 * all are valid. */
static const char *check_geometry(const struct ext2 *e, const uint8_t *super)
{
    uint32_t blocks_per_group = load_le32(super + S_BLOCKS_PER_GROUP);
    uint32_t first = e->block_size == 1024 ? 1 : 0; /* the block that contains the superblock */
    if (load_le32(super + S_FIRST_BLOCK) != first) {
        return "impossible first block";
    }
    if (blocks_per_group == 0 || blocks_per_group > 8 * e->block_size) {
        return "impossible group size";
    }
    if (e->block_count <= first) {
        return "no blocks";
    }
    if ((uint64_t)e->block_count * e->block_size > e->dev->sectors * BLOCK_SECTOR) {
        return "larger than the device: truncated";
    }
    if (!is_power_of_two(e->inode_size) || e->inode_size < INODE_SIZE_MIN ||
        e->inode_size > e->block_size) {
        return "impossible inode size";
    }
    if (e->inodes_per_group == 0 || e->inodes_per_group > 8 * e->block_size) {
        return "impossible number of inodes in a group";
    }
    uint64_t groups = ((uint64_t)e->block_count - first + blocks_per_group - 1) / blocks_per_group;
    if (e->inode_count < EXT2_ROOT_INODE || e->inode_count > groups * e->inodes_per_group) {
        return "impossible number of inodes";
    }
    if (ext2_byte_of(e, first + 1) + groups * GROUP_SIZE > ext2_byte_of(e, e->block_count)) {
        return "group descriptors past the end";
    }
    return NULL;
}

/* The features come first: with an unknown one, the other fields may have another meaning. Revision
 * 0 has neither features nor an inode size. After OK, the geometry in `e` is consistent and never
 * changes, so the other functions rely on it without checks. */
static enum status read_super(struct ext2 *e, const uint8_t *super)
{
    if (load_le16(super + S_MAGIC) != MAGIC) {
        return E_FORMAT;
    }
    uint32_t log_size = load_le32(super + S_LOG_BLOCK_SIZE);
    uint32_t revision = load_le32(super + S_REVISION);
    uint32_t incompat = revision == 0 ? 0 : load_le32(super + S_INCOMPAT);
    enum status s = check_features(e->dev, incompat);
    if (s != OK) {
        return s;
    }
    if (log_size > 2) {
        log_error("ext2", "%s: blocks larger than 4 KiB are not supported", e->dev->name);
        return E_NOTSUP;
    }
    e->block_size = 1024u << log_size;
    e->block_shift = 10 + log_size;
    e->first_block = load_le32(super + S_FIRST_BLOCK);
    e->block_count = load_le32(super + S_BLOCKS);
    e->free_blocks = load_le32(super + S_FREE_BLOCKS);
    e->inode_count = load_le32(super + S_INODES);
    e->inodes_per_group = load_le32(super + S_INODES_PER_GROUP);
    e->inode_size = revision == 0 ? INODE_SIZE_MIN : load_le16(super + S_INODE_SIZE);
    e->has_file_types = (incompat & INCOMPAT_FILE_TYPES) != 0;
    const char *why = check_geometry(e, super);
    if (why != NULL) {
        log_error("ext2", "%s: %s", e->dev->name, why);
        return E_CORRUPT;
    }
    return OK;
}

/* The type bits of a mode: POSIX's S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR and S_IFBLK. */
static enum file_type type_of(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case 0100000:
        return FILE_REGULAR;
    case 0040000:
        return FILE_DIRECTORY;
    case 0120000:
        return FILE_SYMLINK;
    case 0020000:
    case 0060000:
        return FILE_DEVICE;
    default:
        return FILE_OTHER;
    }
}

/* The position of an inode on the device. */
static enum status locate_inode(struct ext2 *e, uint32_t inode, uint64_t *out) REQUIRES(e->lock)
{
    /* Inodes are numbered from 1. The caller has checked that the number is at most inode_count,
     * and check_geometry() that so many fit in the groups, so the group's descriptor is inside the
     * image. Where the group's inode table is comes from the disk, and is checked here. */
    uint32_t group = (inode - 1) / e->inodes_per_group;
    uint32_t index = (inode - 1) % e->inodes_per_group;
    uint8_t table_bytes[4];
    uint64_t descriptor = ext2_byte_of(e, e->first_block + 1) + (uint64_t)group * GROUP_SIZE;
    enum status s = block_cache_copy(e->cache, descriptor + GROUP_INODE_TABLE, table_bytes,
                                     sizeof(table_bytes), 0);
    if (s != OK) {
        return s;
    }
    uint32_t table = load_le32(table_bytes);
    uint64_t len = (uint64_t)e->inodes_per_group * e->inode_size;
    if (table <= e->first_block || table >= e->block_count ||
        len > ext2_byte_of(e, e->block_count - table)) {
        return E_CORRUPT;
    }
    *out = ext2_byte_of(e, table) + (uint64_t)index * e->inode_size;
    return OK;
}

/* Decode an inode into a node; false: it is inconsistent. */
static bool decode_inode(const struct ext2 *e, const uint8_t *raw, struct ext2_node *n)
{
    uint32_t flags = load_le32(raw + 32);
    uint32_t attributes = load_le32(raw + 104); /* block number of extended attributes, or 0 */
    n->mode = load_le16(raw);
    n->node.type = type_of(n->mode);
    n->size = load_le32(raw + 4);
    /* For a directory the field with the upper half of the size has another use. */
    if (n->node.type == FILE_REGULAR) {
        n->size |= (uint64_t)load_le32(raw + 108) << 32;
    }
    n->atime_s = load_le32(raw + 8);
    n->ctime_s = load_le32(raw + 12);
    n->mtime_s = load_le32(raw + 16);
    n->links = load_le16(raw + 26);
    n->blocks_512 = load_le32(raw + 28);
    memcpy(n->pointers, raw + 40, sizeof(n->pointers));
    /* A link without blocks, apart from the one of its extended attributes, has its target in place
     * of the block numbers. */
    n->is_fast_link = n->node.type == FILE_SYMLINK &&
                      n->blocks_512 == (attributes != 0 ? e->block_size / BLOCK_SECTOR : 0);

    if (n->links == 0) {
        return false; /* deleted, although a directory names it */
    }
    if ((flags & (FLAG_COMPRESSED | FLAG_ENCRYPTED | FLAG_EXTENTS | FLAG_INLINE_DATA)) != 0) {
        return false; /* features that the superblock does not list */
    }
    if (n->size > ext2_size_max(e)) {
        return false;
    }
    if (n->node.type == FILE_SYMLINK) {
        return n->size > 0 && n->size < (n->is_fast_link ? EXT2_FAST_LINK_MAX : VFS_PATH_MAX);
    }
    if (n->node.type == FILE_DIRECTORY) {
        return n->size % e->block_size == 0 && n->size <= ext2_byte_of(e, e->block_count) &&
               n->size <= DIRECTORY_MAX;
    }
    return true;
}

/* Each lookup reads the inode and makes a node of its own; two nodes of one inode are harmless,
 * because apart from references nothing in them changes but the hint for read-ahead. */
enum status ext2_load_node(struct ext2 *e, uint32_t inode, struct ext2_node **out)
{
    if (inode == 0 || inode > e->inode_count) {
        return E_CORRUPT;
    }
    uint8_t raw[INODE_SIZE_MIN];
    uint64_t at;
    mutex_lock(&e->lock);
    enum status s = locate_inode(e, inode, &at);
    if (s == OK) {
        s = block_cache_copy(e->cache, at, raw, sizeof(raw), 0);
    }
    mutex_unlock(&e->lock);
    if (s != OK) {
        return s;
    }
    struct ext2_node *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        return E_NOMEM;
    }
    n->node = (struct fs_node){.fs = &e->fs, .id = inode};
    atomic_init(&n->node.refs, 1);
    if (!decode_inode(e, raw, n)) {
        log_warn("ext2", "%s: inode %u is malformed", e->dev->name, inode);
        heap_free(n);
        return E_CORRUPT;
    }
    *out = n;
    return OK;
}

static enum status ext2_read_link(struct fs_node *link, char *buf, size_t len)
{
    struct ext2_node *n = ext2_node_of(link);
    size_t size = (size_t)n->size;
    size_t done = size;
    if (size >= len) {
        return E_NAMETOOLONG;
    }
    if (n->is_fast_link) {
        memcpy(buf, n->pointers, size);
    } else {
        enum status s = ext2_read(link, 0, buf, size, &done);
        if (s != OK) {
            return s;
        }
    }
    buf[done] = '\0';
    return done == size && strlen(buf) == size ? OK : E_CORRUPT;
}

static enum status ext2_stat(struct fs_node *node, struct file_stat *out)
{
    const struct ext2_node *n = ext2_node_of(node);
    *out = (struct file_stat){.inode = node->id,
                              .size = n->size,
                              .blocks_512 = n->blocks_512,
                              .links = n->links,
                              .mode = n->mode & 07777,
                              .type = node->type,
                              .accessed_ns = n->atime_s * NS_PER_S,
                              .modified_ns = n->mtime_s * NS_PER_S,
                              .changed_ns = n->ctime_s * NS_PER_S};
    return OK;
}

static void ext2_release(struct fs_node *node)
{
    heap_free(ext2_node_of(node));
}

static void ext2_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    const struct ext2 *e = CONTAINER_OF(fs, struct ext2, fs);
    *total_bytes = ext2_byte_of(e, e->block_count);
    *free_bytes = ext2_byte_of(e, MIN(e->free_blocks, e->block_count));
}

/* Also frees a file system whose ext2_make() failed, so each part may be missing. */
static void ext2_unmount(struct fs *fs)
{
    struct ext2 *e = CONTAINER_OF(fs, struct ext2, fs);
    if (fs->root != NULL) {
        heap_free(ext2_node_of(fs->root));
    }
    if (e->cache != NULL) {
        block_cache_free(e->cache);
    }
    block_close(e->dev);
    heap_free(e);
}

static const struct fs_ops ops = {
    .lookup = ext2_lookup,
    .read = ext2_read,
    .read_dir = ext2_read_dir,
    .read_link = ext2_read_link,
    .stat = ext2_stat,
    .release = ext2_release,
    .usage = ext2_usage,
    .unmount = ext2_unmount,
};

static enum status load_image(struct ext2 *e)
{
    uint8_t super[SUPER_SIZE];
    mutex_lock(&e->lock);
    enum status s = block_cache_copy(e->cache, SUPER_OFFSET, super, sizeof(super), 0);
    mutex_unlock(&e->lock);
    if (s == E_RANGE) {
        return E_FORMAT; /* a device this small has no file system */
    }
    if (s == OK) {
        s = read_super(e, super);
    }
    if (s != OK) {
        return s;
    }
    struct ext2_node *root;
    s = ext2_load_node(e, EXT2_ROOT_INODE, &root);
    if (s != OK) {
        return s;
    }
    e->fs.root = &root->node;
    return root->node.type == FILE_DIRECTORY ? OK : E_CORRUPT;
}

enum status ext2_make(struct block_device *dev, struct fs **out)
{
    struct ext2 *e = heap_zalloc(sizeof(*e));
    if (e == NULL) {
        return E_NOMEM;
    }
    e->dev = block_open(dev->name);
    if (e->dev == NULL) {
        heap_free(e);
        return E_NODEV;
    }
    e->fs = (struct fs){.type = "ext2", .ops = &ops};
    mutex_init(&e->lock, "ext2");
    e->cache = block_cache_make(e->dev);
    enum status s = e->cache != NULL ? load_image(e) : E_NOMEM;
    if (s != OK) {
        ext2_unmount(&e->fs);
        return s;
    }
    *out = &e->fs;
    return OK;
}
