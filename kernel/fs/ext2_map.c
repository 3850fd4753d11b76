// SPDX-License-Identifier: MIT
//
// Where the blocks of an ext2 file are on the disk: the numbers in its inode, and tables of numbers
// in up to three depths. ext2_map_change.c allocates and frees blocks.
#include "kernel/fs/ext2_map_internal.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* The depth is determined by the block's number alone, so tables that refer to each other cannot
 * cause an endless walk. When blocks are freed, each is freed before the next is read, so a table
 * that is reached twice is found free the second time. */

uint64_t ext2_size_max(const struct ext2 *e)
{
    uint32_t shift = ext2_pointers_shift(e);
    uint64_t blocks = EXT2_DIRECT + (UINT64_C(1) << shift) + (UINT64_C(1) << 2 * shift) +
                      (UINT64_C(1) << 3 * shift);
    return blocks << e->block_shift;
}

/* The run that starts with the first of `count` block numbers, at least one. Consecutive numbers,
 * or zeroes, as far as the table goes; so a large read needs one walk for many blocks. A number
 * outside the image ends the run, and is an error only if it is the first: the blocks before it are
 * good. */
static enum status count_run(const struct ext2 *e, const uint8_t *pointers, uint32_t count,
                             struct ext2_run *out)
{
    uint32_t first = load_le32(pointers);
    uint32_t n = 0;
    while (n < count) {
        uint32_t block = load_le32(pointers + (size_t)n * 4);
        if (!ext2_is_block_sound(e, block)) {
            if (n == 0) {
                return E_CORRUPT;
            }
            break;
        }
        if (block != (first == 0 ? 0 : first + n)) {
            break;
        }
        n++;
    }
    *out = (struct ext2_run){.block = first, .count = n};
    return OK;
}

/* Choose the inode's pointer that leads to a block of the file: through how many levels of tables,
 * and the block's index below that pointer. False: the block is past the largest file. */
bool ext2_choose_pointer(const struct ext2 *e, uint64_t block, uint32_t *slot, uint32_t *depth,
                         uint64_t *index)
{
    uint32_t shift = ext2_pointers_shift(e);
    if (block < EXT2_DIRECT) {
        *slot = (uint32_t)block;
        *depth = 0;
        *index = 0;
        return true;
    }
    block -= EXT2_DIRECT;
    for (uint32_t d = 1; d <= 3; d++) {
        if (block < UINT64_C(1) << d * shift) {
            *slot = EXT2_DIRECT + d - 1;
            *depth = d;
            *index = block;
            return true;
        }
        block -= UINT64_C(1) << d * shift;
    }
    return false;
}

void ext2_put_pointer(struct ext2_pointer *p)
{
    if (p->page != NULL) {
        page_cache_put(p->page);
        p->page = NULL;
    }
}

/* Go from a place that holds the number of a table to a place in that table. */
enum status ext2_enter_table(struct ext2 *e, struct ext2_pointer *p, uint32_t index)
{
    struct cache_page *page;
    uint64_t byte = ext2_byte_of(e, load_le32(p->at));
    enum status s = page_cache_get(e->cache, byte, e->block_size, &page);
    if (s == OK) {
        ext2_put_pointer(p);
        /* A block's size is a power of two and at most a page, so a block is inside one page. */
        *p = (struct ext2_pointer){.page = page,
                                   .at = page->bytes + byte % CACHE_PAGE + (size_t)index * 4,
                                   .left = (1u << ext2_pointers_shift(e)) - index};
    }
    return s;
}

enum status ext2_find_run_locked(struct ext2 *e, const struct ext2_node *n, uint64_t block,
                                 uint32_t want, struct ext2_run *out)
{
    uint32_t slot, depth;
    uint64_t index;
    uint32_t shift = ext2_pointers_shift(e);
    if ((n->flags & EXT2_FLAG_EXTENTS) != 0) {
        return e->ext4->find_extent_locked(e, n, block, want, out);
    }
    if (!ext2_choose_pointer(e, block, &slot, &depth, &index)) {
        return E_CORRUPT;
    }
    struct ext2_pointer p = {.at = (uint8_t *)(uintptr_t)n->pointers + (size_t)slot * 4,
                             .left = depth == 0 ? EXT2_DIRECT - slot : 1};
    enum status s = OK;
    for (uint32_t level = depth; level > 0 && s == OK; level--) {
        uint32_t table = load_le32(p.at);
        if (!ext2_is_block_sound(e, table)) {
            s = E_CORRUPT;
        } else if (table == 0) { /* a hole up to the end of the missing table's range */
            uint64_t span = UINT64_C(1) << level * shift;
            uint64_t left = span - (index & (span - 1));
            ext2_put_pointer(&p);
            *out = (struct ext2_run){.block = 0, .count = (uint32_t)MIN(left, (uint64_t)want)};
            return OK;
        } else {
            s = ext2_enter_table(e, &p,
                                 (uint32_t)(index >> (level - 1) * shift) & ((1u << shift) - 1));
        }
    }
    if (s == OK) {
        s = count_run(e, p.at, MIN(p.left, want), out);
    }
    ext2_put_pointer(&p);
    return s;
}
