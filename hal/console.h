// SPDX-License-Identifier: MIT
//
// The early console: polled output from the first instructions, before memory, drivers and
// interrupts, and again during a panic. Its address is the one address a machine may hard-code.
#pragma once

#include <stddef.h>

/** The first output of a machine whose firmware may have used the console: a
 * soft reset of the terminal (DECSTR, VT510 manual), which resets colours,
 * modes and regions that firmware may have set. Firmware does not send this
 * sequence itself, so scripts/run attributes all earlier output to firmware. */
#define CONSOLE_TAKEN "\033[!p"

/** @brief Write bytes, by polling; a newline is sent as CR LF. @context{any, panic included} */
void hal_early_write(const char *s, size_t len);
