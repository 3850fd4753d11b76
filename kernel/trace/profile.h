// SPDX-License-Identifier: MIT
//
// Where the time goes: at equal distances in time, which function an interrupt found running, be it
// the kernel's, a driver's or a program's, on the CPUs in turn. What runs with interrupts masked is
// found where it lets them in again; and from where it was called. Not here: instructions
// (scripts/debug has them).
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Time between two samples, of all CPUs together: no multiple or divisor of what else happens
 * periodically. */
#define PROFILE_PERIOD_NS UINT64_C(199000)

#define PROFILE_NAME_MAX 60

/** A function: its own name, or "program!function". */
struct profile_entry {
    char name[PROFILE_NAME_MAX]; /* cut */
    uint32_t count;
};

/** @brief Begin to count, from nothing. @return OK; E_NOMEM; E_BUSY: it runs already.
 * @context{thread} */
enum status profile_start(void);

/** @brief Count no more, and forget what was counted. It does not run: does nothing.
 * @context{thread} */
void profile_stop(void);

/**
 * @brief The function that was found i-th most often. Of very many functions those that are found
 * seldom are forgotten.
 * @param total  Samples until now.
 * @return false: there are no more functions, or no profile runs. @context{thread}
 */
bool profile_get(uint32_t i, struct profile_entry *out, uint64_t *total);

/**
 * @brief A call chain that was found: "thread;outermost;...;innermost".
 * @param at   In: 0 at first. Out: where the next call goes on.
 * @param buf  Receives it, its outermost part left out if it does not fit.
 * @param len  Bytes at buf, at least PROFILE_NAME_MAX.
 * @return How often it was found; 0: there are no more, or no profile runs. @context{thread}
 */
uint32_t profile_get_stack(uint32_t *at, char *buf, size_t len);
