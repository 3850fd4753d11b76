// SPDX-License-Identifier: MIT
//
// Shared by console.c (output) and console_input.c.
#pragma once

#include "kernel/tty/console.h"

/** The terminal of the running thread; NULL: the system's. */
struct console *console_of_thread(void);

/** Initialise the input side. @pre the console is not published yet */
void console_input_init(struct console *c);
