// SPDX-License-Identifier: MIT
//
// What the files of this machine share about the CPU: its descriptor tables, and what CPUID said.
#pragma once

#include "hal/bootinfo.h"
#include "hal/cpu.h"

/** Features that the kernel uses if they are there. */
struct cpu_features {
    bool xsave, smep, smap, umip, hypervisor, mce, rdrand, rdseed, fsgsbase, cet;
};

/** The boot CPU's data; in .data, so it is valid before .bss is zeroed. */
extern struct hal_cpu boot_cpu;

/** @brief Load GDT, TSS with its interrupt stacks, and IDT of this CPU; vectors are live after.
 * @pre GS points at cpu, whose ist_base and stack_base are set. Called by entry.S and ap.S. */
void cpu_load_tables(struct hal_cpu *cpu);

/** @brief Switch on what the CPU has: SMEP, SMAP, UMIP, FP state, machine checks, PAT.
 * @context{early} */
void cpu_init_features(void);

/** @brief What cpu_init_features() found. @context{any} */
const struct cpu_features *cpu_features(void);

/** @brief True if `address` lies in one of this CPU's interrupt stacks or their guards.
 * @context{any} */
bool cpu_in_ist(uintptr_t address);

/** @brief Lowest and one past the highest byte of the interrupt stack IST n of this CPU. */
void cpu_ist_bounds(unsigned ist, uintptr_t *lo, uintptr_t *hi);

/**
 * @brief Set memory aside that other CPUs can begin in: below 1 MiB, where real mode reaches.
 * Without it hal_cpu_start() says E_NOMEM.
 * @context{early, the memory map is complete}
 */
void ap_choose_memory(struct boot_info *info);
