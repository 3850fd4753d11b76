// SPDX-License-Identifier: MIT
//
// Fast validation of common bodies.
#pragma once

#include "kernel/wasm/front/wasm.h"

/**
 * @brief Validate a body, if it is a common one. @param a  The list of callees is allocated here.
 * @return false: it may be valid or not, or memory is short, and the builder has to decide.
 * @context{thread}
 */
bool wasm_validate_quickly(const struct wasm_module *m, uint32_t function, struct arena *a,
                           struct wasm_facts *out);
