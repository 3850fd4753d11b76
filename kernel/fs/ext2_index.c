// SPDX-License-Identifier: MIT
//
// Finds names in hash indices of ext3's directories: which block has the entries of a name. Entries
// themselves are in ext2_dir.c, the hashes in ext2_hash.c; ext2_index_change.c lets indices grow.
#include "kernel/fs/ext2_index_internal.h"
#include "kernel/lib/string.h"

/* Everything here runs under the lock of index.e, which the analysis cannot follow. */

/* ---- Searching ---- */

void ext2_index_leave(struct ext2_index *x)
{
    for (uint32_t i = 0; i <= EXT2_LEVELS_MAX; i++) {
        if (x->levels[i].page != NULL) {
            page_cache_put(x->levels[i].page);
            x->levels[i].page = NULL;
        }
    }
}

/* Pin a block of a directory. E_FORMAT: there is none. A block's number comes from the index, so it
 * is checked against the directory's size; a hole is no block of a directory either. So pairs that
 * lead anywhere else, or back to themselves, cost one failed step: the number of levels is fixed by
 * the root. */
enum status ext2_index_pin(struct ext2 *e, const struct ext2_node *dir, uint32_t block,
                           struct cache_page **page, uint8_t **at)
{
    struct ext2_run run;
    if (block >= dir->size >> e->block_shift) {
        return E_FORMAT;
    }
    enum status s = ext2_find_run_locked(e, dir, block, 1, &run);
    if (s != OK || run.block == 0) {
        return s != OK ? s : E_FORMAT;
    }
    uint64_t byte = ext2_byte_of(e, run.block);
    s = page_cache_get(e->cache, byte, 0, page);
    if (s != OK) {
        return s;
    }
    *at = (*page)->bytes + byte % CACHE_PAGE;
    s = ext2_check_directory(e, dir, block, *page, *at);
    if (s != OK) {
        page_cache_put(*page);
        *page = NULL;
    }
    return s;
}

/* The last pair whose hash is not larger. Pairs are sorted by hash. If they are not, the search
 * still ends and stays inside the `count` pairs that enter() has checked; the name is then perhaps
 * not found in its leaf. */
static void choose_pair(const struct ext2_index *x, struct ext2_level *l)
{
    uint32_t low = 1, high = ext2_pairs_count(l);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (ext2_pair_hash(l, middle) > x->hash) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    l->at = low - 1;
}

/* What Linux writes there, and nothing else: an index with an unknown hash, with flags, or with
 * more levels is not used, and the directory is searched without it. */
static bool is_root_sound(const struct ext2 *e, const uint8_t *block)
{
    return load_le16(block + 4) == EXT2_DOT_LEN && block[6] == 1 &&
           load_le16(block + EXT2_DOT_LEN + 4) == e->block_size - EXT2_DOT_LEN &&
           block[EXT2_DOT_LEN + 6] == 2 && load_le32(block + EXT2_ROOT_INFO) == 0 &&
           ext2_is_hash_known(block[EXT2_ROOT_VERSION]) && block[EXT2_ROOT_LENGTH] == 8 &&
           block[EXT2_ROOT_LEVELS] <= EXT2_LEVELS_MAX && (block[EXT2_ROOT_FLAGS] & 1) == 0;
}

static bool is_node_sound(const struct ext2 *e, const uint8_t *block)
{
    return load_le32(block) == 0 && load_le16(block + 4) == e->block_size;
}

/* Enter a block with pairs. */
static enum status enter(struct ext2_index *x, uint32_t depth, uint32_t block) NO_LOCK_ANALYSIS
{
    struct ext2_level *l = &x->levels[depth];
    uint32_t offset = depth == 0 ? EXT2_ROOT_PAIRS : EXT2_NODE_PAIRS;
    enum status s = ext2_index_pin(x->e, x->dir, block, &l->page, &l->block);
    if (s != OK) {
        return s;
    }
    l->pairs = l->block + offset;
    bool is_sound = depth == 0 ? is_root_sound(x->e, l->block) : is_node_sound(x->e, l->block);
    /* metadata_csum has a checksum in the place of the last pair. */
    bool fits = ext2_pairs_limit(l) <= ext2_pairs_max(x->e, offset) && ext2_pairs_count(l) != 0 &&
                ext2_pairs_count(l) <= ext2_pairs_limit(l);
    return is_sound && fits ? OK : E_FORMAT;
}

/* Find the leaf of a name. After OK the levels are pinned. */
enum status ext2_index_probe(struct ext2_index *x, struct ext2 *e, struct ext2_node *dir,
                             const char *name, size_t len)
{
    *x = (struct ext2_index){.e = e, .dir = dir};
    enum status s = enter(x, 0, 0);
    if (s == OK) {
        x->version = x->levels[0].block[EXT2_ROOT_VERSION];
        x->hash = ext2_hash(e, x->version, name, len);
        choose_pair(x, &x->levels[0]);
        x->depth = x->levels[0].block[EXT2_ROOT_LEVELS];
    }
    for (uint32_t depth = 1; s == OK && depth <= x->depth; depth++) {
        s = enter(x, depth, ext2_pair_block(&x->levels[depth - 1], x->levels[depth - 1].at));
        if (s == OK) {
            choose_pair(x, &x->levels[depth]);
        }
    }
    if (s != OK) {
        ext2_index_leave(x);
    }
    return s;
}

/* Go to the next leaf, if it may have names with the same hash. E_NOENT: it does not. Names with
 * one hash may fill more than one leaf. The lowest bit of a pair's hash says that it continues the
 * leaf before it; a comparison without that bit finds this. The walk goes up to the first level
 * with a further pair, and then down along the first pairs. Each level above keeps its page pinned,
 * so its pairs do not move meanwhile. */
static enum status next_leaf(struct ext2_index *x) NO_LOCK_ANALYSIS
{
    uint32_t depth = x->depth;
    while (x->levels[depth].at + 1 >= ext2_pairs_count(&x->levels[depth])) {
        if (depth == 0) {
            return E_NOENT;
        }
        depth--;
    }
    x->levels[depth].at++;
    if ((ext2_pair_hash(&x->levels[depth], x->levels[depth].at) & ~1u) != x->hash) {
        return E_NOENT;
    }
    while (depth < x->depth) {
        uint32_t block = ext2_pair_block(&x->levels[depth], x->levels[depth].at);
        depth++;
        page_cache_put(x->levels[depth].page);
        x->levels[depth] = (struct ext2_level){0};
        enum status s = enter(x, depth, block);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* Walk through one block's entries to one that fits. E_NOENT: there is none. */
enum status ext2_index_walk_leaf(struct ext2_walk *w, uint32_t leaf, ext2_fits *fits,
                                 const void *ctx, struct ext2_entry *out)
{
    uint64_t end = (uint64_t)(leaf + 1) << w->e->block_shift;
    w->off = end - w->e->block_size;
    if (leaf == 0 || end > w->dir->size) {
        return E_FORMAT;
    }
    return ext2_walk_to(w, end, fits, ctx, out);
}

/* E_NOENT from here is final: all leaves that may have the name were searched. E_FORMAT means that
 * the index does not decide, and the caller searches all blocks. Block 0 is never a leaf, so "."
 * and ".." are not found here; ext2_find_entry_locked() knows that. */
enum status ext2_index_find_locked(struct ext2 *e, const struct ext2_node *dir, const char *name,
                                   size_t len, ext2_fits *fits, const void *ctx,
                                   struct ext2_entry *out)
{
    struct ext2_index x;
    struct ext2_walk w;
    enum status s = ext2_index_probe(&x, e, (struct ext2_node *)(uintptr_t)dir, name, len);
    if (s != OK) {
        return s;
    }
    ext2_walk_start(&w, e, dir);
    do {
        s = ext2_index_walk_leaf(&w, ext2_index_leaf(&x), fits, ctx, out);
        if (s != E_NOENT) {
            break;
        }
        ext2_walk_end(&w);
        s = next_leaf(&x);
    } while (s == OK);
    ext2_walk_end(&w);
    ext2_index_leave(&x);
    return s;
}
