// SPDX-License-Identifier: MIT
//
// The map of the kernel's half of the address space: one table a machine, printed by `mem map` and
// asserted by kernel/mm/layout.c. Nobody writes one of these numbers a second time.
#pragma once

#include "hal/types.h"

enum hal_region {
    HAL_REGION_USER,    /**< lower half: nothing is mapped there; left to a later user mode */
    HAL_REGION_DIRECT,  /**< direct map: all RAM at one offset, which differs from boot to
                         * boot; read-write, never executable */
    HAL_REGION_VM,      /**< stacks, heap, device registers: kernel/mm/vm.h hands out ranges */
    HAL_REGION_PROGRAM, /**< reservations of programs: at least 1 TiB */
    HAL_REGION_SHADOW,  /**< shadow memory of the address sanitizer */
    HAL_REGION_IMAGE,   /**< the kernel's own image, somewhere in it or all of it */
    HAL_REGION_CODE,    /**< loaded and compiled code, within branch reach of the image's text */
    HAL_REGION_COUNT,
};

struct hal_region_range {
    const char *name;
    vaddr_t base;
    uint64_t size; /* bytes; base + size - 1 does not wrap */
};

struct hal_layout {
    struct hal_region_range region[HAL_REGION_COUNT];
    uint64_t code_reach; /* bytes: farthest that a call instruction reaches on this machine */
};

/** The machine's table; const: complete at link time, and what lies near the image is moved with
 * it. */
extern const struct hal_layout hal_layout;

/** The region of the direct map also as constants, for what asks whether an address is in it. */
#include "hal_arch/layout.h" /* HAL_DIRECT_BASE, HAL_DIRECT_SIZE */

/** Where in that region physical address 0 would be: the region's base in the bootstrap tables,
 * what hal_mmu_init() was told from then on. [I] */
extern uint64_t hal_direct_base;

/** @brief Address of RAM at p in the direct map. p must be RAM, and not code memory. @context{any}
 */
static inline void *hal_direct(paddr_t p)
{
    return (void *)(uintptr_t)(hal_direct_base + p.raw);
}

/** @brief Physical address of v, which must lie in the direct map (not the image, not a vm range).
 * @context{any} */
static inline paddr_t hal_direct_to_phys(const void *v)
{
    return paddr((uintptr_t)v - hal_direct_base);
}

/* Where HAL_IMAGE_BASE of the link is in this boot: as all addresses of the image, it was moved
 * before the first instruction in the kernel's half ran. */
extern char __image_base[];

/* The image's sections, from the linker script; all page aligned. */
extern char __image_start[], __image_end[];
extern char __text_start[], __text_end[];
extern char __rodata_start[], __rodata_end[];
extern char __data_start[], __data_end[];
extern char __bss_start[], __bss_end[];
extern char __boot_stack_guard[], __boot_stack_start[], __boot_stack_end[];
