// SPDX-License-Identifier: MIT
//
// Bytecode programs: compiled in the kernel, from the formats that boot/ installs, and run
// like any other program. Part of the loader; the rest of the kernel uses loader.h.
#pragma once

#include "kernel/load/loader.h"

struct bytecode_format;

/** @brief Whether the bytes claim to be a bytecode program. @context{any} */
bool bytecode_is(const void *bytes, size_t len);

/** @brief Initialise the list of bytecode programs. @context{thread, once} */
void bytecode_init(const struct bytecode_format *const *all_formats);

/**
 * @brief Start one, as loader_start() does.
 * @param path For messages.
 * @param bytes  A heap block; ownership passes, also on failure. @pre bytecode_is()
 * @context{thread, may sleep}
 */
enum status bytecode_start(const char *path, void *bytes, size_t len,
                           const struct load_options *options, struct program **out,
                           struct loader_error *err);
