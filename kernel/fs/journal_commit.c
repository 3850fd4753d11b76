// SPDX-License-Identifier: MIT
//
// The running transaction of a journal, and its commit.
#include "kernel/base/assert.h"
#include "kernel/fs/journal_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* A transaction consists of copies of blocks. Until it is committed, the pages with these blocks
 * are held in the cache, so that the old contents stay in their places on the disk. Afterwards the
 * pages are dirty, and are written to their places at any time. The log is not emptied before that
 * (checkpoint). A crash in between replays the log.
 *
 * The log starts at the journal's first block and does not wrap around. A transaction that might
 * not fit after the last one is preceded by a checkpoint. So there is no running transaction during
 * a checkpoint, and no page that must be written is held.
 *
 * Blocks smaller than a page share it. If a page becomes held that is dirty because of other
 * blocks, these become part of the transaction, too: they cannot be written without it. For the
 * same reason files' contents become part of it if they are in a held page.
 *
 * Once a block is in the log, all of its changes go there until the next checkpoint: a replay would
 * overwrite newer contents in its place. When it is freed, the transaction revokes it instead. */

#define BATCH_BYTES (64u << 10)
#define ROOM_MAX    4096u

static uint32_t blocks_in_page(const struct journal *j)
{
    return CACHE_PAGE / j->block_size;
}

static uint32_t tags_in_block(const struct journal *j)
{
    return (j->block_size - J_HEADER - TAG_UUID) / TAG_SIZE;
}

static uint32_t revokes_in_block(const struct journal *j)
{
    return (j->block_size - REVOKE_HEADER) / 4;
}

/* Blocks that the largest transaction needs in the log. A block that it revokes is in the log. */
static uint32_t length_max(const struct journal *j)
{
    return j->room + j->room / tags_in_block(j) + 1 + j->place.length / revokes_in_block(j) + 1 + 1;
}

/* ---- The running transaction ---- */

/* A page with several small blocks is held as a whole. If it was dirty, its other blocks have
 * changes that can no longer be written by themselves, so they join as well. That recursion is one
 * level deep, because page_cache_hold() returns false for the page from then on. The journal's own
 * blocks are left out: they are written by journal_write() only. */
static void join(struct journal *j, struct cache_page *page, uint32_t block)
{
    if (journal_map_find(&j->changed, block) != NULL) {
        return;
    }
    ASSERT(j->entry_count < j->room); /* the owner checks for room: see JOURNAL_CREDITS */
    enum status s = journal_map_set(&j->changed, block, j->entry_count);
    ASSERT(s == OK); /* the memory is reserved */
    journal_map_remove(&j->revoked, block);
    j->entries[j->entry_count++] = (struct journal_entry){.page = page, .block = block};
    if (!page_cache_hold(j->place.cache, page)) {
        return;
    }
    uint32_t first = (uint32_t)((page_cache_index(page) * CACHE_PAGE) >> j->place.block_shift);
    for (uint32_t i = first; i < first + blocks_in_page(j); i++) {
        if (i >= j->place.first_block && i < j->place.block_count &&
            journal_map_find(&j->own, i) == NULL) {
            join(j, page, i); /* no deeper: the page is no longer dirty */
        }
    }
}

/* Contents of files are not in the transaction, but two cases force them into it: their page is
 * held already, or a copy of the block is in the log, which a replay would write over newer
 * contents. */
void journal_change(struct journal *j, struct cache_page *page, uint32_t block, bool is_metadata)
{
    if (j->is_aborted) {
        return;
    }
    if (is_metadata || page_cache_is_held(page) || journal_map_find(&j->logged, block) != NULL) {
        join(j, page, block);
    } else {
        page_cache_dirty(j->place.cache, page);
    }
}

bool journal_has_room(const struct journal *j)
{
    return j->is_aborted || j->entry_count + j->slack <= j->room;
}

bool journal_is_idle(const struct journal *j)
{
    return j->entry_count == 0 && j->revoked.count == 0;
}

/* The last entry takes the place of the removed one, and the map is changed with it: a block's
 * entry is found in constant time, whatever the order. */
static void remove_entry(struct journal *j, uint32_t i, bool is_dirty)
{
    struct journal_entry *entry = &j->entries[i];
    page_cache_release(j->place.cache, entry->page, is_dirty);
    heap_free(entry->kept);
    journal_map_remove(&j->changed, entry->block);
    j->entry_count--;
    if (i != j->entry_count) {
        *entry = j->entries[j->entry_count];
        *journal_map_find(&j->changed, entry->block) = i;
    }
}

enum status journal_reserve(struct journal *j)
{
    return journal_map_reserve(&j->revoked, j->revoked.count + 1);
}

/* The block is removed from the running transaction and from the cache's held pages without being
 * written: a freed block has no reader. It is revoked only if the log has a copy of it; so the list
 * of revoked blocks is never longer than the log, on which length_max() relies. */
void journal_forget(struct journal *j, uint32_t block)
{
    if (j->is_aborted) {
        return;
    }
    if (journal_map_find(&j->logged, block) != NULL) {
        enum status s = journal_map_set(&j->revoked, block, 0);
        ASSERT(s == OK); /* the memory is reserved */
    }
    const uint32_t *i = journal_map_find(&j->changed, block);
    if (i != NULL) {
        remove_entry(j, *i, /* is_dirty */ false);
    }
}

enum status journal_keep(struct journal *j, uint32_t block, const uint8_t *bytes)
{
    const uint32_t *i = journal_map_find(&j->changed, block);
    if (i == NULL || j->entries[*i].kept != NULL) {
        return OK;
    }
    uint8_t *kept = heap_alloc(j->block_size);
    if (kept == NULL) {
        return E_NOMEM;
    }
    memcpy(kept, bytes, j->block_size);
    j->entries[*i].kept = kept;
    return OK;
}

const uint8_t *journal_kept(const struct journal *j, uint32_t block)
{
    const uint32_t *i = journal_map_find(&j->changed, block);
    return i == NULL ? NULL : j->entries[*i].kept;
}

static void clear(struct journal *j, bool is_dirty)
{
    while (j->entry_count > 0) {
        remove_entry(j, j->entry_count - 1, is_dirty);
    }
    journal_map_clear(&j->revoked);
}

/* ---- The log ---- */

static enum status write_batch(struct journal *j)
{
    if (j->batch_count == 0) {
        return OK;
    }
    enum status s = journal_write(j, j->batch_at, j->batch, j->batch_count);
    j->batch_count = 0;
    return s;
}

/* Add a block to the log. The batch has blocks that are adjacent on the disk, too. */
static enum status append(struct journal *j, uint8_t **out)
{
    const uint32_t *blocks = j->place.blocks;
    bool is_adjacent = j->batch_count == 0 || blocks[j->next] == blocks[j->next - 1] + 1;
    ASSERT(j->next < j->place.length);
    if (!is_adjacent || j->batch_count == BATCH_BYTES / j->block_size) {
        enum status s = write_batch(j);
        if (s != OK) {
            return s;
        }
    }
    if (j->batch_count == 0) {
        j->batch_at = j->next;
    }
    *out = j->batch + (size_t)j->batch_count * j->block_size;
    j->batch_count++;
    j->next++;
    return OK;
}

static enum status append_header(struct journal *j, uint32_t type, uint8_t **out)
{
    enum status s = append(j, out);
    if (s == OK) {
        memset(*out, 0, j->block_size);
        store_be32(*out + J_MAGIC, JOURNAL_MAGIC);
        store_be32(*out + J_TYPE, type);
        store_be32(*out + J_SEQUENCE, j->sequence);
    }
    return s;
}

static enum status append_revokes(struct journal *j)
{
    uint8_t *block = NULL;
    uint32_t at = j->block_size;
    for (uint32_t i = 0; i < j->revoked.size; i++) {
        if (!j->revoked.slots[i].is_used) {
            continue;
        }
        if (at == j->block_size) {
            enum status s = append_header(j, JOURNAL_REVOKE, &block);
            if (s != OK) {
                return s;
            }
            at = REVOKE_HEADER;
        }
        store_be32(block + at, j->revoked.slots[i].key);
        at += 4;
        store_be32(block + REVOKE_BYTES, at);
    }
    return OK;
}

static const uint8_t *bytes_of(const struct journal *j, const struct journal_entry *entry)
{
    uint64_t byte = (uint64_t)entry->block << j->place.block_shift;
    return entry->page->bytes + byte % CACHE_PAGE;
}

/* A copy that starts with the journal's magic number would look like a block of the log itself to a
 * reader that lost its way. So the copy starts with 0, and its tag says that the number belongs
 * there. */
static bool is_escaped(const struct journal *j, const struct journal_entry *entry)
{
    return load_be32(bytes_of(j, entry)) == JOURNAL_MAGIC;
}

static enum status append_copy(struct journal *j, const struct journal_entry *entry)
{
    uint8_t *block;
    enum status s = append(j, &block);
    if (s == OK) {
        memcpy(block, bytes_of(j, entry), j->block_size);
        if (is_escaped(j, entry)) {
            store_be32(block, 0);
        }
    }
    return s;
}

/* A descriptor and the copies that it lists. */
static enum status append_group(struct journal *j, uint32_t first, uint32_t count)
{
    uint8_t *block;
    uint32_t at = J_HEADER;
    enum status s = append_header(j, JOURNAL_DESCRIPTOR, &block);
    for (uint32_t i = 0; i < count && s == OK; i++) {
        const struct journal_entry *entry = &j->entries[first + i];
        uint32_t flags = (is_escaped(j, entry) ? TAG_ESCAPED : 0) | (i > 0 ? TAG_SAME_UUID : 0) |
                         (i + 1 == count ? TAG_LAST : 0);
        store_be32(block + at + TAG_BLOCK, entry->block);
        store_be32(block + at + TAG_SIZE - 4, flags);
        at += TAG_SIZE + (i > 0 ? 0 : TAG_UUID);
    }
    for (uint32_t i = 0; i < count && s == OK; i++) {
        s = append_copy(j, &j->entries[first + i]);
    }
    return s;
}

/* Two flushes. The first makes the copies durable before the commit block is written; without it
 * the disk could have the commit block and not the copies, and a replay would write garbage. The
 * second makes the commit block durable before journal_commit() returns, and before any page of the
 * transaction may be written to its place. */
static enum status write_log(struct journal *j)
{
    uint8_t *block;
    enum status s = append_revokes(j);
    for (uint32_t i = 0; i < j->entry_count && s == OK; i += tags_in_block(j)) {
        s = append_group(j, i, MIN(j->entry_count - i, tags_in_block(j)));
    }
    s = s != OK ? s : write_batch(j);
    s = s != OK ? s : block_flush(j->place.dev);
    /* Only now, as it makes everything before it valid. */
    s = s != OK ? s : append_header(j, JOURNAL_COMMIT, &block);
    s = s != OK ? s : write_batch(j);
    return s != OK ? s : block_flush(j->place.dev);
}

/* ---- Commit and checkpoint ---- */

/* All pages reach their places and are flushed before the superblock says that the log is empty. In
 * the other order a crash would lose what the log still had. */
static enum status checkpoint(struct journal *j)
{
    enum status s = page_cache_sync(j->place.cache);
    s = s != OK ? s : journal_store_start(j, j->first, j->sequence);
    if (s == OK) {
        journal_map_clear(&j->logged);
        j->next = j->first;
    }
    return s;
}

/* A revoked block may be written to its place from now on. False: there is no memory to remember
 * which blocks are in the log. The two sets have no block in common: join() removes a block from
 * the revoked ones, and journal_forget() from the entries. Without memory for that the log is
 * emptied at once, and then no block is in it. */
static bool note_logged(struct journal *j)
{
    for (uint32_t i = 0; i < j->revoked.size; i++) {
        if (j->revoked.slots[i].is_used) {
            journal_map_remove(&j->logged, j->revoked.slots[i].key);
        }
    }
    for (uint32_t i = 0; i < j->entry_count; i++) {
        if (journal_map_set(&j->logged, j->entries[i].block, 0) != OK) {
            return false;
        }
    }
    return true;
}

/* Ordered mode: contents of files go to their places before the log is written, so that no
 * committed inode names a block with old contents of another file. The pages of the transaction are
 * held meanwhile; clear() makes them dirty, and they may be written at any time from then on. An
 * error leaves the transaction as it is, and the caller aborts. */
enum status journal_commit(struct journal *j)
{
    if (j->is_aborted) {
        return E_IO;
    }
    if (journal_is_idle(j)) {
        return page_cache_sync(j->place.cache);
    }
    enum status s = page_cache_write(j->place.cache);
    s = s != OK ? s : write_log(j);
    if (s != OK) {
        return s;
    }
    j->sequence++;
    bool must_empty = !note_logged(j) || j->place.length - j->next < length_max(j);
    clear(j, /* is_dirty */ true);
    return must_empty ? checkpoint(j) : OK;
}

/* The log keeps the last commit, and nothing of the running transaction reaches the disk. The error
 * number in the superblock makes the next mount, here or in Linux, ask for a check. */
void journal_abort(struct journal *j)
{
    if (j->is_aborted) {
        return;
    }
    j->is_aborted = true;
    clear(j, /* is_dirty */ false);
    if (journal_read(j, 0, j->buffer) == OK) {
        store_be32(j->buffer + JS_ERROR, 5); /* EIO; any number has the same effect */
        (void)journal_write(j, 0, j->buffer, 1);
    }
}

/* ---- Start and stop ---- */

static enum status allocate(struct journal *j)
{
    j->entries = heap_calloc(j->room, sizeof(*j->entries));
    j->batch = heap_alloc(BATCH_BYTES);
    if (j->entries == NULL || j->batch == NULL) {
        return E_NOMEM;
    }
    return journal_map_reserve(&j->changed, j->room);
}

/* Lists of revoked blocks need version 2. */
static enum status store_features(struct journal *j)
{
    enum status s = journal_read(j, 0, j->buffer);
    if (s == OK) {
        if (j->version == 1) {
            memset(j->buffer + JS_COMPATIBLE, 0, 1024 - JS_COMPATIBLE);
        }
        store_be32(j->buffer + J_TYPE, JOURNAL_SUPER_V2);
        store_be32(j->buffer + JS_INCOMPATIBLE, JOURNAL_HAS_REVOKES);
        s = journal_write(j, 0, j->buffer, 1);
    }
    return s;
}

enum status journal_start(struct journal *j)
{
    uint32_t most = MAX(page_cache_capacity(j->place.cache) / 2, 4 * JOURNAL_CREDITS);
    j->slack = JOURNAL_CREDITS * blocks_in_page(j);
    j->room = MIN(MIN(j->place.length / 4, most * blocks_in_page(j)), ROOM_MAX);
    if (j->room < j->slack) {
        (void)journal_corrupt(j, "it is too short to be written");
        return E_NOTSUP;
    }
    if (j->start != 0) {
        j->sequence += j->place.length; /* no transaction of the old log seems to be a new one */
    }
    enum status s = allocate(j);
    s = s != OK ? s : store_features(j);
    s = s != OK ? s : journal_store_start(j, j->first, j->sequence);
    if (s == OK) {
        j->next = j->first;
        j->is_started = true;
    }
    return s;
}

enum status journal_stop(struct journal *j)
{
    enum status s = journal_commit(j);
    s = s != OK ? s : page_cache_sync(j->place.cache);
    return s != OK ? s : journal_store_start(j, 0, j->sequence);
}
