// SPDX-License-Identifier: MIT
//
// What console.c (output) and console_input.c share.
#pragma once

#include "kernel/tty/console.h"

/** The terminal of the running thread; NULL: the system's. */
struct console *console_of_thread(void);

/** Make room for input and let the device send. @pre nobody else knows the console yet. */
void console_input_init(struct console *c);
