// SPDX-License-Identifier: MIT
//
// Memory for timed calls (hal/calls.h), which report/trace_control.c allocates.
#pragma once

#include <stdbool.h>

#define TRACE_SPARE_CALLS 64u /* threads that can begin to be timed before more is allocated */

struct hal_calls;

/** @brief Whether spare number i is missing. @context{any} */
bool trace_calls_want(unsigned i);

/** @brief Make zeroed memory of the heap spare number i. @return the one before, or NULL.
 * @context{any} */
struct hal_calls *trace_calls_offer(unsigned i, struct hal_calls *memory);
