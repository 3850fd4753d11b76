// SPDX-License-Identifier: MIT
//
// Frames that no writable mapping reaches: runs taken out of the direct map, handed out page by
// page.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

/** @brief Take `count` frames, not necessarily consecutive. @return OK; E_NOMEM: none was taken.
 *  @context{thread} @pre the caller serialises */
enum status codepool_take(paddr_t *frames, size_t count);

/** @brief Give frames back. A run none of whose frames is in use returns to the direct map and the
 * page allocator. @context{thread} @pre the caller serialises; nothing maps the frames */
void codepool_give(const paddr_t *frames, size_t count);

/** @brief Frames in the pool, and those in use. @context{thread} @pre the caller serialises */
void codepool_get_stats(size_t *pool_pages, size_t *used_pages);
