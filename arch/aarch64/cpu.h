// SPDX-License-Identifier: MIT
//
// Facts about the CPU for this machine's own files; hal/cpu.h is for the rest of the kernel.
#pragma once

#include "hal/cpu.h"
#include "hal/types.h"
#include "hal_arch/offsets.h"

/** TPIDR_EL1 points to it from the first instructions on. */
extern struct hal_cpu boot_cpu;

/**
 * @brief Record how the kernel was entered.
 * @param level Exception level.
 * @param counter  The counter at that time.
 * @context{early}
 */
void cpu_note_entry(unsigned level, uint64_t counter);

/** @brief The counter that was passed to cpu_note_entry(). @context{any} */
uint64_t cpu_counter_at_entry(void);

/** @brief Width of a physical address that the tables can hold, 32 to 48 bits. @context{any} */
unsigned cpu_physical_bits(void);

/** @brief TCR_EL1.IPS for that width. @context{any} */
uint64_t cpu_physical_range_field(void);

/** @brief The CPU has PSTATE.PAN. @context{any} */
bool cpu_has_pan(void);

/** @brief The CPU checks where indirect branches land (FEAT_BTI). @context{any} */
bool cpu_has_bti(void);

/** @brief Memory has allocation tags (FEAT_MTE2). @context{any} */
bool cpu_has_mte(void);

/** @brief The CPU signs addresses (FEAT_PAuth, QARMA or its own algorithm). @context{any} */
bool cpu_has_pac(void);

/** @brief The CPU generates random numbers (RNDR). @context{any} */
bool cpu_has_rng(void);

/** @brief Set PSTATE.PAN = 1 if it exists: EL1 then cannot access memory that EL0 can.
 * @context{early} */
void cpu_enable_pan(void);

/** @brief Set a CPU's stacks for exceptions. @param top  End of the upper half of a mapped block of
 * HAL_STACK_ALIGN. */
static inline void cpu_set_exception_stacks(struct hal_cpu *cpu, uintptr_t top)
{
    cpu->arch.fiq_stack = top;
    cpu->arch.overflow_stack = top - FIQ_STACK_SIZE;
}

/** @brief Affinity bits of MPIDR_EL1: the CPU's name in the device tree. @context{any} */
uint64_t cpu_hardware_id(void);
