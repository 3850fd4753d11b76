// SPDX-License-Identifier: MIT
//
// Ending the machine, and reporting the result of the run to the program that started it.
#pragma once

#include "hal/types.h"

/** The kind of a record; the first of two bytes on the status channel, which scripts/run reads. */
enum exit_kind {
    EXIT_STATUS = 'E', /**< a program or test run ended with the status in the second byte */
    EXIT_PANIC = 'P',
    EXIT_FAULT = 'F',   /**< a program faulted or was killed */
    EXIT_REFUSED = 'R', /**< a program was not found or the loader refused it */
    EXIT_REBOOT = 'B',
    EXIT_OFF = 'O',
    /** not an end: from here on console input is read, by the shell or a program. The second byte
     * is 1 if it is read in frames (kernel/tty/console.h), otherwise 0. */
    EXIT_READY = 'S',
    /** not an end: firmware has ended and the kernel's first instructions are running. Earlier
     * complaints of QEMU may be about the firmware. On machines with firmware, the entry assembly
     * writes this itself, with a second byte 0. */
    EXIT_ENTERED = 'K',
};

/**
 * @brief Write one record to the status channel, if the machine has one (isa-debugcon,
 * semihosting).
 * @param status  0 to 255.
 * @context{any, panic included}
 */
void hal_exit_record(enum exit_kind kind, uint8_t status);

/** How to power off and reset a machine: ACPI, PSCI. */
struct power_ops {
    const char *name;
    /** Both return only if they failed. */
    void (*off)(void);
    void (*reset)(void);
};

/** @brief Install the machine's power control, once, from platform.c. */
void machine_power_install(const struct power_ops *ops);

/**
 * @brief The installed power control, for the machine's hal_power_off(). NULL: none yet.
 * @context{any}
 */
const struct power_ops *machine_power(void);

/**
 * @brief End the run: through the debug-exit device if there is one, else power off, else halt. The
 * records written before give the reason.
 * @context{any, panic included}
 */
_Noreturn void hal_power_off(void);

/** @brief Reset the machine, or halt if that fails. @context{any, panic included} */
_Noreturn void hal_power_reset(void);
