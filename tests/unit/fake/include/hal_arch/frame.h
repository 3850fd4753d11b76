// SPDX-License-Identifier: MIT
//
// The registers that a fault or interrupt of the fake machine saves. Tests fill them in.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hal_frame {
    uintptr_t pc, sp, fp;
    uintptr_t argument; /* of the call that hal_frame_set_call() sets up */
    uintptr_t caller;
    bool irqs_enabled;
};
