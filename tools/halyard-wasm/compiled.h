// SPDX-License-Identifier: MIT
//
// The compiled engine on this computer.
#pragma once

#include "kernel/wasm/run/wasm_compiled.h"

/** Complete after compiled_begin(). */
extern struct wasm_compiled_options compiled_options;

/**
 * @brief Make this thread one that compiled code can run on: signals that a row explains end it.
 * @param stack_limit  Address below which host functions are refused.
 */
void compiled_begin(uint64_t stack_limit);

/** @brief Have a signal end what runs on the thread that gets it, if its store was stopped. */
void compiled_stop_on(int number);
