// SPDX-License-Identifier: MIT
//
// How halyard-cil runs a unit.
#pragma once

#include "kernel/cil/run/natives.h"
#include "kernel/cil/run/unit_code.h"
#include "tools/halyard-cil/tool.h"

/** This computer, as programs see it. system.c */
extern const struct cil_system engine_system;

/** @brief Print what ended a thread of compiled code. @return the program's exit status. engine.c
 * */
int engine_report(const struct cil_runtime *r, const struct cil_stop *stop);

/** @brief True if machine code can be made in a way of this name, for tool.way. engine.c */
bool engine_has_way(const char *name);

/** @brief The files of the current directory as those of /, for a program with these arguments and
 * no environment. @return NULL: no memory. wasi_destroy() frees it. system.c */
struct wasi *engine_files(const char *const *args, uint32_t count);

/** The words of a command line, for Main. */
struct engine_words {
    const char *const *words;
    uint32_t count;
};

/**
 * @brief Verify the representation of a unit's methods, and call method 0.
 * @param t Says how. Machine code runs on a thread of host_run().
 * @param args One for each parameter. @param words Instead of args, if method 0 is Main; or NULL.
 * @param result Written only if it returns a value.
 * @return 0, TOOL_TRAPPED or TOOL_REFUSED; what went wrong is printed, unless it is recorded in the
 * domain. If the program ended itself, its exit status.
 */
int engine_run(struct cil_unit *u, const struct tool *t, const struct ir_bits *args,
               const struct engine_words *words, struct ir_bits *result);
