// SPDX-License-Identifier: MIT
//
// Between the files of the memory file system: what it has taken of its share of memory, and the
// slots that are about names.
#pragma once

#include "kernel/fs/tree_internal.h"

/** @brief Bytes that a node counts for: a link's target is a heap block of its own. */
static inline uint64_t tmpfs_node_bytes(const struct tree_node *n)
{
    return sizeof(*n) + (n->node.type == FILE_SYMLINK ? n->size + 1 : 0);
}

/** @brief Bytes that a name counts for. */
static inline uint64_t tmpfs_name_bytes(size_t len)
{
    return sizeof(struct tree_entry) + len + 1;
}

/** @brief What may still be taken, in pages. */
uint64_t tmpfs_pages_left(const struct tree *t);

/** @brief Now, as files are stamped with it; 0: no clock. */
uint64_t tmpfs_now_ns(void);

/** @brief The node's contents have changed. */
void tmpfs_touch(struct tree_node *n);

/** @brief Free a node that has neither names nor references. */
void tmpfs_free_node(struct tree *t, struct tree_node *n);

/** @brief Take a name away; what it named goes too, unless it is open or has others. */
void tmpfs_remove_name_locked(struct tree *t, struct tree_entry *e) REQUIRES(t->lock);

/* Slots of fs_write_ops. */
enum status tmpfs_create(const struct fs_name *at, enum file_type type, const char *target,
                         struct fs_node **out);
enum status tmpfs_link(struct fs_node *node, const struct fs_name *to);
enum status tmpfs_remove(const struct fs_name *at, enum fs_remove what);
enum status tmpfs_rename(const struct fs_name *from, const struct fs_name *to);
