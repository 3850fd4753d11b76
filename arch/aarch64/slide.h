// SPDX-License-Identifier: MIT
//
// Where the image appears once the MMU is on.
#pragma once

#include "hal/bootinfo.h"
#include "hal/types.h"

/**
 * @brief Choose how far from where it is linked the image will appear.
 * @param info  The command line and the loader's seed are in it.
 * @return Bytes modulo 2^64, a multiple of HAL_SLIDE_STEP; 0 if the command line has aslr=off.
 * @context{early, MMU off}
 */
uint64_t slide_choose(const struct boot_info *info);

/**
 * @brief Add the slide to every address of the image that is in it. Once.
 * @param image  Physical address of the image.
 * @context{early, MMU off}
 */
void slide_apply(uintptr_t image, uint64_t slide);
