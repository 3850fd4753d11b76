// SPDX-License-Identifier: MIT
//
// The engine that interprets the intermediate representation of WebAssembly functions. Compiled
// code is compared with it, and it runs modules that the compiler does not support.
#pragma once

#include "kernel/jit/code.h"
#include "kernel/wasm/run/instance.h"

/** Maximum depth of calls. Compiled code cannot exceed it either: each call has a record on the
 * stack, which has one mebibyte. */
#define WASM_INTERPRETER_CALLS (((uint32_t)1 << 20) / JIT_RECORD_BYTES)

struct wasm_interpreter_options {
    /* Limit for the frames of a call from outside together with all calls inside it. The store's
     * budget limits them, too. */
    size_t stack_bytes;
    size_t arena_bytes; /* for the representation of one module */
    bool verify;        /* verify each function that the front-end or a pass has built */
    bool optimise;      /* run the passes first: their results must compute the same */
    /* called now and then, where the interpreter holds nothing; may sleep. NULL: nothing to call */
    void (*pause)(void);
};

/** Options: struct wasm_interpreter_options. */
extern const struct wasm_engine wasm_interpreter;
