// SPDX-License-Identifier: MIT
//
// Shared by the files of the memory file system: accounting of its memory, and the
// functions for names.
#pragma once

#include "kernel/fs/tree_internal.h"

/** @brief Bytes counted for a node: a link's target is a separate heap block. */
static inline uint64_t tmpfs_node_bytes(const struct tree_node *n)
{
    return sizeof(*n) + (n->node.type == FILE_SYMLINK ? n->size + 1 : 0);
}

/** @brief Bytes counted for a name. */
static inline uint64_t tmpfs_name_bytes(size_t len)
{
    return sizeof(struct tree_entry) + len + 1;
}

/** @brief Pages that may still be allocated. */
uint64_t tmpfs_pages_left(const struct tree *t);

/** @brief The current time for file stamps; 0: no clock. */
uint64_t tmpfs_now_ns(void);

/** @brief Update the times after the node's contents changed. */
void tmpfs_touch(struct tree_node *n);

/** @brief Free a node without names and references. */
void tmpfs_free_node(struct tree *t, struct tree_node *n);

/** @brief Remove a name; the node is freed, too, unless it is open or has other names. */
void tmpfs_remove_name_locked(struct tree *t, struct tree_entry *e) REQUIRES(t->lock);

/* Functions of fs_write_ops. */
enum status tmpfs_create(const struct fs_name *at, enum file_type type, const char *target,
                         struct fs_node **out);
enum status tmpfs_link(struct fs_node *node, const struct fs_name *to);
enum status tmpfs_remove(const struct fs_name *at, enum fs_remove what);
enum status tmpfs_rename(const struct fs_name *from, const struct fs_name *to);
