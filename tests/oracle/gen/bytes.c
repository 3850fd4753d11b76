// SPDX-License-Identifier: MIT
//
// Bytes, LEB128, random numbers, and the constants that programs get wrong.
#include "gen.h"

#include <stdlib.h>
#include <string.h>

void put_bytes(struct bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->capacity) {
        b->capacity = 2 * (b->len + len) + 256;
        b->data = realloc(b->data, b->capacity);
        if (b->data == NULL) {
            abort();
        }
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}

void put(struct bytes *b, unsigned byte)
{
    uint8_t v = (uint8_t)byte;
    put_bytes(b, &v, 1);
}

void put_leb(struct bytes *b, uint64_t v)
{
    while (v >= 0x80) {
        put(b, (unsigned)v | 0x80);
        v >>= 7;
    }
    put(b, (unsigned)v);
}

static unsigned longest(unsigned bits)
{
    return (bits + 6) / 7;
}

void put_u(struct gen *g, struct bytes *b, uint64_t v, unsigned bits)
{
    unsigned spare = chance(g, 3) ? random_below(g, longest(bits)) : 0, len = 1;
    for (; v >= 0x80; v >>= 7, len++) {
        put(b, (unsigned)v | 0x80);
    }
    for (; spare > 0 && len < longest(bits); spare--, len++) {
        put(b, (unsigned)v | 0x80);
        v = 0;
    }
    put(b, (unsigned)v);
}

void put_s(struct gen *g, struct bytes *b, int64_t v, unsigned bits)
{
    unsigned spare = chance(g, 3) ? random_below(g, longest(bits)) : 0, len = 1;
    for (; v < -64 || v > 63; v >>= 7, len++) {
        put(b, ((unsigned)v & 0x7f) | 0x80);
    }
    for (; spare > 0 && len < longest(bits); spare--, len++) {
        put(b, ((unsigned)v & 0x7f) | 0x80);
        v = v < 0 ? -1 : 0;
    }
    put(b, (unsigned)v & 0x7f);
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){.data = NULL};
}

/* ---- Random numbers: splitmix64 ---- */

uint64_t random_bits(struct gen *g)
{
    uint64_t z = g->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t random_below(struct gen *g, uint32_t n)
{
    return (uint32_t)((random_bits(g) >> 32) * n >> 32);
}

bool chance(struct gen *g, unsigned percent)
{
    return random_below(g, 100) < percent;
}

/* ---- Constants ---- */

/* Encodings of immediates change at these values. */
static const uint64_t edges[] = {
    0,          1,          2,          3,          7,          8,          31,         32,
    33,         63,         64,         65,         0x7f,       0x80,       0xff,       0x100,
    0x7ff,      0x800,      0xfff,      0x1000,     0x1001,     0x7fff,     0x8000,     0xffff,
    0x10000,    0xfff000,   0x1000000,  0x5555,     0x55555555, 0x00ff00ff, 0x0f0f0f0f, 0x7ffffffe,
    0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
};

uint64_t boundary_integer(struct gen *g, unsigned bits)
{
    uint64_t v = edges[random_below(g, sizeof edges / sizeof edges[0])];
    switch (random_below(g, 8)) {
    case 0:
        v = random_bits(g);
        break;
    case 1:
        v = UINT64_C(1) << random_below(g, bits);
        break;
    case 2:
        v = (UINT64_C(1) << random_below(g, bits)) - 1;
        break;
    case 3:
        v = 0 - v;
        break;
    case 4:
        v = v << 32 | v; /* a repeating pattern of bits */
        break;
    case 5:
        v = bits == 64 ? v << 31 : v;
        break;
    default:
        break;
    }
    return bits == 32 ? (uint32_t)v : v;
}

static const uint64_t floats_64[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
    0x3fe0000000000000, 0x3ff8000000000000, 0x4004000000000000, 0x3fdfffffffffffff,
    0x0000000000000001, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000,
    0x7ff0000000000001, 0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000000000,
    0xc1e0000000200000, 0x41efffffffe00000, 0x41f0000000000000, 0x43dfffffffffffff,
    0x43e0000000000000, 0xc3e0000000000000, 0xc3e0000000000001, 0x43efffffffffffff,
    0x43f0000000000000, 0x4330000000000001, 0x432fffffffffffff, 0x36a0000000000000,
    0x3690000000000000, 0x47efffffe0000000, 0x47effffff0000000, 0xbfefffffffffffff,
    0x4059000000000000, 0x40c3880000000000};

static const uint32_t floats_32[] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x3fc00000, 0x40200000,
    0x3effffff, 0x00000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0x7f800000, 0xff800000,
    0x7fc00000, 0xffc00000, 0x7f800001, 0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001,
    0x4f7fffff, 0x4f800000, 0x5effffff, 0x5f000000, 0xdf000000, 0xdf000001, 0x5f7fffff,
    0x5f800000, 0x4b000001, 0x4affffff, 0x42c80000, 0xbf7fffff, 0x461c4000};

uint64_t boundary_float(struct gen *g, unsigned bits)
{
    if (chance(g, 10)) {
        return bits == 32 ? (uint32_t)random_bits(g) : random_bits(g);
    }
    return bits == 32 ? floats_32[random_below(g, sizeof floats_32 / sizeof floats_32[0])]
                      : floats_64[random_below(g, sizeof floats_64 / sizeof floats_64[0])];
}
