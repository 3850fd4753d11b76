// SPDX-License-Identifier: MIT
//
// The groups of blocks of ext2, as their descriptors say. ext2_alloc.c changes them.
#include "kernel/fs/ext2_internal.h"

#include "kernel/lib/endian.h"

/* Offsets in a descriptor. */
enum {
    G_BLOCK_BITMAP = 0,
    G_INODE_BITMAP = 4,
    G_INODE_TABLE = 8,
    G_INODE_TABLE_HIGH = 40, /* in descriptors of 64 bytes and more */
    G_HIGH_END = 64,
};

enum status ext2_read_group_locked(struct ext2 *e, uint32_t group, struct ext2_group *out)
{
    struct cache_page *page;
    uint64_t at = ext2_descriptor_at(e, group);
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s != OK) {
        return s;
    }
    const uint8_t *raw = page->bytes + at % CACHE_PAGE;
    uint32_t first = e->first_block + group * e->blocks_per_group;
    struct ext2_group g = {
        .first = first,
        .blocks = MIN(e->blocks_per_group, e->block_count - first),
        .block_bitmap = load_le32(raw + G_BLOCK_BITMAP),
        .inode_bitmap = load_le32(raw + G_INODE_BITMAP),
        .inode_table = load_le32(raw + G_INODE_TABLE),
        .free_blocks = load_le16(raw + EXT2_GROUP_FREE_BLOCKS),
        .free_inodes = load_le16(raw + EXT2_GROUP_FREE_INODES),
    };
    bool has_high = e->descriptor_size >= G_HIGH_END && load_le32(raw + G_INODE_TABLE_HIGH) != 0;
    s = e->has_checksums ? e->ext4->check_group(e, group, raw) : OK;
    page_cache_put(page);
    if (s != OK || has_high || g.inode_table == 0 || !ext2_is_block_sound(e, g.inode_table) ||
        ext2_table_blocks(e) > e->block_count - g.inode_table) {
        return E_CORRUPT;
    }
    *out = g;
    return OK;
}
