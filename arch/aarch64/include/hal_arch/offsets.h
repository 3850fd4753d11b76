// SPDX-License-Identifier: MIT
//
// Numbers that assembly shares with C. trap.c asserts that each matches its struct.
#pragma once

/* struct hal_frame */
#define FRAME_SIZE   288
#define FRAME_X(n)   (8 * (n))
#define FRAME_SP     248
#define FRAME_PC     256
#define FRAME_PSTATE 264
#define FRAME_RECORD 272

/* struct hal_cpu */
#define CPU_CURRENT        24
#define CPU_MAGAZINES      48
#define CPU_OVERFLOW_STACK 7472
#define CPU_SCRATCH_X1     7480
#define CPU_OVERFLOW_SP    7488
#define CPU_OVERFLOW_KIND  7496
#define CPU_FIQ_STACK      7504

/* struct hal_magazine */
#define MAGAZINE_TOP   0
#define MAGAZINE_END   8
#define MAGAZINE_SHIFT 8 /* of HAL_MAGAZINE(), to its offset */

/* struct hal_context, at which a thread begins */
#define CONTEXT_STACK_LO 8
#define CONTEXT_STACK_HI 16

/*
 * How much of a stack must be left to handle an exception on it, frame included. If the bit that is
 * set in every address of a stack (hal/context.h) is clear that far down, there is no room.
 */
#define STACK_ROOM 4096
#define STACK_BIT  15

/* Of the block with a CPU's stacks for exceptions, the top is for FIQs, the rest for overflows. */
#define FIQ_STACK_SIZE 12288

/* Number of the vector in the table. 4 to 7 are the ones in use (EL1, SP_EL1). */
#define VECTOR_SYNC   4
#define VECTOR_IRQ    5
#define VECTOR_FIQ    6
#define VECTOR_SERROR 7

/* The early console until the device tree's address is known: the PL011 of QEMU's virt machine. */
#define CONSOLE_ON_VIRT  0x09000000
#define CONSOLE_FLAGS    0x18
#define CONSOLE_FULL_BIT 5

/* struct early_switch: passed by early.c to the code that turns the MMU on */
#define SWITCH_TTBR0     0
#define SWITCH_TTBR1     8
#define SWITCH_TCR       16
#define SWITCH_MAIR      24
#define SWITCH_SCTLR     32
#define SWITCH_DIRTY     40 /* first byte written while the caches were off */
#define SWITCH_DIRTY_END 48
#define SWITCH_VECTORS   56
#define SWITCH_CPU       64
#define SWITCH_STACK     72
#define SWITCH_TARGET    80
#define SWITCH_SIZE      88

/* struct hal_stub, and the code of each; struct hal_calls and hal_call */
#define STUBS         64
#define STUB_BYTES    8
#define STUB_SHIFT    4 /* of a number, to its struct */
#define STUB_FUNCTION 8
#define CONTEXT_CALLS 24 /* in struct hal_context */
#define CALLS_FIRST   8
#define CALLS_SIZE    512
#define CALL_SIZE     32
#define CALL_SLOT     0
#define CALL_BACK     8
#define CALL_FUNCTION 16
#define CALL_BEGIN    24
