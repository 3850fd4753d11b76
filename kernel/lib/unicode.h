// SPDX-License-Identifier: MIT
//
// Characters on a terminal: decodes bytes to code points, encodes code points, and reports the
// columns that one needs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @brief Columns of a character: 0 if it combines with the one before, 2 for the wide ones of East
 *     Asia and emoji, otherwise 1. As in Unicode 14.0. @context{any} */
unsigned unicode_columns(uint32_t code_point);

/**
 * @brief Decode the character at the start of some bytes.
 * @param len 1 or more.
 * @param out The code point; 0xfffd for a byte that starts none, or if its rest is missing.
 * @return Bytes that it has, 1 to 4; at most `len`.
 * @context{any}
 */
size_t unicode_decode(const char *s, size_t len, uint32_t *out);

#define UNICODE_BYTES_MAX 4u
#define UNICODE_LAST      0x10ffffu

/**
 * @brief Encode a character as UTF-8.
 * @param code_point At most UNICODE_LAST; surrogates are not rejected.
 * @return Bytes written, 1 to 4.
 * @context{any}
 */
size_t unicode_encode(uint32_t code_point, uint8_t out[UNICODE_BYTES_MAX]);

/** @brief Bytes of the character that starts with this byte, 1 to 4; 0: none does. @context{any} */
unsigned unicode_length(uint8_t first);

/**
 * @brief False for bytes that could control a terminal or are no character: 8-bit controls,
 *     overlong forms, surrogates, values beyond the last code point (Unicode, table 3-7).
 * @param bytes A character of unicode_length() bytes.
 * @context{any}
 */
bool unicode_is_harmless(const uint8_t *bytes);

/** @brief Start of the character before `at`, with those that combine with it; 0 at the start.
 * @param len Bytes of the text. @context{any} */
size_t unicode_before(const char *s, size_t len, size_t at);
/** @brief End of the character at `at`, with those that combine with it; `len` at the end. */
size_t unicode_after(const char *s, size_t len, size_t at);
