// SPDX-License-Identifier: MIT
//
// Values of WebAssembly as text.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * @brief Read a number: decimal or after 0x, for floats also inf and nan; rounded to the nearest
 * value of the type.
 * @param type  WASM_I32 and so on. @param cell  Receives it.
 * @return false: not a number, out of the type's range, or a type without values as text.
 */
bool value_read(const char *word, unsigned type, uint64_t *cell);

/** @brief Print a value alone on a line. @return cells that it takes. */
unsigned value_print(const uint64_t *cells, unsigned type);
