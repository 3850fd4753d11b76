// SPDX-License-Identifier: MIT
//
// Tables of shell commands. They end with a NULL name and are listed in commands.c.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"
#include "kernel/module/shell_command.h"
#include "kernel/shell/io.h"

#include <stddef.h>

extern const struct shell_command shell_system_commands[];
extern const struct shell_command shell_module_commands[];
extern const struct shell_command shell_file_commands[];
extern const struct shell_command shell_mount_commands[];
extern const struct shell_command shell_run_commands[];
extern const struct shell_command shell_language_commands[];
extern const struct shell_command shell_job_commands[];

/** @brief The command of that name. The extension that has it is loaded first.
 * @return NULL: there is none, or the extension is missing, which shell_error() has said.
 * @context{thread, may sleep} */
const struct shell_command *shell_find_command(const char *name);

/** @brief True if there is a command of that name. Loads nothing. @context{thread} */
bool shell_is_command(const char *name);

/** @brief A command of an extension of this kernel (extension.h), which is loaded first.
 * @return NULL: it is missing or was refused, which shell_error() has said.
 * @context{thread, may sleep} */
const struct shell_command *shell_load_command(const char *file, const char *name);

typedef void (*shell_visit_fn)(void *ctx, const struct shell_command *c);

/** @brief Call visit() for each command, in the order of `help`.
 * @param loads Load the extensions that have commands. If false, or if one is missing, its commands
 *     have no more than a name. @context{thread, may sleep if `loads`} */
void shell_visit_commands(bool loads, shell_visit_fn visit, void *ctx);

/** @brief Print a paragraph about the command with an example, for `help`; nothing if the disk has
 * none. @context{thread, may sleep} */
void shell_print_manual(const char *command);

/** @brief The condition of `[` and `test`, as exit status. @return true. */
bool shell_condition(int argc, char **argv);

/** @brief Run a shell command. @pre shell_is_command(argv[0]). @context{thread, may sleep} */
void shell_run_command(int argc, char **argv);

/** @brief Directory to which the running command's relative paths refer. @context{thread} */
const char *shell_cwd(void);
#define SHELL_CWD shell_cwd()

/** @brief Set the running command's exit status, 0 to 255; it is 0 unless this or shell_error() is
 *     called. @context{thread} */
void shell_set_status(int status);

/** @brief Read the command's input: a pipe, a file, or the terminal. @param done 0: the end.
 * @return OK; as file_read(). @context{thread, may sleep} */
enum status shell_read(void *buf, size_t len, size_t *done);

/** @brief Run `ls`. */
bool shell_run_ls(int argc, char **argv);

/** @brief Print "COMMAND: WHAT: reason" as an error, in one write. `what` may contain any bytes;
 * shell_escape_name() prints it. @context{thread} */
void shell_complain(const char *command, const char *what, enum status s);
void shell_complain_text(const char *command, const char *what, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/** @brief Pass on a file's name as UTF-8, in pieces. Control characters and malformed sequences are
 * escaped: \\x1b. @context{as emit()} */
void shell_escape_name(const char *name, void (*emit)(void *ctx, const char *s, size_t len),
                       void *ctx);

/** @brief Print a file's name with shell_escape_name(). @context{thread} */
void shell_print_name(const char *name);

/** @brief The columns that shell_print_name() needs for it. @context{any} */
unsigned shell_name_columns(const char *name);

struct file;
/** @brief True if the running command's output goes to this file, or, if it is NULL, to the file
 *     that is the command's input. @context{thread, may sleep} */
bool shell_is_output(struct file *f);

/** @brief Whether the running command prints to a terminal, not to a file or pipe.
 * @context{thread} */
bool shell_output_is_terminal(void);

#define SHELL_DATE_MAX     20 /* "2024-01-31 23:59:59" and the zero */
#define SHELL_DATE_MINUTES 16 /* length without the seconds */

/** @brief Format seconds since 1970. @param out SHELL_DATE_MAX bytes. @context{any} Pure. */
void shell_format_date(uint64_t unix_s, char *out);

#define SHELL_SIZE_MAX 12 /* "1023.9 KiB" and the zero */

/** @brief Format a size with the unit that leaves at most four digits: "512 B", "3.4 MiB".
 * @param out SHELL_SIZE_MAX bytes. @context{any} Pure. */
void shell_format_size(uint64_t bytes, char *out);

/** @brief Print the usage, a summary and the manual of a command. @context{thread} */
void shell_print_help(const struct shell_command *c);
