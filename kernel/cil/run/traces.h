// SPDX-License-Identifier: MIT
//
// The trace of the exception that has ended a program. The native methods of traces.c are in
// natives.h.
#pragma once

#include "kernel/cil/run/runtime.h"

/**
 * @brief The way of the exception: where it was thrown, then the calls that it has left.
 * @param r Ended by CIL_THROWN, in a program that catches exceptions. In others an exception ends
 * the program where it is thrown, and code_map.trace has the frames.
 * @return number of frames written to out; their methods exist. @context{thread}
 */
uint32_t cil_thrown_trace(const struct cil_runtime *r, struct cil_pass *out, uint32_t max);
