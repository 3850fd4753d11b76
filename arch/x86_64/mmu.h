// SPDX-License-Identifier: MIT
//
// The page tables, for starting other CPUs.
#pragma once

#include "hal/pagetable.h"
#include "hal/types.h"

/** @brief Settings of this CPU that the software walker must know. @context{any} */
struct hal_pte_rules mmu_rules(void);

/** @brief Switch the calling CPU to the final tables. @context{starting CPU} */
void mmu_enter(void);

/**
 * @brief For an NMI: do a flush that is pending until this CPU wakes, without marking it as awake.
 * @context{any}
 */
void mmu_forget_if_due(void);

/**
 * @brief Make empty tables for a CPU's way from real mode to mmu_enter().
 * @param root  A frame below 4 GiB, because CR3 has 32 bits there; overwritten.
 * @context{thread}
 */
struct pagetable mmu_begin_start(paddr_t root);

/**
 * @brief Copy the current kernel half into them. Must be repeated for each CPU: its data or stacks
 * may be the first in their 512 GiB.
 * @param root  As before; a CPU that starts late may still be using it.
 * @context{thread}
 */
void mmu_copy_kernel_half(paddr_t root);
