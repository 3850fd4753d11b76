// SPDX-License-Identifier: MIT
//
// The engine that interprets the intermediate representation of WebAssembly functions: the oracle
// for compiled code, and what runs a module that the compiler does not take.
#pragma once

#include "kernel/jit/wasm/instance.h"

struct wasm_interpreter_options {
    size_t stack_bytes; /* of one call from outside, with all that it calls */
    size_t arena_bytes; /* of the representation of one module */
    bool verify;        /* check each function that the front-end or a pass built */
    bool optimise;      /* run the passes first: what they make is to compute the same */
};

/** Options: struct wasm_interpreter_options. */
extern const struct wasm_engine wasm_interpreter;
