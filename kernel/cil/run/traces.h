// SPDX-License-Identifier: MIT
//
// The trace of the exception that has ended a program. The native methods of traces.c are in
// natives.h.
#pragma once

#include "kernel/cil/run/runtime.h"

#define CIL_THROWN_TEXT 256 /* bytes of text; a longer one is cut off */
#define CIL_INNER_MAX   8u  /* inner exceptions that a report names */

/* In all of these the program has been ended by CIL_THROWN, and `object` is r->thrown or an inner
 * exception. @context{thread} */

/**
 * @brief The way of an exception: where it was thrown, then the calls that it has left.
 * @pre The program catches exceptions. In others an exception ends the program where it is thrown,
 * and code_map.trace has the frames.
 * @return number of frames written to out; their methods exist.
 */
uint32_t cil_thrown_trace(const struct cil_runtime *r, uint32_t object, struct cil_pass *out,
                          uint32_t max);

/** @brief Its inner exception. @return 0: there is none. */
uint32_t cil_thrown_inner(const struct cil_runtime *r, uint32_t object);

/** @brief Its type, and the message that its constructor was given, printable: "N.T: text". */
void cil_thrown_text(const struct cil_runtime *r, uint32_t object, char *out, size_t len);
