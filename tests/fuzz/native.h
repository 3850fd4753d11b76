// SPDX-License-Identifier: MIT
//
// What the kernel has of the machine that it runs on, for targets with its loaders: AArch64, whose
// code can be placed anywhere. Nothing that was loaded runs.
#pragma once

#include <stdint.h>

extern const char jit_runtime_start[64];
