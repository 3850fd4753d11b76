// SPDX-License-Identifier: MIT
//
// What the files of the compiled engine share.
#pragma once

#include "kernel/jit/code/code_builder.h"
#include "kernel/jit/wasm_compiled.h"

struct compiled_module {
    struct wasm_code code;
    struct code_piece piece;
};

/** Code through which one kind of host function is called. */
struct adapter {
    struct code_piece piece;
    struct wasm_signature key;
    bool is_direct;
    struct adapter *next;
    uint8_t types[];
};

/** The engine's state of a store. */
struct compiler {
    struct wasm_compiled_options options;
    struct code_map map;
    struct adapter *adapters;
    struct verify_error refusal;    /* of the last adapter that the verifier refused */
    const struct wasm_store *store; /* what runs last ran in it */
};

/** @brief The engine's adapt(). */
enum status compiled_adapt(void *state, struct wasm_host *h);
void compiled_free_adapters(struct compiler *c);
