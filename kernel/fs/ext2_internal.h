// SPDX-License-Identifier: MIT
//
// Shared by the files of ext2: the mounted image, an inode, and where the bytes of a file are.
#pragma once

#include "kernel/fs/block_cache_internal.h"
#include "kernel/fs/fs_internal.h"
#include "kernel/sched/mutex.h"

enum {
    EXT2_ROOT_INODE = 2,
    /* direct block numbers in the inode; then one each for three depths of tables */
    EXT2_DIRECT = 12,
    EXT2_POINTERS = 15,
    EXT2_FAST_LINK_MAX = 4 * EXT2_POINTERS,
};

/* Field protection:  [I] set by ext2_make()   [e] lock */
struct ext2 {
    struct fs fs;
    struct block_device *dev;          /* [I] */
    struct mutex lock;                 /* protects the cache; held while metadata is read */
    struct block_cache *cache;         /* [e] */
    uint32_t block_size, block_shift;  /* [I] bytes: 1024, 2048 or 4096 */
    uint32_t first_block, block_count; /* [I] valid block numbers: first_block < n < block_count */
    uint32_t free_blocks;              /* [I] */
    uint32_t inode_count, inodes_per_group, inode_size; /* [I] */
    bool has_file_types;                                /* [I] directory entries contain the type */
};

struct ext2_node {
    struct fs_node node;
    uint64_t size;                       /* [I] */
    uint64_t blocks_512;                 /* [I] */
    uint32_t mode;                       /* [I] */
    uint32_t links;                      /* [I] */
    uint32_t atime_s, mtime_s, ctime_s;  /* [I] */
    bool is_fast_link;                   /* [I] the target is in the inode */
    uint64_t next_read;                  /* [e] offset where a sequential reader would continue */
    uint8_t pointers[4 * EXT2_POINTERS]; /* [I] little-endian block numbers, or a link's target */
};

/** Blocks of a file that are consecutive both in the file and on the disk. */
struct ext2_run {
    uint32_t block; /* first block on the disk; 0: a hole, reads as zeroes */
    uint32_t count; /* at least 1 */
};

/**
 * @brief Read an inode.
 * @return OK, with one reference; E_CORRUPT: no such inode, or an inconsistent one; E_NOMEM, E_IO.
 */
enum status ext2_load_node(struct ext2 *e, uint32_t inode, struct ext2_node **out);

/**
 * @brief Find a block of a file, and how many blocks after it are adjacent.
 * @param want Number of blocks needed, at least 1: the run is not longer.
 * @return OK; E_CORRUPT: a block number outside the image; E_IO, E_NOMEM.
 */
enum status ext2_find_run_locked(struct ext2 *e, const struct ext2_node *n, uint64_t block,
                                 uint32_t want, struct ext2_run *out) REQUIRES(e->lock);

/** @brief The largest file, in bytes, that the three depths of tables can describe. */
uint64_t ext2_size_max(const struct ext2 *e);

/** @brief Read bytes of a file, as fs_ops.read. */
enum status ext2_read(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done);

/* Functions of fs_ops for directories. */
enum status ext2_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status ext2_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);

static inline struct ext2 *ext2_of(const struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct ext2, fs);
}

static inline struct ext2_node *ext2_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct ext2_node, node);
}

static inline uint64_t ext2_byte_of(const struct ext2 *e, uint32_t block)
{
    return (uint64_t)block << e->block_shift;
}
