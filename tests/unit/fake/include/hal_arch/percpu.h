// SPDX-License-Identifier: MIT
//
// What the fake machine keeps for each CPU.
#pragma once

#include <stdbool.h>

struct hal_cpu_arch {
    bool irqs_enabled; /* the interrupt mask of hal_arch/cpu.h */
};
