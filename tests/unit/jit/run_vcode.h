// SPDX-License-Identifier: MIT
//
// Executes an allocated function with arbitrary values: compares the value in each operand's
// location with that of its virtual register on the path taken. An independent check of
// allocations beside vcode_check(), which it also tests: its objections are always right, but it
// sees only the paths that it takes.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/** @brief Execute a path of at most `steps` instructions, chosen by `seed` (not 0).
 * @return VREG_NONE: no error on it; otherwise the instruction with an error. */
uint32_t run_vcode(const struct vcode *v, const struct vregisters *r, uint32_t seed,
                   uint32_t steps);
