// SPDX-License-Identifier: MIT
//
// Memory that tests take: all of it or nothing.
#pragma once

#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

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

/** @brief A range, and frames for `count` of its pages from `first` on, which can be written.
 * @return false: neither. @context{thread} */
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
