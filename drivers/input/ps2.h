// SPDX-License-Identifier: MIT
//
// The keyboard controller of PCs (8042) and the keyboard behind it. Its mouse is switched off.
#pragma once

#include "kernel/lib/status.h"

#include <stdint.h>

/**
 * @brief Set the controller up and pass its keys to kernel/tty/keyboard.h. Takes some milliseconds
 * at most where it does not answer.
 * @param line  Interrupt line of ISA's IRQ 1.
 * @return OK; E_NODEV: there is no controller; E_IO: it fails its own test, or answers nonsense;
 * E_TIMEDOUT: it does not answer; what irq_request() says.
 * @context{thread, once}
 */
enum status ps2_init(uint32_t line);
