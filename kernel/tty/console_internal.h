// SPDX-License-Identifier: MIT
//
// Shared by console.c (output), console_input.c (the ring of input) and console_read.c.
#pragma once

#include "kernel/tty/console.h"

/** The terminal of the running thread; NULL: the system's. */
struct console *console_of_thread(void);

/** Initialise the input side. @pre the console is not published yet */
void console_input_init(struct console *c);

/** The jobs in the foreground of a console; NULL: of the system's terminal. */
struct foreground *console_front(struct console *c);

/** The reading side of a console; NULL: of the system's terminal. */
struct tty *console_tty(struct console *c);

/** Take up to `len` bytes from the ring; NULL: from that of any console.
 * @param is_data Only from consoles whose input is framed; otherwise only from the others. */
size_t console_take(struct console *c, bool is_data, uint8_t *buf, size_t len);

/** True if console_take() would return bytes. @param is_data_only With `is_data`; otherwise with or
 * without it. */
bool console_has_input(struct console *c, bool is_data_only);

/** True if no byte will follow those that were taken; NULL: of any console. */
bool console_is_at_end(struct console *c);

/** Sleep until there are bytes in the ring, a line, or the end. @param end As console_read_for()'s;
 * NULL: none. @return OK, E_TIMEDOUT, E_CANCELLED. */
enum status console_await_input(struct console *c, const _Atomic bool *end, uint64_t deadline_ns);

/** Wake the threads in console_await_input(). */
void console_wake_readers(struct console *c);
