// SPDX-License-Identifier: MIT
//
// Writing WebAssembly modules byte by byte, for tests.
#pragma once

#include "kernel/wasm/front/wasm.h"

#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *at;
    size_t count, capacity;
};

static inline void put(struct bytes *b, const void *data, size_t n)
{
    if (b->count + n > b->capacity) {
        b->capacity = 2 * (b->count + n) + 64;
        b->at = realloc(b->at, b->capacity);
    }
    memcpy(b->at + b->count, data, n);
    b->count += n;
}

/** Append bytes: PUT(&b, 0x20, 0). */
#define PUT(b, ...) put(b, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/** Append the same bytes n times. */
static inline void put_times(struct bytes *b, uint32_t n, const uint8_t *data, size_t len)
{
    for (uint32_t i = 0; i < n; i++) {
        put(b, data, len);
    }
}
#define REPEAT(b, n, ...)                                                                          \
    put_times(b, n, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void put_u32(struct bytes *b, uint32_t v)
{
    do {
        uint8_t byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        put(b, &byte, 1);
        v >>= 7;
    } while (v != 0);
}

static inline void put_i32(struct bytes *b, int32_t v)
{
    for (bool more = true; more; v >>= 7) {
        more = v > 63 || v < -64;
        uint8_t byte = (uint8_t)((v & 0x7f) | (more ? 0x80 : 0));
        put(b, &byte, 1);
    }
}

static inline void put_name(struct bytes *b, const char *s)
{
    put_u32(b, (uint32_t)strlen(s));
    put(b, s, strlen(s));
}

static inline void put_header(struct bytes *b)
{
    PUT(b, 0, 'a', 's', 'm', 1, 0, 0, 0);
}

/** Reserve five bytes for a size that is not known yet. @return argument for end_size(). */
static inline size_t begin_size(struct bytes *b)
{
    PUT(b, 0x80, 0x80, 0x80, 0x80, 0);
    return b->count;
}

static inline void end_size(struct bytes *b, size_t start)
{
    uint32_t size = (uint32_t)(b->count - start);
    for (unsigned n = 0; n < 5; n++) {
        b->at[start - 5 + n] = (uint8_t)((size >> (7 * n) & 0x7f) | (n < 4 ? 0x80 : 0));
    }
}

static inline size_t begin_section(struct bytes *b, uint8_t id)
{
    put(b, &id, 1);
    return begin_size(b);
}

/** Append a section with these bytes. */
#define PUT_SECTION(b, id, ...)                                                                    \
    do {                                                                                           \
        size_t section_start = begin_section(b, id);                                               \
        PUT(b, __VA_ARGS__);                                                                       \
        end_size(b, section_start);                                                                \
    } while (0)

static inline void free_bytes(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){0};
}
