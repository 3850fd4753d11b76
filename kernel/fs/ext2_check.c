// SPDX-License-Identifier: MIT
//
// Checking an ext2 image: which blocks and inodes are in use, compared with the bitmaps and counts.
// ext2_check_tree.c compares the names with the inodes. Nothing is changed.
#include "kernel/fs/ext2_check.h"

#include "kernel/fs/ext2_node_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* As e2fsck does it: everything that uses a block marks it, and a block that is marked already has
 * two users. The lock is held all the time, so a mounted image does not change; the pages of the
 * cache have its latest state. */
enum {
    SPARSE_SUPER = 0x1,
    CHECKED_FEATURES = 0x3, /* sparse_super, large_file */
    STATE_CLEAN = 1,
    INODE_READ = 128,
    ATTRIBUTES_MAGIC = 0xea020000u,
    MODE_TYPE = 0170000,
    MODE_FIFO = 0010000,
    MODE_SOCKET = 0140000,
    RESIZE_INODE = 7,
};

/* Offsets in an inode. */
enum {
    I_MODE = 0,
    I_SIZE = 4,
    I_NEXT_ORPHAN = 20,
    I_LINKS = 26,
    I_BLOCKS = 28,
    I_POINTERS = 40,
    I_ATTRIBUTES = 104,
    I_SIZE_HIGH = 108,
};

/** The blocks of one inode. */
struct owner {
    uint32_t inode;
    uint64_t blocks; /* with those of tables and attributes */
    uint64_t end;    /* index after the last block of the contents */
};

/* `blocks` is a bitmap of the whole image, made by this check; it is compared with the image's own
 * bitmaps at the end. Numbers are checked before they are marked, so the index is inside. */
static bool mark(struct ext2_check *c, uint32_t block)
{
    bool is_new = !ext2_check_bit(c->blocks, block);
    ext2_check_set(c->blocks, block);
    return is_new;
}

/* ---- Blocks of the file system itself ---- */

static bool is_power_of(uint32_t n, uint32_t base)
{
    while (n > 1 && n % base == 0) {
        n /= base;
    }
    return n == 1;
}

/* With sparse_super few groups have a copy of the superblock and the descriptors. */
static bool has_super(const struct ext2 *e, uint32_t group)
{
    return (e->ro_compat & SPARSE_SUPER) == 0 || group <= 1 || is_power_of(group, 3) ||
           is_power_of(group, 5) || is_power_of(group, 7);
}

static void mark_own(struct ext2_check *c, uint32_t group, uint32_t block, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((block + i == 0 || !ext2_is_block_sound(c->e, block + i)) &&
            block + i != c->e->first_block) {
            fs_check_fault(c->out, "group %u: block %u is outside of the image", group, block + i);
        } else if (!mark(c, block + i)) {
            fs_check_fault(c->out, "group %u: block %u is used twice", group, block + i);
        }
    }
}

static enum status mark_group_locked(struct ext2_check *c, uint32_t group) REQUIRES(c->e->lock)
{
    struct ext2 *e = c->e;
    struct ext2_group g;
    enum status s = ext2_read_group_locked(c->e, group, &g);
    if (s != OK) {
        return s;
    }
    if (has_super(e, group)) {
        uint64_t bytes = (uint64_t)e->group_count * e->descriptor_size;
        uint32_t blocks = 1 + (uint32_t)((bytes + e->block_size - 1) >> e->block_shift);
        mark_own(c, group, g.first, MIN(blocks, g.blocks));
    }
    uint64_t bytes = (uint64_t)e->inodes_per_group * e->inode_size;
    mark_own(c, group, g.block_bitmap, 1);
    mark_own(c, group, g.inode_bitmap, 1);
    mark_own(c, group, g.inode_table, (uint32_t)((bytes + e->block_size - 1) >> e->block_shift));
    return OK;
}

/* ---- Blocks of files ---- */

static enum status visit_locked(struct ext2_check *c, struct owner *o, uint32_t block,
                                uint32_t depth, uint64_t index) REQUIRES(c->e->lock);

/* A table that is reached twice is reported by visit_locked() and not entered again. So the walk
 * visits each block once at most, however the tables refer to each other. */
static enum status visit_table_locked(struct ext2_check *c, struct owner *o, uint32_t table,
                                      uint32_t depth, uint64_t index) REQUIRES(c->e->lock)
{
    struct ext2 *e = c->e;
    struct cache_page *page;
    uint32_t shift = e->block_shift - 2;
    uint64_t byte = ext2_byte_of(e, table);
    enum status s = page_cache_get(e->cache, byte, 0, &page);
    if (s != OK) {
        return s;
    }
    const uint8_t *numbers = page->bytes + byte % CACHE_PAGE;
    for (uint32_t i = 0; i < 1u << shift && s == OK; i++) {
        s = visit_locked(c, o, load_le32(numbers + (size_t)i * 4), depth - 1,
                         index + ((uint64_t)i << (depth - 1) * shift));
    }
    page_cache_put(page);
    return s;
}

/* Calls itself at most three times, once for each depth of tables. */
static enum status visit_locked(struct ext2_check *c, struct owner *o, uint32_t block,
                                uint32_t depth, uint64_t index)
{
    if (block == 0) {
        return OK;
    }
    if (!ext2_is_block_sound(c->e, block)) {
        fs_check_fault(c->out, "inode %u: block %u is outside of the image", o->inode, block);
        return OK;
    }
    if (!mark(c, block)) {
        fs_check_fault(c->out, "inode %u: block %u is used twice", o->inode, block);
        return OK;
    }
    o->blocks++;
    if (depth == 0) {
        o->end = MAX(o->end, index + 1);
        return OK;
    }
    return visit_table_locked(c, o, block, depth, index);
}

static enum status visit_pointers_locked(struct ext2_check *c, struct owner *o, const uint8_t *raw)
    REQUIRES(c->e->lock)
{
    const uint8_t *pointers = raw + I_POINTERS;
    uint32_t shift = c->e->block_shift - 2;
    uint64_t index = 0;
    enum status s = OK;
    for (uint32_t i = 0; i < EXT2_POINTERS && s == OK; i++) {
        uint32_t depth = i < EXT2_DIRECT ? 0 : i - EXT2_DIRECT + 1;
        s = visit_locked(c, o, load_le32(pointers + (size_t)i * 4), depth, index);
        index += UINT64_C(1) << depth * shift;
    }
    return s;
}

/* Files with equal attributes may share a block of them. */
static enum status visit_attributes_locked(struct ext2_check *c, struct owner *o, uint32_t block)
    REQUIRES(c->e->lock)
{
    uint8_t magic[4];
    if (block == 0) {
        return OK;
    }
    o->blocks++;
    if (!ext2_is_block_sound(c->e, block)) {
        fs_check_fault(c->out, "inode %u: the block %u of attributes is outside of the image",
                       o->inode, block);
        return OK;
    }
    enum status s =
        page_cache_copy(c->e->cache, ext2_byte_of(c->e, block), magic, sizeof(magic), 0);
    if (s == OK && load_le32(magic) != ATTRIBUTES_MAGIC) {
        fs_check_fault(c->out, "inode %u: block %u has no attributes", o->inode, block);
    }
    if (!ext2_check_bit(c->shared, block) && !mark(c, block)) {
        fs_check_fault(c->out, "inode %u: block %u is used twice", o->inode, block);
    }
    ext2_check_set(c->shared, block);
    return s;
}

/* ---- Inodes ---- */

/* Mark the inodes in the list of orphans of a writable image. Open files without a name are in it,
 * and those for which there was no memory when they were to be deleted. */
static enum status mark_orphans_locked(struct ext2_check *c) REQUIRES(c->e->lock)
{
    struct ext2 *e = c->e;
    uint32_t inode = e->disk.is_writable && e->journal_inode != 0 ? e->first_orphan : 0;
    while (inode != 0) {
        uint8_t next[4];
        uint64_t at;
        if (inode < e->first_inode || inode > e->inode_count || ext2_check_bit(c->orphans, inode)) {
            fs_check_fault(c->out, "the list of deleted files is wrong at inode %u", inode);
            return OK;
        }
        ext2_check_set(c->orphans, inode);
        enum status s = ext2_locate_inode_locked(c->e, inode, &at);
        s = s != OK ? s : page_cache_copy(e->cache, at + I_NEXT_ORPHAN, next, sizeof(next), 0);
        if (s != OK) {
            return s;
        }
        inode = load_le32(next);
    }
    return OK;
}

/* An open file whose last name was removed, or an orphan. */
static bool is_nameless_locked(const struct ext2_check *c, uint32_t inode) REQUIRES(c->e->lock)
{
    const struct ext2_node *n = ext2_nodes_find(&c->e->nodes, inode);
    return (n != NULL && n->links == 0 && !n->is_deleted) || ext2_check_bit(c->orphans, inode);
}

static void check_size(struct ext2_check *c, const struct owner *o, const uint8_t *raw)
{
    uint32_t mode = load_le16(raw + I_MODE);
    uint64_t size = load_le32(raw + I_SIZE), mask = c->e->block_size - 1;
    uint64_t noted = load_le32(raw + I_BLOCKS), found = o->blocks * (c->e->block_size / 512);
    if (ext2_type_of(mode) == FILE_REGULAR) {
        size |= (uint64_t)load_le32(raw + I_SIZE_HIGH) << 32;
    }
    if (noted != found) {
        fs_check_fault(c->out, "inode %u: it has %llu blocks of 512 bytes, and %llu are noted",
                       o->inode, (unsigned long long)found, (unsigned long long)noted);
    }
    if (o->end > (size + mask) >> c->e->block_shift && o->inode != RESIZE_INODE) {
        fs_check_fault(c->out, "inode %u: it has blocks after its end", o->inode);
    }
}

static bool is_known_type(uint32_t mode)
{
    mode &= MODE_TYPE;
    return ext2_type_of(mode) != FILE_OTHER || mode == MODE_FIFO || mode == MODE_SOCKET;
}

/* A link's target may be in place of the block numbers. */
static bool has_pointers(const struct ext2 *e, const uint8_t *raw, uint32_t inode)
{
    enum file_type type = ext2_type_of(load_le16(raw + I_MODE));
    bool has_attributes = load_le32(raw + I_ATTRIBUTES) != 0;
    bool is_fast_link = type == FILE_SYMLINK &&
                        load_le32(raw + I_BLOCKS) == (has_attributes ? e->block_size / 512 : 0);
    return type == FILE_REGULAR || type == FILE_DIRECTORY || inode < e->first_inode ||
           (type == FILE_SYMLINK && !is_fast_link);
}

static enum status visit_inode_locked(struct ext2_check *c, uint32_t inode, const uint8_t *raw)
    REQUIRES(c->e->lock)
{
    struct owner o = {.inode = inode};
    uint32_t mode = load_le16(raw + I_MODE);
    bool is_reserved = inode < c->e->first_inode && inode != EXT2_ROOT_INODE;
    enum status s = OK;
    if (!is_reserved && !is_known_type(mode)) {
        fs_check_fault(c->out, "inode %u: unknown type (mode %o)", inode, mode);
    }
    if (has_pointers(c->e, raw, inode)) {
        s = visit_pointers_locked(c, &o, raw);
    }
    s = s != OK ? s : visit_attributes_locked(c, &o, load_le32(raw + I_ATTRIBUTES));
    check_size(c, &o, raw);
    if (ext2_type_of(mode) == FILE_DIRECTORY) {
        ext2_check_set(c->directories, inode);
        c->out->directories++;
    } else if (!is_reserved) {
        c->out->files++;
    }
    return s;
}

static enum status visit_inodes_locked(struct ext2_check *c, uint32_t group) REQUIRES(c->e->lock)
{
    struct ext2 *e = c->e;
    struct ext2_group g;
    uint32_t first = group * e->inodes_per_group + 1;
    enum status s = ext2_read_group_locked(c->e, group, &g);
    for (uint32_t i = 0; i < e->inodes_per_group && first + i <= e->inode_count && s == OK; i++) {
        uint8_t raw[INODE_READ];
        uint32_t inode = first + i;
        uint64_t at = ext2_byte_of(e, g.inode_table) + (uint64_t)i * e->inode_size;
        s = page_cache_copy(e->cache, at, raw, sizeof(raw),
                            (uint64_t)(e->inodes_per_group - i) * e->inode_size);
        bool is_reserved = inode < e->first_inode && inode != EXT2_ROOT_INODE;
        bool is_nameless = is_nameless_locked(c, inode);
        c->links[inode] = load_le16(raw + I_LINKS);
        if (s == OK && (c->links[inode] != 0 || is_reserved || is_nameless)) {
            ext2_check_set(c->inodes, inode);
            s = visit_inode_locked(c, inode, raw);
        }
        c->names[inode] = is_nameless || is_reserved ? c->links[inode] : 0;
    }
    return s;
}

/* ---- Bitmaps and counts ---- */

/** A bitmap on the disk, and its bits' numbers in ours. */
struct bitmap {
    const char *what;
    uint32_t block, first, count, noted_free;
};

static enum status compare_locked(struct ext2_check *c, uint32_t group, const struct bitmap *b,
                                  const uint8_t *used, uint32_t *total) REQUIRES(c->e->lock)
{
    struct cache_page *page;
    uint64_t at = ext2_byte_of(c->e, b->block);
    uint32_t missing = 0, extra = 0, unused = 0;
    if (b->block == 0 || !ext2_is_block_sound(c->e, b->block)) {
        return OK; /* reported with its group */
    }
    enum status s = page_cache_get(c->e->cache, at, 0, &page);
    if (s != OK) {
        return s;
    }
    const uint8_t *bits = page->bytes + at % CACHE_PAGE;
    for (uint32_t i = 0; i < b->count; i++) {
        bool is_used = ext2_check_bit(used, b->first + i), is_marked = ext2_check_bit(bits, i);
        missing += is_used && !is_marked;
        extra += is_marked && !is_used;
        unused += !is_used;
    }
    page_cache_put(page);
    if (missing != 0) {
        fs_check_fault(c->out, "group %u: %u %s are in use, but marked as free", group, missing,
                       b->what);
    }
    if (extra != 0) {
        fs_check_fault(c->out, "group %u: %u %s are marked as used, but nothing uses them", group,
                       extra, b->what);
    }
    if (unused != b->noted_free) {
        fs_check_fault(c->out, "group %u: %u %s are free, and %u are noted", group, unused, b->what,
                       b->noted_free);
    }
    *total += unused;
    return OK;
}

static enum status compare_group_locked(struct ext2_check *c, uint32_t group, uint32_t *blocks,
                                        uint32_t *inodes) REQUIRES(c->e->lock)
{
    struct ext2 *e = c->e;
    struct ext2_group g;
    uint32_t first = group * e->inodes_per_group + 1;
    enum status s = ext2_read_group_locked(c->e, group, &g);
    if (s != OK) {
        return s;
    }
    struct bitmap b = {"blocks", g.block_bitmap, g.first, g.blocks, g.free_blocks};
    struct bitmap i = {"inodes", g.inode_bitmap, first,
                       MIN(e->inodes_per_group, e->inode_count - MIN(first - 1, e->inode_count)),
                       g.free_inodes};
    s = compare_locked(c, group, &b, c->blocks, blocks);
    return s != OK ? s : compare_locked(c, group, &i, c->inodes, inodes);
}

static void compare_total(struct ext2_check *c, const char *what, uint32_t found, uint32_t noted)
{
    if (found != noted) {
        fs_check_fault(c->out, "superblock: %u %s are free, and %u are noted", found, what, noted);
    }
}

static enum status compare_all_locked(struct ext2_check *c) REQUIRES(c->e->lock)
{
    struct ext2 *e = c->e;
    uint32_t blocks = 0, inodes = 0;
    enum status s = OK;
    for (uint32_t group = 0; group < e->group_count && s == OK; group++) {
        s = compare_group_locked(c, group, &blocks, &inodes);
    }
    if (s == OK) {
        compare_total(c, "blocks", blocks, e->free_blocks);
        compare_total(c, "inodes", inodes, e->free_inodes);
        c->out->total = e->block_count - e->first_block;
        c->out->used = c->out->total - blocks;
    }
    return s;
}

/* ---- All of it ---- */

/* A descriptor that cannot be used ends the check: everything after it would be wrong. */
static enum status check_locked(struct ext2_check *c) REQUIRES(c->e->lock)
{
    struct ext2 *e = c->e;
    enum status s = OK;
    if (!e->disk.is_writable && ((e->state & STATE_CLEAN) == 0 || e->needs_recovery)) {
        fs_check_fault(c->out, "it was not unmounted%s",
                       e->needs_recovery ? ": its journal is to be replayed" : "");
    }
    if ((e->state & EXT2_STATE_ERRORS) != 0) {
        fs_check_fault(c->out, "it is marked as having errors");
    }
    for (uint32_t group = 0; group < e->group_count && s == OK; group++) {
        s = mark_group_locked(c, group);
        if (s == E_CORRUPT) {
            fs_check_fault(c->out, "group %u: its inodes are outside of the image", group);
            return OK;
        }
    }
    s = s != OK ? s : mark_orphans_locked(c);
    for (uint32_t group = 0; group < e->group_count && s == OK; group++) {
        s = visit_inodes_locked(c, group);
    }
    s = s != OK ? s : ext2_check_tree_locked(c);
    return s != OK ? s : compare_all_locked(c);
}

/* One allocation: bitmaps of blocks, bitmaps of inodes, and the counts. */
static enum status allocate(struct ext2_check *c, void **memory)
{
    size_t blocks = ALIGN_UP((size_t)c->e->block_count / 8 + 1, (size_t)8);
    size_t inodes = (size_t)c->e->inode_count + 1, bits = ALIGN_UP(inodes / 8 + 1, (size_t)8);
    uint8_t *p = heap_zalloc(2 * blocks + 5 * bits + 2 * inodes * sizeof(uint16_t));
    if (p == NULL) {
        return E_NOMEM;
    }
    *memory = p;
    c->blocks = p;
    c->shared = c->blocks + blocks;
    c->inodes = c->shared + blocks;
    c->directories = c->inodes + bits;
    c->pending = c->directories + bits;
    c->reached = c->pending + bits;
    c->orphans = c->reached + bits;
    c->links = (uint16_t *)(void *)(c->orphans + bits);
    c->names = c->links + inodes;
    return OK;
}

static enum status check_all(struct fs *fs, struct fs_check *out)
{
    struct ext2 *e = CONTAINER_OF(fs, struct ext2, fs);
    struct ext2_check c = {.e = e, .out = out};
    void *memory;
    enum status s = allocate(&c, &memory);
    if (s != OK) {
        return s;
    }
    mutex_lock(&c.e->lock);
    s = ext2_is_ext4(e) || (e->ro_compat & ~(uint32_t)CHECKED_FEATURES) != 0 ? E_NOTSUP
                                                                             : check_locked(&c);
    mutex_unlock(&c.e->lock);
    heap_free(memory);
    return s;
}

void ext2_enable_check(void)
{
    ext2_set_check(check_all);
}
