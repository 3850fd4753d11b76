// SPDX-License-Identifier: MIT
//
// The part of a C library that the workloads need, for native programs.
#pragma once

#include "halyard.h"

#define printf          hy_printf
#define stderr          2
#define fputs(text, to) ((void)hy_dprintf(to, "%s", text))
