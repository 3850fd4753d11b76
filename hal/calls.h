// SPDX-License-Identifier: MIT
//
// Timing the calls of kernel functions. An entry (hal/text.h) leads to a stub, which notes the call
// with the thread and makes the function return to code that records the call and returns to
// the caller. The function itself keeps its registers and its stack, arguments on it included.
#pragma once

#include "hal/types.h"

#include <stdatomic.h>

#define HAL_STUBS 64u /* functions whose calls can be timed at a time */

/** What a stub needs. Its function changes only while no thread is in the code of the stubs, which
 * begins at hal_stub_address(0) and ends before hal_call_return. */
struct hal_stub {
    _Atomic vaddr_t next; /* where the call continues; relaxed: either address is right */
    vaddr_t function;
};

/** Zero until used; text_stubs.S reads it. */
extern struct hal_stub hal_stubs[HAL_STUBS];

/** @brief Address of the code of a stub, for hal_text_step(). @context{any} Pure. */
vaddr_t hal_stub_address(unsigned i);

#define HAL_CALLS_MAX 16u

/** A call that is being timed. */
struct hal_call {
    uintptr_t slot;     /* identifies the call: the stack pointer at its begin */
    uintptr_t back;     /* its return address */
    uintptr_t function; /* of struct hal_stub */
    uint64_t begin;     /* of hal_counter_read() */
};

/** Where a function that is being timed returns to: machine code, not for C to call. */
extern char hal_call_return[];

/** The calls of one thread that are being timed, innermost last (hal_context.calls). Only the
 * thread itself and its interrupts use it. An interrupt leaves it as it was, apart from unused
 * elements; so a new element is first counted, and then filled. */
struct hal_calls {
    uint64_t used; /* bytes of `calls` */
    struct hal_call calls[HAL_CALLS_MAX];
};
