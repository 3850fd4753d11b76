// SPDX-License-Identifier: MIT
//
// Memory that runs out at a chosen moment. A test that uses this names itself in CMakeLists.txt's
// list of sweeps, which puts the functions here between the kernel and its allocators.
#pragma once

#include <stdbool.h>

enum fake_failing { FAIL_ONCE, FAIL_FROM_THEN_ON };

/** @brief Let `n` allocations succeed (heap objects, pages, address ranges, mappings, protections,
 * threads) and refuse the next, or all that follow. */
void fake_fail_after(unsigned n, enum fake_failing how);

/** @brief Refuse none any more. @return how many were refused. */
unsigned fake_fail_stop(void);

/**
 * @brief Refuse each allocation of an operation in turn: alone, then with all that follow it. After
 * each failure the operation must work again, and leave what it found: heap objects, pages by
 * owner, address ranges, mappings. Ends the test program with a line on what was left otherwise,
 * and prints how many allocations were refused.
 * @param operation  Do and undo; false if it could not be done, which is then already undone.
 */
void fake_sweep(const char *name, bool (*operation)(void));
