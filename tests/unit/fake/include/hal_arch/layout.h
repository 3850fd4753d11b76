// SPDX-License-Identifier: MIT
//
// The fake machine's direct map: its RAM, mapped at an address that neither the host's own mappings
// nor the sanitizers' shadow use.
#pragma once

#define HAL_DIRECT_BASE 0x0000200000000000
#define HAL_DIRECT_SIZE 0x0000010000000000 /* 1 TiB */

/* The link address of the fake image. */
#define HAL_IMAGE_BASE 0x0000240000000000
