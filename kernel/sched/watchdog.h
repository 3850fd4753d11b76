// SPDX-License-Identifier: MIT
//
// A look at each CPU from time to time: does a thread keep others from running? Reports are
// warnings in the log, with the call chain of what was found; nothing is stopped. What runs with
// interrupts masked is not looked at before it lets them in.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * @brief Begin to look at this CPU.
 * @param limit_ns  Report a thread that has had the CPU for so long, never switched out, while
 * another waits for it: that one is of lower priority, or preemption is off. It is found so at
 * WATCHDOG_LOOKS looks in a row: a machine that stood still itself is not taken for it. 0: look no
 * more.
 * @context{thread, preemption off or one CPU}
 */
void watchdog_start(uint64_t limit_ns);

#define WATCHDOG_LOOKS 5u

/** @brief Reports so far, of all CPUs. @context{any} */
uint64_t watchdog_reports(void);
