// SPDX-License-Identifier: MIT
//
// What starting a native and a portable program have in common.
#pragma once

#include "kernel/jit/loader.h"
#include "kernel/sched/program.h"

/** @brief argv as a program keeps it: pointers, NULL at the end, then the strings they point at, in
 * one heap block. @return NULL: no memory. @context{thread} */
char **start_copy_arguments(int argc, const char *const *argv);

/** @brief Give a program its files and limits. @pre No thread of it runs yet. @context{thread} */
void start_prepare(struct program *p, const struct load_options *options);

/** @brief End a program that never ran, or was refused: nothing of it is left on return.
 *  @return s. @context{thread, may sleep} */
enum status start_abandon(struct program *p, enum status s);

/** @brief Load and start a native program: loader_start() of bytes. @context{thread, may sleep} */
enum status native_start(const char *path, const void *bytes, size_t len,
                         const struct load_options *options, struct program **out,
                         struct loader_error *err);
