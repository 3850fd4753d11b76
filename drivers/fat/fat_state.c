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

static struct fat *fat_with(struct disk_state *d)
{
    return CONTAINER_OF(d, struct fat, disk);
}

static enum status mark_locked(struct disk_state *d, bool is_clean) NO_LOCK_ANALYSIS
{
    struct fat *e = fat_with(d);
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

/* Sector FSInfo of FAT32: its counts are only hints for the next mount. */
static enum status store_locked(struct disk_state *d) NO_LOCK_ANALYSIS
{
    const struct fat *e = fat_with(d);
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

static enum status prepare_locked(struct disk_state *d) NO_LOCK_ANALYSIS
{
    const struct fat *e = fat_with(d);
    if (e->was_dirty) {
        log_error("fat",
                  "%s: it was not unmounted, or has errors: check it with fsck.fat before it "
                  "is written",
                  e->dev->name);
        return E_CORRUPT;
    }
    return OK;
}

/* Free the clusters of the files that are open but have no name, or only say that there is one. */
static enum status end_locked(struct disk_state *d, bool may_free) NO_LOCK_ANALYSIS
{
    struct fat *e = fat_with(d);
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

const struct disk_state_ops fat_state_ops = {
    .area = "fat",
    .prepare = prepare_locked,
    .mark = mark_locked,
    .store = store_locked,
    .end = end_locked,
};

enum status fat_sync(struct fs *fs, struct fs_node *node)
{
    (void)node;
    return disk_state_sync(&CONTAINER_OF(fs, struct fat, fs)->disk);
}

enum status fat_set_mode(struct fs *fs, enum fs_mode mode)
{
    return disk_state_set_mode(&CONTAINER_OF(fs, struct fat, fs)->disk, mode);
}
