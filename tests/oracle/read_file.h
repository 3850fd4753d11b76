// SPDX-License-Identifier: MIT
//
// A whole file in memory.
#pragma once

#include <stdint.h>

/** @return its bytes, to be freed; NULL: it cannot be read. */
uint8_t *read_file(const char *path, uint32_t *len);
