// SPDX-License-Identifier: MIT
//
// The engine that compiles WebAssembly modules to machine code and runs it. Its map (code_map.h)
// handles faults in the code and names its addresses.
#pragma once

#include "kernel/jit/code/code_map.h"
#include "kernel/jit/compile.h"
#include "kernel/wasm/run/instance.h"

struct jit_crew;

struct wasm_compiled_options {
    const struct jit_machine *machine;
    struct jit_options jit;
    const struct code_space *space;
    size_t arena_bytes; /* for each function in turn */
    uint8_t fill;       /* byte between functions; repeated, it must be a trapping instruction */
    /* an address: host functions trap if the stack pointer is below it; 0: no limit */
    uint64_t stack_limit;
    bool lazy;             /* compile functions when they are called for the first time */
    struct jit_crew *crew; /* compiles all functions, if not lazy; NULL: one thread does */
    struct code_map **(*running)(void); /* as struct code_map's */
};

/** Options: struct wasm_compiled_options. Machine,
 * space and running must live as long as the store. */
extern const struct wasm_engine wasm_compiled;

/** @brief The code of a module's functions, or of their stubs. @context{thread, while the code is
 * referenced} */
const struct code_piece *wasm_compiled_piece(const struct wasm_code *code);

/**
 * @brief The code of a function that is not imported. @param piece  Contains it.
 * @return NULL: it has none yet. @context{as above}
 */
const struct code_function *wasm_compiled_function(const struct wasm_code *code, uint32_t function,
                                                   const struct code_piece **piece);
