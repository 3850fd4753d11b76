// SPDX-License-Identifier: MIT
//
// The journal of ext3 (Linux's JBD): changes of the disk are first written to a log, as
// transactions. After a crash the complete transactions in the log are written to their places
// (replayed), and the others are forgotten.
//
// Locking: the owner, a file system, calls everything under a lock of its own.
#pragma once

#include "kernel/fs/page_cache.h"

struct journal;

/** What the owner knows of a journal. */
struct journal_place {
    struct block_device *dev;
    struct page_cache *cache;
    uint32_t block_shift; /* log2 of the bytes in a block, 10 to 12 */
    uint32_t first_block; /* of the file system: the block with its superblock */
    uint32_t block_count; /* the first block number past the file system's end */
    uint32_t *blocks;     /* where the journal's blocks are, from heap_alloc() */
    uint32_t length;      /* how many: at least 1 */
};

#define JOURNAL_LENGTH_MIN 16u
#define JOURNAL_LENGTH_MAX (1u << 18)

/** Is this sound as the new contents of a block? Called before anything is changed. OK; E_CORRUPT;
 * E_NOMEM. */
typedef enum status journal_check(void *ctx, uint32_t block, const uint8_t *bytes);

/**
 * @brief Read a journal's superblock and check it.
 * @param place The journal owns place->blocks after success.
 * @return OK; E_CORRUPT: it is inconsistent, as the log says; E_NOTSUP: it has an unknown feature;
 *     E_NOMEM, E_IO. @context{thread, may sleep}
 */
enum status journal_open(const struct journal_place *place, struct journal **out);

/** @brief Free it; NULL does nothing. Nothing is written. @context{thread, may sleep} */
void journal_close(struct journal *j);

/** @brief True if there is nothing to replay. */
bool journal_is_empty(const struct journal *j);

/** @brief True if Linux noted an error of the file system in the journal. */
bool journal_has_error(const struct journal *j);

/**
 * @brief Write the transactions in the log to their places, make that durable, and empty the log.
 *     The cache allows writes.
 * @return OK; E_CORRUPT: the log is inconsistent, or `check` refused a block; E_NOMEM: nothing has
 *     changed; E_IO: as before, or some blocks are written, and the log is as it was.
 * @context{thread, may sleep}
 */
enum status journal_replay(struct journal *j, journal_check *check, void *ctx);

/* ---- Writing ----
 *
 * Between journal_start() and journal_stop() all changes belong to the running transaction, until
 * it is committed. All writes of the cache happen under the owner's lock. */

/** Blocks that one operation of the owner may change, if each has a page for itself. */
#define JOURNAL_CREDITS 40u

/** @brief Prepare an empty journal for writing. @return OK; E_NOTSUP: it is too short; E_NOMEM;
 *     E_IO. */
enum status journal_start(struct journal *j);

/** @brief Write everything to its place, and note that the log is empty. @return as
 *     journal_commit(). */
enum status journal_stop(struct journal *j);

/** @brief True if the running transaction has no changes. */
bool journal_is_idle(const struct journal *j);

/** @brief True if the running transaction has room for another operation. */
bool journal_has_room(const struct journal *j);

/**
 * @brief Note that a block was changed, in a page that is pinned. In place of page_cache_dirty().
 * @param is_metadata False: it is a file's contents, written before the transaction is committed.
 *     But a block that is in the log goes there again.
 */
void journal_change(struct journal *j, struct cache_page *page, uint32_t block, bool is_metadata);

/** @brief Allocate what journal_forget() needs for one block. @return OK; E_NOMEM. */
enum status journal_reserve(struct journal *j);

/** @brief Note that a block was freed: its copies in the log must not be replayed over its next
 *     contents. Called after journal_reserve(). */
void journal_forget(struct journal *j, uint32_t block);

/** @brief Keep a bitmap as it is before a bit in it is cleared; once in a transaction. The bitmap
 *     is in the transaction. @return OK; E_NOMEM. */
enum status journal_keep(struct journal *j, uint32_t block, const uint8_t *bytes);

/** @brief The copy that journal_keep() made, or NULL. Blocks that were in use then must not be used
 *     until the transaction is committed: after a crash they still have their old use. */
const uint8_t *journal_kept(const struct journal *j, uint32_t block);

/** @brief Commit the running transaction: files' contents, and all changes, are durable.
 * @return OK; E_IO and errors of block_submit(): the caller aborts. @context{thread, may sleep} */
enum status journal_commit(struct journal *j);

/** @brief Forget the running transaction, and write nothing from now on. The log stays, and the
 *     journal notes an error. */
void journal_abort(struct journal *j);
