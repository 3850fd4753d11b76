// SPDX-License-Identifier: MIT
//
// Reads the bytes of an ext2 file: large pieces go directly from the device to the caller's buffer,
// small ones and those that are cached already through the cache, with read-ahead for sequential
// reads. ext2_map.c finds the blocks, and known_run.c reads cached pages of those that were found.
#include "kernel/base/assert.h"
#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* A request costs about as much as copying this many bytes, so larger reads bypass the cache. */
#define DIRECT_MIN ((size_t)32 << 10)
/* Largest piece; between pieces the reader checks whether its program is ending. */
#define DIRECT_MAX ((size_t)4 << 20)
#define AHEAD      ((uint64_t)CACHE_AHEAD_MAX * CACHE_PAGE)
#define LONG_RUN   256u /* blocks */

/* A read in progress. */
struct transfer {
    struct ext2_node *n;
    uint64_t off;
    uint8_t *buf;
    size_t len;
};

/* How many of `len` bytes can go directly to the caller: whole sectors of the device, which
 * may be large. The pages that are in the cache may be newer than the device. */
static size_t direct_part(struct ext2 *e, uint64_t byte, size_t len) REQUIRES(e->lock)
{
    uint32_t unit = MAX(e->dev->logical_block, BLOCK_SECTOR);
    if (len < DIRECT_MIN || byte % unit != 0) {
        return 0;
    }
    len = page_cache_uncached(e->cache, byte, len - len % unit);
    return len < DIRECT_MIN ? 0 : len - len % unit;
}

/* How many blocks to find at once: as many as one request reads ahead, or more, since a block has
 * at most one page. A reader at the end of the known run probably reads on. */
static uint32_t blocks_to_find(const struct ext2 *e, const struct ext2_node *n, uint64_t first,
                               uint32_t count)
{
    uint64_t end = atomic_load_explicit(&n->run.end, memory_order_relaxed);
    return MAX(count, first << e->block_shift == end ? LONG_RUN : CACHE_AHEAD_MAX);
}

/* Find a run, and remember it for the reads that follow. Not inlined, so that find_run() saves few
 * registers for a run that is known. */
static NOINLINE enum status find_new_run(struct ext2 *e, struct ext2_node *n, uint64_t first,
                                         uint32_t count, struct ext2_run *out) REQUIRES(e->lock)
{
    enum status s = ext2_find_run_locked(e, n, first, blocks_to_find(e, n, first, count), out);
    if (s == OK) {
        uint64_t begin = first << e->block_shift;
        uint64_t end = out->block != 0 ? MIN(n->size, begin + ext2_byte_of(e, out->count)) : 0;
        known_run_set(&n->run, begin, end, ext2_byte_of(e, out->block));
        out->count = MIN(out->count, count);
    }
    return s;
}

/* The run of blocks that contains t->off, long enough for `len` bytes of the file. */
static enum status find_run(struct ext2 *e, const struct transfer *t, uint64_t len,
                            struct ext2_run *out) REQUIRES(e->lock)
{
    struct ext2_node *n = t->n;
    uint64_t byte;
    uint64_t first = t->off >> e->block_shift;
    uint64_t end = MIN(n->size, t->off + len);
    uint64_t last = (end - 1) >> e->block_shift;
    uint32_t count = (uint32_t)MIN(last - first + 1, (uint64_t)UINT32_MAX);
    if (!known_run_find(&n->run, t->off, end - t->off, &byte)) {
        return find_new_run(e, n, first, count, out);
    }
    *out = (struct ext2_run){.block = (uint32_t)(byte >> e->block_shift), .count = count};
    return OK;
}

/* Read a page that is not cached. A sequential reader will need those after it. */
static enum status read_ahead(struct ext2 *e, const struct transfer *t, uint64_t byte, size_t len,
                              struct cache_page **out) REQUIRES(e->lock)
{
    struct ext2_run run;
    uint64_t bytes = len;
    if (known_run_is_next(&t->n->run, t->off)) {
        enum status s = find_run(e, t, MAX((uint64_t)t->len, AHEAD), &run);
        if (s != OK) {
            return s;
        }
        bytes = ext2_byte_of(e, run.count) - (t->off & (e->block_size - 1));
    }
    return page_cache_get(e->cache, byte, bytes, out);
}

/* Read through the cache: at most one page, so that the lock is not held for long. How far the file
 * is consecutive on the disk is found only if the device must be read. */
static enum status read_cached(struct ext2 *e, const struct transfer *t, uint64_t byte, size_t *len)
    REQUIRES(e->lock)
{
    size_t inside = (size_t)(byte % CACHE_PAGE);
    size_t n = MIN(*len, CACHE_PAGE - inside);
    struct cache_page *page = page_cache_peek(e->cache, byte);
    if (page == NULL) {
        enum status s = read_ahead(e, t, byte, n, &page);
        if (s != OK) {
            return s;
        }
    }
    memcpy(t->buf, page->bytes + inside, n);
    page_cache_put(page);
    *len = n;
    return OK;
}

/* What one step of a read found. */
struct step {
    size_t len;    /* bytes read; 0: the end of the file */
    uint64_t byte; /* on the device, if `direct` */
    bool direct;   /* the device is still to be read */
};

/* Read as much as one step provides: a hole, a page of the cache, or a run of blocks, for which the
 * caller reads the device. The file may have become shorter since the last step. */
static enum status read_step_locked(struct ext2 *e, struct transfer *t, struct step *out)
    REQUIRES(e->lock)
{
    struct ext2_run run;
    *out = (struct step){.len = 0};
    if (t->off >= t->n->size) {
        return OK;
    }
    t->len = (size_t)MIN((uint64_t)t->len, t->n->size - t->off);
    enum status s = find_run(e, t, t->len, &run);
    if (s != OK) {
        return s;
    }
    uint32_t inside = (uint32_t)t->off & (e->block_size - 1);
    uint64_t run_bytes = ext2_byte_of(e, run.count) - inside;
    uint64_t byte = ext2_byte_of(e, run.block) + inside;
    size_t len = (size_t)MIN(MIN((uint64_t)t->len, run_bytes), (uint64_t)DIRECT_MAX);
    size_t direct = run.block != 0 ? direct_part(e, byte, len) : 0;
    if (run.block == 0) {
        memset(t->buf, 0, len);
    } else if (direct != 0) {
        *out = (struct step){.byte = byte, .direct = true};
        len = direct;
    } else {
        s = read_cached(e, t, byte, &len);
    }
    if (s == OK) {
        out->len = len;
        known_run_note_read(&t->n->run, t->off + len);
    }
    return s;
}

/* The device is read without e->lock, directly into the caller's buffer. `moving` keeps the blocks
 * those of the file meanwhile. A write that comes at the same time may be seen or not. */
static enum status read_some(struct ext2 *e, struct transfer *t, size_t *done)
{
    struct step step;
    mutex_lock(&e->lock);
    enum status s = read_step_locked(e, t, &step);
    mutex_unlock(&e->lock);
    if (s == OK && step.direct) {
        s = block_read(e->dev, step.byte / BLOCK_SECTOR, t->buf, step.len);
    }
    if (s == OK) {
        *done = step.len;
    }
    return s;
}

static bool is_cancelled(void)
{
    const struct thread *self = thread_current();
    return self != NULL && thread_is_cancelled(self);
}

static enum status read_all(struct ext2 *e, struct transfer *t, size_t *done)
{
    size_t total = 0;
    size_t some = 1;
    while (t->len != 0 && some != 0) {
        enum status s = is_cancelled() ? E_CANCELLED : read_some(e, t, &some);
        if (s != OK && total == 0) {
            return s;
        }
        if (s != OK) {
            break; /* return the bytes read so far; the next call reports the error */
        }
        t->off += some;
        t->buf += some;
        t->len -= some;
        total += some;
    }
    *done = total;
    return OK;
}

/* `moving` is held while the device is read without e->lock. */
enum status ext2_read(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done)
{
    struct ext2_node *n = ext2_node_of(node);
    if (node->type != FILE_REGULAR && node->type != FILE_SYMLINK) {
        return E_NOTSUP; /* a device node: its numbers have no meaning here */
    }
    struct transfer t = {.n = n, .off = off, .buf = buf, .len = len};
    rwlock_read(&n->run.moving);
    enum status s = read_all(ext2_of(node), &t, done);
    rwlock_end_read(&n->run.moving);
    return s;
}
