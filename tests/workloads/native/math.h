// SPDX-License-Identifier: MIT
//
// The part of a C library that the workloads need, for native programs.
#pragma once

#include "halyard.h"

#define sqrt __builtin_sqrt
#define fabs __builtin_fabs
