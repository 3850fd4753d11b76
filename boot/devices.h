// SPDX-License-Identifier: MIT
//
// What must hold of the devices that firmware tables name, whichever tables those were.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Take back devices whose registers cannot be where the tables say, each with a note.
 *
 * Registers in RAM: whoever drove such a device would write over somebody's memory. A device that
 * is taken back is absent, as if no table had named it.
 * @param info  The memory map is complete.
 * @context{early}
 */
void boot_check_devices(struct boot_info *info);
