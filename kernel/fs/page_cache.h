// SPDX-License-Identifier: MIT
//
// A cache of a block device's pages, through which a file system reads and writes: its metadata,
// and files. write_back.c writes dirty pages to the device; docs/files.md says when.
//
// Several threads may use one cache, but its owner, a file system, calls the functions that say so
// under a lock of its own. Write-back and the reclaiming of memory need no lock of the owner.
#pragma once

#include "kernel/io/block.h"

#include <stdatomic.h>

#define CACHE_PAGE      4096u /* bytes, aligned on the device; one page of memory */
#define CACHE_AHEAD_MAX 32u   /* pages in one read request */
#define CACHE_RESERVE   48u   /* pages that a writable cache keeps for operations */
#define CACHE_UNIT      1024u /* bytes: the smallest block of a file system */

struct page_cache;

/* In cache_page.pins: one thread removes the page or gives it other contents. */
#define CACHE_CLAIMED (UINT32_C(1) << 31)
/* In cache_page.pins, for each mapping that has the page (page_cache_share()). */
#define CACHE_SHARED (UINT32_C(1) << 20)

/* A page with contents is found and pinned without a lock, also by a thread that found it before it
 * got other contents. So the index is read again once the page is pinned, and then stays.
 * Descriptors are used again, but are freed only with the cache.
 *
 * Field protection:  [I] set when it gets contents   [c] the lock of all caches   [o] the owner's
 * lock */
struct cache_page {
    uint8_t *bytes; /* [I] CACHE_PAGE of them; past the device's end they are zero */
    /* [c] to change it: in its bucket. Release pairs with the acquire of readers. */
    _Atomic(struct cache_page *) next;
    struct list_node link; /* [c] in the cache's list of clean, dirty or spare pages */
    /* [c] to change it: position on the device in pages; CACHE_NO_PAGE: it has no contents. Release
     * pairs with the acquire in page_cache_peek(): a reader that sees it sees the contents. */
    _Atomic uint64_t index;
    uint64_t dirty_number; /* [c] counts the pages that became dirty; 0: it is clean */
    uint32_t holds;        /* [c] calls of page_cache_hold() without page_cache_release() */
    /* CACHE_CLAIMED, or how many users need it to stay cached, and CACHE_SHARED for each mapping.
     * Claimed only with [c], and if there are none: the acquire pairs with the release of
     * page_cache_put(). */
    _Atomic uint32_t pins;
    _Atomic bool is_used; /* since it was last considered for removal; relaxed: a hint */
    /* [o] bit i: the owner has verified unit i of its bytes; 0 when it gets contents */
    uint8_t verified;
};

/** @brief Create a cache; memory is allocated as needed. @return NULL: no memory.
 *     @context{thread, may sleep} */
struct page_cache *page_cache_make(struct block_device *dev);

/** @brief Free it with all its pages, of which none is pinned. Dirty ones are lost.
 *     @context{thread, may sleep} */
void page_cache_free(struct page_cache *c);

/** @brief Prepare for writing: afterwards pages may be made dirty, and a thread writes them.
 * @return OK; E_NOMEM. @context{thread, may sleep} */
enum status page_cache_allow_writes(struct page_cache *c);

/**
 * @brief Get the page that contains a byte of the device, pinned; reads it if necessary.
 * @param off Byte offset on the device.
 * @param ahead Bytes from `off` on that will be needed soon: if the page must be read, as many of
 *     them as one request can transfer are read with it.
 * @return OK; E_RANGE: past the end of the device; E_NOMEM; E_IO and errors of block_submit().
 * @context{thread, may sleep; the owner's lock}
 */
enum status page_cache_get(struct page_cache *c, uint64_t off, uint64_t ahead,
                           struct cache_page **out);

/**
 * @brief The page, pinned, if it is cached; otherwise NULL. It may be shared, so the caller must
 *     not change it.
 * @context{thread. Without the owner's lock a cached page may not be found, and a page of
 *     page_cache_get_new() may be found before it is filled.}
 */
struct cache_page *page_cache_peek(struct page_cache *c, uint64_t off);

/** @brief As page_cache_peek(), for a caller that changes the page. @context{thread, the owner's
 *     lock} */
struct cache_page *page_cache_peek_own(struct page_cache *c, uint64_t off);

/** @brief As page_cache_get() for a page of which the caller overwrites every byte: it is not read,
 *     and its contents are undefined. @context{thread, may sleep; the owner's lock} */
enum status page_cache_get_new(struct page_cache *c, uint64_t off, struct cache_page **out);

/** @brief The position on the device, in pages, of a page that is pinned. */
static inline uint64_t page_cache_index(const struct cache_page *p)
{
    return atomic_load_explicit(&p->index, memory_order_relaxed);
}

/** @brief Unpin a page. @context{thread} */
static inline void page_cache_put(struct cache_page *p)
{
    atomic_fetch_sub_explicit(&p->pins, 1, memory_order_release);
}

/**
 * @brief Turn the caller's pin into a share of a page whose bytes never change from then on, until
 *     page_cache_unshare(). A file system that changes the page on the device gets another one.
 * @return False: still pinned. The page differs from the device, others use it, or half of the
 *     cache is shared. @context{thread}
 */
bool page_cache_share(struct page_cache *c, struct cache_page *p);
void page_cache_unshare(struct page_cache *c, struct cache_page *p);

/** @brief Note that a pinned page was changed, after the change. @context{thread, the owner's
 *     lock} */
void page_cache_dirty(struct page_cache *c, struct cache_page *p);

/** @brief Copy bytes from the device through the cache, any alignment. @return as
 *     page_cache_get(). */
enum status page_cache_copy(struct page_cache *c, uint64_t off, void *buf, size_t len,
                            uint64_t ahead);

/** @brief How many of `len` bytes from `off` on come before the first cached page, so that the
 *     device has their latest contents. `off` is in no cached page: otherwise 0.
 * @context{thread, the owner's lock} */
size_t page_cache_uncached(struct page_cache *c, uint64_t off, size_t len);

/** @brief Write the pages that are dirty now, and make all completed writes durable.
 * @return OK; the first error: the pages that were not written stay dirty.
 * @context{thread, may sleep} */
enum status page_cache_sync(struct page_cache *c);

/** @brief Write the pages that are dirty now. @return as page_cache_sync(). */
enum status page_cache_write(struct page_cache *c);

/** @brief For a writer, when it has released its locks: if too many pages are dirty, write them
 *     first. @context{thread, may sleep} */
void page_cache_throttle(struct page_cache *c);

/** @brief Before an operation, and in the middle of one that cannot release its locks for long:
 *     CACHE_RESERVE more pages can be changed afterwards. If almost all pages are dirty, or there
 *     is no memory, the dirty ones are written.
 * @return OK; E_NOMEM; as page_cache_write(). @context{thread, may sleep; the owner's lock} */
enum status page_cache_pause(struct page_cache *c);

/** Bytes that a writer changes at most before it releases its locks and calls
 * page_cache_throttle(). */
#define CACHE_WRITE_MAX ((size_t)256 << 10)

/** @brief Make every page clean without writing it, after a failure of the device. */
void page_cache_abandon(struct page_cache *c);

/**
 * @brief Keep a pinned page from being written, because changes in it are not to be on the device
 *     yet. It stays pinned and is not dirty; it must not be made dirty. It may be held several
 *     times.
 * @return True if it was dirty: other changes in it must be written, too, when it is released.
 * @context{thread, the owner's lock; the owner lets no write be in progress meanwhile}
 */
bool page_cache_hold(struct page_cache *c, struct cache_page *p);

/** @brief End a hold, and unpin the page. `is_dirty`: it is dirty when the last hold has ended.
 *     @context{thread, the owner's lock} */
void page_cache_release(struct page_cache *c, struct cache_page *p, bool is_dirty);

/** @brief True while a page is held. @context{thread, the owner's lock} */
static inline bool page_cache_is_held(const struct cache_page *p)
{
    return p->holds != 0;
}

/**
 * @brief Let the thread of write-back and page_cache_throttle() call a function of the owner in
 *     place of page_cache_write(). The thread also calls it when a page was held for too long.
 * @param write Takes the owner's lock.
 * @context{thread, may sleep; without the owner's lock}
 */
void page_cache_set_writer(struct page_cache *c, enum status (*write)(void *ctx), void *ctx);

/** @brief The most pages that may be cached. @context{any} */
uint32_t page_cache_capacity(const struct page_cache *c);
