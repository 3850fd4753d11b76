// SPDX-License-Identifier: MIT
//
// Blocks of an ext2 file that are allocated and freed, and the tables of their numbers. In ext2w.ko
// (ext2_writing.h).
#include "kernel/fs/ext2_map_internal.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* ---- Allocating ---- */

static enum status get_page(struct ext2 *e, uint32_t block, bool whole, struct cache_page **out)
{
    uint64_t byte = ext2_byte_of(e, block);
    return whole && e->block_size == CACHE_PAGE ? page_cache_get_new(e->cache, byte, out)
                                                : page_cache_get(e->cache, byte, 0, out);
}

/* Allocate a block, zero it, and store its number in a place. The order keeps a reader or a crash
 * from seeing old contents: the block is allocated, then zeroed in the cache, and only then its
 * number is stored. If its page cannot be read, the block is freed again, and nothing has changed.
 * `goal` becomes the next block, so a file that is written sequentially is consecutive on the
 * disk. */
static enum status add_block(struct ext2 *e, struct ext2_node *n, const struct ext2_pointer *p,
                             bool is_metadata, struct cache_page **page) REQUIRES(e->lock)
{
    uint32_t block;
    enum status s = ext2_alloc_block_locked(e, n->goal, &block);
    if (s != OK) {
        return s;
    }
    s = get_page(e, block, true, page);
    if (s != OK) {
        enum status undone = ext2_free_block_locked(e, block);
        return undone == OK ? s : ext2_fail_locked(e, s, "a block cannot be freed");
    }
    uint8_t *bytes = (*page)->bytes + ext2_byte_of(e, block) % CACHE_PAGE;
    memset(bytes, 0, e->block_size);
    ext2_changed_locked(e, *page, bytes, is_metadata);
    store_le32(p->at, block);
    if (p->page != NULL) {
        ext2_changed_locked(e, p->page, p->at, true);
    }
    n->blocks_512 += e->block_size / BLOCK_SECTOR;
    n->goal = block + 1;
    return OK;
}

/* Find the place of a block's number, and add the tables that are missing on the way. Tables are
 * added from the top down, and each is zeroed before its number is stored. If a later step fails,
 * the tables that were added stay, with no blocks: they belong to the file, are counted in
 * blocks_512, and are freed with it. So the caller stores the inode after an error, too. */
static enum status walk_to_pointer(struct ext2 *e, struct ext2_node *n, uint64_t block,
                                   struct ext2_pointer *out) REQUIRES(e->lock)
{
    uint32_t slot, depth;
    uint64_t index;
    uint32_t shift = ext2_pointers_shift(e);
    if (!ext2_choose_pointer(e, block, &slot, &depth, &index)) {
        return E_OVERFLOW;
    }
    struct ext2_pointer p = {.at = n->pointers + (size_t)slot * 4};
    enum status s = OK;
    for (uint32_t level = depth; level > 0 && s == OK; level--) {
        if (load_le32(p.at) == 0) {
            struct cache_page *page;
            s = add_block(e, n, &p, true, &page);
            if (s == OK) {
                page_cache_put(page);
            }
        } else if (!ext2_is_block_sound(e, load_le32(p.at))) {
            s = E_CORRUPT;
        }
        if (s == OK) {
            s = ext2_enter_table(e, &p,
                                 (uint32_t)(index >> (level - 1) * shift) & ((1u << shift) - 1));
        }
    }
    if (s != OK) {
        ext2_put_pointer(&p);
        return s;
    }
    *out = p;
    return OK;
}

/* The number before a place, if it is in the same table: the next block should follow it. */
static void set_goal(const struct ext2 *e, struct ext2_node *n, const struct ext2_pointer *p,
                     uint64_t block)
{
    bool has_previous =
        p->page == NULL ? block > 0 && block < EXT2_DIRECT : (uintptr_t)p->at % e->block_size != 0;
    uint32_t previous = has_previous ? load_le32(p->at - 4) : 0;
    if (previous != 0 && ext2_is_block_sound(e, previous)) {
        n->goal = previous + 1;
    }
}

/* With `whole` the caller overwrites the block, so it need not be read. A directory's block is
 * metadata: its contents go through the journal. */
enum status ext2_get_block_locked(struct ext2 *e, struct ext2_node *n, uint64_t block, bool whole,
                                  struct cache_page **page, uint8_t **at)
{
    struct ext2_pointer p;
    enum status s = walk_to_pointer(e, n, block, &p);
    if (s != OK) {
        return s;
    }
    if (load_le32(p.at) == 0) {
        set_goal(e, n, &p, block);
        s = add_block(e, n, &p, n->node.type == FILE_DIRECTORY, page);
    } else if (!ext2_is_block_sound(e, load_le32(p.at))) {
        s = E_CORRUPT;
    } else {
        s = get_page(e, load_le32(p.at), whole, page);
    }
    if (s == OK) {
        *at = (*page)->bytes + ext2_byte_of(e, load_le32(p.at)) % CACHE_PAGE;
    }
    ext2_put_pointer(&p);
    return s;
}

/* ---- Freeing ---- */

/* A block that is free already, or that belongs to a group's metadata, means that two files use it
 * or that a table is wrong. Freeing it would let a third file get it, so the image becomes
 * read-only. */
static enum status free_block(struct ext2 *e, struct ext2_node *n, uint32_t block) REQUIRES(e->lock)
{
    enum status s = ext2_free_block_locked(e, block);
    if (s == OK) {
        uint32_t sectors = e->block_size / BLOCK_SECTOR;
        n->blocks_512 -= MIN(n->blocks_512, (uint64_t)sectors);
    }
    return s == E_CORRUPT ? ext2_fail_locked(e, s, "a file uses a block that is not its own") : s;
}

static enum status free_below(struct ext2 *e, struct ext2_node *n, const struct ext2_pointer *p,
                              uint32_t depth, uint64_t first) REQUIRES(e->lock);

/* Free what the numbers of a table lead to, from index `first` below the table on. */
static enum status free_table(struct ext2 *e, struct ext2_node *n, uint32_t table, uint32_t depth,
                              uint64_t first) REQUIRES(e->lock)
{
    struct cache_page *page;
    uint32_t shift = ext2_pointers_shift(e);
    uint64_t byte = ext2_byte_of(e, table);
    uint64_t span = UINT64_C(1) << (depth - 1) * shift;
    enum status s = page_cache_get(e->cache, byte, e->block_size, &page);
    if (s != OK) {
        return s;
    }
    uint8_t *numbers = page->bytes + byte % CACHE_PAGE;
    for (uint64_t i = first / span; i < UINT64_C(1) << shift && s == OK; i++) {
        struct ext2_pointer p = {.page = page, .at = numbers + i * 4};
        s = free_below(e, n, &p, depth - 1, i == first / span ? first % span : 0);
    }
    page_cache_put(page);
    return s;
}

/* Free what a number leads to, from index `first` below it on; the number becomes 0 if nothing
 * remains. Calls itself at most three times, once for each depth. A number becomes 0 only after its
 * block is free, and the pause comes after that: then the file is consistent at each pause, only
 * shorter, and an operation that frees any number of blocks fits in transactions of bounded size.
 * The table above stays pinned in a pause; the lock is not released. */
static enum status free_below(struct ext2 *e, struct ext2_node *n, const struct ext2_pointer *p,
                              uint32_t depth, uint64_t first)
{
    uint32_t block = load_le32(p->at);
    enum status s = OK;
    if (block == 0) {
        return OK;
    }
    if (!ext2_is_block_sound(e, block)) {
        return ext2_fail_locked(e, E_CORRUPT, "a block number is outside the image");
    }
    if (depth > 0) {
        s = free_table(e, n, block, depth, first);
    }
    if (s == OK && first == 0) {
        s = free_block(e, n, block);
        if (s != OK) {
            return s;
        }
        store_le32(p->at, 0);
        if (p->page != NULL) {
            ext2_changed_locked(e, p->page, p->at, true);
        }
        s = ext2_pause_locked(e, n);
    }
    return s;
}

/* The caller holds n->run.moving for writing, or the node has no user. One that cuts a file has set
 * its size before, see set_size_locked(): after a crash in the middle the list of orphans lets the
 * file be cut to that size again. */
enum status ext2_free_from_locked(struct ext2 *e, struct ext2_node *n, uint64_t block)
{
    uint32_t shift = ext2_pointers_shift(e);
    enum status s = OK;
    known_run_forget(&n->run);
    for (uint32_t i = 0; i < EXT2_DIRECT && s == OK; i++) {
        if (i >= block) {
            struct ext2_pointer p = {.at = n->pointers + (size_t)i * 4};
            s = free_below(e, n, &p, 0, 0);
        }
    }
    uint64_t before = EXT2_DIRECT;
    for (uint32_t depth = 1; depth <= 3 && s == OK; depth++) {
        uint64_t span = UINT64_C(1) << depth * shift;
        if (block < before + span) {
            struct ext2_pointer p = {.at = n->pointers + (size_t)(EXT2_DIRECT + depth - 1) * 4};
            s = free_below(e, n, &p, depth, block > before ? block - before : 0);
        }
        before += span;
    }
    return s;
}
