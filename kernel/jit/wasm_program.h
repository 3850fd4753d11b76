// SPDX-License-Identifier: MIT
//
// WebAssembly with WASI as a format of portable programs.
#pragma once

#include "kernel/jit/wasm/instance.h"

struct portable_format;
extern const struct portable_format wasm_format;

/** Limits of what a module may make the kernel keep. */
#define WASM_PROGRAM_ELEMENTS (1u << 22)          /* in all tables of a program together */
#define WASM_PROGRAM_ARENA    ((size_t)256 << 20) /* bytes: books of a module, and one function */

struct inspection;

/** @brief As portable_format.inspect(). wasm_inspect.c */
enum status wasm_inspect(const struct inspection *i, const void *bytes, size_t len);

/** @brief Print what ended a program: the trap and where. wasm_report.c @context{thread} */
void wasm_report(const char *program, const struct wasm_stop *stop);
