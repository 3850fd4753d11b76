// SPDX-License-Identifier: MIT
//
// Checks of results that several fuzz targets share.
#pragma once

#include "kernel/mm/heap.h"

#include <stdlib.h>
#include <string.h>

/** @brief Check text for people that is made of foreign bytes: it ends within `room` and
 * contains no control characters. */
static inline void judge_text(const char *text, size_t room)
{
    size_t len = strnlen(text, room);
    if (len == room) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f) {
            abort();
        }
    }
}

/** @brief Number of objects on the kernel's heap, which must be equal before and after a test. */
static inline uint64_t judge_live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}
