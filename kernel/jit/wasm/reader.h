// SPDX-License-Identifier: MIT
//
// Reading the binary format: bytes, integers in LEB128, names. Every function checks the end, and
// remembers the first error, in a sentence with section and offset; those that return bool return
// false from then on or at once.
#pragma once

#include "kernel/jit/wasm/wasm.h"
#include "kernel/lib/compiler.h"

struct wasm_reader {
    const uint8_t *start; /* of the module: offsets count from here */
    const uint8_t *at, *end;
    const char *section; /* "code"; NULL: between sections */
    enum status status;  /* OK, or that of the first error */
    struct wasm_error *err;
};

/** @brief Note an error at `where` unless there is one already. @return false. */
bool wasm_fail(struct wasm_reader *r, const uint8_t *where, enum status s, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/** @brief Note that an allocation failed: the arena's limit, or the heap. @return false. */
bool wasm_fail_memory(struct wasm_reader *r, const struct arena *a, size_t bytes);

bool wasm_u32_long(struct wasm_reader *r, uint32_t *out);
bool wasm_i32_long(struct wasm_reader *r, int32_t *out);
bool wasm_i64(struct wasm_reader *r, int64_t *out);

/** @brief An integer of 33 bits with a sign, as types of blocks are. */
bool wasm_i33(struct wasm_reader *r, int64_t *out);

static inline bool wasm_u32(struct wasm_reader *r, uint32_t *out)
{
    if (LIKELY(r->at < r->end && *r->at < 0x80)) {
        *out = *r->at++;
        return true;
    }
    return wasm_u32_long(r, out);
}

static inline bool wasm_i32(struct wasm_reader *r, int32_t *out)
{
    if (LIKELY(r->at < r->end && *r->at < 0x80)) {
        *out = (int32_t)((uint32_t)*r->at++ << 25) >> 25;
        return true;
    }
    return wasm_i32_long(r, out);
}

bool wasm_end_early(struct wasm_reader *r);

static inline bool wasm_byte(struct wasm_reader *r, uint8_t *out)
{
    if (UNLIKELY(r->at >= r->end)) {
        return wasm_end_early(r);
    }
    *out = *r->at++;
    return true;
}

/** @brief `n` bytes, 1 to 8, little-endian. */
bool wasm_fixed(struct wasm_reader *r, unsigned n, uint64_t *out);

bool wasm_count_long(struct wasm_reader *r, uint32_t least, uint32_t *out);

/** @brief How many of something follow. Refused if so many, of `least` bytes each, cannot. */
static inline bool wasm_count(struct wasm_reader *r, uint32_t least, uint32_t *out)
{
    if (LIKELY(r->at < r->end && *r->at < 0x80 &&
               *r->at * least < (uint64_t)(r->end - r->at))) { /* its own byte is there, too */
        *out = *r->at++;
        return true;
    }
    return wasm_count_long(r, least, out);
}

/** @brief How many bytes follow. Refused if there are fewer. */
bool wasm_length(struct wasm_reader *r, uint32_t *out);

/** @brief A length and as many bytes. */
bool wasm_counted_bytes(struct wasm_reader *r, struct wasm_bytes *out);

/** @brief The same, and they are UTF-8. */
bool wasm_name(struct wasm_reader *r, struct wasm_bytes *out);

/** @brief A value type, or a reference type. */
bool wasm_value_type(struct wasm_reader *r, uint8_t *out);
bool wasm_reference_type(struct wasm_reader *r, uint8_t *out);
bool wasm_is_value_type(uint8_t type);
static inline bool wasm_is_reference(uint8_t type)
{
    return type == WASM_FUNCREF || type == WASM_EXTERNREF;
}

/** "i32" and so on. */
const char *wasm_type_name(uint8_t type);
