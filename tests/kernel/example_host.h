// SPDX-License-Identifier: MIT
//
// A host interface beside WASI: the worked example of docs/jit.md. In the guest and on the host,
// for compiled code and for the interpreter.
#pragma once

#include "kernel/jit/wasm/instance.h"

/** What the functions work on: the host's own, one a program. */
struct example_log {
    uint32_t lines;
    char last[64];
};

extern const struct wasm_host_module example_host;

/** @brief Link a program with it, and have it call everything. @param s  An empty store.
 * @return NULL, or what went wrong. @context{thread that runs code of the store} */
const char *example_host_try(struct wasm_store *s);
