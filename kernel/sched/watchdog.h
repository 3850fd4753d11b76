// SPDX-License-Identifier: MIT
//
// A look at each CPU from time to time: does a thread keep others from running, and does the next
// CPU still take interrupts? Reports are warnings in the log; nothing is stopped. With one CPU,
// what runs with interrupts masked is not looked at before it lets them in.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * @brief Begin to look at this CPU, and from it at the next one, if that is looked at, too.
 * @param limit_ns  Report a thread that has had the CPU for so long, never switched out, while
 * another waits for it: that one is of lower priority, or preemption is off. It is found so at
 * WATCHDOG_LOOKS looks in a row: a machine that stood still itself is not taken for it. 0: look no
 * more.
 * From the boot CPU, a wait for a mutex that has gone on for so long is reported, once, with the
 * call chain of who holds it. In debug builds, a spinlock that is held so long with interrupts on
 * is reported, too. The next CPU is reported if it has not looked for that long, by its own limit,
 * with what it says it is doing; and so is the one behind it then.
 * @context{any; the thread stays on this CPU}
 */
void watchdog_start(uint64_t limit_ns);

#define WATCHDOG_LOOKS 5u

/** @brief The same with the boot CPU's limit. @context{any; the thread stays on this CPU} */
void watchdog_follow(void);

/** @brief Looks of the boot CPU so far. @context{any} */
uint64_t watchdog_looks(void);

/** @brief Reports so far, of all CPUs. @context{any} */
uint64_t watchdog_reports(void);
