// SPDX-License-Identifier: MIT
//
// Tables of shell commands. They end with a NULL name and are listed in commands.c.
#pragma once

#include "kernel/module/shell_command.h"

extern const struct shell_command shell_system_commands[];
extern const struct shell_command shell_memory_commands[];
extern const struct shell_command shell_device_commands[];
extern const struct shell_command shell_module_commands[];
extern const struct shell_command shell_file_commands[];
extern const struct shell_command shell_run_commands[];
extern const struct shell_command shell_jit_commands[];
extern const struct shell_command shell_profile_commands[];
extern const struct shell_command shell_trace_commands[];
extern const struct shell_command shell_irq_commands[];

/** @brief The command of that name, or NULL. */
const struct shell_command *shell_find_command(const char *name);

/** @brief The i-th command in all tables, then those of modules, or NULL past the end. */
const struct shell_command *shell_command_at(unsigned i);

/** @brief A paragraph about the command with an example, for `help`; NULL if there is none. */
const char *shell_manual(const char *command);

struct pipeline; /* kernel/shell/pipeline.h */
/** @brief Run a command line, and report programs that did not end successfully. */
void shell_run_pipeline(struct pipeline *p);

/** @brief Run a shell command. @pre argv[0] is one. */
void shell_run_command(int argc, char **argv);

/** Directory to which relative paths refer. */
#define SHELL_CWD "/"
