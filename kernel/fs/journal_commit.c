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
    uint32_t first = (uint32_t)((page->index * CACHE_PAGE) >> j->place.block_shift);
    for (uint32_t i = first; i < first + blocks_in_page(j); i++) {
        if (i >= j->place.first_block && i < j->place.block_count &&
            journal_map_find(&j->own, i) == NULL) {
            join(j, page, i); /* no deeper: the page is no longer dirty */
        }
    }
}

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

enum status journal_forget(struct journal *j, uint32_t block)
{
    if (j->is_aborted) {
        return OK;
    }
    if (journal_map_find(&j->logged, block) != NULL) {
        enum status s = journal_map_set(&j->revoked, block, 0);
        if (s != OK) {
            return s;
        }
    }
    const uint32_t *i = journal_map_find(&j->changed, block);
    if (i != NULL) {
        remove_entry(j, *i, /* is_dirty */ false);
    }
    return OK;
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
 * which blocks are in the log. */
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
