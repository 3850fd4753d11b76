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

/** @brief For an NMI: what was put off until this CPU wakes up, without saying that it is awake.
 * @context{any} */
void mmu_forget_if_due(void);

/**
 * @brief Tables for the way of a CPU from real mode to mmu_enter(), empty yet.
 * @param root  A frame below 4 GiB, which is what fits into CR3 there; overwritten.
 * @context{thread}
 */
struct pagetable mmu_begin_start(paddr_t root);

/**
 * @brief Give them the kernel's half as it is now. For each CPU anew: what it is given, data and
 * stacks, may be the first in its 512 GiB.
 * @param root  As before; a CPU that is late on its way may be using it.
 * @context{thread}
 */
void mmu_copy_kernel_half(paddr_t root);
