// SPDX-License-Identifier: MIT
//
// What starting other CPUs wants of the page tables.
#pragma once

#include "hal/pagetable.h"
#include "hal/types.h"

/** @brief Settings of this CPU that the software walker must know. @context{any} */
struct hal_pte_rules mmu_rules(void);

/** @brief Switch the calling CPU to the final tables. @context{starting CPU} */
void mmu_enter(void);

/**
 * @brief Tables for the way of a CPU from real mode to mmu_enter(): the kernel's half as it is now,
 * nothing else yet.
 * @param root  A frame below 4 GiB, which is what fits into CR3 there; overwritten.
 * @context{thread}
 */
struct pagetable mmu_begin_start(paddr_t root);
