// SPDX-License-Identifier: MIT
//
// The fake machine's direct map: its RAM, mapped at an address that the host's own mappings and the
// sanitizers' shadow leave alone.
#pragma once

#define HAL_DIRECT_BASE 0x0000200000000000
#define HAL_DIRECT_SIZE 0x0000010000000000 /* 1 TiB */

/* Where the fake image says it was linked. */
#define HAL_IMAGE_BASE 0x0000240000000000
