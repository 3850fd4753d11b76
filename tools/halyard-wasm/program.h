// SPDX-License-Identifier: MIT
//
// The host's side of a program that halyard-wasm runs.
#pragma once

#include "kernel/wasm/run/wasm_wasi.h"
#include "tools/halyard-wasm/tool.h"

struct program {
    struct wasi *wasi;
    struct wasm_wasi *bound;
};

/**
 * @brief Set up WASI for the modules of a store. @param out  Zeroed; close it also if this fails.
 *  @return OK, E_NOMEM, E_NOENT: a folder does not exist.
 */
enum status program_open(const struct tool *t, struct wasm_store *s, struct program *out);

/** @brief Call it after the store is closed. */
void program_close(struct program *p);

/** @return the exit status that the program has chosen, or 0; 255, and a message, if
 * it is larger. */
int program_status(const struct tool *t, const struct program *p);
