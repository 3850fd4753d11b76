// SPDX-License-Identifier: MIT
//
// The status channel and ending the run. Works before the MMU is on, with the facts known at that
// time.
//
// QEMU with -semihosting-config enable=on,chardev=ID: SYS_WRITEC writes to that chardev,
// SYS_EXIT_EXTENDED ends the process. PSCI SYSTEM_OFF always ends it with status 0, so it is only
// the second choice.
#include "arch/aarch64/power.h"

#include "hal/cpu.h"

#define SYS_WRITEC        0x03
#define SYS_EXIT_EXTENDED 0x20
#define STOPPED_EXIT      0x20026 /* ADP_Stopped_ApplicationExit */

#define PSCI_SYSTEM_OFF   0x84000008
#define PSCI_SYSTEM_RESET 0x84000009
#define PSCI_CPU_ON       0xc4000003 /* with 64-bit arguments */

/* Return values: Power State Coordination Interface (DEN0022) 5.2.2. */
#define PSCI_SUCCESS       0
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID       (-2)
#define PSCI_ALREADY_ON    (-4)
#define PSCI_ON_PENDING    (-5)

static bool has_no_semihosting; /* determined by the first call */
static enum boot_psci psci_conduit;
static uint8_t last_status; /* of the last record */

void power_use_psci(enum boot_psci conduit)
{
    psci_conduit = conduit;
}

void power_no_semihosting(void)
{
    has_no_semihosting = true;
}

static void semihosting(uintptr_t operation, const void *argument)
{
    if (!has_no_semihosting) {
        power_semihosting(operation, argument);
    }
}

void hal_exit_record(enum exit_kind kind, uint8_t status)
{
    const char bytes[2] = {(char)kind, (char)status};
    last_status = status;
    semihosting(SYS_WRITEC, &bytes[0]);
    semihosting(SYS_WRITEC, &bytes[1]);
}

static int64_t call_psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    switch (psci_conduit) {
    case BOOT_PSCI_HVC:
        return power_psci_hvc(function, a, b, c);
    case BOOT_PSCI_SMC:
        return power_psci_smc(function, a, b, c);
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

void power_psci_off(void)
{
    call_psci(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void power_psci_reset(void)
{
    call_psci(PSCI_SYSTEM_RESET, 0, 0, 0);
}

enum status power_psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context)
{
    switch (call_psci(PSCI_CPU_ON, mpidr, entry, context)) {
    case PSCI_SUCCESS:
        return OK;
    case PSCI_NOT_SUPPORTED:
        return E_NOTSUP;
    case PSCI_INVALID:
        return E_INVAL;
    case PSCI_ALREADY_ON:
    case PSCI_ON_PENDING:
        return E_BUSY;
    default:
        return E_IO;
    }
}

/* PSCI is the only power control of this machine. It is called directly, because code that stops
 * before platform.c has run cannot use the installed table. */
void hal_power_off(void)
{
    const uint64_t block[2] = {STOPPED_EXIT, last_status};
    semihosting(SYS_EXIT_EXTENDED, block);
    power_psci_off();
    hal_cpu_halt();
}

void hal_power_reset(void)
{
    power_psci_reset();
    hal_cpu_halt();
}
