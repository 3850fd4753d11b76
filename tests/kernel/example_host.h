// SPDX-License-Identifier: MIT
//
// A host interface beside WASI: the worked example of docs/jit.md. Used in the guest and on the
// host, for compiled code and for the interpreter.
#pragma once

#include "kernel/wasm/run/instance.h"

/** The state that the host functions work on: one for each program. */
struct example_log {
    uint32_t lines;
    char last[64];
};

extern const struct wasm_host_module example_host;

/** @brief Link a program with the host functions and let it call each of them.
 * @param s  An empty store.
 * @return NULL, or a description of the failure. @context{thread that runs code of the store} */
const char *example_host_try(struct wasm_store *s);
