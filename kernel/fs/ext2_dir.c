// SPDX-License-Identifier: MIT
//
// Directories of ext2: entries in blocks, read sequentially. The blocks of a hash index look like
// blocks with unused entries then. ext2_index.c finds names by it, ext2_entry.c changes it.
#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* A listing's cookie is the byte at which it goes on. An entry that is removed becomes part of the
 * one before it, so a cookie may come to be inside an entry: read_dir() then looks for the next
 * entry from the start of the block. If a block was split since, entries of it may be before the
 * cookie that were not listed: all of that block is listed again. Upper bits of the cookie tell. */
#define COOKIE_SHIFT 32

enum {
    ENTRY_HEADER = 8, /* u32 inode, u16 length of the entry, u8 length of the name, u8 type */
};

void ext2_walk_start(struct ext2_walk *w, struct ext2 *e, const struct ext2_node *dir)
{
    *w = (struct ext2_walk){.e = e, .dir = dir, .previous = UINT64_MAX};
}

void ext2_walk_end(struct ext2_walk *w)
{
    if (w->page != NULL) {
        page_cache_put(w->page);
        w->page = NULL;
    }
}

/* Pin the block that contains w->off. Directories have no holes. */
static enum status enter_block(struct ext2_walk *w) NO_LOCK_ANALYSIS
{
    struct ext2 *e = w->e;
    struct ext2_run run;
    uint64_t first = w->off >> e->block_shift;
    uint64_t left = (w->dir->size >> e->block_shift) - first;
    ext2_walk_end(w);
    enum status s = ext2_find_run_locked(e, w->dir, first,
                                         (uint32_t)MIN(left, (uint64_t)CACHE_AHEAD_MAX), &run);
    if (s != OK) {
        return s;
    }
    if (run.block == 0) {
        return E_CORRUPT;
    }
    uint64_t byte = ext2_byte_of(e, run.block);
    uint64_t ahead = MAX(ext2_byte_of(e, run.count), (uint64_t)EXT2_AHEAD);
    s = page_cache_get(e->cache, byte, ahead, &w->page);
    if (s == OK) {
        w->block = w->page->bytes + byte % CACHE_PAGE;
        w->previous = UINT64_MAX;
        s = ext2_check_directory(e, w->dir, first, w->page, w->block);
    }
    return s;
}

/* Every length is checked against the block's end, so a search never leaves the block. The name's
 * bytes are checked only when they are listed. */
static bool read_entry(const struct ext2 *e, const uint8_t *block, uint32_t at,
                       struct ext2_entry *out)
{
    uint32_t left = e->block_size - at;
    const uint8_t *p = block + at;
    if (left < ENTRY_HEADER) {
        return false;
    }
    out->inode = load_le32(p);
    out->len = load_le16(p + 4);
    out->name_len = p[6];
    out->type = e->has_file_types ? p[7] : 0;
    out->name = (const char *)p + ENTRY_HEADER;
    if (out->len < ENTRY_HEADER || out->len % 4 != 0 || out->len > left ||
        out->name_len > out->len - ENTRY_HEADER) {
        return false;
    }
    if (!e->has_file_types && p[7] != 0) {
        return false; /* then this is the upper half of the name's length */
    }
    return out->inode == 0 || out->name_len != 0;
}

enum status ext2_walk_next(struct ext2_walk *w, struct ext2_entry *out)
{
    uint32_t inside = (uint32_t)w->off & (w->e->block_size - 1);
    if (w->off >= w->dir->size) {
        return E_NOENT;
    }
    if (inside == 0 || w->page == NULL) {
        enum status s = enter_block(w);
        if (s != OK) {
            return s;
        }
    }
    if (!read_entry(w->e, w->block, inside, out)) {
        return E_CORRUPT;
    }
    out->off = w->off;
    out->previous = w->previous;
    w->previous = w->off;
    w->off += out->len;
    return OK;
}

enum status ext2_walk_to(struct ext2_walk *w, uint64_t end, ext2_fits *fits, const void *ctx,
                         struct ext2_entry *out)
{
    while (w->off < end) {
        enum status s = ext2_walk_next(w, out);
        if (s != OK || fits(out, ctx)) {
            return s;
        }
    }
    return E_NOENT;
}

/* Most programs use the names of a directory in the order of its entries, so the next one is often
 * in the block of the last one. From the first block on, n searches would read n * n / 2 entries. A
 * malformed block must not hide the blocks before it. */
enum status ext2_walk_around(struct ext2_walk *w, uint32_t *start, ext2_fits *fits, const void *ctx,
                             struct ext2_entry *out)
{
    uint64_t from = *start < w->dir->size ? *start : 0;
    w->off = from;
    enum status s = ext2_walk_to(w, w->dir->size, fits, ctx, out);
    if (s != OK && from != 0) {
        w->off = 0;
        enum status before = ext2_walk_to(w, from, fits, ctx, out);
        s = before == E_NOENT ? s : before;
    }
    if (s == OK) {
        *start = (uint32_t)ALIGN_DOWN(out->off, (uint64_t)w->e->block_size);
    }
    return s;
}

struct wanted {
    const char *name;
    size_t len;
};

static bool has_name(const struct ext2_entry *entry, const void *ctx)
{
    const struct wanted *w = ctx;
    return entry->inode != 0 && entry->name_len == w->len &&
           memcmp(entry->name, w->name, w->len) == 0;
}

/* In all blocks. */
static enum status search_locked(struct ext2 *e, struct ext2_node *dir, const struct wanted *wanted,
                                 struct ext2_entry *out) REQUIRES(e->lock)
{
    struct ext2_walk w;
    ext2_walk_start(&w, e, dir);
    enum status s = ext2_walk_around(&w, &dir->found_at, has_name, wanted, out);
    ext2_walk_end(&w);
    return s;
}

static bool is_dot(const char *name, size_t len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

enum status ext2_find_entry_locked(struct ext2 *e, struct ext2_node *dir, const char *name,
                                   size_t len, struct ext2_entry *out)
{
    struct wanted wanted = {name, len};
    struct ext2_entry entry;
    bool is_indexed = (dir->flags & EXT2_FLAG_INDEXED) != 0 && !is_dot(name, len);
    enum status s = is_indexed
                        ? ext2_index_find_locked(e, dir, name, len, has_name, &wanted, &entry)
                        : E_FORMAT;
    if (s == E_FORMAT) {
        s = search_locked(e, dir, &wanted, &entry);
    }
    if (s == OK) {
        entry.name = NULL;
        *out = entry;
    }
    return s;
}

/* ---- Looking up ---- */

enum status ext2_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    struct ext2 *e = ext2_of(dir);
    struct ext2_entry entry;
    struct ext2_node *n;
    mutex_lock(&e->lock);
    enum status s = ext2_find_entry_locked(e, ext2_node_of(dir), name, len, &entry);
    if (s == E_NOENT) {
        name_cache_add(&e->names, dir, name, &name_absent);
    }
    s = s != OK ? s : ext2_get_node_locked(e, entry.inode, &n);
    if (s == OK) {
        name_cache_add(&e->names, dir, name, &n->node);
        *out = &n->node;
    }
    mutex_unlock(&e->lock);
    return s;
}

/* ---- Listing ---- */

static enum file_type type_of(uint8_t stored)
{
    switch (stored) {
    case 1:
        return FILE_REGULAR;
    case 2:
        return FILE_DIRECTORY;
    case 3:
    case 4:
        return FILE_DEVICE;
    case 7:
        return FILE_SYMLINK;
    default:
        return FILE_OTHER;
    }
}

static bool is_name_valid(const struct ext2_entry *entry)
{
    for (uint32_t i = 0; i < entry->name_len; i++) {
        if (entry->name[i] == '/' || entry->name[i] == '\0') {
            return false;
        }
    }
    return true;
}

/* Find the first used entry that starts at a cookie or after it. */
static enum status entry_from(struct ext2_walk *w, uint64_t cookie, struct ext2_entry *out)
{
    enum status s;
    uint64_t off = cookie & ((UINT64_C(1) << COOKIE_SHIFT) - 1);
    bool has_moved = cookie >> COOKIE_SHIFT != w->dir->shuffles;
    bool is_start = off == w->dir->next_entry && !has_moved;
    w->off = is_start ? off : ALIGN_DOWN(off, (uint64_t)w->e->block_size);
    do {
        s = ext2_walk_next(w, out);
    } while (s == OK && (out->inode == 0 || (out->off < off && !has_moved)));
    return s;
}

/* An old image has no types in its entries: only the inode has the type. */
static enum status type_from_inode(struct ext2 *e, uint32_t inode, enum file_type *out)
    REQUIRES(e->lock)
{
    struct ext2_node *n;
    enum status s = ext2_get_node_locked(e, inode, &n);
    if (s == OK) {
        *out = n->node.type;
        ext2_put_node_locked(e, n);
    }
    return s;
}

static enum status list_entry_locked(struct ext2 *e, struct ext2_node *dir, uint64_t *cookie,
                                     struct ext2_walk *w, struct dir_entry *out) REQUIRES(e->lock)
{
    struct ext2_entry entry;
    enum status s = entry_from(w, *cookie, &entry);
    if (s != OK) {
        return s;
    }
    if (!is_name_valid(&entry)) {
        return E_CORRUPT;
    }
    enum file_type type = type_of(entry.type);
    if (!e->has_file_types) {
        s = type_from_inode(e, entry.inode, &type);
        if (s != OK) {
            return s;
        }
    }
    out->inode = entry.inode;
    out->type = type;
    memcpy(out->name, entry.name, entry.name_len);
    out->name[entry.name_len] = '\0';
    *cookie = w->off | (uint64_t)dir->shuffles << COOKIE_SHIFT;
    dir->next_entry = w->off;
    return OK;
}

enum status ext2_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    struct ext2 *e = ext2_of(dir);
    struct ext2_walk w;
    mutex_lock(&e->lock);
    ext2_walk_start(&w, e, ext2_node_of(dir));
    enum status s = list_entry_locked(e, ext2_node_of(dir), cookie, &w, out);
    ext2_walk_end(&w);
    mutex_unlock(&e->lock);
    return s;
}
