// SPDX-License-Identifier: MIT
//
// Characters on a terminal: bytes to code points, and how many columns one takes.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** @brief Columns that a character takes: 0 for what combines with the one before, 2 for the wide
 * ones of East Asia and emoji, else 1. Of Unicode 14.0. @context{any} */
unsigned unicode_columns(uint32_t code_point);

/**
 * @brief Decode the character at the start of some bytes.
 * @param len  1 or more.
 * @param out  Receives the code point; 0xfffd for a byte that begins none or lacks the rest of it.
 * @return Bytes it takes, 1 to 4; at most `len`.
 * @context{any}
 */
size_t unicode_decode(const char *s, size_t len, uint32_t *out);
