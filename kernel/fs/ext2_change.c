// SPDX-License-Identifier: MIT
//
// Changes of ext2 images: with a journal they belong to its running transaction. Operations begin
// and end here, and long ones pause. The list of orphans.
#include "kernel/fs/ext2_internal.h"

/* An operation runs under e->lock, so it is in one transaction completely, unless it pauses. Before
 * it begins, the running transaction has room for the largest one that does not pause.
 *
 * Orphans are files that are to be deleted, or cut to their size, if there is a crash: those
 * without links that are open, and those in the middle of a long operation. The superblock has the
 * first of them, and the field for the time of deletion in each inode has the next. All of them are
 * in use, so they are found among e->nodes. */

/* Why an operation stays within JOURNAL_CREDITS pages between two checks for room, whatever is on
 * the disk: each loop over a file's blocks pauses after each block, and the rest is bounded by the
 * code.
 *
 * A block: its bitmap, its group's descriptor and itself (3). A block of a file may need three
 * tables, and is noted in the one above them: 4 * 3 + 1 = 13.
 *
 * An entry: 13, the directory's inode, and in an index a second block (4), the block that is split,
 * its node and the root: 21.
 *
 * Creating: an inode's bitmap, descriptor and page (3), the first block of a directory or a link
 * (3), the entry (21): 27.
 *
 * Renaming, the largest: the entry (21), the removed entry and its directory (2), ".." (1), the
 * inodes of both parents, of the moved and of the replaced file (4): 28. A file that loses its last
 * name is deleted after another check.
 *
 * Writing a block: 13, the superblock if the file becomes large, its inode, and the list of orphans
 * (the superblock or a neighbour's inode): 16. Deleting, after the blocks: extended attributes (3),
 * the inode (3), the list of orphans (2): 8.
 *
 * A commit adds the superblock, and a pause before it the inode: 30 at most. */
STATIC_ASSERT(JOURNAL_CREDITS >= 30, "the largest operation fits");
STATIC_ASSERT(CACHE_RESERVE >= JOURNAL_CREDITS, "and has memory for its pages");

#define BLOCKS_NEEDED 64u /* more than an operation allocates before it pauses */

void ext2_changed_locked(struct ext2 *e, struct cache_page *page, const uint8_t *at,
                         bool is_metadata)
{
    if (e->journal == NULL) {
        page_cache_dirty(e->cache, page);
    } else {
        uint64_t byte = page_cache_index(page) * CACHE_PAGE + (uint64_t)(at - page->bytes);
        journal_change(e->journal, page, (uint32_t)(byte >> e->block_shift), is_metadata);
    }
}

/* ---- Transactions ---- */

enum status ext2_commit_locked(struct ext2 *e)
{
    enum status s = journal_is_idle(e->journal) ? OK : ext2_store_super_locked(e);
    s = s != OK ? s : journal_commit(e->journal);
    e->freed_blocks = 0;
    return s == OK ? s : ext2_give_up_locked(e, s);
}

/* The free blocks may be some that cannot be used before the commit. */
static bool must_commit(const struct ext2 *e)
{
    return e->journal != NULL && e->disk.is_writable &&
           (!journal_has_room(e->journal) ||
            (e->freed_blocks != 0 && e->free_blocks < e->freed_blocks + BLOCKS_NEEDED));
}

/* Held pages can be written only after a commit. */
static bool needs_commit_for_room(const struct ext2 *e, enum status s)
{
    return s == E_NOMEM && e->journal != NULL && e->disk.is_writable;
}

static enum status commit_for_room_locked(struct ext2 *e) REQUIRES(e->lock)
{
    enum status s = ext2_commit_locked(e);
    return s != OK ? s : page_cache_pause(e->cache);
}

enum status ext2_begin_locked(struct ext2 *e)
{
    enum status s = must_commit(e) ? ext2_commit_locked(e) : OK;
    s = s != OK ? s : page_cache_pause(e->cache);
    return needs_commit_for_room(e, s) ? commit_for_room_locked(e) : s;
}

enum status ext2_pause_locked(struct ext2 *e, struct ext2_node *n)
{
    if (!must_commit(e)) {
        enum status s = e->disk.is_writable ? page_cache_pause(e->cache) : OK;
        if (!needs_commit_for_room(e, s)) {
            return s;
        }
    }
    enum status s = ext2_add_orphan_locked(e, n);
    s = s != OK ? s : ext2_store_node_locked(e, n);
    return s != OK ? s : commit_for_room_locked(e);
}

enum status ext2_end_locked(struct ext2 *e, struct ext2_node *n, enum status s)
{
    enum status ended = n->links != 0 ? ext2_remove_orphan_locked(e, n) : OK;
    enum status stored = ext2_store_node_locked(e, n);
    return s != OK ? s : ended != OK ? ended : stored;
}

enum status ext2_write_back(void *ctx)
{
    struct ext2 *e = ctx;
    mutex_lock(&e->lock);
    bool has_journal = e->journal != NULL && e->disk.is_writable;
    enum status s = has_journal ? ext2_commit_locked(e) : OK;
    mutex_unlock(&e->lock);
    return has_journal ? s : page_cache_write(e->cache);
}

/* ---- Orphans ---- */

enum status ext2_add_orphan_locked(struct ext2 *e, struct ext2_node *n)
{
    if (e->journal == NULL || n->is_orphan) {
        return OK;
    }
    n->is_orphan = true;
    n->next_orphan = e->first_orphan;
    e->first_orphan = (uint32_t)n->node.id;
    return ext2_store_super_locked(e);
}

/* The orphan before one in the list; NULL: it is the first. */
static struct ext2_node *orphan_before_locked(struct ext2 *e, const struct ext2_node *n)
    REQUIRES(e->lock)
{
    EXT2_FOR_EACH_NODE(e, m)
    {
        if (m->is_orphan && m->next_orphan == n->node.id) {
            return m;
        }
    }
    return NULL;
}

enum status ext2_remove_orphan_locked(struct ext2 *e, struct ext2_node *n)
{
    if (e->journal == NULL || !n->is_orphan) {
        return OK;
    }
    n->is_orphan = false;
    if (e->first_orphan == n->node.id) {
        e->first_orphan = n->next_orphan;
        return ext2_store_super_locked(e);
    }
    struct ext2_node *before = orphan_before_locked(e, n);
    if (before == NULL) {
        enum status s = ext2_skip_orphan_locked(e, n);
        return s == OK ? s : ext2_fail_locked(e, s, "the list of orphans is wrong");
    }
    before->next_orphan = n->next_orphan;
    return ext2_store_node_locked(e, before);
}

/* Links to other orphans lead to nodes that are not in use: each inode is in the list once, and is
 * removed before the next is read. */
static enum status end_orphan_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock)
{
    enum status s;
    if (n->links == 0) {
        return ext2_delete_locked(e, n);
    }
    s = ext2_begin_locked(e);
    if (s == OK && n->node.type == FILE_REGULAR) {
        s = ext2_free_from_locked(e, n, (n->size + e->block_size - 1) >> e->block_shift);
    }
    if (s == E_NOMEM) { /* it stays an orphan */
        enum status stored = ext2_store_node_locked(e, n);
        return stored != OK ? stored : s;
    }
    return ext2_end_locked(e, n, s);
}

enum status ext2_end_orphans_locked(struct ext2 *e)
{
    enum status s = OK;
    for (uint32_t left = e->inode_count; e->first_orphan != 0 && s == OK; left--) {
        struct ext2_node *n;
        s = left == 0 ? E_CORRUPT : ext2_load_orphan_locked(e, e->first_orphan, &n);
        if (s == OK) {
            s = end_orphan_locked(e, n);
            ext2_put_node_locked(e, n);
        }
    }
    return s;
}
