// SPDX-License-Identifier: MIT
//
// The address at which the image is mapped once the MMU is on.
#pragma once

#include "hal/bootinfo.h"
#include "hal/types.h"

/**
 * @brief Choose the distance between the image's link address and the address where it will be
 * mapped.
 * @param info  Contains the command line and the loader's seed.
 * @return Bytes modulo 2^64, a multiple of HAL_SLIDE_STEP; 0 if the command line has aslr=off.
 * @context{early, MMU off}
 */
uint64_t slide_choose(const struct boot_info *info);

/**
 * @brief Add the slide to every address in the image's data. Once only.
 * @param image  Physical address of the image.
 * @context{early, MMU off}
 */
void slide_apply(uintptr_t image, uint64_t slide);
