// SPDX-License-Identifier: MIT
//
// The command line: one session for each console. line.h edits a line; cmd_*.c have the commands,
// one file for each group.
#pragma once

#include <stdbool.h>

/**
 * @brief Start a session on each console, now and for those added later; the running thread serves
 *     the first one. Signals on the status channel that input is accepted.
 * @context{thread, may sleep}
 */
_Noreturn void shell_main(void);

/** @brief True if the kernel itself, not a module, has a command of this name. @context{any} */
bool shell_is_own_command(const char *name);

/** @brief Parse a line and run it: commands, programs, pipelines; prints errors. @context{thread,
 *     may sleep} */
void shell_execute(const char *line);
