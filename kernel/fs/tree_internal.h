// SPDX-License-Identifier: MIT
//
// A directory tree in memory, used by tmpfs and by unpacked archives. Nodes are files, directories
// and links; entries are their names, of which a file may have several. The file system manages the
// contents of files.
#pragma once

#include "kernel/fs/fs_internal.h"
#include "kernel/fs/name_cache.h"
#include "kernel/sched/mutex.h"

#define TREE_BUCKETS 256 /* minimum; a power of two */

/* Field protection:  [I] set when it is made   [t] the tree's lock */
struct tree_node {
    struct fs_node node;
    struct tree_node *parent; /* [t] directories; NULL: the root, or removed */
    struct list entries;      /* [t] directories: in order of creation */
    /* [t] directories: the entry that a listing returned last, or NULL */
    struct tree_entry *listed;
    uint32_t mode; /* [t] */
    /* [t] names; for a directory as in ext2: 2 plus one for each subdirectory; 0: removed */
    uint32_t links;
    uint64_t accessed_ns, modified_ns, changed_ns; /* [t] since 1970 */
    uint64_t size;                                 /* [t] */
    const uint8_t *bytes;        /* [I] archive: the contents; or a link's target */
    void **pages;                /* [t] tmpfs: page_room of them, NULL = zeroes */
    size_t page_room, page_used; /* [t] */
};

/** A name in a directory. Holds a reference to its node. */
struct tree_entry {
    struct tree_node *dir;    /* [I] */
    struct tree_node *node;   /* [t] */
    struct list_node sibling; /* [t] among the directory's entries */
    struct list_node bucket;  /* [t] in its hash bucket */
    uint64_t id;              /* [I] increases with each entry: a listing's cookie */
    size_t name_len;          /* [I] */
    char name[];              /* [I] */
};

struct tree {
    struct fs fs;
    struct mutex lock;
    struct tree_node *root;
    /* [t] All entries by directory and name, in a table that grows and shrinks with their number:
     *     `few`, or a heap block. */
    struct list *buckets;
    size_t bucket_count, entry_count; /* [t] */
    struct list few[TREE_BUCKETS];
    struct name_cache names;   /* [t] walks find names in it without the lock */
    uint64_t last_id;          /* [t] of nodes */
    uint64_t last_entry;       /* [t] */
    uint64_t pages, pages_max; /* [t] tmpfs: used and allowed */
    uint64_t node_bytes;  /* [t] tmpfs: used by nodes and names; counts against pages_max, too */
    uint64_t archive_len; /* [I] */
};

/** @brief Initialise a zeroed tree; the caller sets fs.ops. @return OK; E_NOMEM. */
enum status tree_init(struct tree *t, const char *lock_name);

/** @brief Create a node without a name, with one reference, the caller's.
 * @return NULL: no memory. */
struct tree_node *tree_make_node_locked(struct tree *t, enum file_type type) REQUIRES(t->lock);

/** @brief Heap bytes used by the table of names. */
uint64_t tree_table_bytes(const struct tree *t);

/** @brief Adapt the number of buckets to the number of names, so that lookup stays fast. No effect
 *     if that would use more than `more_bytes` or memory is short: lookup is slower then. */
void tree_fit_table_locked(struct tree *t, uint64_t more_bytes) REQUIRES(t->lock);

/** @brief Free the table: no names are left, and no lookup follows. */
void tree_free_table(struct tree *t);

/** @brief The entry of this name, or NULL. */
struct tree_entry *tree_find_locked(struct tree *t, struct tree_node *dir, const char *name,
                                    size_t len) REQUIRES(t->lock);

/** @brief Give a node a name that is free. @return NULL: no memory. */
struct tree_entry *tree_add_locked(struct tree *t, struct tree_node *dir, const char *name,
                                   size_t len, struct tree_node *node) REQUIRES(t->lock);

/** @brief Remove a name; a directory must be empty. Frees the entry; its reference to the node
 *     becomes the caller's. */
struct tree_node *tree_remove_locked(struct tree *t, struct tree_entry *e) REQUIRES(t->lock);

/** @brief Let the name `to` refer to the node of `from`, and remove `from`; needs no memory. The
 *     node of `to` must be of the same kind and a different one; a directory must be empty. @return
 *     the replaced node, with the reference of its name, which becomes the caller's. */
struct tree_node *tree_replace_locked(struct tree *t, struct tree_entry *to,
                                      struct tree_entry *from) REQUIRES(t->lock);

/** @brief Any entry that is not a directory with entries, to be removed next; NULL: the tree is
 *     empty. For unmounting. */
struct tree_entry *tree_any_leaf(struct tree *t);

/* Functions of fs_ops that are the same for every tree. */
enum status tree_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status tree_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
enum status tree_read_link(struct fs_node *link, char *buf, size_t len);

/** @brief A node's status, except for its blocks. */
void tree_stat_locked(const struct tree_node *n, struct file_stat *out);

static inline struct tree *tree_of(struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct tree, fs);
}

static inline struct tree_node *tree_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct tree_node, node);
}
