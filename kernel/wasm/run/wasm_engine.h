// SPDX-License-Identifier: MIT
//
// Shared by the files of the compiled engine.
#pragma once

#include "kernel/jit/code/code_builder.h"
#include "kernel/wasm/run/wasm_compiled.h"

struct compiled_module {
    struct wasm_code code;
    struct code_piece piece;
};

/** The code through which host functions of one signature are called. */
struct adapter {
    struct code_piece piece;
    struct wasm_signature key;
    bool is_direct;
    struct adapter *next;
    uint8_t types[];
};

/** The engine's state for a store. */
struct compiler {
    struct wasm_compiled_options options;
    struct code_map map;
    struct adapter *adapters;
    struct verify_error refusal;    /* about the last adapter that the verifier refused */
    const struct wasm_store *store; /* the store in which code ran last */
};

/** @brief The engine's adapt(). */
enum status compiled_adapt(void *state, struct wasm_host *h);
void compiled_free_adapters(struct compiler *c);
