// SPDX-License-Identifier: MIT
//
// Allocation of blocks and inodes of ext2, from the bitmaps of its groups. In ext2w.ko
// (ext2_writing.h).
#include "kernel/fs/ext2_internal.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* A file's blocks are near its inode, and its inode near its directory; directories are spread, so
 * that each has room for its files.
 *
 * Bitmaps and counts may lie. A group without a free bit is passed over, whatever it counts. A bit
 * that would hand out metadata, or that is free already, makes the file system read-only. */
enum {
    I_DELETED = 20,
    I_LINKS = 26,
};

/* Add to a count in a group's descriptor, which may have been wrong before. A count that is wrong
 * on the disk must not wrap around from 0 to 65,535, so it stops at 0. Counts only speed up a
 * search; the bitmaps decide. */
static enum status count_locked(struct ext2 *e, uint32_t group, uint32_t field, int change)
    REQUIRES(e->lock)
{
    struct cache_page *page;
    uint64_t at = ext2_descriptor_at(e, group) + field;
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s == OK) {
        uint8_t *raw = page->bytes + at % CACHE_PAGE;
        store_le16(raw, (uint16_t)MAX(load_le16(raw) + change, 0));
        ext2_changed_locked(e, page, raw, true);
        page_cache_put(page);
    }
    return s;
}

/* ---- Bits ---- */

/* `kept` may be NULL. */
static uint32_t find_clear(const uint8_t *bits, const uint8_t *kept, uint32_t from, uint32_t end)
{
    while (from < end) {
        uint32_t byte = bits[from / 8] | (kept != NULL ? kept[from / 8] : 0u);
        if ((byte & 1u << from % 8) == 0) {
            break;
        }
        from += byte == 0xff ? 8 - from % 8 : 1;
    }
    return MIN(from, end);
}

/* Set the first clear bit of `count`, from `start` on and then from the beginning. E_NOSPC. `kept`
 * is the bitmap at the last commit, if the running transaction has freed some of its blocks. A bit
 * counts as clear only if it is clear in both: a block that was freed since has its old use again
 * after a crash, and must not have new contents by then. `count` ends at the group's last block, so
 * the padding bits at the end of a bitmap are never given out. */
static enum status set_bit_locked(struct ext2 *e, uint32_t bitmap, uint32_t start, uint32_t count,
                                  uint32_t *out) REQUIRES(e->lock)
{
    struct cache_page *page;
    if (bitmap == 0 || !ext2_is_block_sound(e, bitmap)) {
        return E_CORRUPT;
    }
    uint64_t at = ext2_byte_of(e, bitmap);
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s != OK) {
        return s;
    }
    uint8_t *bits = page->bytes + at % CACHE_PAGE;
    const uint8_t *kept = e->journal != NULL ? journal_kept(e->journal, bitmap) : NULL;
    uint32_t bit = find_clear(bits, kept, MIN(start, count), count);
    if (bit == count) {
        bit = find_clear(bits, kept, 0, count);
    }
    if (bit < count) {
        bits[bit / 8] = (uint8_t)(bits[bit / 8] | 1u << bit % 8);
        ext2_changed_locked(e, page, bits, true);
        *out = bit;
    } else {
        s = E_NOSPC;
    }
    page_cache_put(page);
    return s;
}

/* E_CORRUPT: it is clear already. `keep`: the bit is not set again before the running transaction
 * is committed. journal_keep() copies the bitmap as it is before the bit is cleared, and needs the
 * bitmap in the transaction. So: first the change is noted, then the copy is made, then the bit is
 * cleared. */
static enum status clear_bit_locked(struct ext2 *e, uint32_t bitmap, uint32_t bit, bool keep)
    REQUIRES(e->lock)
{
    struct cache_page *page;
    if (bitmap == 0 || !ext2_is_block_sound(e, bitmap)) {
        return E_CORRUPT;
    }
    uint64_t at = ext2_byte_of(e, bitmap);
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s != OK) {
        return s;
    }
    uint8_t *bits = page->bytes + at % CACHE_PAGE;
    if ((bits[bit / 8] & 1u << bit % 8) == 0) {
        s = E_CORRUPT;
    } else if (keep && e->journal != NULL) {
        ext2_changed_locked(e, page, bits, true);
        s = journal_keep(e->journal, bitmap, bits);
    }
    if (s == OK) {
        bits[bit / 8] = (uint8_t)(bits[bit / 8] & ~(1u << bit % 8));
        ext2_changed_locked(e, page, bits, true);
    }
    page_cache_put(page);
    return s;
}

/* ---- Blocks ---- */

/* True for a group's own bitmaps and inodes, and for the descriptors of all groups. */
static bool is_metadata(const struct ext2 *e, const struct ext2_group *g, uint32_t block)
{
    uint64_t descriptors_end = ext2_descriptor_at(e, e->group_count);
    return block == g->block_bitmap || block == g->inode_bitmap ||
           (block >= g->inode_table && block - g->inode_table < ext2_table_blocks(e)) ||
           ext2_byte_of(e, block) < descriptors_end;
}

bool ext2_is_file_block_locked(struct ext2 *e, uint32_t block)
{
    struct ext2_group g;
    return block != 0 && ext2_is_block_sound(e, block) &&
           ext2_read_group_locked(e, (block - e->first_block) / e->blocks_per_group, &g) == OK &&
           !is_metadata(e, &g, block);
}

/* The bit is set before the check for metadata. If that check fails the bitmap is wrong, the image
 * becomes read-only, and with a journal the transaction with the bit is thrown away. */
static enum status alloc_in_group_locked(struct ext2 *e, uint32_t group, uint32_t goal,
                                         uint32_t *out) REQUIRES(e->lock)
{
    struct ext2_group g;
    uint32_t bit;
    enum status s = ext2_read_group_locked(e, group, &g);
    if (s == OK && g.free_blocks == 0) {
        s = E_NOSPC;
    }
    if (s == OK) {
        s = set_bit_locked(e, g.block_bitmap, goal > g.first ? goal - g.first : 0, g.blocks, &bit);
    }
    if (s != OK) {
        return s;
    }
    uint32_t block = g.first + bit;
    s = is_metadata(e, &g, block) ? E_CORRUPT : count_locked(e, group, EXT2_GROUP_FREE_BLOCKS, -1);
    if (s != OK) {
        return ext2_fail_locked(e, s, "a bitmap of blocks is wrong, or a count cannot be changed");
    }
    e->free_blocks -= e->free_blocks > 0;
    *out = block;
    return OK;
}

/* From the goal on in its group, then from the start of each further group, so that all groups are
 * tried once. E_CORRUPT of one group ends the search: to go on would hide the damage. */
enum status ext2_alloc_block_locked(struct ext2 *e, uint32_t goal, uint32_t *out)
{
    goal = goal <= e->first_block || goal >= e->block_count ? e->first_block + 1 : goal;
    uint32_t start = (goal - e->first_block) / e->blocks_per_group;
    enum status s = E_NOSPC;
    for (uint32_t i = 0; i < e->group_count && s == E_NOSPC; i++) {
        s = alloc_in_group_locked(e, (start + i) % e->group_count, i == 0 ? goal : 0, out);
    }
    return s;
}

/* journal_forget() comes last: from then on a copy of the block in the log is not replayed over its
 * next contents. Its memory is reserved first, so that nothing has changed if there is none. */
enum status ext2_free_block_locked(struct ext2 *e, uint32_t block)
{
    if (block == 0 || !ext2_is_block_sound(e, block)) {
        return E_CORRUPT;
    }
    struct ext2_group g;
    uint32_t group = (block - e->first_block) / e->blocks_per_group;
    enum status s = ext2_read_group_locked(e, group, &g);
    if (s == OK && is_metadata(e, &g, block)) {
        s = E_CORRUPT;
    }
    s = s == OK && e->journal != NULL ? journal_reserve(e->journal) : s;
    s = s != OK ? s : clear_bit_locked(e, g.block_bitmap, block - g.first, true);
    s = s != OK ? s : count_locked(e, group, EXT2_GROUP_FREE_BLOCKS, 1);
    if (s == OK) {
        e->free_blocks++;
    }
    if (s == OK && e->journal != NULL) {
        e->freed_blocks++;
        journal_forget(e->journal, block);
    }
    return s;
}

/* ---- Inodes ---- */

/* The group for a new directory: one with no fewer free inodes and blocks than the average. Below
 * the root the search starts after the last such group. */
static uint32_t group_of_directory_locked(struct ext2 *e, uint32_t parent) REQUIRES(e->lock)
{
    uint32_t start = (parent - 1) / e->inodes_per_group;
    if (parent == EXT2_ROOT_INODE) {
        start = (e->last_directory + 1) % e->group_count;
    }
    for (uint32_t i = 0; i < e->group_count; i++) {
        struct ext2_group g;
        uint32_t group = (start + i) % e->group_count;
        if (ext2_read_group_locked(e, group, &g) == OK && g.free_inodes > 0 &&
            g.free_inodes >= e->free_inodes / e->group_count &&
            g.free_blocks >= e->free_blocks / e->group_count) {
            start = group;
            break;
        }
    }
    if (parent == EXT2_ROOT_INODE) {
        e->last_directory = start;
    }
    return start;
}

/* A free inode must not be in use: its bit may lie. */
static enum status clear_inode_locked(struct ext2 *e, const struct ext2_group *g, uint32_t index)
    REQUIRES(e->lock)
{
    struct cache_page *page;
    uint64_t at = ext2_byte_of(e, g->inode_table) + (uint64_t)index * e->inode_size;
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s != OK) {
        return s;
    }
    uint8_t *raw = page->bytes + at % CACHE_PAGE;
    if (load_le16(raw + I_LINKS) != 0 && load_le32(raw + I_DELETED) == 0) {
        s = E_CORRUPT;
    } else {
        memset(raw, 0, e->inode_size);
        ext2_changed_locked(e, page, raw, true);
    }
    page_cache_put(page);
    return s;
}

static enum status alloc_inode_in_group_locked(struct ext2 *e, uint32_t group, bool is_directory,
                                               uint32_t *out) REQUIRES(e->lock)
{
    struct ext2_group g;
    uint32_t bit;
    uint32_t before = group * e->inodes_per_group;
    enum status s = ext2_read_group_locked(e, group, &g);
    if (s == OK && (g.free_inodes == 0 || before >= e->inode_count)) {
        s = E_NOSPC;
    }
    if (s == OK) {
        uint32_t count = MIN(e->inodes_per_group, e->inode_count - before);
        s = set_bit_locked(e, g.inode_bitmap, 0, count, &bit);
    }
    if (s != OK) {
        return s;
    }
    s = before + bit + 1 < e->first_inode ? E_CORRUPT : clear_inode_locked(e, &g, bit);
    s = s != OK ? s : count_locked(e, group, EXT2_GROUP_FREE_INODES, -1);
    if (s == OK && is_directory) {
        s = count_locked(e, group, EXT2_GROUP_DIRECTORIES, 1);
    }
    if (s != OK) {
        return ext2_fail_locked(e, s, "a bitmap of inodes is wrong, or a count cannot be changed");
    }
    e->free_inodes -= e->free_inodes > 0;
    *out = before + bit + 1;
    return OK;
}

enum status ext2_alloc_inode_locked(struct ext2 *e, uint32_t parent, bool is_directory,
                                    uint32_t *out)
{
    uint32_t start =
        is_directory ? group_of_directory_locked(e, parent) : (parent - 1) / e->inodes_per_group;
    enum status s = E_NOSPC;
    for (uint32_t i = 0; i < e->group_count && s == E_NOSPC; i++) {
        s = alloc_inode_in_group_locked(e, (start + i) % e->group_count, is_directory, out);
    }
    return s;
}

enum status ext2_free_inode_locked(struct ext2 *e, uint32_t inode, bool is_directory)
{
    struct ext2_group g;
    uint32_t group = (inode - 1) / e->inodes_per_group;
    enum status s = ext2_read_group_locked(e, group, &g);
    s = s != OK ? s : clear_bit_locked(e, g.inode_bitmap, (inode - 1) % e->inodes_per_group, false);
    s = s != OK ? s : count_locked(e, group, EXT2_GROUP_FREE_INODES, 1);
    if (s == OK && is_directory) {
        s = count_locked(e, group, EXT2_GROUP_DIRECTORIES, -1);
    }
    if (s == OK) {
        e->free_inodes++;
    }
    return s;
}
