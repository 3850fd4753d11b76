// SPDX-License-Identifier: MIT
//
// Inodes of ext2 and their nodes: found by number and decoded. ext2_node_change.c stores and
// deletes them.
#include "kernel/fs/ext2_node_internal.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/fs/ext2_writing.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* An inode has at most one listed node, so that all users of a file see each change at once. A node
 * whose last reference was dropped stays listed until its release() gets the lock. A thread that
 * finds it meanwhile takes it off the list and loads the inode again, which is always stored.
 *
 * Every number from the disk is checked when it is loaded: the disk may be broken. */
enum {
    FLAG_COMPRESSED = 0x4,
    FLAG_ENCRYPTED = 0x800,
    FLAG_HUGE = 0x40000, /* it counts blocks, and not units of 512 bytes */
    FLAG_INLINE_DATA = 0x10000000,
    MODE_TYPE = 0170000,
};

/* The type bits of a mode: POSIX's S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR and S_IFBLK. */
enum file_type ext2_type_of(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case 0100000:
        return FILE_REGULAR;
    case 0040000:
        return FILE_DIRECTORY;
    case 0120000:
        return FILE_SYMLINK;
    case 0020000:
    case 0060000:
        return FILE_DEVICE;
    default:
        return FILE_OTHER;
    }
}

/* ---- Times: seconds in 32 bits, and if there is room two more bits and the nanoseconds ---- */

static uint64_t load_time(const uint8_t *raw, bool extra, uint32_t at, uint32_t extra_at)
{
    uint32_t seconds = load_le32(raw + at);
    if (!extra) {
        return seconds * NS_PER_S;
    }
    uint32_t more = load_le32(raw + extra_at);
    int64_t all = (int64_t)(int32_t)seconds + ((int64_t)(more & 3) << 32);
    return all < 0 ? 0 : (uint64_t)all * NS_PER_S + MIN(more >> 2, (uint32_t)NS_PER_S - 1);
}

/* ---- Decoding ---- */

enum status ext2_locate_inode_locked(struct ext2 *e, uint32_t inode, uint64_t *out)
{
    /* Inodes are numbered from 1; the caller has checked that there is such a number. Where the
     * group's inode table is comes from the disk, and is checked with the group. */
    struct ext2_group group;
    uint32_t index = (inode - 1) % e->inodes_per_group;
    enum status s = ext2_read_group_locked(e, (inode - 1) / e->inodes_per_group, &group);
    if (s == OK) {
        *out = ext2_byte_of(e, group.inode_table) + (uint64_t)index * e->inode_size;
    }
    return s;
}

static uint64_t load_blocks(const struct ext2 *e, const uint8_t *raw, uint32_t flags)
{
    uint64_t blocks = load_le32(raw + EXT2_I_BLOCKS);
    if ((e->ro_compat & EXT2_HUGE_FILES) == 0) {
        return blocks;
    }
    blocks |= (uint64_t)load_le16(raw + EXT2_I_BLOCKS_HIGH) << 32;
    return (flags & FLAG_HUGE) != 0 ? blocks * (e->block_size / BLOCK_SECTOR) : blocks;
}

void ext2_decode_node(const struct ext2 *e, const uint8_t *raw, struct ext2_node *n)
{
    bool extra = ext2_has_extra(e, raw);
    n->mode = load_le16(raw + EXT2_I_MODE);
    n->node.type = ext2_type_of(n->mode);
    n->size = load_le32(raw + EXT2_I_SIZE);
    /* For a directory the field with the upper half of the size has another use. */
    if (n->node.type == FILE_REGULAR) {
        n->size |= (uint64_t)load_le32(raw + EXT2_I_SIZE_HIGH) << 32;
    }
    n->accessed_ns = load_time(raw, extra, EXT2_I_ACCESSED, EXT2_I_ACCESSED_EXTRA);
    n->changed_ns = load_time(raw, extra, EXT2_I_CHANGED, EXT2_I_CHANGED_EXTRA);
    n->modified_ns = load_time(raw, extra, EXT2_I_MODIFIED, EXT2_I_MODIFIED_EXTRA);
    n->links = load_le16(raw + EXT2_I_LINKS);
    n->flags = load_le32(raw + EXT2_I_FLAGS);
    n->blocks_512 = load_blocks(e, raw, n->flags);
    n->attributes = load_le32(raw + EXT2_I_ATTRIBUTES); /* block number, or 0 */
    memcpy(n->pointers, raw + EXT2_I_POINTERS, sizeof(n->pointers));
    /* A link without blocks, apart from the one of its extended attributes, has its target in place
     * of the block numbers. */
    n->is_fast_link = n->node.type == FILE_SYMLINK &&
                      n->blocks_512 == (n->attributes != 0 ? e->block_size / BLOCK_SECTOR : 0);
}

/* False: the inode is inconsistent. What the rest of the code relies on without a check of its own:
 * a size whose blocks can be numbered, a directory of whole blocks, a link whose target fits in
 * VFS_PATH_MAX, and only features that the superblock lists. Block numbers are checked where they
 * are used. */
bool ext2_is_node_sound(const struct ext2 *e, const struct ext2_node *n)
{
    if (n->links == 0) {
        return false; /* deleted, although a directory names it */
    }
    bool has_extents = (n->flags & EXT2_FLAG_EXTENTS) != 0;
    if ((n->flags & (FLAG_COMPRESSED | FLAG_ENCRYPTED | FLAG_INLINE_DATA)) != 0 ||
        (has_extents && (e->incompat & EXT2_EXTENTS) == 0)) {
        return false; /* features that the superblock does not list */
    }
    if (n->size > (has_extents ? ext2_byte_of(e, UINT32_MAX) : ext2_size_max(e))) {
        return false;
    }
    if (n->node.type == FILE_SYMLINK) {
        return n->size > 0 && n->size < (n->is_fast_link ? EXT2_FAST_LINK_MAX : VFS_PATH_MAX);
    }
    if (n->node.type == FILE_DIRECTORY) {
        return n->size % e->block_size == 0 && n->size <= ext2_byte_of(e, e->block_count) &&
               n->size <= EXT2_DIRECTORY_MAX;
    }
    return true;
}

/* ---- Nodes in use ---- */

enum status ext2_new_node_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
{
    uint64_t at;
    enum status s = ext2_locate_inode_locked(e, inode, &at);
    if (s != OK) {
        return s;
    }
    struct ext2_node *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        return E_NOMEM;
    }
    n->node = (struct fs_node){.fs = &e->fs, .id = inode, .run = &n->run};
    atomic_init(&n->node.refs, 1);
    known_run_init(&n->run, e->cache, "ext2 blocks");
    n->at = at;
    n->goal = e->first_block + (inode - 1) / e->inodes_per_group * e->blocks_per_group;
    *out = n;
    return OK;
}

/* Read the known fields of an inode. Its size is a power of two, so it is inside one page. */
enum status ext2_read_inode_locked(struct ext2 *e, struct ext2_node *n,
                                   uint8_t raw[EXT2_INODE_READ])
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, n->at, EXT2_AHEAD, &page);
    if (s != OK) {
        return s;
    }
    const uint8_t *bytes = page->bytes + n->at % CACHE_PAGE;
    memcpy(raw, bytes, MIN((uint32_t)EXT2_INODE_READ, e->inode_size));
    if (e->has_checksums) {
        s = e->ext4->check_inode(e, (uint32_t)n->node.id, bytes, &n->checksum_seed);
    }
    page_cache_put(page);
    return s;
}

static enum status load_node_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
    REQUIRES(e->lock)
{
    uint8_t raw[EXT2_INODE_READ] = {0};
    struct ext2_node *n;
    enum status s = ext2_new_node_locked(e, inode, &n);
    if (s != OK) {
        return s;
    }
    s = ext2_read_inode_locked(e, n, raw);
    if (s == OK) {
        ext2_decode_node(e, raw, n);
        if (!ext2_is_node_sound(e, n)) {
            log_warn("ext2", "%s: inode %u is malformed", e->dev->name, inode);
            s = E_CORRUPT;
        }
    }
    if (s != OK) {
        heap_free(n);
        return s;
    }
    ext2_nodes_add(&e->nodes, n);
    *out = n;
    return OK;
}

enum status ext2_get_node_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
{
    if (inode == 0 || inode > e->inode_count ||
        (inode < e->first_inode && inode != EXT2_ROOT_INODE)) {
        return E_CORRUPT;
    }
    struct ext2_node *n = ext2_nodes_find(&e->nodes, inode);
    if (n != NULL && n->links == 0) {
        return E_CORRUPT; /* deleted, although a directory names it */
    }
    if (n != NULL && fs_node_revive(&n->node)) {
        *out = n;
        return OK;
    }
    if (n != NULL) {
        ext2_nodes_remove(&e->nodes, n);
    }
    return load_node_locked(e, inode, out);
}

enum status ext2_load_reserved_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
{
    if (inode == 0 || inode >= e->first_inode || inode == EXT2_ROOT_INODE) {
        return E_CORRUPT;
    }
    return load_node_locked(e, inode, out);
}

static void release_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock)
{
    if (n->links == 0 && e->disk.is_writable && !n->is_deleted) {
        ext2_writing()->delete_locked(e, n);
    }
    ext2_nodes_remove(&e->nodes, n);
    fs_node_free(&n->node);
}

void ext2_put_node_locked(struct ext2 *e, struct ext2_node *n)
{
    if (atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_acq_rel) == 1) {
        release_locked(e, n);
    }
}

void ext2_release(struct fs_node *node)
{
    struct ext2 *e = ext2_of(node);
    mutex_lock(&e->lock);
    release_locked(e, ext2_node_of(node));
    mutex_unlock(&e->lock);
}
