// SPDX-License-Identifier: MIT
//
// Inodes of ext2 and their nodes: made, stored, deleted. In ext2w.ko (ext2_writing.h).
#include "kernel/fs/ext2_node_internal.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define TIME_SHARED_NS (4 * NS_PER_MS)

enum {
    EXTRA_SIZE = 32, /* of the fields after the first 128 bytes, in new inodes */
    ATTRIBUTES_MAGIC = 0xea020000u,
};

uint64_t ext2_now_ns(void)
{
    uint64_t now_ns;
    return clock_wall_ns(&now_ns) ? now_ns : 0;
}

/* Changes share a time for TIME_SHARED_NS, unless stat() has returned it: then later ones must
 * differ. So most writes to existing blocks leave the inode as it is, and a sync after them needs
 * no transaction. The time of a later change is never smaller, unless the clock was set back. */
uint64_t ext2_change_time_locked(struct ext2 *e)
{
    uint64_t now_ns = ext2_now_ns();
    if (now_ns - e->time_ns >= TIME_SHARED_NS) { /* also if the clock was set back */
        e->time_ns = now_ns;
    }
    return e->time_ns;
}

bool ext2_touch_locked(struct ext2 *e, struct ext2_node *n)
{
    uint64_t now_ns = ext2_change_time_locked(e);
    bool is_changed = n->modified_ns != now_ns || n->changed_ns != now_ns;
    n->modified_ns = n->changed_ns = now_ns;
    return is_changed;
}

static void store_time(uint8_t *raw, bool extra, uint32_t at, uint32_t extra_at, uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S;
    store_le32(raw + at, (uint32_t)seconds);
    if (extra) {
        uint64_t high = (seconds - (uint64_t)(int64_t)(int32_t)seconds) >> 32;
        store_le32(raw + extra_at, (uint32_t)(ns % NS_PER_S) << 2 | ((uint32_t)high & 3));
    }
}

/* Fields that the kernel does not know stay as they are. */
enum status ext2_store_node_locked(struct ext2 *e, struct ext2_node *n)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, n->at, 0, &page);
    if (s != OK) {
        return ext2_fail_locked(e, s, "an inode cannot be written");
    }
    uint8_t *raw = page->bytes + n->at % CACHE_PAGE;
    bool extra = ext2_has_extra(e, raw);
    store_le16(raw + EXT2_I_MODE, (uint16_t)n->mode);
    store_le32(raw + EXT2_I_SIZE, (uint32_t)n->size);
    if (n->node.type == FILE_REGULAR) {
        store_le32(raw + EXT2_I_SIZE_HIGH, (uint32_t)(n->size >> 32));
    }
    store_time(raw, extra, EXT2_I_ACCESSED, EXT2_I_ACCESSED_EXTRA, n->accessed_ns);
    store_time(raw, extra, EXT2_I_CHANGED, EXT2_I_CHANGED_EXTRA, n->changed_ns);
    store_time(raw, extra, EXT2_I_MODIFIED, EXT2_I_MODIFIED_EXTRA, n->modified_ns);
    store_le16(raw + EXT2_I_LINKS, (uint16_t)n->links);
    store_le32(raw + EXT2_I_BLOCKS, (uint32_t)n->blocks_512);
    store_le32(raw + EXT2_I_FLAGS, n->flags);
    store_le32(raw + EXT2_I_ATTRIBUTES, n->attributes);
    memcpy(raw + EXT2_I_POINTERS, n->pointers, sizeof(n->pointers));
    store_le32(raw + EXT2_I_DELETED, n->is_orphan ? n->next_orphan : 0);
    ext2_changed_locked(e, page, raw, true);
    page_cache_put(page);
    return OK;
}

/* An orphan has no links, which ext2_is_node_sound() refuses in other inodes; so it counts as one
 * link during the check. Numbers in the list come from the disk: one that is in use already, or a
 * reserved inode, is refused. */
enum status ext2_load_orphan_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
{
    uint8_t raw[EXT2_INODE_READ] = {0};
    struct ext2_node *n;
    if (inode < e->first_inode || inode > e->inode_count ||
        ext2_nodes_find(&e->nodes, inode) != NULL) {
        return E_CORRUPT;
    }
    enum status s = ext2_new_node_locked(e, inode, &n);
    if (s != OK) {
        return s;
    }
    s = ext2_read_inode_locked(e, n, raw);
    ext2_decode_node(e, raw, n);
    uint32_t links = n->links;
    n->links = MAX(links, 1u);
    if (s == OK && (!ext2_is_node_sound(e, n) || n->mode == 0)) {
        s = E_CORRUPT;
    }
    if (s != OK) {
        heap_free(n);
        return s;
    }
    n->links = links;
    n->is_orphan = true;
    n->next_orphan = load_le32(raw + EXT2_I_DELETED);
    ext2_nodes_add(&e->nodes, n);
    *out = n;
    return OK;
}

/* The orphan before it is not in use: there was no memory to delete that one. The list on the disk
 * is followed to it. */
enum status ext2_skip_orphan_locked(struct ext2 *e, const struct ext2_node *n)
{
    uint32_t inode = e->first_orphan;
    for (uint32_t left = e->inode_count; left > 0 && inode != n->node.id; left--) {
        struct cache_page *page;
        uint64_t at;
        if (inode == 0 || inode > e->inode_count) {
            return E_CORRUPT;
        }
        enum status s = ext2_locate_inode_locked(e, inode, &at);
        s = s != OK ? s : page_cache_get(e->cache, at, 0, &page);
        if (s != OK) {
            return s;
        }
        uint8_t *next = page->bytes + at % CACHE_PAGE + EXT2_I_DELETED;
        inode = load_le32(next);
        if (inode == n->node.id) {
            store_le32(next, n->next_orphan);
            ext2_changed_locked(e, page, next, true);
        }
        page_cache_put(page);
    }
    return inode == n->node.id ? OK : E_CORRUPT;
}

enum status ext2_reload_root_locked(struct ext2 *e)
{
    uint8_t raw[EXT2_INODE_READ] = {0};
    struct ext2_node *n = ext2_node_of(e->fs.root);
    enum status s = ext2_read_inode_locked(e, n, raw);
    if (s == OK) {
        ext2_decode_node(e, raw, n);
        n->next_entry = 0;
        s = ext2_is_node_sound(e, n) && n->node.type == FILE_DIRECTORY ? OK : E_CORRUPT;
    }
    return s;
}

enum status ext2_make_node_locked(struct ext2 *e, uint32_t inode, uint32_t mode,
                                  struct ext2_node **out)
{
    struct ext2_node *n;
    struct cache_page *page;
    enum status s = ext2_new_node_locked(e, inode, &n);
    if (s != OK) {
        return s;
    }
    s = page_cache_get(e->cache, n->at, 0, &page);
    if (s != OK) {
        heap_free(n);
        return s;
    }
    if (e->inode_size > EXT2_INODE_SIZE_MIN) {
        uint8_t *raw = page->bytes + n->at % CACHE_PAGE;
        store_le16(raw + EXT2_I_EXTRA_SIZE,
                   (uint16_t)MIN((uint32_t)EXTRA_SIZE, e->inode_size - EXT2_INODE_SIZE_MIN));
        ext2_changed_locked(e, page, raw, true);
    }
    page_cache_put(page);
    n->mode = mode;
    n->node.type = ext2_type_of(mode);
    ext2_touch_locked(e, n);
    n->accessed_ns = n->modified_ns;
    ext2_nodes_add(&e->nodes, n);
    *out = n;
    return OK;
}

/* ---- Deleting ---- */

/* The block of extended attributes may belong to several inodes. It counts them in its second
 * word. */
static enum status drop_attributes_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock)
{
    uint32_t block = n->attributes;
    struct cache_page *page;
    if (block == 0) {
        return OK;
    }
    if (!ext2_is_block_sound(e, block)) {
        return E_CORRUPT;
    }
    uint64_t at = ext2_byte_of(e, block);
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s != OK) {
        return s;
    }
    uint8_t *raw = page->bytes + at % CACHE_PAGE;
    uint32_t users = load_le32(raw + 4);
    if (load_le32(raw) != ATTRIBUTES_MAGIC) {
        s = E_CORRUPT;
    } else if (users > 1) {
        store_le32(raw + 4, users - 1);
        ext2_changed_locked(e, page, raw, true);
    } else {
        s = ext2_free_block_locked(e, block);
    }
    page_cache_put(page);
    n->attributes = s == OK ? 0 : block;
    return s;
}

static enum status store_deletion_time_locked(struct ext2 *e, const struct ext2_node *n)
    REQUIRES(e->lock)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, n->at, 0, &page);
    if (s == OK) {
        uint32_t now_s = (uint32_t)(ext2_now_ns() / NS_PER_S);
        uint8_t *raw = page->bytes + n->at % CACHE_PAGE;
        store_le32(raw + EXT2_I_DELETED, MAX(now_s, 1u));
        ext2_changed_locked(e, page, raw, true);
        page_cache_put(page);
    }
    return s;
}

/* Without memory for the rest, the file is only shorter, and stays in the list of orphans. They are
 * deleted when the image becomes writable the next time. */
static enum status delete_later_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock)
{
    enum status s = ext2_add_orphan_locked(e, n);
    s = s != OK ? s : ext2_store_node_locked(e, n);
    if (s == OK) {
        log_warn("ext2", "%s: no memory to free a deleted file: it waits for the next mount",
                 e->dev->name);
    }
    return s != OK ? s : E_NOMEM;
}

enum status ext2_delete_locked(struct ext2 *e, struct ext2_node *n)
{
    bool is_directory = n->node.type == FILE_DIRECTORY;
    bool has_blocks = is_directory || n->node.type == FILE_REGULAR ||
                      (n->node.type == FILE_SYMLINK && !n->is_fast_link);
    enum status s = ext2_pause_locked(e, n);
    if (s == OK && has_blocks) {
        s = ext2_free_from_locked(e, n, 0);
    }
    s = s != OK ? s : drop_attributes_locked(e, n);
    if (s == E_NOMEM && e->journal != NULL) {
        return delete_later_locked(e, n);
    }
    s = s != OK ? s : ext2_remove_orphan_locked(e, n);
    n->is_deleted = true;
    n->size = 0;
    n->blocks_512 = 0;
    s = s != OK ? s : ext2_store_node_locked(e, n);
    s = s != OK ? s : store_deletion_time_locked(e, n);
    s = s != OK ? s : ext2_free_inode_locked(e, (uint32_t)n->node.id, is_directory);
    if (s != OK) {
        (void)ext2_fail_locked(e, s, "a deleted file cannot be freed");
    }
    return s;
}
