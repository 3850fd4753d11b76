// SPDX-License-Identifier: MIT
//
// A walk through every allocation of something that the kernel does. In debug builds:
// kernel/debug/fault_injection.h.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stdint.h>

/** Once, whatever fails. What it took it gives back. */
typedef void failure_scenario_t(void);

/**
 * @brief Do it again and again, each time with another allocation that fails, alone and then with
 * all that follow, until it goes through without. After each nothing more is in use than before.
 * @return how many points that were.
 * @context{thread; one at a time}
 */
uint64_t failures_walk_any(failure_scenario_t *scenario);

/** @brief The same, of what has such points: none at all fails the running test. */
void failures_walk(failure_scenario_t *scenario);

/** @brief What fails while memory does, fails for want of it: OK or E_NOMEM. @return is it OK? */
bool failures_succeeds(enum status s);

/** @brief How many points were walked since the boot. */
uint64_t failures_walked(void);
