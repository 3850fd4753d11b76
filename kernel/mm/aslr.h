// SPDX-License-Identifier: MIT
//
// Where things lie in this boot: each region begins to be used at an offset of its own, which
// nobody knows who has not seen it. `aslr=off` on the command line makes every boot the same.
#pragma once

#include "hal/layout.h"

struct boot_info;

/** @brief Choose. @param is_on  false: every offset is 0. @context{early, once, before
 * hal_mmu_init()} */
void aslr_init(const struct boot_info *info, bool is_on);

/** @brief Where the direct map begins, and with it the heap and page tables: for hal_mmu_init().
 * @context{early} */
uint64_t aslr_direct_base(void);

/** @brief How far behind its base the first range of a region lies, in bytes: whole pages, at most
 * a half of the region's size; a quarter where addresses are few. @context{any} */
uint64_t aslr_offset(enum hal_region region);
