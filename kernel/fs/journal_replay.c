// SPDX-License-Identifier: MIT
//
// Replays a journal's log after a crash.
#include "kernel/base/log.h"
#include "kernel/fs/journal_internal.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* The log is walked three times, as Linux does: to find the last complete transaction, to collect
 * revoked blocks, and to find the last copy of each block that is not revoked. Only then, when all
 * is known to be sound, the copies are written to their places.
 *
 * After the last complete transaction the log contains anything, such as part of a transaction, or
 * older ones. That is no error, and its numbers are not used. */

#define ESCAPED 0x80000000u /* a flag in a number that is otherwise an index in the log */

STATIC_ASSERT(JOURNAL_LENGTH_MAX <= ESCAPED, "an index leaves room for the flag");

enum pass { FIND_END, FIND_REVOKED, FIND_COPIES };

struct replay {
    struct journal *j;
    enum pass pass;
    uint32_t end;               /* sequence number after the last complete transaction */
    struct journal_map revoked; /* block: the last transaction that revokes it */
    struct journal_map copies;  /* block: index of the last copy */
    uint32_t at;                /* index of the next block of the log */
    uint32_t passed;            /* blocks of the log that were passed */
    uint32_t sequence;          /* of the current transaction */
};

/* Sequence numbers wrap around. */
static bool is_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static uint32_t log_length(const struct journal *j)
{
    return j->place.length - j->first;
}

/* The index of the next block of the log, which wraps around. */
static uint32_t pass_block(struct replay *r)
{
    uint32_t at = r->at;
    r->at = at + 1 == r->j->place.length ? r->j->first : at + 1;
    r->passed++;
    return at;
}

/* Block numbers in the log are as untrusted as the rest of the disk: one outside the image, or one
 * of the journal itself, which the replay would destroy while it reads it, refuses the whole log. A
 * later copy replaces an earlier one. A revoked block's copies count again only if a transaction
 * after the revoking one has some. */
static enum status add_copy(struct replay *r, uint32_t block, uint32_t copy)
{
    const struct journal *j = r->j;
    if (block < j->place.first_block || block >= j->place.block_count) {
        return journal_corrupt(j, "a block in it is outside the file system");
    }
    if (journal_map_find(&j->own, block) != NULL) {
        return journal_corrupt(j, "it would overwrite itself");
    }
    const uint32_t *revoked = journal_map_find(&r->revoked, block);
    if (revoked != NULL && !is_after(r->sequence, *revoked)) {
        return OK;
    }
    return journal_map_set(&r->copies, block, copy);
}

/* A descriptor without a last tag ends where no tag fits any more. The flag for a block that was
 * deleted later in the transaction has no effect. Both are so in Linux. */
static enum status read_descriptor(struct replay *r, const uint8_t *block)
{
    enum status s = OK;
    uint32_t flags = 0;
    for (uint32_t at = J_HEADER; (flags & TAG_LAST) == 0 && at + TAG_SIZE <= r->j->block_size;) {
        uint32_t target = load_be32(block + at + TAG_BLOCK);
        flags = load_be16(block + at + TAG_FLAGS);
        at += TAG_SIZE + ((flags & TAG_SAME_UUID) != 0 ? 0 : TAG_UUID);
        uint32_t copy = pass_block(r);
        if (r->pass == FIND_COPIES) {
            s = add_copy(r, target, copy | ((flags & TAG_ESCAPED) != 0 ? ESCAPED : 0));
            if (s != OK) {
                return s;
            }
        }
    }
    return OK;
}

static enum status read_revokes(struct replay *r, const uint8_t *block)
{
    uint32_t bytes = load_be32(block + REVOKE_BYTES);
    if (r->pass != FIND_REVOKED) {
        return OK;
    }
    if (bytes < REVOKE_HEADER || bytes > r->j->block_size || bytes % 4 != 0) {
        return journal_corrupt(r->j, "a list of revoked blocks has an impossible length");
    }
    for (uint32_t at = REVOKE_HEADER; at < bytes; at += 4) {
        uint32_t target = load_be32(block + at);
        const uint32_t *last = journal_map_find(&r->revoked, target);
        if (last == NULL || is_after(r->sequence, *last)) {
            enum status s = journal_map_set(&r->revoked, target, r->sequence);
            if (s != OK) {
                return s;
            }
        }
    }
    return OK;
}

/* Walk over one block, and over what belongs to it. *more: the log goes on. A block without the
 * magic number, or with another sequence number, ends the log: it is left over from an earlier
 * round. Copies have no header; read_descriptor() passes over them, so their contents are never
 * taken for one. */
static enum status walk_block(struct replay *r, bool *more)
{
    uint8_t *block = r->j->buffer;
    enum status s = journal_read(r->j, pass_block(r), block);
    *more = false;
    if (s != OK || load_be32(block + J_MAGIC) != JOURNAL_MAGIC ||
        load_be32(block + J_SEQUENCE) != r->sequence) {
        return s;
    }
    *more = true;
    switch (load_be32(block + J_TYPE)) {
    case JOURNAL_DESCRIPTOR:
        return read_descriptor(r, block);
    case JOURNAL_REVOKE:
        return read_revokes(r, block);
    case JOURNAL_COMMIT:
        r->sequence++;
        r->end = r->pass == FIND_END ? r->sequence : r->end;
        return OK;
    default:
        *more = false;
        return OK;
    }
}

/* A log that leads back into itself ends after the length of the journal. */
static enum status walk(struct replay *r, enum pass pass)
{
    enum status s = OK;
    bool more = true;
    r->pass = pass;
    r->at = r->j->start;
    r->sequence = r->j->sequence;
    r->passed = 0;
    while (s == OK && more && r->passed < log_length(r->j) &&
           (pass == FIND_END || r->sequence != r->end)) {
        s = walk_block(r, &more);
    }
    return s;
}

/* ---- Writing ---- */

static enum status read_copy(struct replay *r, uint32_t copy, uint8_t *out)
{
    enum status s = journal_read(r->j, copy & ~ESCAPED, out);
    if (s == OK && (copy & ESCAPED) != 0) {
        store_be32(out, JOURNAL_MAGIC);
    }
    return s;
}

static enum status check_copies(struct replay *r, journal_check *check, void *ctx)
{
    for (uint32_t i = 0; i < r->copies.size; i++) {
        const struct journal_slot *slot = &r->copies.slots[i];
        if (!slot->is_used) {
            continue;
        }
        enum status s = read_copy(r, slot->value, r->j->buffer);
        s = s != OK ? s : check(ctx, slot->key, r->j->buffer);
        if (s == E_CORRUPT) {
            s = journal_corrupt(r->j, "a block in it makes the file system inconsistent");
        }
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

/* From the buffer. */
static enum status write_copy(struct replay *r, uint32_t block)
{
    const struct journal_place *p = &r->j->place;
    struct cache_page *page;
    uint64_t byte = (uint64_t)block << p->block_shift;
    enum status s = r->j->block_size == CACHE_PAGE ? page_cache_get_new(p->cache, byte, &page)
                                                   : page_cache_get(p->cache, byte, 0, &page);
    if (s == OK) {
        memcpy(page->bytes + byte % CACHE_PAGE, r->j->buffer, r->j->block_size);
        page_cache_dirty(p->cache, page);
        page_cache_put(page);
    }
    return s;
}

/* A log may be long. Without memory for more pages those that were written are used again, so that
 * a replay that has begun does not end halfway. */
static enum status pause(struct page_cache *c)
{
    enum status s = page_cache_pause(c);
    return s == E_NOMEM ? page_cache_sync(c) : s;
}

/* The copies go through the cache, so that its pages agree with the disk. They are flushed before
 * journal_replay() marks the log as empty; if a crash comes in between, the same replay is done
 * again, with the same result. */
static enum status write_copies(struct replay *r)
{
    enum status s = page_cache_pause(r->j->place.cache); /* fills its reserve */
    for (uint32_t i = 0; i < r->copies.size && s == OK; i++) {
        const struct journal_slot *slot = &r->copies.slots[i];
        if (slot->is_used) {
            s = read_copy(r, slot->value, r->j->buffer);
            s = s != OK ? s : write_copy(r, slot->key);
            s = s != OK ? s : pause(r->j->place.cache);
        }
    }
    return s != OK ? s : page_cache_sync(r->j->place.cache);
}

static enum status find_copies(struct replay *r)
{
    enum status s = walk(r, FIND_END);
    s = s != OK ? s : walk(r, FIND_REVOKED);
    return s != OK ? s : walk(r, FIND_COPIES);
}

/* The number that the last transaction would have had is not used again: parts of it may be in the
 * log. */
enum status journal_replay(struct journal *j, journal_check *check, void *ctx)
{
    struct replay r = {.j = j, .end = j->sequence};
    enum status s = journal_is_empty(j) ? OK : find_copies(&r);
    s = s != OK ? s : check_copies(&r, check, ctx);
    s = s != OK ? s : write_copies(&r);
    if (s == OK && !journal_is_empty(j)) {
        log_info("ext2", "%s: journal replayed: %u transactions, %u blocks", j->place.dev->name,
                 r.end - j->sequence, r.copies.count);
        s = journal_store_start(j, 0, r.end + 1);
    }
    journal_map_free(&r.revoked);
    journal_map_free(&r.copies);
    return s;
}
