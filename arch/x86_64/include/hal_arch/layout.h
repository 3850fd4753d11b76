// SPDX-License-Identifier: MIT
//
// The numbers of this machine's address map, also for assembly.
// hal_layout in layout.c is made from them. They are written nowhere
// else except in the linker script, which checks its own against them.
#pragma once

/* All RAM at one offset. */
#define HAL_DIRECT_BASE 0xffff888000000000
#define HAL_DIRECT_SIZE 0x0000400000000000 /* 64 TiB */

/* The image: linked at virtual address = physical address + HAL_IMAGE_BASE, and moved up at boot by
 * one of HAL_SLIDE_COUNT multiples of HAL_SLIDE_STEP. The step equals the alignment of kernel
 * stacks, and does not change the low 16 bits of the vectors' addresses in the gates of the
 * interrupt table. */
#define HAL_IMAGE_BASE  0xffffffff80000000
#define HAL_IMAGE_MAX   0x0000000004000000 /* 64 MiB, of the image itself */
#define HAL_SLIDE_STEP  0x10000
#define HAL_SLIDE_COUNT 0x4000
#define HAL_IMAGE_SIZE  (HAL_SLIDE_STEP * HAL_SLIDE_COUNT + HAL_IMAGE_MAX)

/* After the image comes loaded code, up to the last 2 MiB: those are left unused, because small
 * negative numbers should not be valid addresses. */
#define HAL_CODE_SIZE (0x7fe00000 - HAL_IMAGE_SIZE)

/*
 * Physical addresses. .boot, which is needed only on the way to 64-bit mode (code and tables),
 * comes first and is linked at its physical address. In the image's half, the addresses of its
 * frames are the guard below the boot stack, so the guard costs no memory. The frames are free once
 * the final tables are in use.
 */
#define HAL_BOOT_PHYS  0x200000
#define HAL_STACK_PHYS 0x248000 /* upper half of a 64 KiB block, like every kernel stack */
#define HAL_TEXT_PHYS  0x250000

/* The bootstrap tables map physical memory from 0 up to this in the direct map, with registers from
 * HAL_BOOT_MMIO on uncached. */
#define HAL_BOOT_DIRECT 0x100000000
#define HAL_BOOT_MMIO   0xfe000000
