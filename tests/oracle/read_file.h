// SPDX-License-Identifier: MIT
//
// Reads a whole file into memory.
#pragma once

#include <stdint.h>

/** @return its bytes, which the caller frees; NULL: it cannot be read. */
uint8_t *read_file(const char *path, uint32_t *len);
