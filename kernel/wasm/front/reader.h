// SPDX-License-Identifier: MIT
//
// Reads the binary format: bytes, integers in LEB128, names. Every function checks for the end, and
// records the first error as a sentence with section and offset. Functions that return bool return
// false at once, or after any error.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/wasm/front/wasm.h"

struct wasm_reader {
    const uint8_t *start; /* of the module: offsets are relative to it */
    const uint8_t *at, *end;
    const char *section; /* "code"; NULL: between sections */
    uint32_t type_count; /* a reference may name the types below this index */
    enum status status;  /* OK, or the status of the first error */
    struct wasm_error *err;
};

/** @brief Record an error at `where`, unless there is one already. @return false. */
bool wasm_fail(struct wasm_reader *r, const uint8_t *where, enum status s, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/** @brief Record that an allocation failed: the arena's limit, or the heap. @return false. */
bool wasm_fail_memory(struct wasm_reader *r, const struct arena *a, size_t bytes);

bool wasm_u32_long(struct wasm_reader *r, uint32_t *out);
bool wasm_i32_long(struct wasm_reader *r, int32_t *out);
bool wasm_i64(struct wasm_reader *r, int64_t *out);
bool wasm_u64(struct wasm_reader *r, uint64_t *out);

/** @brief A signed integer of 33 bits, as in block types. */
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

/** @brief Read a count of elements. Refused if the remaining bytes cannot hold so many of `least`
 * bytes each. */
static inline bool wasm_count(struct wasm_reader *r, uint32_t least, uint32_t *out)
{
    if (LIKELY(r->at < r->end && *r->at < 0x80 &&
               /* the count's own byte is included */
               *r->at * least < (uint64_t)(r->end - r->at))) {
        *out = *r->at++;
        return true;
    }
    return wasm_count_long(r, least, out);
}

/** @brief Read a length in bytes. Refused if fewer remain. */
bool wasm_length(struct wasm_reader *r, uint32_t *out);

/** @brief Read a length and that many bytes. */
bool wasm_counted_bytes(struct wasm_reader *r, struct wasm_bytes *out);

/** @brief The same for bytes that must be UTF-8. */
bool wasm_name(struct wasm_reader *r, struct wasm_bytes *out);

/** @brief Record that the byte at `where` is no type of the wanted kind: "value". @return false. */
bool wasm_fail_type(struct wasm_reader *r, const uint8_t *where, const char *wanted);

/** @brief A value type, or a reference type, with what it refers to. */
bool wasm_value_type(struct wasm_reader *r, uint32_t *out);
bool wasm_reference_type(struct wasm_reader *r, uint32_t *out);
/** @brief What a reference refers to. @return the type of references to it that may be null. */
bool wasm_heap_type(struct wasm_reader *r, uint32_t *out);
/** @brief Whether the byte is a value type of one byte. */
bool wasm_is_value_type(uint8_t byte);
/** @brief Whether the byte begins a value type of more than one byte: (ref null ...), (ref ...). */
static inline bool wasm_begins_reference(uint8_t byte)
{
    return byte == 0x63 || byte == 0x64;
}
static inline bool wasm_is_reference(uint32_t type)
{
    uint8_t kind = (uint8_t)type;
    return kind == WASM_FUNCREF || kind == WASM_EXTERNREF || kind == WASM_SOME_REFERENCE ||
           kind == WASM_EXNREF || kind == WASM_NULLEXNREF;
}

/** "i32" and so on. */
const char *wasm_type_name(uint32_t type);
