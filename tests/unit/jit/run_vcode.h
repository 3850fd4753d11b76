// SPDX-License-Identifier: MIT
//
// An allocated function run with values of no meaning: what an operand finds in its location is
// compared with what the operand's virtual register is on the way that was taken. A second judge of
// allocations besides vcode_check(), which it is used to test: it is never wrong when it objects,
// but sees only the ways that it takes.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/** @brief Take a way of at most `steps` instructions, chosen by `seed` (not 0).
 * @return VREG_NONE: nothing was wrong on it; else the instruction at which something was. */
uint32_t run_vcode(const struct vcode *v, const struct vregisters *r, uint32_t seed,
                   uint32_t steps);
