// SPDX-License-Identifier: MIT
//
// Runs compiled WebAssembly in the kernel without a program around it: for tests of the
// compiler and for benchmarks.
#pragma once

#include "kernel/wasm/run/wasm_compiled.h"

/** Read by wasm_store_open() of wasm_compiled while wasm_bed_run() runs. */
extern struct wasm_compiled_options wasm_bed_options;

/**
 * @brief Run fn(arg) on a thread that can run compiled code: with floating point, a stack that
 * grows and trap handling for the stores that it opens. One at a time.
 * @return false: the thread could not be created. @context{thread, may sleep}
 */
bool wasm_bed_run(void (*fn)(void *arg), void *arg);

/** @brief Run fn(arg) on another such thread, while wasm_bed_run() runs. The caller joins it.
 * @return NULL: it could not be created. @context{thread, may sleep} */
struct thread *wasm_bed_start(void (*fn)(void *arg), void *arg);

/** @brief Let code of the stores also run, and trap, in threads of this program.
 * @param p  NULL: in threads without a program, as at first. @context{thread, while
 * wasm_bed_run() runs and no code does} */
void wasm_bed_let_trap(struct program *p);

/** @brief Number of code pages that are not freed. @context{thread} */
size_t wasm_bed_pages(void);
