// SPDX-License-Identifier: MIT
//
// Numbers in blobs and signatures.
#include "kernel/cil/front/bytes.h"

/* II.23.2: the upper bits of the first byte say how many bytes there are. A form that is longer
 * than needed is accepted; a first byte from 0xe0 on is no number. Each form is compared with the
 * bytes that are left before more than the first is read. @param bits Becomes how many bits of
 * value the form has: 7, 14 or 29. */
static bool compressed(struct cil_bytes *b, uint32_t *out, unsigned *bits)
{
    if (b->len < 1) {
        return false;
    }
    uint8_t first = b->at[0];
    if ((first & 0x80) == 0) {
        *out = first;
        *bits = 7;
        return cil_skip(b, 1);
    }
    if ((first & 0xc0) == 0x80 && b->len >= 2) {
        *out = load_be16(b->at) & 0x3fffu;
        *bits = 14;
        return cil_skip(b, 2);
    }
    if ((first & 0xe0) == 0xc0 && b->len >= 4) {
        *out = load_be32(b->at) & 0x1fffffffu;
        *bits = 29;
        return cil_skip(b, 4);
    }
    return false;
}

bool cil_compressed(struct cil_bytes *b, uint32_t *out)
{
    unsigned bits;
    return compressed(b, out, &bits);
}

/* The encoder rotated the number by one bit, so its sign is in bit 0. How many bits were rotated,
 * and so to which bit the sign returns, depends on the form: 1, 2 or 4 bytes. */
bool cil_compressed_signed(struct cil_bytes *b, int32_t *out)
{
    uint32_t raw;
    unsigned bits;
    if (!compressed(b, &raw, &bits)) {
        return false;
    }
    uint32_t value = raw >> 1;
    if ((raw & 1) != 0) {
        value |= ~((UINT32_C(1) << (bits - 1)) - 1);
    }
    *out = (int32_t)value;
    return true;
}
