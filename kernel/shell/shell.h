// SPDX-License-Identifier: MIT
//
// The console's command line. Editing a line is line.h's, the commands are in cmd_*.c, one file a
// group.
#pragma once

/**
 * @brief Read commands and run them, for ever. Tells the status channel when it is ready for input.
 * @context{thread, may sleep}
 */
_Noreturn void shell_main(void);
