// SPDX-License-Identifier: MIT
//
// A sampling profiler: at equal intervals, on the CPUs in turn, an interrupt records which function
// of the kernel, a driver or a program is running, and its callers. Code that runs with interrupts
// masked is recorded where it enables them. For single instructions use scripts/debug.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Time between two samples of all CPUs together:
 * neither a multiple nor a divisor of other periods. */
#define PROFILE_PERIOD_NS UINT64_C(199000)

#define PROFILE_NAME_MAX 60  /* bytes of a function's name, with the zero; longer ones are cut */
#define PROFILE_LINE_MAX 128 /* the same with its line */

enum profile_list {
    PROFILE_FUNCTIONS, /**< the function's own name, or "program!function" */
    PROFILE_LINES,     /**< of programs that have them: "program!function (file.c:12)" */
    PROFILE_LISTS,
};

struct profile_entry {
    char name[PROFILE_LINE_MAX];
    uint32_t count;
};

/** @brief Start counting from zero. @return OK; E_NOMEM; E_BUSY: it is running already.
 * @context{thread} */
enum status profile_start(void);

/** @brief Stop counting; the counts stay until the next start. Does nothing if none is running.
 * @context{thread} */
void profile_stop(void);

/**
 * @brief The function or line with the i-th highest count. If there are very many, those with low
 *     counts are dropped.
 * @param total Samples so far.
 * @return false: there are fewer, or no profile was started. @context{thread}
 */
bool profile_get(enum profile_list list, uint32_t i, struct profile_entry *out, uint64_t *total);

/**
 * @brief The next sampled call chain: "thread;outermost;...;innermost".
 * @param at In: 0 at first. Out: where the next call continues.
 * @param buf Receives it, without its outermost part if it does not fit.
 * @param len Bytes at buf, at least PROFILE_NAME_MAX.
 * @return Its count; 0: there are none left, or no profile was started. @context{thread}
 */
uint32_t profile_get_stack(uint32_t *at, char *buf, size_t len);
