// SPDX-License-Identifier: MIT
//
// Inodes of ext2 as they are on the disk, for the files that load and change them.
#pragma once

#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"

enum {
    EXT2_INODE_SIZE_MIN = 128,
    EXT2_INODE_READ = 160, /* as far as the fields that are known */
};

/* Offsets in an inode. */
enum {
    EXT2_I_MODE = 0,
    EXT2_I_SIZE = 4,
    EXT2_I_ACCESSED = 8,
    EXT2_I_CHANGED = 12,
    EXT2_I_MODIFIED = 16,
    EXT2_I_DELETED = 20,
    EXT2_I_LINKS = 26,
    EXT2_I_BLOCKS = 28,
    EXT2_I_FLAGS = 32,
    EXT2_I_POINTERS = 40,
    EXT2_I_ATTRIBUTES = 104,
    EXT2_I_SIZE_HIGH = 108,
    EXT2_I_BLOCKS_HIGH = 116, /* with huge_file */
    EXT2_I_EXTRA_SIZE = 128,
    EXT2_I_CHANGED_EXTRA = 132,
    EXT2_I_MODIFIED_EXTRA = 136,
    EXT2_I_ACCESSED_EXTRA = 140,
    EXT2_I_EXTRA_NEEDED = 16, /* the extra size up to here */
};

/** True if an inode has room for the rest of the times. */
static inline bool ext2_has_extra(const struct ext2 *e, const uint8_t *raw)
{
    return e->inode_size > EXT2_INODE_SIZE_MIN &&
           load_le16(raw + EXT2_I_EXTRA_SIZE) >= EXT2_I_EXTRA_NEEDED;
}

/** @brief The position of an inode on the device. @param inode 1 to inode_count. @return as
 *     ext2_read_group_locked(). */
enum status ext2_locate_inode_locked(struct ext2 *e, uint32_t inode, uint64_t *out)
    REQUIRES(e->lock);
/** @brief Make a node that is not listed, with one reference. @return OK; E_NOMEM; as
 *     ext2_read_group_locked(). */
enum status ext2_new_node_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
    REQUIRES(e->lock);
/** @brief Read the known fields of a node's inode. @return OK; as page_cache_get(); E_CORRUPT. */
enum status ext2_read_inode_locked(struct ext2 *e, struct ext2_node *n,
                                   uint8_t raw[EXT2_INODE_READ]) REQUIRES(e->lock);
void ext2_decode_node(const struct ext2 *e, const uint8_t *raw, struct ext2_node *n);
/** @brief False: the inode is inconsistent. */
bool ext2_is_node_sound(const struct ext2 *e, const struct ext2_node *n);
