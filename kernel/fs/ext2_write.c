// SPDX-License-Identifier: MIT
//
// Changes the contents of ext2 files: writes through the page cache, truncation, allocation.
#include "kernel/fs/ext2_internal.h"

#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* A block is allocated when it is first written, and zeroed before its number is stored, so no
 * reader sees old contents of another file. Bytes after the end of a file in its last block are
 * zero: truncation clears them. A call that runs out of space returns how many bytes it has
 * written, and the next one returns the reason.
 *
 * i_blocks has 32 bits and counts in units of 512 bytes, which limits a file to 2 TiB. */
#define BLOCKS_512_MAX UINT32_MAX
#define LARGE_FILE     ((uint64_t)1 << 31) /* files from this size on need a feature */

static enum status check_end(const struct ext2 *e, uint64_t off, uint64_t len)
{
    uint64_t end;
    if (ADD_OVERFLOWS(off, len, &end) || end > ext2_size_max(e) || end > INT64_MAX) {
        return E_OVERFLOW;
    }
    return OK;
}

/* Set the size of a file whose blocks fit it. */
static enum status resize_locked(struct ext2 *e, struct ext2_node *n, uint64_t size)
    REQUIRES(e->lock)
{
    enum status s = size >= LARGE_FILE ? ext2_note_large_file_locked(e) : OK;
    if (s == OK) {
        n->size = size;
    }
    return s;
}

/* Write to one block; `buf` NULL only allocates it. The check for the limit leaves room for four
 * blocks, the most that one call adds, so blocks_512 cannot wrap around in the middle. Contents are
 * no metadata: ext2_changed_locked() lets them go to their place before the commit. */
static enum status write_block_locked(struct ext2 *e, struct ext2_node *n, uint64_t off,
                                      const uint8_t *buf, size_t len) REQUIRES(e->lock)
{
    struct cache_page *page;
    uint8_t *at;
    uint32_t inside = (uint32_t)off & (e->block_size - 1);
    if (n->blocks_512 > BLOCKS_512_MAX - 4 * (e->block_size / BLOCK_SECTOR)) {
        return E_OVERFLOW; /* a block and three tables may be added */
    }
    enum status s = ext2_get_block_locked(e, n, off >> e->block_shift,
                                          buf != NULL && len == e->block_size, &page, &at);
    if (s != OK) {
        return s;
    }
    if (buf != NULL) {
        memcpy(at + inside, buf, len);
        ext2_changed_locked(e, page, at, false);
    }
    page_cache_put(page);
    return OK;
}

static bool is_cancelled(void)
{
    const struct thread *self = thread_current();
    return self != NULL && thread_is_cancelled(self);
}

/* The size grows with each block, before the pause: a commit in a pause never has blocks after the
 * file's end. A cancelled thread stops between two blocks and reports how many bytes it has
 * written. The inode is stored once, at the end or in a pause, and only if it differs: tables may
 * have been added even if nothing was written. */
static enum status write_locked(struct ext2 *e, struct ext2_node *n, uint64_t off,
                                const uint8_t *buf, size_t len, size_t *done) REQUIRES(e->lock)
{
    enum status s = OK;
    uint64_t old_size = n->size, old_blocks_512 = n->blocks_512;
    size_t at = 0;
    while (at < len && s == OK) {
        uint32_t inside = (uint32_t)(off + at) & (e->block_size - 1);
        size_t some = MIN(len - at, (size_t)(e->block_size - inside));
        s = is_cancelled() ? E_CANCELLED : write_block_locked(e, n, off + at, buf + at, some);
        if (s == OK && off + at + some > n->size) {
            s = resize_locked(e, n, off + at + some);
        }
        at += s == OK ? some : 0;
        s = s != OK ? s : ext2_pause_locked(e, n);
    }
    bool is_same = !n->is_orphan && n->size == old_size && n->blocks_512 == old_blocks_512;
    if (at != 0 && ext2_touch_locked(e, n)) {
        is_same = false;
    }
    enum status stored = is_same ? OK : ext2_end_locked(e, n, OK);
    if (stored != OK || (at == 0 && s != OK)) {
        return s != OK ? s : stored;
    }
    *done = at;
    return OK;
}

static enum status write_some(struct ext2_node *n, uint64_t *off, const void *buf, size_t len,
                              size_t *done)
{
    struct ext2 *e = ext2_of(&n->node);
    mutex_lock(&e->lock);
    uint64_t start = *off == FS_APPEND ? n->size : *off;
    enum status s = !e->disk.is_writable ? E_ROFS : check_end(e, start, len);
    s = s != OK ? s : ext2_begin_locked(e);
    if (s == OK && len == 0) {
        *done = 0;
    } else if (s == OK) {
        known_run_begin_change(&n->run); /* no reader sees a part of what is written to a page */
        s = write_locked(e, n, start, buf, len, done);
        known_run_end_change(&n->run);
    }
    if (s == OK) {
        *off = start + *done;
    }
    mutex_unlock(&e->lock);
    if (s == OK) {
        page_cache_throttle(e->cache);
    }
    return s;
}

/* The lock is released between two pieces, so that a long write does not fill the cache while no
 * thread can wait for the disk. An append is one piece: no other bytes come in the middle. */
enum status ext2_write(struct fs_node *node, uint64_t *off, const void *buf, size_t len,
                       size_t *done)
{
    if (node->type != FILE_REGULAR) {
        return E_NOTSUP; /* a device node: its numbers have no meaning here */
    }
    size_t total = 0, some, most = *off == FS_APPEND ? len : MIN(len, CACHE_WRITE_MAX);
    enum status s;
    do {
        some = 0;
        s = write_some(ext2_node_of(node), off, (const uint8_t *)buf + total,
                       MIN(len - total, most), &some);
        total += s == OK ? some : 0;
    } while (s == OK && some != 0 && total < len);
    if (s != OK && total == 0) {
        return s;
    }
    *done = total; /* the next call reports an error */
    return OK;
}

/* Zero the bytes of the last block that come after the end of a file that becomes shorter. */
static enum status clear_tail_locked(struct ext2 *e, struct ext2_node *n, uint64_t size)
    REQUIRES(e->lock)
{
    struct ext2_run run;
    struct cache_page *page;
    uint8_t *at;
    uint32_t inside = (uint32_t)size & (e->block_size - 1);
    if (inside == 0) {
        return OK;
    }
    enum status s = ext2_find_run_locked(e, n, size >> e->block_shift, 1, &run);
    if (s != OK || run.block == 0) {
        return s;
    }
    s = ext2_get_block_locked(e, n, size >> e->block_shift, false, &page, &at);
    if (s == OK) {
        memset(at + inside, 0, e->block_size - inside);
        ext2_changed_locked(e, page, at, true); /* if the size does not change, nor do the bytes */
        page_cache_put(page);
    }
    return s;
}

/* The node is stored in any case: a failure may come when some blocks are freed. */
static enum status set_size_locked(struct ext2 *e, struct ext2_node *n, uint64_t size)
    REQUIRES(e->lock)
{
    uint64_t blocks = (size + e->block_size - 1) >> e->block_shift, before = n->size;
    enum status s = OK;
    if (size < n->size) {
        s = clear_tail_locked(e, n, size);
        n->size = s == OK ? size : n->size; /* before blocks are freed: see ext2_pause_locked() */
        s = s != OK ? s : ext2_free_from_locked(e, n, blocks);
        n->size = s == E_NOMEM ? before : n->size; /* some blocks may remain */
    }
    s = s != OK ? s : resize_locked(e, n, size);
    if (s == OK) {
        ext2_touch_locked(e, n);
    }
    return ext2_end_locked(e, n, s);
}

/* run.moving keeps readers out that read blocks without e->lock (ext2_read.c): a block that is
 * freed here may belong to another file a moment later. It is taken before e->lock, always. */
enum status ext2_set_size(struct fs_node *node, uint64_t size)
{
    struct ext2 *e = ext2_of(node);
    struct ext2_node *n = ext2_node_of(node);
    if (node->type != FILE_REGULAR) {
        return E_NOTSUP;
    }
    rwlock_write(&n->run.moving);
    mutex_lock(&e->lock);
    enum status s = !e->disk.is_writable ? E_ROFS : check_end(e, size, 0);
    s = s != OK ? s : ext2_begin_locked(e);
    s = s != OK ? s : set_size_locked(e, n, size);
    mutex_unlock(&e->lock);
    rwlock_end_write(&n->run.moving);
    return s;
}

static enum status allocate_locked(struct ext2 *e, struct ext2_node *n, uint64_t off, uint64_t end)
    REQUIRES(e->lock)
{
    enum status s = OK;
    uint64_t block = off >> e->block_shift;
    for (; block <= (end - 1) >> e->block_shift && s == OK; block++) {
        s = is_cancelled() ? E_CANCELLED
                           : write_block_locked(e, n, block << e->block_shift, NULL, 0);
        s = s != OK ? s : ext2_pause_locked(e, n);
    }
    if (s != OK) { /* no blocks after the end of the file remain */
        uint64_t used = (n->size + e->block_size - 1) >> e->block_shift;
        enum status freed = ext2_free_from_locked(e, n, used);
        if (freed == E_NOMEM) { /* they are filled with zeroes: the file is longer */
            freed = resize_locked(e, n, MAX(n->size, MIN(end, block << e->block_shift)));
        }
        s = freed == OK ? s : freed;
    } else if (end > n->size) {
        s = resize_locked(e, n, end);
    }
    ext2_touch_locked(e, n);
    return ext2_end_locked(e, n, s);
}

enum status ext2_allocate(struct fs_node *node, uint64_t off, uint64_t len)
{
    struct ext2 *e = ext2_of(node);
    struct ext2_node *n = ext2_node_of(node);
    if (node->type != FILE_REGULAR) {
        return E_NOTSUP;
    }
    rwlock_write(&n->run.moving);
    mutex_lock(&e->lock);
    enum status s = !e->disk.is_writable ? E_ROFS : check_end(e, off, len);
    if (s == OK && (off + len + e->block_size - 1) >> e->block_shift > e->block_count) {
        s = E_NOSPC; /* even on an empty disk */
    }
    s = s != OK ? s : ext2_begin_locked(e);
    if (s == OK && len != 0) {
        s = allocate_locked(e, n, off, off + len);
    }
    mutex_unlock(&e->lock);
    rwlock_end_write(&n->run.moving);
    if (s == OK) {
        page_cache_throttle(e->cache);
    }
    return s;
}

enum status ext2_set_times(struct fs_node *node, const struct file_times *times)
{
    struct ext2 *e = ext2_of(node);
    struct ext2_node *n = ext2_node_of(node);
    mutex_lock(&e->lock);
    enum status s = e->disk.is_writable ? ext2_begin_locked(e) : E_ROFS;
    if (s == OK) {
        n->accessed_ns = times->set_accessed ? times->accessed_ns : n->accessed_ns;
        n->modified_ns = times->set_modified ? times->modified_ns : n->modified_ns;
        n->changed_ns = ext2_change_time_locked(e);
        s = ext2_store_node_locked(e, n);
    }
    mutex_unlock(&e->lock);
    return s;
}
