// SPDX-License-Identifier: MIT
//
// Hash indices of directories that grow: new ones, split blocks, new levels. In ext2w.ko
// (ext2_writing.h).
#include "kernel/fs/ext2_index_internal.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* ---- Growing ---- */

/* Insert a pair after the chosen one, in a level with room. */
static void insert_pair(struct ext2_index *x, uint32_t depth, uint32_t hash,
                        uint32_t block) NO_LOCK_ANALYSIS
{
    struct ext2_level *l = &x->levels[depth];
    uint32_t count = ext2_pairs_count(l);
    uint8_t *to = l->pairs + (size_t)(l->at + 1) * EXT2_PAIR;
    memmove(to + EXT2_PAIR, to, (size_t)(count - l->at - 1) * EXT2_PAIR);
    ext2_pair_set(l, l->at + 1, hash, block);
    ext2_pairs_set_count(l, count + 1);
    ext2_changed_locked(x->e, l->page, l->block, true);
}

/* Move pairs from `first` on to a new node. The new node is complete before a pair leads to it.
 * With a journal all of this is one transaction anyway; without one a crash leaves a disk that
 * e2fsck has to check. */
static enum status move_pairs(struct ext2_index *x, const struct ext2_level *from, uint32_t first,
                              uint32_t *block) NO_LOCK_ANALYSIS
{
    struct ext2_level to = {0};
    enum status s = ext2_grow_directory_locked(x->e, x->dir, &to.page, &to.block, block);
    if (s != OK) {
        return s;
    }
    uint32_t count = ext2_pairs_count(from) - first;
    to.pairs = to.block + EXT2_NODE_PAIRS;
    memcpy(to.pairs, from->pairs + (size_t)first * EXT2_PAIR, (size_t)count * EXT2_PAIR);
    store_le16(to.pairs, (uint16_t)ext2_pairs_max(x->e, EXT2_NODE_PAIRS));
    ext2_pairs_set_count(&to, count);
    ext2_changed_locked(x->e, to.page, to.block, true);
    page_cache_put(to.page);
    return OK;
}

/* The root leads to leaves and is full: its pairs go to a node. A node has 8 bytes before its pairs
 * where the root has 32, so the pairs that filled the root leave room for three more in a node. The
 * first pair moves with its block only: its hash field has the counts, which are those of the new
 * node. A name is found in the same leaf before and after. */
static enum status add_level(struct ext2_index *x) NO_LOCK_ANALYSIS
{
    struct ext2_level *root = &x->levels[0];
    uint32_t block;
    enum status s = move_pairs(x, root, 0, &block);
    if (s == OK) {
        ext2_pairs_set_count(root, 1);
        store_le32(root->pairs + 4, block);
        root->block[EXT2_ROOT_LEVELS]++;
        ext2_changed_locked(x->e, root->page, root->block, true);
    }
    return s;
}

/* The root gets the pair of the upper half. It needs room for that before anything is changed: with
 * EXT2_LEVELS_MAX levels nothing above the root could be split. A node with one pair cannot be
 * halved. */
static enum status split_node(struct ext2_index *x) NO_LOCK_ANALYSIS
{
    struct ext2_level *node = &x->levels[x->depth];
    uint32_t half = ext2_pairs_count(node) / 2, block;
    if (half == 0 || ext2_pairs_count(&x->levels[0]) >= ext2_pairs_limit(&x->levels[0])) {
        return E_FORMAT; /* the index is full */
    }
    uint32_t hash = ext2_pair_hash(node, half);
    enum status s = move_pairs(x, node, half, &block);
    if (s == OK) {
        ext2_pairs_set_count(node, half);
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
 * EXT2_ENTRY_HEADER bytes, so the array of split_leaf() has room for all of them. With fewer than
 * two entries no split makes room. */
static bool read_leaf(const struct ext2_index *x, struct leaf *leaf)
{
    uint32_t size = x->e->block_size;
    for (uint32_t at = 0; at < size;) {
        const uint8_t *p = leaf->bytes + at;
        uint32_t len = load_le16(p + 4), need = ALIGN_UP(EXT2_ENTRY_HEADER + (uint32_t)p[6], 4u);
        if (len < EXT2_ENTRY_HEADER || len % 4 != 0 || len > size - at) {
            return false;
        }
        if (load_le32(p) != 0) {
            if (need > len || p[6] == 0) {
                return false;
            }
            leaf->entries[leaf->count++] = (struct moved){
                .hash = ext2_hash(x->e, x->version, (const char *)p + EXT2_ENTRY_HEADER, p[6]),
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
static enum status split_copy(struct ext2_index *x, struct cache_page *page, uint8_t *at,
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

static enum status split_leaf(struct ext2_index *x) NO_LOCK_ANALYSIS
{
    struct cache_page *page;
    uint8_t *at;
    struct leaf leaf = {
        .bytes = heap_alloc(x->e->block_size),
        .entries = heap_alloc(x->e->block_size / EXT2_ENTRY_HEADER * sizeof(struct moved))};
    enum status s = leaf.bytes == NULL || leaf.entries == NULL
                        ? E_NOMEM
                        : ext2_index_pin(x->e, x->dir, ext2_index_leaf(x), &page, &at);
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
static enum status make_room(struct ext2_index *x, const struct fs_name *at) NO_LOCK_ANALYSIS
{
    struct ext2 *e = x->e;
    struct ext2_node *dir = x->dir;
    enum status s = OK;
    if (ext2_pairs_count(&x->levels[x->depth]) >= ext2_pairs_limit(&x->levels[x->depth])) {
        s = x->depth == 0 ? add_level(x) : split_node(x);
        ext2_index_leave(x);
        s = s != OK ? s : ext2_index_probe(x, e, dir, at->text, at->len);
    }
    if (s == OK) {
        s = split_leaf(x);
        ext2_index_leave(x);
    }
    return s;
}

/* Two attempts are enough: make_room() leaves room in the leaf of this name. If it still has none,
 * names with one hash fill the leaf, and E_FORMAT makes the caller give up the index. */
enum status ext2_index_room_locked(struct ext2 *e, const struct fs_name *at, ext2_fits *fits,
                                   const void *ctx, struct ext2_walk *w, struct ext2_entry *out)
{
    struct ext2_index x;
    struct ext2_node *dir = ext2_node_of(at->dir);
    enum status s = E_NOENT;
    for (unsigned attempt = 0; s == E_NOENT && attempt < 2; attempt++) {
        s = ext2_index_probe(&x, e, dir, at->text, at->len);
        if (s != OK) {
            return s;
        }
        s = ext2_index_walk_leaf(w, ext2_index_leaf(&x), fits, ctx, out);
        if (s == E_NOENT && attempt == 0) {
            ext2_walk_end(w);
            s = make_room(&x, at);
            s = s == OK ? E_NOENT : s;
        }
        ext2_index_leave(&x);
    }
    return s == E_NOENT ? E_FORMAT : s;
}

/* ---- A new index ---- */

static void fill_root(const struct ext2 *e, uint8_t *block, uint32_t leaf)
{
    struct ext2_level root = {.block = block, .pairs = block + EXT2_ROOT_PAIRS};
    store_le16(block + EXT2_DOT_LEN + 4, (uint16_t)(e->block_size - EXT2_DOT_LEN));
    memset(block + EXT2_ROOT_INFO, 0, e->block_size - EXT2_ROOT_INFO);
    block[EXT2_ROOT_VERSION] = (uint8_t)e->hash_version;
    block[EXT2_ROOT_LENGTH] = 8;
    store_le16(root.pairs, (uint16_t)ext2_pairs_max(e, EXT2_ROOT_PAIRS));
    ext2_pairs_set_count(&root, 1);
    store_le32(root.pairs + 4, leaf);
}

/* True if a block begins with "." and "..", and other entries follow up to its end. */
static bool can_be_indexed(const struct ext2 *e, const uint8_t *block, uint32_t *last)
{
    bool is_usual = load_le16(block + 4) == EXT2_DOT_LEN && block[6] == 1 && block[8] == '.' &&
                    block[EXT2_DOT_LEN + 6] == 2 &&
                    memcmp(block + EXT2_DOT_LEN + 8, "..", 2) == 0 &&
                    load_le16(block + EXT2_DOT_LEN + 4) == EXT2_DOT_LEN;
    uint32_t at = 2 * EXT2_DOT_LEN;
    while (is_usual && at < e->block_size) {
        uint32_t len = load_le16(block + at + 4);
        if (len < EXT2_ENTRY_HEADER || len % 4 != 0 || len > e->block_size - at) {
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
    enum status s = ext2_index_pin(e, dir, 0, &page, &at);
    if (s != OK) {
        return s;
    }
    s = can_be_indexed(e, at, &last) ? ext2_grow_directory_locked(e, dir, &added, &to, &leaf)
                                     : E_FORMAT;
    if (s == OK) {
        uint32_t moved = 2 * EXT2_DOT_LEN;
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
