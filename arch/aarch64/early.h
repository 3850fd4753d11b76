// SPDX-License-Identifier: MIT
//
// Between entry.S and early.c.
#pragma once

#include "hal_arch/offsets.h"
#include "kernel/lib/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What mmu_enable needs; register values, and addresses as they are once the MMU is on. */
struct early_switch {
    uint64_t ttbr0, ttbr1, tcr, mair, sctlr;
    uint64_t dirty_start, dirty_end; /* physical: written while the caches were off */
    uint64_t vectors, cpu, stack_top, target;
};

STATIC_ASSERT(offsetof(struct early_switch, ttbr0) == SWITCH_TTBR0, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, tcr) == SWITCH_TCR, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, sctlr) == SWITCH_SCTLR, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, dirty_start) == SWITCH_DIRTY, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, vectors) == SWITCH_VECTORS, "entry.S");
STATIC_ASSERT(offsetof(struct early_switch, stack_top) == SWITCH_STACK, "entry.S");

/**
 * @brief First C function, MMU off, at physical addresses: from what firmware says to proven
 * page tables.
 * @param facts    Physical address of the device tree, as the loader says, or of a struct
 * boot_efi.
 * @param level    Exception level at entry.
 * @param head     Physical address of the image.
 * @param counter  The counter at entry.
 * @param is_efi   Which of both `facts` is.
 * @return What mmu_enable needs to go on in early_high().
 */
const struct early_switch *early_main(uint64_t facts, unsigned level, uintptr_t head,
                                      uint64_t counter, bool is_efi);

/** @brief First instruction at link addresses: entry.S; and that of other CPUs than the boot CPU.
 */
_Noreturn void enter_high(void);
_Noreturn void enter_high_cpu(void);

/** Where other CPUs begin, at its physical address; x0 is that of a struct early_switch. */
void entry_cpu(void);
/** @brief First C function at link addresses. */
_Noreturn void early_high(void);

/* Ends that entry.S and vectors.S reach with the MMU off. */
_Noreturn void early_refuse_el3(void);
_Noreturn void early_el2_vectors_failed(void);
_Noreturn void early_el2_report(uint64_t number, uint64_t esr, uint64_t elr, uint64_t far);
