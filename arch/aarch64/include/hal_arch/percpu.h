// SPDX-License-Identifier: MIT
//
// What the entry code keeps for each CPU; part of struct hal_cpu, which TPIDR_EL1 points at.
// vectors.S reaches the fields by the numbers in offsets.h.
#pragma once

#include "hal/types.h"

/* Field protection: [I] set before the CPU takes exceptions   [v] vectors.S: between an overflow
 * and its report; scratch_x1 while all exceptions are masked */
struct hal_cpu_arch {
    uintptr_t overflow_stack; /* [I] one past the stack that a stack overflow is handled on */
    uint64_t scratch_x1;      /* [v] */
    uint64_t overflow_sp;     /* [v] the stack pointer that ran out */
    uint64_t overflow_kind;   /* [v] which vector noticed */
    uintptr_t fiq_stack;      /* [I] one past the stack that FIQs are handled on; 0: none yet */
    bool in_overflow;         /* trap.c: the overflow stack is in use */
    struct vm_range *stacks;  /* [I] what those two lie in; NULL: the image's own */
};
