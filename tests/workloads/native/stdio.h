// SPDX-License-Identifier: MIT
//
// What the kernels of the workloads need of a C library, in a native program.
#pragma once

#include "halyard.h"

#define printf          hy_printf
#define stderr          2
#define fputs(text, to) ((void)hy_dprintf(to, "%s", text))
