// SPDX-License-Identifier: MIT
//
// Shared by page_cache.c, which finds and reads pages, and write_back.c, which writes them.
#pragma once

#include "kernel/fs/page_cache.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rcu.h"

#define CACHE_NO_PAGE    UINT64_MAX
#define SECTORS_A_PAGE   (CACHE_PAGE / BLOCK_SECTOR)
#define WRITES_IN_FLIGHT 4u

/* One write request: consecutive pages. */
struct cache_write {
    struct block_request req;
    struct completion done;
    struct block_segment segments[BLOCK_SEGMENTS_MAX];
    struct cache_page *pages[BLOCK_SEGMENTS_MAX];
    uint32_t count;
};

/* Pages with contents by index. Replaced as a whole, in read sections (RCU): a page is in the
 * bucket of its index in the current table only. */
struct cache_table {
    struct rcu_call call;                   /* when it was replaced */
    uint64_t mask;                          /* the number of buckets, a power of two, less one */
    _Atomic(struct cache_page *) buckets[]; /* release and acquire, as cache_page.next */
};

/* Field protection:  [I] set by page_cache_make()   [o] the owner's lock   [c] page_cache_lock
 * [w] writing   [l] the list of write_back.c */
struct page_cache {
    struct block_device *dev;         /* [I] */
    uint32_t ahead_max;               /* [I] most pages in one request to this device */
    uint32_t count_max;               /* [I] most pages with memory, unless all of them are dirty */
    uint32_t count;                   /* [c] pages with memory */
    uint32_t dirty_count;             /* [c] */
    uint32_t held_count;              /* [c] holds of pages */
    enum status (*writer)(void *ctx); /* [l] instead of page_cache_write(); NULL: none */
    void *writer_ctx;                 /* [l] */
    uint64_t last_number;             /* [c] the last dirty_number */
    uint64_t dirty_since_ns;          /* [c] no page has been dirty for longer */
    struct list clean;                /* [c] clean pages, those without contents included */
    struct list dirty;                /* [c] dirty pages, by dirty_number */
    struct list spare;                /* [c] descriptors without memory, claimed */
    struct cache_slab *slabs;         /* [c] what the descriptors lie in */
    struct list_node link;            /* [c] among all caches */
    struct mutex writing;             /* held while dirty pages are written */
    struct cache_write *writes;       /* [w] WRITES_IN_FLIGHT of them; NULL: it is read-only */
    struct list_node written;         /* [l] among the caches that a thread writes */
    /* [c] and the owner's lock to change it. Release pairs with the acquire of readers. */
    _Atomic(struct cache_table *) table;
};

static inline struct cache_page *page_of(struct list_node *n)
{
    return CONTAINER_OF(n, struct cache_page, link);
}

/* Protects the pages of all caches. A leaf but for the page allocator. */
extern struct spinlock page_cache_lock;

/** @brief The page at an index, or NULL. */
struct cache_page *page_cache_find_locked(struct page_cache *c, uint64_t index)
    REQUIRES(page_cache_lock);

/** @brief Let the thread write this cache from now on, or no longer. The thread is started with the
 *     first. @return OK; E_NOMEM. @context{thread, may sleep} */
enum status write_back_add(struct page_cache *c);
void write_back_remove(struct page_cache *c);

/** @brief Wake the thread: a first page is dirty, or too many are. @context{thread} */
void write_back_wake(void);
