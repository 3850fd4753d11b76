// SPDX-License-Identifier: MIT
//
// A directory tree in memory: what tmpfs and an unpacked archive have in common. Contents of files
// are the file system's.
#pragma once

#include "kernel/fs/fs_internal.h"
#include "kernel/sched/mutex.h"

#define TREE_BUCKETS 256

/* Field protection:  [I] set when it is made   [t] the tree's lock */
struct tree_node {
    struct fs_node node;
    struct tree_node *parent;    /* [t] NULL: the root, or removed */
    struct list_node sibling;    /* [t] among the parent's children */
    struct list_node bucket;     /* [t] among nodes of the same hash */
    struct list children;        /* [t] in the order they were added, so with rising ids */
    uint32_t mode;               /* [I] */
    uint64_t mtime_s;            /* [t] */
    uint64_t size;               /* [t] */
    const uint8_t *bytes;        /* [I] archive: the contents; also a link's target */
    struct tree_node *same_file; /* archive, while it is unpacked: another name of this file */
    void **pages;                /* [t] tmpfs: page_room of them, NULL = zeroes */
    size_t page_room, page_used; /* [t] */
    size_t name_len;             /* [I] */
    char name[];                 /* [I] */
};

struct tree {
    struct fs fs;
    struct mutex lock;
    struct tree_node *root;
    struct list buckets[TREE_BUCKETS]; /* every node but the root; key: parent and name */
    uint64_t last_id;
    uint64_t pages, pages_max; /* [t] tmpfs: taken, and allowed */
    uint64_t node_bytes;       /* [t] tmpfs: in nodes, which count against pages_max as well */
    uint64_t archive_len;      /* [I] */
};

/** @brief Prepare a zeroed tree; its fs.ops are set by the caller. @return OK; E_NOMEM. */
enum status tree_init(struct tree *t, const char *lock_name);

/** @brief The child of this name, or NULL. */
struct tree_node *tree_find_locked(struct tree *t, struct tree_node *dir, const char *name,
                                   size_t len) REQUIRES(t->lock);

/** @brief Make and add a node, which the tree holds one reference to; the name is free.
 *  @return NULL: no memory. */
struct tree_node *tree_add_locked(struct tree *t, struct tree_node *dir, const char *name,
                                  size_t len, enum file_type type) REQUIRES(t->lock);

/** @brief Take a node out; it has no children. The tree's reference becomes the caller's. */
void tree_remove_locked(struct tree *t, struct tree_node *n) REQUIRES(t->lock);

/** @brief Any node but the root, to be removed next; NULL: only the root is left. For unmounting.
 */
struct tree_node *tree_any_leaf(struct tree *t);

/* Slots of fs_ops that are the same for every tree. */
enum status tree_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status tree_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
enum status tree_read_link(struct fs_node *link, char *buf, size_t len);

static inline struct tree *tree_of(struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct tree, fs);
}

static inline struct tree_node *tree_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct tree_node, node);
}
