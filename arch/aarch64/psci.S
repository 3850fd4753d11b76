// SPDX-License-Identifier: MIT
//
// Instructions that call the environment of the machine: a debugger (semihosting), firmware (PSCI).
#include "arch/aarch64/asm.inc"

        .text

/*
 * void power_semihosting(uintptr_t operation, const void *argument)
 * Semihosting for AArch32 and AArch64, 2.2: HLT #0xF000. Without a debugger it is an undefined instruction;
 * trap_sync() then remembers that and skips it.
 */
FUNCTION power_semihosting
        .globl  power_semihosting_insn
power_semihosting_insn:
        hlt     #0xf000
        ret
END power_semihosting

/* int64_t power_psci_hvc(uint64_t function, uint64_t a, uint64_t b, uint64_t c): SMC Calling Convention (DEN0028). */
FUNCTION power_psci_hvc
        hvc     #0
        ret
END power_psci_hvc

FUNCTION power_psci_smc
        smc     #0
        ret
END power_psci_smc
