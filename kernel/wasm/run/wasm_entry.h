// SPDX-License-Identifier: MIT
//
// The functions of a WASI module that are called from outside. WASI's application ABI has commands,
// which export _start, and reactors, which export _initialize; that runs before any other export.
#pragma once

#include "kernel/wasm/run/instance.h"

struct wasm_entry {
    struct wasm_extern function;
    struct wasm_extern initialize; /* valid if has_initialize: to be called first, once */
    bool has_initialize;
};

/**
 * @brief Find the function to call.
 * @param name  An export, of any type; NULL: _start.
 * @param err Receives the reason, without an offset.
 * @return OK; E_UNRESOLVED: no such function is exported, or the module is a command and a reactor
 * at once, or a function that is called without arguments (_start by default, _initialize) has
 * parameters or results. @context{thread}
 */
enum status wasm_entry_find(const struct wasm_instance *i, const char *name, struct wasm_entry *out,
                            struct wasm_error *err);
