// SPDX-License-Identifier: MIT
//
// The map of the kernel's half of the address space: one table for each machine, printed by `mem
// map` and asserted by kernel/mm/layout.c. None of these numbers is written anywhere else.
#pragma once

#include "hal/types.h"

enum hal_region {
    HAL_REGION_USER, /**< lower half: nothing is mapped there; reserved for a future user mode */
    /** direct map: all RAM at one offset, which differs
     * from boot to boot; read-write, never executable */
    HAL_REGION_DIRECT,
    HAL_REGION_VM,      /**< stacks, heap, device registers: kernel/mm/vm.h allocates ranges */
    HAL_REGION_PROGRAM, /**< reservations of programs: at least 1 TiB */
    HAL_REGION_SHADOW,  /**< shadow memory of the address sanitizer */
    HAL_REGION_IMAGE,   /**< the kernel's own image, which is part of it or fills it */
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
    uint64_t code_reach; /* bytes: reach of a call instruction on this machine */
    const char *machine; /* its name, as `uname` prints it: "x86_64" */
};

/** The machine's table; const: complete at link time, and regions near the image move with it. */
extern const struct hal_layout hal_layout;

/** The region of the direct map, also as constants, for checking whether an address is inside. */
#include "hal_arch/layout.h" /* HAL_DIRECT_BASE, HAL_DIRECT_SIZE */

/** Where physical address 0 would be in that region: in the bootstrap tables the region's base,
 * later the value passed to hal_mmu_init(). [I] */
extern uint64_t hal_direct_base;

/** @brief Address of RAM at p in the direct map. p must be RAM, and not code memory.
 * @context{any} */
static inline void *hal_direct(paddr_t p)
{
    return (void *)(uintptr_t)(hal_direct_base + p.raw);
}

/**
 * @brief Physical address of v, which must be in the direct map (not the image, not a vm range).
 * @context{any}
 */
static inline paddr_t hal_direct_to_phys(const void *v)
{
    return paddr((uintptr_t)v - hal_direct_base);
}

/* The address of the link's HAL_IMAGE_BASE in this boot. Like all addresses of the image, it was
 * relocated before the first instruction in the kernel's half ran. */
extern char __image_base[];

/* The image's sections, from the linker script; all page aligned. */
extern char __image_start[], __image_end[];
extern char __text_start[], __text_end[];
extern char __rodata_start[], __rodata_end[];
extern char __data_start[], __data_end[];
extern char __bss_start[], __bss_end[];
extern char __boot_stack_guard[], __boot_stack_start[], __boot_stack_end[];
