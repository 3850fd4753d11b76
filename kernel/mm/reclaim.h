// SPDX-License-Identifier: MIT
//
// Memory that is kept for whoever wants some next, on all CPUs.
#pragma once

#include <stdbool.h>

/** @brief All of it is given back: what CPUs have in magazines, empty slabs, what debug builds have
 * in quarantine, page tables that map nothing. @context{thread, interrupts enabled, no spinlock
 * held}
 */
void memory_reclaim(void);

/** @brief The same, if the caller may ask other CPUs and wait for them. @return false: nothing was
 * done. @context{any} */
bool memory_try_reclaim(void);
