// SPDX-License-Identifier: MIT
//
// A function of a WebAssembly module as text, at each stage of its compilation: for `jit dump` and
// for the host command.
#pragma once

#include "kernel/jit/compile.h"
#include "kernel/jit/ir_text.h"
#include "kernel/jit/wasm/wasm.h"

/**
 * @brief The function that a person means: a number, a name of the names section, or an export's.
 * @return false: there is none. @context{thread}
 */
bool wasm_find_function(const struct wasm_module *m, const char *name, uint32_t *out);

/**
 * @brief Print what the front-end built, what each pass made of it, the machine's instructions
 * before and after registers were chosen, the bytes, and what addresses in them mean.
 * @param function  One with a body.
 * @param machine   NULL: only what the front-end built.
 * @return OK; as wasm_function_build() and jit_compile(), with the reason in err.
 * @context{thread}
 */
enum status wasm_dump(const struct wasm_module *m, uint32_t function,
                      const struct jit_machine *machine, uint64_t features, ir_sink sink, void *ctx,
                      struct wasm_error *err);
