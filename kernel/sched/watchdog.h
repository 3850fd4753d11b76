// SPDX-License-Identifier: MIT
//
// Periodic checks of each CPU: does a thread keep others from running, and does the next CPU still
// take interrupts? Reports are warnings in the log; nothing is stopped. With one CPU, code that
// runs with interrupts masked is not checked before it enables them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * @brief Start checking this CPU, and from it the next one that is checked.
 *
 * From the boot CPU, a wait for a mutex that lasts this long is reported, once, with the holder's
 * call chain. In debug builds, a spinlock held this long with interrupts enabled is reported, too.
 * The next CPU is reported if it has made no check for that long, by its own limit, with its
 * current activity; the CPU after it is then checked from here as well.
 * @param limit_ns Report a thread that has had the CPU for this long, never switched out, while
 *     another waits for it (that one has a lower priority, or preemption is off).
 *     WATCHDOG_LOOKS checks in a row have to find it so, so that a machine that stopped itself
 *     is not reported. 0: stop checking.
 * @context{any; the thread stays on this CPU}
 */
void watchdog_start(uint64_t limit_ns);

#define WATCHDOG_LOOKS 5u

/** @brief The same with the boot CPU's limit. @context{any; the thread stays on this CPU} */
void watchdog_follow(void);

/** @brief Number of checks by the boot CPU so far. @context{any} */
uint64_t watchdog_checks(void);

/** @brief Number of reports so far, by all CPUs. @context{any} */
uint64_t watchdog_reports(void);
