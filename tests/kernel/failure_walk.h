// SPDX-License-Identifier: MIT
//
// Repeats a piece of work once for each allocation that it makes, which fails in that run. Debug
// builds only: kernel/debug/fault_injection.h.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stdint.h>

/** One run of the test's work, whichever allocation fails. It releases
 * everything that it allocates. */
typedef void failure_scenario_t(void);

/**
 * @brief Run a scenario repeatedly. In run n its n-th allocation fails, first alone
 * and then with all that follow, until a run needs fewer allocations. No run may leave
 * more memory in use than before. A share of the allocations, if the selection of tests asks for
 * one (test_walk_share()), and the first of all.
 * @return number of allocations that failed.
 * @context{thread; one at a time}
 */
uint64_t failures_walk_any(failure_scenario_t *scenario);

/** @brief The same, for a scenario that must allocate: no allocation
 * at all fails the running test. */
void failures_walk(failure_scenario_t *scenario);

/** @brief Check that a call fails only because memory does: OK or E_NOMEM. @return s == OK. */
bool failures_succeeds(enum status s);

/** @brief Number of allocations that walks have made fail since the boot. */
uint64_t failures_walked(void);
