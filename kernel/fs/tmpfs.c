// SPDX-License-Identifier: MIT
//
// The memory file system of /tmp: contents in pages of their own, holes included. It may take half
// of the memory there is, so that a program that fills it cannot stop the kernel. Names are
// tmpfs_names.c's.
#include "hal/layout.h"
#include "kernel/clock.h"
#include "kernel/fs/tmpfs_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

uint64_t tmpfs_now_ns(void)
{
    uint64_t now_ns;
    return clock_wall_ns(&now_ns) ? now_ns : 0;
}

void tmpfs_touch(struct tree_node *n)
{
    n->modified_ns = n->changed_ns = tmpfs_now_ns();
}

/* Nodes and names count by their bytes: empty files take memory, too. */
uint64_t tmpfs_pages_left(const struct tree *t)
{
    uint64_t taken = t->pages + (t->node_bytes + tree_table_bytes(t)) / PAGE_SIZE;
    return taken < t->pages_max ? t->pages_max - taken : 0;
}

/* Pages that a table of `room` entries takes. Small ones share pages that the heap counts. */
static uint64_t table_pages(size_t room)
{
    return room / (PAGE_SIZE / sizeof(void *));
}

/* Give back the pages from `first` on. */
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
}

static void free_contents(struct tree *t, struct tree_node *n)
{
    free_pages(t, n, 0);
    heap_free(n->pages);
    t->pages -= table_pages(n->page_room);
    n->pages = NULL;
    n->page_room = 0;
}

void tmpfs_free_node(struct tree *t, struct tree_node *n)
{
    free_contents(t, n);
    t->node_bytes -= tmpfs_node_bytes(n);
    heap_free((void *)(uintptr_t)n->bytes);
    heap_free(n);
}

/* Make the table long enough for page `index`: a file that is nearly all hole has little else. */
static enum status grow_table(struct tree *t, struct tree_node *n, size_t index)
{
    if (index < n->page_room) {
        return OK;
    }
    size_t room = MAX(index + 1, n->page_room * 2);
    size_t bytes;
    uint64_t more = table_pages(room) - table_pages(n->page_room);
    if (MUL_OVERFLOWS(room, sizeof(*n->pages), &bytes) || more > tmpfs_pages_left(t)) {
        return E_NOSPC;
    }
    void **pages = heap_realloc(n->pages, bytes);
    if (pages == NULL) {
        return E_NOSPC;
    }
    memset(pages + n->page_room, 0, bytes - n->page_room * sizeof(*pages));
    n->pages = pages;
    n->page_room = room;
    t->pages += more;
    return OK;
}

/* Page `index` for writing, made and zeroed if it is not there. */
static enum status page_for_write(struct tree *t, struct tree_node *n, size_t index, uint8_t **out)
{
    enum status s = grow_table(t, n, index);
    if (s != OK) {
        return s;
    }
    if (n->pages[index] == NULL) {
        paddr_t frame;
        if (tmpfs_pages_left(t) == 0 || page_alloc_zeroed(PAGE_CACHE, &frame) != OK) {
            return E_NOSPC;
        }
        n->pages[index] = hal_direct(frame);
        n->page_used = MAX(n->page_used, index + 1);
        t->pages++;
    }
    *out = n->pages[index];
    return OK;
}

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

static enum status write_locked(struct tree *t, struct tree_node *n, uint64_t off, const void *buf,
                                size_t len, size_t *done) REQUIRES(t->lock)
{
    size_t at = 0;
    enum status s = OK;
    while (at < len) {
        uint8_t *page;
        size_t inside = (size_t)((off + at) % PAGE_SIZE);
        size_t chunk = MIN(len - at, PAGE_SIZE - inside);
        s = page_for_write(t, n, (size_t)((off + at) / PAGE_SIZE), &page);
        if (s != OK) {
            break;
        }
        memcpy(page + inside, (const uint8_t *)buf + at, chunk);
        at += chunk;
        n->size = MAX(n->size, off + at);
    }
    if (at == 0 && s != OK) {
        return s;
    }
    tmpfs_touch(n);
    *done = at; /* what fitted; the next call says why no more did */
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

/* Behind a file's end its last page is zero, whatever was there before. */
static void clear_tail(struct tree_node *n, uint64_t size)
{
    size_t index = (size_t)(size / PAGE_SIZE);
    size_t inside = (size_t)(size % PAGE_SIZE);
    if (inside != 0 && index < n->page_used && n->pages[index] != NULL) {
        memset((uint8_t *)n->pages[index] + inside, 0, PAGE_SIZE - inside);
    }
}

static enum status tmpfs_set_size(struct fs_node *file, uint64_t size)
{
    struct tree *t = tree_of(file);
    struct tree_node *n = tree_node_of(file);
    mutex_lock(&t->lock);
    if (size == 0) {
        free_contents(t, n);
    } else if (size < n->size) {
        free_pages(t, n, (size_t)((size + PAGE_SIZE - 1) / PAGE_SIZE));
        clear_tail(n, size);
    }
    n->size = size;
    tmpfs_touch(n);
    mutex_unlock(&t->lock);
    return OK;
}

/* How many of the pages from `first` to `last` are not there. */
static uint64_t missing_pages(const struct tree_node *n, uint64_t first, uint64_t last)
{
    uint64_t missing = last - first + 1;
    for (uint64_t i = first; i <= last && i < n->page_used; i++) {
        missing -= n->pages[i] != NULL;
    }
    return missing;
}

/* More than there is room for: nothing is taken. */
static enum status allocate_locked(struct tree *t, struct tree_node *n, uint64_t off, uint64_t end)
    REQUIRES(t->lock)
{
    uint64_t first = off / PAGE_SIZE, last = (end - 1) / PAGE_SIZE;
    uint64_t missing = missing_pages(n, first, last);
    enum status s = missing > tmpfs_pages_left(t) ? E_NOSPC : grow_table(t, n, (size_t)last);
    if (s == OK && missing > tmpfs_pages_left(t)) { /* the table has taken some */
        s = E_NOSPC;
    }
    for (uint64_t i = first; s == OK && i <= last; i++) {
        uint8_t *page;
        s = page_for_write(t, n, (size_t)i, &page);
    }
    if (s != OK) { /* what memory there was behind the end serves nobody */
        free_pages(t, n, (size_t)ALIGN_UP(n->size, (uint64_t)PAGE_SIZE) / PAGE_SIZE);
        return s;
    }
    n->size = MAX(n->size, end);
    tmpfs_touch(n);
    return OK;
}

static enum status tmpfs_allocate(struct fs_node *file, uint64_t off, uint64_t len)
{
    struct tree *t = tree_of(file);
    mutex_lock(&t->lock);
    enum status s = len == 0 ? OK : allocate_locked(t, tree_node_of(file), off, off + len);
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

/* A name holds a reference, so it has none any more and nobody can find it again. */
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
