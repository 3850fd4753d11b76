// SPDX-License-Identifier: MIT
//
// Registers of a device that may not be there, whatever firmware says.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** @brief Read a register. @return false: nothing answers there, *out is untouched. @context{any,
 * once vectors work} */
bool probe_read32(const volatile void *p, uint32_t *out);
