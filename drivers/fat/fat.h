// SPDX-License-Identifier: MIT
//
// Shared by the files of FAT16 and FAT32: the mounted image, files in use, clusters, entries of
// directories. Every operation holds fat.lock while it reads or changes any of this. Only reads of
// cached pages do without it (known_run.h); a node's run.moving is taken before fat.lock.
#pragma once

#include "kernel/fs/disk_state.h"
#include "kernel/fs/fs.h"
#include "kernel/fs/known_run.h"
#include "kernel/fs/name_cache.h"
#include "kernel/io/device.h"
#include "kernel/sched/mutex.h"

enum {
    FAT_ENTRY = 32,           /* bytes of an entry of a directory */
    FAT_DIR_MAX = 65536 * 32, /* bytes of a directory, the format's limit */
    FAT_SLOTS_MAX = 21,       /* entries of one name: 20 with the long name, and the short one */
    FAT_LONG_MAX = 255,       /* UTF-16 units of a long name */
    FAT_SHORT = 11,           /* bytes of a short name, without the dot */
    FAT_FIRST_CLUSTER = 2,    /* the numbers before it are not used */
    FAT_NODE_BUCKETS = 64,
    FAT_ROOT_ID = 1,
    FAT_READ_ONLY = 0x01, /* attributes */
    FAT_LABEL = 0x08,
    FAT_DIRECTORY = 0x10,
    FAT_ARCHIVE = 0x20,
    FAT_LONG = 0x0f,
    FAT_ATTRIBUTES = 11, /* offsets in a short entry */
    FAT_CASE = 12,
    FAT_CREATED = 14,
    FAT_ACCESSED = 18,
    FAT_CLUSTER_HIGH = 20,
    FAT_MODIFIED = 22,
    FAT_CLUSTER_LOW = 26,
    FAT_SIZE = 28,
};

#define FAT_DELETED  0xe5u
#define FAT_SIZE_MAX UINT32_MAX

/* Field protection:  [I] set by fat_make()   [f] lock */
struct fat {
    struct fs fs;
    struct block_device *dev; /* [I] */
    struct mutex lock;
    struct page_cache *cache;    /* [I] */
    bool is_fat32;               /* [I] */
    uint32_t cluster_shift;      /* [I] a cluster has 1 << cluster_shift bytes */
    uint32_t cluster_end;        /* [I] valid numbers: FAT_FIRST_CLUSTER <= n < cluster_end */
    uint64_t table, table_bytes; /* [I] the first copy that is used, on the device */
    uint32_t table_copies;       /* [I] that are written */
    uint64_t data;               /* [I] byte of cluster 2 on the device */
    uint64_t root;               /* [I] FAT16: byte of the root directory */
    uint32_t root_bytes;         /* [I] FAT16 */
    uint32_t root_cluster;       /* [I] FAT32 */
    uint64_t info;               /* [I] byte of the FSInfo sector; 0: there is none */
    bool was_dirty;              /* [f] it was not unmounted, or has errors */
    struct disk_state disk;      /* [f] */
    uint32_t free_clusters;      /* [f] */
    uint32_t next_free;          /* [f] where to look for the next one */
    uint64_t last_removed;       /* [f] for the numbers of files without a name */
    struct fat_node *nodes[FAT_NODE_BUCKETS]; /* [f] those in use, by number */
    struct name_cache names;                  /* [f] */
};

/* A file or directory in use. Its number is the position of its entry in units of 32 bytes.
 * Field protection:  [I] set when it is loaded   [f] the file system's lock */
struct fat_node {
    struct fs_node node;   /* its number changes when it is renamed or removed */
    struct fat_node *next; /* [f] in its bucket */
    bool is_listed;        /* [f] */
    bool is_removed;       /* [f] its clusters are freed when the last reference is dropped */
    uint64_t at;           /* [f] byte of its entry on the device; 0: the root */
    uint32_t first;        /* [f] its first cluster; 0: none */
    uint32_t size;         /* [f] bytes; directories have 0 */
    uint8_t attributes;    /* [f] */
    uint64_t accessed_ns, modified_ns, created_ns; /* [f] since 1970 */
    uint32_t known_index, known_cluster;           /* [f] a cluster of its chain; 0: none */
    struct known_run run;                          /* of consecutive clusters */
};

static inline struct fat *fat_of(const struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct fat, fs);
}

static inline struct fat_node *fat_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct fat_node, node);
}

static inline bool fat_is_cluster(const struct fat *e, uint32_t n)
{
    return n >= FAT_FIRST_CLUSTER && n < e->cluster_end;
}

static inline uint64_t fat_byte_of(const struct fat *e, uint32_t cluster)
{
    return e->data + ((uint64_t)(cluster - FAT_FIRST_CLUSTER) << e->cluster_shift);
}

/* ---- fat_table.c ---- */

/** @brief The cluster after one of a chain; 0: it is the last. @return OK; E_CORRUPT, E_IO,
 *     E_NOMEM. */
enum status fat_next_locked(struct fat *e, uint32_t cluster, uint32_t *out) REQUIRES(e->lock);
/** @brief A cluster of a file by its index. @return OK; E_NOENT: the chain ends before it;
 *     E_CORRUPT, E_IO, E_NOMEM. */
enum status fat_find_locked(struct fat *e, struct fat_node *n, uint32_t index, uint32_t *out)
    REQUIRES(e->lock);
/** @brief The same; if the chain ends directly before it, one is added. Its contents are undefined.
 *     The node is changed but not stored. @return as fat_find_locked(); E_NOSPC. */
enum status fat_get_locked(struct fat *e, struct fat_node *n, uint32_t index, uint32_t *out)
    REQUIRES(e->lock);
/** @brief How many clusters of a chain from one on are consecutive; at least 1, at most `most`. */
uint32_t fat_run_locked(struct fat *e, uint32_t cluster, uint32_t most) REQUIRES(e->lock);
/** @brief Free the clusters of a file from an index on. The node is changed but not stored. The
 *     caller holds run.moving for writing, or no reader knows these clusters. */
enum status fat_free_from_locked(struct fat *e, struct fat_node *n, uint32_t index)
    REQUIRES(e->lock);
/** @brief Fill a cluster with zeroes. */
enum status fat_clear_locked(struct fat *e, uint32_t cluster) REQUIRES(e->lock);
/** @brief Count the free clusters: reads the whole table. */
enum status fat_count_free_locked(struct fat *e, uint32_t *out) REQUIRES(e->lock);
/** How a cluster is marked in the table. */
enum fat_use { FAT_USE_FREE, FAT_USE_CHAIN, FAT_USE_BAD };
enum status fat_use_of_locked(struct fat *e, uint32_t cluster, enum fat_use *out) REQUIRES(e->lock);
/** @brief Note in the table's second entry whether the image is clean, or only read that. */
enum status fat_mark_locked(struct fat *e, bool is_clean) REQUIRES(e->lock);
enum status fat_is_marked_locked(struct fat *e, bool *is_clean) REQUIRES(e->lock);

/* ---- fat_name.c ---- */

/** @brief From UTF-8. @return the number of units; -1: no valid long name. */
int fat_to_utf16(const char *name, size_t len, uint16_t out[FAT_LONG_MAX]);
/** @brief To UTF-8, zero-terminated. @return false: it does not fit, or is no text. */
bool fat_to_utf8(const uint16_t *units, size_t count, char out[VFS_NAME_MAX + 1]);
/** @brief The name that a short entry has by itself. */
void fat_short_to_utf8(const uint8_t *entry, char out[VFS_NAME_MAX + 1]);
/** @brief True if two names are the same but for upper and lower case. */
bool fat_is_same_name(const char *a, const char *b, size_t len);
/** What a short name has in common with the long one. */
enum fat_short {
    FAT_SHORT_SAME,  /* it needs no long name */
    FAT_SHORT_UPPER, /* all but upper and lower case */
    FAT_SHORT_OTHER, /* it is shorter, or has other characters: it should have a number */
};
/** @brief Make a short name for a long one. @param attempt Its number; 0: it has none. */
enum fat_short fat_make_short(const uint16_t *units, int count, uint32_t attempt,
                              uint8_t out[FAT_SHORT]);
uint8_t fat_checksum(const uint8_t name[FAT_SHORT]);
/** @brief Times of entries: a date, and a time of day in units of 2 s. Without a time zone: UTC. */
uint64_t fat_load_time(uint16_t date, uint16_t time);
void fat_store_time(uint64_t ns, uint8_t *date, uint8_t *time);
uint64_t fat_now_ns(void);

/** @brief Before an operation that changes something. @return OK; E_ROFS; E_NOMEM, E_IO: nothing is
 *     changed. */
static inline enum status fat_begin_locked(struct fat *e) REQUIRES(e->lock)
{
    return e->disk.is_writable ? page_cache_pause(e->cache) : E_ROFS;
}

/* ---- fat_dir.c ---- */

/** An entry of a directory. */
struct fat_entry {
    uint32_t first;         /* offset of its first slot */
    uint32_t off;           /* of the short entry */
    uint64_t at;            /* byte of the short entry on the device */
    uint8_t raw[FAT_ENTRY]; /* the short entry */
    char name[VFS_NAME_MAX + 1];
};

/** @brief The next entry from *off on, which then moves past it, without labels, "." and "..".
 * @return OK; E_NOENT: the end; E_CORRUPT, E_IO, E_NOMEM. */
enum status fat_next_entry_locked(struct fat *e, struct fat_node *dir, uint32_t *off,
                                  struct fat_entry *out) REQUIRES(e->lock);
/** @brief Find an entry by its long or short name. @return as fat_next_entry_locked(). */
enum status fat_find_entry_locked(struct fat *e, struct fat_node *dir, const char *name, size_t len,
                                  struct fat_entry *out) REQUIRES(e->lock);
/** @brief Add an entry with the fields of `raw`, apart from the name. @param at Its byte.
 * @return OK; E_INVAL: the name cannot be stored; E_NOSPC; E_CORRUPT, E_IO, E_NOMEM. */
enum status fat_add_entry_locked(struct fat *e, const struct fs_name *name,
                                 const uint8_t raw[FAT_ENTRY], uint64_t *at) REQUIRES(e->lock);
/** @brief Let an entry name another file, in one write. @param raw Its fields, but for the name. */
enum status fat_replace_entry_locked(struct fat *e, const struct fat_entry *entry,
                                     const uint8_t raw[FAT_ENTRY]) REQUIRES(e->lock);
enum status fat_remove_entry_locked(struct fat *e, struct fat_node *dir,
                                    const struct fat_entry *entry) REQUIRES(e->lock);
/** @brief Write "." and ".." to the cluster of a new directory, or only let ".." name another. */
enum status fat_init_directory_locked(struct fat *e, struct fat_node *n, uint32_t parent)
    REQUIRES(e->lock);
enum status fat_set_parent_locked(struct fat *e, struct fat_node *n, uint32_t parent)
    REQUIRES(e->lock);
/** @brief The cluster that ".." of a directory names; 0: the root. */
enum status fat_get_parent_locked(struct fat *e, uint32_t cluster, uint32_t *out) REQUIRES(e->lock);

/* ---- fat_node.c ---- */

/** @brief The first cluster that a short entry names. */
uint32_t fat_cluster_of(const struct fat *e, const uint8_t *raw);
void fat_set_cluster(const struct fat *e, uint8_t *raw, uint32_t cluster);
/** @brief Get the node of an entry, with a reference. @return OK; E_CORRUPT, E_NOMEM. */
enum status fat_get_node_locked(struct fat *e, const uint8_t *raw, uint64_t at,
                                struct fat_node **out) REQUIRES(e->lock);
enum status fat_make_root_locked(struct fat *e, struct fat_node **out) REQUIRES(e->lock);
/** @brief Write a node's fields to its entry. */
enum status fat_store_node_locked(struct fat *e, struct fat_node *n) REQUIRES(e->lock);
/** @brief Give a node the number of its new entry; 0: it has none any longer. */
void fat_move_node_locked(struct fat *e, struct fat_node *n, uint64_t at) REQUIRES(e->lock);
void fat_put_node_locked(struct fat *e, struct fat_node *n) REQUIRES(e->lock);
/** @brief fs_ops.release */
void fat_release(struct fs_node *node);

/* ---- fat_names.c, fat_file.c, fat_state.c, fat_check.c: fs_ops and fs_write_ops ---- */

enum status fat_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status fat_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
enum status fat_create(const struct fs_name *at, enum file_type type, const char *target,
                       struct fs_node **out);
enum status fat_link(struct fs_node *node, const struct fs_name *to);
enum status fat_remove(const struct fs_name *at, enum fs_remove what);
enum status fat_rename(const struct fs_name *from, const struct fs_name *to);
enum status fat_read(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done);
enum status fat_write(struct fs_node *node, uint64_t *off, const void *buf, size_t len,
                      size_t *done);
enum status fat_set_size(struct fs_node *node, uint64_t size);
enum status fat_allocate(struct fs_node *node, uint64_t off, uint64_t len);
enum status fat_set_times(struct fs_node *node, const struct file_times *times);
enum status fat_sync(struct fs *fs, struct fs_node *node);
enum status fat_set_mode(struct fs *fs, enum fs_mode mode);
enum status fat_check(struct fs *fs, struct fs_check *out);
/** @brief The image is inconsistent, or the device fails: log why, and become read-only.
 * @return `s`. */
static inline enum status fat_fail_locked(struct fat *e, enum status s, const char *why)
    REQUIRES(e->lock)
{
    return disk_state_fail_locked(&e->disk, s, why);
}

extern const struct disk_state_ops fat_state_ops;

/* fat.c */
extern const struct fs_format fat_format;
extern const struct driver fat_driver;
