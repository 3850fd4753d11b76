// SPDX-License-Identifier: MIT
//
// Sorting an array in place: heap sort, so no memory, no recursion and n log n whatever the input.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/**
 * @brief Sort `count` elements of `size` bytes at `base`, ascending. Not stable.
 * @param less  True if *a belongs before *b.
 * @context{any}
 */
void sort_array(void *base, size_t count, size_t size, bool (*less)(const void *a, const void *b));
