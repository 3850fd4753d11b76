// SPDX-License-Identifier: MIT
//
// Ending this machine: through semihosting if QEMU offers it, otherwise through PSCI, with the
// conduit that the device tree specifies.
#pragma once

#include "hal/bootinfo.h"
#include "hal/power.h"
#include "kernel/lib/status.h"

#include <stdint.h>

/** Set the instruction that calls PSCI. Before this there is no PSCI. @context{early} */
void power_use_psci(enum boot_psci conduit);

/** @brief Ask firmware to power off or reset; returns if it fails. @context{any, panic included} */
void power_psci_off(void);
void power_psci_reset(void);

/**
 * @brief Let firmware start a CPU.
 * @param mpidr Its affinity bits.
 * @param entry Physical address of its first instruction; MMU off, at EL2 if it exists, otherwise
 * at EL1.
 * @param context  Value of x0 at entry.
 * @return OK; E_NOTSUP: no PSCI, or one that cannot start CPUs; E_INVAL: there is no such CPU;
 * E_BUSY: it is running, or being started; E_IO: refused.
 * @context{thread}
 */
enum status power_psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context);

/**
 * The semihosting call trapped, so semihosting is not available. Called by trap.c, which skips the
 * instruction.
 * @context{fault}
 */
void power_no_semihosting(void);

/* Defined in psci.S. */
void power_semihosting(uintptr_t operation, const void *argument);
extern char power_semihosting_insn[]; /* the instruction that traps if there is no semihosting */
int64_t power_psci_hvc(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
int64_t power_psci_smc(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
