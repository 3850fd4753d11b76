// SPDX-License-Identifier: MIT
//
// Writes dirty pages of page caches to their devices: when asked (page_cache_sync()), when there
// are too many, and by a thread when they are old.
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/fs/page_cache_internal.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"

/* A page is clean from the moment when it is handed to the device: a change that comes later makes
 * it dirty again, so it is written once more. It stays pinned until the device has finished. If the
 * device fails, the page is dirty again, as the oldest.
 *
 * The thread sleeps without a time-out while nothing is dirty. It holds `list_lock` while it
 * writes, so that a cache is not freed meanwhile. */

#define AGE_MAX_NS (5 * NS_PER_S)
#define WAKE_PART  4u /* the thread writes early if this part of a cache is dirty */
#define WAIT_PART  2u /* and writers have to write if this part is */

static struct mutex list_lock = MUTEX_INIT(list_lock, "write-back list");
static struct list written = LIST_INIT(written);                           /* list_lock */
static bool is_started;                                                    /* list_lock */
static struct wait_queue wake = WAIT_QUEUE_INIT(wake, "nothing to write"); /* protects is_woken */
static bool is_woken;

static void write_done(struct block_request *req)
{
    completion_signal(&CONTAINER_OF(req, struct cache_write, req)->done);
}

/* Mark a page as being written. */
static void take_locked(struct page_cache *c, struct cache_write *w, struct cache_page *p)
    REQUIRES(page_cache_lock)
{
    list_remove(&p->link);
    list_push_back(&c->clean, &p->link);
    p->dirty_number = 0;
    c->dirty_count--;
    atomic_fetch_add_explicit(&p->pins, 1, memory_order_relaxed);
    w->pages[w->count++] = p;
}

/* Collect the oldest dirty page, and those after it on the device that are dirty, too. False: no
 * page that became dirty up to `number` is left. `number` bounds the work: pages that become dirty
 * while this write is in progress have larger numbers and wait for the next one, or a fast writer
 * could keep page_cache_write() busy for ever. Neighbours on the device join the request whatever
 * their number is, since they cost little. */
static bool collect(struct page_cache *c, struct cache_write *w, uint64_t number)
{
    uint32_t most = MIN(c->dev->max_segments, c->dev->max_bytes / CACHE_PAGE);
    w->count = 0;
    spin_lock(&page_cache_lock);
    struct list_node *n = list_first(&c->dirty);
    struct cache_page *p = n != NULL ? page_of(n) : NULL;
    if (p != NULL && p->dirty_number <= number) {
        uint64_t index = page_cache_index(p);
        do {
            take_locked(c, w, p);
            p = page_cache_find_locked(c, ++index);
        } while (w->count < most && p != NULL && p->dirty_number != 0);
    }
    spin_unlock(&page_cache_lock);
    return w->count != 0;
}

static enum status start(struct page_cache *c, struct cache_write *w)
{
    uint64_t first = page_cache_index(w->pages[0]) * SECTORS_A_PAGE;
    uint64_t left = c->dev->sectors - first;
    for (uint32_t i = 0; i < w->count; i++) {
        uint64_t sectors = MIN(left, (uint64_t)SECTORS_A_PAGE);
        w->segments[i] = (struct block_segment){.data = w->pages[i]->bytes,
                                                .len = (uint32_t)(sectors * BLOCK_SECTOR)};
        left -= sectors;
    }
    w->req = (struct block_request){.op = BLOCK_WRITE,
                                    .sector = first,
                                    .segment_count = w->count,
                                    .segments = w->segments,
                                    .done = write_done};
    completion_init(&w->done, "disk");
    return block_submit(c->dev, &w->req);
}

/* The pages of a write that failed are dirty again, the first of them the oldest. From the last
 * page to the first, each to the front of the list, so the first page ends up as the oldest. Their
 * number is 1, the smallest, so the next write takes them whatever its bound is. A page that was
 * changed during the write is dirty already and keeps its new number. */
static void finish(struct page_cache *c, struct cache_write *w, enum status s)
{
    spin_lock(&page_cache_lock);
    for (uint32_t i = w->count; i-- > 0;) {
        struct cache_page *p = w->pages[i];
        if (s != OK && p->dirty_number == 0) {
            list_remove(&p->link);
            list_push_front(&c->dirty, &p->link);
            p->dirty_number = 1;
            c->dirty_count++;
        }
        page_cache_put(p);
    }
    spin_unlock(&page_cache_lock);
}

/* Write up to WRITES_IN_FLIGHT runs of pages. *more: there was one for each request. */
static enum status write_some(struct page_cache *c, uint64_t number, bool *more)
    REQUIRES(c->writing)
{
    enum status results[WRITES_IN_FLIGHT];
    uint32_t n = 0;
    enum status s = OK;
    while (n < WRITES_IN_FLIGHT && collect(c, &c->writes[n], number)) {
        results[n] = start(c, &c->writes[n]);
        n++;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (results[i] == OK) {
            /* The device owns the pages; the driver's time-out bounds the wait. */
            enum status waited = completion_wait_uncancellable(&c->writes[i].done, WAIT_FOREVER);
            ASSERT(waited == OK);
            results[i] = c->writes[i].req.result;
        }
        finish(c, &c->writes[i], results[i]);
        s = s == OK ? results[i] : s;
    }
    *more = n == WRITES_IN_FLIGHT;
    return s;
}

/* `writing` serialises writers of one cache, which share the requests in c->writes. page_cache_lock
 * is only held to change lists, never while the device works. */
enum status page_cache_write(struct page_cache *c)
{
    enum status s = OK;
    bool more = true;
    mutex_lock(&c->writing);
    spin_lock(&page_cache_lock);
    uint64_t number = c->last_number;
    spin_unlock(&page_cache_lock);
    while (more && s == OK) {
        s = write_some(c, number, &more);
    }
    /* Pages that are still dirty became so during the writes, or wait for the next try after a
     * failure. */
    spin_lock(&page_cache_lock);
    c->dirty_since_ns = clock_now_ns();
    spin_unlock(&page_cache_lock);
    mutex_unlock(&c->writing);
    return s;
}

enum status page_cache_sync(struct page_cache *c)
{
    enum status s = page_cache_write(c);
    enum status flushed = block_flush(c->dev);
    return s != OK ? s : flushed;
}

/* Pages that are not on the device. *is_short: they are to be written, because there is no memory
 * for others. */
static uint32_t count_dirty(struct page_cache *c, uint64_t *since_ns, bool *is_short)
{
    spin_lock(&page_cache_lock);
    uint32_t count = c->dirty_count + c->held_count;
    *since_ns = c->dirty_since_ns;
    *is_short = page_cache_is_short(c);
    spin_unlock(&page_cache_lock);
    return count;
}

void page_cache_set_writer(struct page_cache *c, enum status (*write)(void *ctx), void *ctx)
{
    mutex_lock(&list_lock);
    c->writer = write;
    c->writer_ctx = ctx;
    mutex_unlock(&list_lock);
}

/* The writer is set before the first page is dirty, and then stays. */
static enum status write_by_owner(struct page_cache *c)
{
    return c->writer != NULL ? c->writer(c->writer_ctx) : page_cache_write(c);
}

void page_cache_throttle(struct page_cache *c)
{
    uint64_t since_ns;
    bool is_short;
    uint32_t dirty = count_dirty(c, &since_ns, &is_short);
    if (dirty > c->count_max / WAIT_PART || (is_short && dirty != 0)) {
        (void)write_by_owner(c); /* a failure stays to be reported by page_cache_sync() */
    } else if (dirty > c->count_max / WAKE_PART) {
        write_back_wake();
    }
}

/* Held pages cannot be written. The rest of the cache, a quarter, is more than a writer of
 * CACHE_WRITE_MAX bytes changes after its last look at the half (page_cache_throttle()). */
enum status page_cache_pause(struct page_cache *c)
{
    spin_lock(&page_cache_lock);
    bool is_full = c->dirty_count > c->count_max - c->count_max / 4;
    bool is_short = page_cache_is_short(c);
    spin_unlock(&page_cache_lock);
    if (LIKELY(!is_full && !is_short) || (!is_full && page_cache_refill(c))) {
        return OK;
    }
    enum status s = page_cache_write(c);
    return s != OK ? s : page_cache_refill(c) ? OK : E_NOMEM;
}

enum status page_cache_allow_writes(struct page_cache *c)
{
    if (c->writes != NULL) {
        return OK;
    }
    struct cache_write *writes = heap_calloc(WRITES_IN_FLIGHT, sizeof(*writes));
    if (writes == NULL) {
        return E_NOMEM;
    }
    c->writes = writes;
    enum status s = write_back_add(c);
    if (s != OK) {
        c->writes = NULL;
        heap_free(writes);
    }
    return s;
}

/* ---- The thread ---- */

/* Write the caches whose pages are old or many. Returns when the next pages are old. The lock of a
 * file system is taken under list_lock here (through write_by_owner()). So no code may take
 * list_lock while it holds the lock of a file system: disk_state_set_mode() calls
 * page_cache_allow_writes() before it locks, and page_cache_set_writer() is called before that. */
static uint64_t write_old(void)
{
    uint64_t next_ns = WAIT_FOREVER;
    mutex_lock(&list_lock);
    LIST_FOR_EACH (&written, n) {
        struct page_cache *c = CONTAINER_OF(n, struct page_cache, written);
        uint64_t since_ns;
        bool is_due;
        uint32_t dirty = count_dirty(c, &since_ns, &is_due);
        is_due |= dirty > c->count_max / WAKE_PART || clock_now_ns() - since_ns >= AGE_MAX_NS;
        if (dirty != 0 && is_due) {
            enum status s = write_by_owner(c);
            if (s != OK) {
                log_error("write-back", "%s: %s", c->dev->name, status_text(s));
            }
            dirty = count_dirty(c, &since_ns, &is_due);
        }
        if (dirty != 0) {
            next_ns = MIN(next_ns, since_ns + AGE_MAX_NS);
        }
    }
    mutex_unlock(&list_lock);
    return next_ns;
}

static void wait_until(uint64_t deadline_ns)
{
    enum status s = OK;
    irq_state_t state = spin_lock_irq(&wake.lock);
    while (!is_woken && s == OK) {
        s = wait_on_locked(&wake, &state, deadline_ns);
    }
    is_woken = false;
    spin_unlock_irq(&wake.lock, state);
}

static void run(void *unused)
{
    (void)unused;
    for (;;) {
        wait_until(write_old());
    }
}

void write_back_wake(void)
{
    irq_state_t state = spin_lock_irq(&wake.lock);
    if (!is_woken) {
        is_woken = true;
        (void)wait_wake_one_locked(&wake);
    }
    spin_unlock_irq(&wake.lock, state);
}

static enum status start_thread(void)
{
    struct thread *t;
    const struct thread_options options = {
        .name = "write-back", .entry = run, .priority = PRIO_NORMAL};
    enum status s = thread_create(&options, &t);
    if (s == OK) {
        thread_detach(t);
    }
    return s;
}

enum status write_back_add(struct page_cache *c)
{
    mutex_lock(&list_lock);
    enum status s = is_started ? OK : start_thread();
    if (s == OK) {
        is_started = true;
        list_push_back(&written, &c->written);
    }
    mutex_unlock(&list_lock);
    return s;
}

void write_back_remove(struct page_cache *c)
{
    mutex_lock(&list_lock);
    list_remove(&c->written);
    mutex_unlock(&list_lock);
}
