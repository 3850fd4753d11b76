// SPDX-License-Identifier: MIT
//
// Reads numbers from bytes of the file, with a check for the end. After a failure nothing was read.
#pragma once

#include "kernel/cil/front/image.h"
#include "kernel/lib/endian.h"

/** @brief A part of some bytes. @return false: it is not inside. */
static inline bool cil_part(struct cil_bytes all, uint64_t offset, uint64_t len,
                            struct cil_bytes *out)
{
    if (offset > all.len || len > all.len - offset) {
        return false;
    }
    *out = (struct cil_bytes){all.at + offset, (uint32_t)len};
    return true;
}

/** @brief Remove bytes from the front. */
static inline bool cil_skip(struct cil_bytes *b, uint32_t n)
{
    if (n > b->len) {
        return false;
    }
    b->at += n;
    b->len -= n;
    return true;
}

static inline bool cil_u8(struct cil_bytes *b, uint8_t *out)
{
    if (b->len < 1) {
        return false;
    }
    *out = b->at[0];
    return cil_skip(b, 1);
}

static inline bool cil_u16(struct cil_bytes *b, uint16_t *out)
{
    if (b->len < 2) {
        return false;
    }
    *out = load_le16(b->at);
    return cil_skip(b, 2);
}

static inline bool cil_u32(struct cil_bytes *b, uint32_t *out)
{
    if (b->len < 4) {
        return false;
    }
    *out = load_le32(b->at);
    return cil_skip(b, 4);
}

static inline bool cil_u64(struct cil_bytes *b, uint64_t *out)
{
    if (b->len < 8) {
        return false;
    }
    *out = load_le64(b->at);
    return cil_skip(b, 8);
}

/** @brief An unsigned number of 1, 2 or 4 bytes, most significant first (II.23.2). */
bool cil_compressed(struct cil_bytes *b, uint32_t *out);

/** @brief The same with a sign, which is rotated into bit 0. */
bool cil_compressed_signed(struct cil_bytes *b, int32_t *out);
