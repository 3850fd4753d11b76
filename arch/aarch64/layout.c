// SPDX-License-Identifier: MIT
//
// The address map of the kernel's half: 48-bit addresses, TTBR1.
// Everything that calls the kernel directly is within the 128 MiB that BL reaches from any byte of
// the image, so it moves with the image.
#include "hal/layout.h"

#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

uint64_t hal_direct_base = HAL_DIRECT_BASE;

const struct hal_layout hal_layout = {
    .region =
        {
            [HAL_REGION_USER] = {"user", 0, UINT64_C(1) << 48},
            [HAL_REGION_DIRECT] = {"direct", HAL_DIRECT_BASE, HAL_DIRECT_SIZE},
            [HAL_REGION_VM] = {"vm", 0xffff400000000000, 16 * TIB},
            [HAL_REGION_PROGRAM] = {"program", 0xffff500000000000, 16 * TIB},
            [HAL_REGION_SHADOW] = {"shadow", 0xffffdf8000000000, 32 * TIB},
            [HAL_REGION_IMAGE] = {"image", (uintptr_t)__image_base, HAL_IMAGE_SIZE},
            [HAL_REGION_CODE] = {"code", (uintptr_t)__image_base + HAL_IMAGE_SIZE, 96 * MIB},
        },
    .machine = "aarch64",
    .code_reach = 128 * MIB,
};
