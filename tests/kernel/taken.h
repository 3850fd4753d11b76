// SPDX-License-Identifier: MIT
//
// Memory that tests allocate: all of a request or nothing.
#pragma once

#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

/* 2 MiB, as code memory allocates it: one leaf of the direct map, or already split */
#define LARGE_RUN_MOST  9u
#define LARGE_RUN_LEAST 3u /* the largest that a small, busy memory may have left */

/** @brief Allocate the largest free run, as code memory does. The caller frees it with page_free().
 * @return its order, from LARGE_RUN_LEAST to LARGE_RUN_MOST; 0: no run is free
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

/** @brief Reserve a range and map writable frames to `count` of its
 * pages, starting with page `first`.
 * @return false: nothing is reserved. @context{thread} */
static inline bool take_pages(struct vm_range *range, const struct vm_request *request,
                              size_t first, size_t count)
{
    if (vm_reserve(range, request) != OK) {
        return false;
    }
    if (vm_populate(range, first, count, PROT_R | PROT_W, PAGE_OTHER) != OK) {
        vm_release(range);
        return false;
    }
    return true;
}
