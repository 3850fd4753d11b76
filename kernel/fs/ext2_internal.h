// SPDX-License-Identifier: MIT
//
// Shared by the files of ext2: the mounted image, inodes, groups of blocks, and where the bytes of
// a file are.
//
// Locking: ext2.lock is held by every operation while it reads or changes metadata, and while it
// copies between a page of the cache and a caller. Two kinds of reads of a file do without it:
// large ones while the device reads (ext2_read.c), and those of cached pages (known_run.h). A
// node's run.moving keeps the blocks those of the file meanwhile, and is taken before ext2.lock.
#pragma once

#include "kernel/fs/disk_state.h"
#include "kernel/fs/fs_internal.h"
#include "kernel/fs/journal.h"
#include "kernel/fs/known_run.h"
#include "kernel/fs/name_cache.h"
#include "kernel/fs/page_cache.h"
#include "kernel/sched/mutex.h"

enum {
    EXT2_ROOT_INODE = 2,
    /* direct block numbers in the inode; then one each for three depths of tables */
    EXT2_DIRECT = 12,
    EXT2_POINTERS = 15,
    EXT2_FAST_LINK_MAX = 4 * EXT2_POINTERS,
    EXT2_NODE_BUCKETS = 64,
    EXT2_LINKS_MAX = 32000,
    EXT2_FLAG_INDEXED = 0x1000,  /* of an inode: the directory has a hash index */
    EXT2_FLAG_EXTENTS = 0x80000, /* of an inode: it has extents in place of block numbers */
    EXT2_NEEDS_RECOVERY = 0x4,   /* a feature: the journal is to be replayed */
    EXT2_EXTENTS = 0x40,         /* features that ext4 added, and that permit only reading */
    EXT2_64BIT = 0x80,
    EXT2_FLEX_GROUPS = 0x200,
    EXT2_CHECKSUM_SEED = 0x2000,
    EXT2_EXT4 = EXT2_EXTENTS | EXT2_64BIT | EXT2_FLEX_GROUPS | EXT2_CHECKSUM_SEED,
    EXT2_HUGE_FILES = 0x8, /* features of ro_compat */
    EXT2_CHECKSUMS = 0x400,
    EXT2_DIRECTORY_MAX = 64 << 20, /* bytes; a search reads all of them */
    /* Bytes to read at once of directories and inodes. Those of files that were made one after the
     * other are adjacent, and are mostly read one after the other, too. */
    EXT2_AHEAD = 8 * CACHE_PAGE,
    EXT2_STATE_ERRORS = 2,       /* in the superblock's state */
    EXT2_GROUP_FREE_BLOCKS = 12, /* offsets in a group's descriptor */
    EXT2_GROUP_FREE_INODES = 14,
    EXT2_GROUP_DIRECTORIES = 16,
};

/* The nodes in use, which include those of all kept names: a hash table that doubles with their
 * number (ext2_nodes.c). The file system's lock protects it. */
struct ext2_node_table {
    struct ext2_node **buckets; /* `first`, or a larger array */
    uint32_t mask;              /* of an inode's number; it chooses the bucket */
    uint32_t count;             /* nodes */
    struct ext2_node *first[EXT2_NODE_BUCKETS];
};

/* Field protection:  [I] set by ext2_make()   [e] lock */
struct ext2 {
    struct fs fs;
    struct block_device *dev; /* [I] */
    struct mutex lock;
    struct page_cache *cache;          /* [I] */
    uint32_t block_size, block_shift;  /* [I] bytes: 1024, 2048 or 4096 */
    uint32_t first_block, block_count; /* [I] valid block numbers: first_block < n < block_count */
    uint32_t blocks_per_group, group_count;             /* [I] */
    uint32_t inode_count, inodes_per_group, inode_size; /* [I] */
    uint32_t first_inode;                               /* [I] the first that is not reserved */
    bool has_file_types;                                /* [I] directory entries contain the type */
    uint32_t revision;                                  /* [I] 0: it has no features */
    uint32_t incompat;        /* [I] features that must be known to read, as stored at first */
    uint32_t ro_compat;       /* [e] features that must be known to write */
    uint32_t descriptor_size; /* [I] bytes of a group's */
    /* [I] how to read what ext4 added; NULL: the image has none of it */
    const struct ext2_ext4 *ext4;
    bool has_checksums;      /* [I] of metadata: ext2_checksum.c */
    uint32_t checksum_seed;  /* [I] of all of them */
    uint32_t hash_seed[4];   /* [I] of names in indices of directories */
    uint32_t hash_version;   /* [I] for new indices */
    bool hash_is_unsigned;   /* [I] of characters */
    bool has_indices;        /* [I] directories that grow get one */
    uint16_t state;          /* [e] as stored */
    uint32_t first_orphan;   /* [e] inode that is deleted but not freed; the next is in it */
    uint32_t journal_inode;  /* [I] 0: it has no journal */
    bool needs_recovery;     /* [e] as stored: the journal is to be replayed first */
    struct journal *journal; /* [e] while it is writable; NULL: changes need no transaction */
    struct journal *opened;  /* [e] before that, until the mark is on the disk */
    uint32_t freed_blocks;   /* [e] by the running transaction: not to be used before its commit */
    uint32_t free_blocks;    /* [e] */
    uint32_t free_inodes;    /* [e] */
    uint64_t time_ns;        /* [e] of the last change; 0: the next one must have another */
    uint32_t last_directory; /* [e] the group of the last directory made below the root */
    struct disk_state disk;  /* [e] */
    struct ext2_node_table nodes; /* [e] those in use, by inode */
    struct name_cache names;      /* [e] */
};

/* Every change of a field is also made in the page of its inode: ext2_store_node_locked().
 * Field protection:  [I] set when it is loaded   [e] the file system's lock */
struct ext2_node {
    struct fs_node node;
    struct ext2_node *next; /* [e] in its bucket */
    bool is_listed;         /* [e] in a bucket */
    uint64_t at;            /* [I] its inode's byte on the device */
    uint64_t size;          /* [e] */
    uint64_t blocks_512;    /* [e] */
    uint32_t mode;          /* [e] */
    uint32_t links;         /* [e] 0: deleted when the last reference is dropped */
    uint32_t flags;         /* [e] */
    uint32_t attributes;    /* [e] block of extended attributes; 0: none */
    uint32_t checksum_seed; /* [I] of its blocks with metadata */
    uint64_t accessed_ns, modified_ns, changed_ns; /* [e] since 1970 */
    bool is_fast_link;                             /* [I] the target is in the inode */
    uint64_t next_entry; /* [e] directories: a cookie that is the start of an entry; 0: none */
    uint32_t shuffles;   /* [e] directories: how often entries have moved */
    /* [e] directories without an index: the blocks, as bytes, in which a name, and room for one,
     * was found last */
    uint32_t found_at, room_at;
    uint32_t goal;        /* [e] block to try first for the next one */
    struct known_run run; /* of the file's blocks on the disk */
    bool is_deleted;      /* [e] its inode is free */
    bool is_orphan;       /* [e] in the list of orphans: ext2_change.c */
    uint32_t next_orphan; /* [e] */
    /* [e] little-endian block numbers, the root of a tree of extents, or a link's target */
    uint8_t pointers[4 * EXT2_POINTERS];
};

/** Blocks of a file that are consecutive both in the file and on the disk. */
struct ext2_run {
    uint32_t block; /* first block on the disk; 0: a hole, reads as zeroes */
    uint32_t count; /* at least 1 */
};

/** A group of blocks, as its descriptor says. */
struct ext2_group {
    uint32_t first, blocks; /* its first block, and how many */
    uint32_t block_bitmap, inode_bitmap, inode_table;
    uint32_t free_blocks, free_inodes;
};

static inline struct ext2 *ext2_of(const struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct ext2, fs);
}

static inline struct ext2_node *ext2_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct ext2_node, node);
}

/* ---- ext2_nodes.c: the nodes in use ---- */

void ext2_nodes_init(struct ext2_node_table *t);
/** Free the array. The nodes are the caller's. */
void ext2_nodes_free(struct ext2_node_table *t);
/** The listed node of an inode, or NULL. */
struct ext2_node *ext2_nodes_find(const struct ext2_node_table *t, uint64_t inode);
/** List a node, which no other node of its inode is. */
void ext2_nodes_add(struct ext2_node_table *t, struct ext2_node *n);
/** Without effect on a node that is not listed. */
void ext2_nodes_remove(struct ext2_node_table *t, struct ext2_node *n);
/** The node after `n`, or the first one for NULL. NULL: `n` is the last. No node may be added or
 * removed in between. */
struct ext2_node *ext2_nodes_next(const struct ext2_node_table *t, const struct ext2_node *n);

#define EXT2_FOR_EACH_NODE(e, n)                                                                   \
    for (struct ext2_node *n = ext2_nodes_next(&(e)->nodes, NULL); n != NULL;                      \
         n = ext2_nodes_next(&(e)->nodes, n))

/** True for an image that is only read: it has features that ext4 added. */
static inline bool ext2_is_ext4(const struct ext2 *e)
{
    return (e->incompat & EXT2_EXT4) != 0 || e->has_checksums;
}

static inline uint64_t ext2_byte_of(const struct ext2 *e, uint32_t block)
{
    return (uint64_t)block << e->block_shift;
}

/** The byte on the device where the descriptor of a group is. */
static inline uint64_t ext2_descriptor_at(const struct ext2 *e, uint32_t group)
{
    return ext2_byte_of(e, e->first_block + 1) + (uint64_t)group * e->descriptor_size;
}

/** How many blocks the inodes of a group have. */
static inline uint32_t ext2_table_blocks(const struct ext2 *e)
{
    uint64_t bytes = (uint64_t)e->inodes_per_group * e->inode_size;
    return (uint32_t)((bytes + e->block_size - 1) >> e->block_shift);
}

/** True for a block number that a file may use, or 0, which means a hole. */
static inline bool ext2_is_block_sound(const struct ext2 *e, uint32_t block)
{
    return block == 0 || (block > e->first_block && block < e->block_count);
}

/* ---- ext2.c ---- */

/** @brief Decode a superblock. @return OK; E_FORMAT; E_NOTSUP,
 * E_CORRUPT: the log has the reason. */
enum status ext2_read_super(struct ext2 *e, const uint8_t *super);

/* ---- ext2_node.c, ext2_node_change.c ---- */

/**
 * @brief Get the node of an inode, with a reference.
 * @return OK; E_CORRUPT: no such inode, or an inconsistent one; E_NOMEM, E_IO.
 */
enum status ext2_get_node_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
    REQUIRES(e->lock);
/** @brief As ext2_get_node_locked() for a reserved inode, which has no other user. */
enum status ext2_load_reserved_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
    REQUIRES(e->lock);
/** @brief Read the fields of the root again: the only node in use. @return OK; E_CORRUPT, E_IO. */
enum status ext2_reload_root_locked(struct ext2 *e) REQUIRES(e->lock);
/** @brief Make the node of an inode that ext2_alloc_inode_locked() has zeroed. Not stored yet.
 * @return OK, with one reference; E_NOMEM; as page_cache_get(). */
enum status ext2_make_node_locked(struct ext2 *e, uint32_t inode, uint32_t mode,
                                  struct ext2_node **out) REQUIRES(e->lock);
/** @brief Write a node's fields to the page of its inode. */
enum status ext2_store_node_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock);
/** @brief Drop a reference under the lock. */
void ext2_put_node_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock);
/** @brief Free the blocks and the inode of a node without links; its memory stays. */
enum status ext2_delete_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock);
/** @brief Note a change of the contents. @return False: the node has this time already. */
bool ext2_touch_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock);
/** @brief The time of a change that is made now, in ns since 1970. Up to 4 ms early. */
uint64_t ext2_change_time_locked(struct ext2 *e) REQUIRES(e->lock);
/** @brief The clock, in ns since 1970; 0: unknown. */
uint64_t ext2_now_ns(void);
enum file_type ext2_type_of(uint32_t mode);
/** @brief fs_ops.release */
void ext2_release(struct fs_node *node);

/* ---- ext2_group.c ---- */

enum status ext2_read_group_locked(struct ext2 *e, uint32_t group, struct ext2_group *out)
    REQUIRES(e->lock);

/* ---- ext2_alloc.c ---- */

/** @brief Allocate a block, near `goal` if possible; its contents are undefined.
 * @return OK; E_NOSPC; E_CORRUPT: the bitmap is wrong; E_ROFS, E_IO, E_NOMEM. */
enum status ext2_alloc_block_locked(struct ext2 *e, uint32_t goal, uint32_t *out) REQUIRES(e->lock);
/** @brief Free a block. @return OK; E_CORRUPT: it is not a file's, or free already. */
enum status ext2_free_block_locked(struct ext2 *e, uint32_t block) REQUIRES(e->lock);
/** @brief Allocate an inode for a file in a directory and zero it. @return as for a block. */
enum status ext2_alloc_inode_locked(struct ext2 *e, uint32_t parent, bool is_directory,
                                    uint32_t *out) REQUIRES(e->lock);
enum status ext2_free_inode_locked(struct ext2 *e, uint32_t inode, bool is_directory)
    REQUIRES(e->lock);

/** @brief True for a block that a file may have, and that is no metadata of its group. */
bool ext2_is_file_block_locked(struct ext2 *e, uint32_t block) REQUIRES(e->lock);

/* ---- ext2_map.c, ext2_map_change.c ---- */

/**
 * @brief Find a block of a file, and how many blocks after it are adjacent.
 * @param want Number of blocks needed, at least 1: the run is not longer.
 * @return OK; E_CORRUPT: a block number outside the image; E_IO, E_NOMEM.
 */
enum status ext2_find_run_locked(struct ext2 *e, const struct ext2_node *n, uint64_t block,
                                 uint32_t want, struct ext2_run *out) REQUIRES(e->lock);
/**
 * @brief Get the page with a block of a file, to change it. A missing block is allocated and
 *     zeroed.
 * @param whole The caller overwrites the block: its old contents need not be read.
 * @param at The block's first byte in the page, which is pinned.
 * @return OK; E_NOSPC; as ext2_find_run_locked(). The node is changed but not stored.
 */
enum status ext2_get_block_locked(struct ext2 *e, struct ext2_node *n, uint64_t block, bool whole,
                                  struct cache_page **page, uint8_t **at) REQUIRES(e->lock);
/** @brief Free the blocks of a file from an index on. The node is changed but not stored. */
enum status ext2_free_from_locked(struct ext2 *e, struct ext2_node *n, uint64_t block)
    REQUIRES(e->lock);
/** @brief The largest file, in bytes, that the three depths of tables can describe. */
uint64_t ext2_size_max(const struct ext2 *e);

/* ---- ext4.c ---- */

/** What reads ext4's own structures. It is not in the image (cmake/kernel.cmake): the extension
 * that has it is loaded when the first such disk is mounted. The functions are described below; the
 * last three are called for ext2.has_checksums only. */
struct ext2_ext4 {
    enum status (*find_extent_locked)(struct ext2 *e, const struct ext2_node *n, uint64_t block,
                                      uint32_t want, struct ext2_run *out);
    const char *(*start_checksums)(struct ext2 *e, const uint8_t *super);
    enum status (*check_group)(const struct ext2 *e, uint32_t group, const uint8_t *raw);
    enum status (*check_inode)(const struct ext2 *e, uint32_t inode, const uint8_t *raw,
                               uint32_t *seed);
    enum status (*check_directory_locked)(struct ext2 *e, const struct ext2_node *dir,
                                          uint64_t block, struct cache_page *page,
                                          const uint8_t *at);
};

/** @brief Check a block of a directory, if there are checksums. @return OK; E_CORRUPT. */
static inline enum status ext2_check_directory(struct ext2 *e, const struct ext2_node *dir,
                                               uint64_t block, struct cache_page *page,
                                               const uint8_t *at) REQUIRES(e->lock)
{
    return e->has_checksums ? e->ext4->check_directory_locked(e, dir, block, page, at) : OK;
}

/* ---- ext2_extents.c ---- */

/** @brief As ext2_find_run_locked() for a file with EXT2_FLAG_EXTENTS. */
enum status ext2_find_extent_locked(struct ext2 *e, const struct ext2_node *n, uint64_t block,
                                    uint32_t want, struct ext2_run *out) REQUIRES(e->lock);

/* ---- ext2_checksum.c: for ext2.has_checksums ---- */

/** @brief Check the superblock, and note the seed. @return NULL, or why it cannot be used. */
const char *ext2_start_checksums(struct ext2 *e, const uint8_t *super);
/** @brief Continue a checksum. */
uint32_t ext2_checksum(uint32_t seed, const void *bytes, size_t len);
/** @brief Log that something of an inode is damaged. @return E_CORRUPT. */
enum status ext2_wrong_checksum(const struct ext2 *e, uint64_t inode, const char *what);
/** @brief Check a group's descriptor. @return OK; E_CORRUPT. */
enum status ext2_check_group(const struct ext2 *e, uint32_t group, const uint8_t *raw);
/** @brief Check all bytes of an inode. @param seed Set: that of its blocks. @return OK;
 *     E_CORRUPT. */
enum status ext2_check_inode(const struct ext2 *e, uint32_t inode, const uint8_t *raw,
                             uint32_t *seed);
/** @brief Check a block of a directory, unless that was done since it is cached.
 *  @param at Its first byte, in the page. @return OK; E_CORRUPT. */
enum status ext2_check_directory_locked(struct ext2 *e, const struct ext2_node *dir, uint64_t block,
                                        struct cache_page *page, const uint8_t *at)
    REQUIRES(e->lock);

/** Whether the block that starts there was checked before. The file system's lock is held. */
static inline bool ext2_is_verified(const struct cache_page *page, const uint8_t *at)
{
    return (page->verified >> (size_t)(at - page->bytes) / CACHE_UNIT & 1) != 0;
}

static inline void ext2_set_verified(struct cache_page *page, const uint8_t *at)
{
    page->verified |= (uint8_t)(1u << (size_t)(at - page->bytes) / CACHE_UNIT);
}

/* ---- ext2_read.c, ext2_write.c ---- */

enum status ext2_read(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done);
enum status ext2_write(struct fs_node *node, uint64_t *off, const void *buf, size_t len,
                       size_t *done);
enum status ext2_set_size(struct fs_node *node, uint64_t size);
enum status ext2_allocate(struct fs_node *node, uint64_t off, uint64_t len);
enum status ext2_set_times(struct fs_node *node, const struct file_times *times);

/* ---- ext2_hash.c ---- */

/** @brief Note how names are hashed, as the superblock says. `seed`: four words. */
void ext2_read_hash(struct ext2 *e, const uint8_t *seed, uint32_t version, bool is_unsigned);
bool ext2_is_hash_known(uint32_t version);
/** @brief The hash of a name; the lowest bit is 0. */
uint32_t ext2_hash(const struct ext2 *e, uint32_t version, const char *name, size_t len);

/* ---- ext2_dir.c, ext2_entry.c, ext2_names.c ---- */

/* An entry of a directory. */
struct ext2_entry {
    uint64_t off;      /* in the directory */
    uint64_t previous; /* entry before it in the same block; UINT64_MAX: it is the first there */
    uint32_t inode;    /* 0: unused */
    uint32_t len;      /* up to the next entry */
    uint32_t name_len;
    uint8_t type;
    const char *name; /* in the page */
};

/* A walk through the entries of a directory. Keeps the page of the current block pinned. */
struct ext2_walk {
    struct ext2 *e;
    const struct ext2_node *dir;
    uint64_t off, previous; /* of the next entry, and of the one before it in the block */
    struct cache_page *page;
    uint8_t *block;
};

void ext2_walk_start(struct ext2_walk *w, struct ext2 *e, const struct ext2_node *dir);
/** @brief The next entry, used or not. @return OK; E_NOENT: the end; E_CORRUPT, E_IO, E_NOMEM. */
enum status ext2_walk_next(struct ext2_walk *w, struct ext2_entry *out);

/* Is it the entry that is wanted? */
typedef bool ext2_fits(const struct ext2_entry *entry, const void *ctx);

/** @brief The next entry that fits and starts before byte `end`. @return as ext2_walk_next(). */
enum status ext2_walk_to(struct ext2_walk *w, uint64_t end, ext2_fits *fits, const void *ctx,
                         struct ext2_entry *out);
/** @brief Find an entry that fits in any block.
 * @param start The block to begin with, as a byte. After OK: the block of the entry. The file
 *     system's lock protects it. @return as ext2_walk_next(). */
enum status ext2_walk_around(struct ext2_walk *w, uint32_t *start, ext2_fits *fits, const void *ctx,
                             struct ext2_entry *out);
void ext2_walk_end(struct ext2_walk *w);

/** @brief Add a block to a directory that is one unused entry. It is changed but not stored.
 * @param page Pinned. @param block Its index in the directory. @return OK; E_NOSPC; E_CORRUPT,
 *     E_IO, E_NOMEM. */
enum status ext2_grow_directory_locked(struct ext2 *e, struct ext2_node *dir,
                                       struct cache_page **page, uint8_t **at, uint32_t *block)
    REQUIRES(e->lock);
/** @brief Find an entry by its name; out->name is not set. @return as ext2_walk_next(). */
enum status ext2_find_entry_locked(struct ext2 *e, struct ext2_node *dir, const char *name,
                                   size_t len, struct ext2_entry *out) REQUIRES(e->lock);
/** @brief Add an entry for a name that is free. The directory is changed and stored. @return OK;
 *     E_NOSPC; E_CORRUPT, E_IO, E_NOMEM. */
enum status ext2_add_entry_locked(struct ext2 *e, const struct fs_name *at, uint32_t inode,
                                  enum file_type type) REQUIRES(e->lock);
/** @brief Let an entry name another inode. */
enum status ext2_set_entry_locked(struct ext2 *e, struct ext2_node *dir,
                                  const struct ext2_entry *entry, uint32_t inode,
                                  enum file_type type) REQUIRES(e->lock);
enum status ext2_remove_entry_locked(struct ext2 *e, struct ext2_node *dir,
                                     const struct ext2_entry *entry) REQUIRES(e->lock);
/** @brief Write "." and ".." to a new directory. */
enum status ext2_init_directory_locked(struct ext2 *e, struct ext2_node *n, uint32_t parent)
    REQUIRES(e->lock);

/* ---- ext2_index.c, ext2_index_change.c: the directory has EXT2_FLAG_INDEXED ---- */

/** @brief Find an entry that fits among those that may have a name. @return OK; E_NOENT; E_FORMAT:
 *     the index cannot be used; E_CORRUPT, E_IO, E_NOMEM. */
enum status ext2_index_find_locked(struct ext2 *e, const struct ext2_node *dir, const char *name,
                                   size_t len, ext2_fits *fits, const void *ctx,
                                   struct ext2_entry *out) REQUIRES(e->lock);
/** @brief Find an entry that fits in the block that a new name belongs to; split it if necessary.
 * @param w Started; it has the block's page after OK.
 * @return OK; E_FORMAT: the index cannot be used, or is full; E_NOSPC, E_CORRUPT, E_IO, E_NOMEM. */
enum status ext2_index_room_locked(struct ext2 *e, const struct fs_name *at, ext2_fits *fits,
                                   const void *ctx, struct ext2_walk *w, struct ext2_entry *out)
    REQUIRES(e->lock);
/** @brief Give a directory of one block an index. The node is changed but not stored. @return OK;
 *     E_FORMAT: it cannot have one; E_NOSPC, E_CORRUPT, E_IO, E_NOMEM. */
enum status ext2_make_index_locked(struct ext2 *e, struct ext2_node *dir) REQUIRES(e->lock);

/* Functions of fs_ops and fs_write_ops for directories. */
enum status ext2_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status ext2_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
enum status ext2_create(const struct fs_name *at, enum file_type type, const char *target,
                        struct fs_node **out);
enum status ext2_link(struct fs_node *node, const struct fs_name *to);
enum status ext2_remove(const struct fs_name *at, enum fs_remove what);
enum status ext2_rename(const struct fs_name *from, const struct fs_name *to);

/** @brief As ext2_get_node_locked() for an inode in the list of orphans. It is not in use yet. */
enum status ext2_load_orphan_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
    REQUIRES(e->lock);
/** @brief Remove an orphan from the list after one that is not in use. @return OK; E_CORRUPT: it is
 *     not in the list; E_IO, E_NOMEM. */
enum status ext2_skip_orphan_locked(struct ext2 *e, const struct ext2_node *n) REQUIRES(e->lock);

/* ---- ext2_change.c ---- */

/** @brief Note that bytes of a page were changed, in place of page_cache_dirty().
 * @param at In the block that was changed.
 * @param is_metadata False: a file's contents. */
void ext2_changed_locked(struct ext2 *e, struct cache_page *page, const uint8_t *at,
                         bool is_metadata) REQUIRES(e->lock);
/** @brief Before an operation: make room in the running transaction. @return OK; E_IO. */
enum status ext2_begin_locked(struct ext2 *e) REQUIRES(e->lock);
/** @brief The same in the middle of a long operation on a file, when everything but its size is
 *     consistent. After a crash the file is cut to its size, or deleted if it has no links.
 * @return OK; E_IO. */
enum status ext2_pause_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock);
/** @brief End an operation that may have called ext2_pause_locked(). `s` is its status. @return
 *     `s`, or the first error. */
enum status ext2_end_locked(struct ext2 *e, struct ext2_node *n, enum status s) REQUIRES(e->lock);
/** @brief Put a file in the list of orphans, or remove it. The node is changed, but not stored.
 *     Without a journal they do nothing. @return OK; E_IO, E_NOMEM. */
enum status ext2_add_orphan_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock);
enum status ext2_remove_orphan_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock);
/** @brief After a crash: delete the files in the list of orphans, or cut them to their size.
 * @return OK; E_CORRUPT, E_IO, E_NOMEM. */
enum status ext2_end_orphans_locked(struct ext2 *e) REQUIRES(e->lock);
/** @brief Commit the running transaction. @return OK; the first error: nothing is written any
 *     longer. */
enum status ext2_commit_locked(struct ext2 *e) REQUIRES(e->lock);
/** @brief For page_cache_set_writer(). */
enum status ext2_write_back(void *ctx);

/* ---- ext2_journal.c ---- */

/** @brief Replay the journal, and read the superblock and the root again. The cache allows writes.
 * @return OK; E_BUSY: files are open; E_CORRUPT, E_NOTSUP: the journal cannot be used, and nothing
 *     has changed; E_IO, E_NOMEM. */
enum status ext2_recover_locked(struct ext2 *e) REQUIRES(e->lock);
/** @brief Open the journal for writing. @return OK: e->journal is still NULL; as
 *     ext2_recover_locked(). */
enum status ext2_start_journal_locked(struct ext2 *e, struct journal **out) REQUIRES(e->lock);

/* ---- ext2_state.c ---- */

/** @brief Write some fields to the superblock's page. */
enum status ext2_store_super_locked(struct ext2 *e) REQUIRES(e->lock);

/** @brief The image is inconsistent, or the device fails: log why, and become read-only.
 * @return `s`. */
static inline enum status ext2_fail_locked(struct ext2 *e, enum status s, const char *why)
    REQUIRES(e->lock)
{
    return disk_state_fail_locked(&e->disk, s, why);
}

/** @brief The device cannot write the changed pages: the changes are lost. @return `s`. */
static inline enum status ext2_give_up_locked(struct ext2 *e, enum status s) REQUIRES(e->lock)
{
    return disk_state_give_up_locked(&e->disk, s);
}

extern const struct disk_state_ops ext2_state_ops;
/** @brief Note in the superblock that there is a file of 2 GiB or more. */
enum status ext2_note_large_file_locked(struct ext2 *e) REQUIRES(e->lock);
/** @brief fs_ops.sync */
enum status ext2_sync(struct fs *fs, struct fs_node *node);

/* ---- ext2_check.c ---- */

/** @brief Let fs_ops.check of ext2 be `check`. @context{any} */
void ext2_set_check(enum status (*check)(struct fs *fs, struct fs_check *out));
