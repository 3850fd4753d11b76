// SPDX-License-Identifier: MIT
//
// Encodes a character as UTF-8. A file of its own, because AArch64 calls it before the image is
// moved (arch/aarch64/machine.cmake), when the tables of unicode.c cannot be read.
#include "kernel/lib/unicode.h"

size_t unicode_encode(uint32_t code_point, uint8_t out[UNICODE_BYTES_MAX])
{
    if (code_point < 0x80) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    out[0] = (uint8_t)((0xf00u >> len) | code_point);
    return len;
}
