// SPDX-License-Identifier: MIT
//
// What modules can reach of each other and of the host: calls through a table that they share, and
// nothing but what their imports name. In the guest and on the host, for compiled code and for the
// interpreter.
#pragma once

#include "kernel/jit/wasm/instance.h"

/** @brief Two modules with the same types by other numbers, and one table, call each other.
 * @param s  An empty store.
 * @return NULL, or what went wrong. @context{thread that runs code of the store} */
const char *linked_types_try(struct wasm_store *s);

/** @brief A module beside others, and beside a host that offers more than it imports, tries what
 * it can. @param s  An empty store. @return likewise. @context{likewise} */
const char *linked_reach_try(struct wasm_store *s);

/** @brief Imports of what is not there, is not exported or is of another type. @param s  An empty
 * store. @return likewise. @context{likewise} */
const char *linked_refusals_try(struct wasm_store *s);
