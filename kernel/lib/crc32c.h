// SPDX-License-Identifier: MIT
//
// CRC-32C, the Castagnoli polynomial, as ext4 and iSCSI use it.
#pragma once

#include <stddef.h>
#include <stdint.h>

/** @brief Continue a checksum. It is neither inverted before nor after: ext4 starts with ~0 or a
 *     seed. @context{any} */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
