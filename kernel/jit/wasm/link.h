// SPDX-License-Identifier: MIT
//
// Finding what a module imports, and whether it is of the type that the module wants.
#pragma once

#include "kernel/jit/wasm/instance.h"

/**
 * @brief Fill the imports of an instance that is being made.
 * @return OK; E_UNRESOLVED, E_NOMEM, with the reason in err. Adapters of host functions stay in the
 * store. @context{thread}
 */
enum status wasm_link(struct wasm_instance *i, struct wasm_error *err);
