// SPDX-License-Identifier: MIT
//
// The address map of this machine (hal/layout.h). 47-bit kernel half, 4-level paging.
#include "hal/layout.h"

#define TIB (UINT64_C(1) << 40)
#define GIB (UINT64_C(1) << 30)

uint64_t hal_direct_base = HAL_DIRECT_BASE;

const struct hal_layout hal_layout = {
    .region =
        {
            [HAL_REGION_USER] = {"user", 0, UINT64_C(1) << 47},
            [HAL_REGION_DIRECT] = {"direct", HAL_DIRECT_BASE, HAL_DIRECT_SIZE},
            [HAL_REGION_VM] = {"vm", 0xffffc90000000000, 16 * TIB},
            [HAL_REGION_PROGRAM] = {"program", 0xffffd90000000000, 16 * TIB},
            [HAL_REGION_SHADOW] = {"shadow", 0xffffec0000000000, 16 * TIB},
            [HAL_REGION_IMAGE] = {"image", HAL_IMAGE_BASE, HAL_IMAGE_SIZE},
            [HAL_REGION_CODE] = {"code", HAL_IMAGE_BASE + HAL_IMAGE_SIZE, HAL_CODE_SIZE},
        },
    .machine = "x86_64",
    .code_reach = 2 * GIB,
};
