// SPDX-License-Identifier: MIT
//
// The memory file system of /tmp. It may use half of memory, so that a program that fills it cannot
// stop the kernel. tmpfs_names.c handles names.
#include "hal/layout.h"
#include "kernel/base/clock.h"
#include "kernel/fs/tmpfs_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

/* A file's contents are pages in a table (n->pages) with holes as NULL; page_used is the index
 * after the last page, page_room the table's length. Everything that a file system uses is counted
 * in t->pages (data pages, large tables) and t->node_bytes (nodes, names, link targets); both must
 * be adjusted wherever memory is allocated or freed, or the limit drifts.
 *
 * All changes are made under t->lock. Operations that allocate several pages are all or nothing:
 * allocate first, then grow the table, then link the pages, because only the
 * allocations can fail. */
#define TABLE_PAGE_ENTRIES (PAGE_SIZE / sizeof(void *))

uint64_t tmpfs_now_ns(void)
{
    uint64_t now_ns;
    return clock_wall_ns(&now_ns) ? now_ns : 0;
}

void tmpfs_touch(struct tree_node *n)
{
    n->modified_ns = n->changed_ns = tmpfs_now_ns();
}

/* Nodes and names count by their bytes: empty files use memory, too. */
uint64_t tmpfs_pages_left(const struct tree *t)
{
    uint64_t taken = t->pages + (t->node_bytes + tree_table_bytes(t)) / PAGE_SIZE;
    return taken < t->pages_max ? t->pages_max - taken : 0;
}

/* Pages counted for a table of `room` entries. Small tables are part of heap pages and
 * count as none. */
static uint64_t table_pages(uint64_t room)
{
    return room / TABLE_PAGE_ENTRIES;
}

/* Adjusts the count of pages by the difference, so that a failure leaves both as they were.
 * New entries are holes. */
static enum status resize_table(struct tree *t, struct tree_node *n, size_t room)
{
    void **pages = heap_realloc(n->pages, room * sizeof(*pages));
    if (pages == NULL) {
        return E_NOSPC;
    }
    if (room > n->page_room) {
        memset(pages + n->page_room, 0, (room - n->page_room) * sizeof(*pages));
    }
    t->pages = t->pages - table_pages(n->page_room) + table_pages(room);
    n->pages = pages;
    n->page_room = room;
    return OK;
}

/* Free a table without pages, and shorten one that is three quarters unused. A table doubles when
 * it grows, so a file that shrinks and grows repeatedly is not copied each time. */
static void fit_table(struct tree *t, struct tree_node *n)
{
    while (n->page_used > 0 && n->pages[n->page_used - 1] == NULL) {
        n->page_used--;
    }
    if (n->page_used == 0) {
        heap_free(n->pages);
        t->pages -= table_pages(n->page_room);
        n->pages = NULL;
        n->page_room = 0;
    } else if (n->page_used <= n->page_room / 4) {
        /* Without memory for the copy the table keeps its size, and is counted with it. */
        (void)resize_table(t, n, n->page_used);
    }
}

/* Free the pages from index `first` on. */
static void free_pages(struct tree *t, struct tree_node *n, size_t first)
{
    for (size_t i = first; i < n->page_used; i++) {
        if (n->pages[i] != NULL) {
            page_free(hal_direct_to_phys(n->pages[i]), 0);
            n->pages[i] = NULL;
            t->pages--;
        }
    }
    n->page_used = MIN(n->page_used, first);
    fit_table(t, n);
}

void tmpfs_free_node(struct tree *t, struct tree_node *n)
{
    free_pages(t, n, 0);
    t->node_bytes -= tmpfs_node_bytes(n);
    heap_free((void *)(uintptr_t)n->bytes);
    fs_node_free(&n->node); /* a walk along kept names may still see it */
}

/* Make the table long enough for page `index`, and check that `data` more pages are available: a
 * file that is mostly hole uses little but its table. E_NOSPC: nothing has changed. */
static enum status grow_table(struct tree *t, struct tree_node *n, uint64_t index, uint64_t data)
{
    uint64_t left = tmpfs_pages_left(t);
    if (data > left) {
        return E_NOSPC;
    }
    if (index < n->page_room) {
        return OK;
    }
    uint64_t most = left - data + table_pages(n->page_room);
    uint64_t twice = MAX(index + 1, (uint64_t)n->page_room * 2);
    uint64_t enough = MIN(twice, (index + 1) | (TABLE_PAGE_ENTRIES - 1));
    enum status s = table_pages(twice) <= most ? resize_table(t, n, (size_t)twice) : E_NOSPC;
    if (s != OK && table_pages(enough) <= most) {
        s = resize_table(t, n, (size_t)enough);
    }
    return s;
}

/* The number of pages missing from `first` to `last`. */
static uint64_t missing_pages(const struct tree_node *n, uint64_t first, uint64_t last)
{
    uint64_t missing = last - first + 1;
    for (uint64_t i = first; i <= last && i < n->page_used; i++) {
        missing -= n->pages[i] != NULL;
    }
    return missing;
}

static void free_chain(void *page)
{
    while (page != NULL) {
        void *next = *(void **)page;
        page_free(hal_direct_to_phys(page), 0);
        page = next;
    }
}

/* Allocate `count` zeroed pages, linked through their first words. */
static enum status allocate_chain(uint64_t count, void **out)
{
    void *chain = NULL;
    for (; count > 0; count--) {
        paddr_t frame;
        if (page_alloc_zeroed(PAGE_CACHE, &frame) != OK) {
            free_chain(chain);
            return E_NOSPC;
        }
        void **page = hal_direct(frame);
        *page = chain;
        chain = page;
    }
    *out = chain;
    return OK;
}

/* Add zeroed pages where there are none from `first` to `last`: all, or none with the table
 * unchanged. The table grows last, because undoing that could need memory. */
static enum status add_pages(struct tree *t, struct tree_node *n, uint64_t first, uint64_t last)
{
    void *chain;
    uint64_t missing = missing_pages(n, first, last);
    if (missing == 0) {
        return OK;
    }
    enum status s = missing > tmpfs_pages_left(t) ? E_NOSPC : allocate_chain(missing, &chain);
    if (s != OK) {
        return s;
    }
    s = grow_table(t, n, last, missing);
    if (s != OK) {
        free_chain(chain);
        return s;
    }
    for (uint64_t i = first; i <= last; i++) {
        if (n->pages[i] == NULL) {
            void **page = chain;
            chain = *page;
            *page = NULL;
            n->pages[i] = page;
        }
    }
    n->page_used = MAX(n->page_used, (size_t)last + 1);
    t->pages += missing;
    return OK;
}

/* A page that is missing is a hole and reads as zeros. Nothing after the size is read, although the
 * last page has more bytes. */
static enum status tmpfs_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                              size_t *done)
{
    struct tree *t = tree_of(node);
    struct tree_node *n = tree_node_of(node);
    size_t at = 0;
    mutex_lock(&t->lock);
    if (off >= n->size) {
        len = 0;
    } else {
        len = (size_t)MIN((uint64_t)len, n->size - off);
    }
    while (at < len) {
        size_t index = (size_t)((off + at) / PAGE_SIZE);
        size_t inside = (size_t)((off + at) % PAGE_SIZE);
        size_t chunk = MIN(len - at, PAGE_SIZE - inside);
        if (index < n->page_used && n->pages[index] != NULL) {
            memcpy((uint8_t *)buf + at, (uint8_t *)n->pages[index] + inside, chunk);
        } else {
            memset((uint8_t *)buf + at, 0, chunk);
        }
        at += chunk;
    }
    mutex_unlock(&t->lock);
    *done = len;
    return OK;
}

/* Page by page, so a file system that becomes full has stored a prefix of the bytes and not a part
 * of each page. The size follows each page for the same reason. */
static enum status write_locked(struct tree *t, struct tree_node *n, uint64_t off, const void *buf,
                                size_t len, size_t *done) REQUIRES(t->lock)
{
    size_t at = 0;
    enum status s = OK;
    while (at < len) {
        size_t index = (size_t)((off + at) / PAGE_SIZE);
        size_t inside = (size_t)((off + at) % PAGE_SIZE);
        size_t chunk = MIN(len - at, PAGE_SIZE - inside);
        s = add_pages(t, n, index, index);
        if (s != OK) {
            break;
        }
        memcpy((uint8_t *)n->pages[index] + inside, (const uint8_t *)buf + at, chunk);
        at += chunk;
        n->size = MAX(n->size, off + at);
    }
    if (at == 0 && s != OK) {
        return s;
    }
    tmpfs_touch(n);
    *done = at; /* as much as fitted; the next call reports why */
    return OK;
}

static enum status tmpfs_write(struct fs_node *file, uint64_t *off, const void *buf, size_t len,
                               size_t *done)
{
    struct tree *t = tree_of(file);
    struct tree_node *n = tree_node_of(file);
    mutex_lock(&t->lock);
    uint64_t start = *off == FS_APPEND ? n->size : *off;
    uint64_t end;
    enum status s = ADD_OVERFLOWS(start, len, &end) || end > INT64_MAX ? E_OVERFLOW : OK;
    if (s == OK) {
        s = write_locked(t, n, start, buf, len, done);
    }
    if (s == OK) {
        *off = start + *done;
    }
    mutex_unlock(&t->lock);
    return s;
}

/* The last page must be zero after the file's end, whatever was there before. */
static void clear_tail(struct tree_node *n, uint64_t size)
{
    size_t index = (size_t)(size / PAGE_SIZE);
    size_t inside = (size_t)(size % PAGE_SIZE);
    if (inside != 0 && index < n->page_used && n->pages[index] != NULL) {
        memset((uint8_t *)n->pages[index] + inside, 0, PAGE_SIZE - inside);
    }
}

/* Growing allocates nothing: the new range is a hole. Shrinking clears the rest of the last page,
 * because a later write may make it part of the file again. */
static enum status tmpfs_set_size(struct fs_node *file, uint64_t size)
{
    struct tree *t = tree_of(file);
    struct tree_node *n = tree_node_of(file);
    mutex_lock(&t->lock);
    if (size < n->size) {
        free_pages(t, n, (size_t)((size + PAGE_SIZE - 1) / PAGE_SIZE));
        clear_tail(n, size);
    }
    n->size = size;
    tmpfs_touch(n);
    mutex_unlock(&t->lock);
    return OK;
}

static enum status tmpfs_allocate(struct fs_node *file, uint64_t off, uint64_t len)
{
    struct tree *t = tree_of(file);
    struct tree_node *n = tree_node_of(file);
    mutex_lock(&t->lock);
    enum status s = len == 0 ? OK : add_pages(t, n, off / PAGE_SIZE, (off + len - 1) / PAGE_SIZE);
    if (s == OK && len != 0) {
        n->size = MAX(n->size, off + len);
        tmpfs_touch(n);
    }
    mutex_unlock(&t->lock);
    return s;
}

static enum status tmpfs_set_times(struct fs_node *node, const struct file_times *times)
{
    struct tree *t = tree_of(node);
    struct tree_node *n = tree_node_of(node);
    mutex_lock(&t->lock);
    if (times->set_accessed) {
        n->accessed_ns = times->accessed_ns;
    }
    if (times->set_modified) {
        n->modified_ns = times->modified_ns;
    }
    n->changed_ns = tmpfs_now_ns();
    mutex_unlock(&t->lock);
    return OK;
}

/* Names hold references, so the node has no name, and no thread can find it again. */
static void tmpfs_release(struct fs_node *node)
{
    struct tree *t = tree_of(node);
    mutex_lock(&t->lock);
    tmpfs_free_node(t, tree_node_of(node));
    mutex_unlock(&t->lock);
}

static enum status tmpfs_stat(struct fs_node *node, struct file_stat *out)
{
    struct tree *t = tree_of(node);
    const struct tree_node *n = tree_node_of(node);
    mutex_lock(&t->lock);
    uint64_t taken = 0;
    for (size_t i = 0; i < n->page_used; i++) {
        taken += n->pages[i] != NULL;
    }
    tree_stat_locked(n, out);
    out->blocks_512 = taken * (PAGE_SIZE / 512);
    mutex_unlock(&t->lock);
    return OK;
}

static void tmpfs_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    struct tree *t = CONTAINER_OF(fs, struct tree, fs);
    mutex_lock(&t->lock);
    *total_bytes = t->pages_max * PAGE_SIZE;
    *free_bytes = tmpfs_pages_left(t) * PAGE_SIZE;
    mutex_unlock(&t->lock);
}

static void tmpfs_unmount(struct fs *fs)
{
    struct tree *t = CONTAINER_OF(fs, struct tree, fs);
    struct tree_entry *e;
    name_cache_free(&t->names);
    mutex_lock(&t->lock);
    while ((e = tree_any_leaf(t)) != NULL) {
        tmpfs_remove_name_locked(t, e);
    }
    tmpfs_free_node(t, t->root);
    tree_free_table(t);
    mutex_unlock(&t->lock);
    heap_free(t);
}

static const struct fs_ops ops = {
    .lookup = tree_lookup,
    .read = tmpfs_read,
    .read_dir = tree_read_dir,
    .read_link = tree_read_link,
    .stat = tmpfs_stat,
    .release = tmpfs_release,
    .usage = tmpfs_usage,
    .unmount = tmpfs_unmount,
};

static const struct fs_write_ops write_ops = {
    .create = tmpfs_create,
    .link = tmpfs_link,
    .remove = tmpfs_remove,
    .rename = tmpfs_rename,
    .write = tmpfs_write,
    .set_size = tmpfs_set_size,
    .allocate = tmpfs_allocate,
    .set_times = tmpfs_set_times,
};

enum status tmpfs_make(struct fs **out)
{
    struct tree *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return E_NOMEM;
    }
    t->fs = (struct fs){.type = "tmpfs", .ops = &ops, .write_ops = &write_ops};
    enum status s = tree_init(t, "tmpfs");
    if (s != OK) {
        heap_free(t);
        return s;
    }
    struct page_stats stats;
    page_get_stats(&stats);
    t->node_bytes = tmpfs_node_bytes(t->root);
    t->pages_max = stats.total_pages / 2;
    tmpfs_touch(t->root);
    t->root->accessed_ns = t->root->modified_ns;
    *out = &t->fs;
    return OK;
}
