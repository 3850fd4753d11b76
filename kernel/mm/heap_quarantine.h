// SPDX-License-Identifier: MIT
//
// Debug builds: freed objects that had pages of their own. Their frames are reused at once,
// but their addresses stay unused for a while, so that a later access through a stale pointer
// is recognised.
#pragma once

#include "kernel/mm/heap_internal.h"
#include "kernel/mm/heap_site.h"

#ifdef HEAP_DEBUG
struct quarantined_object {
    uint8_t *base; /* of the range, whose pages are unmapped; NULL: the entry is empty */
    uint8_t *object;
    size_t size;
    heap_site_t taken_by, given_by;
};

void heap_quarantine_init(void);

/** @brief Free the frames and keep the addresses unused until 64 others were added.
 *     @context{thread} */
void heap_quarantine(const struct quarantined_object *what);

/** @brief Find the freed object at an address. @return false: there is none.
 *     @context{any, panic included} */
bool heap_quarantine_at(uintptr_t at, struct quarantined_object *out);

/** @brief Release all kept addresses. @context{thread} */
void heap_quarantine_open(void);

/** @brief Heap memory that the entries themselves use. @context{any} */
void heap_quarantine_stats(struct heap_stats *out);
#endif
