// SPDX-License-Identifier: MIT
//
// Objects with pages of their own that were given back, in debug builds: their frames are anybody's
// at once, but their addresses nobody's for a while, so that whoever comes back is known.
#pragma once

#include "kernel/mm/heap_internal.h"
#include "kernel/mm/heap_site.h"

#ifdef HEAP_DEBUG
struct heap_grave {
    uint8_t *base; /* of the range, whose pages are unmapped. NULL: none lies there */
    uint8_t *object;
    size_t size;
    heap_site_t taken_by, given_by;
};

void heap_graves_init(void);

/** @brief Give the frames back and keep the addresses, until 64 others were buried behind it.
 * @context{thread} */
void heap_bury(const struct heap_grave *what);

/** @brief Whose addresses were these? @return false: they are nobody's grave. @context{any, panic
 * included} */
bool heap_grave_at(uintptr_t at, struct heap_grave *out);

/** @brief All addresses go back. @context{thread} */
void heap_graves_open(void);

/** @brief What graves themselves have taken of the heap. @context{any} */
void heap_graves_stats(struct heap_stats *out);
#endif
