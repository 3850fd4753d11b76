// SPDX-License-Identifier: MIT
//
// Files in use. A file has at most one listed node, found by the position of its entry, so that all
// its users see each change at once. A node whose last reference was dropped stays listed until its
// release() gets the lock; a thread that finds it meanwhile takes it off the list and loads the
// entry again, which is always stored.
#include "drivers/fat/fat.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define REMOVED_ID (1ull << 62) /* no device is that large */

uint32_t fat_cluster_of(const struct fat *e, const uint8_t *raw)
{
    uint32_t high = e->is_fat32 ? load_le16(raw + FAT_CLUSTER_HIGH) : 0;
    return high << 16 | load_le16(raw + FAT_CLUSTER_LOW);
}

void fat_set_cluster(const struct fat *e, uint8_t *raw, uint32_t cluster)
{
    store_le16(raw + FAT_CLUSTER_LOW, (uint16_t)cluster);
    store_le16(raw + FAT_CLUSTER_HIGH, (uint16_t)(e->is_fat32 ? cluster >> 16 : 0));
}

static struct fat_node **bucket_of(struct fat *e, uint64_t id)
{
    return &e->nodes[id % FAT_NODE_BUCKETS];
}

static void unlist_locked(struct fat *e, struct fat_node *n) REQUIRES(e->lock)
{
    if (n->is_listed) {
        struct fat_node **at = bucket_of(e, n->node.id);
        while (*at != n) {
            at = &(*at)->next;
        }
        *at = n->next;
        n->is_listed = false;
    }
}

static void list_locked(struct fat *e, struct fat_node *n) REQUIRES(e->lock)
{
    struct fat_node **bucket = bucket_of(e, n->node.id);
    n->next = *bucket;
    n->is_listed = true;
    *bucket = n;
}

static bool is_sound(const struct fat *e, const struct fat_node *n)
{
    if (n->first != 0 && !fat_is_cluster(e, n->first)) {
        return false;
    }
    return n->first != 0 || (n->node.type == FILE_REGULAR && n->size == 0);
}

static struct fat_node *make_node_locked(struct fat *e, uint64_t id, enum file_type type)
    REQUIRES(e->lock)
{
    struct fat_node *n = heap_zalloc(sizeof(*n));
    if (n != NULL) {
        n->node = (struct fs_node){.fs = &e->fs, .id = id, .type = type, .run = &n->run};
        atomic_init(&n->node.refs, 1);
        known_run_init(&n->run, e->cache, "fat clusters");
    }
    return n;
}

enum status fat_make_root_locked(struct fat *e, struct fat_node **out)
{
    struct fat_node *n = make_node_locked(e, FAT_ROOT_ID, FILE_DIRECTORY);
    if (n == NULL) {
        return E_NOMEM;
    }
    n->first = e->root_cluster;
    n->attributes = FAT_DIRECTORY;
    list_locked(e, n);
    *out = n;
    return OK;
}

static enum status load_node_locked(struct fat *e, const uint8_t *raw, uint64_t at,
                                    struct fat_node **out) REQUIRES(e->lock)
{
    bool is_directory = (raw[FAT_ATTRIBUTES] & FAT_DIRECTORY) != 0;
    struct fat_node *n =
        make_node_locked(e, at / FAT_ENTRY, is_directory ? FILE_DIRECTORY : FILE_REGULAR);
    if (n == NULL) {
        return E_NOMEM;
    }
    n->at = at;
    n->first = fat_cluster_of(e, raw);
    n->size = is_directory ? 0 : load_le32(raw + FAT_SIZE);
    n->attributes = raw[FAT_ATTRIBUTES];
    n->created_ns = fat_load_time(load_le16(raw + FAT_CREATED + 2), load_le16(raw + FAT_CREATED));
    n->modified_ns =
        fat_load_time(load_le16(raw + FAT_MODIFIED + 2), load_le16(raw + FAT_MODIFIED));
    n->accessed_ns = fat_load_time(load_le16(raw + FAT_ACCESSED), 0);
    if (!is_sound(e, n)) {
        heap_free(n);
        return E_CORRUPT;
    }
    list_locked(e, n);
    *out = n;
    return OK;
}

enum status fat_get_node_locked(struct fat *e, const uint8_t *raw, uint64_t at,
                                struct fat_node **out)
{
    struct fat_node *n = *bucket_of(e, at / FAT_ENTRY);
    while (n != NULL && n->node.id != at / FAT_ENTRY) {
        n = n->next;
    }
    if (n != NULL && fs_node_revive(&n->node)) {
        *out = n;
        return OK;
    }
    if (n != NULL) {
        unlist_locked(e, n);
    }
    return load_node_locked(e, raw, at, out);
}

enum status fat_store_node_locked(struct fat *e, struct fat_node *n)
{
    struct cache_page *page;
    if (n->at == 0 || n->is_removed) {
        return OK;
    }
    enum status s = page_cache_get(e->cache, n->at, 0, &page);
    if (s != OK) {
        return fat_fail_locked(e, s, "an entry cannot be written");
    }
    uint8_t *raw = page->bytes + n->at % CACHE_PAGE;
    raw[FAT_ATTRIBUTES] = n->attributes;
    fat_set_cluster(e, raw, n->first);
    store_le32(raw + FAT_SIZE, n->size);
    fat_store_time(n->modified_ns, raw + FAT_MODIFIED + 2, raw + FAT_MODIFIED);
    fat_store_time(n->accessed_ns, raw + FAT_ACCESSED, NULL);
    page_cache_dirty(e->cache, page);
    page_cache_put(page);
    return OK;
}

void fat_move_node_locked(struct fat *e, struct fat_node *n, uint64_t at)
{
    bool was_listed = n->is_listed;
    unlist_locked(e, n);
    n->is_removed = at == 0;
    n->at = at == 0 ? n->at : at;
    n->node.id = at == 0 ? REMOVED_ID + ++e->last_removed : at / FAT_ENTRY;
    if (was_listed) {
        list_locked(e, n);
    }
}

static void release_locked(struct fat *e, struct fat_node *n) REQUIRES(e->lock)
{
    if (n->is_removed && e->disk.is_writable) {
        (void)fat_free_from_locked(e, n, 0); /* a failure is in the log */
    }
    unlist_locked(e, n);
    fs_node_free(&n->node);
}

void fat_put_node_locked(struct fat *e, struct fat_node *n)
{
    if (atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_acq_rel) == 1) {
        release_locked(e, n);
    }
}

void fat_release(struct fs_node *node)
{
    struct fat *e = fat_of(node);
    mutex_lock(&e->lock);
    release_locked(e, fat_node_of(node));
    mutex_unlock(&e->lock);
}
