// SPDX-License-Identifier: MIT
//
// Randomised addresses: ranges of each region start at an offset that is chosen at boot. `aslr=off`
// on the command line makes every boot the same.
#pragma once

#include "hal/layout.h"

struct boot_info;

#define ASLR_WORDS 4 /* one for each region that moves, one for the direct map */

/** @brief Choose the offsets. @param random ASLR_WORDS random numbers; NULL: every offset is 0.
 *     @context{early, once, before hal_mmu_init()} */
void aslr_init(const struct boot_info *info, const uint64_t *random);

/** @brief Base of the direct map, and so of the heap and page tables: for hal_mmu_init().
 * @context{early} */
uint64_t aslr_direct_base(void);

/** @brief Distance of a region's first range from the region's base, in bytes: whole pages, at most
 *     half of the region's size, or a quarter if the region is small. @context{any} */
uint64_t aslr_offset(enum hal_region region);
