// SPDX-License-Identifier: MIT
//
// The key with which the kernel signs return addresses (FEAT_PAuth): Arm ARM (DDI 0487), D8.8.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Make the key of this boot, from the CPU's random numbers, the loader's seed and the
 * counter. A CPU without random numbers has only the latter two.
 * @param seed  Unchanged; the seed cannot be computed from the key.
 * @context{early, once, MMU off or on} Does nothing on a CPU without FEAT_PAuth.
 */
void pac_make_key(const struct boot_seed *seed);

/**
 * @brief Load the key on the calling CPU, which uses it once SCTLR_EL1.EnIA is set. All CPUs have
 * the same key, because a thread may enter a function on one and return on another.
 * @pre SCTLR_EL1.EnIA is clear, and will be set by code that never returns to a function entered
 * before.
 * @context{early}
 */
void pac_load_key(void);
