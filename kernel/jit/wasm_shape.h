// SPDX-License-Identifier: MIT
//
// What compiled WebAssembly may touch, in the words of the verifier of machine code.
#pragma once

#include "kernel/jit/verify/verify.h"
#include "kernel/jit/wasm/instance.h"

/**
 * @brief What the code of a module may touch.
 * @param pads  Indirect calls land on pads.
 * @return the shape, in the arena; NULL: no memory. @context{thread}
 */
const struct verify_shape *wasm_shape_of_module(struct arena *a, const struct wasm_module *m,
                                                bool pads);

/** @brief What the adapter of host functions with a signature may touch. @param is_direct  Of the
 * fast kind. @return as above. @context{thread} */
const struct verify_shape *wasm_shape_of_adapter(struct arena *a, const struct wasm_signature *s,
                                                 bool is_direct, bool pads);
