// SPDX-License-Identifier: MIT
//
// A bounded cache of a block device's bytes: what a file system needs of its tables, and of files
// that are read in small pieces. Large reads go past it. Read-only.
#pragma once

#include "kernel/io/block.h"

#define BLOCK_CACHE_CHUNK 4096u /* bytes, aligned on the device; one page */
#define BLOCK_CACHE_MAX   256u  /* chunks: 1 MiB */
#define BLOCK_CACHE_AHEAD 32u   /* chunks in one request */

struct block_cache;

/** @brief Make a cache; memory is taken as it is used. @return NULL: no memory. @context{thread} */
struct block_cache *block_cache_make(struct block_device *dev);
void block_cache_free(struct block_cache *c);

/**
 * @brief The chunk that holds a byte of the device, read if it is not there.
 * @param off    Byte offset on the device.
 * @param ahead  Bytes from `off` that will be wanted soon: if the chunk must be read, they come
 * along as far as one request carries.
 * @param out    The chunk's first byte; valid until the next call. Past the end of the device it is
 * zero.
 * @return OK; E_RANGE: past the end of the device; E_NOMEM; E_IO and what block_submit() returns.
 * @context{thread, may sleep; the caller serialises calls}
 */
enum status block_cache_get(struct block_cache *c, uint64_t off, uint64_t ahead,
                            const uint8_t **out);

/** @brief Copy bytes of any alignment out of the device through the cache. @return as
 * block_cache_get(). */
enum status block_cache_copy(struct block_cache *c, uint64_t off, void *buf, size_t len,
                             uint64_t ahead);
