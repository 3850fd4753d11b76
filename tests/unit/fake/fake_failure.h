// SPDX-License-Identifier: MIT
//
// Memory that runs out at a chosen moment. A test that uses this must be in CMakeLists.txt's list
// of sweeps, which links these functions between the kernel and its allocators.
#pragma once

#include <stdbool.h>

enum fake_failing { FAIL_ONCE, FAIL_FROM_THEN_ON };

/** @brief Let `n` allocations succeed (heap objects, pages, address ranges, mappings, protections,
 * threads) and refuse the next, or all that follow. */
void fake_fail_after(unsigned n, enum fake_failing how);

/** @brief Refuse no further allocations. @return number of refusals. */
unsigned fake_fail_stop(void);

/**
 * @brief Refuse each allocation of an operation in turn: alone, then with all that follow it. After
 * each failure the operation must work again, and must not change the memory in use: heap objects,
 * pages by owner, address ranges, mappings. Otherwise prints what leaked and ends the test program.
 * Prints the number of refused allocations.
 * @param operation  Do and undo something; false if it failed, and then leaves nothing.
 */
void fake_sweep(const char *name, bool (*operation)(void));
