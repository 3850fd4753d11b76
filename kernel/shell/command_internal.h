// SPDX-License-Identifier: MIT
//
// Tables of shell commands. They end with a NULL name and are listed in commands.c.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"
#include "kernel/module/shell_command.h"

#include <stddef.h>

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

/** @brief Directory to which the running command's relative paths refer. @context{thread} */
const char *shell_cwd(void);
#define SHELL_CWD shell_cwd()

/** @brief Print to the command's error output, which is the terminal unless 2> redirects it, and
 *     make its exit status 1. @context{thread, may sleep} */
void shell_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** @brief Set the running command's exit status, 0 to 255; it is 0 unless this or shell_error() is
 *     called. @context{thread} */
void shell_set_status(int status);

/** @brief Read the command's input: a pipe, a file, or the terminal. @param done 0: the end.
 * @return OK; as file_read(). @context{thread, may sleep} */
enum status shell_read(void *buf, size_t len, size_t *done);
