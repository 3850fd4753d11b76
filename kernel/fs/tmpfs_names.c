// SPDX-License-Identifier: MIT
//
// Names of the memory file system: creating, linking, renaming and removing them, each atomically
// under the tree's lock. tmpfs.c handles contents.
#include "kernel/fs/tmpfs_internal.h"

#include "hal/layout.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* True for a directory that was removed while it is open; no names can be added to it. */
static bool is_removed(const struct tree *t, const struct tree_node *dir)
{
    return dir->parent == NULL && dir != t->root;
}

static struct tree_entry *find_locked(struct tree *t, const struct fs_name *at) REQUIRES(t->lock)
{
    return tree_find_locked(t, tree_node_of(at->dir), at->text, at->len);
}

/* Check that a name that was not found may be added. */
static enum status check_room(struct tree *t, const struct fs_name *at) REQUIRES(t->lock)
{
    if (is_removed(t, tree_node_of(at->dir))) {
        return E_NOENT;
    }
    return tmpfs_pages_left(t) == 0 ? E_NOSPC : OK;
}

/* Drop a name's reference. A node without names lives on while it is open; the
 * last close frees it. */
static void drop_locked(struct tree *t, struct tree_node *n) REQUIRES(t->lock)
{
    n->changed_ns = tmpfs_now_ns();
    if (atomic_fetch_sub_explicit(&n->node.refs, 1, memory_order_acq_rel) == 1) {
        tmpfs_free_node(t, n);
    }
}

/* The hash table may use at most half of the rest: names are useless without space for contents. */
static void fit_table_locked(struct tree *t) REQUIRES(t->lock)
{
    tree_fit_table_locked(t, tmpfs_pages_left(t) / 2 * PAGE_SIZE);
}

void tmpfs_remove_name_locked(struct tree *t, struct tree_entry *e)
{
    t->node_bytes -= tmpfs_name_bytes(e->name_len);
    drop_locked(t, tree_remove_locked(t, e));
    fit_table_locked(t);
}

static enum status add_locked(struct tree *t, const struct fs_name *at, struct tree_node *n)
    REQUIRES(t->lock)
{
    struct tree_node *dir = tree_node_of(at->dir);
    if (tree_add_locked(t, dir, at->text, at->len, n) == NULL) {
        return E_NOMEM;
    }
    t->node_bytes += tmpfs_name_bytes(at->len);
    fit_table_locked(t);
    tmpfs_touch(dir);
    return OK;
}

/* Create a node with one reference, the caller's. */
static struct tree_node *make_locked(struct tree *t, enum file_type type, const char *target)
    REQUIRES(t->lock)
{
    char *copy = NULL;
    if (type == FILE_SYMLINK && (copy = heap_strdup(target)) == NULL) {
        return NULL;
    }
    struct tree_node *n = tree_make_node_locked(t, type);
    if (n == NULL) {
        heap_free(copy);
        return NULL;
    }
    n->bytes = (const uint8_t *)copy;
    n->size = copy != NULL ? strlen(copy) : 0;
    t->node_bytes += tmpfs_node_bytes(n);
    tmpfs_touch(n);
    n->accessed_ns = n->modified_ns;
    return n;
}

/* The name adds the node's second reference; the first goes to the caller with *out. */
static enum status create_locked(struct tree *t, const struct fs_name *at, enum file_type type,
                                 const char *target, struct fs_node **out) REQUIRES(t->lock)
{
    enum status s = find_locked(t, at) != NULL ? E_EXIST : check_room(t, at);
    if (s != OK) {
        return s;
    }
    struct tree_node *n = make_locked(t, type, target);
    if (n == NULL) {
        return E_NOMEM;
    }
    name_cache_remove(&t->names, at); /* it was kept as absent */
    s = add_locked(t, at, n);
    if (s != OK) {
        tmpfs_free_node(t, n);
        return s;
    }
    *out = &n->node;
    return OK;
}

enum status tmpfs_create(const struct fs_name *at, enum file_type type, const char *target,
                         struct fs_node **out)
{
    struct tree *t = tree_of(at->dir);
    mutex_lock(&t->lock);
    enum status s = create_locked(t, at, type, target, out);
    mutex_unlock(&t->lock);
    return s;
}

enum status tmpfs_link(struct fs_node *node, const struct fs_name *to)
{
    struct tree *t = tree_of(node);
    struct tree_node *n = tree_node_of(node);
    mutex_lock(&t->lock);
    enum status s = n->links == 0                ? E_NOENT
                    : find_locked(t, to) != NULL ? E_EXIST
                                                 : check_room(t, to);
    if (s == OK) {
        name_cache_remove(&t->names, to);
        s = add_locked(t, to, n);
    }
    if (s == OK) {
        n->changed_ns = tmpfs_now_ns();
    }
    mutex_unlock(&t->lock);
    return s;
}

static enum status check_remove(const struct tree_entry *e, enum fs_remove what)
{
    if (e == NULL) {
        return E_NOENT;
    }
    bool is_directory = e->node->node.type == FILE_DIRECTORY;
    if (is_directory && what == FS_REMOVE_FILE) {
        return E_ISDIR;
    }
    if (!is_directory && what == FS_REMOVE_DIRECTORY) {
        return E_NOTDIR;
    }
    return list_is_empty(&e->node->entries) ? OK : E_NOTEMPTY;
}

enum status tmpfs_remove(const struct fs_name *at, enum fs_remove what)
{
    struct tree *t = tree_of(at->dir);
    mutex_lock(&t->lock);
    struct tree_entry *e = find_locked(t, at);
    enum status s = check_remove(e, what);
    if (s == OK) {
        name_cache_remove(&t->names, at);
        tmpfs_remove_name_locked(t, e);
        tmpfs_touch(tree_node_of(at->dir));
    }
    mutex_unlock(&t->lock);
    return s;
}

/* True if `n` is `dir` or a directory above it. */
static bool is_above(const struct tree_node *n, const struct tree_node *dir)
{
    while (dir != NULL && dir != n) {
        dir = dir->parent;
    }
    return dir == n;
}

/* Check that `from` may get the name `to`, where `target` is (NULL: nothing). */
static enum status check_rename(const struct tree_entry *from, const struct fs_name *to,
                                const struct tree_entry *target)
{
    bool is_directory = from->node->node.type == FILE_DIRECTORY;
    if (is_directory && is_above(from->node, tree_node_of(to->dir))) {
        return E_INVAL;
    }
    return target == NULL
               ? OK
               : check_remove(target, is_directory ? FS_REMOVE_DIRECTORY : FS_REMOVE_FILE);
}

/* Give a node a free name. A name that is not longer than the old one needs no space. */
static enum status move_locked(struct tree *t, struct tree_entry *e, const struct fs_name *to)
    REQUIRES(t->lock)
{
    struct tree_node *n = e->node;
    uint32_t links = n->links;
    enum status s = check_room(t, to);
    if (s == E_NOSPC && to->len <= e->name_len) {
        s = OK;
    }
    if (s == OK) {
        s = add_locked(t, to, n);
    }
    if (s != OK) {
        return s;
    }
    /* No other thread sees both names: the lock is held until the old one is removed. */
    tmpfs_remove_name_locked(t, e);
    n->links = links;
    if (n->node.type == FILE_DIRECTORY) {
        n->parent = tree_node_of(to->dir);
    }
    return OK;
}

/* Give a node the name of another one. This needs no space, of which there may be none. */
static void replace_locked(struct tree *t, struct tree_entry *e, struct tree_entry *target)
    REQUIRES(t->lock)
{
    struct tree_node *n = e->node;
    t->node_bytes -= tmpfs_name_bytes(e->name_len);
    tmpfs_touch(target->dir);
    drop_locked(t, tree_replace_locked(t, target, e));
    n->changed_ns = tmpfs_now_ns();
}

/* All checks come before the first change, so a rename happens as a whole or not at all. */
static enum status rename_locked(struct tree *t, const struct fs_name *from,
                                 const struct fs_name *to) REQUIRES(t->lock)
{
    struct tree_entry *e = find_locked(t, from);
    struct tree_entry *target = find_locked(t, to);
    if (e == NULL) {
        return E_NOENT;
    }
    if (target != NULL && target->node == e->node) {
        return OK; /* two names of one file: POSIX keeps both */
    }
    enum status s = check_rename(e, to, target);
    if (s == OK) {
        name_cache_remove(&t->names, from);
        name_cache_remove(&t->names, to);
    }
    if (s == OK && target == NULL) {
        s = move_locked(t, e, to);
    } else if (s == OK) {
        replace_locked(t, e, target);
    }
    if (s == OK) {
        tmpfs_touch(tree_node_of(from->dir));
    }
    return s;
}

enum status tmpfs_rename(const struct fs_name *from, const struct fs_name *to)
{
    struct tree *t = tree_of(from->dir);
    mutex_lock(&t->lock);
    enum status s = rename_locked(t, from, to);
    mutex_unlock(&t->lock);
    return s;
}
