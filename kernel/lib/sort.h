// SPDX-License-Identifier: MIT
//
// Sorts an array in place: heap sort, so without extra memory or recursion, and in n log n
// for any input.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * @brief Sort `count` elements of `size` bytes at `base`, ascending. Not stable.
 * @param less True if *a belongs before *b.
 * @context{any}
 */
void sort_array(void *base, size_t count, size_t size, bool (*less)(const void *a, const void *b));

/**
 * @brief Find the first of `count` elements, ascending by a 32-bit key, whose key is at
 *     least `key`.
 * @param first_key The key in the first element; NULL only if there are no elements.
 * @param size Bytes from one element to the next.
 * @return its index; `count` if all keys are smaller.
 * @context{any}
 */
static inline uint32_t sorted_find(const uint32_t *first_key, size_t size, uint32_t count,
                                   uint32_t key)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (*(const uint32_t *)((const char *)first_key + middle * size) < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** @brief sorted_find() in an array of structures, by the name of the key's member. */
#define SORTED_FIND(array, count, member, key)                                                     \
    ((count) == 0 ? 0 : sorted_find(&(array)->member, sizeof *(array), (count), (key)))
