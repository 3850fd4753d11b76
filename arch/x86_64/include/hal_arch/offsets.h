// SPDX-License-Identifier: MIT
//
// Numbers that assembly shares with C. trap.c asserts that each matches its struct.
#pragma once

/* struct hal_frame */
#define FRAME_VECTOR 136
#define FRAME_RIP    152
#define FRAME_SIZE   192

/* struct hal_cpu */
#define CPU_PREEMPT_OFF 8
#define CPU_CURRENT     24
#define CPU_MAGAZINES   48
#define CPU_STACK_BASE  7472

/* struct hal_magazine */
#define MAGAZINE_TOP 0
#define MAGAZINE_END 8

/* hal/context.h's HAL_STACK_SIZE */
#define STACK_SIZE 0x8000

/*
 * Bytes that must be left below the stack pointer to handle a fault or an interrupt there. With
 * less a fault is reported as a stack overflow, and an interrupt is handled on IST_IRQ.
 */
#define STACK_ROOM 4096

/* Segment selectors. */
#define SEL_CODE   0x08
#define SEL_DATA   0x10
#define SEL_TSS    0x18
#define SEL_CODE32 0x18 /* in boot_gdt only */

/* The interrupt stacks of enum ist (percpu.h): their
 * number, and the size of a guard page plus a stack. */
#define IST_STACKS     5
#define IST_STACK_SPAN 0x4000

/* struct hal_stub, and the code of each; struct hal_calls and hal_call */
#define STUBS         64
#define STUBS_NEAR    32 /* of them; after their code are STUB_HALFWAY other bytes */
#define STUB_BYTES    4
#define STUB_HALFWAY  5
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
