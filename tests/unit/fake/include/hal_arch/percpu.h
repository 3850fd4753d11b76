// SPDX-License-Identifier: MIT
//
// Per-CPU data of the fake machine.
#pragma once

#include <stdbool.h>

struct hal_cpu_arch {
    bool irqs_enabled; /* the interrupt mask of hal_arch/cpu.h */
};
