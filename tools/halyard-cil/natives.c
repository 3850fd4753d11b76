// SPDX-License-Identifier: MIT
//
// Native methods of the core library on this computer.
#include "tools/halyard-cil/engine.h"

#include <stdio.h>
#include <string.h>

static size_t encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(first[more] | point >> (6 * more));
    for (size_t n = 1; n <= more; n++) {
        out[n] = (char)(0x80 | (point >> (6 * (more - n)) & 0x3f));
    }
    return more + 1;
}

static uint64_t write_text(struct cil_runtime *r, uint64_t string, uint64_t b, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    struct cil_text text = cil_string(r, string);
    for (uint32_t n = 0; n < text.length; n++) {
        char bytes[4];
        uint16_t unit, low = 0;
        memcpy(&unit, (uint8_t *)text.at + (size_t)2 * n, 2);
        uint32_t point = unit;
        if (unit >= 0xd800 && unit < 0xe000) {
            if (n + 1 < text.length) {
                memcpy(&low, (uint8_t *)text.at + (size_t)2 * (n + 1), 2);
            }
            bool is_pair = unit < 0xdc00 && low >= 0xdc00 && low < 0xe000;
            point = is_pair ? 0x10000 + (((uint32_t)unit & 0x3ff) << 10) + (low & 0x3ff) : 0xfffd;
            n += is_pair ? 1 : 0;
        }
        fwrite(bytes, 1, encode(point, bytes), stdout);
    }
    return 0;
}

const struct cil_native engine_natives[ENGINE_NATIVES] = {
    {"System.Console::WriteText", "r:", write_text},
};
