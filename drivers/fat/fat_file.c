// SPDX-License-Identifier: MIT
//
// The contents of files. FAT has no holes: a write after the end of a file fills the bytes between
// with zeroes. The bytes after the end in the last cluster have any value.
#include "drivers/fat/fat.h"

#include "kernel/lib/string.h"

#define AHEAD    (128u << 10)
#define LONG_RUN (1u << 20)

/* Part of a file that is in one page of the device. */
struct piece {
    uint64_t at;
    uint32_t cluster;
    size_t len;
};

static void cut_piece(const struct fat *e, struct piece *p, uint32_t off, size_t len)
{
    uint32_t inside = off & ((1u << e->cluster_shift) - 1);
    p->at = fat_byte_of(e, p->cluster) + inside;
    p->len = (size_t)MIN((uint64_t)len, CACHE_PAGE - p->at % CACHE_PAGE);
    p->len = MIN(p->len, (size_t)(1u << e->cluster_shift) - inside);
}

/* Find where the bytes of a file are that are consecutive from `off` on, and remember it for the
 * reads that follow: as many as one request reads ahead. A sequential reader probably reads on, so
 * more are found for it. */
static enum status find_run_locked(struct fat *e, struct fat_node *n, uint32_t off)
    REQUIRES(e->lock)
{
    uint32_t cluster;
    uint32_t index = off >> e->cluster_shift;
    uint32_t most = (known_run_is_next(&n->run, off) ? LONG_RUN : AHEAD) >> e->cluster_shift;
    enum status s = fat_find_locked(e, n, index, &cluster);
    if (s != OK) {
        return s == E_NOENT ? E_CORRUPT : s; /* the chain is shorter than the size says */
    }
    uint32_t count = fat_run_locked(e, cluster, most);
    uint64_t begin = (uint64_t)index << e->cluster_shift;
    uint64_t bytes = (uint64_t)count << e->cluster_shift;
    n->known_index = index + count - 1; /* the next run is found from here */
    n->known_cluster = cluster + count - 1;
    known_run_set(&n->run, begin, MIN(begin + bytes, (uint64_t)n->size), fat_byte_of(e, cluster));
    return OK;
}

/* Read at most one page, so that the lock is not held for long. `off` is before the file's end. */
static enum status read_piece_locked(struct fat *e, struct fat_node *n, uint32_t off, void *buf,
                                     size_t *len) REQUIRES(e->lock)
{
    uint64_t at;
    struct cache_page *page;
    if (!known_run_find(&n->run, off, 1, &at)) {
        enum status s = find_run_locked(e, n, off);
        if (s != OK) {
            return s;
        }
        (void)known_run_find(&n->run, off, 1, &at);
    }
    uint64_t left = atomic_load_explicit(&n->run.end, memory_order_relaxed) - off;
    uint64_t ahead = MIN(left, MAX((uint64_t)*len, (uint64_t)AHEAD));
    enum status s = page_cache_get(e->cache, at, ahead, &page);
    if (s == OK) {
        size_t inside = (size_t)(at % CACHE_PAGE);
        *len = (size_t)MIN(MIN((uint64_t)*len, left), (uint64_t)(CACHE_PAGE - inside));
        memcpy(buf, page->bytes + inside, *len);
        page_cache_put(page);
        known_run_note_read(&n->run, off + *len);
    }
    return s;
}

static enum status read_some(struct fat *e, struct fat_node *n, uint64_t off, void *buf, size_t len,
                             size_t *done)
{
    enum status s = OK;
    mutex_lock(&e->lock);
    *done = off < n->size ? (size_t)MIN((uint64_t)len, n->size - off) : 0;
    if (*done != 0) {
        s = read_piece_locked(e, n, (uint32_t)off, buf, done);
    }
    mutex_unlock(&e->lock);
    return s;
}

enum status fat_read(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done)
{
    struct fat *e = fat_of(node);
    struct fat_node *n = fat_node_of(node);
    size_t total = 0, some = 1;
    enum status s = OK;
    while (total < len && some != 0) {
        s = read_some(e, n, off + total, (uint8_t *)buf + total, len - total, &some);
        if (s != OK) {
            break;
        }
        total += some;
    }
    if (s != OK && total == 0) {
        return s;
    }
    *done = total; /* the next call reports an error */
    return OK;
}

/* ---- Writing ---- */

/* Write one piece; from == NULL: zeroes. The file becomes longer with it. */
static enum status write_piece_locked(struct fat *e, struct fat_node *n, uint32_t off,
                                      const uint8_t *from, size_t *len) REQUIRES(e->lock)
{
    struct piece p;
    struct cache_page *page;
    enum status s = fat_get_locked(e, n, off >> e->cluster_shift, &p.cluster);
    if (s != OK) {
        return s;
    }
    cut_piece(e, &p, off, *len);
    s = p.len == CACHE_PAGE ? page_cache_get_new(e->cache, p.at, &page)
                            : page_cache_get(e->cache, p.at, 0, &page);
    if (s != OK) {
        return s;
    }
    if (from != NULL) {
        memcpy(page->bytes + p.at % CACHE_PAGE, from, p.len);
    } else {
        memset(page->bytes + p.at % CACHE_PAGE, 0, p.len);
    }
    page_cache_dirty(e->cache, page);
    page_cache_put(page);
    *len = p.len;
    n->size = MAX(n->size, off + (uint32_t)p.len);
    return OK;
}

static enum status write_range_locked(struct fat *e, struct fat_node *n, uint32_t off,
                                      const uint8_t *from, size_t len, size_t *done)
    REQUIRES(e->lock)
{
    enum status s = OK;
    size_t total = 0;
    while (total < len && s == OK) {
        size_t some = len - total;
        s = write_piece_locked(e, n, off + (uint32_t)total, from != NULL ? from + total : NULL,
                               &some);
        total += s == OK ? some : 0;
        s = s != OK ? s : page_cache_pause(e->cache); /* a gap may be long */
    }
    *done = total;
    return s;
}

/* Whether the free clusters suffice for a file of this size. */
static bool has_room(const struct fat *e, const struct fat_node *n, uint64_t size)
{
    uint64_t mask = (1ull << e->cluster_shift) - 1;
    uint64_t before = n->first == 0 ? 0 : (n->size + mask) >> e->cluster_shift;
    uint64_t after = (size + mask) >> e->cluster_shift;
    return after <= before || after - before <= (uint64_t)e->free_clusters + 1;
}

/* No clusters after the end remain if space or the device failed. No reader knows them. */
static enum status finish_locked(struct fat *e, struct fat_node *n, enum status s) REQUIRES(e->lock)
{
    if (s != OK) {
        uint64_t mask = (1ull << e->cluster_shift) - 1;
        (void)fat_free_from_locked(e, n, (uint32_t)((n->size + mask) >> e->cluster_shift));
    }
    n->modified_ns = fat_now_ns();
    n->attributes |= FAT_ARCHIVE;
    enum status stored = fat_store_node_locked(e, n);
    return s != OK ? s : stored;
}

static enum status write_locked(struct fat *e, struct fat_node *n, uint64_t start, const void *buf,
                                size_t len, size_t *done) REQUIRES(e->lock)
{
    size_t filled = 0;
    enum status s = fat_begin_locked(e);
    if (s != OK) {
        return s;
    }
    if (start > FAT_SIZE_MAX || (start == FAT_SIZE_MAX && len > 0)) {
        return E_OVERFLOW;
    }
    len = (size_t)MIN((uint64_t)len, FAT_SIZE_MAX - start);
    if (start > n->size && !has_room(e, n, start)) {
        return E_NOSPC; /* before much is filled with zeroes */
    }
    *done = 0;
    known_run_begin_change(&n->run); /* no reader sees a part of what this call writes to a page */
    if (len > 0 && start > n->size) {
        s = write_range_locked(e, n, n->size, NULL, (size_t)(start - n->size), &filled);
    }
    s = s != OK ? s : write_range_locked(e, n, (uint32_t)start, buf, len, done);
    known_run_end_change(&n->run);
    s = finish_locked(e, n, s);
    return *done > 0 && !e->disk.has_failed ? OK : s; /* the next call reports the error */
}

static enum status write_some(struct fat_node *n, uint64_t *off, const void *buf, size_t len,
                              size_t *done)
{
    struct fat *e = fat_of(&n->node);
    mutex_lock(&e->lock);
    uint64_t start = *off == FS_APPEND ? n->size : *off;
    enum status s = write_locked(e, n, start, buf, len, done);
    mutex_unlock(&e->lock);
    if (s == OK) {
        *off = start + *done;
        page_cache_throttle(e->cache);
    }
    return s;
}

/* In pieces, and an append in one, as ext2_write(). */
enum status fat_write(struct fs_node *node, uint64_t *off, const void *buf, size_t len,
                      size_t *done)
{
    size_t total = 0, some, most = *off == FS_APPEND ? len : MIN(len, CACHE_WRITE_MAX);
    enum status s;
    do {
        some = 0;
        s = write_some(fat_node_of(node), off, (const uint8_t *)buf + total, MIN(len - total, most),
                       &some);
        total += s == OK ? some : 0;
    } while (s == OK && some != 0 && total < len);
    if (s != OK && total == 0) {
        return s;
    }
    *done = total; /* the next call reports an error */
    return OK;
}

static enum status set_size_locked(struct fat *e, struct fat_node *n, uint64_t size)
    REQUIRES(e->lock)
{
    size_t filled;
    uint32_t before = n->size;
    enum status s = fat_begin_locked(e);
    if (s != OK || size > FAT_SIZE_MAX) {
        return s != OK ? s : E_OVERFLOW;
    }
    if (size > n->size) {
        if (!has_room(e, n, size)) {
            return E_NOSPC;
        }
        s = write_range_locked(e, n, n->size, NULL, (size_t)(size - n->size), &filled);
        n->size = s == OK ? n->size : before;
        return finish_locked(e, n, s);
    }
    uint64_t mask = (1ull << e->cluster_shift) - 1;
    n->size = (uint32_t)size;
    s = fat_free_from_locked(e, n, (uint32_t)((size + mask) >> e->cluster_shift));
    return s != OK ? s : finish_locked(e, n, OK);
}

enum status fat_set_size(struct fs_node *node, uint64_t size)
{
    struct fat *e = fat_of(node);
    struct fat_node *n = fat_node_of(node);
    if (node->type != FILE_REGULAR) {
        return E_NOTSUP;
    }
    rwlock_write(&n->run.moving); /* the clusters may soon be another file's */
    mutex_lock(&e->lock);
    enum status s = set_size_locked(e, n, size);
    mutex_unlock(&e->lock);
    rwlock_end_write(&n->run.moving);
    if (s == OK) {
        page_cache_throttle(e->cache);
    }
    return s;
}

enum status fat_allocate(struct fs_node *node, uint64_t off, uint64_t len)
{
    struct fat *e = fat_of(node);
    struct fat_node *n = fat_node_of(node);
    if (node->type != FILE_REGULAR) {
        return E_NOTSUP;
    }
    mutex_lock(&e->lock);
    enum status s = off > FAT_SIZE_MAX || len > FAT_SIZE_MAX - off ? E_OVERFLOW : OK;
    if (s == OK && (off + len > n->size || !e->disk.is_writable)) {
        s = set_size_locked(e, n, off + len);
    }
    mutex_unlock(&e->lock);
    return s;
}

enum status fat_set_times(struct fs_node *node, const struct file_times *times)
{
    struct fat *e = fat_of(node);
    struct fat_node *n = fat_node_of(node);
    mutex_lock(&e->lock);
    enum status s = e->disk.is_writable ? OK : E_ROFS;
    if (s == OK) {
        n->accessed_ns = times->set_accessed ? times->accessed_ns : n->accessed_ns;
        n->modified_ns = times->set_modified ? times->modified_ns : n->modified_ns;
        s = fat_store_node_locked(e, n);
    }
    mutex_unlock(&e->lock);
    return s;
}
