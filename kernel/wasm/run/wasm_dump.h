// SPDX-License-Identifier: MIT
//
// A function of a WebAssembly module as text, at each stage of its compilation: for `jit dump` and
// for the host command.
#pragma once

#include "kernel/jit/dump.h"
#include "kernel/wasm/front/wasm.h"

/** @brief Find a function by what a person types: a number, a name from the names section, or the
 * name of an export. @return false: there is none. @context{thread} */
bool wasm_find_function(const struct wasm_module *m, const char *name, uint32_t *out);

/**
 * @brief Print a function's stages, as jit_dump() does.
 * @param function  Must have a body.
 * @return OK; as wasm_function_build() and jit_compile(), with the reason in err.
 * @context{thread}
 */
enum status wasm_dump(const struct wasm_module *m, uint32_t function, const struct jit_dump *d,
                      struct wasm_error *err);
