// SPDX-License-Identifier: MIT
//
// Cache maintenance that only this machine's boot code needs.
#pragma once

#include <stddef.h>

/**
 * @brief Write lines back to memory, so that reads with the caches off see a loader's stores.
 * @context{early}
 */
void cache_clean_to_memory(const void *p, size_t n);

/**
 * @brief Drop lines whose contents are older than memory, because stores were made with the caches
 * off.
 * @pre They are clean: cache_clean_to_memory() was called for them.
 * @context{early}
 */
void cache_discard(const void *p, size_t n);

/**
 * @brief Write lines back to memory and drop them, before the caches are turned off. Otherwise a
 * line could later be written back over stores that bypassed the caches.
 * @context{early}
 */
void cache_flush_to_memory(const void *p, size_t n);
