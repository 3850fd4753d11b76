// SPDX-License-Identifier: MIT
//
// What compiled WebAssembly code may access, as input for the verifier of machine code.
#pragma once

#include "kernel/jit/verify/verify.h"
#include "kernel/wasm/run/instance.h"

/**
 * @brief Describe what the code of a module may access.
 * @param pads  Indirect calls land on landing pads.
 * @return the shape, in the arena; NULL: no memory. @context{thread}
 */
const struct verify_shape *wasm_shape_of_module(struct arena *a, const struct wasm_module *m,
                                                bool pads);

/** @brief Describe what the adapter of host functions with a signature may access. @param
 * is_direct  Of the fast kind. @return as above. @context{thread} */
const struct verify_shape *wasm_shape_of_adapter(struct arena *a, const struct wasm_signature *s,
                                                 bool is_direct, bool pads);
