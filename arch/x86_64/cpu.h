// SPDX-License-Identifier: MIT
//
// Shared by this machine's files: the CPU's descriptor tables and features.
#pragma once

#include "hal/bootinfo.h"
#include "hal/cpu.h"

/** Features that the kernel uses if they exist. */
struct cpu_features {
    bool xsave, smep, smap, umip, hypervisor, mce, rdrand, rdseed, fsgsbase, cet;
};

/** The boot CPU's data; the first variable of .bss. */
extern struct hal_cpu boot_cpu;

/**
 * @brief Load GDT, TSS with its interrupt stacks, and IDT of this CPU. Vectors are active
 * afterwards.
 * @pre GS points to cpu, whose ist_base and stack_base are set. Called by ap.S.
 */
void cpu_load_tables(struct hal_cpu *cpu);

/**
 * @brief Set up the boot CPU's data and load its tables, as cpu_load_tables().
 * @pre boot_cpu is zero and GS points to it; the rest of .bss need not be zero. Called by entry.S.
 */
void cpu_load_boot_tables(void);

/**
 * @brief Enable features that the CPU has: SMEP, SMAP, UMIP, FP state, machine checks, PAT.
 * @context{early}
 */
void cpu_init_features(void);

/** @brief The features found by cpu_init_features(). @context{any} */
const struct cpu_features *cpu_features(void);

/**
 * @brief Whether `address` is in one of this CPU's interrupt stacks or their guards.
 * @context{any}
 */
bool cpu_in_ist(uintptr_t address);

/** @brief Lowest byte and end of the interrupt stack IST n of this CPU. */
void cpu_ist_bounds(unsigned ist, uintptr_t *lo, uintptr_t *hi);

/**
 * @brief Reserve memory where other CPUs can start: below 1 MiB, where real mode can address it.
 * Without it hal_cpu_start() returns E_NOMEM.
 * @context{early, the memory map is complete}
 */
void ap_choose_memory(struct boot_info *info);
