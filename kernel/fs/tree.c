// SPDX-License-Identifier: MIT
//
// Directory trees: entries of a directory in a list, names found through one hash table for the
// whole tree, listings in order of creation.
#include "kernel/fs/tree_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* The table doubles when there are more names than buckets, and halves when there are a quarter as
 * many, moving all names at once. Between two such moves there are at least a quarter as many
 * changes as a move has names, so the cost for each change is bounded on average.
 *
 * A name (tree_entry) holds a reference to its node; the tree lock protects the links of both. */
/* FNV-1a over the name, seeded with the directory's id. */
static struct list *bucket_of(struct tree *t, const struct tree_node *dir, const char *name,
                              size_t len)
{
    uint32_t h = 2166136261u ^ (uint32_t)dir->node.id;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    }
    return &t->buckets[h & (t->bucket_count - 1)];
}

uint64_t tree_table_bytes(const struct tree *t)
{
    return t->buckets == t->few ? 0 : t->bucket_count * sizeof(t->buckets[0]);
}

/* Move all names to a table of `count` buckets. */
static void rehash(struct tree *t, struct list *buckets, size_t count)
{
    struct list *old = t->buckets;
    size_t old_count = t->bucket_count;
    for (size_t i = 0; i < count; i++) {
        list_init(&buckets[i]);
    }
    t->buckets = buckets;
    t->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct list_node *l; (l = list_first(&old[i])) != NULL;) {
            struct tree_entry *e = CONTAINER_OF(l, struct tree_entry, bucket);
            list_remove(l);
            list_push_front(bucket_of(t, e->dir, e->name, e->name_len), l);
        }
    }
    if (old != t->few) {
        heap_free(old);
    }
}

void tree_free_table(struct tree *t)
{
    if (t->buckets != t->few) {
        heap_free(t->buckets);
    }
}

void tree_fit_table_locked(struct tree *t, uint64_t more_bytes)
{
    size_t count = t->bucket_count;
    if (t->entry_count > count) {
        count *= 2;
    } else if (t->entry_count < count / 4 && count > TREE_BUCKETS) {
        count /= 2;
    } else {
        return;
    }
    uint64_t bytes = count == TREE_BUCKETS ? 0 : count * sizeof(t->buckets[0]);
    uint64_t has = tree_table_bytes(t);
    if (bytes > has && bytes - has > more_bytes) {
        return;
    }
    struct list *buckets = bytes == 0 ? t->few : heap_alloc((size_t)bytes);
    if (buckets != NULL) {
        rehash(t, buckets, count);
    }
}

struct tree_node *tree_make_node_locked(struct tree *t, enum file_type type)
{
    struct tree_node *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    n->node = (struct fs_node){.fs = &t->fs, .id = ++t->last_id, .type = type};
    n->mode = type == FILE_DIRECTORY ? 0755 : type == FILE_SYMLINK ? 0777 : 0644;
    atomic_init(&n->node.refs, 1);
    list_init(&n->entries);
    return n;
}

/* Of a kept name. It is removed from the cache before the tree loses the name, so the name in the
 * tree still holds the node. */
static void drop_kept(struct fs_node *node)
{
    atomic_fetch_sub_explicit(&node->refs, 1, memory_order_release);
}

enum status tree_init(struct tree *t, const char *lock_name)
{
    mutex_init(&t->lock, lock_name);
    for (size_t i = 0; i < TREE_BUCKETS; i++) {
        list_init(&t->few[i]);
    }
    t->buckets = t->few;
    t->bucket_count = TREE_BUCKETS;
    mutex_lock(&t->lock);
    t->root = tree_make_node_locked(t, FILE_DIRECTORY);
    mutex_unlock(&t->lock);
    if (t->root == NULL) {
        return E_NOMEM;
    }
    t->root->links = 2;
    t->fs.root = &t->root->node;
    name_cache_init(&t->names, &t->lock, drop_kept);
    t->fs.names = &t->names;
    return OK;
}

struct tree_entry *tree_find_locked(struct tree *t, struct tree_node *dir, const char *name,
                                    size_t len)
{
    LIST_FOR_EACH (bucket_of(t, dir, name, len), l) {
        struct tree_entry *e = CONTAINER_OF(l, struct tree_entry, bucket);
        if (e->dir == dir && e->name_len == len && memcmp(e->name, name, len) == 0) {
            return e;
        }
    }
    return NULL;
}

/* Links are counted as POSIX does: a file has one for each name; a directory has two (its name and
 * its own ".") and one for the ".." of each directory inside. */
struct tree_entry *tree_add_locked(struct tree *t, struct tree_node *dir, const char *name,
                                   size_t len, struct tree_node *node)
{
    struct tree_entry *e = heap_zalloc(sizeof(*e) + len + 1);
    if (e == NULL) {
        return NULL;
    }
    e->dir = dir;
    e->node = node;
    e->id = ++t->last_entry;
    e->name_len = len;
    memcpy(e->name, name, len);
    atomic_fetch_add_explicit(&node->node.refs, 1, memory_order_relaxed);
    node->links++;
    if (node->node.type == FILE_DIRECTORY) {
        node->parent = dir;
        node->links = 2;
        dir->links++;
    }
    list_push_back(&dir->entries, &e->sibling);
    list_push_front(bucket_of(t, dir, name, len), &e->bucket);
    t->entry_count++;
    return e;
}

struct tree_node *tree_remove_locked(struct tree *t, struct tree_entry *e)
{
    struct tree_node *node = e->node;
    t->entry_count--;
    node->links--;
    if (node->node.type == FILE_DIRECTORY) {
        node->parent = NULL;
        node->links = 0;
        e->dir->links--;
    }
    if (e->dir->listed == e) {
        e->dir->listed = NULL;
    }
    list_remove(&e->sibling);
    list_remove(&e->bucket);
    heap_free(e);
    return node;
}

/* The entry `to` stays in its place with its id, so listings are not disturbed; only its node
 * changes. tree_remove_locked() has counted the removed name, and cut a directory's link to its
 * parent: both are set right afterwards. The number of directories in to->dir does not change,
 * because one replaces another. */
struct tree_node *tree_replace_locked(struct tree *t, struct tree_entry *to,
                                      struct tree_entry *from)
{
    struct tree_node *replaced = to->node;
    struct tree_node *moved = from->node;
    uint32_t links = moved->links;
    bool is_directory = moved->node.type == FILE_DIRECTORY;
    replaced->links = is_directory ? 0 : replaced->links - 1;
    replaced->parent = NULL;
    to->node = tree_remove_locked(t, from); /* with its reference */
    moved->links = links;
    moved->parent = is_directory ? to->dir : NULL;
    return replaced;
}

struct tree_entry *tree_any_leaf(struct tree *t)
{
    const struct tree_node *n = t->root;
    struct tree_entry *e = NULL;
    for (struct list_node *l; (l = list_first(&n->entries)) != NULL; n = e->node) {
        e = CONTAINER_OF(l, struct tree_entry, sibling);
    }
    return e;
}

/* The reference is added under the lock: until then only the name holds the node, and another
 * thread could remove that. The name is kept, also if it does not exist: the next walk needs
 * neither the lock nor the hash of the bytes. */
enum status tree_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out)
{
    struct tree *t = tree_of(dir);
    mutex_lock(&t->lock);
    const struct tree_entry *e = tree_find_locked(t, tree_node_of(dir), name, len);
    if (e != NULL) {
        atomic_fetch_add_explicit(&e->node->node.refs, 1, memory_order_relaxed);
        *out = &e->node->node;
    }
    name_cache_add(&t->names, dir, name, e != NULL ? &e->node->node : &name_absent);
    mutex_unlock(&t->lock);
    return e != NULL ? OK : E_NOENT;
}

/* The first entry after a cookie, or NULL. `listed` caches the last entry that was returned,
 * because a listing usually continues there; without it each entry would search from the start. */
static struct tree_entry *entry_after(const struct tree_node *dir, uint64_t cookie)
{
    struct list_node *from = dir->listed != NULL && dir->listed->id <= cookie
                                 ? dir->listed->sibling.next
                                 : dir->entries.head.next;
    for (; from != &dir->entries.head; from = from->next) {
        struct tree_entry *e = CONTAINER_OF(from, struct tree_entry, sibling);
        if (e->id > cookie) {
            return e;
        }
    }
    return NULL;
}

/* The cookie is the id of the entry returned last; it stays valid if that entry is removed. */
enum status tree_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    struct tree *t = tree_of(dir);
    struct tree_node *d = tree_node_of(dir);
    mutex_lock(&t->lock);
    struct tree_entry *e = entry_after(d, *cookie);
    if (e != NULL) {
        d->listed = e;
        *cookie = e->id;
        out->inode = e->node->node.id;
        out->type = e->node->node.type;
        memcpy(out->name, e->name, e->name_len + 1);
    }
    mutex_unlock(&t->lock);
    return e != NULL ? OK : E_NOENT;
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

void tree_stat_locked(const struct tree_node *n, struct file_stat *out)
{
    *out = (struct file_stat){.inode = n->node.id,
                              .size = n->size,
                              .links = n->links,
                              .type = n->node.type,
                              .mode = n->mode,
                              .accessed_ns = n->accessed_ns,
                              .modified_ns = n->modified_ns,
                              .changed_ns = n->changed_ns};
}
