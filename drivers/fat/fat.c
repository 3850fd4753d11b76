// SPDX-License-Identifier: MIT
//
// FAT16 and FAT32 with long names, as an extension: recognises an image, checks its boot sector,
// and has the tables of functions. Microsoft's "FAT: General Overview of On-Disk Format" describes
// the format.
#include "drivers/fat/fat.h"

#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/additions.h"

enum {
    BOOT_SIZE = 512,
    SECTOR_MAX = 4096,
    CLUSTER_BYTES_MAX = 256 << 10,
    FAT12_CLUSTERS = 4085, /* fewer have entries of 12 bits */
    CLUSTERS_16 = 65525,   /* from here on they have 32 */
    CLUSTERS_MAX = 0x0ffffff5,
};

/* Offsets in the boot sector. */
enum {
    B_SECTOR = 11,
    B_CLUSTER = 13,
    B_RESERVED = 14,
    B_COPIES = 16,
    B_ROOT_ENTRIES = 17,
    B_SECTORS_16 = 19,
    B_MEDIA = 21,
    B_TABLE_16 = 22,
    B_SECTORS_32 = 32,
    B_TABLE_32 = 36,
    B_FLAGS = 40,
    B_VERSION = 42,
    B_ROOT = 44,
    B_INFO = 48,
    B_STATE_16 = 0x25,
    B_STATE_32 = 0x41,
    B_SIGNATURE = 510,
};

/** The fields of the boot sector, in sectors. */
struct layout {
    uint32_t sector, cluster, reserved, copies, root_entries, table;
    uint64_t sectors;
};

static bool is_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Whether this is the boot sector of a FAT file system: others have the signature, too. */
static bool read_layout(const uint8_t *b, struct layout *out)
{
    bool has_jump = (b[0] == 0xeb && b[2] == 0x90) || b[0] == 0xe9;
    uint32_t sectors = load_le16(b + B_SECTORS_16), table = load_le16(b + B_TABLE_16);
    *out = (struct layout){.sector = load_le16(b + B_SECTOR),
                           .cluster = b[B_CLUSTER],
                           .reserved = load_le16(b + B_RESERVED),
                           .copies = b[B_COPIES],
                           .root_entries = load_le16(b + B_ROOT_ENTRIES),
                           .table = table != 0 ? table : load_le32(b + B_TABLE_32),
                           .sectors = sectors != 0 ? sectors : load_le32(b + B_SECTORS_32)};
    return has_jump && load_le16(b + B_SIGNATURE) == 0xaa55 && out->sector >= BOOT_SIZE &&
           out->sector <= SECTOR_MAX && is_power_of_two(out->sector) &&
           is_power_of_two(out->cluster) && out->reserved != 0 && out->copies != 0 &&
           out->copies <= 4 && (b[B_MEDIA] == 0xf0 || b[B_MEDIA] >= 0xf8);
}

/* NULL: the layout fits the device and itself. */
static const char *set_geometry(struct fat *e, const struct layout *l)
{
    uint64_t root_sectors = ((uint64_t)l->root_entries * FAT_ENTRY + l->sector - 1) / l->sector;
    uint64_t before = l->reserved + (uint64_t)l->copies * l->table + root_sectors;
    uint32_t cluster_bytes = l->cluster * l->sector;
    if (l->sectors > e->dev->sectors / (l->sector / BLOCK_SECTOR)) {
        return "larger than the device: truncated";
    }
    if (cluster_bytes > CLUSTER_BYTES_MAX) {
        return "impossible cluster size";
    }
    if (before >= l->sectors || l->table == 0) {
        return "no room for clusters";
    }
    uint64_t clusters = (l->sectors - before) / l->cluster;
    if (e->is_fat32 ? clusters > CLUSTERS_MAX || l->root_entries != 0
                    : clusters >= CLUSTERS_16 || l->root_entries == 0) {
        return "impossible number of clusters, or of entries in the root";
    }
    if (l->table * (uint64_t)l->sector < (clusters + FAT_FIRST_CLUSTER) * (e->is_fat32 ? 4 : 2)) {
        return "the table of clusters is too small";
    }
    e->cluster_shift = (uint32_t)__builtin_ctz(cluster_bytes);
    e->cluster_end = (uint32_t)clusters + FAT_FIRST_CLUSTER;
    e->table = (uint64_t)l->reserved * l->sector;
    e->table_bytes = l->table * (uint64_t)l->sector;
    e->table_copies = l->copies;
    e->root = e->table + l->copies * e->table_bytes;
    e->root_bytes = l->root_entries * FAT_ENTRY;
    e->data = before * l->sector;
    return NULL;
}

/* FAT32 may use only one copy of the table. */
static const char *set_fat32(struct fat *e, const uint8_t *b, const struct layout *l)
{
    uint32_t flags = load_le16(b + B_FLAGS), info = load_le16(b + B_INFO);
    e->root_cluster = load_le32(b + B_ROOT);
    if (load_le16(b + B_VERSION) != 0) {
        return "unknown version";
    }
    if (!fat_is_cluster(e, e->root_cluster)) {
        return "impossible cluster of the root";
    }
    if ((flags & 0x80) != 0) {
        if ((flags & 0x0f) >= l->copies) {
            return "impossible copy of the table";
        }
        e->table += (flags & 0x0f) * e->table_bytes;
        e->table_copies = 1;
    }
    e->info = info != 0 && info < l->reserved ? (uint64_t)info * l->sector : 0;
    return NULL;
}

static enum status read_boot(struct fat *e, const uint8_t *b)
{
    struct layout l;
    if (!read_layout(b, &l)) {
        return E_FORMAT;
    }
    e->is_fat32 = load_le16(b + B_TABLE_16) == 0;
    const char *why = set_geometry(e, &l);
    if (why == NULL && e->is_fat32) {
        why = set_fat32(e, b, &l);
    }
    if (why != NULL) {
        log_error("fat", "%s: %s", e->dev->name, why);
        return E_CORRUPT;
    }
    if (!e->is_fat32 && e->cluster_end - FAT_FIRST_CLUSTER < FAT12_CLUSTERS) {
        log_error("fat", "%s: FAT12 is not supported", e->dev->name);
        return E_NOTSUP;
    }
    e->was_dirty = (b[e->is_fat32 ? B_STATE_32 : B_STATE_16] & 3) != 0;
    return OK;
}

/* The number of free clusters: FSInfo's, if it is possible; otherwise counted. */
static enum status read_info_locked(struct fat *e) REQUIRES(e->lock)
{
    uint8_t info[BOOT_SIZE];
    uint32_t clusters = e->cluster_end - FAT_FIRST_CLUSTER;
    if (e->info != 0) {
        enum status s = page_cache_copy(e->cache, e->info, info, sizeof(info), 0);
        if (s != OK) {
            return s;
        }
        if (load_le32(info) != 0x41615252 || load_le32(info + 484) != 0x61417272) {
            e->info = 0;
        } else if (load_le32(info + 488) <= clusters) {
            e->free_clusters = load_le32(info + 488);
            e->next_free = load_le32(info + 492);
            return OK;
        }
    }
    return fat_count_free_locked(e, &e->free_clusters);
}

static enum status load_locked(struct fat *e) REQUIRES(e->lock)
{
    uint8_t boot[BOOT_SIZE];
    struct fat_node *root;
    bool is_clean = true;
    enum status s = page_cache_copy(e->cache, 0, boot, sizeof(boot), 0);
    s = s != OK ? s : read_boot(e, boot);
    s = s != OK ? s : fat_is_marked_locked(e, &is_clean);
    s = s != OK ? s : read_info_locked(e);
    s = s != OK ? s : fat_make_root_locked(e, &root);
    if (s == OK) {
        e->was_dirty |= !is_clean;
        e->fs.root = &root->node;
    }
    return s;
}

static enum status fat_read_link(struct fs_node *link, char *buf, size_t len)
{
    (void)link, (void)buf, (void)len;
    return E_NOTSUP;
}

/* A file with this attribute is not to be written. */
static enum status fat_open(struct fs_node *node, unsigned flags)
{
    struct fat *e = fat_of(node);
    mutex_lock(&e->lock);
    bool is_protected = (fat_node_of(node)->attributes & FAT_READ_ONLY) != 0;
    mutex_unlock(&e->lock);
    return is_protected && (flags & VFS_WRITE) != 0 ? E_PERM : OK;
}

static enum status fat_stat(struct fs_node *node, struct file_stat *out)
{
    struct fat *e = fat_of(node);
    const struct fat_node *n = fat_node_of(node);
    mutex_lock(&e->lock);
    uint64_t mask = (1ull << e->cluster_shift) - 1;
    bool is_directory = node->type == FILE_DIRECTORY;
    *out = (struct file_stat){.inode = node->id,
                              .size = n->size,
                              .blocks_512 = ((n->size + mask) & ~mask) / 512,
                              .links = n->is_removed ? 0 : 1,
                              .mode = (n->attributes & FAT_READ_ONLY) != 0 ? 0555
                                      : is_directory                       ? 0755
                                                                           : 0644,
                              .type = node->type,
                              .accessed_ns = n->accessed_ns,
                              .modified_ns = n->modified_ns,
                              .changed_ns = n->modified_ns};
    mutex_unlock(&e->lock);
    return OK;
}

static void fat_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    struct fat *e = CONTAINER_OF(fs, struct fat, fs);
    mutex_lock(&e->lock);
    uint32_t clusters = e->cluster_end - FAT_FIRST_CLUSTER;
    *total_bytes = (uint64_t)clusters << e->cluster_shift;
    *free_bytes = (uint64_t)MIN(e->free_clusters, clusters) << e->cluster_shift;
    mutex_unlock(&e->lock);
}

/* Also frees a file system whose fat_make() failed, so each part may be missing. */
static void fat_unmount(struct fs *fs)
{
    struct fat *e = CONTAINER_OF(fs, struct fat, fs);
    name_cache_free(&e->names);
    if (fs->root != NULL) {
        mutex_lock(&e->lock);
        fat_put_node_locked(e, fat_node_of(fs->root));
        mutex_unlock(&e->lock);
    }
    if (e->cache != NULL) {
        page_cache_free(e->cache);
    }
    block_close(e->dev);
    heap_free(e);
}

static const struct fs_ops ops = {
    .lookup = fat_lookup,
    .read = fat_read,
    .read_dir = fat_read_dir,
    .read_link = fat_read_link,
    .stat = fat_stat,
    .release = fat_release,
    .usage = fat_usage,
    .unmount = fat_unmount,
    .open = fat_open,
    .sync = fat_sync,
    .set_mode = fat_set_mode,
    .check = fat_check,
};

static const struct fs_write_ops write_ops = {
    .create = fat_create,
    .link = fat_link,
    .remove = fat_remove,
    .rename = fat_rename,
    .write = fat_write,
    .set_size = fat_set_size,
    .allocate = fat_allocate,
    .set_times = fat_set_times,
};

static void drop_node(struct fs_node *node) NO_LOCK_ANALYSIS
{
    fat_put_node_locked(fat_of(node), fat_node_of(node));
}

static enum status fat_make(struct block_device *dev, struct fs **out)
{
    if (dev->sectors < 2 || dev->logical_block > SECTOR_MAX) {
        return E_FORMAT;
    }
    struct fat *e = heap_zalloc(sizeof(*e));
    if (e == NULL) {
        return E_NOMEM;
    }
    e->dev = block_open(dev->name);
    if (e->dev == NULL) {
        heap_free(e);
        return E_NODEV;
    }
    e->fs = (struct fs){.type = "fat",
                        .ops = &ops,
                        .write_ops = &write_ops,
                        .names = &e->names,
                        .is_read_only = true};
    mutex_init(&e->lock, "fat");
    name_cache_init(&e->names, &e->lock, drop_node);
    e->cache = page_cache_make(e->dev);
    e->disk = (struct disk_state){
        .ops = &fat_state_ops, .fs = &e->fs, .dev = e->dev, .cache = e->cache, .lock = &e->lock};
    enum status s = E_NOMEM;
    if (e->cache != NULL) {
        mutex_lock(&e->lock);
        s = load_locked(e);
        mutex_unlock(&e->lock);
    }
    if (s != OK) {
        fat_unmount(&e->fs);
        return s;
    }
    *out = &e->fs;
    return OK;
}

const struct fs_format fat_format = {.name = "fat", .make = fat_make};

static const struct fs_format *const file_systems[] = {&fat_format, NULL};

static const struct additions added = {.file_systems = file_systems};

const struct driver fat_driver = {.name = "fat", .version = "1.0", .additions = &added};

DRIVER_MODULE(fat_driver, "fat", "1.0", "MIT");
