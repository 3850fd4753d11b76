// SPDX-License-Identifier: MIT
//
// Where a shell command reads and writes. The command itself uses console_printf() for its output
// and shell_error() and the functions in command.h for its errors and its input.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/load/loader.h"
#include "kernel/tty/console.h"

struct file;
struct shell;

/** The input, output and errors of a shell command; each NULL: the terminal. */
struct command_io {
    struct console_sink sink; /* private: receives the output */
    struct shell *shell;      /* its variables and folder; NULL: none */
    struct file *files[LOAD_FILES];
    enum status written; /* the first error of the output; further output is lost */
    int status;          /* its exit status, 0 to 255 */
};

/** @brief Let the running thread's output and errors go to io->files, until io_leave().
 * @return what to pass to io_leave(). @context{thread} */
struct console_sink *io_enter(struct command_io *io);

/** @brief Undo io_enter(). An error of the output makes the status 1.
 * @context{thread, may sleep} */
void io_leave(struct command_io *io, struct console_sink *before);

/** @brief The running thread's command, or NULL. @context{thread} */
struct command_io *io_current(void);

/** @brief Print to the command's error output, which is the terminal unless 2> redirects it, and
 *     make its exit status 1. @context{thread, may sleep} */
void shell_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
