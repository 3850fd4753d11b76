// SPDX-License-Identifier: MIT
//
// The kernel's code memory as a place for compiled code.
#pragma once

#include "kernel/jit/code_space.h"

extern const struct code_space code_kernel;
/** For code that has landing pads: indirect branches into it are checked where the CPU can. */
extern const struct code_space code_kernel_guarded;
