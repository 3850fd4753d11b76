// SPDX-License-Identifier: MIT
//
// Directories of ext2: entries in blocks, read sequentially. The blocks of a hash tree look like
// blocks with unused entries to a reader that does not know them, so they need no support.
#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

enum {
    ENTRY_HEADER = 8, /* u32 inode, u16 length of the entry, u8 length of the name, u8 type */
};

/* An entry inside a chunk of the cache. */
struct entry {
    uint32_t inode; /* 0: unused */
    uint32_t len;
    uint32_t name_len;
    uint8_t type;
    const char *name;
};

/* Read the entry at byte `at` of a block. Every length is checked against the block's end, so a
 * search never leaves the block. E_CORRUPT in the callers if this returns false. */
static bool read_entry(const struct ext2 *e, const uint8_t *block, uint32_t at, struct entry *out)
{
    uint32_t left = e->block_size - at;
    if (left < ENTRY_HEADER) {
        return false;
    }
    const uint8_t *p = block + at;
    struct entry entry = {.inode = load_le32(p),
                          .len = load_le16(p + 4),
                          .name_len = p[6],
                          .type = e->has_file_types ? p[7] : 0,
                          .name = (const char *)p + ENTRY_HEADER};
    if (entry.len < ENTRY_HEADER || entry.len % 4 != 0 || entry.len > left ||
        entry.name_len > entry.len - ENTRY_HEADER) {
        return false;
    }
    if (!e->has_file_types && p[7] != 0) {
        return false; /* then this is the upper half of the name's length */
    }
    if (entry.inode != 0 &&
        (entry.name_len == 0 || strnlen(entry.name, entry.name_len) != entry.name_len)) {
        return false;
    }
    for (uint32_t i = 0; entry.inode != 0 && i < entry.name_len; i++) {
        if (entry.name[i] == '/') {
            return false;
        }
    }
    *out = entry;
    return true;
}

/* The block of a directory that contains byte `off`. Directories have no holes. */
static enum status get_block(struct ext2 *e, const struct ext2_node *dir, uint64_t off,
                             const uint8_t **out) REQUIRES(e->lock)
{
    struct ext2_run run;
    const uint8_t *chunk;
    uint64_t first = off >> e->block_shift;
    uint64_t left = (dir->size >> e->block_shift) - first;
    enum status s =
        ext2_find_run_locked(e, dir, first, (uint32_t)MIN(left, (uint64_t)BLOCK_CACHE_AHEAD), &run);
    if (s != OK) {
        return s;
    }
    if (run.block == 0) {
        return E_CORRUPT;
    }
    uint64_t byte = ext2_byte_of(e, run.block);
    s = block_cache_get(e->cache, byte, ext2_byte_of(e, run.count), &chunk);
    if (s == OK) {
        *out = chunk + byte % BLOCK_CACHE_CHUNK;
    }
    return s;
}

/* Find the first used entry at or after *off, and move *off past it. E_NOENT: there is none. */
static enum status next_entry(struct ext2 *e, const struct ext2_node *dir, uint64_t *off,
                              struct entry *out) REQUIRES(e->lock)
{
    while (*off < dir->size) {
        const uint8_t *block;
        enum status s = get_block(e, dir, *off, &block);
        if (s != OK) {
            return s;
        }
        uint64_t start = ALIGN_DOWN(*off, (uint64_t)e->block_size);
        while (*off - start < e->block_size) {
            if (!read_entry(e, block, (uint32_t)(*off - start), out)) {
                return E_CORRUPT;
            }
            *off += out->len;
            if (out->inode != 0) {
                return OK;
            }
        }
    }
    return E_NOENT;
}

/* The inode number for a name in a directory. */
static enum status find_inode(struct ext2 *e, const struct ext2_node *dir, const char *name,
                              size_t len, uint32_t *out)
{
    uint64_t off = 0;
    struct entry entry;
    enum status s;
    mutex_lock(&e->lock);
    do {
        s = next_entry(e, dir, &off, &entry);
    } while (s == OK && (entry.name_len != len || memcmp(entry.name, name, len) != 0));
    if (s == OK) {
        *out = entry.inode;
    }
    mutex_unlock(&e->lock);
    return s;
}

enum status ext2_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    struct ext2 *e = ext2_of(dir);
    uint32_t inode;
    enum status s = find_inode(e, ext2_node_of(dir), name, len, &inode);
    if (s != OK) {
        return s;
    }
    struct ext2_node *n;
    s = ext2_load_node(e, inode, &n);
    if (s == OK) {
        *out = &n->node;
    }
    return s;
}

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

/* Copy the entry at *off and move past it. */
static enum status copy_entry(struct ext2 *e, const struct ext2_node *dir, uint64_t *off,
                              struct dir_entry *out)
{
    struct entry entry;
    mutex_lock(&e->lock);
    enum status s = next_entry(e, dir, off, &entry);
    if (s == OK) {
        out->inode = entry.inode;
        out->type = type_of(entry.type);
        memcpy(out->name, entry.name, entry.name_len);
        out->name[entry.name_len] = '\0';
    }
    mutex_unlock(&e->lock);
    return s;
}

enum status ext2_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    struct ext2 *e = ext2_of(dir);
    uint64_t off = *cookie;
    struct dir_entry entry;
    enum status s = copy_entry(e, ext2_node_of(dir), &off, &entry);
    if (s == OK && !e->has_file_types) {
        struct ext2_node *n; /* an old image: only the inode has the type */
        s = ext2_load_node(e, (uint32_t)entry.inode, &n);
        if (s == OK) {
            entry.type = n->node.type;
            heap_free(n);
        }
    }
    if (s == OK) {
        *out = entry;
        *cookie = off;
    }
    return s;
}
