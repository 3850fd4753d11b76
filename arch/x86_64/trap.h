// SPDX-License-Identifier: MIT
//
// The functions that vectors.S calls, and what this machine's files share about faults.
#pragma once

#include "hal/trap.h"
#include "hal_arch/frame.h"

enum trap_vector {
    VECTOR_DIVIDE = 0,
    VECTOR_DEBUG = 1,
    VECTOR_NMI = 2,
    VECTOR_BREAKPOINT = 3,
    VECTOR_OVERFLOW = 4,
    VECTOR_BOUND = 5,
    VECTOR_ILLEGAL = 6,
    VECTOR_NO_FPU = 7,
    VECTOR_DOUBLE = 8,
    VECTOR_TSS = 10,
    VECTOR_SEGMENT = 11,
    VECTOR_STACK = 12,
    VECTOR_PROTECTION = 13,
    VECTOR_PAGE = 14,
    VECTOR_X87 = 16,
    VECTOR_ALIGNMENT = 17,
    VECTOR_MACHINE = 18,
    VECTOR_SIMD = 19,
    VECTOR_CONTROL = 21,
};

/* Error code of a page fault: SDM volume 3A, 4.7. */
#define PF_PRESENT  (1u << 0)
#define PF_WRITE    (1u << 1)
#define PF_RESERVED (1u << 3)
#define PF_FETCH    (1u << 4)

/**
 * @brief Choose the stack for handling a fault or interrupt that did not interrupt the running
 * thread's stack, or left too little room on it.
 * @param frame  On the interrupt stack, complete.
 * @return `frame`, or a copy of it on the interrupted stack.
 */
struct hal_frame *trap_choose_stack(struct hal_frame *frame);

/** @brief Handle exception frame->vector; afterwards the frame's contents are resumed. */
void trap_handle(struct hal_frame *frame);

/** A breakpoint instruction and a return: vectors.S. */
void trap_breakpoint(void);
