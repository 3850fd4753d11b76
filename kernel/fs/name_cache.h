// SPDX-License-Identifier: MIT
//
// The names of one file system that were looked up lately, with their nodes, and names that do not
// exist. A node in it has a reference, so it is not read again from the disk either. Any thread
// finds a name in a read section (RCU), without a lock. walk_kept.c walks whole paths that way.
#pragma once

#include "kernel/fs/fs.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"

struct name_table;

/* Field protection:  [I] set by name_cache_init()   [o] *lock   [l] the lock of the list */
struct name_cache {
    struct mutex *lock;             /* [I] the owner's, held by callers of most functions */
    void (*drop)(struct fs_node *); /* [I] drops a reference; called with *lock held */
    /* [o] to change it. Release pairs with the acquire of name_cache_look(). NULL: nothing is
     * kept. */
    _Atomic(struct name_table *) table;
    size_t slots_max;      /* [I] of the table */
    uint32_t replaced;     /* [o] names that lost their place since the table has this size */
    struct list_node link; /* [l] */
};

/** The node of a name that does not exist. */
extern struct fs_node name_absent;

/* Counts what may make a name that was found wrong: removals and creations of names, and mounts.
 * Incremented before such a change begins. A walk that finds the same number before and after it
 * has found nothing that was out of date when it ended. */
extern _Atomic uint64_t name_changes;

static inline void name_changes_begin(void)
{
    /* Acquire and release: a thread that sees the change also sees the new number. */
    atomic_fetch_add_explicit(&name_changes, 1, memory_order_acq_rel);
}

/* Longer names are not kept. */
#define NAME_WORDS    5u
#define NAME_KEPT_MAX (NAME_WORDS * 8)

/* A name in words, which are compared and hashed faster than bytes. Its first byte is the highest
 * that is not zero in the first word. */
struct name_key {
    size_t len; /* bytes; NAME_KEPT_MAX + 1: the name is longer, and the words are not all of it */
    uint64_t words[NAME_WORDS];
};

/** @brief Fill a key. @param name Ends before a '/' or a zero byte. @return key->len */
size_t name_key_make(struct name_key *key, const char *name);

/**
 * @brief The node of a name: &name_absent if it does not exist, NULL if that is not known.
 * @param dir It may lose its last reference meanwhile, but is not freed in this read section.
 * @return Not freed before the read section ends; it may have no reference any longer.
 * @context{any, in a read section}
 */
struct fs_node *name_cache_look(const struct fs_node *dir, const struct name_key *key);

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

/* The text of a name ends before a '/' or a zero byte. */

/** @brief Keep a name; it may replace another one. @param node &name_absent: it does not exist.
 *     @context{thread, *lock} */
void name_cache_add(struct name_cache *c, struct fs_node *dir, const char *name,
                    struct fs_node *node);

/** @brief True if it is kept that the name does not exist. @context{thread, *lock} */
bool name_cache_is_absent(const struct fs_name *at);

/** @brief Forget a name before it is removed, or gets another node, or a first one.
 *     @context{thread, *lock} */
void name_cache_remove(struct name_cache *c, const struct fs_name *at);

/** @brief Forget every name of a node that the caller holds: its last link is removed.
 *     @context{thread, *lock} */
void name_cache_remove_node(struct name_cache *c, const struct fs_node *node);

/** @brief Forget all names. @context{thread, *lock} */
void name_cache_clear(struct name_cache *c);

/** @brief Free the memory of every cache whose lock is free. Does not sleep.
 *     @context{thread, no spinlock} */
void name_cache_reclaim(void);
