// SPDX-License-Identifier: MIT
//
// Shared by entry.S and early.c.
#pragma once

#include "hal_arch/offsets.h"
#include "kernel/lib/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Input of mmu_enable: register values, and addresses that are valid once the MMU is on. */
struct early_switch {
    uint64_t ttbr0, ttbr1, tcr, mair, sctlr;
    uint64_t dirty_start, dirty_end; /* physical: range written while the caches were off */
    uint64_t vectors, cpu, stack_top, target;
};

STATIC_ASSERT(offsetof(struct early_switch, ttbr0) == SWITCH_TTBR0, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, tcr) == SWITCH_TCR, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, sctlr) == SWITCH_SCTLR, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, dirty_start) == SWITCH_DIRTY, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, vectors) == SWITCH_VECTORS, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, stack_top) == SWITCH_STACK, "entry.S");

/**
 * @brief First C function, with the MMU off, at physical addresses. Reads the firmware's data and
 * builds proven page tables.
 * @param facts Physical address of the device tree, as the loader passes it, or of a struct
 * boot_efi.
 * @param level Exception level at entry.
 * @param head Physical address of the image.
 * @param counter  The counter at entry.
 * @param is_efi Whether `facts` is a struct boot_efi.
 * @return What mmu_enable needs to continue in early_high().
 */
const struct early_switch *early_main(uint64_t facts, unsigned level, uintptr_t head,
                                      uint64_t counter, bool is_efi);

/** @brief First instruction at link addresses, for the boot CPU and for other CPUs: entry.S. */
_Noreturn void enter_high(void);
_Noreturn void enter_high_cpu(void);

/** Entry of other CPUs, called at its physical address;
 * x0 is the address of a struct early_switch. */
void entry_cpu(void);
/** @brief First C function at link addresses. */
_Noreturn void early_high(void);

/* Places where entry.S and vectors.S stop with the MMU off. */
_Noreturn void early_refuse_el3(void);
_Noreturn void early_el2_vectors_failed(void);
_Noreturn void early_el2_report(uint64_t number, uint64_t esr, uint64_t elr, uint64_t far);
