// SPDX-License-Identifier: MIT
//
// ext2 and ext3, as created by `mke2fs`, and ext4 for reading: mounting, and the superblock's
// geometry. ext2_node.c has inodes, ext2_map.c and ext2_read.c the contents of files, ext2_dir.c
// directories. An image is mounted read-only; ext2w.ko makes it writable (ext2_writing.h).
//
// Every number from the disk is checked each time it is read: the disk may be broken, or may change
// while it is mounted. Layout: the kernel documentation's "ext4 Data Structures and Algorithms", of
// which ext2 is a part.
#include "kernel/fs/ext2_internal.h"

#include "kernel/base/log.h"
#include "kernel/fs/ext2_writing.h"
#include "kernel/fs/ext4.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

enum {
    SUPER_OFFSET = 1024,
    SUPER_SIZE = 1024,
    MAGIC = 0xef53,
    GROUP_SIZE = 32,     /* bytes of a group's descriptor */
    GROUP_SIZE_MIN = 64, /* with 64bit */
    GROUP_SIZE_MAX = 1024,
    INODE_SIZE_MIN = 128,
    FIRST_INODE = 11, /* in revision 0 */
    COMPAT_JOURNAL = 0x4,
    COMPAT_INDICES = 0x20,
    FLAG_UNSIGNED = 0x2,
    INCOMPAT_FILE_TYPES = 0x2,
};

/* Offsets in the superblock. */
enum {
    S_INODES = 0,
    S_BLOCKS = 4,
    S_FREE_BLOCKS = 12,
    S_FREE_INODES = 16,
    S_FIRST_BLOCK = 20,
    S_LOG_BLOCK_SIZE = 24,
    S_BLOCKS_PER_GROUP = 32,
    S_INODES_PER_GROUP = 40,
    S_MAGIC = 56,
    S_STATE = 58,
    S_REVISION = 76,
    S_FIRST_INODE = 84,
    S_INODE_SIZE = 88,
    S_COMPAT = 92,
    S_INCOMPAT = 96,
    S_RO_COMPAT = 100,
    S_JOURNAL = 224,
    S_LAST_ORPHAN = 232,
    S_HASH_SEED = 236,
    S_HASH_VERSION = 252,
    S_GROUP_SIZE = 254,
    S_BLOCKS_HIGH = 336,
    S_FLAGS = 352,
};

/* Features without which the format cannot be read. */
static const struct {
    uint32_t bit;
    const char *name;
} incompatible[] = {
    {0x1, "compression"},    {0x4, "needs_recovery without a journal"},
    {0x8, "journal_dev"},    {0x10, "meta_bg"},
    {0x100, "mmp"},          {0x400, "ea_inode"},
    {0x1000, "dirdata"},     {0x4000, "large_dir"},
    {0x8000, "inline_data"}, {0x10000, "encrypt"},
    {0x20000, "casefold"},
};

static enum status check_features(const struct block_device *dev, uint32_t incompat,
                                  bool has_journal)
{
    uint32_t unknown = incompat & ~(uint32_t)(INCOMPAT_FILE_TYPES | EXT2_EXT4 |
                                              (has_journal ? EXT2_NEEDS_RECOVERY : 0));
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

/* What ext4 added to the superblock. NULL: all of it is valid. */
static const char *read_ext4(struct ext2 *e, const uint8_t *super)
{
    const char *why = e->has_checksums ? e->ext4->start_checksums(e, super) : NULL;
    e->descriptor_size = GROUP_SIZE;
    if ((e->incompat & EXT2_64BIT) != 0) {
        e->descriptor_size = load_le16(super + S_GROUP_SIZE);
    }
    if (why == NULL && (e->incompat & EXT2_64BIT) != 0 &&
        (!is_power_of_two(e->descriptor_size) || e->descriptor_size < GROUP_SIZE_MIN ||
         e->descriptor_size > GROUP_SIZE_MAX)) {
        why = "impossible size of group descriptors";
    }
    return why;
}

/* Check the superblock's sizes and counts against each other and against the device, and compute
 * the number of groups. NULL: all are valid. */
static const char *check_geometry(struct ext2 *e, const uint8_t *super)
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
    if (e->first_inode < FIRST_INODE || e->first_inode > e->inode_count + 1) {
        return "impossible first inode";
    }
    e->blocks_per_group = blocks_per_group;
    e->group_count = (uint32_t)groups;
    if (ext2_byte_of(e, first + 1) + groups * e->descriptor_size >
        ext2_byte_of(e, e->block_count)) {
        return "group descriptors past the end";
    }
    return NULL;
}

/* Not in the image, as a boot from ext2 or ext3 needs neither. Release when they are set, acquire
 * when they are used: their code is never unloaded. */
static const struct ext2_ext4 *_Atomic ext4_functions;
static enum status (*load_ext4)(void); /* [I] NULL: nothing can load them */

void ext2_set_ext4(const struct ext2_ext4 *functions)
{
    atomic_store_explicit(&ext4_functions, functions, memory_order_release);
}

void ext2_set_ext4_loader(enum status (*load)(void))
{
    load_ext4 = load;
}

/* E_FORMAT: the extension is loaded, and its own format reads the disk (ext4.c), which sets the
 * functions. */
static enum status find_ext4(struct ext2 *e)
{
    e->ext4 = atomic_load_explicit(&ext4_functions, memory_order_acquire);
    if (e->ext4 != NULL) {
        return OK;
    }
    return load_ext4 != NULL && load_ext4() == OK ? E_FORMAT : E_NOTSUP;
}

/* ext4's journal has a format of its own. Without its contents the image may be inconsistent. */
static enum status check_ext4(struct ext2 *e, const uint8_t *super)
{
    if ((e->incompat & EXT2_64BIT) != 0 && load_le32(super + S_BLOCKS_HIGH) != 0) {
        log_error("ext2", "%s: 2^32 blocks or more are not supported", e->dev->name);
        return E_NOTSUP;
    }
    if (ext2_is_ext4(e) && e->needs_recovery) {
        log_error(
            "ext2",
            "%s: feature needs_recovery: ext4's journal must be replayed before, by Linux or e2fsck",
            e->dev->name);
        return E_NOTSUP;
    }
    return ext2_is_ext4(e) ? find_ext4(e) : OK;
}

/* The features come first: with an unknown one, the other fields may have another meaning. Revision
 * 0 has neither features nor an inode size. After OK, the geometry in `e` is consistent and never
 * changes, so the other functions rely on it without checks. */
enum status ext2_read_super(struct ext2 *e, const uint8_t *super)
{
    if (load_le16(super + S_MAGIC) != MAGIC) {
        return E_FORMAT;
    }
    uint32_t log_size = load_le32(super + S_LOG_BLOCK_SIZE);
    uint32_t revision = load_le32(super + S_REVISION);
    uint32_t incompat = revision == 0 ? 0 : load_le32(super + S_INCOMPAT);
    e->revision = revision;
    e->incompat = incompat;
    e->ro_compat = revision == 0 ? 0 : load_le32(super + S_RO_COMPAT);
    e->first_inode = revision == 0 ? FIRST_INODE : load_le32(super + S_FIRST_INODE);
    e->state = load_le16(super + S_STATE);
    e->first_orphan = revision == 0 ? 0 : load_le32(super + S_LAST_ORPHAN);
    bool has_journal = revision != 0 && (load_le32(super + S_COMPAT) & COMPAT_JOURNAL) != 0;
    e->has_indices = revision != 0 && (load_le32(super + S_COMPAT) & COMPAT_INDICES) != 0 &&
                     ext2_is_hash_known(super[S_HASH_VERSION]);
    ext2_read_hash(e, super + S_HASH_SEED, super[S_HASH_VERSION],
                   (load_le32(super + S_FLAGS) & FLAG_UNSIGNED) != 0);
    e->journal_inode = has_journal ? load_le32(super + S_JOURNAL) : 0;
    e->needs_recovery = (incompat & EXT2_NEEDS_RECOVERY) != 0;
    e->has_checksums = (e->ro_compat & EXT2_CHECKSUMS) != 0;
    enum status s = check_features(e->dev, incompat, has_journal);
    if (s != OK) {
        return s;
    }
    if (log_size > 2) {
        log_error("ext2", "%s: blocks larger than 4 KiB are not supported", e->dev->name);
        return E_NOTSUP;
    }
    s = check_ext4(e, super);
    if (s != OK) {
        return s;
    }
    e->block_size = 1024u << log_size;
    e->block_shift = 10 + log_size;
    e->first_block = load_le32(super + S_FIRST_BLOCK);
    e->block_count = load_le32(super + S_BLOCKS);
    e->free_blocks = load_le32(super + S_FREE_BLOCKS);
    e->free_inodes = load_le32(super + S_FREE_INODES);
    e->inode_count = load_le32(super + S_INODES);
    e->inodes_per_group = load_le32(super + S_INODES_PER_GROUP);
    e->inode_size = revision == 0 ? INODE_SIZE_MIN : load_le16(super + S_INODE_SIZE);
    e->has_file_types = (incompat & INCOMPAT_FILE_TYPES) != 0;
    const char *why = read_ext4(e, super);
    why = why != NULL ? why : check_geometry(e, super);
    if (why != NULL) {
        log_error("ext2", "%s: %s", e->dev->name, why);
        return E_CORRUPT;
    }
    return OK;
}

/* The target's length is the inode's size, which is_sound() has bounded. A zero byte inside would
 * make the rest of the path invisible to callers, so it counts as damage. */
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
    struct ext2 *e = ext2_of(node);
    const struct ext2_node *n = ext2_node_of(node);
    mutex_lock(&e->lock);
    if (n->changed_ns == e->time_ns) {
        e->time_ns = 0; /* so that the caller can tell what changes from now on */
    }
    *out = (struct file_stat){.inode = node->id,
                              .size = n->size,
                              .blocks_512 = n->blocks_512,
                              .links = n->links,
                              .mode = n->mode & 07777,
                              .type = node->type,
                              .accessed_ns = n->accessed_ns,
                              .modified_ns = n->modified_ns,
                              .changed_ns = n->changed_ns};
    mutex_unlock(&e->lock);
    return OK;
}

static void ext2_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    struct ext2 *e = CONTAINER_OF(fs, struct ext2, fs);
    mutex_lock(&e->lock);
    *total_bytes = ext2_byte_of(e, e->block_count);
    *free_bytes = ext2_byte_of(e, MIN(e->free_blocks, e->block_count));
    mutex_unlock(&e->lock);
}

/* Also frees a file system whose ext2_make() failed, so each part may be missing. */
static void ext2_unmount(struct fs *fs)
{
    struct ext2 *e = CONTAINER_OF(fs, struct ext2, fs);
    name_cache_free(&e->names);
    if (fs->root != NULL) {
        mutex_lock(&e->lock);
        ext2_put_node_locked(e, ext2_node_of(fs->root));
        mutex_unlock(&e->lock);
    }
    const struct ext2_writing *w = ext2_writing();
    if (w != NULL) {
        w->end(e);
    }
    if (e->cache != NULL) {
        page_cache_free(e->cache);
    }
    block_close(e->dev);
    ext2_nodes_free(&e->nodes);
    heap_free(e);
}

/* The check is not in the image, but in tools.ko, as the command is that asks for it. Release when
 * it is set, acquire when it is called; it is never unloaded. */
static enum status (*_Atomic checker)(struct fs *fs, struct fs_check *out);

void ext2_set_check(enum status (*check)(struct fs *fs, struct fs_check *out))
{
    atomic_store_explicit(&checker, check, memory_order_release);
}

/* Acquire pairs with ext2_set_check(): the code is in memory before its pointer is seen. */
static enum status check(struct fs *fs, struct fs_check *out)
{
    enum status (*run)(struct fs *, struct fs_check *) =
        atomic_load_explicit(&checker, memory_order_acquire);
    return run == NULL ? E_NOTSUP : run(fs, out);
}

/* ---- Writing ---- */

static const struct ext2_writing *_Atomic writing; /* release and acquire, as ext4_functions */
static enum status (*load_writing)(void);          /* [I] NULL: nothing can load them */

const struct ext2_writing *ext2_writing(void)
{
    return atomic_load_explicit(&writing, memory_order_acquire);
}

void ext2_set_writing(const struct ext2_writing *functions)
{
    atomic_store_explicit(&writing, functions, memory_order_release);
}

void ext2_set_writing_loader(enum status (*load)(void))
{
    load_writing = load;
}

/* No lock is held: the file may be on this disk. E_NOTSUP, also if the file cannot be used: the log
 * has the reason. */
static enum status find_writing(void)
{
    enum status s = ext2_writing() != NULL ? OK : load_writing != NULL ? load_writing() : E_NOTSUP;
    return s == OK || s == E_NOENT || s == E_NOMEM || s == E_IO ? s : E_NOTSUP;
}

/* Without the functions nothing was writable, and there is nothing to be done for another mode. */
static enum status set_mode(struct fs *fs, enum fs_mode mode)
{
    enum status s = mode == FS_WRITABLE ? find_writing() : OK;
    const struct ext2_writing *w = ext2_writing();
    return s != OK || w == NULL ? s : w->set_mode(fs, mode);
}

static enum status sync(struct fs *fs, struct fs_node *node)
{
    const struct ext2_writing *w = ext2_writing();
    return w != NULL ? w->sync(fs, node) : OK;
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
    .sync = sync,
    .set_mode = set_mode,
    .check = check,
};

static enum status load_image(struct ext2 *e)
{
    uint8_t super[SUPER_SIZE];
    mutex_lock(&e->lock);
    enum status s = page_cache_copy(e->cache, SUPER_OFFSET, super, sizeof(super), 0);
    mutex_unlock(&e->lock);
    if (s == E_RANGE) {
        return E_FORMAT; /* a device this small has no file system */
    }
    if (s == OK) {
        s = ext2_read_super(e, super);
    }
    if (s != OK) {
        return s;
    }
    struct ext2_node *root;
    mutex_lock(&e->lock);
    s = ext2_get_node_locked(e, EXT2_ROOT_INODE, &root);
    mutex_unlock(&e->lock);
    if (s != OK) {
        return s;
    }
    e->fs.root = &root->node;
    e->fs.type = ext2_is_ext4(e) ? "ext4" : e->journal_inode != 0 ? "ext3" : "ext2";
    if (e->needs_recovery) {
        log_warn(
            "ext2",
            "%s: read-only, without the changes in its journal, which is replayed when it becomes writable",
            e->dev->name);
    }
    return root->node.type == FILE_DIRECTORY ? OK : E_CORRUPT;
}

static void drop_node(struct fs_node *node) NO_LOCK_ANALYSIS
{
    ext2_put_node_locked(ext2_of(node), ext2_node_of(node));
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
    e->fs = (struct fs){.type = "ext2", .ops = &ops, .names = &e->names, .is_read_only = true};
    mutex_init(&e->lock, "ext2");
    ext2_nodes_init(&e->nodes);
    name_cache_init(&e->names, &e->lock, drop_node);
    e->cache = page_cache_make(e->dev);
    e->disk = (struct disk_state){.fs = &e->fs, .dev = e->dev, .cache = e->cache, .lock = &e->lock};
    enum status s = e->cache != NULL ? load_image(e) : E_NOMEM;
    if (s != OK) {
        ext2_unmount(&e->fs);
        return s;
    }
    *out = &e->fs;
    return OK;
}
