// SPDX-License-Identifier: MIT
//
// The address of the fake machine's direct map. In a file of its own, because programs without the
// rest of the fake memory convert addresses, too.
#include "hal/layout.h"

uint64_t hal_direct_base = HAL_DIRECT_BASE;
