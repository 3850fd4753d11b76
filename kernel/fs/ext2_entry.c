// SPDX-License-Identifier: MIT
//
// Changes of a directory of ext2: entries are added, changed and removed. Names are checked by the
// callers in ext2_names.c.
#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* A removed entry becomes part of the one before it in its block, or is marked as unused. A new
 * entry uses a room that is long enough: an unused entry, or what an entry does not need.
 * In a directory with a hash index, it uses room in the block that its hash belongs to. If the
 * index cannot be used, the flag that says that there is one is cleared, and the blocks of the
 * index become room for entries. */
enum {
    ENTRY_HEADER = 8,
    TYPE_REGULAR = 1,
    TYPE_DIRECTORY = 2,
    TYPE_SYMLINK = 7,
};

static uint8_t stored_type(const struct ext2 *e, enum file_type type)
{
    if (!e->has_file_types) {
        return 0;
    }
    return type == FILE_DIRECTORY ? TYPE_DIRECTORY
           : type == FILE_SYMLINK ? TYPE_SYMLINK
           : type == FILE_REGULAR ? TYPE_REGULAR
                                  : 0;
}

static uint32_t entry_bytes(uint32_t name_len)
{
    return ALIGN_UP(ENTRY_HEADER + name_len, 4u);
}

static void put_entry(uint8_t *at, uint32_t inode, uint32_t len, const char *name,
                      uint32_t name_len, uint8_t type)
{
    store_le32(at, inode);
    store_le16(at + 4, (uint16_t)len);
    at[6] = (uint8_t)name_len;
    at[7] = type;
    memcpy(at + ENTRY_HEADER, name, name_len);
}

/* The bytes of an entry that its name does not need. */
static uint32_t room_in(const struct ext2_entry *entry)
{
    return entry->inode == 0 ? entry->len : entry->len - entry_bytes(entry->name_len);
}

static bool has_room(const struct ext2_entry *entry, const void *ctx)
{
    const uint32_t *need = ctx;
    return entry_bytes(entry->name_len) <= entry->len && room_in(entry) >= *need;
}

enum status ext2_grow_directory_locked(struct ext2 *e, struct ext2_node *dir,
                                       struct cache_page **page, uint8_t **at, uint32_t *block)
{
    if (dir->size >= EXT2_DIRECTORY_MAX) {
        return E_NOSPC;
    }
    enum status s = ext2_get_block_locked(e, dir, dir->size >> e->block_shift, true, page, at);
    if (s != OK) {
        enum status stored = ext2_store_node_locked(e, dir); /* tables may have been added */
        return stored == OK ? s : stored;
    }
    put_entry(*at, 0, e->block_size, "", 0, 0);
    ext2_changed_locked(e, *page, *at, true);
    *block = (uint32_t)(dir->size >> e->block_shift);
    dir->size += e->block_size;
    return OK;
}

static enum status grow_locked(struct ext2 *e, struct ext2_node *dir) REQUIRES(e->lock)
{
    struct cache_page *page;
    uint8_t *at;
    uint32_t block;
    enum status s = ext2_grow_directory_locked(e, dir, &page, &at, &block);
    if (s == OK) {
        page_cache_put(page);
        dir->room_at = block << e->block_shift;
    }
    return s;
}

/* Put an entry in the room of another one, of which the walk has the page. The old entry is cut to
 * its need and the new one gets the rest of its length, so the lengths in a block still add up to
 * the block. An unused entry is taken as a whole. */
static void split(const struct ext2_walk *w, const struct ext2_entry *room,
                  const struct fs_name *name, uint32_t inode, uint8_t type)
{
    uint8_t *at = w->block + (room->off & (w->e->block_size - 1));
    uint32_t used = room->inode == 0 ? 0 : entry_bytes(room->name_len);
    if (used != 0) {
        store_le16(at + 4, (uint16_t)used);
    }
    put_entry(at + used, inode, room->len - used, name->text, (uint32_t)name->len, type);
}

/* Find an entry with room in any block. E_NOENT: there is none. */
static enum status find_room_locked(struct ext2 *e, struct ext2_node *dir, struct ext2_walk *w,
                                    uint32_t need, struct ext2_entry *out) REQUIRES(e->lock)
{
    ext2_walk_end(w);
    ext2_walk_start(w, e, dir);
    return ext2_walk_around(w, &dir->room_at, has_room, &need, out);
}

/* In a new block. */
static enum status find_new_locked(struct ext2 *e, struct ext2_node *dir, struct ext2_walk *w,
                                   uint32_t need, struct ext2_entry *out) REQUIRES(e->lock)
{
    enum status s = grow_locked(e, dir);
    return s != OK ? s : find_room_locked(e, dir, w, need, out);
}

/* Find room for a new entry, and pin its page in the walk. A directory gets an index when its first
 * block is full. */
static enum status find_place_locked(struct ext2 *e, const struct fs_name *at, struct ext2_walk *w,
                                     uint32_t need, struct ext2_entry *out) REQUIRES(e->lock)
{
    struct ext2_node *dir = ext2_node_of(at->dir);
    if ((dir->flags & EXT2_FLAG_INDEXED) == 0) {
        enum status s = find_room_locked(e, dir, w, need, out);
        s = s == E_NOENT ? ext2_make_index_locked(e, dir) : s;
        if (s == E_FORMAT) {
            return find_new_locked(e, dir, w, need, out);
        }
        if ((dir->flags & EXT2_FLAG_INDEXED) == 0) {
            return s;
        }
        ext2_walk_end(w);
    }
    enum status s = ext2_index_room_locked(e, at, has_room, &need, w, out);
    if (s == E_FORMAT) {
        dir->flags &= ~(uint32_t)EXT2_FLAG_INDEXED;
        s = find_room_locked(e, dir, w, need, out);
        s = s == E_NOENT ? find_new_locked(e, dir, w, need, out) : s;
    }
    return s;
}

enum status ext2_add_entry_locked(struct ext2 *e, const struct fs_name *at, uint32_t inode,
                                  enum file_type type)
{
    struct ext2_node *dir = ext2_node_of(at->dir);
    struct ext2_walk w;
    struct ext2_entry room;
    uint32_t need = entry_bytes((uint32_t)at->len);
    ext2_walk_start(&w, e, dir);
    enum status s = find_place_locked(e, at, &w, need, &room);
    if (s == OK) {
        split(&w, &room, at, inode, stored_type(e, type));
        ext2_changed_locked(e, w.page, w.block, true);
        dir->next_entry = 0;
        ext2_touch_locked(e, dir);
        s = ext2_store_node_locked(e, dir);
    }
    ext2_walk_end(&w);
    return s;
}

/* Pin the block of an entry that was found under this hold of the lock. */
static enum status pin_entry(struct ext2_walk *w, struct ext2 *e, struct ext2_node *dir,
                             uint64_t off)
{
    struct ext2_entry first;
    ext2_walk_start(w, e, dir);
    w->off = ALIGN_DOWN(off, (uint64_t)e->block_size);
    return ext2_walk_next(w, &first);
}

enum status ext2_set_entry_locked(struct ext2 *e, struct ext2_node *dir,
                                  const struct ext2_entry *entry, uint32_t inode,
                                  enum file_type type)
{
    struct ext2_walk w;
    enum status s = pin_entry(&w, e, dir, entry->off);
    if (s == OK) {
        uint8_t *at = w.block + (entry->off & (e->block_size - 1));
        store_le32(at, inode);
        at[7] = stored_type(e, type);
        ext2_changed_locked(e, w.page, w.block, true);
        ext2_touch_locked(e, dir);
        s = ext2_store_node_locked(e, dir);
    }
    ext2_walk_end(&w);
    return s;
}

/* The entry was found under this hold of the lock, so its offset and that of the entry before it
 * are still right. An entry at the start of a block has none before it, and becomes unused. */
enum status ext2_remove_entry_locked(struct ext2 *e, struct ext2_node *dir,
                                     const struct ext2_entry *entry)
{
    struct ext2_walk w;
    enum status s = pin_entry(&w, e, dir, entry->off);
    if (s == OK) {
        uint32_t mask = e->block_size - 1;
        if (entry->previous == UINT64_MAX) {
            store_le32(w.block + (entry->off & mask), 0);
        } else {
            uint32_t len = (uint32_t)(entry->off - entry->previous) + entry->len;
            store_le16(w.block + (entry->previous & mask) + 4, (uint16_t)len);
        }
        ext2_changed_locked(e, w.page, w.block, true);
        dir->next_entry = 0;
        ext2_touch_locked(e, dir);
        s = ext2_store_node_locked(e, dir);
    }
    ext2_walk_end(&w);
    return s;
}

enum status ext2_init_directory_locked(struct ext2 *e, struct ext2_node *n, uint32_t parent)
{
    struct cache_page *page;
    uint8_t *at;
    uint8_t type = stored_type(e, FILE_DIRECTORY);
    enum status s = ext2_get_block_locked(e, n, 0, true, &page, &at);
    if (s != OK) {
        return s;
    }
    uint32_t first = entry_bytes(1);
    put_entry(at, (uint32_t)n->node.id, first, ".", 1, type);
    put_entry(at + first, parent, e->block_size - first, "..", 2, type);
    ext2_changed_locked(e, page, at, true);
    page_cache_put(page);
    n->size = e->block_size;
    return OK;
}
