// SPDX-License-Identifier: MIT
//
// A newc cpio archive (the initrd) as a read-only file system. The directory tree is built once;
// file contents stay where the boot loader put them. Nothing in the archive is trusted: all sizes
// must end inside it, and names must stay below its root.
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/fs/cpio_internal.h"
#include "kernel/fs/tree_internal.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* Unpacking makes two passes. The first collects the identity (device and inode) of every entry
 * with several links, in a sorted array; the second creates nodes and names. Names of one file may
 * be anywhere in the archive and only one of them has the contents, so a shared file's node is kept
 * in the array, with a reference, until the end.
 *
 * After unpacking nothing changes, so reading needs no lock. The tree holds every node through its
 * name; file handles' references never are the last. */

enum {
    MODE_TYPE = 0170000,
    MODE_FILE = 0100000,
    MODE_DIRECTORY = 0040000,
    MODE_LINK = 0120000,
    DEPTH_MAX = 64,
};

/* A file with several names, which may be anywhere in the archive; one of them has the contents.
 * The node is referenced because a later entry may replace the names. */
struct shared_file {
    struct cpio_identity identity;
    struct tree_node *node; /* NULL: none of its names was added yet */
};

/* Add a new node under a name. Only its names hold references to a node of the archive. */
static struct tree_entry *add_new(struct tree *t, struct tree_node *dir, const char *name,
                                  size_t len, enum file_type type) REQUIRES(t->lock)
{
    struct tree_node *n = tree_make_node_locked(t, type);
    if (n == NULL) {
        return NULL;
    }
    struct tree_entry *e = tree_add_locked(t, dir, name, len, n);
    if (e == NULL) {
        heap_free(n);
        return NULL;
    }
    tree_fit_table_locked(t, UINT64_MAX);
    atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_relaxed);
    return e;
}

/* Find the directory that contains `path` and the last name; create directories that the archive
 * has not named. */
static enum status find_parent(struct tree *t, const char *path, struct tree_node **dir,
                               const char **name, size_t *len) REQUIRES(t->lock)
{
    struct tree_node *d = t->root;
    *len = 0;
    for (unsigned depth = 0;; depth++) {
        while (*path == '/') {
            path++;
        }
        const char *end = path;
        while (*end != '\0' && *end != '/') {
            end++;
        }
        size_t n = (size_t)(end - path);
        if (n == 0) {
            break;
        }
        if ((n == 2 && path[0] == '.' && path[1] == '.') || n > VFS_NAME_MAX ||
            depth == DEPTH_MAX) {
            return E_CORRUPT;
        }
        if (n == 1 && path[0] == '.') {
            path = end;
            continue;
        }
        if (*len != 0) { /* the previous name was a directory */
            const struct tree_entry *child = tree_find_locked(t, d, *name, *len);
            if (child == NULL) {
                child = add_new(t, d, *name, *len, FILE_DIRECTORY);
            }
            if (child == NULL) {
                return E_NOMEM;
            }
            if (child->node->node.type != FILE_DIRECTORY) {
                return E_CORRUPT;
            }
            d = child->node;
        }
        *name = path;
        *len = n;
        path = end;
    }
    *dir = d;
    return OK;
}

static enum file_type type_of(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case MODE_FILE:
        return FILE_REGULAR;
    case MODE_DIRECTORY:
        return FILE_DIRECTORY;
    case MODE_LINK:
        return FILE_SYMLINK;
    default:
        return FILE_OTHER;
    }
}

static bool is_shared(const struct cpio_entry *e)
{
    return e->links >= 2 && type_of(e->mode) == FILE_REGULAR;
}

static int compare(const struct cpio_identity *a, const struct cpio_identity *b)
{
    const uint32_t x[] = {a->major, a->minor, a->inode};
    const uint32_t y[] = {b->major, b->minor, b->inode};
    for (size_t i = 0; i < ARRAY_COUNT(x); i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}

static bool is_before(const void *a, const void *b)
{
    const struct shared_file *x = a, *y = b;
    return compare(&x->identity, &y->identity) < 0;
}

/* Count the names of shared files; store each one's identity in `list` unless that is NULL. */
static size_t find_shared(const struct cpio_archive *a, struct shared_file *list)
{
    struct cpio_entry e;
    size_t count = 0;
    for (size_t at = 0; cpio_read_entry(a, at, &e) && !cpio_is_trailer(&e); at = e.next) {
        if (is_shared(&e) && list != NULL) {
            list[count] = (struct shared_file){.identity = e.identity};
        }
        count += is_shared(&e);
    }
    return count;
}

/* One element for each name of a shared file, sorted; the first element of a file represents it.
 * Not a hash table, because the archive's author could choose numbers that collide. */
struct shared_files {
    struct shared_file *list;
    size_t count;
};

static struct shared_file *shared_file_of(const struct shared_files *all,
                                          const struct cpio_entry *e)
{
    size_t low = 0, high = all->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&all->list[middle].identity, &e->identity) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return &all->list[low];
}

static void drop(struct tree_node *n)
{
    if (atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_relaxed) == 1) {
        heap_free(n);
    }
}

/* Add a name that the directory does not contain, for a new node or for a shared file. */
static struct tree_entry *add_name(struct tree *t, const struct shared_files *all,
                                   const struct fs_name *at, const struct cpio_entry *e)
    REQUIRES(t->lock)
{
    struct tree_node *dir = tree_node_of(at->dir);
    struct shared_file *file = is_shared(e) ? shared_file_of(all, e) : NULL;
    bool is_known = file != NULL && file->node != NULL;
    struct tree_entry *added = is_known ? tree_add_locked(t, dir, at->text, at->len, file->node)
                                        : add_new(t, dir, at->text, at->len, type_of(e->mode));
    if (added == NULL) {
        return NULL;
    }
    if (file != NULL && !is_known) {
        atomic_fetch_add_explicit(&added->node->node.refs, 1, memory_order_relaxed);
        file->node = added->node;
    }
    tree_fit_table_locked(t, UINT64_MAX);
    return added;
}

/* If several names of a file have contents, the first ones count: GNU cpio skips the others. */
static void fill_node(struct tree_node *n, const struct cpio_entry *e)
{
    n->mode = e->mode & 07777;
    n->accessed_ns = n->modified_ns = n->changed_ns = e->mtime_s * NS_PER_S;
    bool has_bytes = n->node.type == FILE_SYMLINK || (n->node.type == FILE_REGULAR && e->size != 0);
    if (has_bytes && n->bytes == NULL) {
        n->bytes = e->data;
        n->size = e->size;
    }
}

/* Remove an earlier entry of the same name. E_CORRUPT: it is a directory with entries. */
static enum status remove_old(struct tree *t, struct tree_entry *old) REQUIRES(t->lock)
{
    if (!list_is_empty(&old->node->entries)) {
        return E_CORRUPT;
    }
    drop(tree_remove_locked(t, old));
    return OK;
}

/* A later entry replaces an earlier one of the same name. Two entries for one directory are merged:
 * the later one only sets its mode and its times. */
static enum status add_entry(struct tree *t, const struct shared_files *all,
                             const struct cpio_entry *e) REQUIRES(t->lock)
{
    struct tree_node *dir;
    const char *name;
    size_t len;
    enum file_type type = type_of(e->mode);
    enum status s = find_parent(t, e->name, &dir, &name, &len);
    if (s != OK) {
        return s;
    }
    if (type == FILE_SYMLINK &&
        (e->size == 0 || strnlen((const char *)e->data, e->size) != e->size)) {
        return E_CORRUPT;
    }
    struct tree_entry *old = len != 0 ? tree_find_locked(t, dir, name, len) : NULL;
    struct tree_node *n = len == 0 ? t->root : old != NULL ? old->node : NULL;
    if (n != NULL && n->node.type == FILE_DIRECTORY && type == FILE_DIRECTORY) {
        fill_node(n, e);
        return OK;
    }
    if (n != NULL) {
        s = old != NULL ? remove_old(t, old) : E_CORRUPT; /* the root must remain a directory */
    }
    if (s != OK) {
        return s;
    }
    const struct fs_name at = {.dir = &dir->node, .text = name, .len = len};
    const struct tree_entry *added = add_name(t, all, &at, e);
    if (added == NULL) {
        return E_NOMEM;
    }
    fill_node(added->node, e);
    return OK;
}

static enum status add_entries(struct tree *t, const struct shared_files *all,
                               const struct cpio_archive *a) REQUIRES(t->lock)
{
    struct cpio_entry e;
    for (size_t at = 0;; at = e.next) {
        enum status s = cpio_read_entry(a, at, &e) ? OK : E_CORRUPT;
        if (s == OK && cpio_is_trailer(&e)) {
            return OK;
        }
        if (s == OK) {
            s = add_entry(t, all, &e);
        }
        if (s != OK) {
            log_error("cpio", "%s at byte %zu of %zu", status_text(s), at, a->len);
            return s;
        }
    }
}

static enum status unpack(struct tree *t, const struct cpio_archive *a) REQUIRES(t->lock)
{
    struct shared_files all = {.count = find_shared(a, NULL)};
    if (all.count != 0) {
        all.list = heap_calloc(all.count, sizeof(*all.list));
        if (all.list == NULL) {
            return E_NOMEM;
        }
        (void)find_shared(a, all.list);
        sort_array(all.list, all.count, sizeof(*all.list), is_before);
    }
    enum status s = add_entries(t, &all, a);
    for (size_t i = 0; i < all.count; i++) {
        if (all.list[i].node != NULL) {
            drop(all.list[i].node);
        }
    }
    heap_free(all.list);
    return s;
}

static enum status cpio_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                             size_t *done)
{
    const struct tree_node *n = tree_node_of(node);
    size_t count = off >= n->size ? 0 : (size_t)MIN((uint64_t)len, n->size - off);
    if (count != 0) {
        memcpy(buf, n->bytes + off, count);
    }
    *done = count;
    return OK;
}

static enum status cpio_stat(struct fs_node *node, struct file_stat *out)
{
    const struct tree_node *n = tree_node_of(node);
    tree_stat_locked(n, out); /* nothing changes after unpacking, so no lock */
    out->blocks_512 = (n->size + 511) / 512;
    return OK;
}

static void cpio_release(struct fs_node *node)
{
    (void)node; /* never called: the tree holds every node while it is mounted */
}

static void cpio_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    *total_bytes = tree_of(fs->root)->archive_len;
    *free_bytes = 0;
}

static void cpio_unmount(struct fs *fs)
{
    struct tree *t = CONTAINER_OF(fs, struct tree, fs);
    struct tree_entry *e;
    name_cache_free(&t->names);
    mutex_lock(&t->lock);
    while ((e = tree_any_leaf(t)) != NULL) {
        drop(tree_remove_locked(t, e));
    }
    tree_free_table(t);
    mutex_unlock(&t->lock);
    heap_free(t->root);
    heap_free(t);
}

static const struct fs_ops ops = {
    .lookup = tree_lookup,
    .read = cpio_read,
    .read_dir = tree_read_dir,
    .read_link = tree_read_link,
    .stat = cpio_stat,
    .release = cpio_release,
    .usage = cpio_usage,
    .unmount = cpio_unmount,
};

enum status cpio_make(const void *data, size_t len, struct fs **out)
{
    struct cpio_archive a = {.bytes = data, .len = len};
    enum status s = cpio_recognise(&a);
    if (s != OK) {
        return s;
    }
    struct tree *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return E_NOMEM;
    }
    t->fs = (struct fs){.type = "cpio", .ops = &ops};
    t->archive_len = len;
    s = tree_init(t, "cpio");
    if (s != OK) {
        heap_free(t);
        return s;
    }
    mutex_lock(&t->lock);
    s = unpack(t, &a);
    mutex_unlock(&t->lock);
    if (s != OK) {
        cpio_unmount(&t->fs);
        return s;
    }
    *out = &t->fs;
    return OK;
}
