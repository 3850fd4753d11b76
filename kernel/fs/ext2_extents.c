// SPDX-License-Identifier: MIT
//
// Where the blocks of an ext4 file are on the disk, if its inode has a tree of extents in place of
// block numbers. They are only read: ext2_map.c has the blocks of files that are written, too.
#include "kernel/fs/ext2_internal.h"

#include "kernel/lib/endian.h"

/* Each part of the tree is a header and entries of 12 bytes that are sorted by the index of their
 * first block in the file. In a leaf an entry is an extent, elsewhere the number of a block with
 * another part. The root is in the inode.
 *
 * A part has one level less than the one above it, so parts that lead to each other end the walk.
 * What an entry leads to is cut at the start of the next entry. */
enum {
    MAGIC = 0xf30a,
    H_MAGIC = 0,
    H_COUNT = 2,
    H_ROOM = 4,
    H_DEPTH = 6,
    HEADER = 12,
    ENTRY = 12,
    E_FIRST = 0, /* in the file */
    LEAF_COUNT = 4,
    LEAF_BLOCK_HIGH = 6,
    LEAF_BLOCK = 8,
    PART_BLOCK = 4,
    PART_BLOCK_HIGH = 8,
    DEPTH_MAX = 5,
    COUNT_MAX = 32768, /* of an extent; with more the rest is the count, and it reads as zeroes */
};

#define FILE_END (UINT64_C(1) << 32)

/* A part of the tree. The page is pinned; NULL: it is in the inode. */
struct part {
    struct cache_page *page;
    const uint8_t *bytes;
    uint32_t count, depth;
};

static const uint8_t *entry_of(const struct part *p, uint32_t i)
{
    return p->bytes + HEADER + (size_t)i * ENTRY;
}

static uint32_t first_of(const struct part *p, uint32_t i)
{
    return load_le32(entry_of(p, i) + E_FIRST);
}

static void leave(struct part *p)
{
    if (p->page != NULL) {
        page_cache_put(p->page);
        p->page = NULL;
    }
}

/* `size`: of the bytes that the part may use. */
static bool read_header(struct part *p, uint32_t size)
{
    uint32_t room = load_le16(p->bytes + H_ROOM);
    p->count = load_le16(p->bytes + H_COUNT);
    p->depth = load_le16(p->bytes + H_DEPTH);
    return load_le16(p->bytes + H_MAGIC) == MAGIC && p->depth <= DEPTH_MAX &&
           room <= (size - HEADER) / ENTRY && p->count <= room && (p->depth == 0 || p->count > 0);
}

/* The checksum follows the last entry for which there is room. */
static enum status check_part_locked(struct ext2 *e, const struct ext2_node *n, struct part *p)
    REQUIRES(e->lock)
{
    size_t used = HEADER + (size_t)load_le16(p->bytes + H_ROOM) * ENTRY;
    if (!e->has_checksums || ext2_is_verified(p->page, p->bytes)) {
        return OK;
    }
    if (used + 4 > e->block_size ||
        load_le32(p->bytes + used) != ext2_checksum(n->checksum_seed, p->bytes, used)) {
        return ext2_wrong_checksum(e, n->node.id, "a block of extents");
    }
    ext2_set_verified(p->page, p->bytes);
    return OK;
}

/* Go from a part to the one that an entry of it names. What a hostile tree could try, and the check
 * that stops it: a block outside the image (ext2_is_block_sound()), a part that leads to itself or
 * to its parent (the depth must be one less), more entries than the block has (read_header()), a
 * part of another file (the checksum starts with the inode's seed, if there are checksums). The old
 * part stays pinned until the new one is accepted. */
static enum status enter_locked(struct ext2 *e, const struct ext2_node *n, struct part *p,
                                uint32_t i) REQUIRES(e->lock)
{
    const uint8_t *entry = entry_of(p, i);
    uint32_t block = load_le32(entry + PART_BLOCK);
    uint64_t byte = ext2_byte_of(e, block);
    struct part next;
    if (block == 0 || !ext2_is_block_sound(e, block) || load_le16(entry + PART_BLOCK_HIGH) != 0) {
        return E_CORRUPT;
    }
    enum status s = page_cache_get(e->cache, byte, e->block_size, &next.page);
    if (s != OK) {
        return s;
    }
    next.bytes = next.page->bytes + byte % CACHE_PAGE;
    bool is_sound = read_header(&next, e->block_size) && next.depth + 1 == p->depth;
    s = is_sound ? check_part_locked(e, n, &next) : E_CORRUPT;
    if (s != OK) {
        leave(&next);
        return s;
    }
    leave(p);
    *p = next;
    return OK;
}

/* The last entry that starts at a block or before it. False: all start after it. *end becomes the
 * start of the next entry, if that is less. */
static bool choose(const struct part *p, uint64_t block, uint32_t *out, uint64_t *end)
{
    uint32_t low = 0, high = p->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (first_of(p, middle) > block) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low < p->count) {
        *end = MIN(*end, (uint64_t)first_of(p, low));
    }
    *out = low - 1;
    return low != 0;
}

/* The run from a block on, which is in an extent or after it. An extent must be inside the image,
 * and must end before the next entry starts, or two extents would have the same block of the file.
 * The first blocks of the disk are not file contents. An extent of more than COUNT_MAX blocks is
 * allocated but not written, and reads as a hole: its old contents belonged to other files. */
static enum status read_extent(const struct ext2 *e, const uint8_t *entry, uint64_t block,
                               uint64_t end, struct ext2_run *out)
{
    uint32_t stored = load_le16(entry + LEAF_COUNT), at = load_le32(entry + LEAF_BLOCK);
    bool is_unwritten = stored > COUNT_MAX;
    uint32_t count = is_unwritten ? stored - COUNT_MAX : stored;
    uint64_t inside = block - load_le32(entry + E_FIRST);
    if (count == 0 || load_le16(entry + LEAF_BLOCK_HIGH) != 0 || at <= e->first_block ||
        at >= e->block_count || count > e->block_count - at || block - inside + count > end) {
        return E_CORRUPT;
    }
    bool is_hole = inside >= count;
    uint64_t left = is_hole ? end - block : count - inside;
    *out = (struct ext2_run){.block = is_hole || is_unwritten ? 0 : at + (uint32_t)inside,
                             .count = (uint32_t)MIN(left, (uint64_t)UINT32_MAX)};
    return OK;
}

static enum status find_locked(struct ext2 *e, const struct ext2_node *n, struct part *p,
                               uint64_t block, struct ext2_run *out) REQUIRES(e->lock)
{
    uint64_t end = FILE_END;
    uint32_t i;
    bool is_found = choose(p, block, &i, &end);
    while (is_found && p->depth > 0) {
        enum status s = enter_locked(e, n, p, i);
        if (s != OK) {
            return s;
        }
        is_found = choose(p, block, &i, &end);
    }
    if (is_found) {
        return read_extent(e, entry_of(p, i), block, end, out);
    }
    *out = (struct ext2_run){.count = (uint32_t)MIN(end - block, (uint64_t)UINT32_MAX)};
    return end > block ? OK : E_CORRUPT;
}

enum status ext2_find_extent_locked(struct ext2 *e, const struct ext2_node *n, uint64_t block,
                                    uint32_t want, struct ext2_run *out)
{
    struct part p = {.bytes = n->pointers};
    struct ext2_run run;
    if (!read_header(&p, sizeof(n->pointers)) || block >= FILE_END) {
        return E_CORRUPT;
    }
    enum status s = find_locked(e, n, &p, block, &run);
    leave(&p);
    if (s == OK) {
        *out = (struct ext2_run){.block = run.block, .count = MIN(run.count, want)};
    }
    return s;
}
