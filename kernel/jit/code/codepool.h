// SPDX-License-Identifier: MIT
//
// Frames that have no writable mapping: runs removed
// from the direct map and allocated page by page.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

/** @brief Allocate `count` frames, not necessarily consecutive. @return OK; E_NOMEM: none was
 * allocated. @context{thread} @pre the caller serialises */
enum status codepool_alloc(paddr_t *frames, size_t count);

/** @brief Free frames. A run without used frames returns to the direct map and the page allocator.
 * @context{thread} @pre the caller serialises; the frames are not mapped */
void codepool_free(const paddr_t *frames, size_t count);

/** @brief Number of frames in the pool, and in use. @context{thread} @pre the caller serialises */
void codepool_get_stats(size_t *pool_pages, size_t *used_pages);
