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

/** @brief How far the image lies in this boot from where it was linked: bytes modulo 2^64.
 * @context{any} */
static inline uint64_t layout_slide(void)
{
    return (uintptr_t)__image_base - HAL_IMAGE_BASE;
}
