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
