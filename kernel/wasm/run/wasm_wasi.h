// SPDX-License-Identifier: MIT
//
// WASI as a host module: connects the imports of WebAssembly modules from "wasi_snapshot_preview1"
// with the functions of kernel/wasi/wasi.h.
#pragma once

#include "kernel/wasi/wasi.h"
#include "kernel/wasm/run/instance.h"

struct wasm_wasi;

/**
 * @brief Let the store's modules import WASI's calls, for the program of `w`.
 * @param out  Must live longer than the store.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status wasm_wasi_add(struct wasm_store *s, struct wasi *w, struct wasm_wasi **out);

/** @brief Free it, after the store is closed. NULL does nothing. @context{thread} */
void wasm_wasi_free(struct wasm_wasi *b);
