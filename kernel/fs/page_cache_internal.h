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
    uint32_t count;                   /* [c] pages with memory, apart from the reserve */
    uint32_t dirty_count;             /* [c] */
    uint32_t held_count;              /* [c] holds of pages */
    uint32_t shared_count;            /* [c] shares of pages */
    enum status (*writer)(void *ctx); /* [l] instead of page_cache_write(); NULL: none */
    void *writer_ctx;                 /* [l] */
    uint64_t last_number;             /* [c] the last dirty_number */
    uint64_t dirty_since_ns;          /* [c] no page has been dirty for longer */
    struct list clean;                /* [c] clean pages, those without contents included */
    struct list dirty;                /* [c] dirty pages, by dirty_number */
    struct list spare;                /* [c] descriptors without memory, claimed */
    struct list reserve;              /* [c] pages without contents, claimed, for want of memory */
    uint32_t reserve_count;           /* [c] at most CACHE_RESERVE */
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

/* ---- Finding pages without a lock ---- */

static inline struct cache_table *page_cache_table(const struct page_cache *c)
{
    return atomic_load_explicit(&c->table, memory_order_acquire);
}

static inline _Atomic(struct cache_page *) *page_cache_bucket(struct cache_table *t, uint64_t index)
{
    return &t->buckets[index & t->mask];
}

/* Acquire: what led to a page was stored after the page was complete. */
static inline struct cache_page *page_cache_follow(_Atomic(struct cache_page *) const *link)
{
    return atomic_load_explicit(link, memory_order_acquire);
}

/* Without page_cache_lock the page may lose its contents at any time. A page that leaves its bucket
 * keeps its link, so a thread that is at it comes to the end of a bucket. While the table is
 * replaced that may be another one, and a page is not found. */
static inline struct cache_page *page_cache_find(const struct page_cache *c, uint64_t index)
{
    struct cache_page *p = page_cache_follow(page_cache_bucket(page_cache_table(c), index));
    while (p != NULL && page_cache_index(p) != index) {
        p = page_cache_follow(&p->next);
    }
    return p;
}

/* Pin a page that was found. False: it is about to lose its contents, or has others. */
static inline bool page_cache_pin(struct cache_page *p, uint64_t index)
{
    uint32_t pins = atomic_load_explicit(&p->pins, memory_order_relaxed);
    do {
        if ((pins & CACHE_CLAIMED) != 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&p->pins, &pins, pins + 1, memory_order_acquire,
                                                    memory_order_relaxed));
    /* Acquire pairs with publish(). */
    if (atomic_load_explicit(&p->index, memory_order_acquire) != index) {
        page_cache_put(p);
        return false;
    }
    atomic_store_explicit(&p->is_used, true, memory_order_relaxed);
    return true;
}

/* Of a page that is pinned, and so not claimed. */
static inline bool page_cache_is_shared(const struct cache_page *p)
{
    return atomic_load_explicit(&p->pins, memory_order_relaxed) >= CACHE_SHARED;
}

/* In a read section, which keeps the table. */
static ALWAYS_INLINE struct cache_page *page_cache_try_pin(struct page_cache *c, uint64_t index)
{
    struct cache_page *p = page_cache_find(c, index);
    return p != NULL && page_cache_pin(p, index) ? p : NULL;
}

/* With the owner's lock no page gets contents meanwhile, so a page that is not found, or not
 * pinned, is not cached. */
static ALWAYS_INLINE struct cache_page *page_cache_find_and_pin(struct page_cache *c,
                                                                uint64_t index)
{
    rcu_read_begin();
    struct cache_page *p = page_cache_try_pin(c, index);
    rcu_read_end();
    return p;
}

/* ---- page_cache.c, write_back.c ---- */

/** @brief True if pages of the reserve were used, and not replaced yet. */
static inline bool page_cache_is_short(const struct page_cache *c) REQUIRES(page_cache_lock)
{
    return c->writes != NULL && c->reserve_count < CACHE_RESERVE;
}

/** @brief Fill the reserve with new pages, or clean ones. @return False: there are too few.
 *     @context{thread, may sleep; the owner's lock} */
bool page_cache_refill(struct page_cache *c);

/** @brief The page at an index, or NULL. */
struct cache_page *page_cache_find_locked(struct page_cache *c, uint64_t index)
    REQUIRES(page_cache_lock);

/** @brief Let the thread write this cache from now on, or no longer. The thread is started with the
 *     first. @return OK; E_NOMEM. @context{thread, may sleep} */
enum status write_back_add(struct page_cache *c);
void write_back_remove(struct page_cache *c);

/** @brief Wake the thread: a first page is dirty, or too many are. @context{thread} */
void write_back_wake(void);
