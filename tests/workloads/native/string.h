// SPDX-License-Identifier: MIT
//
// What the kernels of the workloads need of a C library, in a native program.
#pragma once

#include "halyard.h"
