// SPDX-License-Identifier: MIT
//
// CRC-32C by four bits at a time: a small table, and no instruction that only some CPUs have.
#include "kernel/lib/crc32c.h"

/* Neither inverts the start nor the result: callers pass the seed that their format wants, and may
 * continue with the result of an earlier call. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    /* The remainders of the 16 values of four bits; the polynomial is 0x82f63b78, reflected. */
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}
