// SPDX-License-Identifier: MIT
//
// WebAssembly with WASI as a format of portable programs.
#pragma once

#include "kernel/wasm/run/instance.h"

struct bytecode_format;
struct bytecode_program;
extern const struct bytecode_format wasm_format;

/** Limits of the memory that the kernel keeps for a module. */
#define WASM_PROGRAM_ELEMENTS (1u << 22) /* elements in all tables of a program together */
/* bytes: data structures of a module, and of one function in turn */
#define WASM_PROGRAM_ARENA ((size_t)256 << 20)

struct inspection;

/** @brief As bytecode_format.inspect(). wasm_inspect.c */
enum status wasm_inspect(const struct inspection *i, const void *bytes, size_t len);

/** @brief End a program because a thread of it trapped, or did not catch an exception. If nothing
 * had ended it before, print the reason, and where. wasm_report.c @context{thread} */
void wasm_end_by_trap(struct bytecode_program *p, const struct wasm_stop *stop);

/** @brief Programs that are interpreted use this engine from now on: wasm_interpreter, which is not
 * in the image. @context{thread} */
void wasm_program_set_interpreter(const struct wasm_engine *engine);

/** @brief The code of a program that is listed, and the store that it runs in.
 * @context{bytecode_visit()} */
struct wasm_code *wasm_program_code(const struct bytecode_program *p, struct wasm_store **store);
