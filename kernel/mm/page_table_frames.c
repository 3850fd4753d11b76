// SPDX-License-Identifier: MIT
//
// Frames for the machine's page tables, before and after the page allocator exists.

#include "hal/upcall.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page_internal.h"

bool upcall_table_frame(paddr_t *out)
{
    if (!page_early_is_open()) {
        return page_alloc_zeroed(PAGE_TABLE, out) == OK;
    }
    paddr_t frame;
    if (!page_early_frame(&frame)) {
        return false;
    }
    memset(hal_direct(frame), 0, PAGE_SIZE);
    *out = frame;
    return true;
}

void upcall_table_frame_free(paddr_t frame)
{
    /* While the early allocator is open, the frame is not freed: it stays accounted as a table, and
     * there are few. */
    if (!page_early_is_open()) {
        page_free(frame, 0);
    }
}
