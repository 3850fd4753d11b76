// SPDX-License-Identifier: MIT
//
// A command of the shell. The kernel's own ones are in kernel/shell/; modules add others
// (additions.h).
#pragma once

#include <stdbool.h>

struct shell_command {
    const char *name;
    const char *usage; /* arguments: "[GLOB]", or "" */
    const char *help;  /* one line */
    /** argv[0] is the command's name. false: invalid arguments; the usage is printed.
     * @context{thread, may sleep} */
    bool (*run)(int argc, char **argv);
};
