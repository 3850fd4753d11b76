// SPDX-License-Identifier: MIT
//
// Reads of cached pages without the file system's lock. The file systems find the runs.
#include "kernel/fs/known_run.h"

#include "kernel/fs/page_cache_internal.h"
#include "kernel/lib/string.h"

/* The pin keeps the page. The look at the version before the copy shows that the words of the run
 * belong together: no byte of another file is copied. The bytes may change during the copy; the
 * look after it tells, and then they are read again. */
static ALWAYS_INLINE size_t copy(struct known_run *r, uint64_t off, void *buf, size_t len)
{
    uint64_t byte;
    uint32_t version = atomic_load_explicit(&r->version, memory_order_acquire);
    uint64_t end = atomic_load_explicit(&r->end, memory_order_relaxed);
    if ((version & 1) != 0 || !known_run_find(r, off, 1, &byte)) {
        return 0;
    }
    struct cache_page *page = page_cache_find_and_pin(r->cache, byte / CACHE_PAGE);
    if (page == NULL) {
        return 0;
    }
    if (LIKELY(known_run_is_unchanged(r, version))) {
        size_t inside = (size_t)(byte % CACHE_PAGE);
        len = MIN(len, MIN(CACHE_PAGE - inside, (size_t)(end - off)));
        memcpy(buf, page->bytes + inside, len);
    }
    bool is_good = known_run_is_unchanged(r, version);
    page_cache_put(page);
    if (UNLIKELY(!is_good)) {
        return 0;
    }
    known_run_note_read(r, off + len);
    return len;
}

/* r->moving is held, so the blocks that were known at the first look stay the file's. A block that
 * is smaller than a page may begin anywhere in one: then few bytes are from two pages, too. */
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
