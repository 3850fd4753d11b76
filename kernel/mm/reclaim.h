// SPDX-License-Identifier: MIT
//
// Free memory that caches on all CPUs keep for the next allocation.
#pragma once

#include <stdbool.h>

/** @brief Free all of it: magazines, empty slabs, the quarantine of debug builds, page tables that
 *     map nothing. @context{thread, interrupts enabled, no spinlock held} */
void memory_reclaim(void);

/** @brief The same, if the caller may wait for other CPUs. @return false: nothing was done.
 *     @context{any} */
bool memory_try_reclaim(void);
