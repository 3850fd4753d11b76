// SPDX-License-Identifier: MIT
//
// What a command is. Tables of them end with a NULL name and are listed in commands.c.
#pragma once

#include <stdbool.h>

struct shell_command {
    const char *name;
    const char *usage; /* arguments: "[GLOB]", or "" */
    const char *help;  /* one line */
    /** argv[0] is the name. false: bad arguments, the usage is printed. */
    bool (*run)(int argc, char **argv);
};

extern const struct shell_command shell_system_commands[];
extern const struct shell_command shell_memory_commands[];
extern const struct shell_command shell_device_commands[];
extern const struct shell_command shell_module_commands[];
extern const struct shell_command shell_file_commands[];
extern const struct shell_command shell_run_commands[];

/** @brief The command of that name, or NULL. */
const struct shell_command *shell_find_command(const char *name);

/** @brief The i-th command over all tables, or NULL past the end. */
const struct shell_command *shell_command_at(unsigned i);

/** @brief A paragraph on the command and an example, for `help`; NULL if there is none. */
const char *shell_manual(const char *command);

/** @brief Split a line and run it: a command, or a path of a program. Changes the line. */
void shell_execute(char *line);

/** @brief Run a program and say how it ended if it was not well. */
void shell_run_program(int argc, char **argv);

/** Directory that relative paths start from. */
#define SHELL_CWD "/"
