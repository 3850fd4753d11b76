// SPDX-License-Identifier: MIT
//
// Where the fake machine's direct map is. A file of its own: programs that fake nothing else of
// memory convert addresses, too.
#include "hal/layout.h"

uint64_t hal_direct_base = HAL_DIRECT_BASE;
