// SPDX-License-Identifier: MIT
//
// Ending this machine: semihosting if QEMU offers it, PSCI by the conduit that the device tree
// names.
#pragma once

#include "hal/bootinfo.h"
#include "hal/power.h"

#include <stdint.h>

/** Which instruction reaches PSCI; before it is called there is no PSCI. @context{early} */
void power_use_psci(enum boot_psci conduit);

/** @brief Ask firmware; both return if it does not obey. @context{any, panic included} */
void power_psci_off(void);
void power_psci_reset(void);

/** The semihosting call trapped: nobody answers it. Called by trap.c, which steps over it.
 * @context{fault} */
void power_no_semihosting(void);

/* Defined in psci.S. */
void power_semihosting(uintptr_t operation, const void *argument);
extern char power_semihosting_insn[]; /* the instruction that traps if there is no semihosting */
int64_t power_psci_hvc(uint64_t function);
int64_t power_psci_smc(uint64_t function);
