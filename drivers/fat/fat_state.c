// SPDX-License-Identifier: MIT
//
// Clean or not, read-only or not. While an image is writable, two marks say that it was not
// unmounted: a bit of the boot sector, which Linux and fsck.fat use, and one in the table's second
// entry, which Windows uses.
#include "drivers/fat/fat.h"

#include "kernel/base/log.h"
#include "kernel/lib/endian.h"

enum {
    STATE_16 = 0x25, /* offset in the boot sector */
    STATE_32 = 0x41,
    STATE_DIRTY = 1,
    INFO_FREE = 488, /* offsets in the FSInfo sector */
    INFO_NEXT = 492,
};

static enum status mark_locked(struct fat *e, bool is_clean) REQUIRES(e->lock)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, 0, 0, &page);
    if (s == OK) {
        uint8_t *state = page->bytes + (e->is_fat32 ? STATE_32 : STATE_16);
        *state = (uint8_t)(is_clean ? *state & ~STATE_DIRTY : *state | STATE_DIRTY);
        page_cache_dirty(e->cache, page);
        page_cache_put(page);
        s = fat_mark_locked(e, is_clean);
    }
    return s;
}

static enum status store_info_locked(struct fat *e) REQUIRES(e->lock)
{
    struct cache_page *page;
    if (e->info == 0) {
        return OK;
    }
    enum status s = page_cache_get(e->cache, e->info, 0, &page);
    if (s == OK) {
        uint8_t *info = page->bytes + e->info % CACHE_PAGE;
        store_le32(info + INFO_FREE, e->free_clusters);
        store_le32(info + INFO_NEXT,
                   fat_is_cluster(e, e->next_free) ? e->next_free : FAT_FIRST_CLUSTER);
        page_cache_dirty(e->cache, page);
        page_cache_put(page);
    }
    return s;
}

enum status fat_fail_locked(struct fat *e, enum status s, const char *why)
{
    if (!e->has_failed) {
        log_error("fat", "%s: %s (%s): read-only from now on", e->dev->name, why, status_text(s));
        e->has_failed = true;
        e->is_writable = false; /* that it is not clean is on the device already */
        atomic_store_explicit(&e->fs.is_read_only, true, memory_order_relaxed);
    }
    return s;
}

static enum status give_up_locked(struct fat *e, enum status s) REQUIRES(e->lock)
{
    s = fat_fail_locked(e, s, "what was changed cannot be written, and is lost");
    page_cache_abandon(e->cache);
    return s;
}

/* All of the image is written, not only one file. The device is waited for without the lock. */
enum status fat_sync(struct fs *fs, struct fs_node *node)
{
    struct fat *e = CONTAINER_OF(fs, struct fat, fs);
    (void)node;
    mutex_lock(&e->lock);
    bool is_writable = e->is_writable;
    enum status s = is_writable ? store_info_locked(e) : e->has_failed ? E_IO : OK;
    mutex_unlock(&e->lock);
    if (s != OK || !is_writable) {
        return s;
    }
    s = page_cache_sync(e->cache);
    if (s != OK) {
        mutex_lock(&e->lock);
        s = give_up_locked(e, s);
        mutex_unlock(&e->lock);
    }
    return s;
}

static enum status make_writable_locked(struct fat *e) REQUIRES(e->lock)
{
    if (e->dev->read_only) {
        return E_ROFS;
    }
    if (e->was_dirty || e->has_failed) {
        log_error("fat",
                  "%s: it was not unmounted, or has errors: check it with fsck.fat before it "
                  "is written",
                  e->dev->name);
        return E_CORRUPT;
    }
    enum status s = page_cache_allow_writes(e->cache);
    if (s != OK) {
        return s;
    }
    s = mark_locked(e, false);
    s = s != OK ? s : page_cache_sync(e->cache);
    if (s != OK) {
        return give_up_locked(e, s);
    }
    e->is_writable = true;
    atomic_store_explicit(&e->fs.is_read_only, false, memory_order_relaxed);
    return OK;
}

/* Free the clusters of the files that are open but have no name, or only say that there is one. */
static enum status end_nameless_locked(struct fat *e, bool may_free) REQUIRES(e->lock)
{
    enum status s = OK;
    for (uint32_t i = 0; i < FAT_NODE_BUCKETS; i++) {
        for (struct fat_node *n = e->nodes[i]; n != NULL && s == OK; n = n->next) {
            if (n->is_removed) {
                s = may_free ? fat_free_from_locked(e, n, 0) : E_BUSY;
                n->size = may_free ? 0 : n->size;
            }
        }
    }
    return s;
}

/* Everything else is on the device before the mark that the image is clean. */
static enum status make_read_only_locked(struct fat *e, bool is_final) REQUIRES(e->lock)
{
    enum status s = end_nameless_locked(e, is_final);
    if (s != OK) {
        return s;
    }
    s = store_info_locked(e);
    s = s != OK ? s : page_cache_sync(e->cache);
    s = s != OK ? s : mark_locked(e, true);
    s = s != OK ? s : page_cache_sync(e->cache);
    if (s != OK) {
        return give_up_locked(e, s);
    }
    e->is_writable = false;
    atomic_store_explicit(&e->fs.is_read_only, true, memory_order_relaxed);
    return OK;
}

enum status fat_set_mode(struct fs *fs, enum fs_mode mode)
{
    struct fat *e = CONTAINER_OF(fs, struct fat, fs);
    enum status s = OK;
    mutex_lock(&e->lock);
    if (mode == FS_WRITABLE) {
        s = e->is_writable ? OK : make_writable_locked(e);
    } else if (e->is_writable) {
        s = make_read_only_locked(e, mode == FS_FINAL);
    } else if (e->has_failed) {
        s = mode == FS_FINAL ? E_IO : OK; /* what was not written is lost */
    }
    mutex_unlock(&e->lock);
    return s;
}
