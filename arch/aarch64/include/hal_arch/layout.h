// SPDX-License-Identifier: MIT
//
// The numbers of this machine's address map (48-bit addresses, TTBR1
// half). hal_layout in layout.c is made from them. They are written
// nowhere else except in the linker script, which checks its own.
#pragma once

/* All RAM at one offset. */
#define HAL_DIRECT_BASE 0xffff000000000000
#define HAL_DIRECT_SIZE 0x0000400000000000 /* 64 TiB */

/* Where the image is linked. Text, rodata, data and loaded code are within one branch's reach. */
#define HAL_IMAGE_BASE 0xffffffff80000000
#define HAL_IMAGE_SIZE 0x0000000001000000 /* 16 MiB */

/* Where the image is moved to at boot, and loaded code with it: one of this many multiples of the
 * step from the base. The step equals the alignment of kernel stacks. */
#define HAL_SLIDE_BASE  0xffffff8000000000
#define HAL_SLIDE_STEP  0x10000
#define HAL_SLIDE_COUNT 0x400000

/* Offsets from the image's base. The early console's registers: the last page of the image region
 * but one; the image ends before it. */
#define HAL_CONSOLE_PAGE_OFFSET 0xffe000

/* Likewise, the address at which a table can be accessed
 * while the direct map has a hole: see mmu.c. */
#define HAL_WINDOW_PAGE_OFFSET 0xffc000
