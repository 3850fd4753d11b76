// SPDX-License-Identifier: MIT
//
// Ending this machine: semihosting if QEMU offers it, PSCI by the conduit that the device tree
// names.
#pragma once

#include "hal/bootinfo.h"
#include "hal/power.h"
#include "kernel/lib/status.h"

#include <stdint.h>

/** Which instruction reaches PSCI; before it is called there is no PSCI. @context{early} */
void power_use_psci(enum boot_psci conduit);

/** @brief Ask firmware; both return if it does not obey. @context{any, panic included} */
void power_psci_off(void);
void power_psci_reset(void);

/**
 * @brief Have firmware start a CPU.
 * @param mpidr    Its affinity bits.
 * @param entry    Physical: where it begins, MMU off, at EL2 if there is one, else at EL1.
 * @param context  What is in x0 then.
 * @return OK; E_NOTSUP: no PSCI, or one that starts no CPUs; E_INVAL: it knows no such CPU; E_BUSY:
 * it runs, or is being started; E_IO: refused.
 * @context{thread}
 */
enum status power_psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context);

/** The semihosting call trapped: nobody answers it. Called by trap.c, which steps over it.
 * @context{fault} */
void power_no_semihosting(void);

/* Defined in psci.S. */
void power_semihosting(uintptr_t operation, const void *argument);
extern char power_semihosting_insn[]; /* the instruction that traps if there is no semihosting */
int64_t power_psci_hvc(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
int64_t power_psci_smc(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
