// SPDX-License-Identifier: MIT
//
// The names of one file system that were looked up lately, and their nodes. A node in it has a
// reference, so it is not read again from the disk either. Names that do not exist are not kept.
#pragma once

#include "kernel/fs/fs.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"

struct name_slot;

/* Field protection:  [I] set by name_cache_init()   [o] *lock   [l] the lock of the list */
struct name_cache {
    struct mutex *lock;             /* [I] the owner's, held by callers of most functions */
    void (*drop)(struct fs_node *); /* [I] drops a reference; called with *lock held */
    struct name_slot *slots;        /* [o] NULL: nothing is kept */
    struct list_node link;          /* [l] */
};

/**
 * @brief Create it, empty. Memory is allocated with the first name, and freed when memory is short.
 * @param lock Protects it.
 * @param drop Drops a reference to a node. name_cache_reclaim() calls it, too, so it must not
 *     sleep, except to delete a node that has no link left: such a node is never kept.
 * @context{thread, may sleep}
 */
void name_cache_init(struct name_cache *c, struct mutex *lock, void (*drop)(struct fs_node *));

/** @brief Forget all names, and keep none from now on. @context{thread, may sleep; not *lock} */
void name_cache_free(struct name_cache *c);

/** @brief The node of a name in a directory, without a new reference; NULL: it is not known.
 * @context{thread, *lock} */
struct fs_node *name_cache_find(const struct name_cache *c, const struct fs_node *dir,
                                const char *name, size_t len);

/** @brief Keep a name that is not known; it may replace another one. @context{thread, *lock} */
void name_cache_add(struct name_cache *c, const struct fs_node *dir, const char *name, size_t len,
                    struct fs_node *node);

/** @brief Forget a name: it is removed, or gets another node. @context{thread, *lock} */
void name_cache_remove(struct name_cache *c, const struct fs_name *at);

/** @brief Forget every name of a node that the caller holds, and the names in it: its last link is
 *     removed. @context{thread, *lock} */
void name_cache_remove_node(struct name_cache *c, const struct fs_node *node);

/** @brief Forget all names. @context{thread, *lock} */
void name_cache_clear(struct name_cache *c);

/** @brief Free the memory of every cache whose lock is free. Does not sleep.
 *     @context{thread, no spinlock} */
void name_cache_reclaim(void);
