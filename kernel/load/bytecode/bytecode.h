// SPDX-License-Identifier: MIT
//
// Bytecode programs: compiled in the kernel, from the formats that boot/ installs, and run
// like any other program. Part of the loader; the rest of the kernel uses loader.h.
#pragma once

#include "kernel/load/loader.h"

struct bytecode_format;
struct file_view;

/** @brief Initialise the list of bytecode programs. @param on_demand  Ends with a NULL name.
 * @context{thread, once} */
void bytecode_init(const struct bytecode_format *const *all_formats,
                   const struct load_on_demand *on_demand);

/**
 * @brief If no format recognises a file, load the extension that adds one, if there is such an
 * extension.
 * @param path For messages.
 * @return true: recognised. false: no bytecode program, or the extension cannot be loaded, and
 *     err->text says why: "" in the first case. @context{thread, may sleep}
 */
bool bytecode_find(const char *path, const void *bytes, size_t len, struct loader_error *err);

/**
 * @brief Load the extension with the interpreter of the file's format, unless it is loaded or the
 * format has none: then the format refuses to be interpreted.
 * @param err The reason on failure. @pre bytecode_find() @context{thread, may sleep}
 */
bool bytecode_find_interpreter(const char *path, const void *bytes, size_t len,
                               struct loader_error *err);

/**
 * @brief Start one, as loader_start() does.
 * @param path For messages.
 * @param file  The caller no longer closes it, even on failure. @pre bytecode_find()
 * @context{thread, may sleep}
 */
enum status bytecode_start(const char *path, const struct file_view *file,
                           const struct load_options *options, struct program **out,
                           struct loader_error *err);
