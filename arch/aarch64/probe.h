// SPDX-License-Identifier: MIT
//
// Reads registers of a device that may not exist, whatever firmware reports.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** @brief Read a register. @return false: no device responds, *out is unchanged. @context{any, once
 * vectors work} */
bool probe_read32(const volatile void *p, uint32_t *out);
