// SPDX-License-Identifier: MIT
//
// Directories as lists, names found through one hash table a tree, listings in order of creation.
#include "kernel/fs/tree_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* FNV-1a over the name, started from the directory's identity. */
static struct list *bucket_of(struct tree *t, const struct tree_node *dir, const char *name,
                              size_t len)
{
    uint32_t h = 2166136261u ^ (uint32_t)dir->node.id;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    }
    return &t->buckets[h % TREE_BUCKETS];
}

static struct tree_node *make_node(struct tree *t, const char *name, size_t len,
                                   enum file_type type)
{
    struct tree_node *n = heap_zalloc(sizeof(*n) + len + 1);
    if (n == NULL) {
        return NULL;
    }
    n->node = (struct fs_node){.fs = &t->fs, .id = ++t->last_id, .type = type};
    n->mode = type == FILE_DIRECTORY ? 0755 : 0644;
    atomic_init(&n->node.refs, 1); /* the tree's */
    list_init(&n->children);
    n->name_len = len;
    memcpy(n->name, name, len);
    return n;
}

enum status tree_init(struct tree *t, const char *lock_name)
{
    mutex_init(&t->lock, lock_name);
    for (size_t i = 0; i < TREE_BUCKETS; i++) {
        list_init(&t->buckets[i]);
    }
    t->root = make_node(t, "", 0, FILE_DIRECTORY);
    if (t->root == NULL) {
        return E_NOMEM;
    }
    t->fs.root = &t->root->node;
    return OK;
}

struct tree_node *tree_find_locked(struct tree *t, struct tree_node *dir, const char *name,
                                   size_t len)
{
    LIST_FOR_EACH (bucket_of(t, dir, name, len), l) {
        struct tree_node *n = CONTAINER_OF(l, struct tree_node, bucket);
        if (n->parent == dir && n->name_len == len && memcmp(n->name, name, len) == 0) {
            return n;
        }
    }
    return NULL;
}

struct tree_node *tree_add_locked(struct tree *t, struct tree_node *dir, const char *name,
                                  size_t len, enum file_type type)
{
    struct tree_node *n = make_node(t, name, len, type);
    if (n == NULL) {
        return NULL;
    }
    n->parent = dir;
    list_push_back(&dir->children, &n->sibling);
    list_push_front(bucket_of(t, dir, name, len), &n->bucket);
    return n;
}

void tree_remove_locked(struct tree *t, struct tree_node *n)
{
    (void)t;
    list_remove(&n->sibling);
    list_remove(&n->bucket);
    n->parent = NULL;
}

struct tree_node *tree_any_leaf(struct tree *t)
{
    struct tree_node *n = t->root;
    for (struct list_node *l; (l = list_first(&n->children)) != NULL;) {
        n = CONTAINER_OF(l, struct tree_node, sibling);
    }
    return n == t->root ? NULL : n;
}

enum status tree_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    struct tree *t = tree_of(dir);
    mutex_lock(&t->lock);
    struct tree_node *n = tree_find_locked(t, tree_node_of(dir), name, len);
    if (n != NULL) {
        atomic_fetch_add_explicit(&n->node.refs, 1, memory_order_relaxed);
    }
    mutex_unlock(&t->lock);
    if (n == NULL) {
        return E_NOENT;
    }
    *out = &n->node;
    return OK;
}

/* The cookie is the id of the entry listed last: it stays meaningful if that entry is removed. */
enum status tree_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    struct tree *t = tree_of(dir);
    enum status s = E_NOENT;
    mutex_lock(&t->lock);
    LIST_FOR_EACH (&tree_node_of(dir)->children, l) {
        const struct tree_node *n = CONTAINER_OF(l, struct tree_node, sibling);
        if (n->node.id <= *cookie) {
            continue;
        }
        *cookie = n->node.id;
        out->inode = n->node.id;
        out->type = n->node.type;
        memcpy(out->name, n->name, n->name_len + 1);
        s = OK;
        break;
    }
    mutex_unlock(&t->lock);
    return s;
}

enum status tree_read_link(struct fs_node *link, char *buf, size_t len)
{
    const struct tree_node *n = tree_node_of(link);
    if (n->size >= len) {
        return E_NAMETOOLONG;
    }
    memcpy(buf, n->bytes, (size_t)n->size);
    buf[n->size] = '\0';
    return OK;
}
