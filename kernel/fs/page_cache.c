// SPDX-License-Identifier: MIT
//
// Pages of block devices: found by hash, read with those that follow, and removed when they were
// not used for long. page_cache_dirty.c notes their changes, and write_back.c writes them.
#include "kernel/fs/page_cache_internal.h"

#include "hal/layout.h"
#include "kernel/base/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/reclaim.h"

/* Every page with memory is in `clean` or `dirty`; one with contents is also in a bucket. While a
 * read is in progress its pages are pinned and in no bucket (index CACHE_NO_PAGE), so a failed read
 * leaves no wrong contents.
 *
 * Removal takes the oldest page of `clean` that is not pinned and was not used since it was last
 * considered. Memory reclaiming frees all clean pages that are not pinned. It only takes
 * page_cache_lock, and never waits for the device, so any thread that needs memory may call it.
 *
 * Descriptors are in pages of their own and not in the heap. They are freed with the cache. */

#define COUNT_MIN   256u /* pages that a cache may use in any case: 1 MiB */
#define COUNT_PART  4u   /* otherwise this part of all memory */
#define BUCKETS_MIN 64u
#define BUCKETS_MAX 65536u /* 512 KiB */

STATIC_ASSERT(CACHE_PAGE == PAGE_SIZE, "a page of the cache is one page of memory");
STATIC_ASSERT(CACHE_AHEAD_MAX < COUNT_MIN, "reading ahead must not evict what it reads");

struct cache_slab {
    struct cache_slab *next;
    struct cache_page pages[(PAGE_SIZE - sizeof(void *)) / sizeof(struct cache_page)];
};
STATIC_ASSERT(sizeof(struct cache_slab) <= PAGE_SIZE, "a slab is one page");

struct spinlock page_cache_lock = SPINLOCK_INIT;
static struct list caches = LIST_INIT(caches); /* page_cache_lock */

static void insert_locked(struct cache_table *t, struct cache_page *p, uint64_t index)
    REQUIRES(page_cache_lock)
{
    _Atomic(struct cache_page *) *bucket = page_cache_bucket(t, index);
    atomic_store_explicit(&p->next, page_cache_follow(bucket), memory_order_relaxed);
    atomic_store_explicit(bucket, p, memory_order_release);
}

struct cache_page *page_cache_find_locked(struct page_cache *c, uint64_t index)
{
    return page_cache_find(c, index);
}

/* Remove a claimed or shared page from its bucket. It is no longer found, but keeps its memory. */
static void forget_locked(struct page_cache *c, struct cache_page *p) REQUIRES(page_cache_lock)
{
    uint64_t index = page_cache_index(p);
    if (index == CACHE_NO_PAGE) {
        return;
    }
    _Atomic(struct cache_page *) *at = page_cache_bucket(page_cache_table(c), index);
    while (page_cache_follow(at) != p) {
        at = &page_cache_follow(at)->next;
    }
    atomic_store_explicit(at, page_cache_follow(&p->next), memory_order_release);
    atomic_store_explicit(&p->index, CACHE_NO_PAGE, memory_order_relaxed);
}

/* True: the page had no users, and gets none before the claim ends. The acquire pairs with the
 * release of page_cache_put(): the last user has finished. */
static bool claim_locked(struct cache_page *p) REQUIRES(page_cache_lock)
{
    uint32_t none = 0;
    return atomic_compare_exchange_strong_explicit(&p->pins, &none, CACHE_CLAIMED,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* End a claim: the page has one user. Release pairs with the acquire of page_cache_pin(): a thread
 * that still looks for the old contents sees then that the index is another one. */
static void keep_claimed(struct cache_page *p)
{
    atomic_store_explicit(&p->pins, 1, memory_order_release);
}

/* The page is claimed, and its descriptor stays so while it is spare. */
static void free_page_locked(struct page_cache *c, struct cache_page *p) REQUIRES(page_cache_lock)
{
    forget_locked(c, p);
    list_remove(&p->link);
    page_free(hal_direct_to_phys(p->bytes), 0);
    list_push_front(&c->spare, &p->link);
    c->count--;
}

static void free_reserve_locked(struct page_cache *c) REQUIRES(page_cache_lock)
{
    struct list_node *n;
    while ((n = list_pop_front(&c->reserve)) != NULL) {
        page_free(hal_direct_to_phys(page_of(n)->bytes), 0);
        list_push_front(&c->spare, n);
    }
}

static void free_clean_locked(struct page_cache *c) REQUIRES(page_cache_lock)
{
    struct list_node *n = c->clean.head.next;
    while (n != &c->clean.head) {
        struct cache_page *p = page_of(n);
        n = n->next;
        if (claim_locked(p)) {
            free_page_locked(c, p);
        }
    }
}

/* Called when any thread needs memory, perhaps while it holds its file system's lock. Pages that
 * are pinned, dirty or held stay. */
static void free_all_clean(void)
{
    spin_lock(&page_cache_lock);
    LIST_FOR_EACH (&caches, n) {
        free_clean_locked(CONTAINER_OF(n, struct page_cache, link));
    }
    spin_unlock(&page_cache_lock);
}

/* NULL: there is no memory. */
static struct cache_table *make_table(uint64_t count)
{
    struct cache_table *t = heap_zalloc(sizeof(*t) + (size_t)count * sizeof(t->buckets[0]));
    if (t != NULL) {
        t->mask = count - 1;
    }
    return t;
}

struct page_cache *page_cache_make(struct block_device *dev)
{
    struct page_cache *c = heap_zalloc(sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    struct page_stats stats;
    page_get_stats(&stats);
    c->dev = dev;
    c->count_max = (uint32_t)MAX(COUNT_MIN, MIN(stats.total_pages / COUNT_PART, UINT32_MAX / 2));
    struct cache_table *table = make_table(BUCKETS_MIN);
    if (table == NULL) {
        heap_free(c);
        return NULL;
    }
    atomic_init(&c->table, table);
    c->ahead_max = MIN(CACHE_AHEAD_MAX, MIN(dev->max_segments, dev->max_bytes / CACHE_PAGE));
    c->ahead_max = MAX(c->ahead_max, 1u);
    list_init(&c->clean);
    list_init(&c->dirty);
    list_init(&c->spare);
    list_init(&c->reserve);
    mutex_init(&c->writing, "write-back");
    memory_reclaim_caches(free_all_clean);
    spin_lock(&page_cache_lock);
    list_push_back(&caches, &c->link);
    spin_unlock(&page_cache_lock);
    return c;
}

void page_cache_free(struct page_cache *c)
{
    if (c->writes != NULL) {
        write_back_remove(c);
    }
    page_cache_abandon(c);
    spin_lock(&page_cache_lock);
    list_remove(&c->link);
    free_clean_locked(c);
    free_reserve_locked(c);
    spin_unlock(&page_cache_lock);
    ASSERT(c->count == 0);
    while (c->slabs != NULL) {
        struct cache_slab *slab = c->slabs;
        c->slabs = slab->next;
        page_free(hal_direct_to_phys(slab), 0);
    }
    heap_free(c->writes);
    heap_free(page_cache_table(c));
    heap_free(c);
}

static void add_slab_locked(struct page_cache *c, struct cache_slab *slab) REQUIRES(page_cache_lock)
{
    slab->next = c->slabs;
    c->slabs = slab;
    for (size_t i = 0; i < ARRAY_COUNT(slab->pages); i++) {
        struct cache_page *p = &slab->pages[i];
        atomic_init(&p->pins, CACHE_CLAIMED);
        atomic_init(&p->index, CACHE_NO_PAGE);
        list_push_front(&c->spare, &p->link);
    }
}

/* Use a spare descriptor. Another thread may still be at it, on its way along the bucket where it
 * was, so its words change one by one. */
static struct cache_page *use_spare_locked(struct page_cache *c, void *bytes)
    REQUIRES(page_cache_lock)
{
    struct cache_page *p = page_of(list_pop_front(&c->spare));
    p->bytes = bytes;
    p->dirty_number = 0;
    p->holds = 0;
    atomic_store_explicit(&p->is_used, false, memory_order_relaxed);
    list_push_back(&c->clean, &p->link);
    c->count++;
    keep_claimed(p);
    return p;
}

/* A new page, pinned and without contents, in the list of clean pages. NULL: there is no memory.
 * The memory is allocated without page_cache_lock, since the allocator may reclaim memory, and
 * free_all_clean() takes that lock. Spare descriptors are used only here, under the owner's lock,
 * so one that was seen before is still there; reclaiming only adds some. */
static struct cache_page *add_page(struct page_cache *c)
{
    paddr_t frame;
    struct cache_slab *slab = NULL;
    struct cache_page *p = NULL;
    spin_lock(&page_cache_lock);
    bool is_short = list_is_empty(&c->spare);
    spin_unlock(&page_cache_lock);
    if (is_short) {
        if (page_alloc(0, PAGE_CACHE, &frame) != OK) {
            return NULL;
        }
        slab = hal_direct(frame);
    }
    enum status s = page_alloc(0, PAGE_CACHE, &frame);
    spin_lock(&page_cache_lock);
    if (slab != NULL) {
        add_slab_locked(c, slab);
    }
    if (s == OK) {
        p = use_spare_locked(c, hal_direct(frame));
    }
    spin_unlock(&page_cache_lock);
    return p;
}

/* Evict and pin the first clean page that is not pinned and was not used since it was last
 * considered. In two rounds each page is considered twice, as all of them may have been used. This
 * is the "clock" or second-chance algorithm: a use costs one store of a flag and moves nothing in
 * the list. The page leaves its bucket before the lock is released, so no reader finds it while its
 * contents change. */
static struct cache_page *take_clean_locked(struct page_cache *c) REQUIRES(page_cache_lock)
{
    for (uint64_t left = (uint64_t)c->count * 2; left > 0; left--) {
        struct list_node *n = list_pop_front(&c->clean);
        if (n == NULL) {
            return NULL;
        }
        list_push_back(&c->clean, n);
        struct cache_page *p = page_of(n);
        if (!atomic_load_explicit(&p->is_used, memory_order_relaxed) && claim_locked(p)) {
            forget_locked(c, p);
            keep_claimed(p);
            return p;
        }
        atomic_store_explicit(&p->is_used, false, memory_order_relaxed);
    }
    return NULL;
}

static void move_all_locked(struct cache_table *to, struct cache_table *from)
    REQUIRES(page_cache_lock)
{
    for (uint64_t i = 0; i <= from->mask; i++) {
        struct cache_page *p = page_cache_follow(&from->buckets[i]);
        while (p != NULL) {
            struct cache_page *next = page_cache_follow(&p->next);
            insert_locked(to, p, page_cache_index(p));
            p = next;
        }
    }
}

static void free_table(struct rcu_call *call)
{
    heap_free(CONTAINER_OF(call, struct cache_table, call));
}

/* Double the buckets: a device that is only probed has the few of page_cache_make(). Without memory
 * the chains get longer. Only page_cache_get() and page_cache_get_new() lead here, under the
 * owner's lock, so no other thread adds buckets meanwhile. */
static void add_buckets(struct page_cache *c)
{
    struct cache_table *old = page_cache_table(c);
    struct cache_table *t = make_table((old->mask + 1) * 2);
    if (t == NULL) {
        return;
    }
    spin_lock(&page_cache_lock);
    move_all_locked(t, old);
    atomic_store_explicit(&c->table, t, memory_order_release);
    spin_unlock(&page_cache_lock);
    old->call.run = free_table;
    rcu_call_later(&old->call);
}

/* The cache has become larger than it should be (take_page()): a clean page goes. It is claimed
 * again, because another thread may be at it, on its way along the bucket where it was. */
static void shrink_locked(struct page_cache *c) REQUIRES(page_cache_lock)
{
    struct cache_page *p = c->count > c->count_max ? take_clean_locked(c) : NULL;
    if (p != NULL) {
        page_cache_put(p);
        if (claim_locked(p)) {
            free_page_locked(c, p);
        }
    }
}

/* count_max bounds what the cache takes on its own; take_clean_locked() then recycles. With a cache
 * full of dirty pages it returns NULL. */
static struct cache_page *try_take(struct page_cache *c)
{
    uint64_t mask = page_cache_table(c)->mask;
    spin_lock(&page_cache_lock);
    bool may_grow = c->count < c->count_max;
    bool is_crowded = c->count > mask && mask + 1 < BUCKETS_MAX;
    spin_unlock(&page_cache_lock);
    if (is_crowded) {
        add_buckets(c);
    }
    struct cache_page *p = may_grow ? add_page(c) : NULL;
    if (p == NULL) { /* at the limit, or without memory, a page with contents is used */
        spin_lock(&page_cache_lock);
        p = take_clean_locked(c);
        shrink_locked(c);
        spin_unlock(&page_cache_lock);
    }
    return p;
}

/* Move a pinned page without contents between the lists of clean pages and the reserve. */
static void reserve_locked(struct page_cache *c, struct cache_page *p) REQUIRES(page_cache_lock)
{
    page_cache_put(p);
    if (claim_locked(p)) { /* or another thread is at it, on its way along the bucket */
        list_remove(&p->link);
        list_push_front(&c->reserve, &p->link);
        c->reserve_count++;
        c->count--;
    }
}

static struct cache_page *take_reserved(struct page_cache *c)
{
    spin_lock(&page_cache_lock);
    struct list_node *n = list_pop_front(&c->reserve);
    struct cache_page *p = n != NULL ? page_of(n) : NULL;
    if (p != NULL) {
        c->reserve_count--;
        c->count++;
        list_push_back(&c->clean, n);
        keep_claimed(p);
    }
    spin_unlock(&page_cache_lock);
    return p;
}

/* A page of the cache, or a new one even if the cache has reached its limit. */
static struct cache_page *take_any(struct page_cache *c)
{
    struct cache_page *p = try_take(c);
    return p == NULL && c->writes != NULL ? add_page(c) : p;
}

bool page_cache_refill(struct page_cache *c)
{
    struct cache_page *p;
    for (;;) {
        spin_lock(&page_cache_lock);
        bool is_short = page_cache_is_short(c);
        spin_unlock(&page_cache_lock);
        if (!is_short) {
            return true;
        }
        p = take_any(c);
        if (p == NULL) {
            return false;
        }
        spin_lock(&page_cache_lock);
        reserve_locked(c, p);
        spin_unlock(&page_cache_lock);
    }
}

/* A pinned page without contents. If all pages are dirty, the cache grows past its limit: the
 * caller holds its owner's lock, and the device is slow, so no page is written here. Writers wait
 * when they have released it (page_cache_throttle()), and long operations write in a pause
 * (page_cache_pause()), so this is rare and few pages. Only if there is no memory either, a page of
 * the reserve is used, because an operation cannot be undone: it was full before the operation
 * (page_cache_pause()). The thread of write-back then makes pages clean that can be taken again.
 * NULL: no memory. */
static struct cache_page *take_page(struct page_cache *c)
{
    struct cache_page *p = take_any(c);
    if (p == NULL) {
        p = take_reserved(c);
        if (p != NULL) {
            write_back_wake();
        }
    }
    return p;
}

/* Put a page back that got no contents. It is the first to be taken again. */
static void return_page(struct page_cache *c, struct cache_page *p)
{
    spin_lock(&page_cache_lock);
    list_remove(&p->link);
    list_push_front(&c->clean, &p->link);
    page_cache_put(p);
    spin_unlock(&page_cache_lock);
}

/* A page is found from here on, with contents. The owner's lock is held from the failed search to
 * this point, so no other thread publishes the same index. */
static void publish(struct page_cache *c, struct cache_page *p, uint64_t index)
{
    spin_lock(&page_cache_lock);
    p->verified = 0;
    atomic_store_explicit(&p->is_used, true, memory_order_relaxed);
    atomic_store_explicit(&p->index, index, memory_order_release);
    insert_locked(page_cache_table(c), p, index);
    spin_unlock(&page_cache_lock);
}

struct cache_page *page_cache_peek(struct page_cache *c, uint64_t off)
{
    return page_cache_find_and_pin(c, off / CACHE_PAGE);
}

/* A shared page equals the device, and stays as it is for the mappings that have it: it leaves its
 * bucket, and the next reader reads the device. The caller's pin came before or after the change of
 * `pins` in page_cache_share(): then that fails, or CACHE_SHARED is seen here. */
struct cache_page *page_cache_peek_own(struct page_cache *c, uint64_t off)
{
    struct cache_page *p = page_cache_peek(c, off);
    if (p == NULL || LIKELY(!page_cache_is_shared(p))) {
        return p;
    }
    spin_lock(&page_cache_lock);
    forget_locked(c, p);
    spin_unlock(&page_cache_lock);
    page_cache_put(p);
    return NULL;
}

static bool has(struct page_cache *c, uint64_t index)
{
    spin_lock(&page_cache_lock);
    bool found = page_cache_find_locked(c, index) != NULL;
    spin_unlock(&page_cache_lock);
    return found;
}

static void read_done(struct block_request *req)
{
    completion_signal(req->ctx);
}

/* Read `count` consecutive pages in one request. */
static enum status read_pages(struct page_cache *c, uint64_t index, struct cache_page **pages,
                              uint32_t count)
{
    struct block_segment segments[CACHE_AHEAD_MAX];
    uint64_t left = c->dev->sectors - index * SECTORS_A_PAGE;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sectors = MIN(left, (uint64_t)SECTORS_A_PAGE);
        segments[i] = (struct block_segment){.data = pages[i]->bytes,
                                             .len = (uint32_t)(sectors * BLOCK_SECTOR)};
        memset(pages[i]->bytes + segments[i].len, 0, CACHE_PAGE - segments[i].len);
        left -= sectors;
    }
    struct completion done;
    completion_init(&done, "disk");
    struct block_request req = {.op = BLOCK_READ,
                                .sector = index * SECTORS_A_PAGE,
                                .segment_count = count,
                                .segments = segments,
                                .done = read_done,
                                .ctx = &done};
    enum status s = block_submit(c->dev, &req);
    if (s != OK) {
        return s;
    }
    /* The device owns the memory until it completes the request; the driver's
     * time-out bounds that. */
    s = completion_wait_uncancellable(&done, WAIT_FOREVER);
    ASSERT(s == OK);
    return req.result;
}

/* Take pages for `index` and for as many of the `count` - 1 after it as are not cached. Only the
 * first may cause a write. */
static uint32_t take_pages(struct page_cache *c, uint64_t index, uint32_t count,
                           struct cache_page **pages)
{
    uint32_t n = 0;
    while (n < count && (n == 0 || !has(c, index + n))) {
        struct cache_page *p = n == 0 ? take_page(c) : try_take(c);
        if (p == NULL) {
            break;
        }
        pages[n++] = p;
    }
    return n;
}

/* Read page `index`, and those after it that are not cached. If the request with the pages ahead
 * fails, the one page that is needed is read alone: a bad sector after it must not make it
 * unreadable. Only pages with good contents are published; the others return to the list without
 * contents. */
static enum status fill(struct page_cache *c, uint64_t index, uint32_t count,
                        struct cache_page **out)
{
    struct cache_page *pages[CACHE_AHEAD_MAX];
    uint32_t n = take_pages(c, index, count, pages);
    if (n == 0) {
        return E_NOMEM;
    }
    enum status s = read_pages(c, index, pages, n);
    uint32_t good = s == OK ? n : 0;
    if (s != OK && n > 1) {
        s = read_pages(c, index, pages, 1); /* reading ahead must not fail the page itself */
        good = s == OK ? 1 : 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (i >= good) {
            return_page(c, pages[i]);
        } else {
            publish(c, pages[i], index + i);
            if (i > 0) {
                page_cache_put(pages[i]);
            }
        }
    }
    if (s == OK) {
        *out = pages[0];
    }
    return s;
}

static uint64_t pages_on_device(const struct page_cache *c)
{
    return (c->dev->sectors + SECTORS_A_PAGE - 1) / SECTORS_A_PAGE;
}

enum status page_cache_get(struct page_cache *c, uint64_t off, uint64_t ahead,
                           struct cache_page **out)
{
    uint64_t index = off / CACHE_PAGE;
    uint64_t end = pages_on_device(c);
    if (index >= end) {
        return E_RANGE;
    }
    struct cache_page *p = page_cache_peek_own(c, off);
    if (p == NULL) {
        uint64_t bytes = MIN(ahead, (uint64_t)CACHE_AHEAD_MAX * CACHE_PAGE);
        uint64_t wanted = (off % CACHE_PAGE + bytes + CACHE_PAGE - 1) / CACHE_PAGE;
        wanted = MAX(MIN(wanted, (uint64_t)c->ahead_max), UINT64_C(1));
        return fill(c, index, (uint32_t)MIN(wanted, end - index), out);
    }
    *out = p;
    return OK;
}

/* The page is published before the caller fills it. All readers of this cache but page_cache_peek()
 * hold the owner's lock, which the caller does not release before. */
enum status page_cache_get_new(struct page_cache *c, uint64_t off, struct cache_page **out)
{
    uint64_t index = off / CACHE_PAGE;
    if (index >= pages_on_device(c)) {
        return E_RANGE;
    }
    struct cache_page *p = page_cache_peek_own(c, off);
    if (p == NULL) {
        p = take_page(c);
        if (p == NULL) {
            return E_NOMEM;
        }
        publish(c, p, index);
    }
    *out = p;
    return OK;
}

uint32_t page_cache_capacity(const struct page_cache *c)
{
    return c->count_max;
}

enum status page_cache_copy(struct page_cache *c, uint64_t off, void *buf, size_t len,
                            uint64_t ahead)
{
    size_t at = 0;
    while (at < len) {
        struct cache_page *p;
        size_t inside = (size_t)((off + at) % CACHE_PAGE);
        size_t n = MIN(len - at, CACHE_PAGE - inside);
        enum status s = page_cache_get(c, off + at, MAX(ahead, at) - at, &p);
        if (s != OK) {
            return s;
        }
        memcpy((uint8_t *)buf + at, p->bytes + inside, n);
        page_cache_put(p);
        at += n;
    }
    return OK;
}

size_t page_cache_uncached(struct page_cache *c, uint64_t off, size_t len)
{
    uint64_t first = off / CACHE_PAGE;
    uint64_t last = (off + len - 1) / CACHE_PAGE;
    uint64_t index = first;
    spin_lock(&page_cache_lock);
    while (index <= last && page_cache_find_locked(c, index) == NULL) {
        index++;
    }
    spin_unlock(&page_cache_lock);
    return index > last ? len : index == first ? 0 : (size_t)(index * CACHE_PAGE - off);
}
