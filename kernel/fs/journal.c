// SPDX-License-Identifier: MIT
//
// A journal's superblock, and access to its blocks. journal_replay.c reads the log.
#include "kernel/base/log.h"
#include "kernel/fs/journal_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* Features without which a log cannot be read. */
static const struct {
    uint32_t bit;
    const char *name;
} incompatible[] = {
    {0x2, "64bit"},    {0x4, "async_commit"}, {0x8, "csum_v2"},
    {0x10, "csum_v3"}, {0x20, "fast_commit"},
};

enum status journal_corrupt(const struct journal *j, const char *why)
{
    log_error("ext2", "%s: journal: %s", j->place.dev->name, why);
    return E_CORRUPT;
}

/* All blocks of the log are found through this table, which ext2_journal.c filled before it opened
 * the journal, and whose blocks it checked to be those of one file. The file's own tables are not
 * read again, so a wrong write to them cannot move the journal. */
static uint64_t byte_of(const struct journal *j, uint32_t index)
{
    return (uint64_t)j->place.blocks[index] << j->place.block_shift;
}

enum status journal_read(struct journal *j, uint32_t index, uint8_t *out)
{
    return page_cache_copy(j->place.cache, byte_of(j, index), out, j->block_size, 0);
}

/* A small block may share its page with other blocks, so the page may be cached, and may be dirty
 * for their sake: it must not bring back the old contents. */
enum status journal_write(struct journal *j, uint32_t index, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t byte = byte_of(j, index + i);
        struct cache_page *page = page_cache_peek_own(j->place.cache, byte);
        if (page != NULL) {
            memcpy(page->bytes + byte % CACHE_PAGE, bytes + (size_t)i * j->block_size,
                   j->block_size);
            page_cache_put(page);
        }
    }
    return block_write(j->place.dev, byte_of(j, index) / BLOCK_SECTOR, bytes,
                       (size_t)count * j->block_size);
}

/* The flush makes the start durable before the caller relies on it: the next transaction may
 * overwrite the old log. `start` and `sequence` change in memory only after that. */
enum status journal_store_start(struct journal *j, uint32_t start, uint32_t sequence)
{
    enum status s = journal_read(j, 0, j->buffer);
    if (s != OK) {
        return s;
    }
    store_be32(j->buffer + JS_START, start);
    store_be32(j->buffer + JS_SEQUENCE, sequence);
    s = journal_write(j, 0, j->buffer, 1);
    s = s != OK ? s : block_flush(j->place.dev);
    if (s == OK) {
        j->start = start;
        j->sequence = sequence;
    }
    return s;
}

/* Two of the journal's blocks must not be the same. */
static enum status index_blocks(struct journal *j)
{
    for (uint32_t i = 0; i < j->place.length; i++) {
        if (journal_map_find(&j->own, j->place.blocks[i]) != NULL) {
            return journal_corrupt(j, "a block is in it twice");
        }
        enum status s = journal_map_set(&j->own, j->place.blocks[i], i);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

static enum status check_features(const struct journal *j, const uint8_t *super)
{
    uint32_t unknown = load_be32(super + JS_INCOMPATIBLE) & ~JOURNAL_HAS_REVOKES;
    for (size_t i = 0; i < ARRAY_COUNT(incompatible); i++) {
        if ((unknown & incompatible[i].bit) != 0) {
            log_error("ext2", "%s: feature %s of the journal is not supported", j->place.dev->name,
                      incompatible[i].name);
            return E_NOTSUP;
        }
    }
    if (unknown != 0 || load_be32(super + JS_RO_COMPATIBLE) != 0) {
        log_error("ext2", "%s: unknown features of the journal", j->place.dev->name);
        return E_NOTSUP;
    }
    return OK;
}

/* Every number is checked before it is an index: the length against the file's, the first block and
 * the start against the length. A log that starts past its end would make the replay read outside
 * of `blocks`. The length may be smaller than the file, never larger. */
static enum status decode(struct journal *j, const uint8_t *super)
{
    uint32_t type = load_be32(super + J_TYPE);
    if (load_be32(super + J_MAGIC) != JOURNAL_MAGIC ||
        (type != JOURNAL_SUPER_V1 && type != JOURNAL_SUPER_V2)) {
        return journal_corrupt(j, "no superblock");
    }
    j->version = type == JOURNAL_SUPER_V1 ? 1 : 2;
    enum status s = j->version == 1 ? OK : check_features(j, super);
    if (s != OK) {
        return s;
    }
    if (load_be32(super + JS_BLOCK_SIZE) != j->block_size) {
        return journal_corrupt(j, "the block size is not that of the file system");
    }
    uint32_t length = load_be32(super + JS_LENGTH);
    if (length < JOURNAL_LENGTH_MIN || length > j->place.length) {
        return journal_corrupt(j, "impossible length");
    }
    j->place.length = length;
    j->first = load_be32(super + JS_FIRST);
    if (j->first == 0 || j->first > length - JOURNAL_LENGTH_MIN / 2) {
        return journal_corrupt(j, "impossible first block");
    }
    j->start = load_be32(super + JS_START);
    if (j->start != 0 && (j->start < j->first || j->start >= length)) {
        return journal_corrupt(j, "the log starts outside the journal");
    }
    j->sequence = load_be32(super + JS_SEQUENCE);
    j->error = load_be32(super + JS_ERROR);
    return OK;
}

static enum status load(struct journal *j)
{
    j->buffer = heap_alloc(j->block_size);
    if (j->buffer == NULL) {
        return E_NOMEM;
    }
    enum status s = journal_read(j, 0, j->buffer);
    s = s != OK ? s : decode(j, j->buffer);
    return s != OK ? s : index_blocks(j);
}

enum status journal_open(const struct journal_place *place, struct journal **out)
{
    struct journal *j = heap_zalloc(sizeof(*j));
    if (j == NULL) {
        return E_NOMEM;
    }
    j->place = *place;
    j->block_size = 1u << place->block_shift;
    enum status s = load(j);
    if (s != OK) {
        j->place.blocks = NULL; /* still the caller's */
        journal_close(j);
        return s;
    }
    *out = j;
    return OK;
}

void journal_close(struct journal *j)
{
    if (j != NULL) {
        journal_map_free(&j->own);
        journal_map_free(&j->changed);
        journal_map_free(&j->revoked);
        journal_map_free(&j->logged);
        heap_free(j->entries);
        heap_free(j->batch);
        heap_free(j->place.blocks);
        heap_free(j->buffer);
        heap_free(j);
    }
}

bool journal_is_empty(const struct journal *j)
{
    return j->start == 0;
}

bool journal_has_error(const struct journal *j)
{
    return j->error != 0;
}
