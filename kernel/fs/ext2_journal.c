// SPDX-License-Identifier: MIT
//
// The journal of an ext3 image: found, replayed, opened for writing. ext2_change.c writes it.
#include "kernel/fs/ext2_internal.h"

#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"

enum { SUPER_OFFSET = 1024, SUPER_SIZE = 1024 };

static enum status refuse(const struct ext2 *e, const char *why)
{
    log_error("ext2", "%s: journal: %s", e->dev->name, why);
    return E_CORRUPT;
}

/* Find where the journal's blocks are. None may be missing, or be metadata of a group. The numbers
 * are collected once, before the image is writable, and none of them may be a bitmap, an inode
 * table or a descriptor: a hostile journal there would let a commit overwrite them. */
static enum status map_locked(struct ext2 *e, const struct ext2_node *n, uint32_t length,
                              uint32_t *blocks) REQUIRES(e->lock)
{
    for (uint32_t i = 0; i < length;) {
        struct ext2_run run;
        enum status s = ext2_find_run_locked(e, n, i, length - i, &run);
        if (s == OK && run.block == 0) {
            s = E_CORRUPT;
        }
        for (uint32_t k = 0; s == OK && k < run.count; k++) {
            blocks[i + k] = run.block + k;
            s = ext2_is_file_block_locked(e, run.block + k) ? OK : E_CORRUPT;
        }
        if (s != OK) {
            return s == E_CORRUPT ? refuse(e, "its blocks are not those of a file") : s;
        }
        i += run.count;
    }
    return OK;
}

static enum status open_node_locked(struct ext2 *e, const struct ext2_node *n, struct journal **out)
    REQUIRES(e->lock)
{
    uint64_t length = n->size >> e->block_shift;
    if (n->node.type != FILE_REGULAR || length == 0) {
        return refuse(e, "its inode is not that of a file");
    }
    uint32_t count = (uint32_t)MIN(length, (uint64_t)JOURNAL_LENGTH_MAX);
    struct journal_place place = {.dev = e->dev,
                                  .cache = e->cache,
                                  .block_shift = e->block_shift,
                                  .first_block = e->first_block,
                                  .block_count = e->block_count,
                                  .blocks = heap_calloc(count, sizeof(uint32_t)),
                                  .length = count};
    if (place.blocks == NULL) {
        return E_NOMEM;
    }
    enum status s = map_locked(e, n, count, place.blocks);
    s = s != OK ? s : journal_open(&place, out);
    if (s != OK) {
        heap_free(place.blocks);
    }
    return s;
}

static enum status open_locked(struct ext2 *e, struct journal **out) REQUIRES(e->lock)
{
    struct ext2_node *n;
    enum status s = ext2_load_reserved_locked(e, e->journal_inode, &n);
    if (s != OK) {
        return s == E_CORRUPT ? refuse(e, "its inode is malformed") : s;
    }
    s = open_node_locked(e, n, out);
    ext2_put_node_locked(e, n);
    return s;
}

/* ---- Replaying ---- */

/* True if the features that change the format of metadata are the same. */
static bool is_same_format(const struct ext2 *a, const struct ext2 *b)
{
    return ((a->incompat ^ b->incompat) & ~(uint32_t)EXT2_NEEDS_RECOVERY) == 0 &&
           a->descriptor_size == b->descriptor_size && a->has_checksums == b->has_checksums &&
           a->revision == b->revision && a->journal_inode == b->journal_inode;
}

static bool is_same_geometry(const struct ext2 *a, const struct ext2 *b)
{
    return a->block_size == b->block_size && a->block_count == b->block_count &&
           a->blocks_per_group == b->blocks_per_group && a->inode_count == b->inode_count &&
           a->inodes_per_group == b->inodes_per_group && a->inode_size == b->inode_size &&
           a->first_inode == b->first_inode;
}

/* A superblock in the journal differs from the present one only in counts, in states, and in
 * features that only writers must know. Called for each block that the replay would write. A
 * superblock from the log is decoded as a new mount would do it. With other geometry, every check
 * that was made at the mount would be void. */
static enum status check_block(void *ctx, uint32_t block, const uint8_t *bytes)
{
    const struct ext2 *e = ctx;
    if (block != e->first_block) {
        return OK;
    }
    struct ext2 *new = heap_zalloc(sizeof(*new));
    if (new == NULL) {
        return E_NOMEM;
    }
    new->dev = e->dev;
    bool is_sound = ext2_read_super(new, bytes + SUPER_OFFSET % e->block_size) == OK &&
                    is_same_format(new, e) && is_same_geometry(new, e);
    heap_free(new);
    return is_sound ? OK : E_CORRUPT;
}

/* Only the root may be in use: the other nodes' fields may be old. */
static bool is_in_use_locked(const struct ext2 *e) REQUIRES(e->lock)
{
    EXT2_FOR_EACH_NODE(e, n)
    {
        if (&n->node != e->fs.root) {
            return true;
        }
    }
    return false;
}

static enum status reload_locked(struct ext2 *e) REQUIRES(e->lock)
{
    uint8_t super[SUPER_SIZE];
    enum status s = page_cache_copy(e->cache, SUPER_OFFSET, super, sizeof(super), 0);
    s = s != OK ? s : ext2_read_super(e, super);
    return s != OK ? s : ext2_reload_root_locked(e);
}

static enum status replay_locked(struct ext2 *e, struct journal *j) REQUIRES(e->lock)
{
    bool has_error = journal_has_error(j);
    enum status s = journal_replay(j, check_block, e);
    if (s != OK) {
        return s;
    }
    s = reload_locked(e);
    if (s == OK) {
        e->state |= has_error ? EXT2_STATE_ERRORS : 0;
        e->needs_recovery = false;
        s = ext2_store_super_locked(e);
    }
    s = s != OK ? s : page_cache_sync(e->cache);
    return s == OK ? s : ext2_fail_locked(e, s, "it cannot be used after its journal was replayed");
}

enum status ext2_recover_locked(struct ext2 *e)
{
    struct journal *j;
    if (is_in_use_locked(e)) {
        log_error("ext2", "%s: the journal cannot be replayed while files are open", e->dev->name);
        return E_BUSY;
    }
    enum status s = open_locked(e, &j);
    if (s == OK) {
        s = replay_locked(e, j);
        journal_close(j);
    }
    return s;
}

enum status ext2_start_journal_locked(struct ext2 *e, struct journal **out)
{
    struct journal *j;
    enum status s = open_locked(e, &j);
    if (s != OK) {
        return s;
    }
    s = journal_start(j);
    if (s != OK) {
        journal_close(j);
        return s;
    }
    *out = j;
    return OK;
}
