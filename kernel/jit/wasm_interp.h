// SPDX-License-Identifier: MIT
//
// The engine that interprets the intermediate representation of WebAssembly functions: the oracle
// for compiled code, and what runs a module that the compiler does not take.
#pragma once

#include "kernel/jit/code.h"
#include "kernel/jit/wasm/instance.h"

/** Calls that may be open at most. Compiled code cannot have more: each has a record on its stack,
 * which is a mebibyte. */
#define WASM_INTERPRETER_CALLS (((uint32_t)1 << 20) / JIT_RECORD_BYTES)

struct wasm_interpreter_options {
    size_t stack_bytes; /* that the frames of a call from outside may take, with all that it calls;
                           what the store's budget has not is a limit, too */
    size_t arena_bytes; /* of the representation of one module */
    bool verify;        /* check each function that the front-end or a pass built */
    bool optimise;      /* run the passes first: what they make is to compute the same */
};

/** Options: struct wasm_interpreter_options. */
extern const struct wasm_engine wasm_interpreter;
