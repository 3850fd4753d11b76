// SPDX-License-Identifier: MIT
//
// Reads of cached pages without the file system's lock. The file systems find the runs.
#include "kernel/fs/known_run.h"

#include "kernel/fs/page_cache_internal.h"
#include "kernel/lib/string.h"

/* Copy from one page. @return how many bytes. */
static ALWAYS_INLINE size_t copy_one(struct page_cache *c, uint64_t byte, void *buf, size_t len)
{
    struct cache_page *page = page_cache_find_and_pin(c, byte / CACHE_PAGE);
    if (page == NULL) {
        return 0;
    }
    memcpy(buf, page->bytes + byte % CACHE_PAGE, len);
    page_cache_put(page);
    return len;
}

/* A file whose blocks are smaller than a page may begin anywhere in one: then few bytes are from
 * two pages, too. Both are found at once. */
static ALWAYS_INLINE size_t copy_two(struct page_cache *c, uint64_t byte, uint8_t *buf, size_t len)
{
    size_t first = (size_t)(CACHE_PAGE - byte % CACHE_PAGE);
    len = MIN(len - first, CACHE_PAGE);
    rcu_read_begin();
    struct cache_page *page = page_cache_try_pin(c, byte / CACHE_PAGE);
    struct cache_page *next = page_cache_try_pin(c, byte / CACHE_PAGE + 1);
    rcu_read_end();
    if (page != NULL) {
        memcpy(buf, page->bytes + byte % CACHE_PAGE, first);
        page_cache_put(page);
    }
    if (next != NULL) {
        memcpy(buf + first, next->bytes, len);
        page_cache_put(next);
    }
    return page == NULL ? 0 : next == NULL ? first : first + len;
}

/* The look at the version before anything is copied shows that the words of the run belong
 * together: r->moving is held and pins keep the pages, so no byte of another file is copied. The
 * bytes may change during the copy; the look after it tells, and then they are read again. */
static ALWAYS_INLINE size_t copy(struct known_run *r, uint64_t off, uint8_t *buf, size_t len)
{
    uint32_t version = atomic_load_explicit(&r->version, memory_order_acquire);
    uint64_t begin = atomic_load_explicit(&r->begin, memory_order_relaxed);
    uint64_t end = atomic_load_explicit(&r->end, memory_order_relaxed);
    uint64_t byte = off + atomic_load_explicit(&r->shift, memory_order_relaxed);
    if ((version & 1) != 0 || off < begin || off >= end ||
        UNLIKELY(!known_run_is_unchanged(r, version))) {
        return 0;
    }
    len = MIN(len, (size_t)(end - off));
    bool is_one = len <= CACHE_PAGE - byte % CACHE_PAGE;
    len = LIKELY(is_one) ? copy_one(r->cache, byte, buf, len) : copy_two(r->cache, byte, buf, len);
    if (UNLIKELY(len == 0 || !known_run_is_unchanged(r, version))) {
        return 0;
    }
    known_run_note_read(r, off + len);
    return len;
}

size_t known_run_read(struct known_run *r, uint64_t off, void *buf, size_t len)
{
    size_t done = 0, some;
    rwlock_read(&r->moving);
    do {
        some = copy(r, off + done, (uint8_t *)buf + done, len - done);
        done += some;
    } while (UNLIKELY(done != len) && some != 0 && done < KNOWN_RUN_MAX);
    rwlock_end_read(&r->moving);
    return done;
}
