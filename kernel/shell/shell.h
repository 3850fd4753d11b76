// SPDX-License-Identifier: MIT
//
// The command line: a session a console. Editing a line is line.h's, the commands are in cmd_*.c,
// one file a group.
#pragma once

/**
 * @brief Start a session on each console and on each that comes later; the running thread
 * serves the first.
 * Tells the status channel that input is welcome.
 * @context{thread, may sleep}
 */
_Noreturn void shell_main(void);

/** @brief Take a line apart and run it: commands and programs, alone or behind each other; what is
 * wrong with it is printed. @context{thread, may sleep} */
void shell_execute(const char *line);
