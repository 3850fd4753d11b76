// SPDX-License-Identifier: MIT
//
// Shared by the files that check an ext2 image.
#pragma once

#include "kernel/fs/ext2_internal.h"

/** What was found so far. Inodes and blocks are indices. */
struct ext2_check {
    struct ext2 *e;
    struct fs_check *out;
    uint8_t *blocks;      /* in use, by anything */
    uint8_t *shared;      /* in use for extended attributes */
    uint8_t *inodes;      /* in use */
    uint8_t *directories; /* inodes that are one */
    uint8_t *pending;     /* directories that have a name, and are to be read */
    uint8_t *reached;     /* directories that were read */
    uint8_t *orphans;     /* inodes in the list of orphans */
    uint16_t *links;      /* as inodes note it */
    uint16_t *names;      /* entries that name an inode */
};

static inline bool ext2_check_bit(const uint8_t *bits, uint32_t i)
{
    return (bits[i / 8] & 1u << i % 8) != 0;
}

static inline void ext2_check_set(uint8_t *bits, uint32_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
}

/** @brief Read all directories, from the root on, and compare the names with the inodes. @return
 *     OK; E_IO, E_NOMEM. */
enum status ext2_check_tree_locked(struct ext2_check *c) REQUIRES(c->e->lock);
