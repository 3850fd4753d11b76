// SPDX-License-Identifier: MIT
//
// The early console: polled output from the first instructions, before memory, drivers and
// interrupts, and again during a panic. Its address is the one address a machine may hard-code.
#pragma once

#include <stddef.h>

/**
 * What a machine writes first if firmware used the console before: a soft reset of the terminal
 * (DECSTR, VT510 manual), which undoes colours, modes and regions that firmware left. Firmware
 * itself does not send it, so scripts/run takes what precedes it for the firmware's.
 */
#define CONSOLE_TAKEN "\033[!p"

/** @brief Write bytes, polling; a newline is sent as CR LF. @context{any, panic included} */
void hal_early_write(const char *s, size_t len);
