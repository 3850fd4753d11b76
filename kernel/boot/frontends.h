// SPDX-License-Identifier: MIT
//
// The formats of this kernel, for main.c, which installs them.
#pragma once

#include "kernel/load/loader.h"

extern const struct front_end *const loader_front_ends[];
extern const struct load_formats loader_formats;
