// SPDX-License-Identifier: MIT
//
// What is called in a WASI module from outside. WASI's application ABI knows commands, which export
// _start, and reactors, which export _initialize: that runs before any other export.
#pragma once

#include "kernel/jit/wasm/instance.h"

struct wasm_entry {
    struct wasm_extern function;
    struct wasm_extern initialize; /* set if has_initialize: to be called first, once */
    bool has_initialize;
};

/**
 * @brief Find what is to be called.
 * @param name  An export, of any type; NULL: _start.
 * @param err   Says why, without an offset.
 * @return OK; E_UNRESOLVED: no such function is exported, the module is a command and a reactor at
 * once, or a function that is called without arguments (_start by default, _initialize) has
 * parameters or results. @context{thread}
 */
enum status wasm_entry_find(const struct wasm_instance *i, const char *name, struct wasm_entry *out,
                            struct wasm_error *err);
