// SPDX-License-Identifier: MIT
//
// The rules that a machine's table of address regions (hal/layout.h) must keep.
#pragma once

#include "hal/layout.h"

/**
 * @brief Check a table: regions are disjoint, the lower half is left alone, loaded code is within
 * reach of the kernel's text, programs have at least 1 TiB, the sanitizer's shadow covers the
 * kernel's half.
 * @return NULL if all holds, else a static sentence.
 * @context{any} Pure.
 */
const char *layout_check(const struct hal_layout *layout);
