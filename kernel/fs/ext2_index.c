// SPDX-License-Identifier: MIT
//
// Hash indices of ext3's directories: which block has the entries of a name. Entries themselves are
// in ext2_dir.c and ext2_entry.c, the hashes in ext2_hash.c.
#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* The first block of an indexed directory has "." and "..", the root of the index, and nothing
 * else. The root's pairs of a hash and a block's number lead to blocks with entries (leaves), or to
 * nodes with more pairs. A pair's block has the names from its hash to that of the next pair. The
 * first pair has no hash: in its place are the number of pairs, and how many there may be. If the
 * lowest bit of a pair's hash is set, names with that hash are in the block before it, too.
 *
 * Readers that do not know the index see unused entries in the root and in nodes. So an index that
 * is malformed, or that is full, is not an error: E_FORMAT lets the caller search all blocks. */
enum {
    ROOT_INFO = 24, /* u32 0, u8 hash version, u8 length of this, u8 levels of nodes, u8 flags */
    ROOT_VERSION = ROOT_INFO + 4,
    ROOT_LENGTH = ROOT_INFO + 5,
    ROOT_LEVELS = ROOT_INFO + 6,
    ROOT_FLAGS = ROOT_INFO + 7,
    ROOT_PAIRS = 32,
    NODE_PAIRS = 8,
    PAIR = 8,
    DOT_LEN = 12,
    ENTRY_HEADER = 8,
    BLOCK_MASK = 0x0fffffff,
    LEVELS_MAX = 1, /* of nodes below the root */
};

/* Everything below runs under the lock of index.e, which the analysis cannot follow. */

/* A block with pairs on the way to a leaf. */
struct level {
    struct cache_page *page;
    uint8_t *block;
    uint8_t *pairs;
    uint32_t at; /* the chosen pair */
};

struct index {
    struct ext2 *e;
    struct ext2_node *dir;
    uint32_t version, hash; /* of the name */
    uint32_t depth;         /* of the last level */
    struct level levels[1 + LEVELS_MAX];
};

static uint32_t limit_of(const struct level *l)
{
    return load_le16(l->pairs);
}

static uint32_t count_of(const struct level *l)
{
    return load_le16(l->pairs + 2);
}

static void set_count(const struct level *l, uint32_t count)
{
    store_le16(l->pairs + 2, (uint16_t)count);
}

static uint32_t hash_at(const struct level *l, uint32_t i)
{
    return i == 0 ? 0 : load_le32(l->pairs + (size_t)i * PAIR);
}

static uint32_t block_at(const struct level *l, uint32_t i)
{
    return load_le32(l->pairs + (size_t)i * PAIR + 4) & BLOCK_MASK;
}

static void set_pair(const struct level *l, uint32_t i, uint32_t hash, uint32_t block)
{
    store_le32(l->pairs + (size_t)i * PAIR, hash);
    store_le32(l->pairs + (size_t)i * PAIR + 4, block);
}

static uint32_t pairs_max(const struct ext2 *e, uint32_t offset)
{
    return (e->block_size - offset) / PAIR;
}

/* ---- Searching ---- */

static void leave(struct index *x)
{
    for (uint32_t i = 0; i <= LEVELS_MAX; i++) {
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
static enum status pin_block(struct ext2 *e, const struct ext2_node *dir, uint32_t block,
                             struct cache_page **page, uint8_t **at) REQUIRES(e->lock)
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
static void choose_pair(const struct index *x, struct level *l)
{
    uint32_t low = 1, high = count_of(l);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (hash_at(l, middle) > x->hash) {
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
    return load_le16(block + 4) == DOT_LEN && block[6] == 1 &&
           load_le16(block + DOT_LEN + 4) == e->block_size - DOT_LEN && block[DOT_LEN + 6] == 2 &&
           load_le32(block + ROOT_INFO) == 0 && ext2_is_hash_known(block[ROOT_VERSION]) &&
           block[ROOT_LENGTH] == 8 && block[ROOT_LEVELS] <= LEVELS_MAX &&
           (block[ROOT_FLAGS] & 1) == 0;
}

static bool is_node_sound(const struct ext2 *e, const uint8_t *block)
{
    return load_le32(block) == 0 && load_le16(block + 4) == e->block_size;
}

/* Enter a block with pairs. */
static enum status enter(struct index *x, uint32_t depth, uint32_t block) NO_LOCK_ANALYSIS
{
    struct level *l = &x->levels[depth];
    uint32_t offset = depth == 0 ? ROOT_PAIRS : NODE_PAIRS;
    enum status s = pin_block(x->e, x->dir, block, &l->page, &l->block);
    if (s != OK) {
        return s;
    }
    l->pairs = l->block + offset;
    bool is_sound = depth == 0 ? is_root_sound(x->e, l->block) : is_node_sound(x->e, l->block);
    /* metadata_csum has a checksum in the place of the last pair. */
    bool fits =
        limit_of(l) <= pairs_max(x->e, offset) && count_of(l) != 0 && count_of(l) <= limit_of(l);
    return is_sound && fits ? OK : E_FORMAT;
}

/* Find the leaf of a name. After OK the levels are pinned. */
static enum status probe(struct index *x, struct ext2 *e, struct ext2_node *dir, const char *name,
                         size_t len) REQUIRES(e->lock)
{
    *x = (struct index){.e = e, .dir = dir};
    enum status s = enter(x, 0, 0);
    if (s == OK) {
        x->version = x->levels[0].block[ROOT_VERSION];
        x->hash = ext2_hash(e, x->version, name, len);
        choose_pair(x, &x->levels[0]);
        x->depth = x->levels[0].block[ROOT_LEVELS];
    }
    for (uint32_t depth = 1; s == OK && depth <= x->depth; depth++) {
        s = enter(x, depth, block_at(&x->levels[depth - 1], x->levels[depth - 1].at));
        if (s == OK) {
            choose_pair(x, &x->levels[depth]);
        }
    }
    if (s != OK) {
        leave(x);
    }
    return s;
}

static uint32_t leaf_of(const struct index *x)
{
    return block_at(&x->levels[x->depth], x->levels[x->depth].at);
}

/* Go to the next leaf, if it may have names with the same hash. E_NOENT: it does not. Names with
 * one hash may fill more than one leaf. The lowest bit of a pair's hash says that it continues the
 * leaf before it; a comparison without that bit finds this. The walk goes up to the first level
 * with a further pair, and then down along the first pairs. Each level above keeps its page pinned,
 * so its pairs do not move meanwhile. */
static enum status next_leaf(struct index *x) NO_LOCK_ANALYSIS
{
    uint32_t depth = x->depth;
    while (x->levels[depth].at + 1 >= count_of(&x->levels[depth])) {
        if (depth == 0) {
            return E_NOENT;
        }
        depth--;
    }
    x->levels[depth].at++;
    if ((hash_at(&x->levels[depth], x->levels[depth].at) & ~1u) != x->hash) {
        return E_NOENT;
    }
    while (depth < x->depth) {
        uint32_t block = block_at(&x->levels[depth], x->levels[depth].at);
        depth++;
        page_cache_put(x->levels[depth].page);
        x->levels[depth] = (struct level){0};
        enum status s = enter(x, depth, block);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* Walk through one block's entries to one that fits. E_NOENT: there is none. */
static enum status walk_leaf(struct ext2_walk *w, uint32_t leaf, ext2_fits *fits, const void *ctx,
                             struct ext2_entry *out)
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
    struct index x;
    struct ext2_walk w;
    enum status s = probe(&x, e, (struct ext2_node *)(uintptr_t)dir, name, len);
    if (s != OK) {
        return s;
    }
    ext2_walk_start(&w, e, dir);
    do {
        s = walk_leaf(&w, leaf_of(&x), fits, ctx, out);
        if (s != E_NOENT) {
            break;
        }
        ext2_walk_end(&w);
        s = next_leaf(&x);
    } while (s == OK);
    ext2_walk_end(&w);
    leave(&x);
    return s;
}

/* ---- Growing ---- */

/* Insert a pair after the chosen one, in a level with room. */
static void insert_pair(struct index *x, uint32_t depth, uint32_t hash,
                        uint32_t block) NO_LOCK_ANALYSIS
{
    struct level *l = &x->levels[depth];
    uint32_t count = count_of(l);
    uint8_t *to = l->pairs + (size_t)(l->at + 1) * PAIR;
    memmove(to + PAIR, to, (size_t)(count - l->at - 1) * PAIR);
    set_pair(l, l->at + 1, hash, block);
    set_count(l, count + 1);
    ext2_changed_locked(x->e, l->page, l->block, true);
}

/* Move pairs from `first` on to a new node. The new node is complete before a pair leads to it.
 * With a journal all of this is one transaction anyway; without one a crash leaves a disk that
 * e2fsck has to check. */
static enum status move_pairs(struct index *x, const struct level *from, uint32_t first,
                              uint32_t *block) NO_LOCK_ANALYSIS
{
    struct level to = {0};
    enum status s = ext2_grow_directory_locked(x->e, x->dir, &to.page, &to.block, block);
    if (s != OK) {
        return s;
    }
    uint32_t count = count_of(from) - first;
    to.pairs = to.block + NODE_PAIRS;
    memcpy(to.pairs, from->pairs + (size_t)first * PAIR, (size_t)count * PAIR);
    store_le16(to.pairs, (uint16_t)pairs_max(x->e, NODE_PAIRS));
    set_count(&to, count);
    ext2_changed_locked(x->e, to.page, to.block, true);
    page_cache_put(to.page);
    return OK;
}

/* The root leads to leaves and is full: its pairs go to a node. A node has 8 bytes before its pairs
 * where the root has 32, so the pairs that filled the root leave room for three more in a node. The
 * first pair moves with its block only: its hash field has the counts, which are those of the new
 * node. A name is found in the same leaf before and after. */
static enum status add_level(struct index *x) NO_LOCK_ANALYSIS
{
    struct level *root = &x->levels[0];
    uint32_t block;
    enum status s = move_pairs(x, root, 0, &block);
    if (s == OK) {
        set_count(root, 1);
        store_le32(root->pairs + 4, block);
        root->block[ROOT_LEVELS]++;
        ext2_changed_locked(x->e, root->page, root->block, true);
    }
    return s;
}

/* The root gets the pair of the upper half. It needs room for that before anything is changed: with
 * LEVELS_MAX levels nothing above the root could be split. A node with one pair cannot be
 * halved. */
static enum status split_node(struct index *x) NO_LOCK_ANALYSIS
{
    struct level *node = &x->levels[x->depth];
    uint32_t half = count_of(node) / 2, block;
    if (half == 0 || count_of(&x->levels[0]) >= limit_of(&x->levels[0])) {
        return E_FORMAT; /* the index is full */
    }
    uint32_t hash = hash_at(node, half);
    enum status s = move_pairs(x, node, half, &block);
    if (s == OK) {
        set_count(node, half);
        ext2_changed_locked(x->e, node->page, node->block, true);
        insert_pair(x, 0, hash, block);
    }
    return s;
}

/* ---- Splitting a leaf ---- */

struct moved {
    uint32_t hash;
    uint16_t off, len; /* len: what its name needs */
};

static bool is_less(const void *a, const void *b)
{
    return ((const struct moved *)a)->hash < ((const struct moved *)b)->hash;
}

/* The block as it was, and its entries in use, sorted by hash. */
struct leaf {
    uint8_t *bytes;
    struct moved *entries;
    uint32_t count;
};

/* The lengths come from the disk and are checked as ext2_walk_next() does. Each entry has at least
 * ENTRY_HEADER bytes, so the array of split_leaf() has room for all of them. With fewer than two
 * entries no split makes room. */
static bool read_leaf(const struct index *x, struct leaf *leaf)
{
    uint32_t size = x->e->block_size;
    for (uint32_t at = 0; at < size;) {
        const uint8_t *p = leaf->bytes + at;
        uint32_t len = load_le16(p + 4), need = ALIGN_UP(ENTRY_HEADER + (uint32_t)p[6], 4u);
        if (len < ENTRY_HEADER || len % 4 != 0 || len > size - at) {
            return false;
        }
        if (load_le32(p) != 0) {
            if (need > len || p[6] == 0) {
                return false;
            }
            leaf->entries[leaf->count++] = (struct moved){
                .hash = ext2_hash(x->e, x->version, (const char *)p + ENTRY_HEADER, p[6]),
                .off = (uint16_t)at,
                .len = (uint16_t)need};
        }
        at += len;
    }
    sort_array(leaf->entries, leaf->count, sizeof(*leaf->entries), is_less);
    return leaf->count >= 2;
}

/* Write entries to a block, one after the other. From the copy in `leaf`, because `out` may be the
 * block that the copy was made of. The last entry takes the rest of the block. The entries fit,
 * because none needs a larger part of the block than it had. */
static void pack(const struct leaf *leaf, uint32_t first, uint32_t end, uint8_t *out, uint32_t size)
{
    uint32_t at = 0;
    for (uint32_t i = first; i < end; i++) {
        const struct moved *m = &leaf->entries[i];
        uint32_t len = i + 1 == end ? size - at : m->len;
        memcpy(out + at, leaf->bytes + m->off, m->len);
        store_le16(out + at + 4, (uint16_t)len);
        at += m->len;
    }
}

/* The first entry of the upper half, by size. Both halves have at least one. */
static uint32_t middle_of(const struct leaf *leaf, uint32_t size)
{
    uint32_t first = leaf->count - 1, bytes = leaf->entries[first].len;
    while (first > 1 && bytes + leaf->entries[first - 1].len / 2 <= size / 2) {
        bytes += leaf->entries[--first].len;
    }
    return first;
}

/* The index has room for one more leaf. The step that may fail, growing the directory, comes before
 * any byte of the leaf is changed. From then on nothing fails, so no error leaves a name in both
 * blocks or in none. `shuffles` tells listings in progress that names moved to another block
 * (ext2_dir.c). If the last name of the lower half and the first of the upper have the same hash,
 * the pair's lowest bit is set, and next_leaf() goes on there. */
static enum status split_copy(struct index *x, struct cache_page *page, uint8_t *at,
                              struct leaf *leaf) NO_LOCK_ANALYSIS
{
    struct cache_page *added;
    uint8_t *to;
    uint32_t block;
    uint32_t size = x->e->block_size;
    memcpy(leaf->bytes, at, size);
    if (!read_leaf(x, leaf)) {
        return E_FORMAT;
    }
    uint32_t first = middle_of(leaf, size);
    uint32_t hash = leaf->entries[first].hash;
    enum status s = ext2_grow_directory_locked(x->e, x->dir, &added, &to, &block);
    if (s != OK) {
        return s;
    }
    pack(leaf, first, leaf->count, to, size);
    pack(leaf, 0, first, at, size);
    ext2_changed_locked(x->e, added, to, true);
    ext2_changed_locked(x->e, page, at, true);
    page_cache_put(added);
    insert_pair(x, x->depth, hash | (leaf->entries[first - 1].hash == hash ? 1 : 0), block);
    x->dir->shuffles++;
    return OK;
}

static enum status split_leaf(struct index *x) NO_LOCK_ANALYSIS
{
    struct cache_page *page;
    uint8_t *at;
    struct leaf leaf = {.bytes = heap_alloc(x->e->block_size),
                        .entries =
                            heap_alloc(x->e->block_size / ENTRY_HEADER * sizeof(struct moved))};
    enum status s = leaf.bytes == NULL || leaf.entries == NULL
                        ? E_NOMEM
                        : pin_block(x->e, x->dir, leaf_of(x), &page, &at);
    if (s == OK) {
        s = split_copy(x, page, at, &leaf);
        page_cache_put(page);
    }
    heap_free(leaf.entries);
    heap_free(leaf.bytes);
    return s;
}

/* ---- Room for a name ---- */

/* Each step leaves an index that is complete, and probes again. Room: a split leaves more than a
 * third of each half, which is more than the longest name needs. */
static enum status make_room(struct index *x, const struct fs_name *at) NO_LOCK_ANALYSIS
{
    struct ext2 *e = x->e;
    struct ext2_node *dir = x->dir;
    enum status s = OK;
    if (count_of(&x->levels[x->depth]) >= limit_of(&x->levels[x->depth])) {
        s = x->depth == 0 ? add_level(x) : split_node(x);
        leave(x);
        s = s != OK ? s : probe(x, e, dir, at->text, at->len);
    }
    if (s == OK) {
        s = split_leaf(x);
        leave(x);
    }
    return s;
}

/* Two attempts are enough: make_room() leaves room in the leaf of this name. If it still has none,
 * names with one hash fill the leaf, and E_FORMAT makes the caller give up the index. */
enum status ext2_index_room_locked(struct ext2 *e, const struct fs_name *at, ext2_fits *fits,
                                   const void *ctx, struct ext2_walk *w, struct ext2_entry *out)
{
    struct index x;
    struct ext2_node *dir = ext2_node_of(at->dir);
    enum status s = E_NOENT;
    for (unsigned attempt = 0; s == E_NOENT && attempt < 2; attempt++) {
        s = probe(&x, e, dir, at->text, at->len);
        if (s != OK) {
            return s;
        }
        s = walk_leaf(w, leaf_of(&x), fits, ctx, out);
        if (s == E_NOENT && attempt == 0) {
            ext2_walk_end(w);
            s = make_room(&x, at);
            s = s == OK ? E_NOENT : s;
        }
        leave(&x);
    }
    return s == E_NOENT ? E_FORMAT : s;
}

/* ---- A new index ---- */

static void fill_root(const struct ext2 *e, uint8_t *block, uint32_t leaf)
{
    struct level root = {.block = block, .pairs = block + ROOT_PAIRS};
    store_le16(block + DOT_LEN + 4, (uint16_t)(e->block_size - DOT_LEN));
    memset(block + ROOT_INFO, 0, e->block_size - ROOT_INFO);
    block[ROOT_VERSION] = (uint8_t)e->hash_version;
    block[ROOT_LENGTH] = 8;
    store_le16(root.pairs, (uint16_t)pairs_max(e, ROOT_PAIRS));
    set_count(&root, 1);
    store_le32(root.pairs + 4, leaf);
}

/* True if a block begins with "." and "..", and other entries follow up to its end. */
static bool can_be_indexed(const struct ext2 *e, const uint8_t *block, uint32_t *last)
{
    bool is_usual = load_le16(block + 4) == DOT_LEN && block[6] == 1 && block[8] == '.' &&
                    block[DOT_LEN + 6] == 2 && memcmp(block + DOT_LEN + 8, "..", 2) == 0 &&
                    load_le16(block + DOT_LEN + 4) == DOT_LEN;
    uint32_t at = 2 * DOT_LEN;
    while (is_usual && at < e->block_size) {
        uint32_t len = load_le16(block + at + 4);
        if (len < ENTRY_HEADER || len % 4 != 0 || len > e->block_size - at) {
            return false;
        }
        *last = at;
        at += len;
    }
    return is_usual;
}

/* The entries after ".." move to a new block, the first leaf, and the first block becomes the root.
 * The leaf is filled from the block's old contents before fill_root() clears them. The flag in the
 * inode is set last; the caller stores the inode in the same operation, and so in the same
 * transaction. */
enum status ext2_make_index_locked(struct ext2 *e, struct ext2_node *dir)
{
    struct cache_page *page, *added;
    uint8_t *at, *to;
    uint32_t leaf, last = 0;
    if (!e->has_indices || dir->size != e->block_size) {
        return E_FORMAT;
    }
    enum status s = pin_block(e, dir, 0, &page, &at);
    if (s != OK) {
        return s;
    }
    s = can_be_indexed(e, at, &last) ? ext2_grow_directory_locked(e, dir, &added, &to, &leaf)
                                     : E_FORMAT;
    if (s == OK) {
        uint32_t moved = 2 * DOT_LEN;
        memcpy(to, at + moved, e->block_size - moved);
        store_le16(to + last - moved + 4, (uint16_t)(e->block_size - (last - moved)));
        memset(to + e->block_size - moved, 0, moved);
        fill_root(e, at, leaf);
        ext2_changed_locked(e, added, to, true);
        ext2_changed_locked(e, page, at, true);
        page_cache_put(added);
        dir->flags |= EXT2_FLAG_INDEXED;
        dir->shuffles++;
    }
    page_cache_put(page);
    return s;
}
