// SPDX-License-Identifier: MIT
//
// Shared by the files of the journal: its format on the disk, and struct journal. All numbers in it
// are big-endian.
#pragma once

#include "kernel/fs/journal.h"
#include "kernel/fs/journal_map.h"

#define JOURNAL_MAGIC 0xc03b3998u

/* The first words of each block of the log that is not the copy of a block. */
enum {
    J_MAGIC = 0,
    J_TYPE = 4,
    J_SEQUENCE = 8, /* of the transaction */
    J_HEADER = 12,
};

enum {
    JOURNAL_DESCRIPTOR = 1,
    JOURNAL_COMMIT = 2,
    JOURNAL_SUPER_V1 = 3,
    JOURNAL_SUPER_V2 = 4,
    JOURNAL_REVOKE = 5,
};

/* Offsets in the superblock, which is block 0 of the journal. */
enum {
    JS_BLOCK_SIZE = 12,
    JS_LENGTH = 16,
    JS_FIRST = 20,
    JS_SEQUENCE = 24, /* of the first transaction in the log, or of the next one */
    JS_START = 28,    /* block where the log starts; 0: it is empty */
    JS_ERROR = 32,
    JS_COMPATIBLE = 36, /* from here on: version 2 */
    JS_INCOMPATIBLE = 40,
    JS_RO_COMPATIBLE = 44,
};

/* A descriptor block lists the blocks whose copies follow it in the log: tags of a block number and
 * flags, the first with the file system's UUID. */
enum {
    TAG_BLOCK = 0,
    TAG_FLAGS = 6, /* 16 bits */
    TAG_SIZE = 8,
    TAG_UUID = 16,
    TAG_ESCAPED = 1, /* the copy started with JOURNAL_MAGIC, which was replaced by 0 */
    TAG_SAME_UUID = 2,
    TAG_LAST = 8,
};

/* A revoke block lists blocks of which the copies in this and earlier transactions are not to be
 * used. */
enum {
    REVOKE_BYTES = 12, /* u32: bytes that are used, this header included */
    REVOKE_HEADER = 16,
};

#define JOURNAL_HAS_REVOKES 0x1u /* the feature in JS_INCOMPATIBLE */

/* Field protection:  [I] set by journal_open()   [o] the owner's lock */
struct journal {
    struct journal_place place; /* [I] */
    uint32_t block_size;        /* [I] bytes */
    uint32_t first;             /* [I] first block of the log proper; it ends at place.length */
    uint32_t version;           /* [I] 1 or 2 */
    uint32_t sequence;          /* [o] of the first transaction in the log, or of the next */
    uint32_t start;             /* [o] where the log starts; 0: it is empty */
    uint32_t error;             /* [I] as stored */
    struct journal_map own;     /* [I] the journal's own blocks, and their indices */
    uint8_t *buffer;            /* [o] a block */

    /* While it is written: */
    bool is_started;                /* [o] */
    bool is_aborted;                /* [o] */
    uint32_t next;                  /* [o] index where the next transaction goes */
    uint32_t room;                  /* [I] most blocks in a transaction */
    uint32_t slack;                 /* [I] of them, those kept for one operation */
    struct journal_entry *entries;  /* [o] the running transaction */
    uint32_t entry_count;           /* [o] */
    struct journal_map changed;     /* [o] blocks of the transaction, and their entries */
    struct journal_map revoked;     /* [o] blocks that it revokes */
    struct journal_map logged;      /* [o] blocks that are in the log */
    uint8_t *batch;                 /* [o] blocks that are written in one request */
    uint32_t batch_at, batch_count; /* [o] index of the first, and how many */
};

/* A block that the running transaction changes. Its page is held. */
struct journal_entry {
    struct cache_page *page;
    uint32_t block;
    uint8_t *kept; /* journal_keep(); otherwise NULL */
};

/** @brief Log an error about a journal. @return E_CORRUPT */
enum status journal_corrupt(const struct journal *j, const char *why);

/** @brief Read a block of the journal. @return as page_cache_get(). */
enum status journal_read(struct journal *j, uint32_t index, uint8_t *out);

/** @brief Write blocks that are consecutive in the journal and on the disk; where the cache has
 *     them, it gets them, too. @return OK; as block_write(). */
enum status journal_write(struct journal *j, uint32_t index, const uint8_t *bytes, uint32_t count);

/** @brief Set where the log starts, and the sequence number there, and make that durable. */
enum status journal_store_start(struct journal *j, uint32_t start, uint32_t sequence);
