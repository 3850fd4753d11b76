// SPDX-License-Identifier: MIT
//
// The rules that a machine's table of address regions (hal/layout.h) must satisfy.
#pragma once

#include "hal/layout.h"

/**
 * @brief Check a table: regions do not overlap, the lower half is unused, loaded code is within
 *     reach of the kernel's text, programs have at least 1 TiB, and the sanitizer's shadow covers
 *     the kernel's half.
 * @return NULL if all rules hold, else a static sentence that names the broken one.
 * @context{any} Pure.
 */
const char *layout_check(const struct hal_layout *layout);

/** @brief Difference between the image's address in this boot and its link address: bytes modulo
 *     2^64.
 * @context{any} */
static inline uint64_t layout_slide(void)
{
    return (uintptr_t)__image_base - HAL_IMAGE_BASE;
}
