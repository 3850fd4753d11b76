// SPDX-License-Identifier: MIT
//
// Data of the entry code for each CPU; part of struct hal_cpu, to which TPIDR_EL1 points. vectors.S
// uses the offsets in offsets.h.
#pragma once

#include "hal/types.h"

/* Field protection:  [I] set before the CPU takes exceptions   [v] vectors.S: between an overflow
 * and its report; scratch_x1 while all exceptions are masked */
struct hal_cpu_arch {
    uintptr_t overflow_stack; /* [I] end of the stack for handling stack overflows */
    uint64_t scratch_x1;      /* [v] */
    uint64_t overflow_sp;     /* [v] the stack pointer that ran out */
    uint64_t overflow_kind;   /* [v] the vector that noticed */
    uintptr_t fiq_stack;      /* [I] end of the stack for FIQs; 0: none yet */
    bool in_overflow;         /* trap.c: the overflow stack is in use */
    struct vm_range *stacks;  /* [I] memory of these two stacks; NULL: in the image */
};
