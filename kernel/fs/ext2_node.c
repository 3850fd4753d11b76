// SPDX-License-Identifier: MIT
//
// Inodes of ext2 and their nodes: found by number, decoded, stored, deleted.
#include "kernel/fs/ext2_internal.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* An inode has at most one listed node, so that all users of a file see each change at once. A node
 * whose last reference was dropped stays listed until its release() gets the lock. A thread that
 * finds it meanwhile takes it off the list and loads the inode again, which is always stored.
 *
 * Every number from the disk is checked when it is loaded: the disk may be broken. */
#define TIME_SHARED_NS (4 * NS_PER_MS)

enum {
    INODE_SIZE_MIN = 128,
    INODE_READ = 160, /* as far as the fields that are known */
    EXTRA_SIZE = 32,  /* of the fields after the first 128 bytes, in new inodes */
    FLAG_COMPRESSED = 0x4,
    FLAG_ENCRYPTED = 0x800,
    FLAG_HUGE = 0x40000, /* it counts blocks, and not units of 512 bytes */
    FLAG_INLINE_DATA = 0x10000000,
    MODE_TYPE = 0170000,
    ATTRIBUTES_MAGIC = 0xea020000u,
};

/* Offsets in an inode. */
enum {
    I_MODE = 0,
    I_SIZE = 4,
    I_ACCESSED = 8,
    I_CHANGED = 12,
    I_MODIFIED = 16,
    I_DELETED = 20,
    I_LINKS = 26,
    I_BLOCKS = 28,
    I_FLAGS = 32,
    I_POINTERS = 40,
    I_ATTRIBUTES = 104,
    I_SIZE_HIGH = 108,
    I_BLOCKS_HIGH = 116, /* with huge_file */
    I_EXTRA_SIZE = 128,
    I_CHANGED_EXTRA = 132,
    I_MODIFIED_EXTRA = 136,
    I_ACCESSED_EXTRA = 140,
    I_EXTRA_NEEDED = 16, /* the extra size up to here */
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

/* ---- Times: seconds in 32 bits, and if there is room two more bits and the nanoseconds ---- */

static bool has_extra(const struct ext2 *e, const uint8_t *raw)
{
    return e->inode_size > INODE_SIZE_MIN && load_le16(raw + I_EXTRA_SIZE) >= I_EXTRA_NEEDED;
}

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

static void store_time(uint8_t *raw, bool extra, uint32_t at, uint32_t extra_at, uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S;
    store_le32(raw + at, (uint32_t)seconds);
    if (extra) {
        uint64_t high = (seconds - (uint64_t)(int64_t)(int32_t)seconds) >> 32;
        store_le32(raw + extra_at, (uint32_t)(ns % NS_PER_S) << 2 | ((uint32_t)high & 3));
    }
}

/* ---- Decoding and storing ---- */

/* The position of an inode on the device. */
static enum status locate_inode(struct ext2 *e, uint32_t inode, uint64_t *out) REQUIRES(e->lock)
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
    uint64_t blocks = load_le32(raw + I_BLOCKS);
    if ((e->ro_compat & EXT2_HUGE_FILES) == 0) {
        return blocks;
    }
    blocks |= (uint64_t)load_le16(raw + I_BLOCKS_HIGH) << 32;
    return (flags & FLAG_HUGE) != 0 ? blocks * (e->block_size / BLOCK_SECTOR) : blocks;
}

static void decode(const struct ext2 *e, const uint8_t *raw, struct ext2_node *n)
{
    bool extra = has_extra(e, raw);
    n->mode = load_le16(raw + I_MODE);
    n->node.type = ext2_type_of(n->mode);
    n->size = load_le32(raw + I_SIZE);
    /* For a directory the field with the upper half of the size has another use. */
    if (n->node.type == FILE_REGULAR) {
        n->size |= (uint64_t)load_le32(raw + I_SIZE_HIGH) << 32;
    }
    n->accessed_ns = load_time(raw, extra, I_ACCESSED, I_ACCESSED_EXTRA);
    n->changed_ns = load_time(raw, extra, I_CHANGED, I_CHANGED_EXTRA);
    n->modified_ns = load_time(raw, extra, I_MODIFIED, I_MODIFIED_EXTRA);
    n->links = load_le16(raw + I_LINKS);
    n->flags = load_le32(raw + I_FLAGS);
    n->blocks_512 = load_blocks(e, raw, n->flags);
    n->attributes = load_le32(raw + I_ATTRIBUTES); /* block number, or 0 */
    memcpy(n->pointers, raw + I_POINTERS, sizeof(n->pointers));
    /* A link without blocks, apart from the one of its extended attributes, has its target in place
     * of the block numbers. */
    n->is_fast_link = n->node.type == FILE_SYMLINK &&
                      n->blocks_512 == (n->attributes != 0 ? e->block_size / BLOCK_SECTOR : 0);
}

/* False: the inode is inconsistent. What the rest of the code relies on without a check of its own:
 * a size whose blocks can be numbered, a directory of whole blocks, a link whose target fits in
 * VFS_PATH_MAX, and only features that the superblock lists. Block numbers are checked where they
 * are used. */
static bool is_sound(const struct ext2 *e, const struct ext2_node *n)
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

/* Fields that the kernel does not know stay as they are. */
enum status ext2_store_node_locked(struct ext2 *e, struct ext2_node *n)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, n->at, 0, &page);
    if (s != OK) {
        return ext2_fail_locked(e, s, "an inode cannot be written");
    }
    uint8_t *raw = page->bytes + n->at % CACHE_PAGE;
    bool extra = has_extra(e, raw);
    store_le16(raw + I_MODE, (uint16_t)n->mode);
    store_le32(raw + I_SIZE, (uint32_t)n->size);
    if (n->node.type == FILE_REGULAR) {
        store_le32(raw + I_SIZE_HIGH, (uint32_t)(n->size >> 32));
    }
    store_time(raw, extra, I_ACCESSED, I_ACCESSED_EXTRA, n->accessed_ns);
    store_time(raw, extra, I_CHANGED, I_CHANGED_EXTRA, n->changed_ns);
    store_time(raw, extra, I_MODIFIED, I_MODIFIED_EXTRA, n->modified_ns);
    store_le16(raw + I_LINKS, (uint16_t)n->links);
    store_le32(raw + I_BLOCKS, (uint32_t)n->blocks_512);
    store_le32(raw + I_FLAGS, n->flags);
    store_le32(raw + I_ATTRIBUTES, n->attributes);
    memcpy(raw + I_POINTERS, n->pointers, sizeof(n->pointers));
    store_le32(raw + I_DELETED, n->is_orphan ? n->next_orphan : 0);
    ext2_changed_locked(e, page, raw, true);
    page_cache_put(page);
    return OK;
}

/* ---- Nodes in use ---- */

static enum status make_node_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
    REQUIRES(e->lock)
{
    uint64_t at;
    enum status s = locate_inode(e, inode, &at);
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
static enum status read_inode_locked(struct ext2 *e, struct ext2_node *n, uint8_t raw[INODE_READ])
    REQUIRES(e->lock)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, n->at, EXT2_AHEAD, &page);
    if (s != OK) {
        return s;
    }
    const uint8_t *bytes = page->bytes + n->at % CACHE_PAGE;
    memcpy(raw, bytes, MIN((uint32_t)INODE_READ, e->inode_size));
    if (e->has_checksums) {
        s = e->ext4->check_inode(e, (uint32_t)n->node.id, bytes, &n->checksum_seed);
    }
    page_cache_put(page);
    return s;
}

static enum status load_node_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
    REQUIRES(e->lock)
{
    uint8_t raw[INODE_READ] = {0};
    struct ext2_node *n;
    enum status s = make_node_locked(e, inode, &n);
    if (s != OK) {
        return s;
    }
    s = read_inode_locked(e, n, raw);
    if (s == OK) {
        decode(e, raw, n);
        if (!is_sound(e, n)) {
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

/* An orphan has no links, which is_sound() refuses in other inodes; so it counts as one link during
 * the check. Numbers in the list come from the disk: one that is in use already, or a reserved
 * inode, is refused. */
enum status ext2_load_orphan_locked(struct ext2 *e, uint32_t inode, struct ext2_node **out)
{
    uint8_t raw[INODE_READ] = {0};
    struct ext2_node *n;
    if (inode < e->first_inode || inode > e->inode_count ||
        ext2_nodes_find(&e->nodes, inode) != NULL) {
        return E_CORRUPT;
    }
    enum status s = make_node_locked(e, inode, &n);
    if (s != OK) {
        return s;
    }
    s = read_inode_locked(e, n, raw);
    decode(e, raw, n);
    uint32_t links = n->links;
    n->links = MAX(links, 1u);
    if (s == OK && (!is_sound(e, n) || n->mode == 0)) {
        s = E_CORRUPT;
    }
    if (s != OK) {
        heap_free(n);
        return s;
    }
    n->links = links;
    n->is_orphan = true;
    n->next_orphan = load_le32(raw + I_DELETED);
    ext2_nodes_add(&e->nodes, n);
    *out = n;
    return OK;
}

enum status ext2_reload_root_locked(struct ext2 *e)
{
    uint8_t raw[INODE_READ] = {0};
    struct ext2_node *n = ext2_node_of(e->fs.root);
    enum status s = read_inode_locked(e, n, raw);
    if (s == OK) {
        decode(e, raw, n);
        n->next_entry = 0;
        s = is_sound(e, n) && n->node.type == FILE_DIRECTORY ? OK : E_CORRUPT;
    }
    return s;
}

enum status ext2_make_node_locked(struct ext2 *e, uint32_t inode, uint32_t mode,
                                  struct ext2_node **out)
{
    struct ext2_node *n;
    struct cache_page *page;
    enum status s = make_node_locked(e, inode, &n);
    if (s != OK) {
        return s;
    }
    s = page_cache_get(e->cache, n->at, 0, &page);
    if (s != OK) {
        heap_free(n);
        return s;
    }
    if (e->inode_size > INODE_SIZE_MIN) {
        uint8_t *raw = page->bytes + n->at % CACHE_PAGE;
        store_le16(raw + I_EXTRA_SIZE,
                   (uint16_t)MIN((uint32_t)EXTRA_SIZE, e->inode_size - INODE_SIZE_MIN));
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
    n->attributes = 0;
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
        store_le32(raw + I_DELETED, MAX(now_s, 1u));
        ext2_changed_locked(e, page, raw, true);
        page_cache_put(page);
    }
    return s;
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

static void release_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock)
{
    if (n->links == 0 && e->disk.is_writable && !n->is_deleted) {
        (void)ext2_delete_locked(e, n); /* a failure is in the log, and noted in the superblock */
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
