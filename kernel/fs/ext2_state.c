// SPDX-License-Identifier: MIT
//
// The state of an ext2 image as a whole: its superblock, and the steps by which disk_state.c makes
// it writable and read-only.
#include "kernel/fs/ext2_internal.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"

/* While an image is writable, its superblock says that it was not unmounted: after a crash or a
 * power cut it is mounted read-only until e2fsck has checked it. That mark is on the device before
 * anything else is written, and everything else is written before it is taken away.
 *
 * With a journal the mark is needs_recovery: the journal is replayed when the image becomes
 * writable again. The rest of the state says "clean" all the time. */
enum {
    SUPER_OFFSET = 1024,
    STATE_CLEAN = 1,
    COMPAT_KNOWN = 0x3, /* sparse_super, large_file */
    LARGE_FILE = 0x2,
};

/* Offsets in the superblock. */
enum {
    S_FREE_BLOCKS = 12,
    S_FREE_INODES = 16,
    S_MOUNTED = 44,
    S_WRITTEN = 48,
    S_MOUNTS = 52,
    S_STATE = 58,
    S_INCOMPAT = 96,
    S_RO_COMPAT = 100,
    S_LAST_ORPHAN = 232,
};

/* Features without which an image can be read but not written. */
static const struct {
    uint32_t bit;
    const char *name;
} ext4_features[] =
    {
        {EXT2_EXTENTS, "extents"},
        {EXT2_64BIT, "64bit"},
        {EXT2_FLEX_GROUPS, "flex_bg"},
        {EXT2_CHECKSUM_SEED, "metadata_csum_seed"},
},
  read_only_features[] = {
      {0x4, "btree_dir"},          {0x8, "huge_file"},       {0x10, "uninit_bg"},
      {0x20, "dir_nlink"},         {0x40, "extra_isize"},    {0x100, "quota"},
      {0x200, "bigalloc"},         {0x400, "metadata_csum"}, {0x800, "replica"},
      {0x1000, "read-only"},       {0x2000, "project"},      {0x8000, "verity"},
      {0x10000, "orphan_present"},
};

enum status ext2_store_super_locked(struct ext2 *e)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, SUPER_OFFSET, 0, &page);
    if (s != OK) {
        return s;
    }
    uint8_t *super = page->bytes + SUPER_OFFSET;
    store_le32(super + S_FREE_BLOCKS, e->free_blocks);
    store_le32(super + S_FREE_INODES, e->free_inodes);
    store_le32(super + S_WRITTEN, (uint32_t)(ext2_now_ns() / NS_PER_S));
    store_le16(super + S_STATE, e->state);
    if (e->revision != 0) {
        uint32_t incompat = load_le32(super + S_INCOMPAT) & ~(uint32_t)EXT2_NEEDS_RECOVERY;
        store_le32(super + S_INCOMPAT, incompat | (e->needs_recovery ? EXT2_NEEDS_RECOVERY : 0));
        store_le32(super + S_RO_COMPAT, e->ro_compat);
        store_le32(super + S_LAST_ORPHAN, e->first_orphan);
    }
    ext2_changed_locked(e, page, super, true);
    page_cache_put(page);
    return OK;
}

static struct ext2 *ext2_with(struct disk_state *d)
{
    return CONTAINER_OF(d, struct ext2, disk);
}

/* The journal notes the error, too, and changes without a commit are not written. */
static void fail_locked(struct disk_state *d) NO_LOCK_ANALYSIS
{
    struct ext2 *e = ext2_with(d);
    e->state |= EXT2_STATE_ERRORS;
    journal_close(e->opened);
    e->opened = NULL;
    if (e->journal != NULL) {
        journal_abort(e->journal);
        page_cache_abandon(e->cache);
    } else if (d->is_writable) {
        (void)ext2_store_super_locked(e);
    }
}

enum status ext2_note_large_file_locked(struct ext2 *e)
{
    if ((e->ro_compat & LARGE_FILE) != 0) {
        return OK;
    }
    if (e->revision == 0) {
        return E_OVERFLOW;
    }
    e->ro_compat |= LARGE_FILE;
    return ext2_store_super_locked(e);
}

/* ---- Writing what was changed ---- */

/* All of the image is written, not only one file. The journal's device is waited for with the
 * lock. */
enum status ext2_sync(struct fs *fs, struct fs_node *node)
{
    struct ext2 *e = CONTAINER_OF(fs, struct ext2, fs);
    (void)node;
    mutex_lock(&e->lock);
    bool has_journal = e->journal != NULL && e->disk.is_writable;
    enum status s = has_journal ? ext2_commit_locked(e) : OK;
    mutex_unlock(&e->lock);
    return has_journal ? s : disk_state_sync(&e->disk);
}

/* ---- Modes ---- */

static enum status check_features(const struct ext2 *e)
{
    for (size_t i = 0; i < ARRAY_COUNT(ext4_features); i++) {
        if ((e->incompat & ext4_features[i].bit) != 0) {
            log_error("ext2", "%s: ext4's %s: read-only", e->dev->name, ext4_features[i].name);
            return E_NOTSUP;
        }
    }
    uint32_t unknown = e->ro_compat & ~(uint32_t)COMPAT_KNOWN;
    for (size_t i = 0; i < ARRAY_COUNT(read_only_features); i++) {
        if ((unknown & read_only_features[i].bit) != 0) {
            log_error("ext2", "%s: feature %s is supported only for reading", e->dev->name,
                      read_only_features[i].name);
            return E_NOTSUP;
        }
    }
    if (unknown != 0) {
        log_error("ext2", "%s: unknown features 0x%x: only for reading", e->dev->name, unknown);
    }
    return unknown != 0 ? E_NOTSUP : OK;
}

static enum status check_state(const struct ext2 *e)
{
    if ((e->state & STATE_CLEAN) == 0 || (e->state & EXT2_STATE_ERRORS) != 0 ||
        (e->first_orphan != 0 && e->journal_inode == 0)) {
        log_error("ext2", "%s: %s: check it with e2fsck before it is written", e->dev->name,
                  (e->state & EXT2_STATE_ERRORS) != 0 ? "it has errors" : "it was not unmounted");
        return E_CORRUPT;
    }
    return OK;
}

static enum status count_mount_locked(struct ext2 *e) REQUIRES(e->lock)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, SUPER_OFFSET, 0, &page);
    if (s == OK) {
        uint8_t *super = page->bytes + SUPER_OFFSET;
        store_le32(super + S_MOUNTED, (uint32_t)(ext2_now_ns() / NS_PER_S));
        store_le16(super + S_MOUNTS, (uint16_t)(load_le16(super + S_MOUNTS) + 1));
        page_cache_dirty(e->cache, page);
        page_cache_put(page);
    }
    return s;
}

/* The order: features, replay, features again, state. */
static enum status prepare_locked(struct disk_state *d) NO_LOCK_ANALYSIS
{
    struct ext2 *e = ext2_with(d);
    name_cache_clear(&e->names); /* so that the nodes that are left are in use */
    enum status s = check_features(e);
    if (s == OK && e->needs_recovery) {
        s = ext2_recover_locked(e);
        s = s != OK ? s : check_features(e); /* the journal may have added some */
    }
    return s != OK ? s : check_state(e);
}

static enum status open_locked(struct disk_state *d) NO_LOCK_ANALYSIS
{
    struct ext2 *e = ext2_with(d);
    return e->journal_inode == 0 ? OK : ext2_start_journal_locked(e, &e->opened);
}

static enum status mark_locked(struct disk_state *d, bool is_clean) NO_LOCK_ANALYSIS
{
    struct ext2 *e = ext2_with(d);
    enum status s = is_clean ? OK : count_mount_locked(e);
    e->needs_recovery = !is_clean && e->opened != NULL;
    e->state &= (uint16_t) ~(e->needs_recovery ? 0 : STATE_CLEAN);
    e->state |= is_clean ? STATE_CLEAN : 0;
    return s != OK ? s : ext2_store_super_locked(e);
}

/* Orphans are deleted last, since that is the first change that needs the journal. Without memory
 * they stay in the list, and the image becomes read-only again. */
static enum status begin_locked(struct disk_state *d) NO_LOCK_ANALYSIS
{
    struct ext2 *e = ext2_with(d);
    e->journal = e->opened;
    e->opened = NULL;
    enum status s = ext2_end_orphans_locked(e);
    return s == OK || s == E_NOMEM ? s : ext2_fail_locked(e, s, "deleted files cannot be freed");
}

/* Delete the files that are open but have no name, or only say that there is one. */
static enum status end_nameless_locked(struct ext2 *e, bool may_delete) REQUIRES(e->lock)
{
    enum status s = OK;
    EXT2_FOR_EACH_NODE(e, n)
    {
        if (s == OK && n->links == 0) {
            s = may_delete ? ext2_delete_locked(e, n) : E_BUSY;
        }
    }
    return s;
}

static enum status stop_journal_locked(struct ext2 *e) REQUIRES(e->lock)
{
    enum status s = ext2_store_super_locked(e);
    s = s != OK ? s : journal_stop(e->journal);
    if (s != OK) {
        return ext2_give_up_locked(e, s);
    }
    journal_close(e->journal);
    e->journal = NULL;
    e->needs_recovery = false;
    return OK;
}

static enum status end_locked(struct disk_state *d, bool is_final) NO_LOCK_ANALYSIS
{
    struct ext2 *e = ext2_with(d);
    name_cache_clear(&e->names); /* so that the nodes that are left are in use */
    enum status s = end_nameless_locked(e, is_final);
    return s == OK && e->journal != NULL ? stop_journal_locked(e) : s;
}

static enum status store_locked(struct disk_state *d) NO_LOCK_ANALYSIS
{
    return ext2_store_super_locked(ext2_with(d));
}

const struct disk_state_ops ext2_state_ops = {
    .area = "ext2",
    .prepare = prepare_locked,
    .open = open_locked,
    .mark = mark_locked,
    .begin = begin_locked,
    .store = store_locked,
    .end = end_locked,
    .fail = fail_locked,
};
