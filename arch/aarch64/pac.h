// SPDX-License-Identifier: MIT
//
// The key with which the kernel signs return addresses (FEAT_PAuth): Arm ARM (DDI 0487), D8.8.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Make this boot's key: from the CPU's random numbers; the loader's seed and the counter are
 *        mixed in, and are all there is on a CPU without.
 * @param seed  Unchanged; who has the key cannot tell the seed from it.
 * @context{early, once, MMU off or on} Does nothing on a CPU without FEAT_PAuth.
 */
void pac_make_key(const struct boot_seed *seed);

/**
 * @brief Give the key to the calling CPU, which uses it once SCTLR_EL1.EnIA is set. All CPUs have
 * the same: a thread that starts on one returns on another.
 * @pre SCTLR_EL1.EnIA is clear, and is set by code that never returns to a function entered before.
 * @context{early}
 */
void pac_load_key(void);
