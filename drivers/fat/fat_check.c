// SPDX-License-Identifier: MIT
//
// Checking a FAT image without changing it: chains of clusters that meet, end at the wrong place or
// belong to no file, and copies and counts that differ.
#include "drivers/fat/fat.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* Every chain marks its clusters, so a cluster that is marked already has two users, or is in a
 * loop. The lock is held all the time, so a mounted image does not change. */
struct check {
    struct fat *e;
    struct fs_check *out;
    uint8_t *used;    /* clusters, by number */
    uint8_t *pending; /* first clusters of directories that are to be read */
};

#define COMPARE 512u

static bool get_bit(const uint8_t *bits, uint32_t i)
{
    return (bits[i / 8] & 1u << i % 8) != 0;
}

static void set_bit(uint8_t *bits, uint32_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
}

static void clear_bit(uint8_t *bits, uint32_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] & ~(1u << i % 8));
}

/* Mark a chain. *count: its clusters, up to the fault if there is one. */
static enum status mark_chain_locked(struct check *c, const char *name, uint32_t first,
                                     uint32_t *count) REQUIRES(c->e->lock)
{
    uint32_t cluster = first;
    *count = 0;
    while (cluster != 0) {
        uint32_t next = 0;
        if (!fat_is_cluster(c->e, cluster)) {
            fs_check_fault(c->out, "%s: cluster %u is outside of the image", name, cluster);
            return OK;
        }
        if (get_bit(c->used, cluster)) {
            fs_check_fault(c->out, "%s: cluster %u is used twice", name, cluster);
            return OK;
        }
        set_bit(c->used, cluster);
        ++*count;
        enum status s = fat_next_locked(c->e, cluster, &next);
        if (s == E_CORRUPT) {
            fs_check_fault(c->out, "%s: the cluster after %u is free, bad or outside of the image",
                           name, cluster);
            return OK;
        }
        if (s != OK) {
            return s;
        }
        cluster = next;
    }
    return OK;
}

/* A directory is read later, unless another one has the same first cluster. */
static enum status check_directory_locked(struct check *c, const struct fat_entry *entry,
                                          uint32_t parent) REQUIRES(c->e->lock)
{
    uint32_t first = fat_cluster_of(c->e, entry->raw), count, named = 0;
    if (!fat_is_cluster(c->e, first)) {
        fs_check_fault(c->out, "%s: a directory without clusters", entry->name);
        return OK;
    }
    bool is_new = !get_bit(c->used, first);
    enum status s = mark_chain_locked(c, entry->name, first, &count);
    if (s != OK || !is_new) {
        return s;
    }
    set_bit(c->pending, first);
    s = fat_get_parent_locked(c->e, first, &named);
    if (s == E_CORRUPT || (s == OK && named != parent)) {
        fs_check_fault(c->out, "%s: its \"..\" is not the directory that has its name",
                       entry->name);
        return OK;
    }
    return s;
}

static enum status check_file_locked(struct check *c, const struct fat_entry *entry, uint32_t size)
    REQUIRES(c->e->lock)
{
    uint32_t count, shift = c->e->cluster_shift;
    uint32_t need = (uint32_t)(((uint64_t)size + (1u << shift) - 1) >> shift);
    enum status s = mark_chain_locked(c, entry->name, fat_cluster_of(c->e, entry->raw), &count);
    if (s == OK && count != need) {
        fs_check_fault(c->out, "%s: it has %u clusters, and its size needs %u", entry->name, count,
                       need);
    }
    return s;
}

static enum status read_directory_locked(struct check *c, struct fat_node *dir, uint32_t number)
    REQUIRES(c->e->lock)
{
    struct fat_entry *entry = heap_alloc(sizeof(*entry));
    uint32_t off = 0;
    enum status s = entry == NULL ? E_NOMEM : OK;
    c->out->directories++;
    while (s == OK && (s = fat_next_entry_locked(c->e, dir, &off, entry)) == OK) {
        if ((entry->raw[FAT_ATTRIBUTES] & FAT_DIRECTORY) != 0) {
            s = check_directory_locked(c, entry, number);
        } else {
            c->out->files++;
            s = check_file_locked(c, entry, load_le32(entry->raw + FAT_SIZE));
        }
    }
    heap_free(entry);
    return s == E_NOENT || s == E_CORRUPT ? OK : s; /* a broken chain was reported */
}

/* No recursion: directories that are found are noted, and each is read once. */
static enum status read_directories_locked(struct check *c) REQUIRES(c->e->lock)
{
    struct fat *e = c->e;
    uint32_t count;
    enum status s = e->is_fat32 ? mark_chain_locked(c, "the root", e->root_cluster, &count) : OK;
    s = s != OK ? s : read_directory_locked(c, fat_node_of(e->fs.root), 0);
    for (bool is_done = false; !is_done && s == OK;) {
        is_done = true;
        for (uint32_t i = FAT_FIRST_CLUSTER; i < e->cluster_end && s == OK; i++) {
            if (get_bit(c->pending, i)) {
                struct fat_node dir = {.node = {.fs = &e->fs, .type = FILE_DIRECTORY}, .first = i};
                dir.at = fat_byte_of(e, i); /* any but the root's */
                clear_bit(c->pending, i);
                is_done = false;
                s = read_directory_locked(c, &dir, i);
            }
        }
    }
    return s;
}

/* Open files whose name was removed still have their clusters. */
static enum status mark_nameless_locked(struct check *c) REQUIRES(c->e->lock)
{
    enum status s = OK;
    for (uint32_t i = 0; i < FAT_NODE_BUCKETS; i++) {
        for (const struct fat_node *n = c->e->nodes[i]; n != NULL && s == OK; n = n->next) {
            uint32_t count;
            s = n->is_removed ? mark_chain_locked(c, "a removed file", n->first, &count) : OK;
        }
    }
    return s;
}

static enum status count_locked(struct check *c) REQUIRES(c->e->lock)
{
    struct fat *e = c->e;
    uint32_t lost = 0, free = 0;
    enum status s = OK;
    for (uint32_t i = FAT_FIRST_CLUSTER; i < e->cluster_end && s == OK; i++) {
        enum fat_use use = FAT_USE_FREE;
        s = fat_use_of_locked(c->e, i, &use);
        free += s == OK && use == FAT_USE_FREE;
        lost += s == OK && use == FAT_USE_CHAIN && !get_bit(c->used, i);
    }
    if (lost != 0) {
        fs_check_fault(c->out, "%u clusters are marked as used, but belong to no file", lost);
    }
    if (s == OK && free != e->free_clusters) {
        fs_check_fault(c->out, "%u clusters are free, and %u are noted", free, e->free_clusters);
    }
    c->out->total = e->cluster_end - FAT_FIRST_CLUSTER;
    c->out->used = c->out->total - free;
    return s;
}

/* False, too, after an error. */
static bool is_same_locked(struct check *c, uint64_t a, uint64_t b, enum status *s)
    REQUIRES(c->e->lock)
{
    uint8_t one[COMPARE], other[COMPARE];
    *s = page_cache_copy(c->e->cache, a, one, sizeof(one), CACHE_PAGE);
    *s = *s != OK ? *s : page_cache_copy(c->e->cache, b, other, sizeof(other), CACHE_PAGE);
    return *s == OK && memcmp(one, other, sizeof(one)) == 0;
}

/* Sectors have at least 512 bytes. */
static enum status compare_tables_locked(struct check *c) REQUIRES(c->e->lock)
{
    struct fat *e = c->e;
    enum status s = OK;
    for (uint32_t copy = 1; copy < e->table_copies && s == OK; copy++) {
        uint64_t off = 0, other = e->table + copy * e->table_bytes;
        while (off < e->table_bytes && is_same_locked(c, e->table + off, other + off, &s)) {
            off += COMPARE;
        }
        if (s == OK && off < e->table_bytes) {
            fs_check_fault(c->out, "copy %u of the table of clusters differs at byte %llu",
                           copy + 1, (unsigned long long)off);
        }
    }
    return s;
}

static enum status check_locked(struct check *c) REQUIRES(c->e->lock)
{
    if (c->e->was_dirty || c->e->disk.has_failed) {
        fs_check_fault(c->out, "it was not unmounted, or has errors");
    }
    enum status s = read_directories_locked(c);
    s = s != OK ? s : mark_nameless_locked(c);
    s = s != OK ? s : count_locked(c);
    return s != OK ? s : compare_tables_locked(c);
}

enum status fat_check(struct fs *fs, struct fs_check *out)
{
    struct fat *e = CONTAINER_OF(fs, struct fat, fs);
    size_t bytes = (size_t)e->cluster_end / 8 + 1;
    uint8_t *bits = heap_zalloc(2 * bytes);
    if (bits == NULL) {
        return E_NOMEM;
    }
    struct check c = {.e = e, .out = out, .used = bits, .pending = bits + bytes};
    mutex_lock(&c.e->lock);
    enum status s = check_locked(&c);
    mutex_unlock(&c.e->lock);
    heap_free(bits);
    return s;
}
