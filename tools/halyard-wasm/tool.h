// SPDX-License-Identifier: MIT
//
// The parts of halyard-wasm.
#pragma once

#include "tools/halyard-wasm/engines.h"

#include <stdbool.h>

#define TOOL_TRAPPED 119
#define TOOL_REFUSED 125
#define TOOL_ENDED   (-1) /* the program called exit: WASI has the status */

#define TOOL_ENV_MAX     64
#define TOOL_FOLDERS_MAX 64

enum tool_action { TOOL_RUN, TOOL_VALIDATE, TOOL_DUMP };

/** A folder that the program may access. */
struct tool_folder {
    const char *path, *name; /* the path here; the path for the program */
};

struct tool {
    enum tool_action action;
    const char *engine;   /* a name of engines.h */
    const char *function; /* the function to dump or to call, or NULL */
    bool shows_times;
    int argc; /* arguments of the program */
    char **argv;
    const char *env[TOOL_ENV_MAX]; /* "NAME=VALUE" */
    uint32_t env_count;
    struct tool_folder folders[TOOL_FOLDERS_MAX];
    uint32_t folder_count;
    struct wasm_bytes file;
};

/** @brief Read the file. @return false: failed, and the reason is printed. */
bool tool_read(struct tool *t);

/** @brief Decode the file; an error is printed to standard error. @return NULL: refused. */
struct wasm_module *tool_decode(const struct tool *t);

/** @brief Print the reason for refusing the file. @return TOOL_REFUSED. */
int tool_refuse(const struct tool *t, enum status s, const struct wasm_error *err);

/** @return exit status of the process. */
int tool_validate(const struct tool *t);
int tool_dump(const struct tool *t);
int tool_run(const struct tool *t);
