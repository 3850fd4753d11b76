// SPDX-License-Identifier: MIT
//
// A cache of page-sized chunks of a block device, found by hash, with least recently used chunks
// replaced first. The owner serialises all calls with its lock.
#include "kernel/fs/block_cache_internal.h"

#include "hal/layout.h"
#include "kernel/base/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/sched/wait.h"

/* Every chunk that has a page is in `used`, most recent first; a chunk with valid contents is also
 * in a bucket. While a read is in progress, its chunks are in `used` but in no bucket (index
 * NOT_ON_DEVICE), so a failed read leaves no wrong contents behind.
 *
 * The pointer returned by block_cache_get() is valid until the next call, because any call may
 * replace the chunk. The owner's lock must be held for as long as the pointer is used. */

#define BUCKETS         64
#define SECTORS_A_CHUNK (BLOCK_CACHE_CHUNK / BLOCK_SECTOR)
#define NOT_ON_DEVICE   UINT64_MAX

STATIC_ASSERT(BLOCK_CACHE_CHUNK == PAGE_SIZE, "a chunk is one page");
STATIC_ASSERT(BLOCK_CACHE_AHEAD < BLOCK_CACHE_MAX, "reading ahead must not evict what it reads");

struct chunk {
    struct list_node bucket; /* not linked while it has no valid contents */
    struct list_node used;   /* most recently used first */
    uint64_t index;          /* in units of BLOCK_CACHE_CHUNK; NOT_ON_DEVICE: no valid contents */
    uint8_t *bytes;
};

struct block_cache {
    struct block_device *dev;
    uint32_t ahead_max; /* most chunks in one request to this device */
    uint32_t count;     /* chunks that have a page */
    struct list used;
    struct list buckets[BUCKETS];
    struct chunk chunks[BLOCK_CACHE_MAX];
};

struct block_cache *block_cache_make(struct block_device *dev)
{
    struct block_cache *c = heap_zalloc(sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    c->dev = dev;
    c->ahead_max =
        MIN(BLOCK_CACHE_AHEAD, MIN(dev->max_segments, dev->max_bytes / BLOCK_CACHE_CHUNK));
    c->ahead_max = MAX(c->ahead_max, 1u);
    list_init(&c->used);
    for (size_t i = 0; i < BUCKETS; i++) {
        list_init(&c->buckets[i]);
    }
    return c;
}

void block_cache_free(struct block_cache *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        page_free(hal_direct_to_phys(c->chunks[i].bytes), 0);
    }
    heap_free(c);
}

static struct list *bucket_of(struct block_cache *c, uint64_t index)
{
    return &c->buckets[index % BUCKETS];
}

static struct chunk *find(struct block_cache *c, uint64_t index)
{
    LIST_FOR_EACH (bucket_of(c, index), n) {
        struct chunk *k = CONTAINER_OF(n, struct chunk, bucket);
        if (k->index == index) {
            return k;
        }
    }
    return NULL;
}

static void forget(struct chunk *k)
{
    if (k->index != NOT_ON_DEVICE) {
        list_remove(&k->bucket);
        k->index = NOT_ON_DEVICE;
    }
}

/* A chunk without contents: a new one, or the least recently used. It becomes the most recently
 * used, so that several calls in a row return different chunks. */
static struct chunk *get_empty_chunk(struct block_cache *c)
{
    paddr_t frame;
    struct chunk *k = NULL;
    if (c->count < BLOCK_CACHE_MAX && page_alloc(0, PAGE_CACHE, &frame) == OK) {
        k = &c->chunks[c->count++];
        *k = (struct chunk){.index = NOT_ON_DEVICE, .bytes = hal_direct(frame)};
    } else if (!list_is_empty(&c->used)) {
        k = CONTAINER_OF(c->used.head.prev, struct chunk, used);
        forget(k);
        list_remove(&k->used);
    }
    if (k != NULL) {
        list_push_front(&c->used, &k->used);
    }
    return k;
}

static void read_done(struct block_request *req)
{
    completion_signal(req->ctx);
}

/* Read `count` consecutive chunks in one request. */
static enum status read_chunks(struct block_cache *c, uint64_t index, struct chunk **chunks,
                               uint32_t count)
{
    struct block_segment segments[BLOCK_CACHE_AHEAD];
    uint64_t left = c->dev->sectors - index * SECTORS_A_CHUNK;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sectors = MIN(left, (uint64_t)SECTORS_A_CHUNK);
        segments[i] = (struct block_segment){.data = chunks[i]->bytes,
                                             .len = (uint32_t)(sectors * BLOCK_SECTOR)};
        memset(chunks[i]->bytes + segments[i].len, 0, BLOCK_CACHE_CHUNK - segments[i].len);
        left -= sectors;
    }
    struct completion done;
    completion_init(&done, "disk");
    struct block_request req = {.op = BLOCK_READ,
                                .sector = index * SECTORS_A_CHUNK,
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

/* Read chunk `index`, and as many of the `count` - 1 chunks after it as are not cached. */
static enum status fill(struct block_cache *c, uint64_t index, uint32_t count, struct chunk **out)
{
    struct chunk *chunks[BLOCK_CACHE_AHEAD];
    uint32_t n = 0;
    while (n < count && find(c, index + n) == NULL) {
        struct chunk *k = get_empty_chunk(c);
        if (k == NULL || (n > 0 && k == chunks[0])) {
            break; /* out of memory: the same chunk would be used twice */
        }
        chunks[n++] = k;
    }
    if (n == 0) {
        return E_NOMEM;
    }
    enum status s = read_chunks(c, index, chunks, n);
    if (s != OK && n > 1) {
        n = 1; /* read-ahead must not fail the chunk that was asked for: retry without it */
        s = read_chunks(c, index, chunks, n);
    }
    if (s != OK) {
        return s;
    }
    for (uint32_t i = 0; i < n; i++) {
        chunks[i]->index = index + i;
        list_push_front(bucket_of(c, index + i), &chunks[i]->bucket);
    }
    *out = chunks[0];
    return OK;
}

enum status block_cache_get(struct block_cache *c, uint64_t off, uint64_t ahead,
                            const uint8_t **out)
{
    uint64_t index = off / BLOCK_CACHE_CHUNK;
    uint64_t chunks_on_device = (c->dev->sectors + SECTORS_A_CHUNK - 1) / SECTORS_A_CHUNK;
    if (index >= chunks_on_device) {
        return E_RANGE;
    }
    struct chunk *k = find(c, index);
    if (k == NULL) {
        uint64_t wanted =
            (off % BLOCK_CACHE_CHUNK + MIN(ahead, (uint64_t)BLOCK_CACHE_AHEAD * BLOCK_CACHE_CHUNK) +
             BLOCK_CACHE_CHUNK - 1) /
            BLOCK_CACHE_CHUNK;
        wanted = MAX(MIN(wanted, (uint64_t)c->ahead_max), UINT64_C(1));
        wanted = MIN(wanted, chunks_on_device - index);
        enum status s = fill(c, index, (uint32_t)wanted, &k);
        if (s != OK) {
            return s;
        }
    }
    list_remove(&k->used);
    list_push_front(&c->used, &k->used);
    *out = k->bytes;
    return OK;
}

enum status block_cache_copy(struct block_cache *c, uint64_t off, void *buf, size_t len,
                             uint64_t ahead)
{
    size_t at = 0;
    while (at < len) {
        const uint8_t *chunk;
        size_t inside = (size_t)((off + at) % BLOCK_CACHE_CHUNK);
        size_t n = MIN(len - at, BLOCK_CACHE_CHUNK - inside);
        enum status s = block_cache_get(c, off + at, MAX(ahead, at) - at, &chunk);
        if (s != OK) {
            return s;
        }
        memcpy((uint8_t *)buf + at, chunk + inside, n);
        at += n;
    }
    return OK;
}
