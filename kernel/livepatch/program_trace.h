// SPDX-License-Identifier: MIT
//
// The calls of traced functions of programs. Such a function reports when it begins and ends; each
// call becomes a record (TRACE_CALL), in which a number that is no address of code stands for it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACED_DEPTH 64u /* calls of a program inside each other; those within are not recorded */

struct traced_call {
    uintptr_t frame; /* tells calls apart: those within are lower on the stack */
    uint32_t event;
    uint64_t begin;
};

/** The calls of a program's thread that have not ended, outermost first. A trap or an exception may
 * have ended some of them. */
struct traced_calls {
    uint64_t what; /* of their records: the program has one thread */
    struct traced_call *last;
    struct traced_call calls[1 + TRACED_DEPTH]; /* the first one is above all frames: no call */
};

/** @brief Begin with no calls. @param thread  Number of the program's thread. @context{any} */
void traced_calls_init(struct traced_calls *calls, uint32_t thread);

/** @brief The event of a function's begin. The same function has the same one again.
 * @return UINT32_MAX: too many functions since the kernel
 * started. @context{thread, one at a time} */
uint32_t traced_number(uint32_t program, uint32_t function, const char *name);

/** @brief A call begins or ends. @param calls  The program's struct traced_calls.
 * @param event  Any number is harmless. @return 0. @context{thread of the program} */
uint64_t traced_event(void *calls, uint32_t event);

/** @brief What stands for the function in its records. @context{any} */
uint64_t traced_id(uint32_t event);

/** @brief The function that an id stands for, as "3:step". @return NULL: none of a program.
 * @context{any} */
const char *traced_name(uint64_t id);
