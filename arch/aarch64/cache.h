// SPDX-License-Identifier: MIT
//
// Cache maintenance that only this machine's boot code needs.
#pragma once

#include <stddef.h>

/**
 * @brief Write lines back to memory, so that reads with the caches off see what a loader stored.
 * @context{early}
 */
void cache_clean_to_memory(const void *p, size_t n);

/**
 * @brief Drop lines that hold older bytes than memory, where the caches were off for the stores.
 * @pre They are clean: cache_clean_to_memory() has seen them.
 * @context{early}
 */
void cache_discard(const void *p, size_t n);

/**
 * @brief Write lines back to memory and drop them, before the caches are turned off: no line is
 * left that could be written back over what is stored then.
 * @context{early}
 */
void cache_flush_to_memory(const void *p, size_t n);
