// SPDX-License-Identifier: MIT
//
// Memory for tests of the direct map: a whole leaf of it, where there is one.
#pragma once

#include "kernel/mm/page.h"

#define LARGE_RUN_MOST  9u /* 2 MiB, as code memory takes it: one leaf, or many already */
#define LARGE_RUN_LEAST 3u /* what is left where memory is small and in use */

/** @brief Take the largest free run, as code memory does. The caller gives it back with
 * page_free().
 * @return its order, from LARGE_RUN_LEAST to LARGE_RUN_MOST; 0: there is none
 * @context{thread} */
static inline unsigned take_large_run(enum page_owner owner, paddr_t *base)
{
    for (unsigned order = LARGE_RUN_MOST; order >= LARGE_RUN_LEAST; order--) {
        if (page_alloc(order, owner, base) == OK) {
            return order;
        }
    }
    return 0;
}
