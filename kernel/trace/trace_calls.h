// SPDX-License-Identifier: MIT
//
// Memory for timed calls (hal/calls.h), which report/trace_control.c allocates.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TRACE_SPARE_CALLS 64u /* threads that can begin to be timed before more is allocated */

struct hal_calls;

/** Finds the name of a function of a program, which the kernel's symbols do not contain.
 * `function` is the value in its TRACE_CALL records. It returns NULL if it does not know the
 * function either. Stored with release by livepatch.ko, loaded with acquire before the call. */
extern const char *(*_Atomic trace_call_name)(uint64_t function);

/** Calls of traced functions that were not recorded since the machine started: too many inside each
 * other, or no memory for the thread. Relaxed: a count. */
extern _Atomic uint64_t trace_calls_missed;

/** @brief Whether spare number i is missing. @context{any} */
bool trace_calls_want(unsigned i);

/** @brief Keep zeroed memory of the heap as spare number i. @return the memory that was kept before
 * under this number, or NULL. @context{any} */
struct hal_calls *trace_calls_offer(unsigned i, struct hal_calls *memory);

/**
 * @brief Where a function of the running thread returns to, even if its call is being timed.
 * @param back  Its return address on the stack. @param fp  Address of its frame record.
 * @param top  Only frames below this are of interest. @return `back` if its call is not timed.
 * @context{thread, its fault handler included}
 */
uint64_t trace_call_returns(uint64_t back, uint64_t fp, uint64_t top);
