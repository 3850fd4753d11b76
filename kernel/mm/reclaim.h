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

/** @brief Install how a function runs on every CPU: the scheduler's smp_call_all(). Until then
 * there is one CPU, and it runs there. @context{thread, once} */
void memory_reclaim_on_cpus(void (*call_all)(void (*fn)(void *arg), void *arg));
