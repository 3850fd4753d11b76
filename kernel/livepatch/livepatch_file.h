// SPDX-License-Identifier: MIT
//
// Patches that are files: extensions of this kernel (kernel/module/extension.h) with a list of
// functions and their replacements. docs/extensions.md shows how to make one.
#pragma once

#include "kernel/module/livepatch.h"

/**
 * @brief Apply the patch of a file, whose name without suffix is the patch's. If it is loaded
 * already, the file is not read again.
 * @param file A path, or the bare name of a file in MODULE_FOLDER.
 * @return As livepatch_apply(); E_NOTSUP: a replacement was not compared with the function of this
 *     kernel; errors of loader_load() and of reading the file.
 * @context{thread, may sleep}
 */
enum status livepatch_load(const char *file, struct loader_error *err);

/**
 * @brief Undo the patch of a file, if it is applied, and free its code.
 * @return OK; E_NOENT: no such file is loaded; E_BUSY: it is undone, but a thread may be inside its
 *     code, which stays until this is called again. @context{thread, may sleep}
 */
enum status livepatch_unload(const char *name, struct loader_error *err);

/** @brief Call visit() for the files whose patches were undone, and then for each applied patch, of
 *     which later ones count more. No file is unloaded meanwhile. @context{thread, may sleep} */
void livepatch_visit(void (*visit)(const struct livepatch_info *info, bool is_applied));
