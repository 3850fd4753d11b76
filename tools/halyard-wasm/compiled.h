// SPDX-License-Identifier: MIT
//
// The compiled engine on this computer.
#pragma once

#include "kernel/wasm/run/wasm_compiled.h"

/** Complete after compiled_begin(). */
extern struct wasm_compiled_options compiled_options;
/** The same, but functions are compiled when they are first called. */
extern struct wasm_compiled_options lazy_options;
/** The same, with JIT_RELAXED_NATIVE. */
extern struct wasm_compiled_options relaxed_options;

/** Set before compiled_begin(): all options have JIT_RELAXED_NATIVE. */
extern bool compiled_relaxed_native;

/**
 * @brief Prepare this thread for compiled code: signals at an address of the fault table become
 * traps.
 * @param stack_limit  Address below which host functions are refused.
 */
void compiled_begin(uint64_t stack_limit);

/** @brief Prepare another thread, after compiled_begin(). Its stores have options of their own if
 * they limit the stack. */
void compiled_begin_thread(void);

/**
 * @brief Use this signal to end the compiled code on the thread that gets it, if its store was
 * stopped.
 */
void compiled_stop_on(int number);
