// SPDX-License-Identifier: MIT
//
// Conditions for the devices that firmware tables describe, whichever tables they are.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Remove devices whose registers cannot be where the tables say, each with a note.
 *
 * If registers are in RAM, driving the device would overwrite memory. A removed device is absent,
 * as if no table had described it.
 * @param info  The memory map is complete.
 * @context{early}
 */
void boot_check_devices(struct boot_info *info);
