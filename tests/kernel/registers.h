// SPDX-License-Identifier: MIT
//
// All vector registers at once, for tests/kernel/test_registers.c. Only for a thread with
// floating point. tests/kernel/<machine>/registers.S defines them.
#pragma once

#include "hal/types.h"

/** @brief Fill every vector register: register n has seed + n in its lower half and the complement
 * in its upper one. */
void registers_fill(uint64_t seed);

/** @brief The number of halves that do not have what registers_fill() put there. */
uint64_t registers_differ(uint64_t seed);
