// SPDX-License-Identifier: MIT
//
// Compiled WebAssembly in the kernel without a program around it: for tests of the compiler and for
// benchmarks.
#pragma once

#include "kernel/jit/wasm_compiled.h"

/** For wasm_store_open() of wasm_compiled, while wasm_bed_run() runs. */
extern struct wasm_compiled_options wasm_bed_options;

/**
 * @brief Run fn(arg) on a thread that compiled code can run on: floating point, a stack that grows,
 * traps of the stores that it opens. One at a time.
 * @return false: there is no such thread. @context{thread, may sleep}
 */
bool wasm_bed_run(void (*fn)(void *arg), void *arg);

/** @brief Have faults of a program's threads in the code be explained, besides running there.
 * @param p  NULL: of threads without a program, as it is at first. @context{thread, while
 * wasm_bed_run() runs and no code does} */
void wasm_bed_let_trap(struct program *p);

/** @brief Pages of code that are not given back. @context{thread} */
size_t wasm_bed_pages(void);
