// SPDX-License-Identifier: MIT
//
// The keyboard controller of PCs (8042) and its keyboard. Its mouse port is switched off.
#pragma once

#include "kernel/lib/status.h"

#include <stdint.h>

/**
 * @brief Set up the controller and pass its keys to kernel/tty/keyboard.h. Takes a few milliseconds
 * at most if it does not answer.
 * @param line  Interrupt line of ISA's IRQ 1.
 * @return OK; E_NODEV: there is no controller; E_IO: its self-test fails, or an answer is not
 * valid; E_TIMEDOUT: it does not answer; the errors of irq_request().
 * @context{thread, once}
 */
enum status ps2_init(uint32_t line);
