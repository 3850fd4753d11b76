// SPDX-License-Identifier: MIT
//
// The numbers of this machine's address map, also for assembly. hal_layout in layout.c is made from
// them; nobody else writes one of them down, except the linker script, which checks itself against
// them.
#pragma once

/* All RAM at one offset. */
#define HAL_DIRECT_BASE 0xffff888000000000
#define HAL_DIRECT_SIZE 0x0000400000000000 /* 64 TiB */

/* The image: virtual address = physical address + HAL_IMAGE_BASE. */
#define HAL_IMAGE_BASE 0xffffffff80000000
#define HAL_IMAGE_SIZE 0x0000000004000000 /* 64 MiB */

/*
 * Where things lie in physical memory. What only the way to 64-bit mode needs (.boot: code and
 * tables) comes first, linked at its physical address. Its frames in the image's half of the
 * address space are the guard below the boot stack, so the guard costs no memory, and they are free
 * once the final tables are on.
 */
#define HAL_BOOT_PHYS  0x200000
#define HAL_STACK_PHYS 0x228000 /* upper half of a 64 KiB block, as every kernel stack */
#define HAL_TEXT_PHYS  0x230000

/* The bootstrap tables map physical [0, this) in the direct map, registers from HAL_BOOT_MMIO on
 * uncached. */
#define HAL_BOOT_DIRECT 0x100000000
#define HAL_BOOT_MMIO   0xfe000000
