// SPDX-License-Identifier: MIT
//
// See the header.
#include "journal_log.h"

#include "fs_env.h"
#include "kernel/lib/endian.h"

#include <string.h>

static uint32_t log_at, log_sequence;

uint8_t *log_image_block(uint32_t n)
{
    return env_disk.bytes + (size_t)n * LOG_BLOCK;
}

uint8_t *log_image_inode(uint32_t n)
{
    return log_image_block(load_le32(log_image_block(2) + 8)) +
           (n - 1) * load_le16(log_image_block(1) + 88);
}

uint32_t log_place(uint32_t index)
{
    const uint8_t *pointers = log_image_inode(8) + 40;
    uint32_t per_table = LOG_BLOCK / 4;
    if (index < 12) {
        return load_le32(pointers + (size_t)index * 4);
    }
    index -= 12;
    if (index < per_table) {
        return load_le32(log_image_block(load_le32(pointers + 48)) + (size_t)index * 4);
    }
    index -= per_table;
    const uint8_t *tables = log_image_block(load_le32(pointers + 52));
    return load_le32(log_image_block(load_le32(tables + index / per_table * 4)) +
                     index % per_table * 4);
}

uint8_t *log_super(void)
{
    return log_image_block(log_place(0));
}

void log_start(uint32_t at, uint32_t sequence)
{
    store_le32(log_image_block(1) + 96, load_le32(log_image_block(1) + 96) | 4);
    store_be32(log_super() + 28, at);
    store_be32(log_super() + 24, sequence);
    log_at = at;
    log_sequence = sequence;
}

uint8_t *log_block(void)
{
    uint8_t *b = log_image_block(log_place(log_at));
    log_at = log_at + 1 == LOG_LENGTH ? 1 : log_at + 1;
    memset(b, 0, LOG_BLOCK);
    return b;
}

uint8_t *log_header(uint32_t type)
{
    uint8_t *b = log_block();
    store_be32(b, 0xc03b3998);
    store_be32(b + 4, type);
    store_be32(b + 8, log_sequence);
    return b;
}

void log_copy(uint32_t target, const void *bytes, unsigned flags)
{
    uint8_t *b = log_header(LOG_DESCRIPTOR);
    store_be32(b + 12, target);
    store_be32(b + 16, LOG_LAST | flags);
    b = log_block();
    memcpy(b, bytes, LOG_BLOCK);
    if ((flags & LOG_ESCAPED) != 0) {
        store_be32(b, 0);
    }
}

void log_revoke(uint32_t target)
{
    uint8_t *b = log_header(LOG_REVOKE);
    store_be32(b + 12, 20);
    store_be32(b + 16, target);
}

void log_commit(void)
{
    (void)log_header(LOG_COMMIT);
    log_sequence++;
}
