// SPDX-License-Identifier: MIT
//
// A directory tree in memory: what tmpfs and an unpacked archive have in common. Nodes are files,
// directories and links; entries are their names, of which a file may have several. Contents of
// files are the file system's.
#pragma once

#include "kernel/fs/fs_internal.h"
#include "kernel/sched/mutex.h"

#define TREE_BUCKETS 256 /* at least; a power of two */

/* Field protection:  [I] set when it is made   [t] the tree's lock */
struct tree_node {
    struct fs_node node;
    struct tree_node *parent;  /* [t] directories; NULL: the root, or removed */
    struct list entries;       /* [t] directories: in the order they were added */
    struct tree_entry *listed; /* [t] directories: where a listing was last, or NULL */
    uint32_t mode;             /* [t] */
    uint32_t links;            /* [t] names; of a directory as ext2 counts them: 2 and one for
                                      each directory in it; 0: removed */
    uint64_t accessed_ns, modified_ns, changed_ns; /* [t] since 1970 */
    uint64_t size;                                 /* [t] */
    const uint8_t *bytes;        /* [I] archive: the contents; also a link's target */
    void **pages;                /* [t] tmpfs: page_room of them, NULL = zeroes */
    size_t page_room, page_used; /* [t] */
};

/** A name in a directory. It holds a reference to what it names. */
struct tree_entry {
    struct tree_node *dir;    /* [I] */
    struct tree_node *node;   /* [t] */
    struct list_node sibling; /* [t] among the directory's entries */
    struct list_node bucket;  /* [t] among entries of the same hash */
    uint64_t id;              /* [I] rises with each entry: a listing's cookie */
    size_t name_len;          /* [I] */
    char name[];              /* [I] */
};

struct tree {
    struct fs fs;
    struct mutex lock;
    struct tree_node *root;
    /* [t] Every entry by directory and name, in a table that grows and shrinks with their number:
     * `few`, or a heap block. */
    struct list *buckets;
    size_t bucket_count, entry_count; /* [t] */
    struct list few[TREE_BUCKETS];
    uint64_t last_id;          /* [t] of nodes */
    uint64_t last_entry;       /* [t] */
    uint64_t pages, pages_max; /* [t] tmpfs: taken, and allowed */
    uint64_t node_bytes;  /* [t] tmpfs: in nodes and names, which count against pages_max as well */
    uint64_t archive_len; /* [I] */
};

/** @brief Prepare a zeroed tree; its fs.ops are set by the caller. @return OK; E_NOMEM. */
enum status tree_init(struct tree *t, const char *lock_name);

/** @brief A node without a name yet, with one reference, the caller's. @return NULL: no memory. */
struct tree_node *tree_make_node_locked(struct tree *t, enum file_type type) REQUIRES(t->lock);

/** @brief Bytes of the heap that the table of names takes. */
uint64_t tree_table_bytes(const struct tree *t);

/** @brief Have about as many buckets as names, so that finding one stays as fast. Nothing happens
 * if that would take more than `more_bytes` or than there is: finding only takes longer then. */
void tree_fit_table_locked(struct tree *t, uint64_t more_bytes) REQUIRES(t->lock);

/** @brief Give the table back: no name is left, and none is looked for any more. */
void tree_free_table(struct tree *t);

/** @brief The entry of this name, or NULL. */
struct tree_entry *tree_find_locked(struct tree *t, struct tree_node *dir, const char *name,
                                    size_t len) REQUIRES(t->lock);

/** @brief Give a node a name, which is free. @return NULL: no memory. */
struct tree_entry *tree_add_locked(struct tree *t, struct tree_node *dir, const char *name,
                                   size_t len, struct tree_node *node) REQUIRES(t->lock);

/** @brief Take a name away; a directory that it names is empty. The entry is freed; its reference
 * to the node becomes the caller's. */
struct tree_node *tree_remove_locked(struct tree *t, struct tree_entry *e) REQUIRES(t->lock);

/** @brief Have the name `to` stand for what `from` names, and take `from` away: no memory is
 * needed. What `to` named is of the same kind, and another node; a directory is empty. @return It,
 * with the reference of its name, which becomes the caller's. */
struct tree_node *tree_replace_locked(struct tree *t, struct tree_entry *to,
                                      struct tree_entry *from) REQUIRES(t->lock);

/** @brief Any entry that names no directory with entries, to be removed next; NULL: there are none.
 * For unmounting. */
struct tree_entry *tree_any_leaf(struct tree *t);

/* Slots of fs_ops that are the same for every tree. */
enum status tree_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status tree_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
enum status tree_read_link(struct fs_node *link, char *buf, size_t len);

/** @brief What a node says of itself, but for the blocks that it takes. */
void tree_stat_locked(const struct tree_node *n, struct file_stat *out);

static inline struct tree *tree_of(struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct tree, fs);
}

static inline struct tree_node *tree_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct tree_node, node);
}
