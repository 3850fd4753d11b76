// SPDX-License-Identifier: MIT
//
// Reads the data that the loader or the firmware left
// in memory into boot_info. Runs with the MMU off.
#pragma once

#include "boot/efi.h"

/**
 * @brief Read the data whose address was passed to the first instruction.
 * @param address  Of a device tree, or of a struct boot_efi.
 * @param info Zeroed by the caller.
 * @return NULL, or a sentence about the data that cannot be used; notes in `info` give the reason.
 * @context{early}
 */
const char *firmware_read_tree(uint64_t address, struct boot_info *info);
const char *firmware_read_efi(uint64_t address, struct boot_info *info);
