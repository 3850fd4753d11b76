// SPDX-License-Identifier: MIT
//
// The early console: polled output from the first instructions, before memory, drivers and
// interrupts, and again during a panic. Its address is the one address a machine may hard-code.
#pragma once

#include <stddef.h>

/** @brief Write bytes, polling; a newline is sent as CR LF. @context{any, panic included} */
void hal_early_write(const char *s, size_t len);
