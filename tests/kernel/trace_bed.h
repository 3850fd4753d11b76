// SPDX-License-Identifier: MIT
//
// Turns the trace on for a test that traces functions, and off again.
#pragma once

#include <stdbool.h>

/** @brief Turn the trace on, with memory for calls. @return false: it was on already; the test
 * is then skipped. @context{thread} */
bool trace_bed_begin(void);

/** @brief Turn it off, and free the memory for calls that no thread has got. @context{thread} */
void trace_bed_end(void);
