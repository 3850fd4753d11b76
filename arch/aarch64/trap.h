// SPDX-License-Identifier: MIT
//
// The interface between vectors.S and trap.c, and for
// code that stops the machine before there is a kernel.
#pragma once

#include "hal/trap.h"
#include "hal_arch/frame.h"

/* fault.vector for faults without a syndrome: this plus
 * the vector's number, above every exception class. */
#define NO_SYNDROME 0x40u

/* Called by vectors.S with all of DAIF masked, on the interrupted
 * stack except for trap_fiq() and trap_overflow(). */
void trap_sync(struct hal_frame *frame, uint64_t esr, uint64_t far);
void trap_fiq(struct hal_frame *frame);
void trap_serror(struct hal_frame *frame, uint64_t esr);
void trap_bad(struct hal_frame *frame, uint64_t number, uint64_t esr);
void trap_overflow(struct hal_frame *frame, uint64_t esr, uint64_t far);

/* Defined in vectors.S. */
extern char vectors[];
void trap_breakpoint(void);
extern char trap_breakpoint_insn[];
