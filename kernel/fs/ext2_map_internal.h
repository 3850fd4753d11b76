// SPDX-License-Identifier: MIT
//
// The numbers of a file's blocks, and the tables that have them, for the files that find and change
// them.
#pragma once

#include "kernel/fs/ext2_internal.h"

/* log2 of the number of block numbers in a block. */
static inline uint32_t ext2_pointers_shift(const struct ext2 *e)
{
    return e->block_shift - 2;
}

/* A place for a block number: in a page that is pinned, or in the inode (NULL). */
struct ext2_pointer {
    struct cache_page *page;
    uint8_t *at;
    uint32_t left; /* places from here to the end of the table, this one included */
};

/** @brief Choose the inode's pointer that leads to a block of the file: through how many levels of
 *     tables, and the block's index below that pointer. @return false: the block is past the
 *     largest file. */
bool ext2_choose_pointer(const struct ext2 *e, uint64_t block, uint32_t *slot, uint32_t *depth,
                         uint64_t *index);
/** @brief Unpin the table that the place is in. */
void ext2_put_pointer(struct ext2_pointer *p);
/** @brief Go from a place that holds the number of a table to a place in that table. @return as
 *     page_cache_get(). */
enum status ext2_enter_table(struct ext2 *e, struct ext2_pointer *p, uint32_t index);
