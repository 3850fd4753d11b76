// SPDX-License-Identifier: MIT
//
// Between the files that read what UEFI firmware said.
#pragma once

#include "boot/efi.h"

/**
 * @brief Lay all descriptors over info->ranges.
 * @return E_CORRUPT: not readable, or of an impossible size; a note says so.
 * @context{early}
 */
enum status efi_read_map(const struct boot_mem *m, const struct boot_efi *efi,
                         struct boot_info *info);

/**
 * @brief Copy UTF-16 as efi_parse() says, cut to fit.
 * @param bytes  At `phys`; an odd one at the end is ignored. A zero unit ends the text earlier.
 * @param out    Zero-terminated afterwards, also if nothing can be read.
 * @param size   Bytes at `out`, at least 1.
 * @return false: it was cut, or cannot be read.
 * @context{early}
 */
bool efi_copy_wide(const struct boot_mem *m, uint64_t phys, uint64_t bytes, char *out, size_t size);
