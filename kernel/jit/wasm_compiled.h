// SPDX-License-Identifier: MIT
//
// The engine that compiles WebAssembly modules to the machine's code and enters it. What happens
// when that code faults, and what it is called, its map says (code_map.h).
#pragma once

#include "kernel/jit/code/code_map.h"
#include "kernel/jit/compile.h"
#include "kernel/jit/wasm/instance.h"

struct wasm_compiled_options {
    const struct jit_machine *machine;
    struct jit_options jit;
    const struct code_space *space;
    size_t arena_bytes;        /* for one function at a time */
    uint8_t fill;              /* between functions: repeated, no harmless instruction */
    bool verifies;             /* have the verifier look at all code before it can run */
    uint64_t stack_limit;      /* host functions trap when less is left: an address; 0: none */
    struct code_map **running; /* set while compiled code or what it calls runs, or NULL */
};

/** Options: struct wasm_compiled_options. Machine, space and running live as long as the store. */
extern const struct wasm_engine wasm_compiled;

/** @brief Where a module's functions are. @context{thread, while the code is held} */
const struct code_piece *wasm_compiled_piece(const struct wasm_code *code);
