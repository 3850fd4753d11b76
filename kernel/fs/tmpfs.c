// SPDX-License-Identifier: MIT
//
// The memory file system of /tmp: contents in pages of their own, holes included. It may take half
// of the memory there is, so that a program that fills it cannot stop the kernel.
#include "hal/layout.h"
#include "kernel/clock.h"
#include "kernel/fs/tree_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

static void touch(struct tree_node *n)
{
    uint64_t now_ns;
    n->mtime_s = clock_wall_ns(&now_ns) ? now_ns / NS_PER_S : 0;
}

/* What may still be taken. Nodes count by their bytes: empty files take memory, too. */
static uint64_t pages_left(const struct tree *t)
{
    return t->pages_max - t->pages - t->node_bytes / PAGE_SIZE;
}

static uint64_t node_size(size_t name_len)
{
    return sizeof(struct tree_node) + name_len + 1;
}

/* Pages that a table of `room` entries takes. Small ones share pages that the heap counts. */
static uint64_t table_pages(size_t room)
{
    return room / (PAGE_SIZE / sizeof(void *));
}

static void free_contents(struct tree *t, struct tree_node *n)
{
    for (size_t i = 0; i < n->page_used; i++) {
        if (n->pages[i] != NULL) {
            page_free(hal_direct_to_phys(n->pages[i]), 0);
            t->pages--;
        }
    }
    heap_free(n->pages);
    t->pages -= table_pages(n->page_room);
    n->pages = NULL;
    n->page_used = n->page_room = 0;
}

static void free_node(struct tree *t, struct tree_node *n)
{
    free_contents(t, n);
    t->node_bytes -= node_size(n->name_len);
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
    if (MUL_OVERFLOWS(room, sizeof(*n->pages), &bytes) || more > pages_left(t)) {
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
        if (pages_left(t) == 0 || page_alloc_zeroed(PAGE_CACHE, &frame) != OK) {
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
    touch(n);
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

static enum status tmpfs_truncate(struct fs_node *file)
{
    struct tree *t = tree_of(file);
    struct tree_node *n = tree_node_of(file);
    mutex_lock(&t->lock);
    free_contents(t, n);
    n->size = 0;
    touch(n);
    mutex_unlock(&t->lock);
    return OK;
}

static enum status tmpfs_create(struct fs_node *dir, const char *name, size_t len,
                                enum file_type type, struct fs_node **out)
{
    struct tree *t = tree_of(dir);
    struct tree_node *d = tree_node_of(dir);
    enum status s = OK;
    struct tree_node *n = NULL;
    mutex_lock(&t->lock);
    if (d->parent == NULL && d != t->root) {
        s = E_NOENT; /* removed while somebody still has it open */
    } else if (tree_find_locked(t, d, name, len) != NULL) {
        s = E_EXIST;
    } else if (pages_left(t) == 0) {
        s = E_NOSPC;
    } else {
        n = tree_add_locked(t, d, name, len, type);
        s = n != NULL ? OK : E_NOMEM;
    }
    if (s == OK) {
        t->node_bytes += node_size(len);
        atomic_fetch_add_explicit(&n->node.refs, 1, memory_order_relaxed);
        touch(n);
        touch(d);
        *out = &n->node;
    }
    mutex_unlock(&t->lock);
    return s;
}

static enum status tmpfs_unlink(struct fs_node *dir, const char *name, size_t len)
{
    struct tree *t = tree_of(dir);
    mutex_lock(&t->lock);
    struct tree_node *n = tree_find_locked(t, tree_node_of(dir), name, len);
    enum status s = n == NULL ? E_NOENT : !list_is_empty(&n->children) ? E_NOTEMPTY : OK;
    if (s == OK) {
        tree_remove_locked(t, n);
        touch(tree_node_of(dir));
        /* An open file lives on without a name; the last who closes it frees it. */
        if (atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_acq_rel) == 1) {
            free_node(t, n);
        }
    }
    mutex_unlock(&t->lock);
    return s;
}

/* Without the tree's reference, so it has no name any more and nobody can find it again. */
static void tmpfs_release(struct fs_node *node)
{
    struct tree *t = tree_of(node);
    mutex_lock(&t->lock);
    free_node(t, tree_node_of(node));
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
    *out = (struct file_stat){.inode = node->id,
                              .size = n->size,
                              .blocks_512 = taken * (PAGE_SIZE / 512),
                              .type = node->type,
                              .mode = n->mode,
                              .mtime_s = n->mtime_s};
    mutex_unlock(&t->lock);
    return OK;
}

static void tmpfs_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    struct tree *t = CONTAINER_OF(fs, struct tree, fs);
    mutex_lock(&t->lock);
    *total_bytes = t->pages_max * PAGE_SIZE;
    *free_bytes = pages_left(t) * PAGE_SIZE;
    mutex_unlock(&t->lock);
}

static void tmpfs_unmount(struct fs *fs)
{
    struct tree *t = CONTAINER_OF(fs, struct tree, fs);
    struct tree_node *n;
    mutex_lock(&t->lock);
    while ((n = tree_any_leaf(t)) != NULL) {
        tree_remove_locked(t, n);
        free_node(t, n);
    }
    free_node(t, t->root);
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
    .unlink = tmpfs_unlink,
    .write = tmpfs_write,
    .truncate = tmpfs_truncate,
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
    t->node_bytes = node_size(0); /* of the root */
    t->pages_max = stats.total_pages / 2;
    touch(t->root);
    *out = &t->fs;
    return OK;
}
