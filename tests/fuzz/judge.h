// SPDX-License-Identifier: MIT
//
// What targets ask of whatever they made.
#pragma once

#include "kernel/mm/heap.h"

#include <stdlib.h>
#include <string.h>

/** @brief Text for people, from foreign bytes: it ends within `room`, and drives no terminal. */
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

/** @brief Objects on the kernel's heap: as many after something as before it. */
static inline uint64_t judge_live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}
