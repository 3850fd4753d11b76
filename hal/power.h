// SPDX-License-Identifier: MIT
//
// Ending the machine, and telling whoever started it how the run went.
#pragma once

#include "hal/types.h"

/** Why the run ended or what was reached; the first of two bytes on the status channel (scripts/run
 * reads it). */
enum exit_kind {
    EXIT_STATUS = 'E', /**< a program or test run ended with the status beside it */
    EXIT_PANIC = 'P',
    EXIT_FAULT = 'F',   /**< a program faulted or was killed */
    EXIT_REFUSED = 'R', /**< a program was not found or the loader refused it */
    EXIT_REBOOT = 'B',
    EXIT_OFF = 'O',
    EXIT_READY =
        'S', /**< not an end: console input is read from here on, by the shell or a program */
    EXIT_ENTERED = 'K', /**< not an end: firmware is done, the kernel's first instructions run.
                           QEMU's complaints before it may be the firmware's. Where firmware runs,
                           the entry assembly writes it by itself, with a second byte 0. */
};

/**
 * @brief Write one record to the status channel, if the machine has one (isa-debugcon,
 * semihosting).
 * @param status  0 to 255.
 * @context{any, panic included}
 */
void hal_exit_record(enum exit_kind kind, uint8_t status);

/** How a machine is switched off and reset: ACPI, PSCI. */
struct power_ops {
    const char *name;
    /** Both return only if the machine did not obey. */
    void (*off)(void);
    void (*reset)(void);
};

/** @brief Install the machine's power control, once, from platform.c. */
void hal_power_install(const struct power_ops *ops);

/** @brief The installed power control, or NULL: none yet. The machine's hal_power_off() asks.
 * @context{any} */
const struct power_ops *hal_power(void);

/**
 * @brief End the run: through the debug-exit device if there is one, else power off, else halt.
 *        The records written before say why.
 * @context{any, panic included}
 */
_Noreturn void hal_power_off(void);

/** @brief Reset the machine, or halt if it does not obey. @context{any, panic included} */
_Noreturn void hal_power_reset(void);
