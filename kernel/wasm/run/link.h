// SPDX-License-Identifier: MIT
//
// Finds a module's imports and checks their types.
#pragma once

#include "kernel/wasm/run/instance.h"

/**
 * @brief Decide which host functions a module's code will call directly (IR_CALLEE_HOST): those of
 * the fast kind that its imports refer to now. Must precede building the functions.
 * @context{thread}
 */
void wasm_bind_hosts(const struct wasm_store *s, struct wasm_module *m);

/** @brief Whether wasm_bind_hosts() chose an imported function. @context{any} */
static inline bool wasm_calls_host(const struct wasm_module *m, uint32_t function)
{
    return m->ir.callees[WASM_HELPER_COUNT + function].kind == IR_CALLEE_HOST;
}

/**
 * @brief Resolve the imports of an instance that is being created.
 * @return OK; E_UNRESOLVED, E_NOMEM, with the reason in err. Adapters of host functions stay in the
 * store. @context{thread}
 */
enum status wasm_link(struct wasm_instance *i, struct wasm_error *err);
