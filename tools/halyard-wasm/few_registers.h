// SPDX-License-Identifier: MIT
//
// Register sets so small that nearly everything spills.
#pragma once

#include "kernel/jit/codegen/vcode.h"

/** The four lowest allocatable registers of each class. */
static inline struct vlimits few_registers(const struct vregisters *r)
{
    struct vlimits l = {.allowed = {0}};
    for (unsigned class = 0; class < VCLASS_COUNT; class ++) {
        uint32_t left = r->allocatable[class];
        for (unsigned n = 0; n < 4 && left != 0; n++, left &= left - 1) {
            l.allowed[class] |= left & (0 - left);
        }
    }
    return l;
}
