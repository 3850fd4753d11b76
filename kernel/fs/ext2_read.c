// SPDX-License-Identifier: MIT
//
// Finds and reads the bytes of an ext2 file: large pieces go directly from the device to the
// caller's buffer, small ones through the cache, with read-ahead for sequential reads.
#include "kernel/base/assert.h"
#include "kernel/fs/ext2_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* A request costs about as much as copying this many bytes, so larger reads bypass the cache. */
#define DIRECT_MIN ((size_t)32 << 10)
/* Largest piece; between pieces the reader checks whether its program is ending. */
#define DIRECT_MAX ((size_t)4 << 20)
#define AHEAD      ((uint64_t)BLOCK_CACHE_AHEAD * BLOCK_CACHE_CHUNK)

/* log2 of the number of block numbers in a block. */
static uint32_t pointers_shift(const struct ext2 *e)
{
    return e->block_shift - 2;
}

uint64_t ext2_size_max(const struct ext2 *e)
{
    uint32_t shift = pointers_shift(e);
    uint64_t blocks = EXT2_DIRECT + (UINT64_C(1) << shift) + (UINT64_C(1) << 2 * shift) +
                      (UINT64_C(1) << 3 * shift);
    return blocks << e->block_shift;
}

/* `block` may be 0, which means a hole. */
static bool is_block_sound(const struct ext2 *e, uint32_t block)
{
    return block == 0 || (block > e->first_block && block < e->block_count);
}

/* The run that starts with the first of `count` block numbers, at least one. */
static enum status count_run(const struct ext2 *e, const uint8_t *pointers, uint32_t count,
                             struct ext2_run *out)
{
    uint32_t first = load_le32(pointers);
    uint32_t n = 0;
    while (n < count) {
        uint32_t block = load_le32(pointers + (size_t)n * 4);
        if (!is_block_sound(e, block)) {
            if (n == 0) {
                return E_CORRUPT;
            }
            break;
        }
        if (block != (first == 0 ? 0 : first + n)) {
            break;
        }
        n++;
    }
    *out = (struct ext2_run){.block = first, .count = n};
    return OK;
}

/* Choose the inode's pointer that leads to a block of the file: through how many levels of tables,
 * and the block's index below that pointer. False: the block is past the largest file. */
static bool choose_pointer(const struct ext2 *e, uint64_t block, uint32_t *slot, uint32_t *depth,
                           uint64_t *index)
{
    uint32_t shift = pointers_shift(e);
    if (block < EXT2_DIRECT) {
        *slot = (uint32_t)block;
        *depth = 0;
        *index = 0;
        return true;
    }
    block -= EXT2_DIRECT;
    for (uint32_t d = 1; d <= 3; d++) {
        if (block < UINT64_C(1) << d * shift) {
            *slot = EXT2_DIRECT + d - 1;
            *depth = d;
            *index = block;
            return true;
        }
        block -= UINT64_C(1) << d * shift;
    }
    return false;
}

enum status ext2_find_run_locked(struct ext2 *e, const struct ext2_node *n, uint64_t block,
                                 uint32_t want, struct ext2_run *out)
{
    uint32_t slot, depth;
    uint64_t index;
    uint32_t shift = pointers_shift(e);
    uint32_t mask = (1u << shift) - 1;
    if (!choose_pointer(e, block, &slot, &depth, &index)) {
        return E_CORRUPT;
    }
    const uint8_t *pointers = n->pointers + (size_t)slot * 4;
    uint32_t count = depth == 0 ? EXT2_DIRECT - slot : 1;

    /* The depth is determined by the block's number alone, so tables that refer to each other
     * cannot cause an endless walk. */
    for (uint32_t level = depth; level > 0; level--) {
        uint32_t table = load_le32(pointers);
        uint32_t at = (uint32_t)(index >> (level - 1) * shift) & mask;
        if (!is_block_sound(e, table)) {
            return E_CORRUPT;
        }
        if (table == 0) { /* a hole up to the end of the missing table's range */
            uint64_t span = UINT64_C(1) << level * shift;
            uint64_t left = span - (index & (span - 1));
            *out = (struct ext2_run){.block = 0, .count = (uint32_t)MIN(left, (uint64_t)want)};
            return OK;
        }
        const uint8_t *chunk;
        uint64_t byte = ext2_byte_of(e, table);
        enum status s = block_cache_get(e->cache, byte, e->block_size, &chunk);
        if (s != OK) {
            return s;
        }
        /* A block's size is a power of two and at most a chunk, so a block is inside one chunk. */
        pointers = chunk + byte % BLOCK_CACHE_CHUNK + (size_t)at * 4;
        count = mask + 1 - at;
    }
    return count_run(e, pointers, MIN(count, want), out);
}

/* A read in progress. */
struct transfer {
    struct ext2_node *n;
    uint64_t off;
    uint8_t *buf;
    size_t len;
};

/* How many of `len` bytes can go directly to the caller: whole sectors of the device, which
 * may be large. */
static size_t direct_part(const struct ext2 *e, uint64_t byte, size_t len)
{
    uint32_t unit = MAX(e->dev->logical_block, BLOCK_SECTOR);
    return byte % unit == 0 ? len - len % unit : 0;
}

/* The run of blocks that contains t->off, long enough for the rest of the
 * read and for read-ahead. */
static enum status find_run(struct ext2 *e, const struct transfer *t, struct ext2_run *out)
    REQUIRES(e->lock)
{
    uint64_t first = t->off >> e->block_shift;
    uint64_t end = MIN(t->n->size, t->off + MAX((uint64_t)t->len, AHEAD));
    uint64_t last = (end - 1) >> e->block_shift;
    return ext2_find_run_locked(e, t->n, first,
                                (uint32_t)MIN(last - first + 1, (uint64_t)UINT32_MAX), out);
}

/* Read through the cache: at most one chunk, so that the lock is not held for long. */
static enum status read_cached(struct ext2 *e, const struct transfer *t, uint64_t byte,
                               uint64_t run_bytes, size_t *done) REQUIRES(e->lock)
{
    const uint8_t *chunk;
    size_t inside = (size_t)(byte % BLOCK_CACHE_CHUNK);
    size_t n = MIN(t->len, (size_t)MIN(run_bytes, (uint64_t)(BLOCK_CACHE_CHUNK - inside)));
    bool is_sequential = t->off == t->n->next_read;
    enum status s = block_cache_get(e->cache, byte, is_sequential ? run_bytes : n, &chunk);
    if (s == OK) {
        memcpy(t->buf, chunk + inside, n);
        *done = n;
    }
    return s;
}

/* Read as much as one step provides: a hole, a chunk of the cache, or a run of blocks. The device
 * is read without e->lock, directly into the caller's buffer: the run was computed under the lock
 * and a read-only file system does not move blocks. */
static enum status read_some(struct ext2 *e, const struct transfer *t, size_t *done)
{
    struct ext2_run run;
    mutex_lock(&e->lock);
    enum status s = find_run(e, t, &run);
    if (s != OK) {
        mutex_unlock(&e->lock);
        return s;
    }
    uint32_t inside = (uint32_t)t->off & (e->block_size - 1);
    uint64_t run_bytes = ext2_byte_of(e, run.count) - inside;
    uint64_t byte = ext2_byte_of(e, run.block) + inside;
    size_t len = (size_t)MIN(MIN((uint64_t)t->len, run_bytes), (uint64_t)DIRECT_MAX);
    size_t direct = len >= DIRECT_MIN ? direct_part(e, byte, len) : 0;

    if (run.block != 0 && direct == 0) {
        s = read_cached(e, t, byte, run_bytes, done);
        len = s == OK ? *done : 0;
    }
    if (run.block != 0 && direct != 0) {
        len = direct;
    }
    t->n->next_read = t->off + len;
    mutex_unlock(&e->lock);

    if (run.block == 0) {
        memset(t->buf, 0, len);
    } else if (direct != 0) {
        s = block_read(e->dev, byte / BLOCK_SECTOR, t->buf, direct);
    }
    if (s == OK) {
        *done = len;
    }
    return s;
}

static bool is_cancelled(void)
{
    const struct thread *self = thread_current();
    return self != NULL && thread_is_cancelled(self);
}

enum status ext2_read(struct fs_node *node, uint64_t off, void *buf, size_t len, size_t *done)
{
    struct ext2_node *n = ext2_node_of(node);
    struct transfer t = {.n = n, .off = off, .buf = buf};
    if (node->type != FILE_REGULAR && node->type != FILE_SYMLINK) {
        return E_NOTSUP; /* a device node: its numbers have no meaning here */
    }
    t.len = off >= n->size ? 0 : (size_t)MIN((uint64_t)len, n->size - off);
    size_t total = 0;
    while (t.len != 0) {
        size_t some;
        enum status s = is_cancelled() ? E_CANCELLED : read_some(ext2_of(node), &t, &some);
        if (s != OK && total == 0) {
            return s;
        }
        if (s != OK) {
            break; /* return the bytes read so far; the next call reports the error */
        }
        t.off += some;
        t.buf += some;
        t.len -= some;
        total += some;
    }
    *done = total;
    return OK;
}
