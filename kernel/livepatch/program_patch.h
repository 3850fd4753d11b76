// SPDX-License-Identifier: MIT
//
// Patches of portable programs that are running: files with other bodies of their functions. A call
// of a replaced function runs the new code from then on; calls in flight end in the old code.
#pragma once

#include "kernel/load/loader.h"

#include <stdbool.h>
#include <stdint.h>

/** @brief Whether a name is that of a program's patch: its number, a colon, and the file's name
 * without suffix. @context{any} Pure. */
bool program_patch_is_named(const char *name);

/**
 * @brief Replace functions of a program by those of a file.
 * @param where The program's number; perhaps a colon and a pattern for names of functions, of which
 *     those are replaced that the file changes. If the patch is loaded and was undone, neither the
 *     file nor the pattern is read again.
 * @return As struct bytecode_patcher's make(); E_INVAL, E_NOENT: no such program; E_EXIST: it is
 *     applied; E_NOTSUP, E_BUSY: a function cannot be replaced, or not now. On failure nothing has
 *     changed, and err says why.
 * @context{thread, may sleep}
 */
enum status program_patch_load(const char *file, const char *where, struct loader_error *err);

/** @brief Undo a patch: its functions run as they would without it. @return OK; E_NOENT: no such
 *     patch is applied. @context{thread, may sleep} */
enum status program_patch_undo(const char *name, struct loader_error *err);

/** @brief The same, if it is applied, and free its code. @return OK; E_NOENT: no such patch is
 *     loaded; E_BUSY: a thread may be inside its code. @context{thread, may sleep} */
enum status program_patch_unload(const char *name, struct loader_error *err);

/** @brief Print a line for each patch of a program, those of one program oldest first.
 * @context{thread, may sleep} */
void program_patch_list(void);

/** @brief From now on record each call of functions of a program while tracing is on, until it ends
 *     or program_untrace_all() is called.
 * @param where  The program's number, a colon, a pattern for names of functions.
 * @return OK, also if they are traced already; errors as program_patch_load(); E_NOSPC: too many.
 * @context{thread, may sleep} */
enum status program_trace(const char *where, struct loader_error *err);

/** @brief End that everywhere. @context{thread, may sleep} */
void program_untrace_all(void);

/** @brief Call visit() with the event (program_trace.h) of each function that is traced now.
 * @context{thread, may sleep} */
void program_trace_visit(void (*visit)(uint32_t event));
