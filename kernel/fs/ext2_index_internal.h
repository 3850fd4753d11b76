// SPDX-License-Identifier: MIT
//
// Hash indices of directories as they are on the disk, for the files that search and change them.
#pragma once

#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"

/* The first block of an indexed directory has "." and "..", the root of the index, and nothing
 * else. The root's pairs of a hash and a block's number lead to blocks with entries (leaves), or to
 * nodes with more pairs. A pair's block has the names from its hash to that of the next pair. The
 * first pair has no hash: in its place are the number of pairs, and how many there may be. If the
 * lowest bit of a pair's hash is set, names with that hash are in the block before it, too.
 *
 * Readers that do not know the index see unused entries in the root and in nodes. So an index that
 * is malformed, or that is full, is not an error: E_FORMAT lets the caller search all blocks. */
enum {
    /* u32 0, u8 hash version, u8 length of this, u8 levels of nodes, u8 flags */
    EXT2_ROOT_INFO = 24,
    EXT2_ROOT_VERSION = EXT2_ROOT_INFO + 4,
    EXT2_ROOT_LENGTH = EXT2_ROOT_INFO + 5,
    EXT2_ROOT_LEVELS = EXT2_ROOT_INFO + 6,
    EXT2_ROOT_FLAGS = EXT2_ROOT_INFO + 7,
    EXT2_ROOT_PAIRS = 32,
    EXT2_NODE_PAIRS = 8,
    EXT2_PAIR = 8,
    EXT2_DOT_LEN = 12,
    EXT2_ENTRY_HEADER = 8,
    EXT2_PAIR_BLOCK = 0x0fffffff,
    EXT2_LEVELS_MAX = 1, /* of nodes below the root */
};

/* Everything below runs under the lock of index.e, which the analysis cannot follow. */

/* A block with pairs on the way to a leaf. */
struct ext2_level {
    struct cache_page *page;
    uint8_t *block;
    uint8_t *pairs;
    uint32_t at; /* the chosen pair */
};

struct ext2_index {
    struct ext2 *e;
    struct ext2_node *dir;
    uint32_t version, hash; /* of the name */
    uint32_t depth;         /* of the last level */
    struct ext2_level levels[1 + EXT2_LEVELS_MAX];
};

static inline uint32_t ext2_pairs_limit(const struct ext2_level *l)
{
    return load_le16(l->pairs);
}

static inline uint32_t ext2_pairs_count(const struct ext2_level *l)
{
    return load_le16(l->pairs + 2);
}

static inline void ext2_pairs_set_count(const struct ext2_level *l, uint32_t count)
{
    store_le16(l->pairs + 2, (uint16_t)count);
}

static inline uint32_t ext2_pair_hash(const struct ext2_level *l, uint32_t i)
{
    return i == 0 ? 0 : load_le32(l->pairs + (size_t)i * EXT2_PAIR);
}

static inline uint32_t ext2_pair_block(const struct ext2_level *l, uint32_t i)
{
    return load_le32(l->pairs + (size_t)i * EXT2_PAIR + 4) & EXT2_PAIR_BLOCK;
}

static inline void ext2_pair_set(const struct ext2_level *l, uint32_t i, uint32_t hash,
                                 uint32_t block)
{
    store_le32(l->pairs + (size_t)i * EXT2_PAIR, hash);
    store_le32(l->pairs + (size_t)i * EXT2_PAIR + 4, block);
}

static inline uint32_t ext2_pairs_max(const struct ext2 *e, uint32_t offset)
{
    return (e->block_size - offset) / EXT2_PAIR;
}

static inline uint32_t ext2_index_leaf(const struct ext2_index *x)
{
    return ext2_pair_block(&x->levels[x->depth], x->levels[x->depth].at);
}

/** @brief Unpin all levels. */
void ext2_index_leave(struct ext2_index *x);
/** @brief Pin a block of a directory. @return OK; E_FORMAT: there is none; E_CORRUPT, E_IO,
 *     E_NOMEM. */
enum status ext2_index_pin(struct ext2 *e, const struct ext2_node *dir, uint32_t block,
                           struct cache_page **page, uint8_t **at) REQUIRES(e->lock);
/** @brief Find the leaf of a name. After OK the levels are pinned. @return as
 *     ext2_index_find_locked(). */
enum status ext2_index_probe(struct ext2_index *x, struct ext2 *e, struct ext2_node *dir,
                             const char *name, size_t len) REQUIRES(e->lock);
/** @brief Walk through one block's entries to one that fits. @return OK; E_NOENT: there is none;
 *     E_FORMAT: it is no leaf; E_CORRUPT, E_IO, E_NOMEM. */
enum status ext2_index_walk_leaf(struct ext2_walk *w, uint32_t leaf, ext2_fits *fits,
                                 const void *ctx, struct ext2_entry *out);
