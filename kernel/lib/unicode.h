// SPDX-License-Identifier: MIT
//
// Characters on a terminal: decodes bytes to code points, and reports the columns that one needs.
#pragma once

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
