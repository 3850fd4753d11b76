// SPDX-License-Identifier: MIT
//
// Free memory that caches on all CPUs keep for the next allocation.
#pragma once

#include <stdbool.h>

/** @brief Free all of it: clean pages of files, magazines, empty slabs, the quarantine of debug
 *     builds, page tables that map nothing.
 * @context{thread, interrupts enabled, no spinlock held} */
void memory_reclaim(void);

/** @brief The same, if the caller may wait for other CPUs. @return false: nothing was done.
 *     @context{any} */
bool memory_try_reclaim(void);

/** @brief Install how a function runs on every CPU: the scheduler's smp_call_all(). Until then
 * there is one CPU, and it runs there. @context{thread, once} */
void memory_reclaim_on_cpus(void (*call_all)(void (*fn)(void *arg), void *arg));

/** @brief Install a function that frees what a cache can make again: clean pages of files, names,
 *     and libraries that no program uses. It must not sleep; it takes only spinlocks under which no
 *     memory is allocated, and may try to lock mutexes. Installing it again does nothing.
 * @context{thread} */
void memory_reclaim_caches(void (*free_clean)(void));
