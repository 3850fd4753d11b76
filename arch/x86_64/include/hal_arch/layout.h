// SPDX-License-Identifier: MIT
//
// The numbers of this machine's address map, also for assembly. hal_layout in layout.c is made from
// them; nobody else writes one of them down, except the linker script, which checks itself against
// them.
#pragma once

/* All RAM at one offset. */
#define HAL_DIRECT_BASE 0xffff888000000000
#define HAL_DIRECT_SIZE 0x0000400000000000 /* 64 TiB */

/* The image: linked at virtual address = physical address + HAL_IMAGE_BASE, and moved up at boot by
 * one of HAL_SLIDE_COUNT multiples of HAL_SLIDE_STEP. The step is that of kernel stacks, and leaves
 * the low 16 bits of the vectors' addresses in the gates of the interrupt table as they are. */
#define HAL_IMAGE_BASE  0xffffffff80000000
#define HAL_IMAGE_MAX   0x0000000004000000 /* 64 MiB, of the image itself */
#define HAL_SLIDE_STEP  0x10000
#define HAL_SLIDE_COUNT 0x4000
#define HAL_IMAGE_SIZE  (HAL_SLIDE_STEP * HAL_SLIDE_COUNT + HAL_IMAGE_MAX)

/* What follows is for loaded code, up to the last 2 MiB: small negative numbers are no addresses.
 */
#define HAL_CODE_SIZE (0x7fe00000 - HAL_IMAGE_SIZE)

/*
 * Where things lie in physical memory. What only the way to 64-bit mode needs (.boot: code and
 * tables) comes first, linked at its physical address. Its frames in the image's half of the
 * address space are the guard below the boot stack, so the guard costs no memory, and they are free
 * once the final tables are on.
 */
#define HAL_BOOT_PHYS  0x200000
#define HAL_STACK_PHYS 0x248000 /* upper half of a 64 KiB block, as every kernel stack */
#define HAL_TEXT_PHYS  0x250000

/* The bootstrap tables map physical [0, this) in the direct map, registers from HAL_BOOT_MMIO on
 * uncached. */
#define HAL_BOOT_DIRECT 0x100000000
#define HAL_BOOT_MMIO   0xfe000000
