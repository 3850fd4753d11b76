// SPDX-License-Identifier: MIT
//
// A bounded read-only cache of a block device: for a file system's metadata, and for files that are
// read in small pieces. Large reads bypass it.
#pragma once

#include "kernel/io/block.h"

#define BLOCK_CACHE_CHUNK 4096u /* bytes, aligned on the device; one page */
#define BLOCK_CACHE_MAX   256u  /* chunks: 1 MiB */
#define BLOCK_CACHE_AHEAD 32u   /* chunks in one request */

struct block_cache;

/** @brief Create a cache; memory is allocated as needed. @return NULL: no
 * memory. @context{thread} */
struct block_cache *block_cache_make(struct block_device *dev);
void block_cache_free(struct block_cache *c);

/**
 * @brief Get the chunk that contains a byte of the device; reads it if necessary.
 * @param off Byte offset on the device.
 * @param ahead Bytes from `off` on that will be needed soon: if the chunk must be read, as many of
 *     them as one request can transfer are read with it.
 * @param out The chunk's first byte; valid until the next call. Bytes past the end of the
 *     device are zero.
 * @return OK; E_RANGE: past the end of the device; E_NOMEM; E_IO and errors of block_submit().
 * @context{thread, may sleep; the caller serialises calls}
 */
enum status block_cache_get(struct block_cache *c, uint64_t off, uint64_t ahead,
                            const uint8_t **out);

/** @brief Copy bytes from the device through the cache, any alignment. @return as
 *     block_cache_get(). */
enum status block_cache_copy(struct block_cache *c, uint64_t off, void *buf, size_t len,
                             uint64_t ahead);
