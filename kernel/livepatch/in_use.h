// SPDX-License-Identifier: MIT
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * @brief Whether a thread may be inside this code: running it, or to return to it. Any word of a
 * stack may be a return address, so the answer may be yes without need.
 * @pre No new call of the code begins.
 * @context{thread, may sleep}
 */
bool code_is_in_use(uintptr_t lo, uintptr_t hi);
