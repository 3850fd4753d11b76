// SPDX-License-Identifier: MIT
//
// Common parts of starting native and bytecode programs.
#pragma once

#include "kernel/load/loader.h"
#include "kernel/program/program.h"

/** @brief Copy argv and the environment for a program, in one heap block: argv's pointers with NULL
 * at the end, then the environment's in the same way, then the strings. @return argv; NULL: no
 * memory. @context{thread} */
char **start_copy_arguments(const struct load_options *options);

/** @brief Set a program's files, folder and limits. @pre No thread of it runs yet.
 *     @context{thread} */
void start_prepare(struct program *p, const struct load_options *options);

/**
 * @brief End a program that never ran or was refused. When this returns nothing of it is left.
 * @return s. @context{thread, may sleep}
 */
enum status start_abandon(struct program *p, enum status s);

/** @brief Load and start a native program: loader_start() for bytes. @context{thread, may sleep} */
enum status native_start(const char *path, const void *bytes, size_t len,
                         const struct load_options *options, struct program **out,
                         struct loader_error *err);
