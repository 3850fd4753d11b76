// SPDX-License-Identifier: MIT
//
// Shared by the files that read data from UEFI firmware.
#pragma once

#include "boot/efi.h"

/**
 * @brief Add all descriptors to info->ranges.
 * @return E_CORRUPT: not readable, or of an impossible size, which is noted.
 * @context{early}
 */
enum status efi_read_map(const struct boot_mem *m, const struct boot_efi *efi,
                         struct boot_info *info);

/**
 * @brief Copy UTF-16 as described at efi_parse(), cut to fit.
 * @param bytes  At `phys`; an odd byte at the end is ignored. A zero unit ends the text earlier.
 * @param out    Zero-terminated afterwards, even if nothing can be read.
 * @param size   Bytes at `out`, at least 1.
 * @return false: it was cut, or cannot be read.
 * @context{early}
 */
bool efi_copy_wide(const struct boot_mem *m, uint64_t phys, uint64_t bytes, char *out, size_t size);
