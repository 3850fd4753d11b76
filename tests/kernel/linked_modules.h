// SPDX-License-Identifier: MIT
//
// What linked modules can reach of each other and of the host: calls through a shared table,
// and otherwise only what their imports name. Used in the guest and on the host, for compiled
// code and for the interpreter.
#pragma once

#include "kernel/wasm/run/instance.h"

/** @brief Two modules that share a table and number the same types differently call each other.
 * @param s  An empty store.
 * @return NULL, or a description of the failure. @context{thread that runs code of the store} */
const char *linked_types_try(struct wasm_store *s);

/** @brief A module tries to reach another module's memory and functions of the
 * host that it does not import.
 * @param s  An empty store. @return likewise. @context{likewise} */
const char *linked_reach_try(struct wasm_store *s);

/** @brief Imports that do not exist, are not exported or have another type are refused.
 * @param s  An empty store. @return likewise. @context{likewise} */
const char *linked_refusals_try(struct wasm_store *s);
