// SPDX-License-Identifier: MIT
//
// What the loader or the firmware left in memory, as boot_info. Runs with the MMU off.
#pragma once

#include "boot/efi.h"

/**
 * @brief Read what the first instruction was given.
 * @param address  Of a device tree, or of a struct boot_efi.
 * @param info     Zeroed by the caller.
 * @return NULL, or a sentence that says what cannot be used; notes in `info` say why.
 * @context{early}
 */
const char *firmware_read_tree(uint64_t address, struct boot_info *info);
const char *firmware_read_efi(uint64_t address, struct boot_info *info);
